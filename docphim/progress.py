"""A progress bar on stderr for anything over two seconds; silent when stderr is not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def bar(items: Iterable[T], total: int | None, title: str) -> Iterator[T]:
    """Yield `items`, showing after two seconds how many of `total` are done and how many pass a second."""
    if not sys.stderr.isatty():
        yield from items
        return
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
            if not shown and seconds > 2:
                progress.start()
                shown = True
    finally:
        if shown:
            progress.stop()
