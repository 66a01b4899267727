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
from docphim.study import Row
from docphim.train import cap
from docphim.train.options import OPTIONS, check_compile, check_keep_best, check_pairs

__all__ = ["LOSSES", "check_compile", "check_keep_best", "check_loss", "loss_function", "normal_loss", "train"]

#: The training losses of `train.loss`: a function like `losses.answers`, or `module:name` of one.
LOSSES: dict[str, str | Callable[..., Any]] = {
    "answers": "docphim.train.losses:answers",
    "constraint": "docphim.train.losses:constraint",
    "unlikelihood": "docphim.train.losses:unlikelihood",
    "margin": "docphim.train.losses:margin",
    "simnpo": "docphim.train.losses:simnpo",
    "mdpo": "docphim.train.losses:mdpo",
    "clip": "docphim.train.losses:clip",
}


def train(
    dataset: Path,
    run: Path,
    *,
    model: dict[str, Any],
    train: dict[str, Any],
    base: str | None = None,
    trackers: dict[str, str | None] | None = None,
    shard: str | None = None,
    compile: bool | None = None,
) -> None:
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
    trackers : dict, optional
        `train.trackers`, which change nothing in it either.
    shard : str, optional
        `train.shard`: how the processes hold the weights, which changes what is trained by rounding alone.
    compile : bool, optional
        `train.compile`: so does this, and what dropout draws.

    Raises
    ------
    UsageError
        torch or one of its company is not installed; `train.loss` is unknown; there are more processes than GPUs; what
        `check_compile` refuses.
    Refused
        `too_long` before anything is trained; `loss_not_finite`, `disk_full`: the last good checkpoint stays;
        `empty_dataset`; `worker_killed`; and what `docphim.models.load` refuses.
    """
    with needs_torch():
        from docphim.train.fit import fit
        from docphim.train.launch import launch

    loss = loss_function(train["loss"])
    train = {**train, "trackers": trackers or train.get("trackers", {}), "shard": shard or train.get("shard", "none")}
    train["compile"] = train.get("compile", False) if compile is None else compile
    if train["compile"]:
        check_compile(model.get("quantise"))
    train["loss"] = {**train["loss"], **loss.keywords}  # with a cap as the number it comes to
    model = {**model, "base": base or model.get("base")}
    if train["processes"] > 1 and "RANK" not in os.environ:
        launch(Path(dataset), Path(run), model=model, train=train)
    else:
        fit(Path(dataset), Path(run), model, train, loss)


def normal_loss(section: Row) -> Row:
    """A recipe's `train.loss` with every default written out, checked without importing torch.

    Two sections that come to the same are equal then: `{"kind": "margin"}` and `{"kind": "margin", "beta": 0.1}`.  A loss that
    weighs its negatives 0 and the answers 1 is `answers`.  One that is not Docphim's own is returned as it is.

    Raises
    ------
    UsageError
        The loss, or an option of it, does not exist (with the nearest name that does), or the option's value is not allowed.
    """
    kind = section["kind"]
    if kind not in LOSSES:
        raise UsageError(f"train.loss: {kind!r} is not a loss; {_nearest(kind, LOSSES)}")
    if kind not in OPTIONS:
        return section
    options = {name: value for name, value in section.items() if name != "kind"}
    _check_names(kind, options, OPTIONS[kind])
    normal: Row = {"kind": kind}
    for name, (default, read) in OPTIONS[kind].items():
        try:
            normal[name] = read(options.get(name, default))
        except ValueError as allowed:
            raise UsageError(f"train.loss.{name}: {allowed}") from None
    return {"kind": "answers"} if normal.get("alpha") == 1 and normal["beta"] == 0 else normal


def check_loss(section: Row, pairs: str, conflicts_only: bool = False) -> None:
    """Refuse a wrong loss, one that compares images without pairs, and pairs that the loss does not look at; without torch.

    Raises
    ------
    UsageError
        As `normal_loss`, and for `train.pairs`.
    """
    normal_loss(section)
    if section["kind"] in OPTIONS:
        check_pairs(section["kind"], "beta" in OPTIONS[section["kind"]], pairs, conflicts_only)


def _check_names(kind: str, options: Collection[str], known: Collection[str]) -> None:
    for name in options:
        if name not in known:
            raise UsageError(f"train.loss.{name}: {kind!r} has no such option; {_nearest(name, known)}")


def loss_function(section: dict[str, Any]) -> functools.partial[Any]:
    """The function of a recipe's `train.loss`, its options (the keyword arguments of that function) filled in.

    Raises
    ------
    UsageError
        As `normal_loss`, or an option that the loss needs is missing.
    """
    kind = section["kind"]
    normal_loss(section)
    options = {key: value for key, value in section.items() if key != "kind"}
    entry = LOSSES[kind]
    if isinstance(entry, str):
        module, _, name = entry.partition(":")
        entry = getattr(importlib.import_module(module), name)
    known = {p.name: p.default for p in inspect.signature(entry).parameters.values() if p.kind is p.KEYWORD_ONLY}
    _check_names(kind, options, known)
    for name, default in known.items():
        if default is inspect.Parameter.empty and name not in options:
            raise UsageError(f"train.loss.{name}: required by {kind!r}")
    if "max_loss" in options:
        options["max_loss"] = cap.resolved(options["max_loss"])
    return functools.partial(entry, **options)


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
