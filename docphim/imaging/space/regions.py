"""Which slices of a body are head and neck, chest, abdomen and pelvis, and limbs: by its outline and, in a CT, by the lungs.

Slices come one by one, in any order; what is looked at are blocks of 6 mm, so a border is known to about that.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from docphim.errors import Refused, UsageError
from docphim.imaging.space import body as bodies
from docphim.imaging.space import landmarks
from docphim.imaging.space.body import Body
from docphim.imaging.space.landmarks import Landmarks
from docphim.imaging.space.lungs import Blocks
from docphim.study import REGIONS, Row

#: What lies about a border so near, mm, is shown on both sides of it.
MARGIN_MM = 20.0
#: The hip joints lie about so far above the fork of the thighs, mm: from there on a thigh is shown.
HIP_MM = 100.0
#: A region of which less than this is seen, mm, is none: the lowest neck above a chest.
LEAST_MM = 40.0
#: Of the height, from the vertex: where head and neck end in the paper on Vietnamese PET/CT reports (arXiv 2509.24739, about),
#: and how many slices two neighbouring regions share.
HEAD_ENDS, SHARED = 0.2, 20


class Outline:
    """A body seen slice by slice, and its regions once the last has come.

    Parameters
    ----------
    shape : (int, int, int)
        Slices, rows, columns of the grid: the top slice is number 0, the front row and the patient's right come first.
    spacing : sequence of float
        Millimetres along z, y and x.
    volume : {"ct", "pet"}
        Whether planes are in HU, or in SUV (or any unit that grows with it).

    Attributes
    ----------
    blocks : Blocks
        What was taken up, for others to look at (`balance.body_mean`).
    """

    def __init__(self, shape: tuple[int, int, int], spacing: Sequence[float], volume: Literal["ct", "pet"]) -> None:
        self.blocks = Blocks(shape, spacing)
        self.volume = volume
        self._slices, self._step = shape[0], float(spacing[0])

    def take(self, number: int, plane: np.ndarray) -> None:
        """Take up a slice of the grid."""
        self.blocks.take(number, plane)

    @cached_property
    def body(self) -> Body:
        """Which blocks are of the body, once the last slice has come."""
        return bodies.of_ct(self.blocks) if self.volume == "ct" else bodies.of_pet(self.blocks)

    @cached_property
    def seen(self) -> Landmarks:
        """What is seen of it."""
        return landmarks.of(self.body, self.blocks, self.volume)

    def check(self) -> None:
        """Refuse a volume without a body, or one that is turned.

        Raises
        ------
        Refused
            `no_body`; `ct_flipped`: front and back are changed; `volume_upside_down`: head and feet are.
        """
        body = self.body
        if not body.mask.any():
            raise Refused("no_body", "", "no slice shows a body")
        if landmarks.upside_down(body):
            raise Refused("volume_upside_down", "", "the thighs lie at the top")
        if self.volume == "ct" and landmarks.spine_in_front(body, self.blocks):
            raise Refused("ct_flipped", "", "the spine lies in front")

    def regions(self) -> Row:
        """The first and the last slice of each region that is seen, from the top: `how["regions"]` of index.jsonl.

        They overlap, and every slice is in one at least.  A CT shows the chest by its lungs.  A PET does not show the
        diaphragm: chest and abdomen are one range in it, and `no_diaphragm` is among the flags.

        Returns
        -------
        dict
            Region → `[first, last]`; `flags`: of `arms_up`, `arms_down`, `arms_unknown`, `head_cut` (the vertex is not in
            view), `head_missing`, `legs_missing`, `abdomen_missing`, `no_diaphragm`; `from`: `ct` or `pet`; `landmarks`: the
            slices of `neck` and `thighs` to the ends of the scan, of `lungs` and of the `bladder`.

        Raises
        ------
        Refused
            As `check`.
        """
        self.check()
        body, seen = self.body, self.seen
        spans, flags = _spans(seen, len(body.mask), body.spacing[0])
        whole: Row = {name: self._numbers(spans[name]) for name in REGIONS if name in spans}
        heights = {name: self._numbers(height) for name, height in _heights(seen).items()}
        left_out = {"head_cut"} if "head_missing" in flags else set()
        return whole | {"flags": sorted({*flags, *seen.flags} - left_out), "from": self.volume, "landmarks": heights}

    def _numbers(self, span: tuple[float, float]) -> list[int]:
        """Slices of the grid for a span of blocks, from the top of its first to the bottom of its last."""
        scale = self.blocks.spacing[0] / self._step
        first, last = round(span[0] * scale), round(span[1] * scale) - 1
        if span[1] >= len(self.blocks.means):  # the last slices may fill no block
            last = self._slices - 1
        return [max(0, min(first, self._slices - 1)), max(0, min(last, self._slices - 1))]


def _heights(seen: Landmarks) -> dict[str, tuple[float, float]]:
    """What was seen, as spans of blocks: the neck and the thighs to the ends of the scan, the lungs, the bladder."""
    heights = {"neck": (0, seen.shoulders), "lungs": seen.lungs, "bladder": seen.bladder, "thighs": seen.thighs}
    return {name: height for name, height in heights.items() if height is not None and height[0] < height[1]}


def _spans(seen: Landmarks, depth: int, step: float) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Regions as spans of blocks, (upper border, lower border), and what is missing."""
    margin, spans, flags = MARGIN_MM / step, {}, []
    starts, ends = 0.0, float(depth)
    if seen.shoulders * step >= LEAST_MM:
        spans["head_neck"] = (0.0, seen.shoulders + margin)
        starts = seen.shoulders - margin
    else:
        flags.append("head_missing")
    hips = _hips(seen, depth, step)
    if hips is not None:
        spans["limbs"] = (hips, float(depth))
        ends = min(hips + HIP_MM / step + margin, ends)
    else:
        flags.append("legs_missing")
    if seen.lungs is None:
        flags.append("no_diaphragm")
        spans["chest"] = spans["abdomen_pelvis"] = (starts, ends)
    elif (ends - seen.lungs[1]) * step < LEAST_MM:
        flags.append("abdomen_missing")
        spans["chest"] = (starts, ends)
    else:
        spans["chest"] = (starts, seen.lungs[1] + margin)
        spans["abdomen_pelvis"] = (max((seen.dome or 0) - margin, 0.0), ends)
    return spans, flags


def _hips(seen: Landmarks, depth: int, step: float) -> float | None:
    """Where the hip joints lie: above the fork of the thighs, or where these touch in a PET as low as the bladder's floor."""
    if seen.thighs is not None:
        return max(seen.thighs[0] - HIP_MM / step, 0.0)
    if seen.bladder is not None and (depth - seen.bladder[1]) * step >= HIP_MM + LEAST_MM:
        return float(seen.bladder[1])
    return None


def published(slices: int, chest_ends: float | None) -> Row:
    """Regions by fractions of the height, as in the paper on Vietnamese PET/CT reports; of a volume without a spacing too.

    Head and neck are the top fifth, the chest starts `SHARED` slices above their end, and so on; there are no limbs.  Where the
    paper's chest ends is not public (public programs that redo it take 0.5 and 0.55), so a recipe has to say it.

    Raises
    ------
    UsageError
        `chest_ends` is absent, or not between `HEAD_ENDS` and 1.
    """
    if chest_ends is None or not HEAD_ENDS < chest_ends < 1:
        why = f"a fraction of the height between {HEAD_ENDS} and 1; the paper's own is not public"
        raise UsageError(f"regions: published: chest_ends: must be {why}")
    ends = [round(HEAD_ENDS * slices), round(chest_ends * slices), slices]
    starts = [0, *(max(0, end - SHARED) for end in ends[:2])]
    whole: Row = {name: [first, max(first, end - 1)] for name, first, end in zip(REGIONS, starts, ends, strict=False)}
    return whole | {"flags": [], "from": "published"}
