"""cli: what a person types, the exit code they get, and one clear line when something is wrong."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from PIL import Image

from docphim.doctor import EXTRAS


def docphim(*arguments, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-c", "from docphim.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nope"], "error: no recipe 'nope'; packaged: "),
        (["run", "demo", "--set", "train.epoch=1"], "error: train.epoch: unknown key; did you mean 'epochs'?"),
        (["run", "demo", "--set", "source.kind=pacs"], "source"),
        (["run", "demo", "--until", "bake"], "error: --until bake: must be one of ingest, prepare"),
        (["score", "x.jsonl", "--language", "fr"], "error: --language fr: must be one of vi, en, zh"),
        (
            ["score", "x.jsonl", "--convention", "cocoa"],
            "error: --convention cocoa: must be one of docphim, rouge-score-default",
        ),
        (["new", "x.yaml", "--from", "nope"], "error: --from nope: must be one of aligned_phantom"),
        (["train", "demo"], "error: train needs ingest, which is not done for this recipe; run `docphim ingest` first"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(tmp_path, arguments, said):
    answer = docphim(*arguments, cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert said in answer.stderr and len(answer.stderr.strip().splitlines()) == 1


def test_new_copies_a_recipe_says_what_to_change_and_never_overwrites(tmp_path):
    answer = docphim("new", "mine.yaml", "--from", "own_films", cwd=tmp_path)
    assert answer.returncode == 0 and "reports: ~/reports.xlsx" in answer.stdout and "# change" in answer.stdout
    assert "name: mine\n" in (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    again = docphim("new", "mine.yaml", "--from", "demo", cwd=tmp_path)
    assert again.returncode == 2 and "it is not overwritten" in again.stderr


def test_an_unforeseen_error_is_exit_code_1_and_quotes_no_data(tmp_path):
    code = (
        "from docphim import cli, doctor\n"
        "def broken(): raise ValueError('NGUYEN VAN PLANTED')\n"
        "doctor.examine = broken\n"
        "import sys; sys.argv = ['docphim', 'doctor']; cli.main()"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert answer.returncode == 1
    assert "ValueError" in answer.stderr and "PLANTED" not in answer.stderr + answer.stdout


@pytest.mark.skipif(os.name == "nt", reason="needs a pipe of POSIX")
@pytest.mark.parametrize("lines", [1, 200_000])
@pytest.mark.parametrize("command", ["doctor", "--help"])
def test_a_reader_that_is_gone_ends_the_command_quietly_with_0(tmp_path, lines, command):
    code = (
        "import sys; from docphim import cli, doctor\n"
        f"doctor.examine = lambda: {{'lines': ['word'] * {lines}}}; sys.argv = ['docphim', {command!r}]; cli.main()"
    )
    read, write = os.pipe()
    os.close(read)  # as after `docphim … | true`
    answer = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, encoding="utf-8", cwd=tmp_path)
    os.close(write)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_another_pipe_that_breaks_is_no_quiet_end(tmp_path):
    code = (
        "import sys; from docphim import cli, doctor\n"
        "def broken(): raise BrokenPipeError(32, 'Broken pipe')\n"
        "doctor.examine = broken; sys.argv = ['docphim', 'doctor']; cli.main()"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert answer.returncode == 1 and answer.stderr.startswith("internal error: ")


def test_a_full_disk_is_exit_code_3_wherever_it_strikes(tmp_path):
    code = (
        "import errno, sys\nfrom docphim import cli, doctor\n"
        "def full(): raise OSError(errno.ENOSPC, 'no space', '/films/NGUYEN VAN PLANTED')\n"
        "doctor.examine = full; sys.argv = ['docphim', 'doctor']; cli.main()"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert answer.returncode == 3 and answer.stderr.startswith("disk_full:") and "PLANTED" not in answer.stderr


def test_missing_weights_are_refused_before_any_film_is_read(tmp_path):
    (tmp_path / "r.yaml").write_text(
        "name: r\nsource: {kind: phantom, studies: 4}\nmodel: {family: qwen_vl, weights: ./nowhere}\n", encoding="utf-8"
    )
    answer = docphim("run", "r.yaml", cwd=tmp_path)
    assert answer.returncode == 3 and answer.stderr.startswith("weights_missing: ./nowhere")
    assert not list(tmp_path.rglob("*.json")) and not list(tmp_path.rglob("*.dcm"))


def test_a_single_stage_that_may_not_run_leaves_the_run_as_it_was(tmp_path):
    home = tmp_path / "runs" / "demo"
    home.mkdir(parents=True)
    (home / "recipe.yaml").write_text("made: before\n", encoding="utf-8")
    assert docphim("page", "demo", cwd=tmp_path).returncode == 2
    assert (home / "recipe.yaml").read_text(encoding="utf-8") == "made: before\n"


def test_a_refusal_is_exit_code_3_with_the_reason_first(tmp_path):
    (tmp_path / "pairs.jsonl").write_text("not json\n", encoding="utf-8")
    answer = docphim("score", "pairs.jsonl", cwd=tmp_path)
    assert answer.returncode == 3 and answer.stderr.startswith("pairs_unreadable:")


def test_score_prints_json_and_nothing_else(tmp_path):
    row = {"id": "1", "reference": "Bóng tim không to.", "prediction": "Bóng tim không to."}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8-sig")
    answer = docphim("score", "pairs.jsonl", "--json", cwd=tmp_path)
    scores = json.loads(answer.stdout)["scores"]
    assert scores["rougeL"]["value"] == 100 and scores["bleu4"]["value"] == pytest.approx(100)
    assert scores["rougeL"]["low"] is None
    assert scores["bleu4"]["signature"].startswith("docphim:bleu4|corpus|")


def test_score_gives_another_tools_numbers_under_its_name(tmp_path):
    row = {"id": "1", "reference": "Tràn dịch màng phổi", "prediction": "Trân dích mạng phồi"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    answer = docphim("score", "pairs.jsonl", "--convention", "rouge-score-default", "--json", cwd=tmp_path)
    scores = json.loads(answer.stdout)["scores"]
    assert list(scores) == ["rouge1", "rouge2", "rougeL"] and scores["rouge1"]["value"] == 100
    assert "|convention:rouge-score-default|" in scores["rouge1"]["signature"]


def test_text_on_the_terminal_is_utf8_whatever_the_locale(tmp_path):
    row = {"id": "ẩ", "reference": "Bóng tim", "prediction": "Bóng tim"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    answer = docphim("score", "pairs.jsonl", "--json", cwd=tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert answer.returncode == 0, answer.stderr


def test_doctor_says_what_is_there_and_what_a_recipe_needs(tmp_path):
    found = json.loads(docphim("doctor", "demo", "--json", cwd=tmp_path).stdout)
    assert found["decoders"]["JPEG lossless"] == "ok" and found["missing"] == []
    assert found["recipe"]["disk_mb_per_series"]["xray"] > 0
    assert found["extras"].keys() >= {"ray", "vllm", "bitsandbytes"}
    for name, line in found["extras"].items():
        # By what was installed, and not by what can be imported: another test's stand-in may be.
        there = any(metadata.distributions(name=name))
        assert line.startswith(metadata.version(name) if there else "not installed")


def test_doctor_knows_every_extra_that_something_asks_for():
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    named = {re.split(r"[<>=\[]", package)[0] for name in extras if name != "train" for package in extras[name]}
    assert named - {"docphim", "onnxruntime"} == set(EXTRAS)


def test_inspect_says_what_a_file_is_and_why_it_is_refused(tmp_path):
    (tmp_path / "junk.dcm").write_bytes(b"junk" * 100)
    answer = docphim("inspect", "junk.dcm", "--json", cwd=tmp_path)
    assert answer.returncode == 3
    assert json.loads(answer.stdout)["refused"][0]["reason"] == "file_unreadable"


def test_inspecting_a_folder_tells_refusals_of_one_kind_once_and_counts_them(tmp_path):
    for n in range(5):
        (tmp_path / f"{n}.dcm").write_bytes(b"junk")
    answer = docphim("inspect", tmp_path)
    assert answer.returncode == 3
    assert "file_unreadable: the file is not" in answer.stdout and "0.dcm, 1.dcm, 2.dcm and 2 more" in answer.stdout
    Image.radial_gradient("L").save(tmp_path / "film.png")
    assert docphim("inspect", tmp_path).returncode == 0


def test_convert_says_what_it_wrote(tmp_path):
    Image.radial_gradient("L").save(tmp_path / "film.png")
    answer = docphim("convert", "film.png", "out.npy", "--long-side", "128", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (0, "out.npy: 128 x 128 pixels, view unknown\n")
