"""A lesion record as a sentence, such that reading the sentence gives the record again."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from docphim.errors import UsageError
from docphim.language.lesion_words import PATH
from docphim.language.lexicon import FOLDER, expand
from docphim.package_data import packaged
from docphim.study import Lesion, LesionSuv, Nature

#: Where a word is looked for that a table lacks: of where nodes lie, where other things do.
_ELSE = {"stations": ("places",)}
_NUMBERED = re.compile(r"(segment|rib|vertebra|station|level)_(\w+)")


def text_of(lesion: Lesion, language: str) -> str:
    """What a record says, in a sentence.

    Parameters
    ----------
    language : {"vi", "en"}
        The language in which records are written.

    Raises
    ------
    UsageError
        Records are not written in that language.

    Examples
    --------
    >>> text_of(Lesion("nodule", "lung", "right", ["upper_lobe"], size_mm=[8.0], size_of="one", uptake="none"), "vi")
    'Nốt thùy trên phổi bên phải, kích thước 8 mm, không tăng chuyển hóa FDG.'
    """
    writer = _Writer(language)
    text = ", ".join(filter(None, writer.clauses(lesion)))
    return f"{text[:1].upper()}{text[1:]}."


def decimal(value: float, language: str) -> str:
    """A number as a language writes it.

    Examples
    --------
    >>> decimal(6.2, "vi"), decimal(12.0, "en")
    ('6,2', '12')
    """
    return _Writer(language).number(value)


def piece(lesion: Lesion, name: str, language: str) -> str:
    """One part of what a record says: `type` with its looks, `place`, both (`what`), `size`, `invasion`; "" if there is none.

    Examples
    --------
    >>> piece(Lesion("mass", "lung", "right", ["upper_lobe"], shape=["spiculated"]), "place", "vi")
    'thùy trên phổi bên phải'
    """
    writer, bare = _Writer(language), replace(lesion, organ=None, side=None, location=[], station=[], count=None)
    pieces: dict[str, Callable[[], str]] = {
        "type": lambda: writer.thing(bare),
        "what": lambda: writer.thing(lesion),
        "place": lambda: writer.place(lesion),
        "size": lambda: writer.size(lesion),
        "invasion": lambda: writer.invasion(lesion),
    }
    return pieces[name]()


def finer_place(organ: str | None, name: str, language: str) -> str:
    """The word for a place in an organ that is finer than facts say (`places` of lesions.yaml); "" where it is none of these.

    >>> finer_place("pelvic_bone", "ilium", "vi")
    'xương cánh chậu'
    """
    listed = _says()[language]["finer"].get(organ, {}) or {}
    phrases = packaged(PATH)["places"].get(organ, {}).get(name, {}).get(language, ())
    return str(listed.get(name) or next((wording for phrase in phrases for wording in expand(str(phrase))), ""))


class _Writer:
    """The words of a language, and the clauses that they make."""

    def __init__(self, language: str) -> None:
        if language not in _languages():
            raise UsageError(f"language: lesions are written in {', '.join(_languages())}, not in {language!r}")
        self.words: Mapping[str, Any] = _says()[language]
        self.language = language

    def clauses(self, lesion: Lesion) -> Iterator[str]:
        """What, where and how it looks; how large; how avid; what it grows into; what it is held to be; how it has changed."""
        yield self.thing(lesion)
        yield self.size(lesion)
        yield self.words["changes"].get(lesion.change or "", "")
        yield self.inside(lesion)
        yield self.invasion(lesion)
        if lesion.type != "fdg_uptake":
            yield self.words["uptakes"].get(lesion.uptake or "", "")
        yield from self.suvs(lesion.suv)
        yield from (self.nature(nature) for nature in lesion.nature if not _is_adjective(lesion, nature))

    def thing(self, lesion: Lesion) -> str:
        """ "nhiều nốt đặc bờ tua gai rải rác thùy trên phổi bên phải", "tăng chuyển hóa FDG khu trú ở gan"."""
        words, bare = self.words, lesion.type == "fdg_uptake"
        foci = bare and lesion.count is not None and lesion.extent == "focal"
        slots = {
            "count": words["counts"].get(str(lesion.count), "") if lesion.count is not None else "",
            "type": "" if bare else self.named("types", lesion.type, "findings"),
            "uptake": words["uptakes"]["foci" if foci else lesion.uptake or "high"],
            "shape": " ".join(words["shapes"][name] for name in lesion.shape if name in words["shapes"]),
            "extent": words["extents"][lesion.extent] if lesion.extent and not foci else "",
            "nature": " ".join(words["natures"][one.name] for one in lesion.nature if _is_adjective(lesion, one)),
            "place": self.place(lesion),
        }
        order = "uptake" if bare else "nodes" if lesion.type == "lymph_node" else "thing"
        return _filled(words["order"][order], slots | {"stations": slots["place"]})

    def place(self, lesion: Lesion) -> str:
        """ "thùy trên phổi bên phải", "trung thất nhóm 4R", "cạnh khí quản và dưới carina hai bên"."""
        words = self.words
        side = words["sides"].get(lesion.side or "", "")
        if lesion.type == "lymph_node":
            stations = self.listed([self.part(name, "stations") for name in lesion.station])
            return _filled(words["order"]["stations"], {"stations": stations, "side": "" if _sided(lesion) else side})
        finer = words["finer"].get(lesion.organ or "", {})
        parts = [finer_place(lesion.organ, name, self.language) or self.part(name, "places") for name in lesion.location]
        named = any(name in finer or re.match("rib_|vertebra_", name) for name in lesion.location)
        named = named or "hilar" in lesion.location
        organ = "" if named else self.organ(lesion.organ)
        return _filled(words["order"]["place"], {"parts": " ".join(parts), "organ": organ, "side": side})

    def organ(self, name: str | None) -> str:
        """An organ's name."""
        return self.named("organs", name, "anatomy") if name else ""

    def part(self, name: str, kind: str) -> str:
        """A place in an organ, or where nodes lie; what is numbered with its number."""
        numbered = _NUMBERED.fullmatch(name)
        if numbered:
            kind_of, number = numbered.groups()
            return str(self.words["numbered"][kind_of].format(number.upper() if kind_of != "level" else _roman(number)))
        return self.named(kind, name, "locations")

    def size(self, lesion: Lesion) -> str:
        """ "kích thước khoảng 18 x 15 mm", "lớn nhất 21 mm", "kích thước từ 5 đến 16 mm"."""
        if not lesion.size_mm:
            return ""
        numbers = [self.number(value) for value in lesion.size_mm]
        if lesion.size_of == "range":
            return str(self.words["size"]["range"].format(*numbers))
        relation = self.words["relations"][lesion.size_relation]
        written = " ".join(filter(None, (relation, f"{' x '.join(numbers)} mm")))
        return str(self.words["size"][lesion.size_of or "one"].format(written))

    def inside(self, lesion: Lesion) -> str:
        """What is in it: necrosis, calcium."""
        return ", ".join(self.words["inside"][name] for name in lesion.shape if name in self.words["inside"])

    def suvs(self, suvs: Sequence[LesionSuv]) -> Iterator[str]:
        """ "SUVmax 6,2", "SUVmax thì sớm 4,1", "SUVmax 5,1 so với gan 2,4", "SUV cao hơn gan"."""
        words = self.words
        for n, suv in enumerate(suvs):
            if suv.reference:
                continue
            numbers = " - ".join(dict.fromkeys([self.number(suv.low or 0.0), self.number(suv.high or 0.0)]))
            relation = "" if suv.relation == "=" else {"~": words["relations"]["~"]}.get(suv.relation, suv.relation)
            slots = [words["suvs"][suv.kind], words["phases"].get(suv.phase or "", ""), relation, numbers]
            beside = suvs[n + 1] if n + 1 < len(suvs) else None
            if beside and beside.reference and beside.low is not None and beside.kind == suv.kind:
                slots += [words["compared"]["="], self.organ(beside.reference), self.number(beside.low)]
            yield " ".join(filter(None, slots))
        for suv in suvs:
            if suv.reference and suv.low is None:
                yield f"{words['suvs'][suv.kind]} {words['compared'][suv.relation]} {self.organ(suv.reference)}"

    def number(self, value: float) -> str:
        """A number with the language's decimal sign."""
        return f"{value:g}".replace(".", str(self.words["decimal"]))

    def invasion(self, lesion: Lesion) -> str:
        """ "xâm lấn màng phổi và trung thất"."""
        into = self.listed([self.organ(name) for name in lesion.invasion])
        return str(self.words["invasion"].format(into)) if into else ""

    def nature(self, nature: Nature) -> str:
        """ "nghĩ đến di căn"."""
        return str(self.words["certainties"][nature.certainty].format(self.words["natures"][nature.name]))

    def listed(self, names: Sequence[str]) -> str:
        """Names as a list."""
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {self.words['and']} {names[-1]}" if names else ""

    def named(self, kind: str, name: str, section: str) -> str:
        """The word for a concept: that of lesion_says.yaml, else the lexicon's first."""
        listed: Mapping[str, Any] = next((t for t in map(self.words.get, (kind, *_ELSE.get(kind, ()))) if t and name in t), {})
        if listed:
            return str(listed[name])
        phrases: Iterable[Any] = packaged(FOLDER / f"{self.language}.yaml")[section].get(name) or ()
        return next((wording for phrase in phrases for wording in expand(str(phrase))), name.replace("_", " "))


@functools.cache
def _says() -> Any:
    return packaged(FOLDER / "lesion_says.yaml")


def _languages() -> list[str]:
    return list(_says())


def _filled(order: str, slots: Mapping[str, str]) -> str:
    """Words in an order, with one blank between those that there are; what leads to no place is left out."""
    text = " ".join(order.format_map(slots).split())
    return re.sub(r" (?:ở|in the)$", "", text)


def _is_adjective(lesion: Lesion, nature: Nature) -> bool:
    return lesion.type == "fdg_uptake" and nature.name == "physiologic"


def _sided(lesion: Lesion) -> bool:
    """Whether a station's number says the side."""
    return any(re.fullmatch(r"station_\d+[rl]", name) for name in lesion.station)


def _roman(number: str) -> str:
    numerals = ("", "I", "II", "III", "IV", "V", "VI", "VII")
    return numerals[int(number[0])] + number[1:].upper()
