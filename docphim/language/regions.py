"""The parts of the body that a whole-body report lists its findings under: where each stands in the text, and what it says.

A report's sections keep `findings` whole, headings and all, and beside it `findings.chest`, …: the text under each heading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from docphim.language.divide import counted
from docphim.language.headings import REGIONS, headings
from docphim.language.normalize import clean

#: What the name of a section begins with that holds one region's findings.
PREFIX = "findings."


class Part(NamedTuple):
    """A piece of the findings: from its heading (`start`), its own text from `begin` on; `region` is empty above the first."""

    start: int
    begin: int
    end: int
    region: str


def parts(text: str) -> list[Part]:
    """The pieces of a findings' text by region, without a gap: `"".join(text[p.start : p.end])` is the text.

    Parameters
    ----------
    text : str
        The findings alone, cleaned (`normalize.clean`): every region's heading in it counts, where there are two regions.
    """
    marks = [mark for mark in counted(headings(text)) if mark.name in REGIONS]
    ends = [*(mark.start for mark in marks), len(text)]
    pieces = [Part(0, 0, ends[0], "")]
    pieces += [Part(mark.start, mark.end, end, mark.name) for mark, end in zip(marks, ends[1:], strict=True)]
    return [piece for piece in pieces if piece.start < piece.end]


def by_region(text: str) -> dict[str, str]:
    """What the findings say of each region, without the headings; empty where the text lists no regions.

    >>> by_region("Đầu - cổ: Không thấy hạch.\\nLồng ngực: Nốt phổi phải.")
    {'head_neck': 'Không thấy hạch.', 'chest': 'Nốt phổi phải.'}
    """
    text = clean(text)
    spoken: dict[str, list[str]] = {}
    for piece in parts(text):
        words = text[piece.begin : piece.end].strip()
        if piece.region and words:
            spoken.setdefault(piece.region, []).append(words)
    return {region: "\n".join(texts) for region, texts in spoken.items()}


def with_regions(sections: Mapping[str, str]) -> dict[str, str]:
    """A report's sections, and behind the findings one section for each region that these list."""
    complete: dict[str, str] = {}
    for name, text in whole(sections).items():
        complete[name] = text
        if name == "findings":
            complete |= {PREFIX + region: words for region, words in by_region(text).items()}
    return complete


def region_texts(sections: Mapping[str, str]) -> dict[str, str]:
    """Region → what the report says of it, in the report's order; empty where it lists no regions."""
    return {name.removeprefix(PREFIX): text for name, text in sections.items() if name.startswith(PREFIX)}


def whole(sections: Mapping[str, str]) -> dict[str, str]:
    """The sections without the regions', whose text the findings hold already."""
    return {name: text for name, text in sections.items() if not name.startswith(PREFIX)}
