"""What is a lesion and what is said of one: lexicon/lesions.yaml, and its words looked up in a fact's own words."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim.language.lexicon import FOLDER, TOKEN, Lexicon, expand, load_lexicon
from docphim.language.normalize import normalize
from docphim.package_data import packaged

PATH: Path = FOLDER / "lesions.yaml"

#: Wordings of a phrase, each with a blank before and behind it, as `spaced` writes a text.
Wordings = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LesionWords:
    """The lists of lexicon/lesions.yaml, and the wordings of one language."""

    lexicon: Lexicon
    lesions: frozenset[str]
    avid: frozenset[str]
    general: frozenset[str]
    grown: frozenset[str]
    uptake: frozenset[str]
    alone: frozenset[str]
    shape: frozenset[str]
    wide: frozenset[str]
    outer: frozenset[str]
    same: Mapping[str, str]
    nature: Mapping[str, str]
    described_as: Mapping[str, str]
    inside: Mapping[str, str]
    extent: Mapping[str, str]
    regions: Mapping[str, str]
    place_of: Mapping[str, tuple[str, str]]
    called: Mapping[str, Mapping[str, str]]
    words: Mapping[str, Wordings]
    places: Mapping[str, Mapping[str, Wordings]]
    again_behind: Wordings
    again_before: Wordings

    @functools.cached_property
    def worded_shapes(self) -> tuple[str, ...]:
        """The shapes that `words` has wordings for."""
        return tuple(name for name in self.words if name in self.shape)

    def says(self, name: str, text: str) -> bool:
        """Whether one of the wordings of `words` stands in a spaced text."""
        return any(wording in text for wording in self.words.get(name, ()))

    def finer(self, organ: str | None, text: str) -> list[str]:
        """Where in an organ, as far as a spaced text says it."""
        listed = self.places.get(organ or "")
        if not listed:
            return []
        met = {name: wording for name, wordings in listed.items() for wording in wordings if wording in text}
        # "thượng thanh môn" holds "thanh môn"
        return [name for name, one in met.items() if not any(one != other and one in other for other in met.values())]

    def soft(self, organ: str | None, text: str) -> tuple[str, ...]:
        """In the soft tissue of which part of the body something lies; none where it lies in an organ, or no text says so."""
        if not self.says("soft_tissue", text) or not (organ is None or organ == "soft_tissue" or organ in self.lexicon.soft):
            return ()
        return tuple(sorted(self.finer("soft_tissue", text)))


def spaced(text: str, lexicon: Lexicon) -> str:
    """A text in the lexicon's spelling, its tokens between blanks: " khối ở đầu tụy "."""
    plain = lexicon.plain
    return f" {' '.join([plain[token] for token in TOKEN.findall(text)])} "


@functools.cache
def lesion_words(language: str) -> LesionWords:
    """Read lexicon/lesions.yaml for a language.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    lexicon, data = load_lexicon(language), packaged(PATH)
    again = data["again"][language]
    return LesionWords(
        lexicon=lexicon,
        lesions=frozenset(data["lesions"]),
        avid=frozenset(data["avid"]),
        general=frozenset(data["general"]),
        grown=frozenset(data["grown"]),
        uptake=frozenset(data["uptake"]),
        alone=frozenset(data["alone"]),
        shape=frozenset(data["shape"]),
        wide=frozenset(data["wide"]),
        outer=frozenset(data["outer"]),
        same=data["same"],
        nature=data["nature"],
        described_as=data["described_as"],
        inside=data["inside"],
        extent=data["extent"],
        regions=data["regions"],
        called=data["called"],
        place_of={name: (organ, place) for name, (organ, place) in data["place_of"].items()},
        words={name: _wordings(phrases, lexicon) for name, phrases in data["words"][language].items()},
        places={organ: _places(listed, language, lexicon) for organ, listed in data["places"].items()},
        again_behind=_wordings(again["behind"], lexicon),
        again_before=_wordings(again["before"], lexicon),
    )


def _places(listed: Mapping[str, Any], language: str, lexicon: Lexicon) -> dict[str, Wordings]:
    return {place: _wordings(phrases[language], lexicon) for place, phrases in listed.items()}


def _wordings(phrases: Iterable[str], lexicon: Lexicon) -> Wordings:
    return tuple(spaced(wording, lexicon) for phrase in phrases for wording in expand(normalize(str(phrase))))


@functools.cache
def fingerprint() -> str:
    """Of lexicon/lesions.yaml: a corrected list gives other lesions."""
    return hashlib.sha256(PATH.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:8]
