"""What `docphim suv` measured, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docphim.columns import aligned
from docphim.errors import printable


def lines(answer: dict[str, Any]) -> Iterator[str]:
    """The answer of `docphim.imaging.uptake.look` for people."""
    for row in answer["series"]:
        size, at = " x ".join(map(str, row["shape"])), row["suv_max_at"]
        yield printable(f"{row['where']}: {size} voxels of {' x '.join(map(str, row['spacing']))} mm")
        minutes = row["uptake_minutes"]
        cells = [
            ["factor", f"{row['factor']:.9g} by {row['rule']}"],
            ["decay to", row["reference_time"] or "not said"],
            ["uptake", "not known" if minutes is None else f"{minutes:.0f} minutes after the injection"],
            ["SUVmax", f"{row['suv_max']:.2f} at slice {at['slice']}, row {at['row']}, column {at['column']}"],
            ["body", f"mean SUV {row['suv_mean']:.2f} in {row['litres']:.0f} litres; balance {row['balance']}"],
            *([name.replace("_", " "), _uptake(organ)] for name, organ in row["reference"].items()),
            ["tags", ", ".join(f"{name} {value}" for name, value in row["tags"].items())],
            ["flags", ", ".join(row["flags"]) or "none"],
            *(["differs", f"{value:.9g} by {rule}"] for rule, value in row["other_rules"].items()),
        ]
        yield from (f"  {line}" for line in aligned([[name, printable(text)] for name, text in cells], "<<").splitlines())
    for row in answer["refused"]:
        yield printable(f"refused {row['where']}: {row['reason']}: {row['why']}")


def _uptake(organ: dict[str, Any]) -> str:
    """The SUV of an organ, or why it has none."""
    return f"not measured ({organ['why']})" if organ["suv"] is None else f"SUV {organ['suv']:.2f} (median)"
