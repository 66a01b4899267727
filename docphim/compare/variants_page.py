"""Variants side by side as one self-contained HTML page without any script, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from docphim.compare.page import both, localized, rendered, show, system_name, task_name
from docphim.compare.row import Both
from docphim.compare.variants_parts import leading_title, part_cell, part_tables, part_word, words
from docphim.compare.variants_text import column_title, columns_with_values, digits_of, legend_values, paper
from docphim.study import Row


def html(result: Row) -> str:
    """The page; `result` is what `docphim.compare.variants.compare_variants` returns."""
    table = words()
    return rendered(
        "variants.html",
        result=result,
        word=table["page"],
        sentences=table["verdicts"],
        legend=[_tell(line, **legend_values(result)) for line in table["legend"]],
        tell=_tell,
        n=lambda value, column, signed=False: show(localized(value, digits_of(column), signed=signed)),
        plain=lambda value, column: localized(value, digits_of(column)),
        between=_between,
        title=lambda column: Both(*column_title(column)),
        task_name=lambda key: _task(key),
        system=system_name,
        columns_of=lambda of, task: columns_with_values(of, task, result["columns"]),
        paper_row=_paper_row,
        part_tables=part_tables,
        part=lambda name: show(Both(*part_word(name))),
        part_title=_part_title,
        part_cell=part_cell,
    )


def _tell(entry: dict[str, str], **values: Any) -> Markup:
    """A text in both languages with its braces filled, numbers as each language writes them."""
    filled = {name: value if isinstance(value, Both) else Both(str(value), str(value)) for name, value in values.items()}
    vi, en = ({name: value[i] for name, value in filled.items()} for i in (0, 1))
    return show(Both(entry["vi"].format(**vi), entry["en"].format(**en)))


def _between(score: Row, column: str, signed: bool = False) -> Markup:
    """`[26.1, 28.4]`; nothing where there is no interval."""
    if score["low"] is None:
        return Markup()
    low, high = (localized(score[end], digits_of(column), signed=signed) for end in ("low", "high"))
    return show(Both(f"[{low.vi}; {high.vi}]", f"[{low.en}, {high.en}]"))


def _part_title(kind: str, rows: Row) -> Markup:
    """What a part table shows."""
    score = leading_title(rows) if kind == "groups" else ("", "")
    return show(Both(*(title.format(score=name) for title, name in zip(part_word(kind), score, strict=True))))


def _task(key: str) -> Both:
    """A task's name and split; of several that have one text as their reference each."""
    parts = [part.split("/") for part in key.split(" = ")]
    names = [task_name("/".join([task, *context])) for task, _, *context in parts]
    of_split = both(parts[0][1])
    vi, en = (" = ".join(name[language] for name in names) for language in (0, 1))
    return Both(f"{vi}: {of_split.vi}", f"{en}: {of_split.en}")


def _paper_row(table: Row, row: Row, columns: Sequence[str]) -> list[str]:
    """The paper's numbers for a row; nothing where it has none."""
    cells = [paper(table, row, column) for column in columns]
    return cells if any(cells) else []
