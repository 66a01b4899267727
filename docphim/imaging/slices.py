"""The rules of `Media.frames`: which slices of a volume are shown, and of how many slices each is made."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from docphim.errors import Refused, UsageError
from docphim.study import Row

if TYPE_CHECKING:
    from docphim.imaging.store import Prepared

#: What chooses slices, what may stand there, and how it is asked for.
_CHOICES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "slices": (
        lambda value: isinstance(value, list | tuple) and all(type(i) is int for i in value) and len({*value}) == len(value),
        "a list of whole numbers, none twice",
    ),
    "count": (lambda value: type(value) is int and value >= 0, "a whole number"),
    "step_mm": (lambda value: type(value) in (int, float) and 0 < value < math.inf, "millimetres, above 0"),
}
#: How neighbouring slices become one.
_SLABS: dict[str, Callable[..., Any]] = {"mean": functools.partial(np.mean, dtype=np.float32), "max": np.max}
#: What makes slabs of slices; `slab` is `mean` where it does not stand there.
_THICKNESS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "slab_mm": _CHOICES["step_mm"],
    "slab": (lambda value: value in _SLABS, f"one of {', '.join(_SLABS)}"),
}
#: What stands beside a rule: the slices among which it chooses, the first and the last of them, and whether projections of the
#: whole volume are shown before them.
_BESIDE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "within": (
        lambda value: isinstance(value, list | tuple) and [*map(type, value)] == [int, int] and 0 <= value[0] <= value[1],
        "the first and the last slice, counted from 0 at the top",
    ),
    "mips": (lambda value: isinstance(value, bool), "true or false"),
}


def check(frames: Row) -> None:
    """Raise UsageError where `Media.frames` holds an unknown rule, two that choose slices, or a value that cannot be."""
    known = _CHOICES | _THICKNESS | _BESIDE
    for name, value in frames.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"frames: {name}: unknown rule; {hint}")
        fits, wanted = known[name]
        if not fits(value):
            raise UsageError(f"frames: {name}: must be {wanted}")
    if len(choices := [name for name in frames if name in _CHOICES]) > 1:
        raise UsageError(f"frames: {' and '.join(choices)}: one rule chooses the slices")
    if "slab" in frames and "slab_mm" not in frames:
        raise UsageError("frames: slab: needs slab_mm, how thick a slab is")


def spacing_of(volume: Prepared) -> float | None:
    """The distance of a volume's slices in mm; None for a film, or where nobody knows it."""
    return (volume.meta.get("spacing") or [None])[0] if len(volume.shape) == 3 else None


def chosen(frames: Row, volume: Prepared) -> tuple[tuple[int, ...], float | None]:
    """Which slices are shown, from the top, and their mean distance in mm (None: one slice, or nobody knows it).

    Raises
    ------
    Refused
        `stack_empty`: none is chosen; `no_geometry`: the rule is in millimetres and the volume has no spacing;
        `slices_missing`: the volume ends before the last of the slices among which the rule chooses.
    """
    spacing = spacing_of(volume)
    slices = _slices(frames, len(volume.places), spacing)
    if not slices:
        raise Refused("stack_empty")
    if len(slices) == 1 or spacing is None:
        return slices, None
    return slices, round(spacing * (slices[-1] - slices[0]) / (len(slices) - 1), 6)


def _slices(frames: Row, depth: int, spacing: float | None) -> tuple[int, ...]:
    """Slices by one rule, among those `within` which it chooses, from 0 at the top."""
    first, last = frames.get("within", (0, depth - 1))
    if last >= depth:
        raise Refused("slices_missing", "", f"slices up to {last + 1} are to be shown, and the volume has {depth}")
    if "slices" in frames:
        return tuple(sorted(n for n in frames["slices"] if "within" not in frames or first <= n <= last))
    return tuple(first + number for number in _spread(frames, last - first + 1, spacing))


def _spread(frames: Row, depth: int, spacing: float | None) -> tuple[int, ...]:
    """Slices of so many: `count` (the middles of so many equal parts), `step_mm`; no rule: all."""
    if "count" in frames:
        count = min(frames["count"], depth)
        return tuple(int((part + 0.5) * depth / count) for part in range(count))
    if "step_mm" in frames:
        step = max(frames["step_mm"] / _known(spacing), 1.0)
        count = int((depth - 1) / step) + 1
        start = (depth - 1 - (count - 1) * step) / 2
        return tuple(round(start + part * step) for part in range(count))
    return tuple(range(depth))


def _known(spacing: float | None) -> float:
    if spacing is None:
        raise Refused("no_geometry", "", "slices every or over so many millimetres need a spacing, and the volume has none")
    return spacing


def pixels(frames: Row, volume: Prepared, slices: Sequence[int]) -> np.ndarray:
    """The values of the chosen slices, (n, h, w) of the volume's own type; only what is shown is read.

    With `slab_mm` each is the mean or the maximum, value by value, of the slices whose middle lies within half of that above
    and below it: 10 mm at 1.5 mm a slice are seven slices, fewer at the volume's ends.

    Raises
    ------
    Refused
        As `Prepared.slices`; `no_geometry` for slabs of a volume without spacing.
    """
    if "slab_mm" not in frames:
        return volume.slices(slices)
    reach = int(frames["slab_mm"] / (2 * _known(spacing_of(volume))) + 1e-6)
    join = _SLABS[frames.get("slab", "mean")]
    out = np.empty((len(slices), *volume.shape[-2:]), volume.dtype)
    whole = np.issubdtype(volume.dtype, np.integer)
    for plane, middle in zip(out, slices, strict=True):
        there = range(len(volume.places))
        near = there[max(0, middle - reach) : middle + reach + 1] if middle in there else [middle]  # which is refused
        joined = join(volume.slices(near), axis=0)
        plane[...] = np.rint(joined) if whole else joined
    return out
