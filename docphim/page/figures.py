"""Figures as inline SVG in natural units: 340 wide, so that their text stays readable on a phone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from docphim.page import words
from docphim.page.words import Both
from docphim.scores import FLOORS, WRONG, Score, Table, TaskScores

WIDTH = 340
LEFT, RIGHT = 134, 300  # the bars' ends; labels stand left of them, values right
LETTER = 5.9  # about the width of a label's letter


def tag(name: str, content: Markup | str = "", /, **attributes: Any) -> Markup:
    """One SVG element; every attribute and plain string is escaped. `klass` is written `class`."""
    written = Markup("").join(
        Markup(' {}="{}"').format(Markup({"klass": "class"}.get(key, key.replace("_", "-"))), _short(value))
        for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, content)


def _short(value: Any) -> Any:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def label(x: float, y: float, both: Both, klass: str = "label", anchor: str = "start") -> Markup:
    """A text in both languages."""
    return tag("text", words.show(both, "tspan"), x=x, y=y, klass=klass, text_anchor=anchor)


def svg(height: float, parts: list[Markup], name: Both) -> Markup:
    """The figure, with its name for screen readers."""
    title = tag("title", f"{name.vi} / {name.en}")
    return tag("svg", title + Markup("").join(parts), viewBox=f"0 0 {WIDTH} {height:g}", klass="figure", role="img")


def scores_figure(task: TaskScores, metric: str) -> Markup:
    """Bars of one metric: own film with its interval as a band, wrong films, floors; the ceiling as a line."""
    main = task.scores[metric]
    groups = [
        (None, "own", [("own", main)]),
        ("group_wrong", "wrong", _rows(task.reliance, WRONG[::-1], metric)),
        ("group_floor", "floor", _rows(task.floors, FLOORS, metric)),
    ]
    ceiling = (task.ceiling or {}).get(metric)
    values = [score.value or 0 for _, _, rows in groups for _, score in rows]
    top = _round_up(max([*values, main.high or 0]), ceiling)

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * min(max(value, 0), top) / top

    y, parts = 16.0 if ceiling else 4.0, []
    for title, klass, rows in groups:
        if not rows:
            continue
        if title:
            parts.append(label(0, y + 11, words.text(title), "group"))
            y += 18
        for name, score in rows:
            parts += _bar(x, y, name, klass, score)
            y += 19
        y += 7
    under = _grid(x, y, top) + _band(x, main, y)
    line = _ceiling(x, y, ceiling.value) if ceiling and ceiling.value is not None else []
    return svg(y + 16, under + parts + line, words.text("figure_title", metric=words.metric(metric)))


def _rows(group: dict[str, Table], order: tuple[str, ...], metric: str) -> list[tuple[str, Score]]:
    names = [n for n in order if n in group] + [n for n in group if n not in order]
    rows = [(name, group[name].get(metric)) for name in names]
    return [(name, score) for name, score in rows if score and score.value is not None]


def _round_up(highest: float, ceiling: Score | None) -> float:
    """The axis' end: the next ten above everything shown."""
    highest = max(highest, (ceiling.value if ceiling else 0) or 0, 5.0)
    return float(min(100, math.ceil((highest + 1) / 10) * 10))


def _bar(x: Callable[[float], float], y: float, name: str, klass: str, score: Score) -> list[Markup]:
    value = score.value or 0.0
    end = x(value)
    parts = [
        label(LEFT - 8, y + 11, words.name(name), f"label {klass}", "end"),
        tag("rect", x=LEFT, y=y + 3, width=max(end - LEFT, 0.5), height=10, klass=f"bar {klass}"),
        label(RIGHT + 6, y + 12, words.number(value), f"value {klass}"),
    ]
    if score.low is not None and score.high is not None:
        low, high = x(score.low), x(score.high)
        parts.append(tag("path", d=f"M{low:.1f} {y + 8}H{high:.1f}M{low:.1f} {y + 5}v6M{high:.1f} {y + 5}v6", klass="whisker"))
    return parts


def _band(x: Callable[[float], float], score: Score, bottom: float) -> list[Markup]:
    """The own film's interval behind all bars; nothing where there is none."""
    if score.low is None or score.high is None:
        return []
    low, high = x(score.low), x(score.high)
    return [tag("rect", x=low, y=18, width=max(high - low, 1), height=bottom - 22, klass="band")]


def _ceiling(x: Callable[[float], float], bottom: float, value: float) -> list[Markup]:
    at, written = x(value), words.number(value)
    name = words.text("ceiling")
    return [
        tag("path", d=f"M{at:.1f} 14V{bottom - 4:.1f}", klass="ceiling"),
        label(
            min(at, RIGHT + 8), 10, Both(f"{name.vi} {written.vi}", f"{name.en} {written.en}"), "value ceiling-label", "middle"
        ),
    ]


def _grid(x: Callable[[float], float], bottom: float, top: float) -> list[Markup]:
    step = 25 if top > 60 else 10
    parts = []
    for value in range(0, int(top) + 1, step):
        parts.append(tag("path", d=f"M{x(value):.1f} 18V{bottom - 4:.1f}", klass="axis" if not value else "grid"))
        parts.append(label(x(value), bottom + 8, words.number(value, 0), "tick", "middle"))
    return parts


def bars(rows: list[tuple[Both, float, str]], title: Both, digits: int = 0) -> Markup:
    """Plain bars, each with its name, its value and its class, from 0 to the greatest."""
    top = max([value for _, value, _ in rows] + [1])
    longest = max((len(text) for name, _, _ in rows for text in name), default=0)
    # The bars begin where the longest name ends.
    left = float(min(max(8 + LETTER * longest, 60), 0.65 * WIDTH))
    parts = []
    for place, (name, value, klass) in enumerate(rows):
        y, width = 19.0 * place, (RIGHT - left) * value / top
        parts += [
            label(left - 8, y + 11, Both(*map(_fitting, name)), "label", "end"),
            tag("rect", x=left, y=y + 2, width=max(width, 0.5), height=11, klass=f"bar {klass}"),
            label(left + width + 6, y + 12, words.number(value, digits), "value"),
        ]
    parts.append(tag("path", d=f"M{left:g} 0V{19 * len(rows) - 2}", klass="axis"))
    return svg(19 * len(rows), parts, title)


def _fitting(name: str) -> str:
    most = int((0.65 * WIDTH - 8) / LETTER)
    return name if len(name) <= most else name[: most - 1] + "…"


def pair_bar(seen: float | None, other: float | None) -> Markup:
    """Two small bars of Youden's J, own film above another patient's, from −1 … 1 with the zero marked."""
    start, end = (-0.25, 1.0) if min(seen or 0, other or 0) >= -0.25 else (-1.0, 1.0)
    width = 120

    def x(value: float) -> float:
        return width * (min(max(value, start), end) - start) / (end - start)

    parts = []
    for value, y, klass in ((seen, 2, "own"), (other, 12, "wrong")):
        if value is not None:
            left, right = sorted((x(0), x(value)))
            parts.append(tag("rect", x=left, y=y, width=max(right - left, 1.0), height=7, klass=f"bar {klass}"))
    parts.append(tag("path", d=f"M{x(0):.1f} 0V21", klass="axis"))
    return tag(
        "svg", Markup("").join(parts), viewBox=f"0 0 {width} 21", preserveAspectRatio="none", klass="j-bars", aria_hidden="true"
    )
