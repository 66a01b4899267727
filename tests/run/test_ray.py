"""`workers: ray`: a cluster makes the bytes that one process makes, and a worker that is killed costs nothing.

Skipped where Ray is not installed; the cluster is this machine's, in namespaces of its own (see `ray_cluster`).
"""

import importlib.util
import sys
import time
from pathlib import Path

import psutil
import pytest
from program import TINY
from ray_cluster import Cluster, without_cluster

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")

TASKS = Path(__file__).parent / "ray_tasks.py"
DOCPHIM = (sys.executable, "-c", "from docphim.cli import main; main()")
LOCAL = ("prepare.workers=1", "source.workers=1")
ON_RAY = ("workers=ray", "prepare.workers=2", "source.workers=2", "generate.processes=2")
RECIPE = """name: small
source: {kind: phantom, profile: demo, studies: 24, size: 128, seed: 3}
split: {fractions: [0.5, 0.1, 0.4]}
prompts: docphim
model: {family: qwen_vl}
generate: {batch_size: 2}
"""


@pytest.fixture(scope="module")
def cluster():
    started = Cluster()
    started.wait()
    yield started
    started.end()


def settings(*more):
    return [part for setting in (*TINY, *more) for part in ("--set", setting)]


def ended(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, (out, err)
    return out, err


def became_of(cluster, folder, *items):
    return ended(cluster.inside(sys.executable, TASKS, folder, *items, folder=folder))[0].splitlines()


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (6, "2 4 6 8 10 12 14"),
        (13, "-13 2 4 6 8 10 14"),
        (14, "disk_full: here: the disk is full"),
        (15, "worker_killed: a worker was killed from outside, most often for want of memory; go on with fewer workers"),
        (16, "worker_killed: workers: ray: 3 workers on the cluster were lost over one task, most often for want of memory"),
    ],
)
def test_what_becomes_of_an_item_is_what_becomes_of_it_on_one_machine(cluster, tmp_path, item, expected):
    assert became_of(cluster, tmp_path, item) == [expected, ""]
    assert not psutil.wait_procs(cluster.workers(), timeout=30)[1], "they end with their command"


def test_a_cluster_of_another_version_is_refused(cluster, tmp_path):
    assert became_of(cluster, tmp_path, 6, "0.0")[0].endswith("and this is 0.0")


def test_each_worker_has_gpus_of_its_own_and_more_than_a_machine_has_are_refused(cluster, tmp_path):
    assert became_of(cluster, tmp_path, "gpus", 1) == ["90:0:True 91:0:True", ""]
    assert became_of(cluster, tmp_path, "gpus", 3)[0].endswith("a worker needs 3 GPUs of one machine, and the largest has 2")


def test_a_machine_that_does_not_see_the_folders_is_refused(cluster, tmp_path):
    hidden = f'mount -t tmpfs none {tmp_path} && exec "$@"'
    out, _ = ended(
        cluster.inside(
            *("unshare", "--mount", "sh", "-c", hidden, "sh", sys.executable, TASKS, tmp_path, 6), folder=tmp_path.parent
        )
    )
    assert out.startswith("folder_unusable: workers: ray: a machine of the cluster does not see the folders")


def test_without_a_cluster_nothing_is_made(tmp_path):
    (tmp_path / "small.yaml").write_text(RECIPE, encoding="utf-8")
    answer = without_cluster(*DOCPHIM, "run", "small.yaml", *settings(*ON_RAY), folder=tmp_path)
    assert answer.returncode == 2 and "no cluster answers" in answer.stderr.splitlines()[-1]


def files_of(folder):
    """What runs and datasets hold, but logs, pages, and what names processes or times.

    A dataset's key, which stands for the number of `source.workers` too, is left out of the names.
    """
    suffixes = {".jsonl", ".b2nd", ".npy", ".safetensors"}
    names = {"scores.json", "tables.json", "stats.json", "leaks.json"}
    made = [path for path in folder.rglob("*") if path.suffix in suffixes or path.name in names]
    parts = {path: [part for part in path.relative_to(folder).parts if len(part) != 16] for path in made}
    return {
        "/".join(names): path.read_bytes() for path, names in parts.items() if not {"log.jsonl", "checkpoints"} & set(names)
    }


def test_the_bytes_are_those_of_one_process_though_a_worker_is_killed(cluster, tmp_path):
    folders = [tmp_path / "one", tmp_path / "ray"]
    key = {"DOCPHIM_KEY_FILE": str(tmp_path / "secret" / "key")}
    for folder in folders:
        folder.mkdir()
        (folder / "small.yaml").write_text(RECIPE, encoding="utf-8")
    ended(cluster.inside(*DOCPHIM, "run", "small.yaml", *settings(*LOCAL), folder=folders[0], **key))
    run = cluster.inside(*DOCPHIM, "run", "small.yaml", *settings(*ON_RAY), folder=folders[1], **key)
    drafts = folders[1] / "runs" / "small" / "predictions.jsonl"
    while not (drafts.exists() and drafts.stat().st_size):
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)
    killed = cluster.workers()
    assert 0 < len(killed) <= 2
    killed[0].kill()
    ended(run)
    one, ray = map(files_of, folders)
    assert one.keys() == ray.keys() and {name for name in one if one[name] != ray[name]} == set()
    assert {Path(name).name for name in one} > {"predictions.jsonl", "likelihoods.jsonl", "studies.jsonl", "scores.json"}


def test_many_runs_are_made_and_evaluated_on_the_cluster(cluster, tmp_path):
    key = {"DOCPHIM_KEY_FILE": str(tmp_path / "secret" / "key")}
    (tmp_path / "small.yaml").write_text(RECIPE + "seeds: [0, 1]\n", encoding="utf-8")
    turn, ray = tmp_path / "turn", tmp_path / "ray"
    ended(cluster.inside(*DOCPHIM, "run", "small.yaml", *settings(*LOCAL, f"runs={turn}"), folder=tmp_path, **key))
    abreast = [*settings(*ON_RAY[:-1], "at_once=2", f"runs={ray}")]
    ended(cluster.inside(*DOCPHIM, "run", "small.yaml", *abreast, "--until", "generate", folder=tmp_path, **key))
    assert not list(ray.glob("*/scores.json"))
    _, printed = ended(cluster.inside(*DOCPHIM, "evaluate", "small.yaml", *abreast, folder=tmp_path, **key))
    assert sorted(line for line in printed.splitlines() if line.startswith("made: ")) == ["made: seed 0", "made: seed 1"]
    ended(cluster.inside(*DOCPHIM, "run", "small.yaml", *abreast, folder=tmp_path, **key))
    assert files_of(ray) == files_of(turn)
    assert "evaluate: done" in (ray / "small-s0" / "run.log").read_text(encoding="utf-8")
