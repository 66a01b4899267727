"""Kinds of identifiers as they stand in reports: rows of kinds.yaml, filled with an invented person.

A row says where the words stand (`head`, `body`, `signature`), the ways in which they are written, and what header and table
know already (`known: name`, `bare`, `dicom` or `number`).  Every placeholder but the row's own lists is secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml
from invented_people import Person, bare, foreigner, minority, person, syllable

ROWS: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "kinds.yaml").read_text(encoding="utf-8"))
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def _joined(p: Person, rng: Random) -> str:
    joined = rng.choice("_-.").join(map(bare, p.words))
    return rng.choice([joined, joined.lower()])


def _cut_by_signs(p: Person, sign: str) -> str:
    return " ".join(word[:1] + sign + word[1:] for word in p.words)


#: What a placeholder says of a person, as a text; its words are secret.
WORDS: dict[str, Callable[[Person, Random], str]] = {
    "name": lambda p, _: p.name,
    "NAME": lambda p, _: p.name.upper(),
    "bare": lambda p, _: bare(p.name),
    "BARE": lambda p, _: bare(p.name).upper(),
    "lower": lambda p, _: p.name.lower(),
    "given": lambda p, _: p.last,
    "bare_given": lambda p, _: bare(p.last),
    "lower_given": lambda p, _: p.last.lower(),
    "english": lambda p, _: p.english,
    "foreign": lambda _, rng: foreigner(rng),
    "minority": lambda _, rng: minority(rng),
    "street": lambda _, rng: f"{syllable(rng)} {syllable(rng)}",
    "ward": lambda _, rng: syllable(rng),
    "joined": _joined,
    "cut_by_signs": lambda p, rng: _cut_by_signs(p, rng.choice("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u202c")),
    "in_entities": lambda p, _: "".join(c if c.isascii() else f"&#{ord(c)};" for c in p.name),
    "wide": lambda p, _: " ".join(p.name.upper().replace(" ", "")) if len(p.words) < 3 else "  ".join(p.words),
    "given_first": lambda p, _: f"{p.given} {p.family} {p.middle}",
    "family_behind": lambda p, _: f"{p.given}, {p.family} {p.middle}",
}
#: Placeholders whose words are not seen as they stand.
_HIDDEN = {"joined", "cut_by_signs", "in_entities", "wide"}
#: The same, of which the letters alone, without blanks or stops, are secret.
GLUED: dict[str, Callable[[Person, Random], str]] = {
    "spaced": lambda p, _: "  ".join(" ".join(word) for word in p.words),
    "glued": lambda p, rng: rng.choice([bare("".join(p.words)), bare("".join(p.words)).lower()]),
    "login": lambda p, _: bare(p.last).lower() + "." + bare(p.family.split()[0]).lower(),
    "initials": lambda p, rng: rng.choice([".", ". "]).join(bare(word)[0] for word in p.words) + ".",
}


@dataclass(frozen=True, slots=True)
class Plant:
    """Words of a report that give somebody away.

    Attributes
    ----------
    place : str
        `head`, `body` or `signature`.
    text : str
        The words as they stand in the report.
    words, digits : tuple of str
        What must not be left: words of names (or names glued), and numbers as they are written.
    frame : str
        The text without what is secret of it: what may stay.
    names, numbers : tuple of str
        What header and table know.
    """

    place: str
    text: str
    frame: str
    words: tuple[str, ...] = ()
    digits: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def _known_number(p: Person, rng: Random) -> str:
    digits = "00" + p.digits[:6]
    return rng.choice([digits, digits.lstrip("0"), f"{digits[2:5]} {digits[5:]}", f"{digits[2:5]}.{digits[5:]}"])


#: What a placeholder says in digits; every run of digits that it is a part of is secret.
DIGITS: dict[str, Callable[[Person, Random], str]] = {
    "day": lambda _, rng: str(rng.randint(10, 28)),
    "month": lambda _, rng: str(rng.randint(1, 12)),
    "mm": lambda _, rng: f"{rng.randint(1, 12):02}",
    "known_number": _known_number,
}
#: What is not secret.
OPEN: dict[str, Callable[[Person, Random], str]] = {
    "year": lambda _, rng: str(rng.randint(2015, 2024)),
    "yy": lambda _, rng: str(rng.randint(15, 24)),
    "letters": lambda p, _: " ".join(word[0] + "." for word in p.words[:-1]),
}


def plant(kind: str, rng: Random) -> Plant:
    """A new person's words of a kind."""
    row = ROWS[kind]
    text = rng.choice(row["texts"])
    while lists := [key for key in _PLACEHOLDER.findall(text) if key in row]:  # the row's own lists
        text = text.replace("{" + lists[0] + "}", rng.choice(row[lists[0]]), 1)
    people = {"": person(rng), "other_": person(rng), "third_": person(rng)}
    filled, frame, words, secret_digits = _filled(text, people, rng)
    known = {"name": people[""].name, "bare": bare(people[""].name), "dicom": dicom(people[""])}.get(row.get("known", ""))
    numbers = ("00" + people[""].digits[:6],) if row.get("known") == "number" else ()
    return Plant(row["place"], filled, frame, words, secret_digits, (known,) if known else (), numbers)


def _filled(text: str, people: dict[str, Person], rng: Random) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """The text with its placeholders filled, and without what is secret; its secret words and digits."""
    pieces: list[str] = []
    frame: list[str] = []
    words: list[str] = []
    secret: set[int] = set()
    for piece in re.split(r"(\{\w+\}|#)", text):
        place = sum(map(len, pieces))
        value = _value(piece, people, rng)
        pieces.append(value)
        frame.append(value if piece == value or piece.strip("{}") in OPEN else " ")
        name = piece.strip("{}").removeprefix("other_").removeprefix("third_")
        if piece == "#" or (name in DIGITS and piece != name):
            secret |= set(range(place, place + len(value)))
        elif piece != name and name in GLUED:
            words.append(re.sub(r"[\s.]", "", value) if name == "spaced" else value.replace(" ", "").strip("."))
        elif piece != name and name in WORDS:
            whole = people[piece[1:].removesuffix(name + "}")].name if name in _HIDDEN else value
            words += re.findall(r"[^\W\d_]+", whole)
    filled = "".join(pieces)
    runs = [m.group() for m in re.finditer(r"\d+", filled) if secret & set(range(m.start(), m.end()))]
    return filled, "".join(frame), tuple(words), tuple(runs)


def _value(piece: str, people: dict[str, Person], rng: Random) -> str:
    if piece == "#":
        return rng.choice("123456789")
    if not piece.startswith("{"):
        return piece
    whose = next((prefix for prefix in ("other_", "third_") if piece.startswith("{" + prefix)), "")
    name = piece.strip("{}").removeprefix(whose)
    return (WORDS | GLUED | DIGITS | OPEN)[name](people[whose], rng)


def dicom(p: Person) -> str:
    """The name as a header has it: `NGUYEN^VAN AN`."""
    return f"{bare(p.family)}^{bare(p.middle)} {bare(p.given)}".upper()
