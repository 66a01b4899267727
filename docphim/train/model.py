"""The model a recipe names, before any training."""

from __future__ import annotations

from typing import Any

from docphim.models.load import create_tiny, load, tune
from docphim.models.loaded import Loaded
from docphim.study import Example
from docphim.train.settings import TrainSettings


def open_model(model: dict[str, Any], settings: TrainSettings, examples: list[Example]) -> Loaded:
    """Open it: its weights, frozen parts and fresh adapters.

    Parameters
    ----------
    examples : list of Example
        What the tokenizer of `weights: tiny` learns from.
    """
    size = model["image_size"]
    size = size if isinstance(size, int) else (int(size[0]), int(size[1]))
    if model["weights"] == "tiny":
        texts = (m.content for example in examples for m in example.messages)
        loaded = create_tiny(model["family"], texts, size, settings.seed, model["tiny"])
        if settings.precision == "bf16":
            loaded.precision = "bf16"
    else:
        loaded = load(
            model["weights"],
            model["family"],
            size,
            revision=model["revision"],
            remote_code=model["remote_code"],
            precision=settings.precision,
        )
    return tune(loaded, model["tune"], model["freeze"], model["lora"])
