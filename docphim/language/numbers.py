"""Numbers in report text: ribs, vertebrae, segments, node stations and levels, heart ratios; quantities with their units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_MILLIMETRES = {"mm": 1.0, "cm": 10.0}
_TIMES = {"x", "×", "*", "by"}
#: Words before a numeral.
_NAMES = {"số", "thứ"}
RANGE = {"-", "\u2010", "–", "đến", "to", "tới"}
LISTED = {",", "và", "and", "&", "hoặc", "or", "/"}
#: What stands behind the first number of a size.
_OF_SIZE = frozenset((*_MILLIMETRES, *_TIMES, *RANGE))
_ROMAN = re.compile(r"x{0,1}(?:ix|iv|v?i{0,3})")
#: A level of the neck: a Roman numeral, and a letter of its half.
_LEVEL = re.compile(r"(x{0,1}(?:ix|iv|v?i{0,3}))([abc]?)")
_ROMAN_VALUE = {"i": 1, "v": 5, "x": 10}
#: Highest number that names a rib, a segment, a node station of the chest (IASLC), a node level of the neck (AAO-HNS), a
#: vertebra by its letter.
_HIGHEST = {"rib": 12, "segment": 10, "station": 14, "level": 7}
_SUFFIXES = frozenset(("st", "nd", "rd", "th"))
_VERTEBRAE = {"c": ("c", 7), "t": ("t", 12), "d": ("t", 12), "l": ("l", 5), "s": ("s", 5)}

MINUS = frozenset("-–\u2010−")
#: "từ 28 mm xuống 12 mm", "decreased from 28 to 12 mm": what it was, and what it has become; of "from 3 to 5 mm" both hold.
_NEAR = 4
_FROM, _TO = frozenset(("từ", "from")), frozenset(("xuống", "lên", "còn", "thành", "to"))
_CHANGED = frozenset(
    ("decreased", "increased", "reduced", "changed", "went", "down", "up", "grown", "enlarged", "fell", "rose")
)
_CHANGED |= {"improved", "declined", "decrease", "increase", "reduction", "shrunk", "giảm", "tăng", "nhỏ", "thu", "to"}
_MILLILITRES = {"ml": 1.0, "cc": 1.0, "cm³": 1.0, "lít": 1000.0, "liter": 1000.0, "liters": 1000.0}

#: Token index after what was read, and the value; None where nothing was.
Read = tuple[int, tuple[float, ...]] | None


def number(token: str) -> float:
    """`1,2` and `1.2` alike; Vietnamese reports write both."""
    return float(token.replace(",", "."))


def is_number(token: str) -> bool:
    """Whether a token of the lexicon's tokenizer is a number."""
    return token[0].isdecimal() and token.isascii()


def is_numeral(token: str) -> bool:
    """Whether a token may go on a list of ribs, vertebrae, segments, stations or levels, or join one."""
    return len(token) == 1 or token in LISTED or is_number(token) or bool(_LEVEL.fullmatch(token))


def size(tokens: Sequence[str], i: int) -> Read:
    """`12 x 14 mm`, `1,2cm`, `5-6 mm`, `12mm x 14mm` from token `i`, in millimetres."""
    n = len(tokens)
    if i + 1 >= n or tokens[i + 1] not in _OF_SIZE:
        return None  # most numbers; a text of nothing else is read fast too
    values: list[tuple[float, str]] = []
    while i < n and is_number(tokens[i]) and len(values) < 4:
        unit = tokens[i + 1] if i + 1 < n and tokens[i + 1] in _MILLIMETRES else ""
        values.append((number(tokens[i]), unit))
        i += 2 if unit else 1
        if i + 1 < n and (tokens[i] in _TIMES or tokens[i] in RANGE) and is_number(tokens[i + 1]):
            i += 1
        else:
            break
    last = next((unit for _, unit in reversed(values) if unit), "")
    if not last:
        return None
    # tenths of a millimetre are finer than any report measures
    return i, tuple(round(value * _MILLIMETRES[unit or last], 2) for value, unit in values)


def numerals(kind: str, tokens: Sequence[str], i: int) -> tuple[int, tuple[str, ...]]:
    """What follows a word for ribs, vertebrae, segments or stations: `V, VI`, `3-6`, `4R`, `D12`, as location names.

    Returns
    -------
    tuple
        Index after the numerals (`i` where there are none) and names like `rib_3`.
    """
    listed: list[str] = []
    end = i
    while True:
        j, names = _numeral(kind, tokens, i)
        if not names:
            break
        listed += names
        end = j
        if j + 1 < len(tokens) and tokens[j] in RANGE:
            last_j, last = _numeral(kind, tokens, j + 1 + (tokens[j + 1] in _NAMES))
            if last:
                listed += _between(listed[-1], last[0])
                end = j = last_j
        if not (j < len(tokens) and tokens[j] in LISTED):
            break
        i = j + 1
        if i < len(tokens) and tokens[i] in LISTED:
            i += 1
    return end, tuple(dict.fromkeys(listed))


def ordinals(tokens: Sequence[str], i: int, words: Mapping[str, int]) -> tuple[int, tuple[str, ...]]:
    """`third and fourth`, `3rd-6th` from token `i`, as rib names; `words` gives the value of an ordinal that is a word."""
    listed: list[str] = []
    end = i
    while (read := _ordinal(tokens, i, words)) and 1 <= read[1] <= _HIGHEST["rib"]:
        join = tokens[i - 1] if listed else ""
        name = f"rib_{read[1]}"
        listed += _between(listed[-1], name) if join in RANGE or join == "through" else [name]
        end = read[0]
        if end >= len(tokens) or not (tokens[end] in LISTED or tokens[end] in RANGE or tokens[end] == "through"):
            break
        i = end + 1
        i += i < len(tokens) and tokens[i] in LISTED  # ", and"
    return end, tuple(dict.fromkeys(listed))


def _ordinal(tokens: Sequence[str], i: int, words: Mapping[str, int]) -> tuple[int, int] | None:
    if i >= len(tokens):
        return None
    if tokens[i] in words:
        return i + 1, words[tokens[i]]
    spelled = tokens[i].isdecimal() and tokens[i + 1 : i + 2] and tokens[i + 1] in _SUFFIXES
    # "the 3 - 6 th ribs": the suffix may stand at the last alone
    return (i + 2, int(tokens[i])) if spelled else None


def vertebra(tokens: Sequence[str], i: int) -> tuple[int, str] | None:
    """`D12`, `L1` standing alone at token `i`."""
    letter = tokens[i]
    if letter in _VERTEBRAE and letter != "s" and i + 1 < len(tokens) and tokens[i + 1].isdecimal():
        name, highest = _VERTEBRAE[letter]
        if 1 <= int(tokens[i + 1]) <= highest:
            return i + 2, f"vertebra_{name}{int(tokens[i + 1])}"
    return None


def station(tokens: Sequence[str], i: int) -> tuple[int, str] | None:
    """`4R`, `10L`, `3a` at token `i`: a node station with its side, or its half before or behind the great vessels."""
    letters = ("r", "l", "a", "p") if tokens[i] == "3" else ("r", "l")
    if tokens[i].isdecimal() and i + 1 < len(tokens) and tokens[i + 1] in letters and 1 <= int(tokens[i]) <= 14:
        return i + 2, f"station_{int(tokens[i])}{tokens[i + 1]}"
    return None


def level(tokens: Sequence[str], i: int) -> tuple[int, str] | None:
    """`IIA`, `II A`, `2a` at token `i`: a node level of the neck with the letter of its half."""
    if tokens[i][0] not in "ivx" and not tokens[i].isdecimal():
        return None
    roman = _LEVEL.fullmatch(tokens[i]) if tokens[i].isalpha() else None
    letter = roman[2] if roman else ""
    value = _roman(roman[1]) if roman else int(tokens[i]) if tokens[i].isdecimal() else 0
    end = i + 1
    if not letter and end < len(tokens) and tokens[end] in ("a", "b", "c"):
        letter, end = tokens[end], end + 1
    return (end, f"level_{value}{letter}") if letter and 1 <= value <= _HIGHEST["level"] else None


def ratio(tokens: Sequence[str], i: int, rule: Mapping[str, Any]) -> tuple[int, str]:
    """A cardiothoracic ratio from token `i` on: `> 0.5`, `52 %`, `1/2`.

    Parameters
    ----------
    rule : mapping
        `above`: a greater ratio is an enlarged heart; `over` and `under`: words for more and less than.

    Returns
    -------
    tuple
        Index after what was read, and `enlarged`, `normal`, or nothing where no number decides.
    """
    at = next((j for j in range(i, min(i + 6, len(tokens))) if is_number(tokens[j])), None)
    if at is None:
        return i, ""
    value, end = number(tokens[at]), at + 1
    if tokens[end : end + 1] == ["/"] and end + 1 < len(tokens) and is_number(tokens[end + 1]) and number(tokens[end + 1]):
        value, end = value / number(tokens[end + 1]), end + 2
    if tokens[end : end + 1] == ["%"] or value > 1.5:
        value /= 100
        end += tokens[end : end + 1] == ["%"]
    lead = " ".join(tokens[i:at])
    under, over = (any(word in lead for word in rule.get(key, ())) for key in ("under", "over"))
    if not under and (value > rule["above"] or (over and value == rule["above"])):
        return end, "enlarged"
    return end, "normal" if value <= rule["above"] and not (over and not under) else ""


def _numeral(kind: str, tokens: Sequence[str], i: int) -> tuple[int, list[str]]:
    """One numeral at token `i`; `1,2` that was read as a decimal is two ribs."""
    if i >= len(tokens):
        return i, []
    token = tokens[i]
    lettered = _LETTERED[kind](tokens, i) if kind in _LETTERED else None
    if lettered or kind == "vertebra":
        return (lettered[0], [lettered[1]]) if lettered else (i, [])
    if token == "s" and kind == "segment" and i + 1 < len(tokens):
        i, token = i + 1, tokens[i + 1]
    if is_number(token):
        values = [int(v) for v in re.split("[.,]", token)]
    elif kind in ("rib", "segment", "station", "level") and _ROMAN.fullmatch(token):
        values = [_roman(token)]
    else:
        return i, []
    measured = i + 1 < len(tokens) and (tokens[i + 1] in _MILLIMETRES or tokens[i + 1] in ("x", "×", "%"))
    if measured or not all(1 <= value <= _HIGHEST.get(kind, 0) for value in values):
        return i, []
    return i + 1, [f"{kind}_{value}" for value in values]


#: Numerals that have a letter beside them.
_LETTERED = {"vertebra": vertebra, "station": station, "level": level}


def _between(first: str, last: str) -> list[str]:
    """Names after `first` up to `last`: rib_3, rib_6 → rib_4, rib_5, rib_6."""
    stem, a = first.rstrip("0123456789"), re.sub(r"\D", "", first.rpartition("_")[2])
    other, b = last.rstrip("0123456789"), re.sub(r"\D", "", last.rpartition("_")[2])
    if stem != other or not a or not b or int(b) <= int(a):
        return [last]
    return [f"{stem}{value}" for value in range(int(a) + 1, int(b) + 1)]


def _roman(text: str) -> int:
    values = [_ROMAN_VALUE[letter] for letter in text]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


class Number(NamedTuple):
    """A number, range or product with its unit: where it ends, its kind ("" without a unit), its least and greatest values."""

    end: int
    kind: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    unit: str = ""
    written: tuple[float, ...] = ()  # of a size, its numbers in the order written


def quantity(words: Sequence[str], i: int) -> Number | None:
    """`12 x 14 mm`, `5-6 mm`, `300 ml`, `45 cm3`, `-20 HU`, `3,1-5,2` from token `i`, in millimetres, millilitres or HU."""
    minus = i < len(words) and words[i] in MINUS and not (i and is_number(words[i - 1]))
    i += minus
    if i >= len(words) or not is_number(words[i]):
        return None
    end, low, high = _range(words, i)
    unit = words[end] if end < len(words) else ""
    if unit == "hu":
        sign = -1 if minus else 1
        return Number(end + 1, "hu", (min(sign * low, sign * high),), (max(sign * low, sign * high),), "HU")
    if minus:
        return None
    if unit == "cm" and words[end + 1 : end + 2] == ["3"]:
        unit, end = "cc", end + 1
    if factor := _MILLILITRES.get(unit):
        return Number(end + 1, "volume", (low * factor,), (high * factor,), "ml")
    return _of_size(words, i) or Number(end, "", (low,), (high,))


def _range(words: Sequence[str], i: int) -> tuple[int, float, float]:
    """A number or a range from token `i`: where it ends, the least and the greatest value."""
    value = number(words[i])
    if words[i + 1 : i + 2] == ["to"] and _was(words, i):
        return i + 1, value, value
    joins = ("and", *RANGE) if i and words[i - 1] == "between" else RANGE
    if i + 2 < len(words) and words[i + 1] in joins and is_number(words[i + 2]):
        other = number(words[i + 2])
        return i + 3, min(value, other), max(value, other)
    return i + 1, value, value


def _was(words: Sequence[str], i: int) -> bool:
    """Whether the number at token `i` is what something was before it changed: "giảm từ 28"."""
    return i > 0 and words[i - 1] in _FROM and not _CHANGED.isdisjoint(words[max(0, i - _NEAR) : i - 1])


def latest(words: Sequence[str], i: int) -> Number | None:
    """The number at token `i`; of what something was and has become, the latter."""
    read = quantity(words, i) if i < len(words) else None
    if read and _was(words, i) and words[read.end : read.end + 1] and words[read.end] in _TO:
        later = quantity(words, read.end + 1) if read.end + 1 < len(words) else None
        return later if later and (later.kind == read.kind or not read.kind) else read
    return read


def _of_size(words: Sequence[str], i: int) -> Number | None:
    """A size from token `i`; of "5, 7 và 9 mm" the first, whose unit stands behind the last."""
    read = size(words, i)
    if read is None:
        last = i
        while last + 2 < len(words) and words[last + 1] in LISTED and is_number(words[last + 2]):
            last += 2
        listed = size(words, last) if last > i else None
        if not listed or len(listed[1]) > 1:
            return None
        scale = listed[1][0] / number(words[last]) if number(words[last]) else 1.0
        read = i + 1, (round(number(words[i]) * scale, 2),)
    if len(read[1]) == 2 and any(word in RANGE for word in words[i : read[0]]):
        low, high = sorted(read[1])
        if "to" in words[i : read[0]] and _was(words, i):
            return Number(read[0], "size", read[1][1:], read[1][1:], "mm", read[1][1:])
        return Number(read[0], "size", (low,), (high,), "mm", read[1])
    return Number(read[0], "size", read[1], read[1], "mm", read[1])
