"""The section of a recipe that says which model there is, and what of it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from docphim.recipe_training import Section

#: Keys that came later, and what they are where a recipe does not name them: what was made before them stays good.
_LATER: dict[str, Any] = {"adapter": "merge", "quantise": None, "whole": []}
_LATER |= dict.fromkeys(("encoder", "text_encoder", "decoder", "features"))


class Lora(Section):
    """Low-rank adapters: kind, rank, scale, dropout, and which modules (none: the family's default pattern)."""

    kind: Literal["lora", "dora", "rslora"] = "lora"
    rank: int = Field(16, ge=1)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)
    modules: str | None = None


class Encoder(Section):
    """A 3-D image encoder of the family `aligned`; what is not said is small.

    A ViT's patch is `depth` slices of `patch` x `patch` pixels; `tokens` is the grid (deep, high, wide) that a decoder is given
    at most, `shared` the width of the space in which images and reports meet.
    """

    kind: Literal["vit", "resnet"] = "vit"
    hidden: int | None = Field(None, ge=1)
    layers: int | None = Field(None, ge=1)
    heads: int | None = Field(None, ge=1)
    patch: int | None = Field(None, ge=1)
    depth: int | None = Field(None, ge=1)
    tokens: tuple[int, int, int] | None = None
    shared: int | None = Field(None, ge=1)


class TextEncoder(Section):
    """A report encoder: a local folder, and whether words are joined by underscores (none: as its tokenizer was trained)."""

    weights: str
    words: bool | None = None


class Model(Section):
    """Which model: a family, its weights (`tiny`, a folder, a hub id or a run), and what of it is trained.

    `whole` are parts that are trained in full beside the adapters of others.

    `base` says where the published weights lie now, if they have moved since a run was made on them; `adapter` what becomes of
    the adapter of a run that the weights are; `quantise` how the frozen weights under adapters are stored.

    `encoder`, `text_encoder` and `decoder` are the parts of the family `aligned`; a part without a folder is made here, small.
    `features` is a folder of what another encoder has made of each study, in the place of an encoder.
    """

    family: str
    weights: str = "tiny"
    base: str | None = None
    tune: Literal["none", "lora", "full"] = "lora"
    freeze: list[str] = ["vision"]
    whole: list[str] = []
    image_size: int | tuple[int, int] = 448
    lora: Lora = Lora()
    quantise: Literal["nf4", "int8"] | None = None
    adapter: Literal["merge", "stack"] = "merge"
    remote_code: bool = False
    revision: str | None = None
    tiny: dict[str, Any] = {}
    encoder: Encoder | None = None
    text_encoder: TextEncoder | None = None
    decoder: str | None = None
    features: str | None = None

    @field_validator("encoder", "text_encoder", mode="before")
    @classmethod
    def _by_name(cls, value: Any, info: ValidationInfo) -> Any:
        """`encoder: resnet` is short for `{kind: resnet}`, `text_encoder: DIR` for `{weights: DIR}`."""
        return {{"encoder": "kind"}.get(str(info.field_name), "weights"): value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_parts(self) -> Model:
        named = [name for name in ("encoder", "text_encoder", "decoder", "features") if getattr(self, name) is not None]
        if named and self.family != "aligned":
            raise ValueError(f"{named[0]} is a part of family aligned, and family is {self.family}")
        if self.family == "aligned" and self.quantise is not None:
            raise ValueError(f"quantise: {self.quantise} is not for family aligned, whose parts are put together here")
        sizes = {} if self.encoder is None else self.encoder.model_dump(exclude={"tokens", "shared"}, exclude_unset=True)
        if self.features and sizes:
            raise ValueError(f"encoder.{next(iter(sizes))}: is of an encoder, and features stand in the place of one")
        return self

    @field_validator("freeze", "whole")
    @classmethod
    def _parts(cls, value: list[str]) -> list[str]:
        for part in value:
            if part not in ("vision", "projector", "language"):
                raise ValueError(f"{part!r} is not one of vision, projector, language")
        return value

    @model_validator(mode="after")
    def _stacks_adapters(self) -> Model:
        if self.adapter == "stack" and self.tune != "lora":
            raise ValueError(f"adapter: stack puts an adapter on another, and tune is {self.tune}")
        if self.adapter == "stack" and self.lora.kind == "dora":
            raise ValueError("adapter: stack has no kind: dora, whose scale is of the whole weight, adapters below it included")
        if self.tune == "full" and self.lora.modules is not None:
            raise ValueError("lora.modules does nothing with tune: full; it names where adapters go (tune: lora)")
        return self

    @model_validator(mode="after")
    def _beside_adapters(self) -> Model:
        if self.whole and self.tune != "lora":
            raise ValueError(
                f"whole names parts that are trained in full beside adapters (tune: lora), and tune is {self.tune}"
            )
        for part in self.whole:
            if part in self.freeze:
                raise ValueError(f"whole and freeze both name {part}")
            if part == "language" and self.quantise is not None:
                raise ValueError(f"whole: language is trained in full, and quantise: {self.quantise} packs its weights")
        return self

    @model_validator(mode="after")
    def _quantises_a_base(self) -> Model:
        if self.quantise is not None and self.tune != "lora":
            raise ValueError(f"quantise: {self.quantise} stores weights that adapters are trained on, and tune is {self.tune}")
        if self.quantise is not None and self.weights == "tiny":
            raise ValueError(f"quantise: {self.quantise} is of published weights, and weights: tiny are made here")
        if self.quantise == "int8" and self.lora.kind == "dora":
            raise ValueError("quantise: int8 takes no lora.kind: dora, which reads whole rows of the weights; nf4 does")
        return self


def decisive(model: Mapping[str, Any]) -> dict[str, Any]:
    """What of a model section a training depends on: not where its base lies now, nor keys that change nothing.

    >>> decisive({"family": "llava", "base": "/weights", "adapter": "merge", "whole": ["projector"]})
    {'family': 'llava', 'whole': ['projector']}
    """
    return {key: value for key, value in model.items() if key != "base" and (key not in _LATER or value != _LATER[key])}
