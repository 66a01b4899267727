"""A frozen base in 4 or 8 bits under trained adapters (QLoRA, Dettmers and others, 2023): `model.quantise`.

Only the language model's linear layers are stored so, by bitsandbytes; vision encoder, projector, embeddings and `lm_head` keep
their precision.  Importing this loads neither torch nor bitsandbytes.
"""

from __future__ import annotations

import importlib.util
import logging
import math
from typing import TYPE_CHECKING, Any

from docphim.errors import UsageError
from docphim.models import family as family_of

if TYPE_CHECKING:
    import torch

INSTALL = "pip install 'docphim[qlora]'"


def check_installed(kind: str | None) -> None:
    """Refuse a kind of quantisation where the package that does it is missing.

    Raises
    ------
    UsageError
        The message has the command that installs it.
    """
    if kind is not None and importlib.util.find_spec("bitsandbytes") is None:
        raise UsageError(f"model.quantise: {kind} needs bitsandbytes, which is not installed: {INSTALL}")


def arguments(kind: str, family: str, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """What `from_pretrained` is told besides, so that the language model is stored in 4 or 8 bits on a device.

    Parameters
    ----------
    kind : {"nf4", "int8"}
        4-bit NormalFloat with its scales quantised once more (0.52 bytes a weight), or LLM.int8 (1 byte).
    dtype : torch.dtype
        What 4-bit weights are unpacked to where they are multiplied.

    Raises
    ------
    UsageError
        bitsandbytes is not installed.
    """
    check_installed(kind)
    from transformers import BitsAndBytesConfig

    parts = family_of(family).PARTS
    whole = [prefix.removesuffix(".") for part in ("vision", "projector") for prefix in parts[part]]
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)  # it tells of every product that it rounds
    common: dict[str, Any] = {"llm_int8_skip_modules": [*whole, "lm_head"]}
    if kind == "int8":
        config = BitsAndBytesConfig(load_in_8bit=True, **common)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            **common,
        )
    return {"quantization_config": config, "device_map": {"": device}}


def size(parameter: Any) -> int:
    """Numbers that a parameter stands for; one in 4 bits holds two in each of its bytes."""
    state = getattr(parameter, "quant_state", None)
    return int(parameter.numel()) if state is None else math.prod(state.shape)
