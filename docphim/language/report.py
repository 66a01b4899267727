"""Whole reports: their sections as texts, and reports that come as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from docphim.language.divide import divide
from docphim.language.headings import is_heading
from docphim.language.normalize import clean
from docphim.language.sections import tidy

#: Between the words of a key: `ClinicalInformation_EN`, `kết_luận`.
_WORDS = re.compile(r"_(?:EN|VI|en|vi)$|_+|(?<=[a-z])(?=[A-Z])")


def split_sections(text: str, column: str = "text", language: str = "vi") -> dict[str, str]:
    """The sections of one cell and what is set aside, as `divide` finds them: every word but the headings' own is in them.

    Parameters
    ----------
    column : str
        `text` for a whole report; one of `SECTIONS` for the cell of such a column.
    language : str
        Whose lexicon tells what a finding is: `vi` or `en`.

    Returns
    -------
    dict
        Section name → text, in the order first met: the names in `SECTIONS` and `ASIDE`.  Sections without text are left out.
        The headings of regions stand in them.
    """
    from docphim.language.facts import passage_reader  # here: the chain of imports stays short

    text, parts = clean(text), dict[str, list[str]]()
    for section in divide(text, passage_reader(language), column):
        parts.setdefault(section.name, []).append(text[section.start if section.region else section.begin : section.end])
    joined = {name: tidy("\n".join(pieces)) for name, pieces in parts.items()}
    return {name: value for name, value in joined.items() if value}


def report_text(report: str | Mapping[str, Any]) -> str:
    """A report as text: that of JSON with its keys as headings, `{"findings": "Tim to."}` as `findings: Tim to.`

    Keys that are no headings (`{"doctor": …, "findings": …}`) come first, as a letterhead does; none is left out.  Text that
    is not the whole of a JSON object stays as it is.
    """
    if isinstance(report, str):
        parsed = _parsed(report)
        return report if parsed is None else report_text(parsed)
    rows = [(_spaced(key), value) for key, value in report.items()]
    return "\n".join(_line(key, value) for key, value in sorted(rows, key=lambda row: is_heading(row[0])))


def _parsed(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _line(key: str, value: Any) -> str:
    """A key and what stands under it; a value of several lines begins on its own."""
    text = _flat(value)
    return f"{key}:\n{text}" if "\n" in text or isinstance(value, dict | list) else f"{key}: {text}"


def _flat(value: Any) -> str:
    """A value of JSON as text, a line for each item."""
    if isinstance(value, dict):
        return "\n".join(_line(_spaced(key), inner) for key, inner in value.items())
    if isinstance(value, list):
        return "\n".join(map(_flat, value))
    return "" if value is None else str(value)


def _spaced(key: str) -> str:
    return " ".join(_WORDS.sub(" ", key).split())
