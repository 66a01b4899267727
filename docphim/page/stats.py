"""The dataset's own tables (stats.json of `docphim stats`) as rows and bars."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from docphim.page import words
from docphim.page.fact_words import concept
from docphim.page.figures import bars
from docphim.page.words import Both

Row = dict[str, Any]
#: So many bars a figure.
MOST = 12
ENDS = ("min", "mean", "max")


def lengths(stats: Row) -> list[Row]:
    """One row per split and section: reports, and least, mean and most syllables and words."""
    return [
        {"split": split, "section": section, **row}
        for split, sections in (stats.get("lengths") or {}).items()
        for section, row in sections.items()
    ]


def figures(stats: Row) -> list[tuple[Both, Markup]]:
    """Anatomy, findings and ages as bars, each with its title; those that there is nothing of are left out."""
    anatomy = [(concept("anatomy", name), n, "own") for name, n in stats.get("anatomy") or []]
    diagnoses = [(_diagnosis(name, severity), n, "own") for name, severity, n in stats.get("diagnoses") or []]
    ages = stats.get("ages") or {}
    decades = [(_decade(int(start)), n, "own") for start, n in ages.get("histogram") or []]
    drawn = [(words.text("stats_anatomy"), anatomy[:MOST]), (words.text("stats_diagnoses"), diagnoses[:MOST])]
    if decades:
        ends: dict[str, Any] = {key: words.general(round(ages[key], 1)) if _number(ages.get(key)) else "–" for key in ENDS}
        drawn.append((words.text("stats_ages", **ends), decades))
    return [(title, bars(rows, title)) for title, rows in drawn if rows]


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


def _decade(start: int) -> Both:
    return words.text("decade", from_=str(start), to=str(start + 9))


def _diagnosis(name: str, severity: str | None) -> Both:
    """`effusion`, or what is so and how (`heart/enlarged`), with its severity."""
    where, _, what = name.rpartition("/")
    named = [concept(kind, what) for kind in ("finding", "state", "anatomy")]
    shown = next((both for both in named if both.vi != both.en), named[0])
    if where:
        at = concept("anatomy", where)
        shown = Both(f"{at.vi}: {shown.vi}", f"{at.en}: {shown.en}")
    if not severity:
        return shown
    added = words.severity(severity)
    return Both(f"{shown.vi}, {added.vi}", f"{shown.en}, {added.en}")


def ends(row: Row | None) -> Markup:
    """`least / mean / most` of a length as markup; a dash where it was not measured."""
    if not row:
        return Markup("–")
    return Markup(" / ").join(words.tell(row.get(key), 1 if key == "mean" else 0) for key in ENDS)
