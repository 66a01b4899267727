"""What a lesion left in a volume: how many voxels, where, and if asked for, which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docphim.phantom.ct.lesion import Lesion
from docphim.phantom.ct.space import Slab, Space

#: A lesion has a voxel where it fills half of it; tubes are thin, and have every voxel of which they fill a sixteenth.
HALF, SIXTEENTH = 0.5, 0.0625


@dataclass
class Trace:
    """A lesion, its voxels, the lowest and highest index (z, y, x) of them, and its masks piece by piece."""

    lesion: Lesion
    voxels: int = 0
    low: NDArray[np.int64] = field(default_factory=lambda: np.full(3, 1 << 30))
    high: NDArray[np.int64] = field(default_factory=lambda: np.full(3, -1))
    parts: list[tuple[tuple[int, int, int], NDArray[np.bool_]]] = field(default_factory=list)

    def add(self, slab: Slab, half: NDArray[Any], corner: tuple[int, ...], keep: bool) -> None:
        """Count voxels that a painter took in a box of a slab, which begins at `corner`; `keep` the mask too."""
        count = int(np.count_nonzero(half))
        if not count:
            return
        self.voxels += count
        start = (slab.rows.start + corner[0], corner[1], corner[2])
        flat: NDArray[Any] = np.any(half, axis=0)
        seen = (np.any(half, axis=(1, 2)), np.any(flat, axis=1), np.any(flat, axis=0))
        for axis, lines in enumerate(seen):
            at = np.flatnonzero(lines) + start[axis]
            self.low[axis], self.high[axis] = min(self.low[axis], at[0]), max(self.high[axis], at[-1])
        if keep:
            self.parts.append((start, half))

    def row(self, space: Space) -> dict[str, Any]:
        """The lesion as truth states it: its middle in mm (left, back, head), its first and last slice and their heights."""
        z, y, x = (self.low + self.high) / 2
        place = space.lps(
            float(space.x[0]) + x * space.step[2], float(space.y[0]) - y * space.step[1], float(space.z[0]) + z * space.step[0]
        )
        return {
            "name": self.lesion.key,
            "side": self.lesion.side,
            "lobe": self.lesion.lobe,
            "size_mm": self.lesion.finding.size_mm,
            "center_mm": [round(float(v), 1) for v in place],
            "slices": [int(self.low[0]), int(self.high[0])],
            "z_mm": [round(float(space.lps(0, 0, float(space.z[i]))[2]), 1) for i in (self.low[0], self.high[0])],
        }
