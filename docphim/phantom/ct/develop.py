"""From painted tissue to a CT's slices: blurred and grained as a kernel leaves them."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from docphim.phantom.body import Array
from docphim.phantom.ct.space import Slab

#: Kernels: noise in HU at 0.75 mm pixels and 1.5 mm slices, size of its grain in pixels, how much an edge is blurred.
KERNELS = {"smooth": (15.0, 0.9, 0.25), "sharp": (52.0, 0.45, 0.10)}
_TILE = 1024


def develop(slab: Slab, kernel: str, rng: np.random.Generator) -> NDArray[np.int16]:
    """Blur in the plane, add the kernel's grain, round to int16."""
    sd, _, edge = KERNELS[kernel]
    hu = _blur(slab.hu, np.float32(edge if slab.space.spacing[2] < 1.2 else edge * 0.55))
    mm = slab.space.spacing
    sd *= min((0.75 / mm[2]) ** 0.45, 1.6) * min((1.5 / mm[0]) ** 0.3, 1.6)
    tile = _grain(kernel)
    for nth, plane in enumerate(hu):
        height = float(slab.space.z[slab.rows.start + nth])
        top, left = rng.integers(0, _TILE, 2)
        loud = np.float32(sd * (1.35 if height < 25 else 1.0))
        plane += tile[top : top + plane.shape[0], left : left + plane.shape[1]] * loud
    np.clip(hu, -1024, 3071, out=hu)
    return np.rint(hu, out=hu).astype(np.int16)


def _blur(hu: Array, edge: np.float32) -> Array:
    """(edge, 1 - 2 edge, edge) along rows and columns."""
    out = hu * (1 - 2 * edge)
    out[:, 1:-1] += (hu[:, :-2] + hu[:, 2:]) * edge
    out[:, 0] += hu[:, 0] * 2 * edge
    out[:, -1] += hu[:, -1] * 2 * edge
    hu = out * (1 - 2 * edge)
    hu[:, :, 1:-1] += (out[:, :, :-2] + out[:, :, 2:]) * edge
    hu[:, :, 0] += out[:, :, 0] * 2 * edge
    hu[:, :, -1] += out[:, :, -1] * 2 * edge
    return hu


@functools.cache
def _grain(kernel: str) -> Array:
    """Noise of unit variance, correlated in the plane as the kernel leaves it, twice as large as the largest shift."""
    white = np.random.default_rng(11).standard_normal((_TILE, _TILE), np.float32)
    tile = ndimage.gaussian_filter(white, KERNELS[kernel][1], mode="wrap")
    if kernel == "sharp":  # an edge-enhancing kernel holds little of the slow changes
        tile -= 0.7 * ndimage.gaussian_filter(white, 1.6, mode="wrap")
    return np.tile(tile / tile.std(), (2, 2))
