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
#: Spreads of the table of PET, in their order, and what is shown of each.
PET = ("slices_a_study", "step_mm", "suv_max", "uptake_minutes", "suv_a_report", "suv_stated")
SPREAD = ("p5", "p50", "p95", "max")


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


def pet(stats: Row) -> list[tuple[Both, Row]]:
    """Spreads of the PET of a dataset and of what its reports state, each with its name; what there is none of is left out."""
    table = stats.get("pet") or {}
    named = [(words.text(f"stats_pet_{key}"), table.get(key)) for key in PET]
    named += [(words.task(section), row) for section, row in (table.get("lengths") or {}).items()]
    return [(name, row) for name, row in named if row]


def uptake(stats: Row) -> list[tuple[Both, Markup]]:
    """In how many reports uptake is spoken of in each way."""
    ways = (stats.get("pet") or {}).get("uptake") or {}
    return [(words.text(f"stats_uptake_{way}"), words.tell(n, 0)) for way, n in ways.items()]


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
