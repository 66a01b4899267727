"""What a model family offers, and the loaded model that everything else is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch


class Stack(Protocol):
    """What is shown for one media entry (`docphim.imaging.frames.Stack`): uint8 frames (T, h, w, 3), their distance in mm."""

    @property
    def frames(self) -> np.ndarray:
        """uint8 (T, h, w, 3); T = 1 for a film."""

    @property
    def step_mm(self) -> float | None:
        """Distance between the frames in millimetres; None where there is none, or nobody knows it."""


@dataclass(frozen=True)
class Expansion:
    """What a family makes of one media entry.

    `kind` is the part (`image` or `video`) that the chat template is given, once for each of `texts`; `mark` is what the
    template writes for such a part, and `texts` what the family's processor writes in place of it, marks around the picture
    included.  `media` are the model's inputs by name, joined over entries and examples: frames as uint8 (T, h, w, 3), grids.
    `lead` stands before each text, `{}` in it for how many of this mark the conversation has had before.
    """

    kind: str
    mark: str
    texts: tuple[str, ...]
    media: dict[str, torch.Tensor]
    lead: str = ""


class Features(Protocol):
    """What a frozen vision encoder makes of images (`docphim.models.features.Features`)."""

    def placed(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """A batch's inputs with features in place of frames."""


class Family(Protocol):
    """The shape of a family module such as `qwen_vl` (flat functions and four tables).

    One whose frozen encoder's features can be kept has three functions more, as in `qwen_features`: `entries`, `encoded`,
    `give_features`.
    """

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
    def expand(processor: Any, stack: Stack, video: bool) -> Expansion:
        """A media entry under an `<image>` tag (T pictures) or a `<video>` tag; a family without videos takes T pictures."""

    @staticmethod
    def per_token(config: Any, processor: Any, ids: torch.Tensor, media: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Of one example, the model's inputs with a value a token (the last axis): `position_ids`, kinds of tokens."""

    @staticmethod
    def pixels(processor: Any, name: str, frames: torch.Tensor) -> torch.Tensor:
        """The model's input `name` in float32, from its frames (uint8, (T, h, w, 3)); bit for bit the official processor's."""

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

    `config` is the model's configuration, also where only a reader was loaded and `model` is None.  `size` is the
    (height, width) in pixels that every image is letterboxed to. `base` says where the weights came from (None: made here,
    so they are saved with the model); `precision` is the dtype forwards run in. `adapter` is `stack` where the adapter that
    is trained sits on others, which act with it; `quantise` how the frozen weights under it are stored; `whole` the parts
    trained in full beside it. `features` keeps what a frozen encoder makes of images, where a training asks for it.
    `parts` are fingerprints of what a model was put together from that has no base.
    """

    model: Any
    processor: Any
    tokenizer: Any
    family: str
    size: tuple[int, int]
    name: str
    config: Any
    precision: str = "fp32"
    tune: str = "full"
    adapter: str = "merge"
    quantise: str | None = None
    whole: tuple[str, ...] = ()
    base: dict[str, Any] | None = None
    features: Features | None = None
    parts: dict[str, Any] | None = None

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
