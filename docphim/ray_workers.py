"""`workers: ray`: the pool of `docphim.workers` on the Ray cluster that this machine is part of (RAY_ADDRESS: of several).

Its workers are actors, each a process of its own on whatever machine has a core (and GPUs) free.  They work in the folder in
which the command was started and on the files that it names: all machines see the same file system, and have this version of
Docphim.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from docphim import __version__
from docphim.errors import Refused, UsageError
from docphim.workers import GIVEN, begin, check, one_by_one

T = TypeVar("T")
R = TypeVar("R")

#: A group whose worker is lost so many times is given up, and so are workers that never start.
_TRIES = 3
#: What of the command's environment its workers share: no credentials.
_ENVIRONMENT = ("OMP_NUM_THREADS", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")


@dataclass(frozen=True)
class Place:
    """Where a worker is to be: folders, a file that only those who share them see, and the version of Docphim."""

    start: Path
    folder: Path | None
    mark: Path
    version: str
    environment: dict[str, str]
    gpus: int


class Worker:
    """A process of the cluster's."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def begin(self) -> None:
        """Set the process up as a local one is.

        Raises
        ------
        UsageError
            Another version of Docphim is installed there.
        Refused
            `folder_unusable`: its machine does not see the folders.
        """
        place = self.place
        if place.version != __version__:
            raise UsageError(f"workers: ray: a machine of the cluster has Docphim {__version__}, and this is {place.version}")
        if not place.mark.exists():
            why = "a machine of the cluster does not see the folders of data and runs; let all machines share them"
            raise Refused("folder_unusable", "workers: ray", why)
        os.chdir(place.start)
        os.environ.update(place.environment)
        os.environ[GIVEN] = str(max(1, place.gpus))
        begin(place.folder)

    def work(self, function: Callable[[list[T]], list[R]], group: list[T]) -> list[R]:
        """Work on a group."""
        return function(group)

    def alone(self, function: Callable[[list[T]], list[R]], group: list[T], crashed: Callable[[T], R]) -> list[R]:
        """Work on the items of a group whose worker was lost, each in a process whose end tells what became of it."""
        return list(one_by_one(function, group, crashed, self.place.folder))


@dataclass(frozen=True)
class _Task(Generic[T]):
    """What a worker is at: a group, or (None) its own start; `lost` workers were at it before."""

    group: list[T] | None
    worker: Any = None
    lost: int = 0


@dataclass
class _Crew(Generic[T, R]):
    """Workers, of whom each has one group at a time.

    Parameters
    ----------
    ray : module
        Ray, connected.
    kind : actor class
        `Worker` with the cores and GPUs that one takes.
    """

    ray: Any
    kind: Any
    place: Place
    function: Callable[[list[T]], list[R]]
    crashed: Callable[[T], R]
    waiting: deque[_Task[T]]
    running: dict[Any, _Task[T]] = field(default_factory=dict)
    workers: set[Any] = field(default_factory=set)
    unstarted: int = 0

    def results(self, count: int) -> Iterator[R]:
        """The results of all that waits, by at most `count` workers; none gets a group before it has a place."""
        for _ in range(count):
            self._hire()
        while self.waiting or any(task.group is not None for task in self.running.values()):
            ended, _ = self.ray.wait(list(self.running), num_returns=1)
            yield from self._ended(ended[0])

    def _hire(self) -> None:
        worker = self.kind.remote(self.place)
        self.workers.add(worker)
        self.running[worker.begin.remote()] = _Task(None, worker)

    def _next(self, worker: Any) -> None:
        """Hand the next group to a worker that is free."""
        if not self.waiting:
            return
        task = self.waiting.popleft()
        ref = (
            worker.alone.remote(self.function, task.group, self.crashed)
            if task.lost
            else worker.work.remote(self.function, task.group)
        )
        self.running[ref] = replace(task, worker=worker)

    def _ended(self, ref: Any) -> list[R]:
        """What a worker is done with; what it raised is raised here."""
        task = self.running.pop(ref)
        try:
            results: list[R] | None = self.ray.get(ref)
        except self.ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, BaseException) else error) from None
        except self.ray.exceptions.RayError:
            self._lost(task)
            return []
        self._next(task.worker)
        return results or []

    def _lost(self, task: _Task[T]) -> None:
        """Let another worker have the group of one that is lost."""
        self.workers.discard(task.worker)
        if task.group is None:
            self.unstarted += 1
        else:
            self.waiting.append(_Task(task.group, lost=task.lost + 1))
        if self.unstarted == _TRIES:
            why = "workers do not start on the cluster; is this version of Docphim installed on all its machines?"
            raise Refused("worker_killed", "workers: ray", why)
        if task.lost + 1 == _TRIES:
            why = f"{_TRIES} workers on the cluster were lost over one task, most often for want of memory"
            raise Refused("worker_killed", "workers: ray", why)
        self._hire()

    def dismiss(self) -> None:
        """End all workers, whatever they are at."""
        for worker in self.workers:
            with contextlib.suppress(self.ray.exceptions.RayError):
                self.ray.kill(worker)


def each(
    function: Callable[[list[T]], list[R]],
    groups: Sequence[list[T]],
    *,
    workers: int | None,
    crashed: Callable[[T], R],
    folder: Path | None,
    gpus: int,
) -> Iterator[R]:
    """`docphim.workers.each` on the cluster.

    The group of a worker that is lost, with its machine or without, is worked on again item by item, as on one machine.

    Raises
    ------
    UsageError
        Ray is not installed, there is no cluster, or no machine of it has `gpus` GPUs.
    Refused
        `worker_killed`; `folder_unusable`: a machine does not see the folders.
    """
    with _connected() as ray, _marked(folder) as mark:
        given = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        most = _gpus(ray, gpus)
        place = Place(Path.cwd(), folder and folder.absolute(), mark, __version__, given, most)
        kind = ray.remote(num_cpus=1, num_gpus=most, max_restarts=0)(Worker)
        crew = _Crew(ray, kind, place, function, crashed, deque(_Task(group) for group in groups))
        try:
            yield from crew.results(min(workers or int(ray.cluster_resources().get("CPU", 1)), len(groups)))
        finally:
            crew.dismiss()


@contextlib.contextmanager
def _connected() -> Iterator[Any]:
    """Ray, connected to a cluster that is there; none is started."""
    check("ray")
    # Read as Ray is imported: what it tells of lost workers would go to stdout, addresses included; the command says it itself.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    import ray

    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address="auto", log_to_driver=False, logging_level="error")
    except (ConnectionError, RuntimeError) as error:
        if "ersion mismatch" in str(error):
            raise UsageError("workers: ray: the cluster runs another version of Ray or Python than this command") from error
        why = "no cluster answers on this machine; `ray start` makes it part of one, and RAY_ADDRESS names one of several"
        raise UsageError(f"workers: ray: {why}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _marked(folder: Path | None) -> Iterator[Path]:
    """A file by which a worker sees that this folder is the command's, and not another of the same name."""
    for left in folder.glob(".ray-*.part") if folder else ():  # by a kill; the command alone writes this folder
        left.unlink(missing_ok=True)
    mark = (folder or Path.cwd()).absolute() / f".ray-{uuid.uuid4().hex}.part"
    mark.touch()
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


def _gpus(ray: Any, wanted: int) -> int:
    """The GPUs that a worker takes: none of a cluster without."""
    most = max((int(node["Resources"].get("GPU", 0)) for node in ray.nodes() if node["Alive"]), default=0)
    if most and wanted > most:
        raise UsageError(f"workers: ray: a worker needs {wanted} GPUs of one machine, and the largest has {most}")
    return min(wanted, most)
