"""A lesion as it is put together from a sentence's facts, and the record that it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from docphim.language.fact import Fact, Measure
from docphim.language.lesion_words import LesionWords
from docphim.study import Lesion, LesionSuv, Nature

_UPTAKES = ("suv", "sul")
#: Concepts with a number that may be counted off: "T8 và L2 … lần lượt 6,1 và 8,4".
_NUMBERED = re.compile(r"(?:vertebra|rib|station|level|segment)_(\w+)")
_ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_LEVELS = {"mild": "mild"}
#: Of both sides of the chest, the stations whose number says on which side they are.
_SIDES = {"r": "right", "l": "left"}


@dataclass(slots=True)
class Draft:
    """A lesion in the making.

    Parameters
    ----------
    type : str
        "" where only numbers or an uptake were said, of what was spoken of before.
    organ, side, locations, place
        As its facts have them; `place` is the anatomy that they name, before nodes and hila become organs.
    start, end : int
        Where its words stand.
    avid : bool
        It is a lesion only with raised uptake.
    largest : bool
        It is the largest of several.
    again : bool
        It is one that was spoken of before ("hạch này").
    soft : tuple of str
        It lies in the soft tissue there, and not in the bone or joint: "soft tissue mass of the thigh".
    """

    type: str
    place: str | None
    start: int
    end: int
    organ: str | None = None
    side: str | None = None
    locations: tuple[str, ...] = ()
    extent: str | None = None
    count: int | str | None = None
    size: Measure | None = None
    shape: set[str] = field(default_factory=set)
    suv: tuple[LesionSuv, ...] = ()
    uptake: str | None = None
    invasion: set[str] = field(default_factory=set)
    nature: tuple[Nature, ...] = ()
    change: str | None = None
    avid: bool = False
    largest: bool = False
    again: bool = False
    soft: tuple[str, ...] = ()

    def reach(self, fact: Fact) -> None:
        """Take in where a fact's words stand."""
        self.start, self.end = min(self.start, fact.start), max(self.end, fact.end)

    def take(self, uptake: Draft, words: LesionWords) -> None:
        """Take over an uptake that was named before the thing whose it is."""
        for name in ("uptake", "suv", "size", "nature", "extent", "count"):
            setattr(self, name, getattr(self, name) or getattr(uptake, name))
        self.shape |= uptake.shape
        self.start = min(self.start, uptake.start)
        if self.type == "lymph_node" and uptake.place != self.place:  # "mediastinal and hilar nodes"
            self.locations = tuple(sorted({*self.locations, words.regions[uptake.place or ""]}))

    def name(self, what: str, certainty: str) -> None:
        """Say what it is held to be; what was said first stands."""
        if all(nature.name != what for nature in self.nature):
            self.nature = (*self.nature, Nature(what, certainty))

    def add_suv(self, measures: Iterable[Measure]) -> None:
        """Take in the uptakes among some measures."""
        new = [suv_of(m) for m in measures if m.kind[:3] in _UPTAKES]
        self.suv = (*self.suv, *(suv for suv in new if suv not in self.suv))

    def record(self, words: LesionWords) -> Lesion:
        """The lesion as a record."""
        node = self.type == "lymph_node"
        organ, places = ("lymph_node", self._stations(words)) if node else self._organ(words)
        size_mm, size_of = self._size()
        return Lesion(
            type=self.type,
            organ=organ,
            side=self.side or _side_of(places),  # type: ignore[arg-type]  # mypy: a str of these
            location=[] if node else places,
            station=places if node else [],
            extent=self.extent,  # type: ignore[arg-type]
            count=self.count,
            size_mm=size_mm,
            size_of=size_of,  # type: ignore[arg-type]
            size_relation=self.size.relation if self.size else "=",
            shape=[] if self.type == "fdg_uptake" else sorted(self.shape),
            suv=list(self.suv),
            uptake=self.uptake or _level_of(self.suv),  # type: ignore[arg-type]
            invasion=sorted(self.invasion),
            nature=list(self.nature),
            change=self.change,  # type: ignore[arg-type]
            text=[self.start, self.end],
        )

    def _stations(self, words: LesionWords) -> list[str]:
        region = words.regions.get(self.place or "")
        wide = region in words.wide and self.locations
        return sorted({*self.locations, *([region] if region and not wide else [])})

    def _organ(self, words: LesionWords) -> tuple[str | None, list[str]]:
        if self.soft:
            return "soft_tissue", [*self.soft]
        organ, place = words.place_of.get(self.place or "", (self.place, ""))
        called = words.called.get(organ or "", {})
        return organ, sorted({called.get(name, name) for name in (*self.locations, *([place] if place else []))})

    def _size(self) -> tuple[list[float], str | None]:
        if self.size is None:
            return [], None
        low, high = self.size.low, self.size.high
        if low != high:
            return [*low, *high], "range"
        return list(low), "largest" if self.largest else "one"


def suv_of(measure: Measure) -> LesionSuv:
    """An uptake as a record has it."""
    kind = measure.kind.removeprefix("suv_")
    low, high = (values[0] if values else None for values in (measure.low, measure.high))
    return LesionSuv(kind, measure.relation, low, high, measure.phase, measure.reference)


def level(fact: Fact) -> str:
    """How raised an uptake is that is there; one that is only below an organ's is no high one."""
    below = any(measure.reference and measure.relation == "<" and not measure.low for measure in fact.measures)
    return _LEVELS.get(fact.severity or "", "mild" if below else "high")


def _level_of(suv: Sequence[LesionSuv]) -> str | None:
    """What numbers say where no word does: an uptake that is given is raised, unless it is below what it is compared with.

    Nothing is known of one that is only said to be less than a number: "SUVmax < 2,5".
    """
    stated = [one for one in suv if one.reference or one.relation not in "<≤"]
    if not stated or all(one.high == 0 for one in stated):  # "SUVmax 0" is how a form says that there is none
        return None
    beside = [one for one in stated if one.reference]
    numbers = [one.high for one in stated if not one.reference and one.high is not None]
    below = [one.relation == "<" if one.low is None else bool(numbers) and max(numbers) <= one.low for one in beside]
    return "mild" if beside and all(below) else "high"


def _side_of(places: Iterable[str]) -> str | None:
    """The side that a station's number says: 4R is right."""
    sides = {_SIDES[place[-1]] for place in places if place.startswith("station_") and place[-1] in _SIDES}
    return next(iter(sides)) if len(sides) == 1 else None


def records_of(draft: Draft, sentence: str, words: LesionWords) -> tuple[Lesion, ...]:
    """The records of a draft: one, or one for each place that is counted off; none of what is a lesion only with uptake."""
    record = draft.record(words)
    if draft.avid and record.uptake not in ("high", "mild"):
        return ()
    return tuple(_counted_off(record, sentence))


def _counted_off(lesion: Lesion, sentence: str) -> Sequence[Lesion]:
    """One lesion for each numbered place where there are as many SUVs: "T8 và L2 … lần lượt là 6,1 và 8,4"."""
    places = lesion.station or lesion.location
    plain = [suv for suv in lesion.suv if suv.phase is None and suv.reference is None]
    if len(plain) < 2 or len(plain) != len(lesion.suv) or len(plain) != len(places) or len({suv.kind for suv in plain}) > 1:
        return [lesion]
    order = sorted(in_order(places, sentence))
    if len(order) != len(places):
        return [lesion]
    return [_one_place(lesion, place, suv) for (_, place), suv in zip(order, plain, strict=True)]


def _one_place(lesion: Lesion, place: str, suv: LesionSuv) -> Lesion:
    where = {"station": [place]} if lesion.station else {"location": [place]}
    return replace(lesion, suv=[suv], **where)  # type: ignore[arg-type]  # mypy: a dict of lists


def in_order(places: Sequence[str], sentence: str) -> Iterator[tuple[int, str]]:
    """Where the numeral of each numbered place stands in a sentence."""
    tokens = re.findall(r"\w+", sentence.lower())
    for place in places:
        number = _NUMBERED.fullmatch(place)
        name = number[1] if number else ""
        numerals = {name, _ROMAN[int(name)]} if name.isdecimal() and int(name) < len(_ROMAN) else {name}
        at = next((i for i, token in enumerate(tokens) if token in numerals and token), None)
        if at is not None:
            yield at, place
