"""augment.jsonl: what was done to each training example each time it was read."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from docphim.files import Appender, read_jsonl, write_jsonl
from docphim.study import Row
from docphim.train.batch import Batch
from docphim.train.processes import Processes


class Record:
    """The file, gone on with after `step`: rows past it, which are about to be made again, are dropped.

    All processes take; the first one writes.
    """

    def __init__(self, path: Path, step: int, processes: Processes) -> None:
        self._processes, self._rows = processes, list[Row]()
        self._file: Appender | None = None
        if processes.first:
            write_jsonl(path, [row for row in read_jsonl(path) if row["step"] <= step])
            self._file = Appender(path)

    def take(self, step: int, batches: Iterable[Batch], writes: Collection[int]) -> None:
        """Take what was done out of a step's micro-batches; at the steps `writes`, where all processes come, it is written."""
        self._rows += [{"step": step, **row} for batch in batches for row in _taken(batch["positive"])]
        if step in writes:
            rows, self._rows = self._processes.gather(self._rows), []
            if self._file is not None:
                self._file.write(sorted(itertools.chain.from_iterable(rows), key=lambda row: (row["step"], row["example"])))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _taken(side: dict[str, Any]) -> list[Row]:
    return list(side.pop("augmented", ()))
