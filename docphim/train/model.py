"""The model a recipe names, before any training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docphim.errors import UsageError
from docphim.models import family
from docphim.models.assemble import complete, tiny_sizes
from docphim.models.load import check_precision, create_tiny, give_random_weights, load, load_reader, tune
from docphim.models.loaded import Loaded
from docphim.study import Example
from docphim.train.settings import TrainSettings


def open_model(model: dict[str, Any], settings: TrainSettings, examples: list[Example]) -> Loaded:
    """Open it: its weights, frozen parts and fresh adapters.

    Parameters
    ----------
    examples : list of Example
        What the tokenizer of `weights: tiny` learns from.

    Raises
    ------
    UsageError
        The card does not compute in the precision asked for; and as `load` and `tune`.
    """
    check_precision(settings.precision)
    if model["weights"] == "tiny":
        loaded = _tiny(model, settings, examples)
        if settings.precision == "bf16":
            loaded.precision = "bf16"
    else:
        loaded = load(**_named(model), precision=settings.precision, quantise=model.get("quantise"))
    if _in_parts(model):
        loaded = complete(loaded, model, _texts(examples), settings.seed, aligning=settings.aligns)
    freeze = [*model["freeze"], *_out_of_reach(loaded, settings)]
    return tune(loaded, model["tune"], freeze, model["lora"], model.get("adapter", "merge"), model.get("whole", ()))


def _in_parts(model: dict[str, Any]) -> bool:
    """Whether a model is put together here from parts, one of which reads reports."""
    return "text" in family(model["family"]).PARTS


def _out_of_reach(loaded: Loaded, settings: TrainSettings) -> list[str]:
    """The parts that a training's loss does not reach: it would never change them."""
    if "text" not in family(loaded.family).PARTS:
        return []
    return ["projector", "language"] if settings.aligns else ["text"]


def open_random(model: dict[str, Any], settings: TrainSettings, examples: list[Example]) -> Loaded:
    """Open it with random weights of its own architecture; published weights are not read."""
    if model["weights"] == "tiny":
        return open_model(model, settings, examples)
    if model.get("quantise"):
        raise UsageError(f"model.quantise: {model['quantise']} is not for random weights, by which is measured here")
    check_precision(settings.precision)
    loaded = give_random_weights(open_reader(model, settings, examples), settings.precision)
    return tune(loaded, model["tune"], model["freeze"], model["lora"], whole=model.get("whole", ()))


def open_reader(model: dict[str, Any], settings: TrainSettings, examples: list[Example]) -> Loaded:
    """Open what of it encodes examples, without reading published weights."""
    return _tiny(model, settings, examples) if model["weights"] == "tiny" else load_reader(**_named(model))


def _tiny(model: dict[str, Any], settings: TrainSettings, examples: list[Example]) -> Loaded:
    sizes = model["tiny"]
    if _in_parts(model):
        sizes = tiny_sizes(model, settings.aligns)
    return create_tiny(model["family"], _texts(examples), _size(model), settings.seed, sizes)


def _texts(examples: list[Example]) -> Iterator[str]:
    return (m.content for example in examples for m in example.messages)


def _named(model: dict[str, Any]) -> dict[str, Any]:
    """What `load` is told of a recipe's model section."""
    return {**{key: model[key] for key in ("weights", "family", "revision", "remote_code", "base")}, "image_size": _size(model)}


def _size(model: dict[str, Any]) -> int | tuple[int, int]:
    size = model["image_size"]
    return size if isinstance(size, int) else (int(size[0]), int(size[1]))
