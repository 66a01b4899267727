"""How large a candidate is: its diameters in an axial slice, on the CT where lung shows its border, else on the PET."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from docphim.imaging.hot_spots import Spot
from docphim.study import Row

#: The border of what lies in lung, HU: half air and half tissue; on a PET, the share of the highest value above what is around.
_BORDER_HU, _BORDER = -400.0, 0.5
#: On the CT it may reach so much beyond what the PET shows of it, mm; slices are made so many times finer.
_BEYOND_MM, _FINER = 5.0, 4
#: What is thinner than so many mm on the CT is a vessel or a streak.
_VESSEL_MM = 6.0


def size(spot: Spot, pet: NDArray[np.float32], ct: NDArray[Any] | None, spacing: tuple[float, float, float]) -> Row:
    """`size_mm` [the longest diameter, the longest across it] in the slice in which the spot is largest, and `size_on`.

    On a PET the border lies half way between the highest value and what is around it: that of a body of even uptake which is
    larger than the scanner's blur; one that is smaller comes out larger.  On the CT: what is denser than half lung and half
    tissue and hangs together with the spot, without vessels; where a lesion grows from the mediastinum or the wall of the chest
    the CT shows no border, and the PET counts.

    Parameters
    ----------
    ct : ndarray or None
        HU on the PET's grid, where the spot lies in lung.
    """
    number = int(spot.mask.sum((1, 2)).argmax())
    reach = [int(np.ceil(_BEYOND_MM / step)) for step in spacing[1:]]
    z = spot.box[0].start + number
    box = tuple(
        slice(max(0, cut.start - r), min(n, cut.stop + r)) for cut, r, n in zip(spot.box[1:], reach, pet.shape[1:], strict=True)
    )
    mask = np.zeros([cut.stop - cut.start for cut in box], bool)
    mask[tuple(slice(c.start - o.start, c.stop - o.start) for c, o in zip(spot.box[1:], box, strict=True))] = spot.mask[number]
    plane, within, on = pet[z][box], None, "ct"
    if ct is not None:
        within = _inside(ct[z][box].astype(np.float32), _BORDER_HU, mask, round(_VESSEL_MM / spacing[1] * _FINER))
    if within is None or _open(within):
        around = float(np.median(plane[~mask])) if (~mask).any() else 0.0
        within, on = _inside(plane, around + _BORDER * (float(plane[mask].max()) - around), mask), "pet"
    longest, across = _diameters(within, spacing[1] / _FINER, spacing[2] / _FINER)
    return {"size_mm": [round(longest, 1), round(across, 1)], "size_on": on}


def _open(within: NDArray[np.bool_]) -> bool:
    """Whether what was grown goes on beyond its box."""
    return bool(within[[0, -1]].any() or within[:, [0, -1]].any())


def _inside(plane: NDArray[np.float32], level: float, mask: NDArray[np.bool_], opened: int = 0) -> NDArray[np.bool_]:
    """What of a plane, made finer, reaches a level and hangs together with most of a mask; no streaks thinner than `opened`."""
    from scipy import ndimage

    fine = ndimage.zoom(plane, _FINER, order=1, grid_mode=True, mode="nearest")
    over = np.repeat(np.repeat(mask, _FINER, 0), _FINER, 1)
    high = fine >= level
    core = ndimage.binary_opening(high, _disc(opened)) if opened else high
    parts, _ = ndimage.label(core if core[over].any() else high)
    counts = np.bincount(parts[over])
    counts[0] = 0
    return parts == counts.argmax() if counts.any() else over


def _disc(across: int) -> NDArray[np.bool_]:
    n = np.arange(across) - (across - 1) / 2
    disc: NDArray[np.bool_] = n[:, None] ** 2 + n**2 <= (across / 2) ** 2
    return disc


def _diameters(mask: NDArray[np.bool_], down: float, right: float) -> tuple[float, float]:
    """The longest distance between two points of a mask, and the longest across it, mm."""
    from scipy import ndimage

    edge = np.argwhere(mask & ~ndimage.binary_erosion(mask)) * (down, right)
    apart = np.linalg.norm(edge[:, None] - edge[None], axis=-1)
    longest = float(apart.max())
    one, other = np.unravel_index(int(apart.argmax()), apart.shape)
    along = edge[other] - edge[one]
    voxel = float(np.hypot(down, right) / np.sqrt(2))
    if not along.any():
        return voxel, voxel
    across = edge @ np.array([-along[1], along[0]]) / np.linalg.norm(along)
    return longest + voxel, float(np.ptp(across)) + voxel
