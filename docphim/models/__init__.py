"""Knowledge of model families, one file each; importing this loads no torch."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType

from docphim.errors import UsageError

#: The packages of `docphim[train]`, by the names they are imported under.
TRAIN_EXTRA = frozenset({"torch", "transformers", "peft", "accelerate", "safetensors", "tokenizers", "huggingface_hub"})

#: How they are installed; Docphim is no package of an index yet.
INSTALL = "pip install '.[train]' in Docphim's folder"

FAMILIES: dict[str, str] = {
    "qwen_vl": "docphim.models.qwen_vl",
    "llava": "docphim.models.llava",
    "internvl": "docphim.models.internvl",
    "gemma3": "docphim.models.gemma3",
    "llava_onevision": "docphim.models.llava_onevision",
    "minicpmv": "docphim.models.minicpmv",
    "aligned": "docphim.models.aligned",
}


def family(name: str) -> ModuleType:
    """The module of a model family.

    Raises
    ------
    UsageError
        There is no such family, or torch is not installed.
    """
    if name not in FAMILIES:
        raise UsageError(f"model.family: {name!r} is not one of {', '.join(FAMILIES)}")
    with needs_torch():
        return importlib.import_module(FAMILIES[name])


@contextlib.contextmanager
def needs_torch() -> Iterator[None]:
    """Import inside this what the `train` extra installs.

    Raises
    ------
    UsageError
        It is not installed; the message has the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in TRAIN_EXTRA:
            raise UsageError(f"{error.name} is not installed; models need: {INSTALL}") from None
        raise
