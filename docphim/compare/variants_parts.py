"""What variants do on parts of the data, means over seeds: lesions by size and by the slices shown, studies by group."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from docphim.columns import aligned
from docphim.compare.row import WIDTH, number
from docphim.metrics.catalogue import heads, title_of
from docphim.package_data import packaged
from docphim.scores import TaskScores
from docphim.study import Row

#: What of a lesion a draft may say.
NAMED = ("presence", "side", "lobe")


def words() -> dict[str, Any]:
    """The words of variants' tables, in Vietnamese and English."""
    table: dict[str, Any] = packaged(Path(__file__).with_name("variants.yaml"))
    return table


def _over_seeds(tables: Sequence[Any]) -> dict[str, dict[str, list[Any]]]:
    """Grouping → group → what each seed's scores say of it; a seed without such scores says nothing."""
    gathered: dict[str, dict[str, list[Any]]] = {}
    for table in tables:
        for grouping, groups in (table or {}).items():
            for group, scores in groups.items():
                gathered.setdefault(grouping, {}).setdefault(group, []).append(scores)
    return gathered


def lesions(entries: Sequence[TaskScores]) -> Row:
    """Grouping → group → `n`, and in percent `presence`, `side`, `lobe` and `other`: presence on another patient's image."""
    tables = _over_seeds([entry.by_lesion for entry in entries])
    return {
        grouping: {
            group: {
                "n": seeds[0]["own"].n,
                **{name: _mean([100 * v for s in seeds if (v := getattr(s["own"], name)) is not None]) for name in NAMED},
                "other": _mean([100 * s["other"].presence for s in seeds if "other" in s]),
            }
            for group, seeds in groups.items()
        }
        for grouping, groups in tables.items()
    }


def groups(entries: Sequence[TaskScores]) -> Row:
    """Grouping → group → `n`, and by score its `value` and what is lost on another patient's image (`drop`)."""
    tables = _over_seeds([entry.by_group for entry in entries])
    return {
        grouping: {
            group: {
                "n": next(iter(seeds[0].values())).n,
                "scores": {
                    key: {
                        "value": _mean([s[key].value for s in seeds if s[key].value is not None]),
                        "drop": _mean([s[key].drop.value for s in seeds if s[key].drop]),
                    }
                    for key in seeds[0]
                },
            }
            for group, seeds in parts.items()
        }
        for grouping, parts in tables.items()
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def part_tables(rows: Row, names: Sequence[str]) -> Iterator[tuple[str, str, list[str], list[tuple[str, list[Row]]]]]:
    """Each part table: whether of `lesions` or `groups`, its grouping, its groups, and by variant a cell a group.

    A cell of lesions has `n`, `presence`, `side`, `lobe`, `other`; one of groups `n`, `value`, `drop` of the leading score.
    """
    for kind in ("lesions", "groups"):
        having = [name for name in names if rows[name][kind]]
        for grouping in dict.fromkeys(grouping for name in having for grouping in rows[name][kind]):
            of = {name: rows[name][kind].get(grouping, {}) for name in having}
            columns = list(dict.fromkeys(group for groups_ in of.values() for group in groups_))
            cells = [(name, [_cell(kind, parts.get(group)) for group in columns]) for name, parts in of.items()]
            yield kind, grouping, columns, cells


def _cell(kind: str, part: Row | None) -> Row:
    if part is None or kind == "lesions":
        return part or {}
    return {"n": part["n"], **part["scores"][heads(part["scores"])[0]]}


def part_word(name: str) -> tuple[str, str]:
    """The name of a grouping, a group or a kind of part table, in Vietnamese and English."""
    entry = words()["parts"].get(name, {"vi": name, "en": name})
    return entry["vi"], entry["en"]


def leading_title(result_rows: Row) -> tuple[str, str]:
    """The name of the score by which groups are compared."""
    parts = next(part for row in result_rows.values() for groups in row["groups"].values() for part in groups.values())
    title = title_of(heads(parts["scores"])[0])
    return title.vi, title.en


def part_cell(cell: Row) -> str:
    """`62.0 (31.0) 40.0 22.0` of lesions, `67.2 (28.7)` of groups; what is not known is a dash."""
    if not cell:
        return "–"
    if "presence" in cell:
        rest = [number(cell[name]) for name in ("side", "lobe")]
        return f"{number(cell['presence'])} ({number(cell['other'])}) {' '.join(rest)}"
    return f"{number(cell['value'])} ({number(cell['drop'])})"


def part_blocks(task: Row) -> Iterator[str]:
    """Blocks of the parts of the data, all variants below one another."""
    for kind, grouping, columns, cells in part_tables(task["rows"], list(task["rows"])):
        title = part_word(kind)[1].format(score=leading_title(task["rows"])[1] if kind == "groups" else "")
        sizes = [next(row[i]["n"] for _, row in cells if row[i]) for i in range(len(columns))]
        rows = [[part_word(grouping)[1], *(f"{part_word(c)[1]}, n {n}" for c, n in zip(columns, sizes, strict=True))]]
        rows += [[name, *map(part_cell, row)] for name, row in cells]
        head = textwrap.fill(f"{task['key']}: {title}", WIDTH)
        yield f"{head}\n\n" + aligned(rows, "<" * len(rows[0]))
