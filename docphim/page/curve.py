"""Training curves from log.jsonl: loss in training and validation, the validation metrics, and the two sides of pairs."""

from __future__ import annotations

import math
import statistics
from typing import Any

from markupsafe import Markup

from docphim.page import words
from docphim.page.figures import RIGHT, WIDTH, label, svg, tag
from docphim.page.words import Both

Row = dict[str, Any]
Points = list[tuple[float, float]]
#: The lines of a figure by their class: `train`, `val`, `negative`.
Lines = dict[str, Points]
LEFT, TOP, BOTTOM, END = 34, 18, 150, WIDTH - 14
MOST = 240  # points of a line; more cannot be told apart at this width


def points(log: list[Row], key: str) -> Points:
    """(step, value) of every row that holds a finite number under `key`."""
    return [(row["step"], row[key]) for row in log if isinstance(row.get(key), int | float) and math.isfinite(row[key])]


def thinned(line: Points) -> Points:
    """At most `MOST` points, each the mean of its neighbours."""
    size = math.ceil(len(line) / MOST)
    bins = [line[i : i + size] for i in range(0, len(line), size)] if size > 1 else [[p] for p in line]
    return [(sum(s for s, _ in b) / len(b), sum(v for _, v in b) / len(b)) for b in bins]


def curves(log: list[Row], keep_best: str) -> list[tuple[Both, Markup]]:
    """The figures of a log, each with its title: the loss, then each validation metric; none where nothing was logged."""
    names = sorted({key for row in log for key in row if key.startswith("val/")} - {"val/loss"})
    metrics = [(key, words.text("curve_metric", metric=words.metric(key[4:]))) for key in names if words.is_metric(key[4:])]
    figures: list[tuple[Both, Lines]] = [
        (words.text("curve_loss"), {"train": thinned(points(log, "loss")), "val": points(log, "val/loss")}),
        *((title, {"val": points(log, key)}) for key, title in metrics),
        *_of_pairs(log),
    ]
    step = best_step(log, keep_best)
    return [(title, _curve(title, lines, step)) for title, lines in figures if any(lines.values())]


def _of_pairs(log: list[Row]) -> list[tuple[Both, Lines]]:
    """Of a training on pairs: the answers beside both images, the negatives that were capped, what drafts are like."""
    negative = points(log, "val/negative")
    both = {"val": points(log, "val/loss"), "negative": negative} if negative else {}
    single = ("val/gap", "capped", "val/words", "val/distinct")
    more = [(words.text(f"curve_{key.removeprefix('val/')}"), {"val": points(log, key)}) for key in single]
    return [(words.text("curve_pairs"), both), *more]


def best_step(log: list[Row], keep_best: str) -> float | None:
    """The step with the best value of the metric that decides: the lowest loss, the highest anything else."""
    values = points(log, keep_best)
    if not values:
        return None
    best = min if keep_best == "val/loss" else max
    return best(values, key=lambda point: point[1])[0]


def rates(log: list[Row]) -> dict[str, float]:
    """Medians of what training logs of its speed, and the most memory it took."""
    columns = {
        key: [value for _, value in points(log, key)] for key in ("tokens_per_s", "samples_per_s", "data_wait", "memory_mb")
    }
    return {key: max(values) if key == "memory_mb" else statistics.median(values) for key, values in columns.items() if values}


def _curve(title: Both, lines: Lines, best: float | None) -> Markup:
    steps, values = zip(*(point for line in lines.values() for point in line), strict=True)
    low, high = min(values), max(values)
    ticks = _ticks(low, high)
    low, high, last = min(low, ticks[0]), max(high, ticks[-1]), max(*steps, 1.0)

    def at(step: float, value: float) -> tuple[float, float]:
        return LEFT + (END - LEFT) * step / last, BOTTOM - (BOTTOM - TOP) * (value - low) / ((high - low) or 1)

    parts = [_tick(at(0, value)[1], value, ticks) for value in ticks]
    parts += [label(LEFT, BOTTOM + 15, Both("0", "0"), "tick"), label(END, BOTTOM + 15, _steps(last), "tick", "end")]
    if best is not None:
        parts += _best(at(best, low)[0], best)
    for klass, line in lines.items():
        if line:
            drawn = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (at(*p) for p in line))
            parts.append(tag("path", d=drawn, klass=f"line {klass}"))
    val = lines.get("val", [])
    parts += [tag("circle", cx=at(*p)[0], cy=at(*p)[1], r=2.6, klass="dot") for p in val[:: max(1, len(val) // 40)]]
    return svg(BOTTOM + 22, parts, title)


def _steps(last: float) -> Both:
    number, word = words.number(last, 0), words.text("curve_step")
    return Both(f"{word.vi} {number.vi}", f"{word.en} {number.en}")


def _best(x: float, step: float) -> list[Markup]:
    anchor = "end" if x > RIGHT / 2 else "start"
    shift = -5 if anchor == "end" else 5
    line = tag("path", d=f"M{x:.1f} {TOP - 4}V{BOTTOM}", klass="best")
    return [line, label(x + shift, TOP - 6, words.text("curve_best", step=int(step)), "value", anchor)]


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round values that span low … high."""
    span = (high - low) or abs(high) or 1.0
    step = 10 ** math.floor(math.log10(span))
    step = next(step * f for f in (0.2, 0.5, 1, 2, 5) if span / (step * f) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _tick(y: float, value: float, ticks: list[float]) -> Markup:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    digits = max(0, -math.floor(math.log10(step)))
    text = label(LEFT - 6, y + 4, words.number(value, digits), "tick", "end")
    return tag("path", d=f"M{LEFT} {y:.1f}H{END}", klass="grid") + text
