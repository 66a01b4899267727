"""A cap on negatives from a blind model: what a model that sees no image makes of the reports, and a margin more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docphim.errors import UsageError
from docphim.files import at_home, read_jsonl
from docphim.yaml_in import parse

_KEY = "train.loss.max_loss"


def resolved(max_loss: Any) -> Any:
    """`{"blind": RUN, "margin": 0.5}` as a number of nats a token, the blind run's best validation loss + the margin (0).

    Anything else is returned as it is.

    Raises
    ------
    UsageError
        There is no such run, it is not blind, or it was not validated.
    """
    if not isinstance(max_loss, Mapping):
        return max_loss
    if "blind" not in max_loss or not max_loss.keys() <= {"blind", "margin"}:
        raise UsageError(f"{_KEY}: nats a token, or {{blind: RUN, margin: 0.5}}")
    run = at_home(str(max_loss["blind"]), f"{_KEY}.blind")
    if not _blind(run / "recipe.yaml"):
        raise UsageError(f"{_KEY}.blind: {run.name} is no run with train.blind: true")
    losses = [row["val/loss"] for row in read_jsonl(run / "log.jsonl") if "val/loss" in row]
    if not losses:
        raise UsageError(f"{_KEY}.blind: {run.name} has no validation loss")
    return min(losses) + float(max_loss.get("margin", 0.0))


def trained(loss: Mapping[str, Any]) -> dict[str, Path]:
    """The record of the blind run's training, on which a loss depends, by its name; none where it names no run."""
    max_loss = loss.get("max_loss")
    if not isinstance(max_loss, Mapping) or "blind" not in max_loss:
        return {}
    return {"blind": at_home(str(max_loss["blind"]), f"{_KEY}.blind") / "train.json"}


def _blind(recipe: Path) -> bool:
    """Whether a run's recipe says that its model sees no image."""
    if not recipe.is_file():
        return False
    section = parse(recipe.read_text(encoding="utf-8"), recipe.name)
    return isinstance(section, dict) and bool((section.get("train") or {}).get("blind"))
