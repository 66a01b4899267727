"""Dots with their intervals, one row a system, as inline SVG 340 wide so that its text stays readable on a phone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from docphim.compare.row import Both, number
from docphim.study import Row

WIDTH, LEFT, RIGHT, TOP, STEP = 340, 150, 298, 8, 24
#: A longer name would run into the dots.
_LETTERS = 22


class Drawn(NamedTuple):
    """One row: its score, the score on another patient's film where there is one, and how it is marked."""

    name: Both
    score: Row
    wrong: Row | None
    run: bool
    mark: str
    best: bool


def _label(name: Both) -> Markup:
    """A row's name in both languages, cut to what fits."""
    if name.vi == name.en:
        return escape(cut(name.vi))
    return Markup('<tspan class="vi">{}</tspan><tspan class="en">{}</tspan>').format(*map(cut, name))


def cut(name: str) -> str:
    """A name that fits left of the dots."""
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"


def figure(rows: Sequence[Drawn], title: str) -> Markup:
    """The figure of one metric."""
    ends = [row[end] for drawn in rows for row in (drawn.score, drawn.wrong) if row for end in ("value", "low", "high")]
    low, high, step = axis([end for end in ends if end is not None])

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (value - low) / (high - low)

    bottom = TOP + STEP * len(rows)
    parts = [_grid(x(low + i * step), low + i * step, bottom) for i in range(round((high - low) / step) + 1)]
    for place, drawn in enumerate(rows):
        parts.append(_row(drawn, TOP + STEP * place + STEP / 2, x))
    head = Markup("<title>{}</title>").format(title)
    return Markup('<svg class="figure" role="img" viewBox="0 0 {} {}">{}{}</svg>').format(
        WIDTH, bottom + 18, head, Markup("").join(parts)
    )


def axis(values: Sequence[float]) -> tuple[float, float, float]:
    """Ends and step of an axis that holds all values within three to six round steps; scores end at 0 and 100."""
    low, high = max(0.0, min(values)), min(100.0, max(values))
    step = next((s for s in (1, 2, 5, 10, 20) if (high - low) / s <= 4), 25)
    start = math.floor(low / step) * step
    end = max(math.ceil(high / step) * step, start + 2 * step)
    return float(max(0, min(start, 100 - 2 * step))), float(min(end, 100)), float(step)


def _grid(at: float, value: float, bottom: float) -> Markup:
    line = Markup('<path class="grid" d="M{:.1f} 6V{}"/>').format(at, bottom)
    return line + Markup('<text class="tick" text-anchor="middle" x="{:.1f}" y="{}">{:g}</text>').format(at, bottom + 13, value)


def _row(drawn: Drawn, y: float, x: Callable[[float], float]) -> Markup:
    kind = "" if drawn.run else " floor"
    label = Markup('<text class="label{}" text-anchor="end" x="{}" y="{:.1f}">{}</text>').format(
        " best" if drawn.best else kind, LEFT - 10, y + 4, _label(drawn.name)
    )
    value = number(drawn.score["value"])
    text = Markup('<tspan class="vi">{}</tspan><tspan class="en">{}</tspan>{}').format(
        value.replace(".", ","), value, escape(drawn.mark)
    )
    number_ = Markup('<text class="value{}" x="{}" y="{:.1f}">{}</text>').format(
        " best" if drawn.best else kind, RIGHT + 8, y + 4, text
    )
    wrong = _dot(drawn.wrong, y + 5, x, "wrong") if drawn.wrong and drawn.wrong["value"] is not None else Markup()
    return label + wrong + _dot(drawn.score, y - 1 if drawn.wrong else y, x, "own" if drawn.run else "lower") + number_


def _dot(score: Row, y: float, x: Callable[[float], float], kind: str) -> Markup:
    """A dot (a diamond for floors) at the value, a line over the interval."""
    line = Markup()
    if score.get("low") is not None:
        line = Markup('<path class="bar {}" d="M{:.1f} {:.1f}H{:.1f}"/>').format(kind, x(score["low"]), y, x(score["high"]))
    at: Any = x(score["value"])
    if kind == "lower":
        return line + Markup('<path class="dot lower" d="M{:.1f} {:.1f}l4 4-4 4-4-4z"/>').format(at, y - 4)
    return line + Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(
        kind, at, y, 3.2 if kind == "wrong" else 4
    )
