"""Where in a CT a liver and a descending aorta can be seen, for the uptake that lesions are held against; else why not.

Both are looked for from the lungs: the liver in blocks of 6 mm under the right one, the aorta in slices of the CT itself,
between the left one and the spine.  Nothing is taken for an organ that could as well be another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docphim.imaging.space import lungs as lung
from docphim.imaging.space.regions import Outline

#: HU of a liver without contrast, in blocks.
_LIVER = (20.0, 90.0)
#: By what uptake is measured (PERCIST 1.0: Wahl et al. 2009): a sphere in the right lobe of the liver, mm across; a cylinder
#: along the aorta, mm across and long.
LIVER_MM, BLOOD_MM = 30.0, (10.0, 20.0)
#: About the sphere in a liver there is as much more of the organ.
_MARGIN_MM = 6.0
#: A liver reaches so far below the lungs, and its right lobe lies so far from the middle.
_BELOW_MM, _ASIDE_MM = 60.0, 25.0
#: Slices of the CT in which an aorta is looked for, and in how many of them it must be in one place, within so many mm.
LOOKS, _FEWEST, _ONE_PLACE_MM = 9, 5, 8.0
#: HU of blood, without contrast and with it; of bone; of lung.
_BLOOD, _BONE, _LUNG = (10.0, 400.0), 150.0, -400.0
#: The radius of a descending aorta; where its middle lies: to the left of the middle of the spine, and behind the front of it.
_RADIUS_MM, _LEFT_MM, _BEHIND_MM = (8.0, 18.0), (-8.0, 42.0), (-30.0, 22.0)
#: So far around the middle of the body a spine lies; noise is smoothed by so much; lung lies so near to an aorta's wall.
_SPINE_MM, _SMOOTH_MM, _NEAR_MM = 45.0, 1.5, 5.0

Place = tuple[float, float, float]


@dataclass(frozen=True)
class Chest:
    """What a CT's blocks show of a chest: blocks from the top in which the aorta runs down, and the liver or why there is none.

    `liver` is the middle (z, y, x) of a sphere, in blocks; `middle` the column in the middle of the body, in blocks.
    """

    levels: tuple[int, int]
    middle: float
    liver: Place | str


def chest_of(outline: Outline) -> Chest | None:
    """The chest in the outline of a CT; None where no lungs are seen."""
    from scipy import ndimage

    body, seen, blocks = outline.body, outline.seen, outline.blocks
    if seen.lungs is None or seen.dome is None:
        return None
    down, _, across = blocks.spacing
    ends = seen.lungs[1] + round(_BELOW_MM / down)
    columns = max(0, round(body.middle - _ASIDE_MM / across))
    margin = [round((LIVER_MM / 2 + _MARGIN_MM) / step) + 1 for step in blocks.spacing]
    start = max(0, seen.dome - margin[0])
    near = (slice(start, ends + margin[0]), slice(None), slice(0, columns + margin[2]))
    even = (blocks.means[near] >= _LIVER[0]) & (blocks.means[near] <= _LIVER[1]) & body.mask[near]
    deep = ndimage.distance_transform_edt(even, sampling=blocks.spacing)
    zone = deep[seen.dome - start : ends - start, :, :columns]
    levels = (seen.lungs[0] + (seen.dome - seen.lungs[0]) // 2, seen.dome)  # below the arch, above the diaphragm
    if not zone.size or zone.max() < LIVER_MM / 2 + _MARGIN_MM:
        return Chest(levels, body.middle, "no even tissue of a liver lies under the right lung")
    z, y, x = (int(n) for n in np.unravel_index(int(zone.argmax()), zone.shape))
    above = lung.mask(blocks)[seen.lungs[0] : seen.lungs[1], max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
    liver: Place | str = (float(z) + seen.dome, float(y), float(x))
    return Chest(levels, body.middle, liver if above.any() else "the tissue to the right does not lie under a lung")


def aorta_of(planes: Iterator[np.ndarray], spacing: Sequence[float], middle_mm: float) -> Place | str:
    """The middle of a descending aorta: number of the plane, row and column; or why there is none.

    Parameters
    ----------
    planes : iterator of ndarray
        `LOOKS` slices of a CT in HU, upright, from below the arch to above the diaphragm.
    spacing : sequence of float
        Millimetres of rows and columns.
    middle_mm : float
        How far the middle of the body lies from the outer edge of the first column.
    """
    at = [(number, *place) for number, plane in enumerate(planes) if (place := _in_slice(plane, spacing, middle_mm))]
    if len(at) >= _FEWEST:
        places = np.array(at)
        usual = np.median(places[:, 1:], 0)
        near = places[np.hypot(*((places[:, 1:] - usual) * spacing).T) <= _ONE_PLACE_MM]
        if len(near) >= _FEWEST:
            number, row, column = near[len(near) // 2]
            return float(number), float(row), float(column)
    return "no vessel is seen between the left lung and the spine"


def _in_slice(plane: np.ndarray, spacing: Sequence[float], middle_mm: float) -> tuple[float, float] | None:
    """Row and column of the middle of an aorta in one slice."""
    from scipy import ndimage

    down, across = spacing
    first = max(0, round((middle_mm - 2 * _SPINE_MM) / across))
    part = plane[:, first : round((middle_mm + 2 * _SPINE_MM) / across)].astype(np.float32)
    values = ndimage.gaussian_filter(part, (_SMOOTH_MM / down, _SMOOTH_MM / across))
    spine = _spine(values > _BONE, round(middle_mm / across) - first, _SPINE_MM / across)
    if spine is None:
        return None
    rows, columns = np.nonzero(spine)
    front, middle = float(np.percentile(rows, 2)), float(columns.mean())
    tissue = (values >= _BLOOD[0]) & (values <= _BLOOD[1]) & ~spine
    radius = ndimage.distance_transform_edt(tissue, sampling=(down, across))
    y, x = np.indices(radius.shape)
    left, behind = (x - middle) * across, (y - front) * down
    there = (left >= _LEFT_MM[0]) & (left <= _LEFT_MM[1]) & (behind >= _BEHIND_MM[0]) & (behind <= _BEHIND_MM[1])
    there &= (radius >= _RADIUS_MM[0]) & (radius <= _RADIUS_MM[1])
    there &= radius == ndimage.maximum_filter(radius, size=(round(9 / down), round(9 / across)))
    to_lung = ndimage.distance_transform_edt(values >= _LUNG, sampling=(down, across))
    there &= to_lung - radius <= _NEAR_MM + 3  # its wall, and fat about it
    if not there.any():
        return None
    row, column = (int(n) for n in np.unravel_index(int(np.where(there, radius, 0).argmax()), radius.shape))
    return float(row), float(column) + first


def _spine(bone: NDArray[np.bool_], middle: float, reach: float) -> NDArray[np.bool_] | None:
    """The largest piece of bone near the middle: a breast bone and a vessel full of contrast are smaller."""
    from scipy import ndimage

    parts, count = ndimage.label(bone)
    if not count:
        return None
    sizes = np.bincount(parts.ravel()).astype(float)
    centres = np.array(ndimage.center_of_mass(bone, parts, range(1, count + 1)))[:, 1]
    sizes[0] = 0
    sizes[1:][np.abs(centres - middle) > reach] = 0
    return parts == sizes.argmax() if sizes.any() else None
