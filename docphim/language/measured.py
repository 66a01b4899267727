"""Numbers of lesions in a PET/CT report, SUVmax and size, tied to candidates that were measured: placeholders for training, and
filled in drafts.  A number is tied only where one candidate fits what the text says of its lesion; nothing is guessed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docphim.language.normalize import clean
from docphim.study import Lesion

Row = dict[str, Any]
#: What stands in a text for a measured number; what is put where there is none, and behind a number that was not measured.
PLACES = {"suv": "[SUV]", "long": "[LONG]", "short": "[SHORT]"}
UNMEASURED = "[?]"
#: A report's SUVmax is a candidate's within this share or so much, and its size within this share.
_SUV_SHARE, _SUV_LEAST, _SIZE_SHARE = 0.05, 0.1, 0.2
#: So far behind the word SUV its number stands, letters.
_REACH = 28
#: Numbers that stand for placeholders while the text is read: no report has them.  A size may be of centimetres.
_FIRST_SUV, _FIRST_SIZE = 3100, 4100
_PLACE = re.compile(r"\[(SUV|LONG|SHORT)\]")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)?(?![\w]|[.,]\d)")
_SIZE = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)?)(?:\s*(?:mm|cm)?\s*[x×*]\s*(\d+(?:[.,]\d+)?))?\s*(mm|cm)\b", re.IGNORECASE)
#: Where a PET shows what belongs to no one region of a report.
_AT: dict[str, tuple[str, ...]] = {
    "rib": ("chest", "abdomen_pelvis"),
    "humerus": ("head_neck", "chest"),
    "scapula": ("chest", "head_neck"),
}
_AT |= {"clavicle": ("chest", "head_neck"), "sternum": ("chest",), "pelvic_bone": ("abdomen_pelvis", "limbs")}
_AT |= {"femur": ("limbs", "abdomen_pelvis"), "lower_limb": ("limbs", "abdomen_pelvis")}
_VERTEBRAE = {"c": ("head_neck",), "t": ("chest",), "l": ("abdomen_pelvis",), "s": ("abdomen_pelvis",)}


@dataclass(frozen=True)
class Number:
    """A number that a text gives of a lesion: where it stands in the clean text, `kind` of `PLACES`, its value (SUV, mm).

    `unit` is how many mm its unit has; `behind` is where its unit ends.
    """

    start: int
    end: int
    kind: str
    value: float
    lesion: Lesion
    unit: float = 1.0
    behind: int = 0


def numbers(text: str, language: str) -> list[Number]:
    """The SUVmax and sizes of the lesions of a clean text whose place is plain, in its order."""
    from docphim.language.lesions import lesions_of  # here: the chain of imports stays short

    listed = {(one.start, one.kind): one for lesion in lesions_of(text, language) for one in _of(lesion, text)}
    return sorted(listed.values(), key=lambda one: one.start)


def _of(lesion: Lesion, text: str) -> list[Number]:
    start, end = lesion.text or (0, 0)
    end = end if not text[end : end + 3].strip().startswith(("mm", "cm")) else end + 3
    return [*_suv_of(lesion, text, start, end), *_size_of(lesion, text, start, end)]


def _suv_of(lesion: Lesion, text: str, start: int, end: int) -> list[Number]:
    plain = [s for s in lesion.suv if s.kind in ("max", "suv") and s.relation == "=" and s.low == s.high and not s.reference]
    if len(plain) != 1 or plain[0].phase or plain[0].low is None:
        return []
    at = [m for m in _NUMBER.finditer(text, start, end) if _value(m[0]) == plain[0].low]
    at = [m for m in at if "suv" in text[max(start, m.start() - _REACH) : m.start()].lower()]
    return [Number(m.start(), m.end(), "suv", plain[0].low, lesion, 1.0, m.end()) for m in at] if len(at) == 1 else []


def _size_of(lesion: Lesion, text: str, start: int, end: int) -> list[Number]:
    if lesion.size_of not in ("one", "largest") or lesion.size_relation not in ("=", "~") or len(lesion.size_mm) > 2:
        return []
    for match in _SIZE.finditer(text, start, end):
        unit = 10.0 if match[3].lower() == "cm" else 1.0
        parts = [n for n in (1, 2) if match[n]]
        if [round(_value(match[n]) * unit, 2) for n in parts] == [round(mm, 2) for mm in lesion.size_mm]:
            order = sorted(parts, key=lambda n: -_value(match[n]))
            kinds = dict(zip(order, ("long", "short"), strict=False))
            return [
                Number(match.start(n), match.end(n), kinds[n], _value(match[n]) * unit, lesion, unit, match.end())
                for n in parts
            ]
    return []


def _value(written: str) -> float:
    return float(written.replace(",", "."))


def fits(lesion: Lesion, candidate: Mapping[str, Any]) -> bool:
    """Whether a candidate lies where a text says that a lesion lies: region of the body, side, in lung or not.

    A candidate within 10 mm of the middle may be of either side; a liver's lies right or in the middle.
    """
    from docphim.metrics.lesion_pairs import compared  # here: the chain of imports stays short

    known = compared([lesion])
    if not known:  # physiologic uptake is no lesion
        return False
    where = _where(lesion, known[0].region)
    if where and not set(where) & set(candidate["regions"]):
        return False
    side = "right" if lesion.organ == "liver" else lesion.side
    if side in ("right", "left") and candidate["side"] not in (side, "middle"):
        return False
    amid_lung = bool(candidate["lung"])
    return amid_lung if lesion.organ == "lung" else not amid_lung or lesion.organ == "pleura"


def _where(lesion: Lesion, region: str) -> Sequence[str]:
    """The regions of a PET in which a lesion may lie; none where its text does not say."""
    if lesion.organ == "vertebra":
        of = {name for place in lesion.location for name in _VERTEBRAE.get(place.removeprefix("vertebra_")[:1], ())}
        return sorted(of)
    if lesion.organ in _AT:
        return _AT[lesion.organ]
    if "thigh" in lesion.location:
        return ("limbs",)
    return () if region in ("", "musculoskeletal") else (region,)


def choose(lesion: Lesion, candidates: Sequence[Row], suv: float | None = None) -> Row | str:
    """The one candidate that a lesion may be, or why none: `no_candidate`, `several_candidates`, `no_uptake` (it has none).

    Of as many lesions as there are candidates ("two nodes") the highest counts, as reports give it.

    Parameters
    ----------
    candidates : sequence of dict
        As `docphim.imaging.candidates` lists them, the highest first.
    suv : float, optional
        What the text gives as SUVmax: only candidates that have it fit.
    """
    if lesion.uptake == "none":
        return "no_uptake"
    fitting = [one for one in candidates if fits(lesion, one)]
    if suv is not None:
        fitting = [one for one in fitting if abs(one["suv_max"] - suv) <= max(_SUV_LEAST, _SUV_SHARE * suv)]
    if len(fitting) == 1 or (fitting and lesion.count == len(fitting)):
        return fitting[0]
    return "several_candidates" if fitting else "no_candidate"


def measure(candidate: Mapping[str, Any], kind: str) -> float:
    """A candidate's number of a kind, SUV or mm."""
    return float(candidate["suv_max"] if kind == "suv" else candidate["size_mm"][kind == "short"])


def _agrees(one: Number, candidate: Mapping[str, Any]) -> bool:
    value = measure(candidate, one.kind)
    return abs(value - one.value) <= (
        max(_SUV_LEAST, _SUV_SHARE * value) if one.kind == "suv" else _SIZE_SHARE * max(value, one.value)
    )


def as_places(text: str, language: str, candidates: Sequence[Row]) -> tuple[str, Counter[str]]:
    """A report with placeholders for the numbers that one candidate has, and how many are `tied`, or are not and why.

    Examples
    --------
    >>> at = {"suv_max": 7.24, "size_mm": [31.0, 22.0], "regions": ["chest"], "side": "right", "lung": True}
    >>> as_places("Khối thùy trên phổi phải 30 x 22 mm, SUVmax 7,2.", "vi", [at])[0]
    'Khối thùy trên phổi phải [LONG] x [SHORT] mm, SUVmax [SUV].'
    """
    whole = clean(text)
    listed = numbers(whole, language)
    counts: Counter[str] = Counter()
    suvs = {id(one.lesion): one.value for one in listed if one.kind == "suv"}
    out, done = [], 0
    for one in listed:
        chosen = choose(one.lesion, candidates, suvs.get(id(one.lesion)))
        why = chosen if isinstance(chosen, str) else "tied" if _agrees(one, chosen) else "differs"
        counts[why] += 1
        if why == "tied":
            out += [whole[done : one.start], PLACES[one.kind]]
            done = one.end
    return ("".join([*out, whole[done:]]) if out else text), counts


def fill(text: str, language: str, candidates: Sequence[Row]) -> tuple[str, list[Row]]:
    """A draft with its placeholders filled from measurements, and a row for each of its numbers.

    A placeholder without a measurement becomes `[?]`, and a number that the model wrote and no candidate has is followed by it.

    Returns
    -------
    list of dict
        `text` [start, end] in the filled draft, `kind`, and `value` with `candidate`, `at` and `mm` (the voxel of its SUVmax),
        or `why` there is no measurement: `no_candidate`, `no_uptake`, `several_candidates`, `claimed_twice` (two lesions of the
        draft would be one candidate), `differs` (the model wrote another number), `unread` (whose it is, is not clear).
    """
    whole, places = _with_numbers(clean(text), language)
    listed = {one.start: one for one in numbers(whole, language)}
    for start, (end, kind) in places.items():
        one = listed.get(start)
        listed[start] = Number(start, end, kind, 0.0, one.lesion if one else Lesion(""), one.unit if one else 1.0, end)
    chosen = _chosen([one for one in listed.values() if one.lesion.type], candidates)
    out, rows, done = "", [], 0
    for start in sorted(listed):
        one = listed[start]
        which = chosen.get(id(one.lesion), "unread")
        out, done = out + whole[done:start], one.end
        row: Row = {"text": [len(out), 0], "kind": one.kind}
        drafted = start in places
        if not isinstance(which, str) and not drafted and not _agrees(one, which):
            which = "differs"
        if isinstance(which, str):
            out += UNMEASURED if drafted else whole[start : one.end]
            row["text"][1] = len(out)
            row["why"] = which
            if not drafted and _last(one, listed):
                out, done = f"{out}{whole[one.end : one.behind]} {UNMEASURED}", one.behind
        else:
            out += _as_written(measure(which, one.kind), one, language) if drafted else whole[start : one.end]
            row["text"][1] = len(out)
            row |= {"value": measure(which, one.kind), "candidate": which["number"], "at": which["at"], "mm": which.get("mm")}
        rows.append(row)
    return (out + whole[done:] if rows else text), rows


def _last(one: Number, listed: Mapping[int, Number]) -> bool:
    """Whether no other number stands between it and the end of its unit."""
    return not any(one.start < start < one.behind for start in listed)


def _with_numbers(text: str, language: str) -> tuple[str, dict[int, tuple[int, str]]]:
    """A text in which numbers stand for placeholders, so that it can be read; start → end and kind of each."""
    sign = "," if language == "vi" else "."
    out, done, places = "", 0, {}
    for n, match in enumerate(_PLACE.finditer(text)):
        kind = match[1].lower()
        # the longer of two diameters is the larger number
        number = _FIRST_SUV + n if kind == "suv" else _FIRST_SIZE - n
        out, done = out + text[done : match.start()], match.end()
        written = f"{number // 100}{sign}{number % 100:02}"
        places[len(out)] = (len(out) + len(written), kind)
        out += written
    return out + text[done:], places


def _chosen(listed: Sequence[Number], candidates: Sequence[Row]) -> dict[int, Row | str]:
    """The candidate of each lesion, by its id; none where two lesions that are not one would have the same."""
    lesions = {id(one.lesion): one.lesion for one in listed}
    chosen = {key: choose(lesion, candidates) for key, lesion in lesions.items()}
    claims: dict[int, set[Any]] = {}
    for key, which in chosen.items():
        if not isinstance(which, str):
            lesion = lesions[key]
            claims.setdefault(which["number"], set()).add(
                (lesion.organ, lesion.side, tuple(lesion.location), tuple(lesion.station))
            )
    return {
        key: "claimed_twice" if not isinstance(which, str) and len(claims[which["number"]]) > 1 else which
        for key, which in chosen.items()
    }


def _as_written(value: float, one: Number, language: str) -> str:
    """SUV with one decimal, whole mm, cm with one decimal, with the language's sign."""
    shown = f"{value:.1f}" if one.kind == "suv" else f"{value / one.unit:.1f}" if one.unit > 1 else f"{value:.0f}"
    return shown.replace(".", ",") if language == "vi" else shown
