"""The options of Docphim's losses, checked without torch, so that a wrong one is refused before anything is made."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from typing import Any

from docphim.errors import UsageError
from docphim.metrics import LABELS, LEXICAL, families, label_sets
from docphim.recipe_training import DECIDING

#: How an option is read: its value as it is used, or a ValueError that says what is allowed.
Reader = Callable[[Any], Any]


def number(value: Any) -> float:
    """A number that is neither negative nor infinite.

    Raises
    ------
    ValueError
        It is something else; `true` counts as no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value >= 0):
        raise ValueError("a number, 0 or more")
    return float(value)


def above_zero(value: Any) -> float:
    """A number as in `number`, and not 0.

    Raises
    ------
    ValueError
        It is something else.
    """
    try:
        if number(value) > 0:
            return float(value)
    except ValueError:
        pass
    raise ValueError("a number above 0")


def number_or_none(value: Any) -> float | None:
    """A number as in `number`, or None (in a recipe `null`)."""
    if value is None:
        return None
    try:
        return number(value)
    except ValueError:
        raise ValueError("a number, 0 or more, or null") from None


def weight(value: Any) -> float | dict[str, float]:
    """A number, or a ramp with all of `from`, `to` and `until`; a ramp that does not rise or fall is a number.

    Raises
    ------
    ValueError
        It is neither: a number is negative, or `until` is no share of the steps.
    """
    try:
        if not isinstance(value, Mapping):
            return number(value)
        if "to" not in value or not value.keys() <= {"from", "to", "until"}:
            raise ValueError
        first, last, until = number(value.get("from", 0.0)), number(value["to"]), number(value.get("until", 1.0))
        if until > 1:
            raise ValueError
    except ValueError:
        raise ValueError("a number, 0 or more, or a ramp {from: 0, to: 0.1, until: 0.5}, until from 0 to 1") from None
    return last if first == last or until == 0 else {"from": first, "to": last, "until": until}


def cap(value: Any) -> float | dict[str, Any] | None:
    """Nats a token, None, or `{"blind": RUN, "margin": 0.5}`, whose run is looked up when training starts.

    Raises
    ------
    ValueError
        It is something else.
    """
    try:
        if not isinstance(value, Mapping):
            return number_or_none(value)
        if not isinstance(value.get("blind"), str) or not value.keys() <= {"blind", "margin"}:
            raise ValueError
        return {"blind": value["blind"], "margin": number(value.get("margin", 0.0))}
    except ValueError:
        raise ValueError("nats a token, or {blind: RUN, margin: 0.5}; numbers are 0 or more") from None


def check_keep_best(name: str, language: str, tasks: Mapping[str, Collection[str]]) -> None:
    """Refuse a `train.keep_best` that there is not for a language, or for a task.

    Parameters
    ----------
    tasks : mapping
        The families of metrics by which each task is scored.

    Raises
    ------
    UsageError
        It names what is missing.
    """
    family = DECIDING[name]
    if family is None or family in LEXICAL:
        return
    if not families(language, None, (family,)):
        raise UsageError(f"train.keep_best: {name} is read with a lexicon, and there is none of {language!r}")
    for task, metrics in tasks.items():
        if family not in metrics and not (family == LABELS and {*metrics} & {*label_sets()}):
            raise UsageError(f"train.keep_best: {name} is no score of task {task}, which is scored by {', '.join(metrics)}")


def check_compile(quantise: str | None) -> None:
    """Refuse `train.compile` where it cannot be, without torch.

    Parameters
    ----------
    quantise : str or None
        How the model's frozen weights are stored.

    Raises
    ------
    UsageError
        In packed form, which what compiles does not look into; or there is no C++ compiler, which it writes for.
    """
    if quantise is not None:
        raise UsageError(
            f"train.compile: quantised weights (model.quantise: {quantise}) are unpacked by code that is not compiled"
        )
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise UsageError(
            f"train.compile: torch.compile needs a C++ compiler, and there is no {compiler} here (CXX names another)"
        )


_WEIGHTS: dict[str, tuple[Any, Reader]] = {"alpha": (1.0, number), "beta": (0.1, weight)}
_BOUND: dict[str, tuple[Any, Reader]] = {"max_gradient": (None, number_or_none)}

#: Of each loss its options: what each is where it is not written, and how it is read.  `beta` weighs the negatives: a loss that
#: has it compares images.  A loss that does not stand here is asked when training starts.
OPTIONS: dict[str, dict[str, tuple[Any, Reader]]] = {
    "answers": {},
    "constraint": {**_WEIGHTS, "max_loss": (None, cap), **_BOUND},
    "unlikelihood": _WEIGHTS,
    "margin": {**_WEIGHTS, "margin": (1.0, number), **_BOUND},
    "simnpo": {**_WEIGHTS, "sharpness": (2.5, above_zero), "margin": (0.0, number)},
    "mdpo": {**_WEIGHTS, "sharpness": (0.1, above_zero), "anchor": (0.0, number)},
    "clip": {},
}
#: Losses that compare whole answers with what the model made of them before its first step (`Scored.reference`).
REFERRING = frozenset({"mdpo"})


def check_pairs(kind: str, compares: bool, pairs: str, conflicts_only: bool) -> None:
    """Refuse (UsageError) `train.pairs` that do not go with a loss, which `compares` two images or looks at one."""
    if conflicts_only and kind in REFERRING:
        raise UsageError(f"train.conflicts_only: the loss {kind!r} compares whole answers")
    if compares != (pairs != "none"):
        why = "compares two images" if pairs == "none" else "looks at the own image alone"
        raise UsageError(f"train.pairs: {pairs!r}, and the loss {kind!r} {why}")
