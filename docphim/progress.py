"""What long work says on stderr: lines of the log; how far it is, as a bar, or off a terminal as a line every half minute."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: Seconds before a bar is shown, and between two plain lines.
FIRST, EVERY = 2.0, 30.0


def log_to_stderr() -> None:
    """Send the program's log to stderr as plain lines; of libraries warnings alone."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("docphim").setLevel(logging.INFO)


def bar(items: Iterable[T], total: int | None, title: str) -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done, how many pass a second and how long the rest will take."""
    if sys.stderr is None:
        return iter(items)
    return _drawn(items, total, title) if sys.stderr.isatty() else _in_lines(items, total, title)


@contextlib.contextmanager
def busy(title: str) -> Iterator[None]:
    """Show that one long piece of work is under way, such as the loading of a model."""
    for _ in bar([None], 1, title):
        yield


def _in_lines(items: Iterable[T], total: int | None, title: str) -> Iterator[T]:
    start, done = time.monotonic(), 0
    with _ticking(lambda: line(title, done, total, time.monotonic() - start)):
        for item in items:
            yield item
            done += 1


@contextlib.contextmanager
def _ticking(words: Callable[[], str]) -> Iterator[None]:
    """Print a line every while from a thread, so that one comes also while a single item is long."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(EVERY):
            with contextlib.suppress(OSError, ValueError):  # stderr is closed: that is no reason to stop
                print(words(), file=sys.stderr, flush=True)

    threading.Thread(target=tick, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def line(title: str, done: int, total: int | None, seconds: float) -> str:
    """What is said off a terminal.

    >>> line("prepare", 120, 1760, 60)
    'prepare: 120 of 1760, 2.0/s, 14 min left'
    >>> line("runs", 2, 13, 720)
    'runs: 2 of 13, 6 min each, 66 min left'
    """
    if not done:
        return f"{title}: under way for {seconds:.0f} s"
    rate = done / max(seconds, 1e-9)
    if total is None:
        return f"{title}: {done}, {_pace(rate)}"
    return f"{title}: {done} of {total}, {_pace(rate)}, {_time((total - done) / rate)} left"


def _pace(rate: float) -> str:
    return f"{rate:.1f}/s" if rate >= 0.1 else f"{_time(1 / rate)} each"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


#: Held by the bar that is drawn: one inside it would be drawn over it.
_DRAWN = threading.Lock()


def _drawn(items: Iterable[T], total: int | None, title: str) -> Iterator[T]:
    if not _DRAWN.acquire(blocking=False):
        yield from items
        return
    from rich.console import Console  # here: off a terminal nothing is drawn
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    ]
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(title, total=total, pace="-/s")
    start, timer = time.monotonic(), threading.Timer(FIRST, progress.start)
    timer.daemon = True
    timer.start()
    try:
        for done, item in enumerate(items, 1):
            yield item
            progress.update(task, completed=done, pace=_pace(done / max(time.monotonic() - start, 1e-9)))
    finally:
        timer.cancel()
        timer.join()
        progress.stop()
        _DRAWN.release()
