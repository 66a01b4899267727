"""log.jsonl: one row a logged step and one a validation; how fast training runs, and how long it waits for data."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from docphim.files import Appender, read_jsonl, write_jsonl
from docphim.train.batch import rows_of
from docphim.train.trackers import Trackers

#: A training writes about so many rows, evenly spaced.
ROWS = 400


#: Rows reach the disk at least so often, in seconds: a flush costs milliseconds, and a row is not worth one.
FLUSH = 2.0


class Journal:
    """log.jsonl, gone on with after `step`: rows past it, which are about to be made again, are dropped.

    `trackers` get the rows that stay, and then every one that is written.
    """

    def __init__(self, path: Path, step: int, trackers: Trackers | None = None) -> None:
        rows = [row for row in read_jsonl(path) if row["step"] <= step]
        write_jsonl(path, rows)
        self._trackers = trackers
        if trackers is not None:
            trackers.write(rows)
        self._file = Appender(path)
        self._rows: list[dict[str, float]] = []
        self._flushed = time.monotonic()

    def write(self, row: dict[str, float]) -> None:
        """Add a row; it may wait a moment before it is written."""
        self._rows.append(row)
        if time.monotonic() - self._flushed > FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait.

        Raises
        ------
        Refused
            `disk_full`.
        """
        rows, self._rows = self._rows, []
        if rows:
            self._file.write(rows)
            if self._trackers is not None:
                self._trackers.write(rows)
        self._flushed = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        """Write what waits and close the file."""
        try:
            self.flush()
        finally:
            self._file.close()
            if self._trackers is not None:
                self._trackers.close()


class Meter:
    """Counts tokens, samples and seconds between two log rows; evaluating and saving do not count."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start anew."""
        self.tokens = self.samples = 0
        self.waited = 0.0
        self.since = time.perf_counter()

    def count(self, batches: Iterable[Mapping[str, Mapping[str, Tensor]]]) -> None:
        """Add micro-batches: their tokens without padding, and their rows."""
        for batch in batches:
            for tensors in batch.values():
                self.tokens += int(tensors["attention_mask"].sum())
            self.samples += rows_of(batch["positive"])

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Time spent waiting for data."""
        start = time.perf_counter()
        yield
        self.waited += time.perf_counter() - start

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Time that is not training."""
        start = time.perf_counter()
        yield
        self.since += time.perf_counter() - start

    def rates(self, processes: int) -> dict[str, float]:
        """Tokens and samples a second over all processes, and the fraction of time spent waiting; then start anew."""
        seconds = max(time.perf_counter() - self.since, 1e-9)
        rates = {
            "tokens_per_s": round(self.tokens * processes / seconds, 1),
            "samples_per_s": round(self.samples * processes / seconds, 2),
            "data_wait": round(self.waited / seconds, 4),
        }
        self.clear()
        return rates


def memory_mb() -> float:
    """The most memory held so far, in MB: the GPU's where there is one, else this process's."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak / 1e3 * 1.024, 1)
