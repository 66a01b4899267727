"""Two real processes, started by the one that trains, joined by a file."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file
from tiny_training import in_processes, model_section, train_section

from docphim.errors import Refused, UsageError
from docphim.files import locked, read_json, read_jsonl, write_json
from docphim.train import checkpoint, launch, state, train
from docphim.train.__main__ import main
from docphim.train.processes import Processes

LAST = Path("checkpoints") / "checkpoint-3"
SECTION = {"max_steps": 3, "evaluations": 1, "keep_best": "val/rougeL"}
#: More steps than any test waits for.
ENDLESS = {"max_steps": 100_000, "evaluations": 1000}
#: How long a test waits for what should come within a second or two on an idle machine.
PATIENCE = 120


@pytest.fixture(autouse=True)
def one_thread_and_no_gpu(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


#: Trains as a command does: in a process of its own, with the lock of the run.
COMMAND = """
import json, sys
from pathlib import Path
from docphim.files import locked
from docphim.train import train
dataset, run = map(Path, sys.argv[1:3])
run.mkdir()
with locked(run):
    train(dataset, run, **json.loads(sys.argv[3]))
"""

#: Runs a command where the only network is the loopback and this machine's own name has no address.
ALONE = ["unshare", "-rnu", "sh", "-c", 'hostname no-such-host.invalid && ip link set lo up && exec "$@"', "sh"]


def can_be_alone() -> bool:
    try:
        return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def start(dataset: Path, run: Path, *before: str, **settings) -> subprocess.Popen:
    sections = {"model": model_section(), "train": train_section(processes=2, **settings)}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", COMMAND, str(dataset), str(run), json.dumps(sections)]
    return subprocess.Popen([*before, *command], env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def together(dataset, tmp_path_factory) -> Path:
    """A run of two processes with one batch each a step, where nothing but the loopback can be reached (on Linux)."""
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("two") / "run"
    with start(dataset, run, *(ALONE if can_be_alone() else []), **SECTION) as command:
        _, errors = command.communicate()
    assert command.returncode == 0, errors
    return run


@pytest.fixture(scope="module")
def accumulated(dataset, tmp_path_factory) -> Path:
    """The run of one process that accumulates two batches a step."""
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("one")
    train(dataset, run, model=model_section(), train=train_section(accumulate=2, **SECTION))
    return run


def until(condition, why: str):
    """Wait until a condition holds; what it returned."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if outcome := condition():
            return outcome
        time.sleep(0.05)
    pytest.fail(f"{why}: not within {PATIENCE} s")


@pytest.fixture
def training(dataset, tmp_path):
    """A command that trains in two processes without end, in the middle of its steps: (process, children, run)."""
    run = tmp_path / "run"
    with start(dataset, run, **ENDLESS) as parent:
        until(lambda: list(run.glob("checkpoints/checkpoint-*")) or parent.poll() is not None, "a first checkpoint")
        children = psutil.Process(parent.pid).children()
        yield parent, children, run
        for process in [parent, *children]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_two_processes_end_where_one_with_doubled_accumulation_does(together, accumulated):
    assert read_json(together / LAST / checkpoint.MANIFEST)["processes"] == 2
    assert {"random-0.safetensors", "random-1.safetensors"} <= {p.name for p in (together / LAST).iterdir()}
    ours, theirs = (load_file(run / LAST / state.WEIGHTS) for run in (together, accumulated))
    assert ours.keys() == theirs.keys()
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) <= 1e-6


def test_what_stops_one_of_several_processes_is_said_as_if_there_were_one(dataset, tmp_path):
    with pytest.raises(Refused, match="too_long"):
        train(dataset, tmp_path, model=model_section(), train=train_section(processes=2, max_length=16))
    with pytest.raises(UsageError, match=r"^train\.loss: 'answer' is not a loss; did you mean 'answers'\?$"):
        train(dataset, tmp_path, model=model_section(), train=train_section(processes=2, loss="answer"))
    assert {p.name for p in tmp_path.iterdir()} <= {"checkpoints", ".lock-rank-0", ".lock-rank-1"}


def test_one_process_writes_the_log_and_it_is_that_of_the_global_batch(together, accumulated):
    ours, theirs = (list(read_jsonl(run / "log.jsonl")) for run in (together, accumulated))
    assert [row["step"] for row in ours] == [1, 2, 3, 3]
    for one, other in zip(ours, theirs, strict=True):
        for key in {"loss", "grad_norm", "learning_rate", "epoch", "val/loss", "val/rougeL", "val/bleu4"} & one.keys():
            assert one[key] == pytest.approx(other[key], rel=1e-5)


def test_rates_and_patience_act_in_two_processes_as_in_one(dataset, tmp_path):
    """The projector, in full beside adapters, all but stands still, and drafts that say nothing end the training."""
    model = model_section(tune="lora", freeze=["vision"], whole=["projector"], lora={"rank": 2, "dropout": 0.0})
    settings = {"max_steps": 6, "evaluations": 6, "patience": 2, "keep_best": "val/clinical_f1", "rates": {"projector": 1e-30}}
    for name, changes in (("two", {"processes": 2}), ("one", {"accumulate": 2})):
        train(dataset, tmp_path / name, model=model, train=train_section(**settings, **changes))
    steps = [[row["step"] for row in read_jsonl(tmp_path / name / "log.jsonl")] for name in ("two", "one")]
    assert steps[0] == steps[1] == [1, 1, 2, 2, 3, 3]
    last = Path("checkpoints") / "checkpoint-3"
    ours, theirs = (load_file(tmp_path / name / last / state.WEIGHTS) for name in ("two", "one"))
    assert ours.keys() == theirs.keys()
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) <= 1e-6
    start = load_file(tmp_path / "two" / "checkpoints" / "checkpoint-1" / state.WEIGHTS)
    moved = {"lora_" in name for name in ours if (ours[name] - start[name]).abs().max() > 1e-20}
    assert moved == {True}
    keys = [read_json(tmp_path / name / last / checkpoint.MANIFEST)["key"] for name in ("two", "one")]
    assert keys[0] == keys[1]


def test_processes_that_lose_their_checkpoint_count_with_one_process(together, dataset, tmp_path):
    """A run of two processes can be finished by one that accumulates twice: the key is the same."""
    key = read_json(together / LAST / checkpoint.MANIFEST)["key"]
    train(dataset, tmp_path, model=model_section(), train=train_section(accumulate=2, **SECTION))
    assert read_json(tmp_path / LAST / checkpoint.MANIFEST)["key"] == key


def test_the_processes_leave_nothing_of_how_they_met(together):
    assert {p.name for p in together.iterdir()} == {
        "checkpoints", "log.jsonl", "model", ".sums.json", ".lock", ".lock-rank-0", ".lock-rank-1",
    }  # fmt: skip


def free(run: Path) -> bool:
    try:
        with locked(run):
            return True
    except UsageError:
        return False


def test_when_the_parent_is_killed_its_children_end_and_one_that_cannot_keeps_the_next_command_away(training):
    parent, children, run = training
    assert len(children) == 2
    listening = [c.laddr.ip for child in children for c in child.net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening, "gloo listens, so where it does can be looked at"
    peers = [c.raddr.ip for child in children for c in child.net_connections() if c.raddr]
    assert {*listening, *peers} <= {"127.0.0.1", "::1"}
    children[0].suspend()
    parent.kill()
    parent.wait()
    until(lambda: gone(children[1]), "the child that runs ends")
    assert not gone(children[0])
    with pytest.raises(UsageError, match="is being written by another process"), locked(run):
        pass
    children[0].resume()
    until(lambda: gone(children[0]), "the other child ends")
    until(lambda: free(run), "the next command starts")


#: Processes that do what a process of a training may do, by rank, and read their input to its end as it does.
ENDS = {
    "killed": (["os.kill(os.getpid(), 9)", "time.sleep(60)"], Refused, "worker_killed: training process 0: .* by signal 9"),
    "refused": (
        ["print('{\"fault\": \"connection closed by peer\"}'); sys.exit(1)",
         "time.sleep(0.5); print('{\"reason\": \"disk_full\", \"where\": \"x\", \"why\": \"full\"}'); sys.exit(3)"],
        Refused, "disk_full: x: full",
    ),
    "wrong": (["time.sleep(60)", "print('{\"usage\": \"wrong\"}'); sys.exit(2)"], UsageError, "wrong"),
    "faulty": (["time.sleep(60)", "print('x'); print('{\"fault\": \"Traceback\"}'); sys.exit(1)"], RuntimeError, "Traceback"),
    "mute": (["sys.exit(1)", "sys.exit(0)"], RuntimeError, r"ended with \[1, 0\]"),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_when_one_process_stops_all_do_and_the_first_cause_is_said(tmp_path, monkeypatch, end):
    codes, error, message = ENDS[end]
    code = f"import os, sys, time; sys.stdin.readline(); exec({codes!r}[int(os.environ['RANK'])])"
    monkeypatch.setattr(launch, "_command", lambda dataset, run: [sys.executable, "-c", code])
    monkeypatch.setattr(launch, "GRACE", 2.0)
    before = set(psutil.Process().children())
    with pytest.raises(error, match=message):
        launch.launch(tmp_path, tmp_path / "run", model={}, train={"processes": 2})
    assert set(psutil.Process().children()) <= before


def test_more_processes_than_gpus_are_a_usage_error(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match=r"train\.processes: 2 processes need as many GPUs, and there are 1"):
        launch.launch(tmp_path, tmp_path / "run", model={}, train={"processes": 2})


def test_torchrun_can_start_the_processes_too(dataset, tmp_path, together):
    """As a scheduler of a cluster does; the weights are those of the processes that Docphim starts."""
    write_json(tmp_path / "config.json", {"model": model_section(), "train": train_section(processes=2, **SECTION)})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-m", "docphim.train", str(dataset), str(tmp_path / "run"), str(tmp_path / "config.json")]
    started = [subprocess.Popen(command, env={**os.environ, **address, "RANK": rank, "LOCAL_RANK": rank}) for rank in "01"]
    assert [process.wait(PATIENCE) for process in started] == [0, 0]
    ours, theirs = (load_file(run / LAST / state.WEIGHTS) for run in (together, tmp_path / "run"))
    assert all(ours[name].equal(theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"model": {"family": "qwen_vl"}, "train": {"epoch": 1}}, 2),
        ({"model": {"family": "resnet"}, "train": {}}, 2),
        ({"model": model_section(), "train": train_section(max_length=16)}, 3),
    ],
)
def test_the_module_exits_as_the_command_line_does(dataset, tmp_path, config, code):
    write_json(tmp_path / "config.json", config)
    assert main([str(dataset), str(tmp_path / "run"), str(tmp_path / "config.json")]) == code


def test_the_module_without_its_three_arguments_exits_with_2():
    assert main([]) == 2


def test_a_run_beside_others_shares_its_threads_among_its_processes(monkeypatch, tmp_path):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    try:
        launch.limit_threads(5, 2)
        assert torch.get_num_threads() == 5
        assert launch._environment(0, 2, tmp_path)["OMP_NUM_THREADS"] == "2"
        launch.limit_threads(1, 2)
        assert launch._environment(0, 2, tmp_path)["OMP_NUM_THREADS"] == "1"
    finally:
        torch.set_num_threads(before)


def test_nothing_is_read_before_all_have_met(dataset, tmp_path):
    there = tmp_path / "dataset"

    def work():
        if os.environ["RANK"] == "0":  # is still making the examples when the other comes
            time.sleep(0.5)
            shutil.copytree(dataset, there)
        train(there, tmp_path / "run", model=model_section(), train=train_section(max_steps=1, evaluations=1, processes=2))

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()


def test_what_the_first_process_chooses_holds_in_all(tmp_path):
    def work():
        with Processes.joined() as processes:
            assert processes.decided(lambda: f"by {processes.rank}") == "by 0"

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]
