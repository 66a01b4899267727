"""Stage 4, `docphim train`: a model is fine-tuned on the training examples, and the best checkpoint becomes `model/`.

`loop.py` is the training loop.  Several GPUs: `train.processes: N`, or a scheduler's own `torchrun … -m docphim.train DATASET
RUN CONFIG.json`.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from docphim.errors import UsageError
from docphim.models import needs_torch
from docphim.train import cap

#: The training losses of `train.loss`: a function like `losses.answers`, or `module:name` of one.
LOSSES: dict[str, str | Callable[..., Any]] = {
    "answers": "docphim.train.losses:answers",
    "constraint": "docphim.train.losses:constraint",
    "unlikelihood": "docphim.train.losses:unlikelihood",
    "margin": "docphim.train.losses:margin",
}


def train(dataset: Path, run: Path, *, model: dict[str, Any], train: dict[str, Any], base: str | None = None) -> None:
    """Train, or resume a training that was interrupted; writes model/, log.jsonl and checkpoints/ under `run`.

    Parameters
    ----------
    dataset : Path
        A dataset folder with examples/ and prepared/.
    run : Path
        The run's folder.
    model, train : dict
        The recipe's sections of these names, every default written out.
    base : str, optional
        `model.base`: where the published weights lie now; what is trained does not depend on it.

    Raises
    ------
    UsageError
        torch or one of its company is not installed; `train.loss` is unknown; there are more processes than GPUs.
    Refused
        `too_long` before anything is trained; `loss_not_finite`, `disk_full`: the last good checkpoint stays;
        `empty_dataset`; `worker_killed`; and what `docphim.models.load` refuses.
    """
    with needs_torch():
        from docphim.train.fit import fit
        from docphim.train.launch import launch

    loss = loss_function(train["loss"])
    train = {**train, "loss": {**train["loss"], **loss.keywords}}  # with a cap as the number it comes to
    model = {**model, "base": base or model.get("base")}
    if train["processes"] > 1 and "RANK" not in os.environ:
        launch(Path(dataset), Path(run), model=model, train=train)
    else:
        fit(Path(dataset), Path(run), model, train, loss)


def check_loss(kind: str) -> None:
    """Refuse a loss that does not exist, without importing torch.

    Raises
    ------
    UsageError
        With the nearest name that exists.
    """
    if kind not in LOSSES:
        raise UsageError(f"train.loss: {kind!r} is not a loss; {_nearest(kind, LOSSES)}")


def loss_function(section: dict[str, Any]) -> functools.partial[Any]:
    """The function of a recipe's `train.loss`, its options (the keyword arguments of that function) filled in.

    Raises
    ------
    UsageError
        The loss, or an option of it, does not exist, or an option that it needs is missing.
    """
    kind = section["kind"]
    check_loss(kind)
    options = {key: value for key, value in section.items() if key != "kind"}
    entry = LOSSES[kind]
    if isinstance(entry, str):
        module, _, name = entry.partition(":")
        entry = getattr(importlib.import_module(module), name)
    known = {p.name: p.default for p in inspect.signature(entry).parameters.values() if p.kind is p.KEYWORD_ONLY}
    for name in options:
        if name not in known:
            raise UsageError(f"train.loss.{name}: {kind!r} has no such option; {_nearest(name, known)}")
    for name, default in known.items():
        if default is inspect.Parameter.empty and name not in options:
            raise UsageError(f"train.loss.{name}: required by {kind!r}")
    if "max_loss" in options:
        options["max_loss"] = cap.resolved(options["max_loss"])
    return functools.partial(entry, **options)


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
