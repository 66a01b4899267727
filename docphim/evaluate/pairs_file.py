"""Files of pairs, and of scores computed elsewhere: JSON lines, or CSV with a header line (RFC 4180, read strictly).

A line of pairs is {"id": "s1", "reference": "Bóng tim to.", "prediction": "Bóng tim không to.", "patient": "p1"}; a line of
scores {"id": "s1", "GREEN": 0.62}.  Ids that are missing, over or double are kept by name, for the caller to refuse or allow.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.study import Answer, Row, from_row

#: A report of more characters is no report.
csv.field_size_limit(10_000_000)


@dataclass
class PairsFile:
    """The reports of a pairs file, in its order, and what was wrong with it by id."""

    ids: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    predictions: list[str] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
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
    """Read a pairs file, sorting out missing, extra, duplicate and empty lines.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number.
    """
    pairs = PairsFile()
    for number, row in _rows(path):
        why = _fault(row)
        if why:
            raise Refused("pairs_unreadable", path.name, f"line {number} {why}")
        if row.get("answer") is not None:
            row = row | {"answer": _answer(row["answer"], path, number)}
        pairs.add(row)
    return pairs


def read_scores_file(path: Path) -> ScoresFile:
    """Read scores that were computed elsewhere: `id`, perhaps `patient`, and columns of numbers.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number and column.
    """
    rows: dict[str, Row] = {}
    duplicates: list[str] = []
    for number, row in _rows(path):
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


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Each line's number and content."""
    return _csv_rows(path) if path.suffix.lower() in (".csv", ".tsv") else _json_rows(path)


def _json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_lines(path), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if text.strip():
                yield number, json.loads(text)
        except UnicodeDecodeError:
            raise Refused("pairs_unreadable", path.name, f"line {number} is not UTF-8") from None
        except (ValueError, RecursionError):
            raise Refused("pairs_unreadable", path.name, f"line {number} is not JSON; every line is one object") from None


def _csv_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Rows by the header's names.  A row of another width, or a cell that holds whole rows, is refused: a quote is astray."""
    texts = (_decoded(line, number, path) for number, line in enumerate(_lines(path), 1))
    reader = csv.reader(texts, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if header is None:
                header = [cell.strip() for cell in cells]
            elif cells:
                _check_cells(cells, header, path, reader.line_num)
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise Refused("pairs_unreadable", path.name, f"line {reader.line_num} is not CSV: {error}") from None


def _check_cells(cells: Sequence[str], header: Sequence[str], path: Path, number: int) -> None:
    if len(cells) != len(header):
        raise Refused("pairs_unreadable", path.name, f"line {number} has {len(cells)} cells, the header {len(header)}")
    for cell in cells:
        # A quote astray swallows the rows that follow: their lines then stand inside one cell, each with all its cells.
        inside = [line.split(",") for line in cell.splitlines()[1:]]
        if any(len(parts) >= len(header) and parts[0] and " " not in parts[0].strip() for parts in inside):
            raise Refused("pairs_unreadable", path.name, f"line {number} has a cell that holds other rows: a quote is astray")


def _decoded(line: bytes, number: int, path: Path) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise Refused("pairs_unreadable", path.name, f"line {number} is not UTF-8") from None


def _lines(path: Path) -> Iterable[bytes]:
    try:
        with path.open("rb") as handle:
            yield from handle
    except FileNotFoundError:
        raise Refused("file_missing", path.name) from None
    except OSError as error:
        raise Refused("pairs_unreadable", path.name, f"the file cannot be read: {error.strerror}") from None


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


#: What a line must hold, and of which JSON types; `patient` and `answer` may be left out.
_FIELDS = {
    "id": (str, int),
    "reference": (str, type(None)),
    "prediction": (str, type(None)),
    "patient": (str, int, type(None)),
    "answer": (dict, type(None)),
}
_TYPES = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def _fault(row: Any) -> str:
    """What keeps a row from being a pair, or nothing."""
    if not isinstance(row, dict):
        return "is not an object"
    for key, kinds in _FIELDS.items():
        if key not in row and key not in ("patient", "answer"):
            return f"has no {key!r} (it has {', '.join(map(repr, row)) or 'no key'})"
        value = row.get(key)
        if (key in row and not isinstance(value, kinds)) or isinstance(value, bool):
            return f"has {_TYPES.get(type(value), 'null')} as its {key!r}"
    return ""


#: Which JSON types the value of a typed answer may have, by its kind.
_VALUES: dict[str, tuple[type, ...]] = {"yes_no": (bool,), "choice": (str, int), "number": (int, float), "text": (str,)}


def _answer(row: Row, path: Path, number: int) -> Answer:
    kinds = _VALUES.get(str(row.get("kind")), ())
    value = row.get("value")
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds != (bool,)):
        why = f"line {number} has an 'answer' that is not {{kind: {'|'.join(_VALUES)}, value, unit}}"
        raise Refused("pairs_unreadable", path.name, why)
    try:
        return from_row(Answer, row)
    except ValueError as error:
        raise Refused("pairs_unreadable", path.name, f"line {number}: {error}") from None
