"""The processes that train together, as torchrun started them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch.distributed


@dataclass(frozen=True)
class Processes:
    """This process's rank, and how many there are."""

    rank: int = 0
    world: int = 1

    @classmethod
    def started(cls) -> Processes:
        """What torchrun says in the environment; alone where it says nothing."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.world > 1 and torch.distributed.is_initialized():
            torch.distributed.barrier()

    def gather(self, value: Any) -> list[Any]:
        """One value from every process, in the order of ranks."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(values, value)
        return values
