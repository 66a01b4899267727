"""Candidates: places of a PET in SUV that may be lesions, each measured, and what was left out for physiologic, by which rule.

`docphim candidates PATH` shows them.  Nothing is learned: they are found by a threshold and told from organs by stated rules
(docphim.imaging.space.physiologic), so that every number in a report can be traced to a voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from docphim.errors import Refused
from docphim.imaging import candidate_size
from docphim.imaging.hot_spots import Spot, grown_together, spots, suv_peak
from docphim.imaging.space import physiologic
from docphim.imaging.space.organs import LIVER_MM, chest_of
from docphim.imaging.space.physiologic import Frame, Place
from docphim.imaging.space.regions import Outline
from docphim.recipe_training import CandidateRule
from docphim.study import REGIONS, Row

#: A spot that is smaller is noise, ml; the shell about one, mm; less than so much of the body's usual uptake is a lung's.
_LEAST_ML, _SHELL, _LUNG = 0.3, (4.0, 10.0), 0.75
#: HU below which a CT shows lung, and above which bone; how far about a mirror image is looked, mm.
_LUNG_HU, _BONE_HU, _MIRROR_MM = -500, 150, 12.0
#: The isocontour of `max`; candidates that touch at so much of the lower are one; what has so much lung about it lies in it.
SHARE, _TOGETHER, _IN_LUNG = 0.41, 0.5, 0.5


#: How they are found, as a recipe says it.
Rule = CandidateRule


@dataclass(frozen=True)
class Candidates:
    """`candidates`, the highest first, `left_out` in the same order, and `least`, the SUV that one must reach.

    Rows of `candidates`: `number` from 1; `at` {slice, row, column} of the highest voxel, from the top, the front and the
    patient's right; `mm` (to the left, the back, the head) where the grid's place is known; `suv_max`, `suv_peak`, `suv_mean`;
    `ml` (metabolic volume); `size_mm` [long, short] in the slice in which it is largest and `size_on` (`ct` or `pet`);
    `region` and all `regions` that show it, `side` (`right`, `left`, `middle`) and `lung` (whether it lies in lung).  Rows of
    `left_out`: `rule`, and of these `at`, `suv_max` and `ml`.
    """

    candidates: list[Row]
    left_out: list[Row]
    least: float
    spots: list[Spot]


def find(
    pet: NDArray[np.float32],
    spacing: tuple[float, float, float],
    rule: Rule,
    *,
    ct: NDArray[Any] | None = None,
    affine: NDArray[Any] | None = None,
    regions: Row | None = None,
) -> Candidates:
    """The candidates of a PET.

    Parameters
    ----------
    pet : ndarray
        SUV, (z, y, x), upright on its own grid.
    spacing : (float, float, float)
        mm along z, y and x.
    ct : ndarray, optional
        HU on the PET's grid.
    affine : ndarray, optional
        4 x 4, from a voxel (x, y, z) to mm.
    regions : dict, optional
        `how["regions"]` of index.jsonl; else they are those of the outline.

    Raises
    ------
    Refused
        `liver_missing`: the rule needs a liver; as `Outline.check`.
    """
    outline, on_ct = _outline(pet, spacing, "pet"), None if ct is None else _outline(ct, spacing, "ct")
    (on_ct or outline).check()
    least = rule.suv if rule.by != "liver" else _by_liver(pet, spacing, on_ct)
    litre = float(np.prod(spacing)) / 1000
    hot = [one for one in spots(pet, least, share=SHARE if rule.by == "max" else None) if one.voxels * litre >= _LEAST_ML]
    frame = Frame(outline, on_ct)
    usual = float(np.median(outline.blocks.means[outline.body.mask]))
    places = _places(hot, pet, spacing, frame, ct, usual)
    taken = physiologic.physiologic(places, frame)
    known = regions or (on_ct or outline).regions()
    listed: list[Row] = []
    chosen = grown_together([one for n, one in enumerate(hot) if n not in taken], pet, _TOGETHER)
    where = {one.at: place for one, place in zip(hot, places, strict=True)}
    for number, one in enumerate(chosen, 1):
        in_lung = where[one.at].lung >= _IN_LUNG
        row: Row = {"number": number, **_row(one, litre), "suv_peak": round(suv_peak(pet, spacing, one), 3)}
        row["suv_mean"] = round(float(pet[one.box][one.mask].mean()), 3)
        row |= candidate_size.size(one, pet, ct if in_lung else None, spacing)
        row |= {
            "region": region_of(one.at[0], known),
            "regions": _regions(one.at[0], known),
            "side": _side(where[one.at]),
            "lung": in_lung,
        }
        if affine is not None:
            row["mm"] = [round(float(v), 1) for v in (affine @ [*one.at[::-1], 1.0])[:3]]
        listed.append(row)
    left_out = [{"rule": taken[n], **_row(hot[n], litre)} for n in sorted(taken)]
    return Candidates(listed, left_out, round(least, 3), chosen)


def _outline(volume: NDArray[Any], spacing: tuple[float, float, float], kind: Literal["ct", "pet"]) -> Outline:
    outline = Outline(volume.shape, spacing, kind)
    for number, plane in enumerate(volume):
        outline.take(number, plane)
    return outline


def _by_liver(pet: NDArray[np.float32], spacing: tuple[float, float, float], ct: Outline | None) -> float:
    """1.5 times the mean and two standard deviations of a sphere of 3 cm in the right lobe of the liver (PERCIST 1.0)."""
    chest = None if ct is None else chest_of(ct)
    if ct is None or chest is None or isinstance(chest.liver, str):
        why = "no CT" if ct is None else "the CT shows no lungs" if chest is None else str(chest.liver)
        raise Refused("liver_missing", "", f"candidates by the liver need its uptake, and {why}")
    middle = [(at + 0.5) * step for at, step in zip(chest.liver, ct.blocks.spacing, strict=True)]
    off = [(((np.arange(n) + 0.5) * step - at) ** 2) for n, step, at in zip(pet.shape, spacing, middle, strict=True)]
    inside = pet[off[0][:, None, None] + off[1][None, :, None] + off[2] <= (LIVER_MM / 2) ** 2]
    return 1.5 * float(inside.mean()) + 2 * float(inside.std())


def _places(
    hot: list[Spot],
    pet: NDArray[np.float32],
    spacing: tuple[float, float, float],
    frame: Frame,
    ct: NDArray[Any] | None,
    usual: float,
) -> list[Place]:
    """What the rules see of each spot."""
    of_one = np.zeros(pet.shape, bool)
    for spot in hot:
        of_one[spot.box] |= spot.mask
    return [_place(spot, pet, spacing, frame, ct, usual, of_one) for spot in hot]


def _place(
    spot: Spot,
    pet: NDArray[np.float32],
    spacing: tuple[float, float, float],
    frame: Frame,
    ct: NDArray[Any] | None,
    usual: float,
    of_one: NDArray[np.bool_],
) -> Place:
    z, y, x = ((n + 0.5) * step for n, step in zip(spot.at, spacing, strict=True))
    box, shell = _shell(spot, spacing, pet.shape)
    bare = shell & ~of_one[box]
    around = pet[box][bare if bare.any() else shell]
    lung = (around < _LUNG * usual) if ct is None else ct[box][shell] < _LUNG_HU
    return Place(
        height=frame.height(z),
        side=frame.side(x),
        depth=frame.depth(z, y),
        mm=(z, y, x),
        size=tuple((cut.stop - cut.start) * step for cut, step in zip(spot.box, spacing, strict=True)),
        suv_max=spot.suv_max,
        suv_peak=suv_peak(pet, spacing, spot, 1),
        suv_mean=float(pet[spot.box][spot.mask].mean()),
        ml=spot.voxels * float(np.prod(spacing)) / 1000,
        around=float(np.percentile(around, 75)) if around.size else 0.0,
        mirrored=_mirrored(pet, spacing, frame, spot),
        lung=float(lung.mean()) if lung.size else 0.0,
        bone=0.0 if ct is None else float((ct[box][shell] > _BONE_HU).mean()),
        in_brain=frame.in_brain((z, y, x)),
        beside=frame.beside(z, x),
    )


def _mirrored(pet: NDArray[np.float32], spacing: tuple[float, float, float], frame: Frame, spot: Spot) -> float:
    """The highest value about the mirror image of a spot's highest voxel."""
    z, y, x = spot.at
    column = round(x - 2 * frame.side((x + 0.5) * spacing[2]) / spacing[2])
    near = tuple(
        slice(max(0, at - round(_MIRROR_MM / step)), max(0, at + round(_MIRROR_MM / step) + 1))
        for at, step in zip((z, y, column), spacing, strict=True)
    )
    return float(pet[near].max(initial=0))


def _shell(
    spot: Spot, spacing: tuple[float, float, float], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
    """A box about a spot, and what of it lies in the shell."""
    from scipy import ndimage

    reach = [int(np.ceil(_SHELL[1] / step)) for step in spacing]
    box = tuple(
        slice(max(0, cut.start - r), min(size, cut.stop + r)) for cut, r, size in zip(spot.box, reach, shape, strict=True)
    )
    free = np.ones([cut.stop - cut.start for cut in box], bool)
    inner = tuple(slice(cut.start - outer.start, cut.stop - outer.start) for cut, outer in zip(spot.box, box, strict=True))
    free[inner] = ~spot.mask
    away = ndimage.distance_transform_edt(free, sampling=spacing)
    return box, (away >= _SHELL[0]) & (away <= _SHELL[1])


def _row(spot: Spot, litre: float) -> Row:
    z, y, x = spot.at
    at = {"slice": z, "row": y, "column": x}
    return {"at": at, "suv_max": round(spot.suv_max, 3), "ml": round(spot.voxels * litre, 2)}


def region_of(number: int, regions: Row) -> str:
    """The region of a slice: of several that share it that whose middle is nearest, by its length; "" where it is in none."""

    def off(name: str) -> float:
        first, last = regions[name]
        return float(abs(2 * number - first - last) / (last - first + 1))

    return min(_regions(number, regions), key=off, default="")


def _regions(number: int, regions: Row) -> list[str]:
    return [name for name in REGIONS if name in regions and regions[name][0] <= number <= regions[name][1]]


def _side(place: Place) -> str:
    return "middle" if abs(place.side) < 10 else "left" if place.side > 0 else "right"
