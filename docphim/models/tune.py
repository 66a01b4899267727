"""What of a model is trained: nothing, low-rank adapters, or all but the frozen parts."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import nn

from docphim.errors import UsageError
from docphim.models import family as family_of
from docphim.models.loaded import Loaded
from docphim.models.quantised import size


def tune(
    loaded: Loaded, tune: str, freeze: list[str], lora: dict[str, Any], adapter: str = "merge", whole: Collection[str] = ()
) -> Loaded:
    """Freeze a model's parts and put adapters into it, in place.

    Parameters
    ----------
    tune : str
        `none` freezes everything, `lora` trains adapters only, `full` trains all but the frozen parts (in float32:
        the optimiser's master weights).
    freeze : list of str
        Parts by name: `vision`, `projector`, `language`.
    lora : dict
        `kind` (`lora`, `dora`, `rslora`), `rank`, `alpha`, `dropout`, `modules` (a regular expression over module names;
        None: the family's default).

    adapter : str
        What becomes of the adapter of an earlier run: `merge` folds it into the weights first, `stack` leaves it as it is,
        frozen, and trains another on top.
    whole : collection of str
        Parts that are trained in full, in float32, beside the adapters of others.

    Raises
    ------
    UsageError
        Nothing would be trained, the adapters reach into a part that is frozen or trained in full, or there is no adapter to
        put another on.
    """
    module = family_of(loaded.family)
    stacked = tune == "lora" and adapter == "stack"
    if stacked and not adapters_of(loaded.model):
        raise UsageError("model.adapter: stack needs weights that are a run's adapter; these have none")
    if tune != "none" and not stacked:
        merge(loaded)
    core = loaded.core
    if tune == "lora":
        loaded.model = adapted(loaded.model if stacked else core, _adapter_config(core, module, freeze, whole, lora))
        loaded.adapter, loaded.whole = "stack" if stacked else "merge", tuple(whole)
        for parameter in whole_parameters(loaded).values():
            parameter.requires_grad_(True)
            parameter.data = parameter.data.float()
    else:
        loaded.model.requires_grad_(False)
        for name, parameter in core.named_parameters():
            parameter.requires_grad_(tune == "full" and part_of(name, module.PARTS) not in freeze)
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    if tune != "none" and not any(p.requires_grad for p in core.parameters()):
        raise UsageError(f"model.freeze: {', '.join(freeze)} leaves nothing to train")
    loaded.tune = tune
    rest_frozen_vision(core, module.PARTS)
    return loaded


def merge(loaded: Loaded) -> None:
    """Fold adapters into the weights they sit on, in place: W + (alpha / rank) B A, the sum taken in float32.

    Of `rslora` and `dora` it is what they make of W instead.

    It is rounded once, to the precision W has; where that is bfloat16, forwards round to it anyway.
    """
    if not hasattr(loaded.model, "merge_and_unload"):
        return
    layers = [layer.base_layer for layer in loaded.model.modules() if hasattr(layer, "base_layer")]
    precisions = [layer.weight.dtype for layer in layers]
    for layer in layers:
        layer.float()
    loaded.model = loaded.model.merge_and_unload(adapter_names=adapters_of(loaded.model))
    for layer, precision in zip(layers, precisions, strict=True):
        layer.to(precision)
    loaded.model.__dict__.pop("peft_config", None)  # else peft warns that the model has an adapter already


def what_trains(loaded: Loaded) -> list[dict[str, Any]]:
    """What of each part of a tuned model is trained: `part`, `how`, `tensors`, `parameters`, and how many of them `trained`.

    An adapter counts to the part it sits in, so `trained` is 0 in a part that is not frozen but has no adapter.
    """
    parts, place = family_of(loaded.family).PARTS, part_in(loaded)
    rows = {part: {"part": part, "tensors": 0, "parameters": 0, "trained_tensors": 0, "trained": 0} for part in parts}
    for name, parameter in loaded.model.named_parameters():
        row: dict[str, Any] = rows[place(name)]
        row["tensors"] += 1
        row["parameters"] += size(parameter)
        row["trained_tensors"] += parameter.requires_grad
        row["trained"] += parameter.numel() * parameter.requires_grad
    for row in rows.values():
        how = "full" if row["part"] in loaded.whole else loaded.tune
        row["how"] = how if row["trained"] else "frozen"
    return list(rows.values())


def table(rows: list[dict[str, Any]], rate: float, rates: Mapping[str, float]) -> str:
    """`what_trains` as lines of text, one a part, with the learning rate that each has at its highest."""
    lines = [f"{'part':<10} {'how':<7} {'tensors':>8} {'parameters':>15} {'trained':>15} {'rate':>9}"]
    for r in rows:
        highest = f"{rates.get(r['part'], rate):g}" if r["trained"] else "-"
        counts = f"{r['tensors']:>8} {r['parameters']:>15,} {r['trained']:>15,}"
        lines.append(f"{r['part']:<10} {r['how']:<7} {counts} {highest:>9}")
    return "\n".join(lines)


def whole_parameters(loaded: Loaded) -> dict[str, nn.Parameter]:
    """The parameters of the parts that are trained in full beside adapters, by their names in the model without those."""
    parts = family_of(loaded.family).PARTS
    named = loaded.core.named_parameters()
    return {name: p for name, p in named if part_of(name, parts) in loaded.whole and ".lora_" not in name}


def part_in(loaded: Loaded) -> Callable[[str], str]:
    """Of a parameter's name in a tuned model, an adapter's too, the part it lies in."""
    parts = family_of(loaded.family).PARTS
    return lambda name: part_of(name.removeprefix("base_model.model."), parts)


def refuse_idle_rates(loaded: Loaded, rates: Mapping[str, float]) -> None:
    """Refuse a learning rate of a part in which nothing is trained.

    Raises
    ------
    UsageError
        There is one.
    """
    trains = [row["part"] for row in what_trains(loaded) if row["trained"]]
    for part in rates:
        if part not in trains:
            raise UsageError(f"train.rates: nothing is trained in {part}; what is trained lies in {', '.join(trains)}")


def part_of(name: str, parts: dict[str, tuple[str, ...]]) -> str:
    """The part a parameter or module belongs to: the one with the longest matching prefix."""
    hits = [(len(prefix), part) for part, prefixes in parts.items() for prefix in prefixes if f"{name}.".startswith(prefix)]
    return max(hits)[1] if hits else "language"


def _adapter_config(core: nn.Module, module: Any, freeze: list[str], whole: Collection[str], lora: dict[str, Any]) -> Any:
    """The adapter that a recipe asks for, checked against the model."""
    from peft import LoraConfig

    pattern = lora.get("modules") or module.LORA
    try:
        hits = [name for name, _ in core.named_modules() if re.fullmatch(pattern, name)]
    except re.error as error:
        raise UsageError(f"model.lora.modules: not a regular expression: {error}") from None
    if not hits:
        raise UsageError(f"model.lora.modules: {pattern!r} matches no module; the family's default is {module.LORA!r}")
    for name in hits:
        if (part := part_of(name, module.PARTS)) in freeze:
            raise UsageError(f"model.freeze: freezes {part}, where the adapters of model.lora go ({name})")
        if part in whole:
            raise UsageError(f"model.whole: trains {part} in full, where the adapters of model.lora go ({name})")
    return LoraConfig(
        r=lora.get("rank", 16),
        lora_alpha=lora.get("alpha", 32),
        lora_dropout=lora.get("dropout", 0.05),
        target_modules=pattern,
        use_dora=lora.get("kind") == "dora",
        use_rslora=lora.get("kind") == "rslora",
    )


def adapters_of(model: Any) -> list[str]:
    """The names of the adapters in a model, the first one first; all of them act."""
    return list(getattr(model, "peft_config", None) or {}) if hasattr(model, "merge_and_unload") else []


def adapted(model: Any, config: Any) -> Any:
    """The model with an adapter more, the only one that is trained; peft asks transformers in words that 5.23 warns about."""
    from peft import get_peft_model

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        before = adapters_of(model)
        if not before:
            return get_peft_model(model, config)
        name = f"stage{len(before) + 1}"
        model.add_adapter(name, config)
        model.base_model.set_adapter([*before, name])
    for place, parameter in model.named_parameters():
        parameter.requires_grad_(f".{name}." in place)
    return model


def rest_frozen_vision(core: nn.Module, parts: dict[str, tuple[str, ...]]) -> None:
    """Let a wholly frozen vision encoder run under no_grad.

    Gradient checkpointing makes its input require a gradient, and it would then take part in backward for nothing.
    """
    encoder = [(name, p) for name, p in core.named_parameters() if part_of(name, parts) == "vision"]
    if not encoder or any(p.requires_grad for _, p in encoder):
        return
    for name, child in list(core.named_modules()):
        weights = list(child.named_parameters())
        inside = weights and all(part_of(f"{name}.{inner}", parts) == "vision" for inner, _ in weights)
        if inside and not isinstance(child, nn.ModuleList):
            _without_grad(child)


def _without_grad(child: nn.Module) -> None:
    if not getattr(child.forward, "resting", False):
        forward = torch.no_grad()(child.forward)
        resting = functools.wraps(child.forward)(forward)
        resting.resting = True  # type: ignore[attr-defined]
        child.forward = resting
