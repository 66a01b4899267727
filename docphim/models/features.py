"""What a frozen vision encoder makes of images, kept in memory by their content: another patient's film costs nothing twice."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from docphim.errors import UsageError
from docphim.models import family as family_of
from docphim.models.loaded import Loaded
from docphim.models.tune import part_of


class Features:
    """The encoder's output for each media entry, by its pixels and grid; the weights are those of one model, and frozen.

    An entry is always encoded alone, so that what comes of it does not depend on the batch it first stood in: a training that
    is resumed with nothing kept goes on with the same bits.

    Parameters
    ----------
    room : int
        Bytes of features that are kept; what comes later is encoded each time it is shown.

    Raises
    ------
    UsageError
        The encoder is trained, or the family does not say how its features are taken out and put in.
    """

    def __init__(self, loaded: Loaded, room: int) -> None:
        self.loaded, self._room = loaded, room
        self._store: dict[bytes, Tensor] = {}
        module: Any = family_of(loaded.family)
        if not hasattr(module, "encoded"):
            raise UsageError(f"train.cache_features: family {loaded.family} does not give its encoder's features out")
        parts = {part_of(name, module.PARTS) for name, p in loaded.core.named_parameters() if p.requires_grad}
        if "vision" in parts:
            raise UsageError("train.cache_features: the vision encoder is trained, its features change; model.freeze: [vision]")
        module.give_features(loaded.core)

    def placed(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """A batch's inputs with features, (1, tokens, width), in place of frames, uint8 (frames, h, w, 3)."""
        return {name: self._of(name, value, inputs) if value.dtype == torch.uint8 else value for name, value in inputs.items()}

    def _of(self, name: str, frames: Tensor, inputs: dict[str, Any]) -> Tensor:
        module: Any = family_of(self.loaded.family)
        entries = module.entries(name, frames, inputs)
        return torch.cat([self._entry(name, *entry).to(self.loaded.device) for entry in entries], 1)

    def _entry(self, name: str, frames: Tensor, grid: Tensor) -> Tensor:
        pixels = frames.cpu().contiguous().numpy()
        key = hashlib.blake2b(pixels, digest_size=16, person=name[:16].encode()).digest() + bytes(repr(grid.tolist()), "ascii")
        if key in self._store:
            return self._store[key]
        module: Any = family_of(self.loaded.family)
        floats = module.pixels(self.loaded.processor, name, frames.cpu()).to(self.loaded.device)
        with torch.no_grad(), self.loaded.autocast():
            features: Tensor = module.encoded(self.loaded.core, floats, grid.to(self.loaded.device))[None].cpu()
        if features.nbytes <= self._room:
            self._room -= features.nbytes
            self._store[key] = features
        return features
