"""Files of pairs, and of scores computed elsewhere: JSON lines, or CSV with a header line (RFC 4180, read strictly).

A line of pairs is {"id": "s1", "reference": "Bóng tim to.", "prediction": "Bóng tim không to.", "patient": "p1"}; with
`lesions`, a table of the lesions that there are (docphim.language.lesion_tables), lesions are scored against that; a line of
scores {"id": "s1", "GREEN": 0.62}.  Ids that are missing, over or double are kept by name, for the caller to refuse or allow.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.language.report import report_text
from docphim.lines import rows as rows_of
from docphim.study import Answer, Lesion, Row, from_row


@dataclass
class PairsFile:
    """The reports of a pairs file, in its order, and what was wrong with it by id."""

    ids: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    predictions: list[str] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    lesions: list[list[Lesion] | None] = field(default_factory=list)
    faults: dict[str, list[str]] = field(
        default_factory=lambda: {"empty": [], "missing": [], "extra": [], "duplicates": [], "empty_references": []}
    )

    def add(self, row: Row) -> None:
        """Take a line in, or note what is wrong with it: the first of several with one id counts, an extra one is left over."""
        id_, reference, prediction = str(row["id"]), row["reference"], row["prediction"]
        if id_ in self._seen:
            self.faults["duplicates"].append(id_)
            return
        self._seen.add(id_)
        if reference is None:
            self.faults["extra"].append(id_)
            return
        if not reference.strip():
            self.faults["empty_references"].append(id_)
        if prediction is None:
            self.faults["missing"].append(id_)
        elif not prediction.strip():
            self.faults["empty"].append(id_)
        self.ids.append(id_)
        patient = row.get("patient")
        self.patients.append(id_ if patient in (None, "") else str(patient))
        self.references.append(reference)
        self.predictions.append(prediction or "")
        self.answers.append(row.get("answer"))
        self.lesions.append(row.get("lesions"))

    def __post_init__(self) -> None:
        self._seen: set[str] = set(self.ids)


@dataclass(frozen=True)
class ScoresFile:
    """Scores by column, one number (or None) an id, and ids that stand twice."""

    ids: list[str]
    patients: list[str]
    columns: dict[str, list[float | None]]
    duplicates: list[str]


def read_pairs(path: Path) -> PairsFile:
    """Read a pairs file, sorting out missing, extra, duplicate and empty lines; a report may be an object of its sections.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number.
    """
    pairs = PairsFile()
    for number, row in rows_of(path, path.name):
        row = _as_texts(row)
        why = fault(row)
        if why:
            raise Refused("pairs_unreadable", path.name, f"line {number} {why}")
        if row.get("answer") is not None:
            row = row | {"answer": _answer(row["answer"], path, number)}
        if row.get("lesions") is not None:
            row = row | {"lesions": _lesions(row["lesions"], path, number)}
        pairs.add(row)
    return pairs


def _lesions(table: Any, path: Path, number: int) -> list[Lesion]:
    from docphim.language.lesion_tables import lesions_of_table  # here: few files hold a table

    try:
        return lesions_of_table(json.loads(table) if isinstance(table, str) else table)
    except ValueError as error:
        raise Refused("pairs_unreadable", path.name, f"line {number}: {error}") from None


def _as_texts(row: Any) -> Any:
    """The row with reports that are objects of sections as text."""
    objects = [key for key in ("reference", "prediction") if isinstance(row, dict) and isinstance(row.get(key), dict)]
    return row | {key: report_text(row[key]) for key in objects} if objects else row


def read_scores_file(path: Path) -> ScoresFile:
    """Read scores that were computed elsewhere: `id`, perhaps `patient`, and columns of numbers.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number and column.
    """
    rows: dict[str, Row] = {}
    duplicates: list[str] = []
    for number, row in rows_of(path, path.name):
        if not isinstance(row, dict) or not isinstance(row.get("id"), str | int) or isinstance(row["id"], bool):
            raise Refused("pairs_unreadable", path.name, f"line {number} has no 'id'")
        if str(row["id"]) in rows:
            duplicates.append(str(row["id"]))
            continue
        rows[str(row["id"])] = {
            key: value if key == "patient" else _number(value, key, path, number) for key, value in row.items() if key != "id"
        }
    names = list(dict.fromkeys(key for row in rows.values() for key in row if key != "patient"))
    if not names:
        raise Refused("pairs_unreadable", path.name, "it holds no column of numbers beside 'id'")
    patients = [str(row.get("patient") or id_) for id_, row in rows.items()]
    return ScoresFile(list(rows), patients, {name: [row.get(name) for row in rows.values()] for name in names}, duplicates)


def _number(value: Any, column: str, path: Path, number: int) -> float | None:
    """A cell as a number; an empty one as None."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        parsed = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        parsed = math.nan
    if not math.isfinite(parsed):
        raise Refused("pairs_unreadable", path.name, f"line {number} has no number as its {column!r}")
    return parsed


#: What a line must hold, and of which JSON types; those of `_OPTIONAL` may be left out.
_OPTIONAL = ("patient", "answer", "lesions")
_FIELDS: dict[str, tuple[type, ...]] = {
    "id": (str, Integral),
    "reference": (str, type(None)),
    "prediction": (str, type(None)),
    "patient": (str, Integral, type(None)),
    "answer": (dict, type(None)),
    "lesions": (list, dict, str, type(None)),
}
_TYPES = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def fault(row: Any) -> str:
    """What keeps a row from being a pair, or nothing."""
    if not isinstance(row, dict):
        return "is not an object"
    for key, kinds in _FIELDS.items():
        if key not in row and key not in _OPTIONAL:
            return f"has no {key!r} (it has {', '.join(map(repr, row)) or 'no key'})"
        value = row.get(key)
        if (key in row and not isinstance(value, kinds)) or isinstance(value, bool):
            return f"has {_TYPES.get(type(value), type(value).__name__)} as its {key!r}"
    return ""


#: Which JSON types the value of a typed answer may have, by its kind.
_VALUES: dict[str, tuple[type, ...]] = {"yes_no": (bool,), "choice": (str, int), "number": (int, float), "text": (str,)}


def is_typed(kind: Any, value: Any) -> bool:
    """Whether there is that kind of answer, and it may have that value."""
    kinds = _VALUES.get(str(kind), ())
    return isinstance(value, kinds) and (kinds == (bool,) or not isinstance(value, bool))


def _answer(row: Row, path: Path, number: int) -> Answer:
    if not is_typed(row.get("kind"), row.get("value")):
        why = f"line {number} has an 'answer' that is not {{kind: {'|'.join(_VALUES)}, value, unit}}"
        raise Refused("pairs_unreadable", path.name, why)
    try:
        return from_row(Answer, row)
    except ValueError as error:
        raise Refused("pairs_unreadable", path.name, f"line {number}: {error}") from None
