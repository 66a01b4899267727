"""A lexicon of lexicon/*.yaml with its phrases compiled: `{a|b}` is either, `*` a few words between."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from docphim.errors import UsageError

WORD = re.compile(r"\w+")
_PART = re.compile(r"\{[^}]*\}|\*|\S+")


@dataclass(frozen=True, eq=False)
class Lexicon:
    """A lexicon file with its phrases compiled."""

    cues: re.Pattern[str]
    cue_kinds: tuple[str, ...]
    sides: tuple[tuple[str, re.Pattern[str]], ...]
    phrases: Mapping[str, tuple[tuple[str, str, re.Pattern[str]], ...]]  # by their first word
    masked: re.Pattern[str]
    qualifiers: re.Pattern[str]
    anatomy: re.Pattern[str]
    list_ends: re.Pattern[str]
    joins: re.Pattern[str]
    midline: re.Pattern[str]
    denied: re.Pattern[str]
    sided: frozenset[str]
    side_follows: bool
    ratio: Mapping[str, Any]


@functools.cache
def load_lexicon(language: str) -> Lexicon:
    """Read and compile lexicon/LANGUAGE.yaml; the file says what its entries mean.

    Raises
    ------
    UsageError
        There is no such file.
    """
    folder = Path(__file__).parent / "old"
    path = folder / f"{language}.yaml"
    if not path.is_file():
        raise UsageError(f"language: {language!r} is not one of {', '.join(sorted(p.stem for p in folder.glob('*.yaml')))}")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    gap = rf"(?:\s+(?!{_any(data['anatomy'])})[^\s,:]+){{0,6}}?"
    kinds = ("negation", "hedges", "ends")
    cues = sorted(((p, kind) for kind in kinds for p in data[kind]), key=lambda c: -len(c[0]))
    side = "|".join(_source(p, "") for words in data["sides"].values() for p in words)
    joins = "|".join(_source(p, "") for p in data["joins"])
    return Lexicon(
        cues=re.compile("|".join(f"({_source(p, '')})" for p, _ in cues)),
        cue_kinds=tuple(kind for _, kind in cues),
        sides=tuple((name, re.compile(_any(words))) for name, words in data["sides"].items()),
        phrases=_phrases(data["findings"], gap),
        masked=re.compile("|".join(_source(p, gap) for p in data["masked"])),
        qualifiers=re.compile(_any(data["qualifiers"])),
        anatomy=re.compile(_any(data["anatomy"])),
        list_ends=re.compile(_any(data["list_ends"])),
        joins=re.compile(rf"(?:{joins})(?!\s+(?:{side}))"),
        midline=re.compile(_any(data["midline"])),
        denied=re.compile(rf"\s*:?\s*(?:{_any(data['negation_after'])})\s*$"),
        sided=frozenset(name for name, finding in data["findings"].items() if finding.get("sided")),
        side_follows=data["side_follows"],
        ratio=data["ratio"] | {"names": re.compile("|".join(_source(p, "") for p in data["ratio"]["names"]))},
    )


def _phrases(findings: Mapping[str, Any], gap: str) -> dict[str, tuple[tuple[str, str, re.Pattern[str]], ...]]:
    """Every finding's phrases, compiled, under each word that they may begin with."""
    rows: dict[str, list[tuple[str, str, re.Pattern[str]]]] = {}
    for name, finding in findings.items():
        for kind in ("things", "states", "normal"):
            for phrase in finding.get(kind, []):
                compiled = (name, kind, re.compile(_source(phrase, gap)))
                for first in {WORD.findall(choice)[0] for choice in _PART.findall(phrase)[0].strip("{}").split("|")}:
                    rows.setdefault(first, []).append(compiled)
    return {first: tuple(compiled) for first, compiled in rows.items()}


def _any(phrases: Iterable[str]) -> str:
    """A pattern of any of the phrases, longest first; of none, one that never matches."""
    return "(?:" + "|".join(_source(p, "") for p in sorted(phrases, key=len, reverse=True)) + ")" if phrases else "(?!)"


def _source(phrase: str, gap: str) -> str:
    """A phrase of the lexicon as a regular expression over whole words."""
    source, open_ = "", ""
    for part in _PART.findall(phrase):
        if part == "*":
            if "(?P<head>" not in source and not open_:
                source = f"(?P<head>{source})"
            open_ = gap
            continue
        words = sorted(part.strip("{}").split("|"), key=len, reverse=True)
        choice = "|".join(r"\s+".join(map(re.escape, w.split())) for w in words)
        blank = r"\s+" if source else ""
        source += f"{open_}{blank}(?:{choice})"
        open_ = ""
    return rf"(?<!\w){source}(?!\w)"
