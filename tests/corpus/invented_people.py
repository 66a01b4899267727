"""Invented people for the corpus: names put together from syllables, numbers drawn by chance; none of them is anybody's.

The lists of people.yaml are written apart from the rules of `docphim.ingest.names`, and neither reads the other.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

_PARTS = yaml.safe_load((Path(__file__).parent / "people.yaml").read_text(encoding="utf-8"))
FAMILIES, MIDDLES, GIVEN, _ONSETS, _RIMES = (_PARTS[k].split() for k in ("families", "middles", "given", "onsets", "rimes"))
ENGLISH_GIVEN, ENGLISH_FAMILY = _PARTS["english_given"].split(), _PARTS["english_family"].split()
DOUBLE, MINORITY = _PARTS["double"], _PARTS["minority"]
FOREIGN_GIVEN, FOREIGN_FAMILY = _PARTS["foreign_given"].split(), _PARTS["foreign_family"].split()


@dataclass(frozen=True, slots=True)
class Person:
    """A name in its parts, and numbers."""

    family: str
    middle: str
    given: str
    english: str
    digits: str

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.family, self.middle, self.given)))

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.name.split())

    @property
    def last(self) -> str:
        """The word that people are called by."""
        return self.given.split()[-1]


def person(rng: Random) -> Person:
    """A new person."""
    family = rng.choice(DOUBLE) if rng.random() < 0.04 else rng.choice(FAMILIES)
    given = rng.choice(GIVEN) if rng.random() < 0.6 else syllable(rng)
    if rng.random() < 0.25:
        given = f"{rng.choice(GIVEN)} {given}"
    english = f"{rng.choice(ENGLISH_GIVEN)} {rng.choice(ENGLISH_FAMILY)}"
    digits = "".join(rng.choice("123456789") + rng.choice("0123456789") for _ in range(8))
    return Person(family, rng.choice(MIDDLES), given, english, digits)


def syllable(rng: Random) -> str:
    """A syllable that Vietnamese could have, capitalised."""
    onset, rime = rng.choice(_ONSETS), rng.choice(_RIMES)
    if onset + rime in _PARTS["no_names"]:
        return syllable(rng)
    if onset == "c" and rime[0] in "eiêyỉệ":
        onset = "k"
    if onset in ("ng", "g") and rime[0] in "eiêyỉệ":
        onset += "h"
    if onset == "qu" and rime[0] in "uoưôơúùũ":
        onset = "h"
    return (onset + rime).capitalize()


def foreigner(rng: Random) -> str:
    """Somebody from elsewhere."""
    return f"{rng.choice(FOREIGN_GIVEN)} {rng.choice(FOREIGN_FAMILY)}"


def minority(rng: Random) -> str:
    """Somebody of a small people of Vietnam."""
    return rng.choice(MINORITY)


def bare(text: str) -> str:
    """Without accents."""
    marks = unicodedata.normalize("NFD", text)
    return "".join(c for c in marks if not unicodedata.combining(c)).replace("đ", "d").replace("Đ", "D")
