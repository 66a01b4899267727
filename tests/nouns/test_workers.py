"""workers: every item once, in processes that end with their parent; what kills its process costs itself alone."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from docphim import files, workers
from docphim.errors import Refused, UsageError


def double(numbers: list[int]) -> list[int]:
    """Twice each number; 13 crashes its process, 14 is refused, 15 is killed from outside."""
    for number in numbers:
        if number == 13 and multiprocessing.parent_process() is not None:
            os._exit(3)
        if number == 15 and multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 14:
            raise Refused("disk_full")
    return [2 * number for number in numbers]


def slow(names: list[str]) -> list[str]:
    """A file for each name that is started; `refused` is refused once the first is under way, others never end."""
    for name in names:
        Path(name).touch()
        if name.endswith("refused"):
            while not Path(name.replace("refused", "first")).exists():
                time.sleep(0.01)
            raise Refused("disk_full")
        time.sleep(600)
    return names


def lost(number: int) -> int:
    return -number


GROUPS = [[1, 2], [3], [4, 5, 6], [7]]


@pytest.mark.parametrize("count", [1, 2, None])
def test_every_item_comes_once(count):
    assert sorted(workers.each(double, GROUPS, workers=count, crashed=lost)) == [2, 4, 6, 8, 10, 12, 14]


def test_nothing_to_do_starts_nothing():
    assert list(workers.each(double, [], workers=2, crashed=lost)) == []


def test_an_item_that_kills_its_process_is_lost_alone_and_named_by_the_caller():
    assert sorted(workers.each(double, [*GROUPS, [11, 13, 12]], workers=2, crashed=lost)) == [
        -13,
        *(2, 4, 6, 8, 10, 12, 14, 22, 24),
    ]


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_worker_that_is_killed_from_outside_stops_the_work_and_is_no_fault_of_its_item():
    with pytest.raises(Refused, match=r"worker_killed.*fewer workers"):
        list(workers.each(double, [*GROUPS, [15]], workers=2, crashed=lost))


def test_a_worker_that_dies_before_it_is_looked_at_stops_the_work(monkeypatch):
    monkeypatch.setattr(workers.multiprocessing, "active_children", list)
    with pytest.raises(Refused, match="worker_killed"):
        list(workers.each(double, [*GROUPS, [13]], workers=2, crashed=lost))


@pytest.mark.parametrize("count", [1, 2])
def test_what_the_work_raises_is_raised_here(count):
    with pytest.raises(Refused, match="disk_full"):
        list(workers.each(double, [[14]], workers=count, crashed=lost))


PARENT = """
import sys, time
from pathlib import Path
from docphim import workers
def wait(items):
    open(sys.argv[1], "a").write("x")
    time.sleep(60)
    return items
if __name__ == "__main__":
    list(workers.each(wait, [[1], [2]], workers=2, crashed=abs, folder=Path(sys.argv[2])))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_workers_end_with_a_parent_that_is_killed_and_keep_the_folder_locked_until_then(tmp_path, monkeypatch):
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py", tmp_path / "started", tmp_path])
    while not (tmp_path / "started").exists() or (tmp_path / "started").read_text(encoding="utf-8") != "xx":
        time.sleep(0.02)
    monkeypatch.setattr(files, "_PARTING", 0.1)
    with pytest.raises(UsageError, match="another process"), files.locked(tmp_path):
        pass
    assert {path.name for path in tmp_path.glob(".lock-*")} == {".lock-worker-0", ".lock-worker-1"}
    children = psutil.Process(parent.pid).children(recursive=True)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    monkeypatch.setattr(files, "_PARTING", 10.0)
    with files.locked(tmp_path):  # these orphans end by themselves
        pass
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert len(gone) >= 2 and not alive


def slow_ones(folder, *names):
    return workers.each(slow, [[str(folder / name)] for name in names], workers=2, crashed=lost, long=True)


def test_of_long_work_an_error_ends_what_runs_beside_it_and_nothing_waits_in_a_worker(tmp_path):
    with pytest.raises(Refused, match="disk_full"):
        list(slow_ones(tmp_path, "first", "refused", "third"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "refused"]
    assert not multiprocessing.active_children()


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_ends_long_work(tmp_path):
    code = f"import pathlib, test_workers as t; list(t.slow_ones(pathlib.Path({str(tmp_path)!r}), 'first', 'second', 'third'))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell's background job hands down is deaf to it
    try:
        parent = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, heard)
    while len(list(tmp_path.iterdir())) < 2:
        assert parent.poll() is None
        time.sleep(0.02)
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.wait(30) != 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_ray_that_is_not_installed_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr(workers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"^workers: ray needs Ray, not installed here: pip install 'docphim\[ray\]'$"):
        workers.check("ray")
    workers.check("local")


def test_what_a_worker_of_a_cluster_starts_is_on_its_machine_and_sees_its_gpus(monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "SpawnProcess-7")
    with workers.on("ray"):
        assert not workers.is_local() and workers.gpu_of(4) == 3
        monkeypatch.setenv(workers.GIVEN, "2")
        with workers.on("ray"):
            assert workers.is_local() and workers.gpu_of(4) == 1
        assert not workers.is_local()
    assert workers.is_local()
