"""Tables of lesions beside reports: records of version 1, or the rows in which the experts of the ViPET test set wrote theirs.

A row of the experts has Vietnamese keys (size, shape, place, FDG with SUVmax and uptake, invasion, stage) and phrases;
`hóa` and `hoá` stand in one file, SUVmax is a number, a text, 0 or "Không có", and one row may name several places.
"""

from __future__ import annotations

import functools
import math
import re
import typing
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from docphim.language.lesion_text import piece
from docphim.language.lesion_words import PATH
from docphim.language.normalize import normalize
from docphim.package_data import packaged
from docphim.study import Lesion, LesionSuv, Nature, Row, from_row

_LANGUAGE = "vi"
#: A number, or the two ends of a range, with the sign or word of a bound; words of its kind and its unit may stand beside it.
_SUV = re.compile(
    r"(?:SUV\s*max)?[\s:]*(?P<relation>[<≤>≥~≈=]|<=|>=|khoảng|dưới|trên)?\s*(?P<low>\d+(?:[.,]\d+)?)"
    r"(?:\s*(?:[-\u2013]|đến|to)\s*(?P<high>\d+(?:[.,]\d+)?))?(?:\s*g\s*/\s*mL)?(?:\s*\(?SUV[\s-]*(?:max|bw)?\)?)?",
    re.IGNORECASE,
)
_RELATIONS = {"<=": "≤", ">=": "≥", "≈": "~", "khoảng": "~", "dưới": "<", "trên": ">"}
#: What keeps a place from being read as part of what stands before it.
_AT = "ở"


def lesions_of_table(rows: Any) -> list[Lesion]:
    """The lesions of a table.

    Parameters
    ----------
    rows : list of dict
        Records of version 1 (`study.Lesion`), or rows of the experts; one row alone is a table too.

    Raises
    ------
    ValueError
        It is no table, or a row holds a key or a value that such a table does not have; the message names it.
    """
    rows = [rows] if isinstance(rows, Mapping) else rows
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError("a table of lesions is a list of objects")
    return [lesion for row in rows for lesion in _row(row)]


def table_row(lesion: Lesion) -> Row:
    """A record as a row of the experts' table, in Vietnamese, with the keys of the published extraction prompt."""
    words = _words()
    written, empty = words["written"], words["empty"]
    suv = next((one.high for one in lesion.suv if one.reference is None and one.high is not None), None)
    stages = [words["stages"][nature.name] for nature in lesion.nature if nature.name in words["stages"]]
    return {
        written["size"]: piece(lesion, "size", _LANGUAGE) or empty,
        written["type"]: piece(lesion, "type", _LANGUAGE) or empty,
        written["place"]: piece(lesion, "place", _LANGUAGE) or empty,
        written["fdg"]: {
            written["suv"]: empty if suv is None else suv,
            written["uptake"]: words["levels"].get(lesion.uptake, empty),
        },
        written["invasion"]: piece(lesion, "invasion", _LANGUAGE) or empty,
        written["stage"]: stages[0] if stages else empty,
    }


def cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the experts by what its cells are: `size`, `type`, `place`, `suv`, `uptake`, `invasion`, `stage`.

    Raises
    ------
    ValueError
        A key is none of a table's, or stands twice.
    """
    words, named = _words(), dict[str, Any]()
    for key, value in row.items():
        name = _key(key, words["keys"])
        inner = value if name == "fdg" and isinstance(value, Mapping) else None
        parts = {name: value} if inner is None else {_key(k, words["fdg"]): v for k, v in inner.items()}
        if "fdg" in parts:
            parts = _fdg(parts["fdg"])
        if named.keys() & parts.keys() or (inner is not None and len(parts) < len(inner)):
            raise ValueError(f"{key!r} stands twice in a row of the table")
        named |= parts
    return named


def _fdg(value: Any) -> dict[str, Any]:
    """What stands under the key of FDG itself and not under those within: a level in words, or a number, which is SUVmax.

    Raises
    ------
    ValueError
        It is neither.
    """
    if not _phrase(value):
        return {}
    if isinstance(value, str) and not any(sign.isdecimal() for sign in value):
        if _level(value) is None:
            raise ValueError(f"the uptake {value!r} of a row is no level")
        return {"uptake": value}
    return {"suv": value}


def _row(row: Mapping[str, Any]) -> list[Lesion]:
    if "v" in row or "type" in row:
        if row.get("v", 1) != 1:
            raise ValueError(f"a record of version {row['v']!r} is not known here: 1 is")
        return [replace(_checked(row), text=None)]
    return _of_cells(cells(row))


def _checked(row: Mapping[str, Any]) -> Lesion:
    """A record whose values are of their kinds: a size in words, or below zero, would be compared with one in mm."""
    hints = typing.get_type_hints(Lesion)
    for name, value in row.items():
        hint = hints.get(name)
        named = [
            known for part in (hint, *typing.get_args(hint)) if typing.get_origin(part) is Literal for known in part.__args__
        ]
        listed = typing.get_origin(hint) is list
        if (named and value is not None and value not in named) or (listed and not isinstance(value, list)):
            raise ValueError(f"{name} of a record is no {value!r}")
    lesion = from_row(Lesion, dict(row))
    ends = [(one.low, one.high) for one in lesion.suv]
    numbers = [*lesion.size_mm, *(number for pair in ends if pair != (None, None) for number in pair)]
    if not lesion.type or not isinstance(lesion.type, str):
        raise ValueError("a record has no type")
    if not all(_is_amount(number) for number in numbers):
        raise ValueError(f"a size or SUV of a record is no number: {numbers}")
    if any(low is not None and high is not None and low > high for low, high in ends):
        raise ValueError(f"an SUV of a record ends below where it begins: {ends}")
    return lesion


def _is_amount(value: Any) -> bool:
    """Whether a value is a number that a size or an uptake can be."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _of_cells(named: Mapping[str, Any]) -> list[Lesion]:
    """The lesions of an experts' row: its phrases are read as a report is, its numbers and levels are what they are."""
    what, place = _phrase(named.get("type")), _phrase(named.get("place"))
    size, invasion = _phrase(named.get("size")), _phrase(named.get("invasion"))
    if not (what or place):
        return []
    suv, uptake, stage = _suv(named.get("suv")), _level(named.get("uptake")), _stage(named.get("stage"))
    listed = _read(what, place, size, invasion) or _read("tổn thương", place or what, size, invasion)
    if any(sign.isdecimal() for sign in size) and not any(lesion.size_mm for lesion in listed):
        raise ValueError(f"the size {named.get('size')!r} of a row is no size with a unit, mm or cm")
    return [
        replace(
            lesion,
            suv=suv or lesion.suv,
            uptake=uptake or ("high" if suv and suv[0].relation not in "<≤" and lesion.uptake is None else lesion.uptake),  # type: ignore[arg-type]
            nature=lesion.nature or stage,
            text=None,
        )
        for lesion in listed
    ]


def _read(what: str, place: str, size: str, invasion: str) -> list[Lesion]:
    """What a row's phrases say as a sentence; numbers without a word before them are sizes."""
    from docphim.language.lesions import lesions_of  # here: the chain of imports stays short

    invasion = (
        invasion if not invasion or "xâm lấn" in normalize(invasion) or "dính" in normalize(invasion) else f"xâm lấn {invasion}"
    )
    size = f"kích thước {size}" if size[:1].isdigit() else size
    thing = f"{what} {_AT} {place}" if what and place and not normalize(place).startswith(_AT) else f"{what} {place}"
    return lesions_of(", ".join(filter(None, (thing.strip(), size, invasion))), _LANGUAGE)


def _phrase(value: Any) -> str:
    """A cell as a phrase; "" where it says that there is nothing."""
    text = " ".join(str("" if value is None else value).split()).rstrip(".")
    return "" if normalize(text) in _words()["nothing"] else text


def _suv(value: Any) -> list[LesionSuv]:
    """SUVmax: a number, one in a text ("7,2", "< 2,5 g/mL"), the two of a range; none where it is 0 or nothing.

    Raises
    ------
    ValueError
        It is no number.
    """
    text = _phrase(value)
    if not (text or isinstance(value, float)):
        return []
    written = _SUV.fullmatch(text) if isinstance(value, str) else None
    numbers = [float(value)] if _is_amount(value) else []
    if written:
        numbers = sorted(float(number.replace(",", ".")) for number in written.group("low", "high") if number)
    relation = ((written and written["relation"]) or "=").lower()
    if not numbers or (relation != "=" and len(numbers) > 1):
        raise ValueError(f"SUVmax {value!r} is no number")
    return [LesionSuv("max", _RELATIONS.get(relation, relation), numbers[0], numbers[-1])] if numbers[-1] else []


def _level(value: Any) -> str | None:
    text = _phrase(value)
    return next((level for level, words in _words()["uptake"].items() if any(word in normalize(text) for word in words)), None)


def _stage(value: Any) -> list[Nature]:
    text = normalize(_phrase(value))
    return [Nature(name) for name, words in _words()["stage"].items() if any(word in text for word in words)][:1]


def _key(key: Any, names: Mapping[str, str]) -> str:
    text = normalize(str(key)).strip()
    for name, start in names.items():
        if text.startswith(start):
            return name
    raise ValueError(f"{key!r} is no key of a table of lesions")


@functools.cache
def _words() -> Any:
    return packaged(PATH)["table"]
