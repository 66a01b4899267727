"""What a machine may lack: a place, a package, a home, a stream. The command says which in one line and makes nothing."""

import json
import os
import signal
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from docphim import doctor
from docphim.files import read_json
from docphim.recipe import load

MAIN = "from docphim.cli import main; main()"
WITHOUT_TORCH = (
    "import importlib.util as u; real = u.find_spec\n"
    "u.find_spec = lambda name, *a: None if name == 'torch' else real(name, *a)\n" + MAIN
)
DEMO = ("run", "demo", "--set", "source.studies=4", "--set", "source.workers=1", "--until", "ingest")


def docphim(*arguments, cwd, code=MAIN, **environment):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    env = {**os.environ, "PYTHONDEVMODE": "", **environment}
    return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=cwd, env=env)


def a_file(folder, name):
    (folder / name).write_text("no folder", encoding="utf-8")


def frozen(folder, name):
    (folder / name).mkdir()
    (folder / name).chmod(0o500)


@pytest.mark.parametrize(
    ("prepare", "key", "value", "line"),
    [
        (a_file, "data", "there", "folder_unusable: data: a file stands where a folder is to be"),
        (a_file, "runs", "there/below", "folder_unusable: runs: "),
        (frozen, "data", "there", "folder_unusable: data: no folder can be made there: what it would lie in is read-only"),
        (frozen, "runs", "there", "folder_unusable: runs: no folder can be made there: what it would lie in is read-only"),
        (None, "runs", "x" * 300, "folder_unusable: runs: a name in its path is longer than file systems take"),
        (None, "data", "/proc/docphim", "folder_unusable: data: "),
        (None, "runs", "~no-such-user/runs", "error: runs: ~ stands for a home folder, and this user has none"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_by_its_key_before_anything_is_made(tmp_path, prepare, key, value, line):
    if prepare:
        prepare(tmp_path, "there")
    before = sorted(p.name for p in tmp_path.iterdir())
    answer = docphim(*DEMO, "--set", f"{key}={value}", cwd=tmp_path)
    assert answer.stderr.startswith(line) and len(answer.stderr.splitlines()) == 1
    assert answer.returncode == (2 if line.startswith("error") else 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_run_that_was_frozen_is_not_thawed(tmp_path):
    assert docphim(*DEMO, cwd=tmp_path).returncode == 0
    home = tmp_path / "runs" / "demo"
    home.chmod(0o500)
    answer = docphim(*DEMO, cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (3, "folder_unusable: runs: the folder is read-only\n")
    assert stat.S_IMODE(home.stat().st_mode) == 0o500
    home.chmod(0o700)


def test_torch_is_missed_before_anything_is_made_and_only_where_it_is_needed(tmp_path):
    answer = docphim("run", "demo", cwd=tmp_path, code=WITHOUT_TORCH)
    assert answer.returncode == 2 and answer.stderr.startswith("error: train needs torch, not installed here: ")
    assert not list(tmp_path.iterdir())
    assert docphim(*DEMO, cwd=tmp_path, code=WITHOUT_TORCH).returncode == 0


def test_ray_is_missed_before_anything_is_made(tmp_path):
    answer = docphim(*DEMO, "--set", "workers=ray", cwd=tmp_path, code=WITHOUT_TORCH.replace("'torch'", "'ray'"))
    assert (answer.returncode, list(tmp_path.iterdir())) == (2, [])
    assert answer.stderr == "error: workers: ray needs Ray, not installed here: pip install 'docphim[ray]'\n"


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_as_under_cron_are_no_fault_and_no_file_takes_their_place(tmp_path, closed):
    arguments = " ".join(DEMO)
    line = f'"{sys.executable}" -c "{MAIN}" {arguments} {closed}'
    assert subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True).returncode == 0
    (dataset,) = (tmp_path / "data" / "phantom").iterdir()
    assert read_json(dataset / "ingest_notes.json")["studies"] == 4


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_worker_of_ingest_costs_nothing(tmp_path):
    command = [sys.executable, "-c", MAIN, *DEMO, "--set", "source.studies=24", "--set", "source.workers=2"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        parent, workers = psutil.Process(process.pid), []
        while len(workers) < 2 and process.poll() is None:
            time.sleep(0.02)
            workers = [child for child in parent.children() if is_worker(child)]
        os.kill(workers[-1].pid, signal.SIGKILL)
        assert process.wait() == 0, process.stderr.read()
    (dataset,) = (tmp_path / "data" / "phantom").iterdir()
    assert read_json(dataset / "ingest_notes.json")["studies"] == 24


def is_worker(child: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return False


def test_a_kill_while_phantoms_claim_their_folder_is_no_other_file(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / ".phantom.json.123.part").write_text("{", encoding="utf-8")
    assert docphim(*DEMO, "--set", "source.path=films", cwd=tmp_path).returncode == 0
    assert not list((tmp_path / "films").glob(".*.part"))
    (tmp_path / "other").mkdir()
    a_file(tmp_path / "other", "mine.txt")
    assert "holds other files" in docphim(*DEMO, "--set", "source.path=other", cwd=tmp_path).stderr


def test_an_error_of_the_system_is_no_fault_of_ours_and_names_no_place(tmp_path):
    code = (
        "import errno, sys\nfrom docphim import cli, doctor\n"
        "def frozen(): raise OSError(errno.EROFS, 'read-only', '/films/NGUYEN VAN PLANTED')\n"
        "doctor.examine = frozen; sys.argv = ['docphim', 'doctor']; cli.main()"
    )
    answer = docphim(cwd=tmp_path, code=code)
    assert (answer.returncode, answer.stderr) == (3, "folder_unusable: the file system is read-only\n")


def test_each_stage_says_what_it_has_left(tmp_path):
    stderr = docphim(*DEMO[:-1], "build", cwd=tmp_path).stderr
    assert "ingest: 4 studies, 4 of them matched with a report; refused: none\n" in stderr
    assert "prepare: 4 images of 4 studies; refused: none\n" in stderr
    assert "build: examples for train " in stderr


def test_doctor_checks_what_a_recipe_needs(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nsource: {kind: folder, path: ./gone}\nmodel: {family: qwen_vl, weights: ./nowhere}\nruns: there\n",
        encoding="utf-8",
    )
    a_file(tmp_path, "there")
    answer = docphim("doctor", "mine.yaml", cwd=tmp_path)
    assert answer.returncode == 0
    for words in ("weights: weights_missing: ./nowhere", "data: ", "runs folder: folder_unusable: runs: a file stands"):
        assert words in answer.stdout
    missing = next(line for line in answer.stdout.splitlines() if line.startswith("missing: "))
    assert "weights: weights_missing" in missing and "runs folder" in missing


def a_snapshot(cache, name, parameters):
    """A checkpoint in the hub's cache as the hub's client leaves it, its tensors without bytes behind their header."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc", encoding="utf-8")
    snapshot = folder / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}", encoding="utf-8")
    header = json.dumps({"w": {"dtype": "F32", "shape": [parameters], "data_offsets": [0, 0]}}).encode()
    (snapshot / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


@pytest.mark.parametrize("there", [True, False])
def test_doctor_looks_a_hub_id_up_in_the_cache_of_this_machine(tmp_path, there):
    if there:
        a_snapshot(tmp_path / "cache", "Some/Model-7B", 7_000_000)
    code = (
        f"import os; os.environ['HF_HUB_CACHE'] = {str(tmp_path / 'cache')!r}\n"
        "import socket; socket.socket.connect = None\n"
        "from docphim import cli, doctor; doctor._gpu = lambda: 'none'; cli.main()"
    )
    answer = docphim("doctor", "demo", "--json", "--set", "model.weights=Some/Model-7B", cwd=tmp_path, code=code)
    needs = json.loads(answer.stdout)["recipe"]
    if there:
        assert needs["checks"]["weights"] == needs["checks"]["memory"] == "ok" and needs["parameters"] == 7_000_000
    else:
        assert needs["checks"]["weights"] == "not on this machine; would be fetched from the hub at train"
        assert needs["checks"]["memory"] == "not known until the weights are here" and "parameters" not in needs


@pytest.mark.parametrize(("gpu", "outcome"), [(("card", 80e9), "ok"), (("card", 1e9), "the GPU has 1.0 GB"), ("none", "ok")])
def test_doctor_looks_at_the_memory_of_the_gpu_where_there_is_one(monkeypatch, gpu, outcome):
    monkeypatch.setattr(doctor, "_gpu", lambda: gpu)
    monkeypatch.setattr(doctor, "_memory_gb", lambda: 2.0)
    assert doctor._memory(1.5).endswith(outcome)
    assert doctor._memory(100.0) != "ok"


@pytest.mark.parametrize(
    ("shard", "processes", "gigabytes"), [("none", 8, 128), ("fsdp", 1, 128), ("fsdp", 2, 64), ("fsdp", 8, 32)]
)
def test_doctor_reckons_each_process_its_part_of_shared_out_weights(monkeypatch, shard, processes, gigabytes):
    """Sixteen bytes a trained parameter, shared; but at the start each process reads the weights whole."""
    monkeypatch.setattr(doctor, "_gpu", lambda: ("card", 80e9))
    monkeypatch.setattr(doctor, "_parameters", lambda recipe: 8_000_000_000)
    recipe = load("demo", ["model.tune=full", f"train.shard={shard}", f"train.processes={processes}"])
    assert doctor.needs(recipe)["training_gb_without_activations"] == gigabytes


def test_help_says_where_the_documents_are(tmp_path):
    answer = docphim("--help", cwd=tmp_path, COLUMNS="300")
    place = answer.stdout.split("Documents: ")[1].split("\n")[0].strip()
    assert (Path(place) / "recipes.md").is_file()
