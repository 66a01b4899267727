"""What is kept in memory between epochs: bounded in bytes, each tensor counted once however many examples show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from docphim.models.loaded import Stack


class Memory:
    """So many bytes, of which what is kept takes its part; what is kept is kept to the end."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._storages: set[int] = set()

    def takes(self, tensors: Iterable[Tensor]) -> bool:
        """Whether there is room for these tensors, which are then counted; one that shares its storage costs nothing more."""
        storages = {s.data_ptr(): s.nbytes() for s in (tensor.untyped_storage() for tensor in tensors)}
        new = {place: size for place, size in storages.items() if place not in self._storages}
        if sum(new.values()) > self._room:
            return False
        self._room -= sum(new.values())
        self._storages |= new.keys()
        return True


class Drawn:
    """Stacks by what they show, drawn when first asked for and kept while there is room: a partner's film is drawn once."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._stacks: dict[object, Stack] = {}

    def of(self, key: object, draw: Callable[[], Stack]) -> Stack:
        """The stack under a key."""
        if key in self._stacks:
            return self._stacks[key]
        stack = draw()
        if self._memory.takes([torch.from_numpy(stack.frames)]):
            self._stacks[key] = stack
        return stack
