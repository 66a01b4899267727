"""Where in a body its shoulders, lungs, bladder and the fork of its thighs lie, in blocks from the top."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from docphim.imaging.space import lungs as lung
from docphim.imaging.space.body import Body, Piece
from docphim.imaging.space.lungs import Blocks

#: A neck is narrower than this share of the trunk's area, and a slice belongs to the trunk from the other one on.
_NECK, _TRUNK = 0.6, 0.9
#: Above a neck the head is wider than it by this factor.
_HEAD = 1.15
#: Thighs are each larger than this share of the trunk's area, and alike by that ratio; no third thing is as large.
_THIGH, _ALIKE, _THIRD = 0.2, 0.6, 0.5
#: Arms show so many square centimetres beside the trunk or the head.
_ARMS_CM2 = 20.0
#: Lungs show so much in their first and last slices, square centimetres, and are so large, litres.
_LUNG_CM2, _LUNG_LITRES = 8.0, 0.3
#: Of pieces of lung those count that are this share of the largest: bowel with a little gas is none.
_PIECE = 0.1
#: Under the dome of the diaphragm lungs fall below this share of their largest area.
_DOME = 0.75
#: The bladder lies within this of the middle, mm, below that share of the trunk (kidneys lie above); it is so many times as
#: bright as the body, and all of it above a share of its highest value.
_MIDDLE_MM, _LOW, _BRIGHT, _SHARE = 45.0, 0.6, 5.0, 0.3
#: A scan of so many mm shows a trunk.
_LEAST_BODY_MM = 500.0
#: Between the thigh bones there is none within this of the middle, mm, for so many mm.
_BETWEEN_MM, _LEAST_THIGH_MM = 30.0, 40.0
#: Bone in blocks, HU; and the share of slices by which front and back are told apart, where bone is seen in so many mm.
_BONE, _MOST, _LEAST_SPINE_MM = 130.0, 0.6, 150.0


@dataclass(frozen=True)
class Landmarks:
    """Heights in blocks from the top, each span from its first block to the first behind it; None where it is not seen.

    `shoulders` ends the neck, `dome` is the dome of the diaphragm, `thighs` start where they part and end the scan.
    """

    shoulders: int
    dome: int | None
    lungs: tuple[int, int] | None
    bladder: tuple[int, int] | None
    thighs: tuple[int, int] | None
    flags: tuple[str, ...]


def of(body: Body, blocks: Blocks, volume: Literal["ct", "pet"]) -> Landmarks:
    """All that can be seen of them: lungs in a CT, the bladder in a PET."""
    shoulders, forked = neck_ends(body), fork(body)
    breath = _lungs(blocks) if volume == "ct" else None
    if forked is None and breath is not None:
        forked = _bones_part(body, blocks, breath[2])
    bladder = _bladder(body, blocks, shoulders, forked) if volume == "pet" else None
    flags = _head(body, shoulders) + _arms(body, shoulders, forked)
    dome, lungs = (None, None) if breath is None else (breath[1], (breath[0], breath[2]))
    thighs = None if forked is None else (forked, len(body.mask))
    return Landmarks(lungs[0] if lungs else shoulders, dome, lungs, bladder, thighs, tuple(flags))


def _central(body: Body) -> NDArray[np.float64]:
    """The area of the piece across the middle of each slice, cm²; 0 where there is none."""
    return np.array([piece.cm2 if (piece := body.central(z)) else 0.0 for z in range(len(body.mask))])


def trunk(body: Body) -> float:
    """The area of a usual slice of the trunk, cm²."""
    areas = _central(body)
    return float(np.median(areas[areas > 0])) if areas.any() else 0.0


def neck_ends(body: Body) -> int:
    """The first block from the top that is no longer neck: 0 where no neck is in view."""
    areas, usual = _central(body), trunk(body)
    shoulders = int(np.argmax(areas >= _TRUNK * usual)) if usual else 0
    narrowest = areas[shoulders] if shoulders else usual
    at = shoulders
    for z in range(shoulders - 1, -1, -1):
        if areas[z] > _HEAD * narrowest or not areas[z]:
            break
        if areas[z] < narrowest:
            narrowest, at = areas[z], z
    if narrowest >= _NECK * usual:
        return 0
    return at + int(np.argmax(areas[at:] >= (narrowest + usual) / 2))


def fork(body: Body) -> int | None:
    """The first block of the two thighs, which go on to the last slice; None where they are not in view or touch."""
    usual = trunk(body)
    rows = [pieces for pieces in reversed(body.pieces) if pieces]
    count = len(list(takewhile(lambda pieces: _two_thighs(pieces, usual), rows)))
    empty = len(list(takewhile(lambda pieces: not pieces, reversed(body.pieces))))
    return len(body.mask) - empty - count if count > 1 else None


def _two_thighs(pieces: list[Piece], usual: float) -> bool:
    if len(pieces) < 2:
        return False
    first, second = pieces[:2]
    apart = first.last < second.first or second.last < first.first
    alone = len(pieces) == 2 or pieces[2].cm2 <= _THIRD * second.cm2
    return apart and alone and second.cm2 >= max(_THIGH * usual, _ALIKE * first.cm2)


def _head(body: Body, shoulders: int) -> list[str]:
    """`head_cut` where the topmost slice goes through a head or a neck."""
    areas = _central(body)[:shoulders]
    return ["head_cut"] if len(areas) and areas[0] > _THIRD * areas.max() else []


def _arms(body: Body, shoulders: int, forked: int | None) -> list[str]:
    """`arms_up` where they lie beside the head, `arms_down` where they lie beside the belly; one of each is both."""
    ends = len(body.mask) if forked is None else forked
    beside = [sum(piece.cm2 for piece in body.sides(z)) >= _ARMS_CM2 for z in range(ends)]
    above, below = beside[:shoulders], beside[(shoulders + ends) // 2 :]
    flags = [name for name, rows in (("arms_up", above), ("arms_down", below)) if rows and 2 * sum(rows) >= len(rows)]
    return flags or ["arms_unknown"]


def _lungs(blocks: Blocks) -> tuple[int, int, int] | None:
    """The first block of lung, the first below the dome of the diaphragm, and the first below all lung; None without lungs."""
    from scipy import ndimage

    parts, _ = ndimage.label(lung.mask(blocks))
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    litres = float(np.prod(blocks.spacing)) / 1e6
    if sizes.max() * litres < _LUNG_LITRES / 2:
        return None
    large = sizes >= _PIECE * sizes.max()
    large[0] = False
    areas = large[parts].sum((1, 2)) * blocks.spacing[1] * blocks.spacing[2] / 100
    shown = np.flatnonzero(areas >= _LUNG_CM2)
    if not len(shown) or areas.sum() * blocks.spacing[0] / 1e4 < _LUNG_LITRES:
        return None
    top, bottom, widest = int(shown[0]), int(shown[-1]) + 1, int(areas.argmax())
    below = widest + int(np.argmax(np.append(areas[widest:], 0.0) < _DOME * areas[widest]))
    return top, min(below, bottom), bottom


def _bladder(body: Body, blocks: Blocks, shoulders: int, forked: int | None) -> tuple[int, int] | None:
    """The first block of the bladder and the first below it: of what is bright in the middle of the lower trunk, the most."""
    from scipy import ndimage

    ends = len(body.mask) if forked is None else forked
    reach = _MIDDLE_MM / blocks.spacing[2]
    columns = slice(max(0, round(body.middle - reach)), round(body.middle + reach) + 1)
    start = round(shoulders + _LOW * (ends - shoulders))
    zone = np.where(body.mask, blocks.means, 0)[start:ends, :, columns]
    usual = float(np.median(blocks.means[body.mask]))
    if not zone.size or zone.max() < _BRIGHT * usual:
        return None
    parts, count = ndimage.label(zone > _BRIGHT * usual)
    most = 1 + int(np.argmax(ndimage.sum_labels(zone, parts, range(1, count + 1))))
    inside = np.where(parts == most, zone, 0)
    rows = np.flatnonzero((inside > _SHARE * inside.max()).any((1, 2)))
    return start + int(rows[0]), start + int(rows[-1]) + 1


def _bones_part(body: Body, blocks: Blocks, below: int) -> int | None:
    """The first block below the bones of the pelvis, where thighs touch: none lies near the middle, and one on each side."""
    reach, middle = _BETWEEN_MM / blocks.spacing[2], round(body.middle)
    bone: NDArray[np.bool_] = np.any((blocks.means > _BONE) & body.mask, axis=1)
    near = bone[:, max(0, round(middle - reach)) : round(middle + reach) + 1].any(1)
    thighs: NDArray[np.bool_] = np.logical_and.reduce([~near, bone[:, :middle].any(1), bone[:, middle:].any(1)])
    long = max(1, round(_LEAST_THIGH_MM / blocks.spacing[0]))
    runs = np.convolve(thighs[below:], np.ones(long, int), "valid") if len(thighs) - below >= long else np.zeros(0)
    starts = np.flatnonzero(runs == long)
    return below + int(starts[0]) if len(starts) else None


def upside_down(body: Body) -> bool:
    """Whether the thighs are at the top of a scan long enough to show a trunk: above a head alone arms look alike."""
    long_enough = len(body.mask) * body.spacing[0] >= _LEAST_BODY_MM
    return long_enough and fork(body) is None and fork(body.reversed()) is not None


def spine_in_front(body: Body, blocks: Blocks) -> bool:
    """Whether the bone near the middle of a CT's trunk lies in front, where a spine lies behind.

    Slices are counted in which there is more of it in the front two fifths of the body than in the back ones: a breast bone is
    thinner than a spine, and contrast in the bowel fills some slices.  Rows go from the patient's front to the back, however
    the patient lies, so where the table is does not count.
    """
    reach = _MIDDLE_MM / blocks.spacing[2]
    columns = slice(max(0, round(body.middle - reach)), round(body.middle + reach) + 1)
    front = back = 0
    bones = (blocks.means > _BONE) & body.mask
    for z in range(neck_ends(body), len(bones)):
        rows = np.flatnonzero(body.mask[z, :, columns].any(1))
        if not len(rows):
            continue
        bone = bones[z, rows[0] : rows[-1] + 1, columns]
        part = 2 * len(bone) // 5
        before, behind = int(bone[:part].sum()), int(bone[len(bone) - part :].sum())
        front, back = front + (before > behind), back + (behind > before)
    long_enough = (front + back) * blocks.spacing[0] >= _LEAST_SPINE_MM
    return long_enough and front > _MOST * (front + back)
