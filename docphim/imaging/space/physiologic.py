"""Places of a PET that take up FDG in health, by rules that are named and stated: none of them knows an organ's true outline.

A rule goes by where a place lies in the body, its mirror image, its shape and how high it is.  Heights are parts of the way
from the shoulders (0) to the middle of the bladder (1); sides are mm from the middle of the body, to the left above 0; depths
parts of the body's thickness there, from the front (0) to the back (1).  What a rule takes with it that is a lesion stands in
its docstring.  The usual sites are those of Shreve et al. (RadioGraphics 1999) and Cook et al. (Semin Nucl Med 2004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from docphim.imaging.space.body import filled
from docphim.imaging.space.regions import Outline

#: Heights of what is looked for in an outline; two of them make the scale.
_HEIGHTS = {"shoulders": 0.0, "dome": 0.47, "bladder": 1.0, "fork": 1.2}
#: A place stands out whose SUVpeak is so many times what lies around it.
STANDS_OUT = 1.4
#: What is no more than so many SUV may be bowel, gland, muscle or blood.
_MILD, _FAIR = 5.0, 8.0
#: A place lies amid bone where so much of what is about it is bone.
_AMID_BONE = 0.4


@dataclass(frozen=True)
class Place:
    """A place of high uptake as the rules see it.

    Attributes
    ----------
    height, side, depth : float
        Of its highest voxel, as the module's docstring says; the height is NaN where the body's scale is not known.
    mm : (float, float, float)
        Of its highest voxel, from the first edges of the volume, (z, y, x).
    size : (float, float, float)
        How far it reaches along z, y and x, mm.
    suv_max, suv_peak, suv_mean, ml : float
    around : float
        The upper quartile of SUV in a shell about it, 4 to 10 mm away, without what belongs to other places.
    mirrored : float
        The highest SUV within 12 mm along each axis of its mirror image.
    lung, bone : float
        The shares of the shell that are lung and bone in a CT; without one, that takes up as little as lung, and 0.
    in_brain, beside : bool
        Whether it lies in the `Frame.brain`; whether apart from the trunk and the head: in an arm.
    """

    height: float
    side: float
    depth: float
    mm: tuple[float, float, float]
    size: tuple[float, float, float]
    suv_max: float
    suv_peak: float
    suv_mean: float
    ml: float
    around: float
    mirrored: float
    lung: float
    bone: float
    in_brain: bool = False
    beside: bool = False

    @property
    def thin(self) -> float:
        """Its lesser width within a slice, mm."""
        return min(self.size[1:])

    def within(self, heights: tuple[float, float], sides: tuple[float, float], depths: tuple[float, float]) -> bool:
        """Whether it lies between these; sides count from the middle to either side."""
        off = abs(self.side)
        return bool(
            heights[0] <= self.height <= heights[1] and sides[0] <= off <= sides[1] and depths[0] <= self.depth <= depths[1]
        )


class Frame:
    """The body in which places lie: its middle, its heights, its brain.

    Parameters
    ----------
    pet : Outline
        Of the PET, once its last slice has come.
    ct : Outline or None
        Of its CT on the same grid.
    """

    def __init__(self, pet: Outline, ct: Outline | None) -> None:
        self.blocks, self.body = pet.blocks, pet.body
        self.step = self.blocks.spacing
        seen = pet.seen
        at: dict[str, float | None] = {
            "shoulders": seen.shoulders or None,
            "dome": ct.seen.dome if ct else None,
            "bladder": sum(seen.bladder) / 2 if seen.bladder else None,
            "fork": seen.thighs[0] if seen.thighs else None,
        }
        self.landmarks = {name: height * self.step[0] for name, height in at.items() if height is not None}
        self.bladder = None if seen.bladder is None else tuple(n * self.step[0] for n in seen.bladder)
        self.neck_mm = seen.shoulders * self.step[0]

    @cached_property
    def scale(self) -> tuple[float, float] | None:
        """Height of the top of the volume, and of one mm; None where fewer than two landmarks are seen."""
        if len(self.landmarks) < 2:
            return None
        slope, start = np.polyfit(list(self.landmarks.values()), [_HEIGHTS[name] for name in self.landmarks], 1)
        return float(start), float(slope)

    def height(self, mm: float) -> float:
        """The height of a slice that lies so many mm below the top of the volume."""
        return np.nan if self.scale is None else self.scale[0] + self.scale[1] * mm

    def side(self, mm: float) -> float:
        """How far to the left of the body's middle."""
        return mm - (self.body.middle + 0.5) * self.step[2]

    def depth(self, down: float, mm: float) -> float:
        """Where between the front and the back of the body about its middle."""
        near, middle = round(20 / self.step[2]), round(self.body.middle)
        plane = self.body.mask[min(int(down / self.step[0]), len(self.body.mask) - 1)]
        rows = np.flatnonzero(plane[:, max(0, middle - near) : middle + near + 1].any(1))
        if not len(rows):
            return 0.5
        return float((mm / self.step[1] - rows[0]) / (rows[-1] + 1 - rows[0]))

    def beside(self, down: float, across: float) -> bool:
        """Whether a place lies above the fork beside the piece of the body across its middle: in an arm."""
        trunk, column = self.body.central(min(int(down / self.step[0]), len(self.body.mask) - 1)), across / self.step[2]
        return down < self.landmarks.get("fork", np.inf) and not (trunk and trunk.first <= column <= trunk.last + 1)

    @cached_property
    def brain(self) -> NDArray[np.bool_] | None:
        """Blocks of the brain: of what is bright above the neck the most, holes filled; None where no head is in view.

        Bright is over 40 % of the head's high values (of its 98th percentile); the piece is 40 ml at least.
        """
        from scipy import ndimage

        end = round(self.neck_mm / self.step[0])
        head = np.where(self.body.mask[:end], self.blocks.means[:end], 0)
        if not head.any():
            return None
        bright = head > 0.4 * np.percentile(head[head > 0], 98)
        parts, count = ndimage.label(bright)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        if not count or sizes.max() * np.prod(self.step) / 1000 < 40:
            return None
        brain: NDArray[np.bool_] = ndimage.binary_dilation(filled(parts == sizes.argmax()), iterations=1)
        return brain

    def in_brain(self, mm: Sequence[float]) -> bool:
        """Whether a place (z, y, x) is in it."""
        if self.brain is None:
            return False
        at = [int(place / step) for place, step in zip(mm, self.step, strict=True)]
        return all(n < size for n, size in zip(at, self.brain.shape, strict=True)) and bool(self.brain[tuple(at)])


Rule = Callable[[Sequence[Place], Frame], Iterable[int]]


def flat(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Liver, spleen, blood, marrow, and noise in them: an SUVpeak below `STANDS_OUT` times what lies around.

    A lesion that is hardly brighter than the organ in which it lies goes with it.
    """
    return [n for n, one in enumerate(places) if one.suv_peak < STANDS_OUT * one.around]


def liver(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Liver and spleen where they reach what is asked for: 40 ml or more, height 0.35 to 0.75, no more than `_MILD`, an
    SUVpeak of no more than `STANDS_OUT` times their own mean.  A lesion in them that is as low and as even goes with them.
    """
    there = [n for n, one in enumerate(places) if 0.35 <= one.height <= 0.75 and one.ml >= 40 and one.suv_max <= _MILD]
    return [n for n in there if places[n].suv_peak <= STANDS_OUT * places[n].suv_mean]


def brain(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """What lies in the largest bright piece above the neck (`Frame.brain`); metastases of the brain go with it."""
    return [n for n, one in enumerate(places) if one.in_brain]


def bladder(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """The most uptake (SUV times volume) within 45 mm of the middle at the bladder's height, and what lies inside its span."""
    if frame.bladder is None:
        return []
    top, bottom = (mm + move for mm, move in zip(frame.bladder, (-15, 15), strict=True))
    near = [n for n, one in enumerate(places) if top <= one.mm[0] <= bottom and abs(one.side) <= 45]
    return [max(near, key=lambda n: places[n].suv_max * places[n].ml)] if near else []


def kidneys(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Both kidneys with their pelves: the highest place on each side, and what lies about it.

    Height 0.55 to 0.8, 36 to 110 mm from the middle (adrenals and nodes beside the aorta stay), the back half; only where both
    sides have one and the two lie within 70 mm in height: a kidney alone is not told from a tumour.  About it: 50 mm up and
    down, 45 mm to the side, 40 mm in depth.
    """
    zone = [n for n, one in enumerate(places) if one.within((0.55, 0.8), (36, 110), (0.45, 1.0))]
    sides = [[n for n in zone if (places[n].side > 0) is left] for left in (False, True)]
    if not all(sides):
        return []
    anchors = [places[min(side)] for side in sides]  # places come the highest first
    if abs(anchors[0].mm[0] - anchors[1].mm[0]) > 70:
        return []
    return [
        n
        for side, anchor in zip(sides, anchors, strict=True)
        for n in side
        if abs(places[n].mm[0] - anchor.mm[0]) <= 50
        and abs(places[n].side - anchor.side) <= 45
        and abs(places[n].mm[1] - anchor.mm[1]) <= 40
    ]


def ureters(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Thin lines along the body between kidneys and bladder: 10 to 60 mm from the middle, at most 28 mm wide within a slice,
    at least half as long again as wide."""
    lying = [n for n, one in enumerate(places) if one.within((0.62, 1.02), (10, 60), (0.3, 0.8))]
    return [n for n in lying if places[n].thin <= 28 and places[n].size[0] >= 1.5 * places[n].thin]


def heart(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """The left ventricle: 20 ml or more from the middle to 95 mm on its left, height 0.24 to 0.5, in the front two thirds, not
    amid lung; and what lies within 60 mm of it there: more of the wall, and atria and great vessels that are no more than
    `_MILD`.

    A mass that touches the left border of the heart and has little lung about it goes with it.
    """
    there = [n for n, one in enumerate(places) if 0.24 <= one.height <= 0.5 and -40 <= one.side <= 95 and one.depth <= 0.68]
    wall = [n for n in there if places[n].ml >= 20 and places[n].side >= -15 and places[n].lung < 0.5]
    if not wall:
        return []
    middle = np.array(places[wall[0]].mm)
    near = [n for n in there if np.linalg.norm(np.array(places[n].mm) - middle) <= 60]
    return [n for n in near if places[n].suv_max <= _MILD or (places[n].ml >= 5 and places[n].lung < 0.5)]


def bowel(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Stomach and bowel: height 0.5 to 1.0 (0.62, below the liver, right of 15 mm to the left) in front of the spine, not amid
    bone; no more than `_MILD`, or `_FAIR` where it reaches 30 mm or more in two directions.

    Tumours of the bowel are higher as a rule; nodules and nodes of the belly that are not go with it.
    """
    there = [n for n, one in enumerate(places) if one.within((0.5, 1.0), (0, 130), (0.0, 0.66)) and one.bone < _AMID_BONE]
    there = [n for n in there if places[n].side > 15 or places[n].height > 0.62]
    return [n for n in there if places[n].suv_max <= (_FAIR if sorted(places[n].size)[1] >= 30 else _MILD)]


def pelvis(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Rectum, womb, prostate, urethra: within 35 mm of the middle, height 0.85 to 1.06, no more than `_MILD`, not amid bone."""
    there = [n for n, one in enumerate(places) if one.within((0.85, 1.06), (0, 35), (-0.5, 0.85)) and one.bone < _AMID_BONE]
    return [n for n in there if places[n].suv_max <= _MILD]


def mirrored(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Glands, tonsils, muscles, brown fat of head, neck and shoulders: its mirror image takes up 65 % of it at least.

    It lies above a height of 0.12, 8 mm or more from the middle, and is no more than `_FAIR`.  Nodes on both sides that are as
    alike go with them.
    """
    there = [n for n, one in enumerate(places) if one.height <= 0.12 and abs(one.side) >= 8 and one.suv_max <= _FAIR]
    return [n for n in there if places[n].mirrored >= 0.65 * places[n].suv_max]


def midline(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Tongue, floor of the mouth, larynx: within 14 mm of the middle in front of the spine of the neck and the face, height
    0.05 and above, no more than `_FAIR`."""
    return [n for n, one in enumerate(places) if one.within((-1, 0.05), (0, 14), (-0.5, 0.62)) and one.suv_max <= _FAIR]


def genitals(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """Below the bladder, in the front two fifths, within 35 mm of the middle, no more than `_MILD`: testes."""
    return [n for n, one in enumerate(places) if one.within((1.06, 1.4), (0, 35), (-0.5, 0.4)) and one.suv_max <= _MILD]


def vein(places: Sequence[Place], frame: Frame) -> Iterable[int]:
    """The vein of the injection: a thin line in an arm, twice as long as wide, at most 15 mm wide."""
    return [n for n, one in enumerate(places) if one.beside and one.thin <= 15 and max(one.size) >= 2 * one.thin]


#: In the order in which they are asked: a place goes by the first that takes it.
RULES: dict[str, Rule] = {
    "brain": brain,
    "flat": flat,
    "liver": liver,
    "bladder": bladder,
    "kidneys": kidneys,
    "ureters": ureters,
    "heart": heart,
    "bowel": bowel,
    "pelvis": pelvis,
    "mirrored": mirrored,
    "midline": midline,
    "genitals": genitals,
    "vein": vein,
}


def physiologic(places: Sequence[Place], frame: Frame) -> dict[int, str]:
    """The numbers of the places that a rule takes for physiologic, each with that rule's name."""
    taken: dict[int, str] = {}
    for name, rule in RULES.items():
        left = [n for n in range(len(places)) if n not in taken]
        taken |= {left[n]: name for n in rule([places[n] for n in left], frame)}
    return taken
