"""One pool of worker processes for every stage: few groups in flight, a crash costs one item, no worker outlives its parent.

What is handed over, a function of a module (or a `functools.partial` of one) and items that can be pickled, is what a
scheduler of many machines needs as well: one can stand behind `each` without a change of its callers (`SCHEDULERS`).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import TypeVar

from docphim.errors import Refused, UsageError
from docphim.files import locked

T = TypeVar("T")
R = TypeVar("R")

#: Where else than on this machine workers may be: `module:function` with the arguments of `each`.
SCHEDULERS: dict[str, str] = {"ray": "docphim.ray_workers:each"}
#: Where those of this command are.
_WHERE: ContextVar[str] = ContextVar("workers", default="local")
#: Set on a cluster, in a worker and in what that starts: how many GPUs it sees (1 where there are none).
GIVEN = "DOCPHIM_GPUS_GIVEN"

#: Groups handed out ahead of time, per worker.
_AHEAD = 2
#: The lock that a worker holds to its end.
_LOCK = ExitStack()


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check(where: str) -> None:
    """Refuse (UsageError) a scheduler that is not installed."""
    if where == "ray" and importlib.util.find_spec("ray") is None:
        raise UsageError("workers: ray needs Ray, not installed here: pip install 'docphim[ray]'")


@contextlib.contextmanager
def on(where: str) -> Iterator[None]:
    """Let `each` work where a recipe's `workers` says; what a cluster's worker starts stays on its machine."""
    before = _WHERE.set("local" if GIVEN in os.environ else where)
    try:
        yield
    finally:
        _WHERE.reset(before)


def is_local() -> bool:
    """Whether workers are processes of this machine."""
    return _WHERE.get() == "local"


def gpu_of(processes: int) -> int:
    """The number of the GPU that a worker takes, one of `processes`, among those that it sees."""
    number = multiprocessing.current_process().name.rpartition("-")[2]
    seen = min(processes, int(os.environ.get(GIVEN, processes)))
    return int(number) % seen if number.isdecimal() else 0


def each(
    function: Callable[[list[T]], list[R]],
    groups: Sequence[list[T]],
    *,
    workers: int | None,
    crashed: Callable[[T], R],
    folder: Path | None = None,
    long: bool = False,
    gpus: int = 0,
) -> Iterator[R]:
    """Work on groups of items in processes and yield every item's result as it comes, in no order that can be relied on.

    Parameters
    ----------
    function : callable
        Maps a group to one result an item; it and the items are pickled.  What it raises ends the work and is raised here.
    groups : sequence of list
        Items that are best worked on together, one after the other.
    workers : int or None
        1 works in this process; None takes one process per core, of this machine or of the cluster.  Processes are spawned,
        not forked: threads of other libraries may be running.
    crashed : callable
        The result of an item that kills its process (a decoder's fault).  When a worker dies, the groups that were in flight
        are tried again item by item to find it; it alone is lost.
    folder : Path, optional
        A run or a dataset, of which each worker holds a lock of its own: one that outlives its command for a moment keeps the
        next command waiting.
    long : bool
        A group takes minutes or hours and is taken up again where it stopped: none is handed out before a worker is free, and
        an error or Ctrl-C ends those that are worked on instead of waiting for them.
    gpus : int
        So many are a worker's alone on a cluster that has any; on this machine the work itself sees to it.

    Raises
    ------
    UsageError
        The cluster that is to do it is not there.
    Refused
        `worker_killed`: processes cannot be started, or one is killed from outside, even when it works alone: no fault of its
        item's, but most often of a machine out of memory.
    """
    if workers == 1:
        for group in groups:
            yield from function(group)
    elif groups and not is_local():
        module, _, name = SCHEDULERS[_WHERE.get()].partition(":")
        elsewhere = getattr(importlib.import_module(module), name)
        yield from elsewhere(function, groups, workers=workers, crashed=crashed, folder=folder, gpus=gpus)
    else:
        yield from _here(function, groups, workers, crashed, folder, long)


def _here(
    function: Callable[[list[T]], list[R]],
    groups: Sequence[list[T]],
    workers: int | None,
    crashed: Callable[[T], R],
    folder: Path | None,
    long: bool,
) -> Iterator[R]:
    """`each` in processes of this machine."""
    waiting = list(reversed(groups))
    while waiting:
        suspects: list[list[T]] = []
        count = min(workers or cores(), len(waiting))
        yield from _until_crash(function, waiting, suspects, count, folder, long)
        yield from one_by_one(function, [item for group in suspects for item in group], crashed, folder)


def _until_crash(
    function: Callable[[list[T]], list[R]],
    waiting: list[list[T]],
    suspects: list[list[T]],
    workers: int,
    folder: Path | None,
    long: bool,
) -> Iterator[R]:
    """Empty `waiting` from its end; when a worker dies, stop, and leave the groups that were in flight in `suspects`."""
    running: dict[Future[list[R]], list[T]] = {}
    others, most = set(multiprocessing.active_children()), workers * (1 if long else _AHEAD)
    pool = _pool(workers, folder)
    try:
        while waiting or running:
            while waiting and len(running) < most:
                running[pool.submit(function, waiting[-1])] = waiting[-1]
                waiting.pop()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                results = future.result()
                del running[future]
                yield from results
    except BrokenProcessPool:
        suspects += running.values()
    except BaseException:
        for child in set(multiprocessing.active_children()) - others if long else ():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def one_by_one(
    function: Callable[[list[T]], list[R]], items: list[T], crashed: Callable[[T], R], folder: Path | None
) -> Iterator[R]:
    """Items that were in flight when a worker died, each alone, to find the one that kills it."""
    at = 0
    while at < len(items):
        with _pool(1, folder) as pool:
            try:
                number = pool.submit(os.getpid).result()
            except BrokenProcessPool as error:
                raise Refused("worker_killed", "", "worker processes cannot be started; work with 1 worker") from error
            process = next((child for child in multiprocessing.active_children() if child.pid == number), None)
            try:
                while at < len(items):
                    yield from pool.submit(function, [items[at]]).result()
                    at += 1
            except BrokenProcessPool as error:
                pool.shutdown()  # whose thread has the exit code
                if process is None or _killed(process.exitcode):
                    why = "a worker was killed from outside, most often for want of memory; go on with fewer workers"
                    raise Refused("worker_killed", "", why) from error
                yield crashed(items[at])
                at += 1


def _killed(code: int | None) -> bool:
    """Whether a process was killed from outside; what a decoder does wrong ends in SIGSEGV, SIGABRT or an exit."""
    return hasattr(signal, "SIGKILL") and code == -signal.SIGKILL


def _pool(workers: int, folder: Path | None) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=(folder,))


def begin(folder: Path | None) -> None:
    """Set a worker up: quiet, for decoders written in C complain on stderr of every damaged file, and bound to its parent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of what is imported from here on: as many workers as cores are enough
    end_with_parent()
    if folder is not None:
        _LOCK.enter_context(_free_lock(folder))


def _free_lock(folder: Path) -> ExitStack:
    """Hold the first of the workers' locks that no other worker holds."""
    for number in itertools.count():
        with suppress(UsageError), ExitStack() as stack:
            stack.enter_context(locked(folder, f"worker-{number}"))
            return stack.pop_all()
    raise AssertionError("unreachable")


def end_with_parent(*_: object) -> None:
    """Let a process that multiprocessing has started end when its parent is killed: it would wait for ever, or for seconds.

    The sentinel is the end of a pipe that it inherits; the system closes the other end when the parent dies.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
