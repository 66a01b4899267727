"""Making the next batches while the model is busy with one."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

import torch

T = TypeVar("T")


class Ahead(Iterator[T]):
    """An iterator whose next `depth` items are made in a thread while the caller is busy with one."""

    def __init__(self, items: Iterable[T], depth: int = 2) -> None:
        self._depth = depth
        self._start(items)

    def _start(self, items: Iterable[T]) -> None:
        self._waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(self._depth)
        self._stop = threading.Event()
        self._making = threading.Lock()
        self._thread = threading.Thread(target=self._fill, args=(iter(items),), daemon=True)
        self._thread.start()

    def restart(self, items: Iterable[T]) -> None:
        """Go on with other items; those that were made and wait are dropped."""
        self.close()
        self._start(items)

    def _fill(self, items: Iterator[T]) -> None:
        # One OpenMP thread here: a pool of its own would spin on the cores that the model computes on.
        torch.set_num_threads(1)
        error: BaseException | None = None
        while error is None and not self._stop.is_set():
            item: T | None = None
            try:
                with self._making:
                    item = next(items)
            except BaseException as raised:  # StopIteration too: handed to the caller, who raises it
                error = raised
            self._put(item, error)

    def _put(self, item: T | None, error: BaseException | None) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put((item, error), timeout=0.1)
                return

    def __next__(self) -> T:
        item, error = self._waiting.get()
        if error is not None:
            self._waiting.put((None, error))
            raise error
        return cast("T", item)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Make nothing meanwhile: a fast tokenizer does not stand two threads."""
        with self._making:
            yield

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()
