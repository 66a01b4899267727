"""Lesions of a reference set beside those of a draft: what makes two the same, and the best way to pair them one to one."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docphim.language.lexicon import LANGUAGES, load_lexicon
from docphim.metrics.amounts import Amount, agrees
from docphim.package_data import packaged
from docphim.study import Lesion, LesionSuv

PATH = Path(__file__).parent / "lesions.yaml"
#: By how much a drafted size, and a drafted SUV, may differ from the reference's.
SIZE_WITHIN, SUV_WITHIN = 0.2, 0.1
#: Kinds of uptake from the one that reports mean to those that stand in for it.
_KINDS = ("max", "suv", "peak", "sul_max", "mean", "sul_peak", "sul", "sul_mean")


@dataclass(frozen=True, slots=True)
class Compared:
    """A lesion as it is compared.

    Attributes
    ----------
    type : str
        Types that are one have one name.
    places : frozenset of str
        Its organ; of nodes the areas in which they lie.  Empty where that is not known.
    size : Amount, optional
        Its greatest, mm; of a range both ends.
    suvs : tuple of (str, Amount)
        Its own uptakes by kind and phase.
    sizes : tuple of Amount
        Every size, mm; a range is one.
    """

    type: str
    places: frozenset[str]
    region: str
    side: str | None
    part: frozenset[str]
    uptake: str | None
    size: Amount | None
    sizes: tuple[Amount, ...]
    suvs: tuple[tuple[str, Amount], ...]

    @property
    def suv(self) -> tuple[str, Amount] | None:
        """The uptake that stands for the lesion."""
        return self.suvs[0] if self.suvs else None


def compared(lesions: Iterable[Lesion]) -> list[Compared]:
    """Lesions as they are compared; physiologic uptake is none."""
    return [_compared(lesion) for lesion in lesions if all(nature.name != "physiologic" for nature in lesion.nature)]


def _compared(lesion: Lesion) -> Compared:
    rules = _rules()
    places = (
        frozenset(_areas(lesion.station)) if lesion.type == "lymph_node" else frozenset([lesion.organ] if lesion.organ else ())
    )
    suvs = sorted(filter(None, map(_number, lesion.suv)), key=lambda suv: _KINDS.index(suv[0].partition("@")[0]))
    sizes = _sizes(lesion)
    return Compared(
        type=rules["one_type"].get(lesion.type, lesion.type),
        places=places,
        region=next(filter(None, map(region_of, sorted(places))), ""),
        side=lesion.side,
        part=frozenset((*lesion.location, *lesion.station)),
        uptake=lesion.uptake,
        size=max(sizes, default=None, key=lambda size: max(size.ends)),
        sizes=sizes,
        suvs=tuple(suvs),
    )


def _sizes(lesion: Lesion) -> tuple[Amount, ...]:
    if lesion.size_of == "range" and lesion.size_mm:
        return (Amount.of(min(lesion.size_mm), max(lesion.size_mm), lesion.size_relation),)
    return tuple([Amount.of(mm, mm, lesion.size_relation) for mm in lesion.size_mm])


def _number(suv: LesionSuv) -> tuple[str, Amount] | None:
    if suv.reference is not None or suv.high is None or suv.kind not in _KINDS:
        return None
    amount = Amount.of(suv.high if suv.low is None else suv.low, suv.high, suv.relation)
    return suv.kind + (f"@{suv.phase}" if suv.phase == "delayed" else ""), amount


@functools.cache
def _rules() -> Any:
    return packaged(PATH)


@functools.cache
def fingerprint() -> str:
    """Of lesions.yaml: other areas and types pair other lesions."""
    return hashlib.sha256(PATH.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:8]


@functools.cache
def _area_of() -> dict[str, str]:
    return {name: area for area, names in _rules()["areas"].items() for name in names}


def _areas(stations: Iterable[str]) -> set[str]:
    """Where nodes lie, coarsely: station 4R and "cạnh khí quản" are the mediastinum."""
    known, areas = _area_of(), set()
    for station in stations:
        numbered = station.rstrip("rl") if station.startswith("station_") else station
        area = known.get(station) or known.get(numbered) or known.get(station.partition("_")[0])
        areas |= {area} if area else set()
    return areas


@functools.cache
def region_of(place: str) -> str:
    """The region of the body of an organ or of an area of nodes; "" where it lies in none."""
    body, lexicon = _rules()["body"], load_lexicon(LANGUAGES[0])
    if place in body["areas"]:
        return str(body["areas"][place])
    return next((str(region) for organ, region in body["organs"].items() if lexicon.within(place, organ)), "")


Same = Callable[[Compared, Compared], bool]


def same_type(one: Compared, other: Compared) -> bool:
    """Whether two lesions are of one type."""
    return one.type == other.type


def same_place(one: Compared, other: Compared) -> bool:
    """Whether two lesions lie in one organ, nodes in one area; where one lies is not known they do not."""
    return not one.places.isdisjoint(other.places)


def same_uptake(one: Compared, other: Compared) -> bool:
    """Whether the uptake of both is known, and raised in both or in neither."""
    known = None not in (one.uptake, other.uptake)
    return known and (one.uptake == "none") == (other.uptake == "none")


def near_size(one: Amount | None, other: Amount | None) -> bool:
    """Whether a drafted size is the reference's, the first, within a fifth (`amounts.agrees`)."""
    return agrees(one, other, SIZE_WITHIN)


def near_suv(one: tuple[str, Amount] | None, other: tuple[str, Amount] | None) -> bool:
    """Whether a drafted uptake is the reference's: of one kind, or of a kind that was not said, within a tenth (`agrees`)."""
    if one is None or other is None:
        return False
    kinds = {one[0], other[0]}
    return (len(kinds) == 1 or kinds == {"suv", "max"}) and agrees(one[1], other[1], SUV_WITHIN)


def likeness(one: Compared, other: Compared) -> float:
    """How much of a reference's lesion a drafted one has, for choosing among pairs that are otherwise as good; below 1."""
    alike = (
        one.side == other.side,
        one.part == other.part,
        near_size(one.size, other.size),
        near_suv(one.suv, other.suv),
        one.uptake == other.uptake,
        one.type == other.type,
    )
    return sum(alike) / (len(alike) + 1)


def pair(reference: Sequence[Compared], draft: Sequence[Compared], tests: Sequence[Same]) -> list[tuple[int, int]]:
    """As many pairs, one to one, as pass all tests; of as many the most alike (the Hungarian method)."""
    if not reference or not draft:
        return []
    from scipy.optimize import linear_sum_assignment  # here: it takes longer to start than most reports take to pair

    passes = np.array([[all(test(one, other) for test in tests) for other in draft] for one in reference])
    if not passes.any():
        return []
    alike = np.array([[likeness(one, other) for other in draft] for one in reference])
    # a pair weighs more than all that others could gain by being more alike
    weights = passes * (1 + alike / (min(passes.shape) + 1))
    rows, columns = linear_sum_assignment(weights, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if passes[i, j]]
