"""A fact in words, in both languages: what, where, which side, how much.

Concepts have English names; their Vietnamese ones are the page's own words, or the first that the lexicon knows them by.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import docphim.language
from docphim.package_data import packaged
from docphim.page import words
from docphim.page.words import Both

Row = dict[str, Any]
LEXICON = Path(docphim.language.__file__).parent / "lexicon"
#: Which part of the lexicon names which field of a fact.
KINDS = {"anatomy": "anatomy", "part": "parts", "finding": "findings", "state": "states", "location": "locations"}
KINDS |= {"descriptor": "descriptors"}
_CHOICE = re.compile(r"\{([^{}]*)\}")
_LETTERS = re.compile(r"\b(?:copd|covid|fdg|lad|rca)\b")
_NUMBERED = re.compile(r"^(.*)_([a-z]?\d+[a-z]?)$")


def reading(fact: Row) -> Both:
    """What a fact row says, for example `có nốt; phổi; bên phải; thùy trên; 12 mm`."""
    parts = [_what(fact)]
    parts += [_known(key, fact[key]) for key in ("side", "severity", "count", "certainty", "change") if _is_stated(fact, key)]
    parts[1:1] = [concept("location", name) for name in fact.get("location") or ()]
    if fact.get("size_mm"):
        parts.append(words.text("fact_size", size=_joined([words.general(mm) for mm in fact["size_mm"]], " × ")))
    if fact.get("suv") is not None:
        parts.append(words.text("fact_suv", suv=words.general(fact["suv"])))
    parts += [_beside(word) for word in fact.get("leftover") or ()]
    return _joined(parts, "; ")


def _beside(word: str) -> Both:
    """What else is said of a finding: a descriptor's name, or in quotation marks a word that the lexicon does not know."""
    known = any(word in _lexicon(language).get("descriptors", {}) for language in ("vi", "en"))
    return concept("descriptor", word) if known or words.concept("descriptor", word) else Both(f"“{word}”", f"“{word}”")


def _what(fact: Row) -> Both:
    """Finding and whether it is there, or an anatomy and how it is."""
    polarity, where = fact.get("polarity") or "present", _where(fact)
    if fact.get("finding"):
        phrase = words.text(f"fact_{polarity}", what=concept("finding", fact["finding"]))
        return _joined([phrase, where], "; ") if where.vi else phrase
    state = fact.get("state")
    if state in (None, polarity):
        return words.text("fact_state", where=where, state=words.text(f"fact_is_{polarity}"))
    # "The heart is not enlarged" is an abnormal state of which the normal is said.
    denied = _lexicon("concepts").get("states", {}).get(state, {}).get("sign", polarity) != polarity
    return words.text("fact_state_not" if denied else "fact_state", where=where, state=concept("state", state))


def _where(fact: Row) -> Both:
    """Part and anatomy, in each language's order."""
    named = [concept(key, fact[key]) for key in ("part", "anatomy") if fact.get(key)]
    return Both(_joined(named, " ").vi, _joined(named[::-1], " ").en)


def _is_stated(fact: Row, key: str) -> bool:
    return bool(fact.get(key)) and fact[key] != "certain"


def _known(key: str, value: str) -> Both:
    """A value of a closed list; one that the page's words lack is shown as it is written."""
    try:
        return words.text(f"fact_{key}_{value}")
    except KeyError:
        return _plain(value)


def _joined(parts: list[Both], by: str) -> Both:
    return Both(by.join(part.vi for part in parts), by.join(part.en for part in parts))


def _plain(name: str) -> Both:
    return Both(name.replace("_", " "), name.replace("_", " "))


def concept(kind: str, name: str) -> Both:
    """A concept's name; in Vietnamese too it is English where neither the page nor the lexicon has a word for it."""
    english = _LETTERS.sub(lambda m: m.group().upper(), name.replace("_", " "))
    numbered = _NUMBERED.match(name) if kind == "location" else None
    if numbered:
        stem, number = numbered[1], numbered[2].upper()
        called = words.concept("numbered", stem) or _vietnamese("numbered", stem) or stem
        return Both(f"{called} {number}", f"{stem} {number}")
    return Both(words.concept(kind, name) or _vietnamese(KINDS[kind], name) or english, english)


def _vietnamese(kind: str, name: str) -> str:
    """The first phrase that the Vietnamese lexicon has for a concept, in its shortest form; nothing where it has none."""
    phrases = _lexicon("vi").get(kind, {}).get(name)
    return " ".join(_CHOICE.sub(_chosen, phrases[0]).split()) if phrases else ""


def _chosen(choice: re.Match[str]) -> str:
    """Of `{các|hai|}` nothing, of `{các|hai}` the first."""
    written = choice[1].split("|")
    return "" if "" in written else written[0]


@functools.cache
def _lexicon(language: str) -> Row:
    file = LEXICON / f"{language}.yaml"
    read: Row = packaged(file) if file.exists() else {}
    return read
