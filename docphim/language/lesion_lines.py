"""Lesions as lines of a table: what, where, how large, how avid, what it is held to be."""

from __future__ import annotations

from collections.abc import Sequence

from docphim.columns import aligned
from docphim.errors import printable
from docphim.study import Lesion, LesionSuv

HEAD = ("what", "where", "mm", "uptake", "held to be", "words")
#: Letters of a report's own words that a line shows.
_WORDS = 60


def lines(lesions: Sequence[Lesion], text: str) -> str:
    """One line a lesion; `text` is the clean report, whose words each was read from.

    Examples
    --------
    >>> print(lines([Lesion("nodule", "lung", "right", ["apex"], size_mm=[8.0], size_of="one")], ""))
    what    where            mm  uptake  held to be  words
    nodule  right lung apex  8
    """
    if not lesions:
        return "no lesions"
    return aligned([HEAD, *(_cells(lesion, text) for lesion in lesions)], "<" * len(HEAD))


def _cells(lesion: Lesion, text: str) -> tuple[str, ...]:
    what = [lesion.count, lesion.extent, *lesion.shape, lesion.type]
    named = lesion.station or any(place.startswith(f"{lesion.organ}_") for place in lesion.location)
    where = [lesion.side, None if named else lesion.organ, *lesion.location, *lesion.station]
    invasion = [f"into {name}" for name in lesion.invasion]
    held = [f"{one.name}{'' if one.certainty == 'certain' else f' ({one.certainty})'}" for one in lesion.nature]
    suvs = [lesion.uptake, *map(_suv, lesion.suv)]
    start, end = lesion.text or (0, 0)
    shown = " ".join(text[start:end].split())
    shown = shown if len(shown) <= _WORDS else shown[: _WORDS - 1] + "…"
    cells = (_words(what), _words([*where, *invasion]), _size(lesion), _words(suvs), _words([*held, lesion.change]), shown)
    return tuple(map(printable, cells))


def _words(parts: Sequence[object]) -> str:
    return " ".join(str(part).replace("_", " ") for part in parts if part is not None)


def _size(lesion: Lesion) -> str:
    joint = "-" if lesion.size_of == "range" else "×"
    relation = "" if lesion.size_relation == "=" else lesion.size_relation
    largest = " (largest)" if lesion.size_of == "largest" else ""
    return f"{relation}{joint.join(f'{value:g}' for value in lesion.size_mm)}{largest}"


def _suv(suv: LesionSuv) -> str:
    kind = "SUV" if suv.kind == "suv" else f"SUV{suv.kind}" if not suv.kind.startswith("sul") else suv.kind.upper()
    if suv.low is None or suv.high is None:
        return f"{kind} {suv.relation} {suv.reference}"
    number = f"{suv.low:g}" if suv.low == suv.high else f"{suv.low:g}-{suv.high:g}"
    relation = "" if suv.relation == "=" else suv.relation
    beside = "".join(f" {word}" for word in (suv.phase, suv.reference) if word)
    return f"{kind} {relation}{number}{beside}"
