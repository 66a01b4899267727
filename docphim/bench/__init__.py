"""`docphim bench`: how fast a recipe's model trains and answers on this machine; nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docphim.errors import UsageError
from docphim.models import needs_torch
from docphim.train import loss_function


def bench(dataset: Path | None, *, model: dict[str, Any], train: dict[str, Any], amount: dict[str, int]) -> dict[str, Any]:
    """Measure steps of a recipe's model with random weights.

    Parameters
    ----------
    dataset : Path or None
        A built dataset; None: examples are made up.
    model, train : dict
        The recipe's sections of these names.  A loss that compares images is measured as `answers`: a step of pairs is two.
    amount : dict
        `steps`, `new_tokens`, `tokens`, `frames`: see `docphim.bench.measure.Amount`.

    Returns
    -------
    dict
        See docs/recipes.md.

    Raises
    ------
    UsageError
        torch or one of its company is not installed; the loss learns no answers.
    Refused
        What `docphim.models.load` refuses; `too_long`.
    """
    if train["loss"]["kind"] == "clip":
        raise UsageError("train.loss: clip learns no answers, which bench measures; benchmarks/align.py measures a step of it")
    with needs_torch():
        from docphim.bench import measure

    plain = {**train, "pairs": "none", "conflicts_only": False, "loss": {"kind": "answers"}, "processes": 1}
    loss = loss_function(plain["loss"])
    return measure.bench(dataset, model=model, train=plain, loss=loss, amount=measure.Amount(**amount))
