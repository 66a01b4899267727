"""JSONL: an object a line, under the union of their keys; an object in an object by its path, `report.findings`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from docphim.errors import Refused
from docphim.ingest.reports.encodings import decoded
from docphim.ingest.reports.rows import Line, Sheet


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The one table of a JSONL.

    Raises
    ------
    Refused
        `file_unreadable`: its first line is no JSON object.
    """
    text, used = decoded(data, encoding)
    objects: list[tuple[int, dict[str, str] | None]] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.strip():
            objects.append((number, _object(line)))
    if objects and objects[0][1] is None:
        raise Refused("file_unreadable", "", f"line {objects[0][0]} of the table of reports is not a JSON object")
    header = list(dict.fromkeys(key for _, cells in objects for key in cells or ()))
    lines = [Line(0, header), *(_line(number, cells, header) for number, cells in objects)]
    yield Sheet("", iter(lines if header else []), record={"format": "jsonl", "encoding": used})


def _line(number: int, cells: dict[str, str] | None, header: list[str]) -> Line:
    return Line(number, [], "row_unreadable") if cells is None else Line(number, [cells.get(key, "") for key in header])


def _object(line: str) -> dict[str, str] | None:
    """The cells of one line; None where it is no object, is cut, says one key twice, or holds a list of objects or lists."""
    try:
        value = json.loads(line, parse_float=str, object_pairs_hook=_once)
        return dict(_flat(value, "")) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _flat(value: dict[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{above}{key}.")
        else:
            yield f"{above}{key}", cell_of(inner)


def cell_of(value: Any) -> str:
    """A value as the text of a cell: '' for null, the items of a list joined by ';'.

    Raises
    ------
    ValueError
        An item of a list is an object or a list: `[{"name": "Phổi", "text": "Sáng."}]` is no cell.
    """
    if value is None:
        return ""
    if isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            raise ValueError("a list of objects")
        return ";".join(map(cell_of, value))
    return str(value)
