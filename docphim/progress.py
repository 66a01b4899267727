"""How far a long piece of work is, on stderr: a bar on a terminal, elsewhere a plain line every half minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

#: Seconds before a bar is shown, and between two plain lines.
FIRST, EVERY = 2.0, 30.0


def bar(items: Iterable[T], total: int | None, title: str) -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done, how many pass a second and how long the rest will take."""
    if sys.stderr is None:
        return iter(items)
    return _drawn(items, total, title) if sys.stderr.isatty() else _in_lines(items, total, title)


def _in_lines(items: Iterable[T], total: int | None, title: str) -> Iterator[T]:
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            print(line(title, done, total, now - start), file=sys.stderr, flush=True)


def line(title: str, done: int, total: int | None, seconds: float) -> str:
    """What is said off a terminal.

    >>> line("prepare", 120, 1760, 60)
    'prepare: 120 of 1760, 2.0/s, 14 min left'
    """
    rate = done / max(seconds, 1e-9)
    if total is None:
        return f"{title}: {done}, {rate:.1f}/s"
    left = (total - done) / max(rate, 1e-9)
    words = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min" if left < 5400 else f"{left / 3600:.1f} h"
    return f"{title}: {done} of {total}, {rate:.1f}/s, {words} left"


def _drawn(items: Iterable[T], total: int | None, title: str) -> Iterator[T]:
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
    ]
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(title, total=total, rate="-")
    start, shown = time.monotonic(), False
    try:
        for done, item in enumerate(items, 1):
            yield item
            seconds = time.monotonic() - start
            progress.update(task, completed=done, rate=f"{done / max(seconds, 1e-9):.1f}")
            if not shown and seconds > FIRST:
                progress.start()
                shown = True
    finally:
        if shown:
            progress.stop()
