"""Knowledge of model families, one file each; importing this loads no torch."""

from __future__ import annotations

import importlib
from types import ModuleType

from docphim.errors import UsageError

FAMILIES: dict[str, str] = {"qwen_vl": "docphim.models.qwen_vl", "llava": "docphim.models.llava"}


def family(name: str) -> ModuleType:
    """The module of a model family.

    Raises
    ------
    UsageError
        There is no such family, or torch is not installed.
    """
    if name not in FAMILIES:
        raise UsageError(f"model.family: {name!r} is not one of {', '.join(FAMILIES)}")
    try:
        return importlib.import_module(FAMILIES[name])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("torch", "transformers", "peft", "safetensors", "tokenizers"):
            raise UsageError(f"{error.name} is not installed; models need: pip install 'docphim[train]'") from None
        raise
