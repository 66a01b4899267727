"""What a model family offers, and the loaded model that everything else is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch


class Family(Protocol):
    """The shape of a family module such as `qwen_vl` (flat functions and three tables)."""

    #: `model_type` values of config.json that the family drives.
    MODEL_TYPES: frozenset[str]
    #: Regular expression over module names: where LoRA goes unless the recipe says otherwise.
    LORA: str
    #: Name prefixes of the parameters of each part: vision, projector, language.
    PARTS: dict[str, tuple[str, ...]]
    #: Special tokens, chat template, end and padding token of a tiny tokenizer.
    TINY: TinyText

    @staticmethod
    def tiny_config(tokenizer: Any, image_size: int | tuple[int, int], **sizes: Any) -> Any:
        """The configuration of a small model of this architecture."""

    @staticmethod
    def make_processor(tokenizer: Any, model_config: Any, source: str | None = None, **hub: Any) -> Any:
        """Transformers' own processor of this family, for still images, without torchvision."""

    @staticmethod
    def fit_size(model_config: Any, image_size: int | tuple[int, int]) -> tuple[int, int]:
        """The (height, width) in pixels nearest to `image_size` that the model takes without resizing."""

    @staticmethod
    def positions(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Position ids of a prompt batch, the sequence on the last axis."""

    @staticmethod
    def quicken(model: Any) -> None:
        """Replace slow paths of the model by equal, faster ones."""


@dataclass(frozen=True)
class TinyText:
    """What a tiny tokenizer of a family holds besides the bytes and merges."""

    special: Sequence[str]
    end: str
    pad: str
    template: str


@dataclass
class Loaded:
    """A model that is ready to train or to answer.

    `size` is the (height, width) in pixels that every image is letterboxed to. `base` says where the weights came from
    (None: made here, so they are saved with the model); `precision` is the dtype forwards run in.
    """

    model: Any
    processor: Any
    tokenizer: Any
    family: str
    size: tuple[int, int]
    name: str
    precision: str = "fp32"
    tune: str = "full"
    base: dict[str, Any] | None = None

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(self.model.parameters()).device

    @property
    def core(self) -> Any:
        """The transformers model, without the adapter around it."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def autocast(self) -> torch.autocast:
        """The context forwards run in: bfloat16 where the precision says so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")
