"""The section of a recipe that says which model there is, and what of it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from docphim.recipe_training import Section

#: Keys that came later, and what they are where a recipe does not name them: what was made before them stays good.
_LATER: dict[str, Any] = {"adapter": "merge", "quantise": None, "whole": []}


class Lora(Section):
    """Low-rank adapters: kind, rank, scale, dropout, and which modules (none: the family's default pattern)."""

    kind: Literal["lora", "dora", "rslora"] = "lora"
    rank: int = Field(16, ge=1)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)
    modules: str | None = None


class Model(Section):
    """Which model: a family, its weights (`tiny`, a folder, a hub id or a run), and what of it is trained.

    `whole` are parts that are trained in full beside the adapters of others.

    `base` says where the published weights lie now, if they have moved since a run was made on them; `adapter` what becomes of
    the adapter of a run that the weights are; `quantise` how the frozen weights under adapters are stored.
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
