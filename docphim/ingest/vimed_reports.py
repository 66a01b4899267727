"""Reads the reports of ViMed-PET: JSON whose keys are headings, of sections and, within the findings, of the body's regions.

{"Mô tả hình ảnh": {"Đầu - cổ": "Không thấy hạch.", "Lồng ngực": "Nốt phổi phải."}, "Nhận định kết quả": "Theo dõi u phổi."}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.ingest.reports import cell_text
from docphim.language import regions
from docphim.language.headings import REGIONS, opened_by
from docphim.language.report import split_sections
from docphim.language.sections import SECTIONS, tidy

#: Sections that may say what the images show.
REPORTED = ("findings", "impression")
#: The longest report of the dataset has some 3,000 letters; no file of a report has so many bytes.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Piece:
    """A text of a report under its key: the `section` it belongs to ('' where the key is none that is known), the `region`."""

    section: str
    region: str
    key: str
    text: str

    @property
    def line(self) -> str:
        """The text as it stands in its section: below the key that names a part of it."""
        return f"{self.key}: {self.text}" if self.key else self.text


def read(path: Path, language: str) -> list[Piece]:
    """The pieces of a report's file.

    Parameters
    ----------
    language : str
        `vi` or `en`, of a report that is one text without keys.

    Raises
    ------
    Refused
        `report_missing`, `file_unreadable`: no such file, no JSON in UTF-8, or two texts under one key; `report_headings`: none
        of its keys opens the findings or the impression; `report_empty`; and as `cell_text`.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Refused("file_unreadable", "", "the report's file is longer than a report can be")
        report = _parsed(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise Refused("report_missing") from None
    except (OSError, ValueError, RecursionError):
        raise Refused("file_unreadable", "", "the report's file is no JSON in UTF-8") from None
    if isinstance(report, str):
        return _of_text(report, language)
    pieces = [piece for piece in _of_object(report) if piece.text] if isinstance(report, dict) else []
    if pieces and not any(piece.section in REPORTED for piece in pieces):
        raise Refused("report_headings", "", "none of the keys of its JSON opens findings or an impression")
    if not pieces:
        raise Refused("report_empty")
    return pieces


def _parsed(text: str) -> Any:
    """A report's JSON, numbers as they are written: `{"SUVmax": 7.20}` says what `{"SUVmax": "7.20"}` does.

    Raises
    ------
    ValueError
        It is no JSON; NaN and Infinity are none.
    """
    return json.loads(text, object_pairs_hook=_each_once, parse_float=str, parse_int=str, parse_constant=_no_number)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; one that gives two texts under one key would lose the first without a word."""
    once: dict[str, Any] = {}
    for key, value in pairs:
        if once.setdefault(key, value) != value:
            raise Refused("file_unreadable", "", "the report's JSON says two things under one key")
    return once


def sections(pieces: Sequence[Piece]) -> dict[str, str]:
    """Section → its text, a line a piece; behind the findings what they say of each region (`language.regions`)."""
    lines: dict[str, list[str]] = {}
    spoken: dict[str, list[str]] = {}
    for piece in pieces:
        lines.setdefault(piece.section, []).append(piece.line)
        if piece.region:
            spoken.setdefault(regions.PREFIX + piece.region, []).append(piece.text)
    whole: dict[str, str] = {}
    for section, texts in lines.items():
        whole[section] = "\n".join(texts)
        if section == "findings":
            whole |= {name: "\n".join(texts) for name, texts in spoken.items()}
    if spoken or "findings" not in whole:
        return whole
    return regions.with_regions(whole)  # a text that lists its regions itself


def _of_text(text: str, language: str) -> list[Piece]:
    divided = split_sections(cell_text(text), "text", language)
    pieces = [Piece(name, "", "", text) for name, text in divided.items()]
    if not pieces:
        raise Refused("report_empty")
    return pieces


def _of_object(report: dict[str, Any]) -> Iterator[Piece]:
    described = False
    for key, value in report.items():
        name = opened_by(key.strip(" :"))
        if name in REGIONS:  # regions without the heading of the findings above them
            yield Piece("findings", name, key.strip(" :"), _text(value))
        elif name == "findings" and isinstance(value, dict):
            yield from _of_findings(value)
        elif name == "diagnosis":  # below the findings it is of the images, above them it came before
            yield Piece("impression" if described else "indication", "", "", _text(value))
        else:
            yield Piece(name, "", "" if name else key.strip(" :"), _text(value))
        described = described or name in ("findings", *REGIONS)


def _of_findings(value: dict[str, Any]) -> Iterator[Piece]:
    for key, inner in value.items():
        name = opened_by(key.strip(" :"))
        if name in SECTIONS and name != "findings":
            yield Piece(name, "", "", _text(inner))
        else:
            yield Piece("findings", name if name in REGIONS else "", key.strip(" :"), _text(inner))


def _text(value: Any) -> str:
    """What stands under a key, tidy: text, or a list or an object of texts, a line each; '' for null, true and false."""
    if isinstance(value, list):
        return tidy("\n".join(map(_text, value)))
    if isinstance(value, dict):
        lines = (Piece("", "", str(key).strip(" :"), text).line for key, inner in value.items() if (text := _text(inner)))
        return tidy("\n".join(lines))
    return tidy(cell_text(value)) if isinstance(value, str) else ""


def changed(pieces: Sequence[Piece], texts: Sequence[str]) -> list[Piece]:
    """The pieces with other texts; those left without one are gone."""
    return [replace(piece, text=text) for piece, text in zip(pieces, texts, strict=True) if text]
