"""How much lung a volume in HU shows, and at which of its faces the lungs are cut off: by blocks of 6 mm, as slices come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from docphim.study import Row

#: Blocks are so wide, mm: noise is gone from their means, and lungs are many of them wide.
BLOCK_MM = 6.0
#: The mean of a block of lung, HU: above air outside or in the bowel, below fat and what is half skin and half air.
_LUNG = (-960, -600)
#: So much of what lies around the body is air alone.
_MOSTLY = 0.3
#: Lungs are cut off at a face of the volume on which more of them lies than this, square centimetres.
_CUT_CM2 = 4.0
#: The faces of a volume (z, y, x), the first slice, row and column first.
_FACES = (("top", "bottom"), ("front", "back"), ("right", "left"))


class Blocks:
    """The means of blocks of a volume, gathered as its slices come, in any order.

    Parameters
    ----------
    shape : (int, int, int)
        Slices, rows, columns.
    spacing : sequence of float
        Millimetres along z, y and x.
    """

    def __init__(self, shape: tuple[int, int, int], spacing: Sequence[float]) -> None:
        self._size = [max(1, min(n, round(BLOCK_MM / step))) for n, step in zip(shape, spacing, strict=True)]
        self.spacing = [step * size for step, size in zip(spacing, self._size, strict=True)]
        self.means = np.zeros([n // size for n, size in zip(shape, self._size, strict=True)], np.float32)

    def take(self, number: int, plane: np.ndarray) -> None:
        """Take up a slice, if it is the middle one of its blocks."""
        depth, height, width = self._size
        if number % depth == depth // 2 and number // depth < len(self.means):
            rows, columns = self.means.shape[1:]
            whole = plane[: rows * height, : columns * width].reshape(rows, height, columns * width)
            self.means[number // depth] = whole.mean(1, dtype=np.float32).reshape(rows, columns, width).mean(2)


def lungs(blocks: Blocks) -> Row:
    """What is seen of the lungs: `lungs_litres`, `lungs_share` of the body with its lungs, and `lungs_cut`, a list of faces."""
    lung, means = mask(blocks), blocks.means
    cells = float(np.prod(blocks.spacing))
    share = lung.sum() / max(1, (lung | (means >= _LUNG[1])).sum())
    cut = []
    for axis, names in enumerate(_FACES):
        area = cells / blocks.spacing[axis] / 100
        cut += [name for name, at in zip(names, (0, -1), strict=True) if lung.take(at, axis).sum() * area > _CUT_CM2]
    return {"lungs_litres": round(float(lung.sum() * cells / 1e6), 2), "lungs_share": round(float(share), 3), "lungs_cut": cut}


def mask(blocks: Blocks) -> np.ndarray:
    """Which blocks are lung, bool (z, y, x)."""
    from scipy import ndimage

    means = blocks.means
    within = (means > _LUNG[0]) & (means < _LUNG[1]) & ~_outside(means)
    # the rim of skin, of a mean between air and fat, is one block thick and goes; at a face of the volume lungs go on
    core = ndimage.binary_erosion(within, border_value=1)
    lung: np.ndarray = ndimage.binary_dilation(core, mask=within)
    return lung


def _outside(means: np.ndarray) -> np.ndarray:
    """Air around the body with the foam and the blankets in it: what is light, reaches a side of its slice and is mostly air.

    What is mostly air is looked at in the whole volume, since foam fills some slices of a table; what reaches a side, in each
    slice, since lungs are open to the air through a tracheostomy or a blank slice.  Lungs of a crop are not mostly air.
    """
    from scipy import ndimage

    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    light = means < _LUNG[1]
    parts, slices = (ndimage.label(light, structure)[0] for structure in (None, in_plane))
    size, air = (np.bincount(parts[where], minlength=parts.max() + 1) for where in (light, means <= _LUNG[0]))
    return light & (air > _MOSTLY * size)[parts] & at_sides(slices)[slices]


def at_sides(parts: np.ndarray) -> np.ndarray:
    """Whether each part (a number of `ndimage.label`) reaches a side of its slice."""
    reach = np.zeros(parts.max() + 1, bool)
    reach[np.concatenate([parts[:, [0, -1], :].ravel(), parts[:, :, [0, -1]].ravel()])] = True
    return reach
