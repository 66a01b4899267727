"""The uptake of liver and blood, which lesions are held against (Deauville, PERCIST): measured where a CT shows the organ.

Of a PET alone nothing is guessed.  Measured is the median of a sphere in the liver and of a short cylinder in the aorta;
where uptake is uneven it is not given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from docphim.errors import Refused
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.slices import Slice
from docphim.imaging.io.volume import Turn
from docphim.imaging.space import organs
from docphim.imaging.space.regions import Outline
from docphim.study import Row

Placed = tuple[Planes, Turn]

#: The names of both in `how["reference"]`.
LIVER, BLOOD = "liver", "blood_pool"
#: Fewer voxels are no measure, and a middle half that spreads over more than this share of the median no even organ.
_FEWEST, _UNEVEN = 4, 0.5


def measured(outline: Outline, ct: Placed, pet: Placed, pet_slices: Sequence[Slice]) -> Row:
    """`liver` and `blood_pool`, each with `suv` and `mm` (to the left, the back, the head), or with `suv` None and `why`.

    Parameters
    ----------
    outline : Outline
        Of the CT, laid on the PET's grid.
    ct, pet : (Planes, Turn)
        Both on their own grids, upright; a few slices of each are read.
    pet_slices : sequence of Slice
        The PET's headers, by which its values become SUV.
    """
    from docphim.imaging.units.suv import suv_of  # here, so that a CT is laid on a PET without it

    blocks, (planes, pet_turn) = outline.blocks, pet
    chest = organs.chest_of(outline)
    if chest is None:
        return unmeasured("the CT shows no lungs")
    try:
        factor = suv_of([item.header for item in pet_slices]).factor
    except Refused as refusal:
        return unmeasured(f"the PET has no SUV: {refusal.reason}")

    def uptake(at: np.ndarray, radius: float, half: float | None = None) -> Row:
        return _uptake(planes, pet_turn, factor, at, radius, half)

    size = [round(block / step) for block, step in zip(blocks.spacing, pet_turn.spacing, strict=True)]
    row: Row = {}
    if isinstance(chest.liver, str):
        row[LIVER] = _none(chest.liver)
    else:
        voxel = [(at + 0.5) * n - 0.5 for at, n in zip(chest.liver, size, strict=True)]
        row[LIVER] = uptake(_place(pet_turn, voxel), organs.LIVER_MM / 2)
    levels = np.array(chest.levels) * size[0]
    heights = [_place(pet_turn, [float(level), 0.0, 0.0])[2] for level in levels]
    edge = _place(pet_turn, [0.0, 0.0, (chest.middle + 0.5) * size[2] - 0.5])[0]
    at = _aorta(*ct, heights, edge)
    row[BLOOD] = _none(at) if isinstance(at, str) else uptake(at, organs.BLOOD_MM[0] / 2, organs.BLOOD_MM[1] / 2)
    return row


def unmeasured(why: str) -> Row:
    """As `measured`, where neither could be."""
    return {name: _none(why) for name in (LIVER, BLOOD)}


def _none(why: str) -> Row:
    return {"suv": None, "why": why}


def _place(turn: Turn, voxel: Sequence[float]) -> np.ndarray:
    """Where a voxel (z, y, x) is in the patient, mm."""
    place: np.ndarray = (turn.affine @ [*voxel[::-1], 1.0])[:3]
    return place


def _aorta(ct: Planes, turn: Turn, heights: Sequence[float], middle: float) -> np.ndarray | str:
    """Where an aorta is in the patient, mm, between two heights; `middle` is where the middle of the body is, to the left."""
    if ct.some is None:
        return "the CT's slices cannot be read one by one"
    inverse = np.linalg.inv(turn.affine)
    ends = [float((inverse @ [middle, 0.0, height, 1.0])[2]) for height in heights]
    column = float((inverse @ [middle, 0.0, heights[0], 1.0])[0])
    depth = ct.shape[0]
    numbers = np.unique(np.clip(np.rint(np.linspace(ends[0], ends[1] - 1, organs.LOOKS)), 0, depth - 1).astype(int))
    of_file = [depth - 1 - int(n) if turn.backwards[0] else int(n) for n in numbers]
    at = organs.aorta_of(ct.some(of_file), turn.spacing[1:], (column + 0.5) * turn.spacing[2])
    return at if isinstance(at, str) else _place(turn, [float(numbers[int(at[0])]), at[1], at[2]])


def _uptake(pet: Planes, turn: Turn, factor: float, at: np.ndarray, radius: float, half: float | None) -> Row:
    """The median SUV of a sphere; or of a cylinder along the body, `half` of its length to either side; mm."""
    assert pet.some is not None
    middle = (np.linalg.inv(turn.affine) @ [*at, 1.0])[2::-1]  # z, y, x
    spacing, reach = np.array(turn.spacing), np.array([half or radius, radius, radius])
    first, last = (np.ceil(middle - reach / spacing), np.floor(middle + reach / spacing))
    if (first < 0).any() or (last >= pet.shape).any():
        return _none("the organ reaches out of the PET")
    numbers = range(int(first[0]), int(last[0]) + 1)
    of_file = [pet.shape[0] - 1 - n if turn.backwards[0] else n for n in numbers]
    y, x = (((np.arange(n) - c) * s) ** 2 for n, c, s in zip(pet.shape[1:], middle[1:], spacing[1:], strict=True))
    up = [0.0 if half else ((n - middle[0]) * spacing[0]) ** 2 for n in numbers]
    inside = [plane[z + y[:, None] + x <= radius**2] for z, plane in zip(up, pet.some(of_file), strict=True)]
    values = np.concatenate([*inside, np.zeros(0, np.float32)])
    values *= np.float32(factor)
    if values.size < _FEWEST:
        return _none("the PET's voxels are too large to measure it")
    low, median, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
    if median <= 0:
        return _none("the PET shows no uptake where the CT shows the organ")
    if high - low > _UNEVEN * median:
        return _none("the uptake is uneven where the CT shows the organ")
    return {"suv": round(median, 4), "mm": [round(float(n), 1) for n in at]}
