"""Whether SUV can be those of a body: over all of it they average about 1, because the tracer that was injected is somewhere.

A dose in millicuries, a factor applied twice or units misread move that mean by decades, and nothing else shows it.
"""

from __future__ import annotations

import numpy as np

from docphim.errors import Refused
from docphim.imaging.space.body import divide, filled
from docphim.imaging.space.lungs import Blocks

#: A scan of at least so many millimetres along the body shows most of what was injected.
LEAST_MM = 700.0
#: Its mean SUV inside the body's outline lies between these: some of the dose lies outside, or has left the body.
MEAN = (0.3, 1.5)


def body_mean(blocks: Blocks) -> tuple[float, float]:
    """The mean inside the body's outline, and the litres inside; the outline does not depend on the unit of the values.

    Body and air are divided where the variance between both is largest (Otsu 1979), of cube roots, so that bladder and brain
    do not take all of the scale; the largest piece is the body, holes filled.
    """
    from scipy import ndimage

    roots = np.cbrt(np.maximum(blocks.means, 0))
    if np.ptp(roots) == 0:
        return 0.0, 0.0
    parts, count = ndimage.label(ndimage.binary_opening(roots > divide(roots)))
    if not count:
        return 0.0, 0.0
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    body = filled(parts == sizes.argmax())
    litres = float(body.sum() * np.prod(blocks.spacing) / 1e6)
    return float(blocks.means[body].mean(dtype=np.float64)), litres


def check(mean: float, length: float) -> bool:
    """Whether a scan of that length, mm, was long enough to be judged.

    Raises
    ------
    Refused
        `suv_unbalanced`.
    """
    if length < LEAST_MM:
        return False
    if not MEAN[0] <= mean <= MEAN[1]:
        why = f"a body's mean SUV is {MEAN[0]} to {MEAN[1]}; here it would be {mean:.3g}"
        raise Refused("suv_unbalanced", "", f"{why}: dose, weight or unit are not what they seem")
    return True
