"""Answers to questions, read and compared as answers: yes or no, a choice, a number with its unit, words.

"Có." against "Không." is wrong, whatever facts the two hold.  The typed answer (`docphim.study.Answer`) says what is right;
where there is none the reference is read.  An empty answer, or one that cannot be read ("có thể", "cannot tell"), is wrong.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from docphim.language.normalize import normalize
from docphim.metrics.consistency import links
from docphim.metrics.family import Kind, Title
from docphim.metrics.pairs import Floats, Pairs
from docphim.package_data import packaged
from docphim.study import Answer

KEYS = (
    "answer_accuracy",
    "answer_yes_no",
    "answer_balanced",
    "answer_choice",
    "answer_number",
    "answered",
    "answer_consistent",
)
PER_STUDY = ("answer_accuracy",)
AVERAGE = "mean"
#: A number is right within this share of the true one, or half a unit of its last digit, whichever is more.
TOLERANCE = 0.05
#: The same of what readers measure less exactly, by what it is.
TOLERANCES = {"length": 0.2, "suv": 0.1}
_SHARES = {"": TOLERANCE, **TOLERANCES}
SETTINGS = {"tok": "answer", "num": "/".join(f"{name}{100 * share:g}pct" for name, share in _SHARES.items()), "empty": "0"}
KIND: Kind = "answers"
SERVES, LEXICON, AT_LENGTH = "answers", False, ()
HEAD = ("answer_accuracy",)
TITLES = {
    "answer_accuracy": Title("Trả lời đúng", "answers right", "Answers"),
    "answer_yes_no": Title("Có/không đúng", "yes/no right", "Yes/no"),
    "answer_balanced": Title("Có/không đúng, trung bình hai loại", "yes/no right, mean of both", "Yes/no (bal.)"),
    "answer_choice": Title("Chọn đúng", "choices right", "Choice"),
    "answer_number": Title("Số đúng", "numbers right", "Number"),
    "answered": Title("Có câu trả lời đọc được", "answers that can be read", "Answered"),
    "answer_consistent": Title("Trả lời không mâu thuẫn nhau", "answers that agree with earlier ones", "Consistent"),
}
#: Units by what they measure, in the smallest of each.
_UNITS = {"mm": ("length", 1), "cm": ("length", 10), "m": ("length", 1000), "ml": ("volume", 1), "cc": ("volume", 1),
          "l": ("volume", 1000), "%": ("share", 1), "hu": ("hu", 1), "suv": ("suv", 1)}  # fmt: skip
_NUMBER = re.compile(r"(?<![\w.,])(-?\d+(?:[.,]\d+)*)\s*(%|[a-z]+\b)?")
#: Two numbers in one: a size in two directions, a range.
_SEVERAL = re.compile(r"\d\s*(?:[x×–-]|đến|to)\s*\d")
#: Both at once, which answers nothing.
_EITHER = re.compile(r"\b(?:hay|hoặc) không\b|\b(?:yes\s*(?:or|/)\s*no|or not)\b")
_END = re.compile(r"[.!?;](?=\s|$)|\n")
#: A reference of more words is a report, though it opens with a yes or no.
_SHORT = 8
#: What stands between a yes or no and what is added to it: "Không, tim không to." answers, "Không thấy tràn dịch." reports.
_BREAK = re.compile(r"\s*[,.;!–-](?=\s|$)|\s*\n")
_EDGE = " \t.,:;!?()[]\"'*“”"


def statistics(pairs: Pairs) -> Floats:
    """Per report: right, asked and readable; then right and asked of "yes", "no", choices and numbers, (n, 13).

    The last two: how many earlier answers on the same study bear on it, and with how many it agrees.
    """
    typed = pairs.answers or [None] * len(pairs)
    answers = [answer or read(text, pairs.language) for answer, text in zip(typed, pairs.references, strict=True)]
    choices = {normalize(str(answer.value)).strip(_EDGE) for answer in answers if answer.kind == "choice"}
    rows = np.zeros((len(pairs), 13))
    for row, answer, text in zip(rows, answers, pairs.predictions, strict=True):
        verdict = right(answer, text, pairs.language, choices)
        row[:3] = verdict is True, 1, verdict is not None
        place = _column(answer)
        if place:
            row[place : place + 2] = verdict is True, 1
    if pairs.studies:
        values = [_value_of(a, text, pairs.language) for a, text in zip(answers, pairs.predictions, strict=True)]
        rows[:, 11:] = links([answer.asks for answer in answers], pairs.studies, values)
    return rows


def _value_of(answer: Answer, text: str, language: str) -> bool | str | None:
    """What a text answers to a question, as `consistency.links` takes it."""
    if answer.kind == "yes_no":
        return yes_no(text, language)
    if answer.kind == "number":
        return None if number(text, language, answer.unit) is None else "number"
    if (answer.asks or "").startswith("side:"):
        sides = _sides(language)
        named = choice(text, sides, language)
        return sides[named] if named else None
    return (text.strip() or None) if yes_no(text, language) is None else None  # "Không có." names no place


@functools.cache
def _sides(language: str) -> dict[str, str]:
    """The words for a side, as answers are compared, and which side each names."""
    return {normalize(word): side for side, words in (_table()[language].get("sides") or {}).items() for word in words}


def _column(answer: Answer) -> int:
    """Where the two numbers of an answer's kind begin; 0 for words, which are counted among all only."""
    if answer.kind == "yes_no":
        return 3 if answer.value else 5
    return {"choice": 7, "number": 9}.get(answer.kind, 0)


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, 13), to the values of `KEYS` in percent, (…, 7); NaN of what was not asked."""
    correct, asked, readable = (sums[..., i] for i in range(3))
    kinds = sums[..., 3:11].reshape(*sums.shape[:-1], 4, 2)
    yes, no, choice, number = (_ratio(kinds[..., i, 0], kinds[..., i, 1]) for i in range(4))
    both = _ratio(kinds[..., 0, 0] + kinds[..., 1, 0], kinds[..., 0, 1] + kinds[..., 1, 1])
    values = [_ratio(correct, asked), both, (yes + no) / 2, choice, number, _ratio(readable, asked)]
    values.append(_ratio(sums[..., 12], sums[..., 11]))
    return 100 * np.stack(values, axis=-1)


def per_study(statistics: Floats) -> Floats:
    """100 where one report's answer is right, else 0, (n, 1)."""
    return 100 * statistics[:, :1]


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def right(answer: Answer, text: str, language: str, choices: Iterable[str] = ()) -> bool | None:
    """Whether a text answers rightly; None where no answer can be read in it.

    Parameters
    ----------
    choices : iterable of str
        All that may be chosen, normalised: a text that names several has chosen none.
    """
    if answer.kind == "yes_no":
        affirmed = yes_no(text, language)
        return None if affirmed is None else affirmed == bool(answer.value)
    if answer.kind == "choice":
        chosen = choice(text, {*choices, normalize(str(answer.value)).strip(_EDGE)}, language)
        return None if chosen is None else chosen == normalize(str(answer.value)).strip(_EDGE)
    if answer.kind == "number":
        value = number(text, language, answer.unit)
        return None if value is None else close(value, float(answer.value), answer.unit)
    words = normalize(text).strip(_EDGE)
    return words == normalize(str(answer.value)).strip(_EDGE) if words else None


def read(reference: str, language: str) -> Answer:
    """What a reference answers: a yes or no, perhaps with a few words after it ("Có, bên phải."), a number, or its words."""
    bare = normalize(reference).strip(_EDGE)
    words = _words(language)
    for state in ("yes", "no"):
        if bare in words[state]:
            return Answer("yes_no", state == "yes")
    match = _NUMBER.fullmatch(bare)
    if match and (not match[2] or match[2] in _UNITS):
        return Answer("number", _value(match[1], language), match[2])
    body = _body(reference, language)
    opening = _opening(language).match(body)
    if opening and _BREAK.match(body, opening.end()) and len(body.split()) <= _SHORT:
        affirmed = yes_no(reference, language)
        return Answer("text", reference) if affirmed is None else Answer("yes_no", affirmed)
    return Answer("text", reference)


def is_answer(reference: str, language: str) -> bool:
    """Whether a text is a number, or a yes or no with a few words after it: an answer, and no report."""
    # Reports are told by their length alone: reading each of 10,000 of them as an answer would cost a tenth of their scoring.
    return len(reference.split(None, 2 * _SHORT)) <= 2 * _SHORT and read(reference, language).kind != "text"


def yes_no(text: str, language: str) -> bool | None:
    """Yes or no, with whatever words around; None where a text says neither, both, or that it is not sure.

    The first sentence decides by its opening words ("Không, tim không to."), else by the one such word in it ("Tim không to.").
    A bare yes or no after it must not say the opposite.
    """
    sentences = [s for s in (part.strip(_EDGE) for part in _END.split(_body(text, language))) if s]
    if not sentences or _EITHER.search(sentences[0]):
        return None
    opening = _opening(language).match(sentences[0])
    states = [_state(opening[1], language)] if opening else _states_in(sentences[0], language)
    words = _words(language)
    states += ["yes" if s in words["yes"] else "no" for s in sentences[1:] if s in {*words["yes"], *words["no"]}]
    return states[0] == "yes" if len(set(states)) == 1 and states[0] != "unsure" else None


def _states_in(sentence: str, language: str) -> list[str]:
    return [_state(match[1], language) for match in _anywhere(language).finditer(sentence)]


def _state(phrase: str, language: str) -> str:
    return next(state for state, phrases in _words(language).items() if phrase in phrases)


def choice(text: str, choices: Iterable[str], language: str) -> str | None:
    """The one of `choices` (normalised) that a text names in its first sentence; None for none or several.

    A single letter counts at the opening only, where it is no article.
    """
    body = _body(text, language)
    first = next((part.strip(_EDGE) for part in _END.split(body) if part.strip(_EDGE)), "")
    named, left = [], first
    for option in sorted(choices, key=len, reverse=True):  # the longest first: "left lower lobe" before "left"
        pattern = rf"(?<!\w){re.escape(option)}(?!\w)"
        place = re.match(pattern, left) if len(option) == 1 else re.search(pattern, left)
        if place:
            named.append(option)
            left = left[: place.start()] + " " * len(place[0]) + left[place.end() :]
    return named[0] if len(named) == 1 else None


def number(text: str, language: str, unit: str | None) -> float | None:
    """The one number that a text gives, in `unit` (or as it stands); None for none or several.

    Where some numbers have a unit of the right kind, only these count; one without a unit is taken to be in `unit`.
    """
    body = normalize(text)
    if _SEVERAL.search(body):
        return None
    pairs = {(_value(m[1], language), m[2] if m[2] in _UNITS else None) for m in _NUMBER.finditer(body)}
    wanted = _UNITS.get((unit or "").lower())
    if wanted is None:
        values = {value for value, _ in pairs}
    else:
        measured = {value * _UNITS[u][1] / wanted[1] for value, u in pairs if u and _UNITS[u][0] == wanted[0]}
        values = measured or {value for value, u in pairs if u is None}
    return values.pop() if len(values) == 1 else None


def close(value: float, truth: float, unit: str | None = None) -> bool:
    """Whether a number is right: within its unit's share of the true one (`TOLERANCES`), or half a unit of its last digit."""
    share = TOLERANCES.get(_UNITS.get((unit or "").lower(), ("", 1))[0], TOLERANCE)
    decimals = len(f"{truth:.10f}".rstrip("0").partition(".")[2])
    return abs(value - truth) <= max(share * abs(truth), 0.5 * 10**-decimals) + 1e-9


def _value(digits: str, language: str) -> float:
    """A number as its language writes it: a comma begins the decimals, but in English before three digits it groups them."""
    if language == "en":
        digits = re.sub(r",(?=\d{3}(?:\D|$))", "", digits)
    *whole, last = re.split("[.,]", digits)
    return float("".join(whole) + "." + last) if whole else float(last)


def _body(text: str, language: str) -> str:
    """A normalised answer without what leads it in ("Trả lời:")."""
    lines = "\n".join(normalize(line) for line in text.splitlines())
    return _lead_in(language).sub("", lines.lstrip(_EDGE + "\n"))


@functools.cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = packaged(Path(__file__).with_suffix(".yaml"))
    return table


@functools.cache
def _words(language: str) -> dict[str, frozenset[str]]:
    """Phrases by what they say: unsure, no, yes; those of English are understood in every language."""
    rows = [_table().get(name) or {} for name in dict.fromkeys((language, "en"))]
    return {state: frozenset(normalize(p) for row in rows for p in row.get(state, ())) for state in ("unsure", "no", "yes")}


@functools.cache
def _pattern(language: str) -> str:
    phrases = sorted((p for state in _words(language).values() for p in state), key=len, reverse=True)
    return rf"({'|'.join(map(re.escape, phrases))})(?!\w)"


@functools.cache
def _opening(language: str) -> re.Pattern[str]:
    return re.compile(_pattern(language))


@functools.cache
def _anywhere(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){_pattern(language)}")


@functools.cache
def _lead_in(language: str) -> re.Pattern[str]:
    rows = [_table().get(name) or {} for name in dict.fromkeys((language, "en"))]
    phrases = sorted((normalize(p) for row in rows for p in row.get("lead_in", ())), key=len, reverse=True)
    return re.compile(rf"(?:(?:{'|'.join(map(re.escape, phrases))})(?!\w)[\s:,]*(?:(?:là|is)\b\s*)?)+")
