"""Where the voxels of a PET and of its CT lie: two grids around one body, the PET with seams between the beds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from docphim.phantom.body import Body, rng_of
from docphim.phantom.ct.space import Space
from docphim.phantom.patient import Patient

#: Heights between which a patient is scanned, standard mm: the vertex and the middle of the thighs.
VERTEX, THIGH = -282.0, 770.0
#: Heights of the chin, of the bladder's middle, and of the trunk's end between the legs.
CHIN, BLADDER, CROTCH = -70.0, 522.0, 604.0
#: Field of view of a PET and of the CT beside it, mm.
FIELD, CT_FIELD = 700.0, 500.0
#: Millimetres of the body that one position of the bed shows, without its overlap with the next.
BED = 141.0
#: At the seams between beds the step is a little longer, and at the last one shorter: 3.27 mm becomes 3.29 and 3.19
#: (measured on a public scan of the Discovery ST).
_SEAM, _LAST = 1.006, 0.976


def pet_space(patient: Patient, body: Body, size: int, step_mm: float, field: float | None, seams: bool) -> Space:
    """The PET's grid: `size` rows and columns, slices about `step_mm` apart from the vertex to the thighs."""
    space = _around(patient, body, size, step_mm, field or FIELD)
    if not seams:
        return space
    steps = np.full(space.z.size - 1, step_mm / body.scale[2])
    at = np.array([i for i in range(space.z.size - 1) if beds(space.z.size, step_mm)[i] != beds(space.z.size, step_mm)[i + 1]])
    if at.size:
        steps[at] *= _SEAM
        steps[at[-1]] *= _LAST / _SEAM
    heights = space.z[0] + np.concatenate([[0], np.cumsum(steps)])
    return replace(space, z=heights.astype(np.float32))


def beds(slices: int, step_mm: float) -> NDArray[np.int64]:
    """The position of the bed in which each slice was taken, counted from the head."""
    each = max(round(BED / step_mm), 1)
    return np.arange(slices) // each


def ct_space(patient: Patient, body: Body, size: int, step_mm: float, field: float | None) -> Space:
    """The CT's grid; its field of view is the smaller one of the two scanners, unless `field` names one for both."""
    return _around(patient, body, size, step_mm, min(field or CT_FIELD, CT_FIELD))


def _around(patient: Patient, body: Body, size: int, step_mm: float, field: float) -> Space:
    """Both scans are centred alike: the table moves, the patient does not."""
    jitter = rng_of(patient, "pet place").uniform(-1, 1, 3)
    mm = field / size
    x = (np.arange(size) - (size - 1) / 2) * mm / body.scale[0] + 4 * jitter[0]
    y = -(np.arange(size) - (size - 1) / 2) * mm / body.scale[1] - 8 + 4 * jitter[1]
    count = int((THIGH - VERTEX) * body.scale[2] / step_mm)
    z = VERTEX + 4 * jitter[2] + (np.arange(count) + 0.5) * step_mm / body.scale[2]
    step = (step_mm / body.scale[2], mm / body.scale[1], mm / body.scale[0])
    return Space(x.astype(np.float32), y.astype(np.float32), z.astype(np.float32), step, (step_mm, mm, mm), body.scale)
