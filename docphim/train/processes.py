"""The processes that train together: who they are, what they tell each other, and the model they share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from docphim.train.launch import RENDEZVOUS
from docphim.train.shard import shard

T = TypeVar("T")
#: How long one process waits for the others: validation and saving are uneven work.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Processes:
    """This process's rank, and how many there are."""

    rank: int = 0
    world: int = 1

    @classmethod
    @contextlib.contextmanager
    def joined(cls) -> Iterator[Processes]:
        """Meet the others, as the environment says (`launch.py`, or torchrun), and part from them at the end."""
        processes = cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))
        if processes.world == 1:
            yield processes
            return
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        meeting = os.environ.get(RENDEZVOUS)
        store = distributed.FileStore(meeting, processes.world) if meeting else None
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if gpu else "gloo",
            store=store,
            rank=processes.rank,
            world_size=processes.world,
            timeout=PATIENCE,
        )
        try:
            yield processes
        finally:
            distributed.destroy_process_group()

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.world > 1:
            distributed.barrier()

    def gather(self, value: Any) -> list[Any]:
        """One value from every process, in the order of ranks."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        distributed.all_gather_object(values, value)
        return values

    def decided(self, choose: Callable[[], T]) -> T:
        """What the first process chooses, in all of them: disks that processes share need not show all the same at one time.

        Where it fails the first process raises; the others wait until `launch` or torchrun ends them.
        """
        return self.gather(choose() if self.first else None)[0]

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        if self.world > 1:
            distributed.all_reduce(values)
        return values

    def any(self, value: bool) -> bool:
        """Whether it is true in any process."""
        if self.world == 1:
            return value
        votes = torch.tensor(int(value), device="cuda" if torch.cuda.is_available() else "cpu")
        return bool(self.sum(votes))

    def share_out(self, model: nn.Module, *, half: bool, spared: Collection[nn.Parameter]) -> nn.Module:
        """The model, of whose parameters each process holds a part (`shard.shard`); gradients are averaged as in `share`."""
        return model if self.world == 1 else shard(model, self.world, half=half, spared=spared)

    def share(self, model: nn.Module, *, find_unused: bool) -> nn.Module:
        """The model, its gradients averaged over the processes in every backward pass (torch's DistributedDataParallel)."""
        if self.world == 1:
            return model
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else None
        return nn.parallel.DistributedDataParallel(model, device_ids=devices, find_unused_parameters=find_unused)
