"""Worker processes: few groups in flight, a crash costs one film, and no worker outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from pathlib import Path

from docphim.prepare.films import Job, Outcome, prepare_group

#: Groups handed out ahead of time, per worker.
_AHEAD = 2


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def outcomes(dataset: Path, groups: Sequence[list[Job]], long_side: int, workers: int | None) -> Iterator[Outcome]:
    """Prepare groups of films and yield every film's outcome as it comes.

    Parameters
    ----------
    workers : int or None
        1 works in this process; None takes one process per core.  Processes are spawned, not forked: threads of other
        libraries may be running.  A decoder that crashes its process costs the one film that does it.

    Raises
    ------
    Refused
        `disk_full`.
    RuntimeError
        Worker processes cannot be started.
    """
    if workers == 1:
        for group in groups:
            yield from prepare_group(dataset, group, long_side)
        return
    waiting = list(reversed(groups))
    while waiting:
        suspects: list[list[Job]] = []
        yield from _until_crash(dataset, waiting, suspects, long_side, min(workers or cores(), len(waiting)))
        yield from _one_by_one(dataset, [job for group in suspects for job in group], long_side)


def _until_crash(
    dataset: Path, waiting: list[list[Job]], suspects: list[list[Job]], long_side: int, workers: int
) -> Iterator[Outcome]:
    """Empty `waiting` from its end; when a worker dies, stop, and leave the groups that were in flight in `suspects`."""
    running: dict[Future[list[Outcome]], list[Job]] = {}
    pool = _pool(workers)
    try:
        while waiting or running:
            while waiting and len(running) < _AHEAD * workers:
                running[pool.submit(prepare_group, dataset, waiting[-1], long_side)] = waiting[-1]
                waiting.pop()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                done = future.result()
                del running[future]
                yield from done
    except BrokenProcessPool:
        suspects += running.values()
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(dataset: Path, jobs: list[Job], long_side: int) -> Iterator[Outcome]:
    """Films that were in flight when a worker died, each alone, to find the one that kills it."""
    at = 0
    while at < len(jobs):
        with _pool(1) as pool:
            try:
                pool.submit(os.getpid).result()
            except BrokenProcessPool as error:
                raise RuntimeError("worker processes cannot be started; prepare with 1 worker") from error
            try:
                while at < len(jobs):
                    yield from pool.submit(prepare_group, dataset, [jobs[at]], long_side).result()
                    at += 1
            except BrokenProcessPool:
                yield Outcome(jobs[at], reason="pixels_undecodable", why="decoding the film crashes the decoder")
                at += 1


def _pool(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start)


def _start() -> None:
    """Set a worker up: quiet, for decoders written in C complain on stderr of every damaged file, and bound to its parent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _end_with_parent()


def _end_with_parent() -> None:
    """Let a worker end when its parent is killed; the executor's own workers would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
