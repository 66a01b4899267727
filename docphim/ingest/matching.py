"""Finds which report belongs to which film: by accession number, study UID, patient and date, or file name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from docphim.ingest.drafts import Draft, Image
from docphim.ingest.finder import Films, Finder, usable_rules
from docphim.ingest.reports import Row, Table
from docphim.ingest.visits import Answer, is_numbered_by_patient, of_their_days, of_visits


class _Way(NamedTuple):
    """One way of finding films: by a rule, with the rows as it reads them."""

    finder: Finder
    rows: Sequence[Row]


class Rule(NamedTuple):
    """The rule by which a table's rows were matched, and how many rows would have found films by each that was tried."""

    rule: str
    tried: dict[str, int]


@dataclass
class Match:
    """What came of matching.

    Attributes
    ----------
    rules : list
        Of each table.
    drafts : list
        Studies with films and at least one row.
    alone : list
        Studies with films and no row.
    refused : list
        (row, reason code) of rows that found no study, or more than one.
    restored : int
        Ids whose leading zeros were restored.
    """

    rules: list[Rule]
    drafts: list[Draft]
    alone: list[Draft]
    refused: list[tuple[Row, str]]
    restored: int


def match(images: Sequence[Image], tables: Sequence[Table], rule: str | None = None) -> Match:
    """Give every row its films.

    Parameters
    ----------
    tables : sequence of Table
        Each is matched by a rule of its own, a document by every rule, which must agree.  A row of a later table joins the
        study that an earlier one has made of its films.
    rule : str, optional
        One of `RULES`, for the first table; by default the one by which most rows find films, the earlier where two find
        equally many.
    """
    films = Films(images)
    units = films.by_unit
    studies = _Studies(units)
    result = Match([], [], [], [], 0)
    for number, table in enumerate(tables):
        rules = [rule] if rule and number == 0 else usable_rules(table)
        tried = {name: Finder(name, films, table.rows) for name in rules}
        best = max(tried, key=lambda name: tried[name].hits)
        ways, by_patient = [_Way(tried[best], table.rows)], []
        if table.documents and rules != [rule]:
            ways = _ways_of_documents(films, table.rows, rules)
            by_patient = _ways_by_patient(films, table.rows)
        result.rules.append(Rule(best, {name: finder.hits for name, finder in tried.items()}))
        answers = _all_agreed(ways)
        if by_patient:
            answers = of_visits(table.rows, answers, _all_agreed(by_patient))
        result.refused += studies.take(table, of_their_days(table.rows, answers, units))
        result.restored += sum(way.finder.restored for way in [*ways, *by_patient])
    result.refused += [(row, "report_ambiguous") for row in studies.without_clashes()]
    result.alone = [Draft(unit, films) for unit, films in units.items() if unit not in studies.owner]
    result.drafts = list(studies.drafts.values())
    return result


def _answers(way: _Way) -> list[Answer]:
    return [way.finder.find(row) for row in way.rows]


def _all_agreed(ways: Sequence[_Way]) -> list[Answer]:
    return [_agreed(answers) for answers in zip(*map(_answers, ways), strict=True)]


def _ways_of_documents(films: Films, rows: Sequence[Row], rules: Sequence[str]) -> list[_Way]:
    """A document's film may be found by its study's number, its patient and date, its file's name, or one called so."""
    numbered = [_asking(row, "" if is_numbered_by_patient(row) else row.get("id")) for row in rows]
    named = [_asking(row, row.get("image")) for row in rows]
    ways = [_Way(Finder(rule, films, numbered), numbered) for rule in rules if rule != "file_name"]
    # The file's name as an id, which finds `12_1.png` too.
    return ways + [_Way(Finder("file_name", films, asking), asking) for asking in (named, numbered)]


def _ways_by_patient(films: Films, rows: Sequence[Row]) -> list[_Way]:
    """Where no label gives a study's number: films called like the patient, whose request is numbered so, or of its header."""
    if not any(map(is_numbered_by_patient, rows)):
        return []
    asking = [_asking(row, row.get("patient") if is_numbered_by_patient(row) else "") for row in rows]
    return [_Way(Finder(rule, films, asking), asking) for rule in ("accession", "patient", "file_name")]


def _asking(row: Row, number: str) -> Row:
    return replace(row, cells=row.cells | {"id": number, "image": ""})


def _agreed(answers: Sequence[Answer]) -> Answer:
    """What all ways that find a row's films agree on."""
    units = {frozenset(names) for names, _ in answers if names}
    if units:
        return (set(units.pop()), "") if len(units) == 1 else (set(), "report_ambiguous")
    return set(), next((reason for _, reason in answers if reason not in ("image_missing", "id_missing")), answers[0][1])


class _Studies:
    """Studies in the making: which rows speak of which, and which studies would share a film (they are clashing)."""

    def __init__(self, units: dict[str, list[Image]]) -> None:
        self._units = units
        self.drafts: dict[str, Draft] = {}
        self.owner: dict[str, str] = {}
        self._clashing: set[str] = set()

    def take(self, table: Table, answers: Sequence[Answer]) -> list[tuple[Row, str]]:
        """Give a table's rows their films; those that find none are given back with the reason."""
        refused: list[tuple[Row, str]] = []
        earlier = dict(self.owner)
        for row, (names, reason) in zip(table.rows, answers, strict=True):
            number = "" if table.documents and is_numbered_by_patient(row) else row.get("id")
            if reason:
                refused.append((row, reason))
            else:
                self._add(row, number, names, {earlier[unit] for unit in names if unit in earlier})
        return refused

    def _add(self, row: Row, number: str, names: set[str], earlier: set[str]) -> None:
        """Let a row speak, under a study's number or '', of these units' films, which an earlier table may have claimed."""
        uid = next((unit for unit in sorted(names) if unit.startswith("uid:")), None)
        made = f"id:{number}" if number else min(names)
        name = uid or (min(earlier) if len(earlier) == 1 else made)
        draft = self.drafts.setdefault(name, Draft(name))
        draft.rows.append(row)
        films = [image for unit in names for image in self._units[unit]]
        if len(films) == 1 and row.get("view"):
            draft.views[films[0].relative] = row.get("view")
        for unit in sorted(names):
            if self.owner.setdefault(unit, name) != name:
                self._clashing.update((name, self.owner[unit]))
            elif self._units[unit][0] not in draft.images:
                draft.images += self._units[unit]

    def without_clashes(self) -> list[Row]:
        """Take the clashing studies out: their films are nobody's, their rows are given back."""
        self.owner = {unit: name for unit, name in self.owner.items() if name not in self._clashing}
        return [row for name in sorted(self._clashing) for row in self.drafts.pop(name).rows]
