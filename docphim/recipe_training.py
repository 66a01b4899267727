"""The sections of a recipe that say how a model is trained: the loss, the negatives it may compare with, the optimiser."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: What may choose a training's checkpoint (`train.keep_best`): the loss, or a score of the validation drafts, with the family
#: of metrics that gives it.  `labels` are the sets that suit the images; the mean over them decides.
DECIDING: dict[str, str | None] = {
    "val/loss": None,
    "val/rougeL": "rouge",
    "val/bleu4": "bleu",
    "val/clinical_f1": "clinical",
    "val/fact_f1": "facts",
    "val/macro_f1": "labels",
}


class Section(BaseModel):
    """A part of a recipe: no unknown keys, defaults written out."""

    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)


class Loss(Section):
    """What is trained for: `kind` names a loss, and what else may stand here are that loss's own options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str = "answers"


class Pairs(Section):
    """The negatives that the dataset's examples may be trained against: other images beside which their report is wrong.

    `differ` labels of 18 (of a smaller set, that share) tell another patient's study from the example's; a study is a partner
    at most `reuse` times.  `labels` names the label set; none: the labels that the studies come with, or those that suit their
    modality, read from the reports.
    """

    kinds: list[Literal["noise", "other", "hard", "neighbours"]] = ["noise", "other", "hard", "neighbours"]
    labels: str | None = None
    differ: float = Field(10, ge=1)
    reuse: int = Field(4, ge=1)
    neighbours: int = Field(4, ge=1)
    seed: int = 0


class CandidateRule(Section):
    """By which threshold candidates of a PET are found and how far each reaches.

    `fixed`: all of it that is `suv` or more.  `max`: of what reaches `suv`, down to 41 % of its own highest value, and not
    below `suv` (Boellaard et al., EANM guideline 2.0).  `liver`: the mean of a 3 cm sphere in the liver times 1.5 and two
    standard deviations (PERCIST 1.0) in the place of `suv`; needs a CT that shows the liver.
    """

    by: Literal["max", "fixed", "liver"] = "max"
    suv: float = Field(2.5, gt=0, le=100)


class Train(Section):
    """The optimiser's settings; `keep_best` names a validation metric, `blind` leaves the image out.

    `rates` are learning rates of parts that have one of their own.

    `trackers` show the log's numbers as they come: names, or names with the address of a server each.

    `pairs` names the negatives that the loss compares with, `conflicts_only` takes them on contradicted sentences alone.

    `augment` names what examples are varied in each time they are read.

    `compile` lets torch compile the blocks of the model.
    """

    epochs: float = Field(1, gt=0)
    max_steps: int | None = Field(None, ge=1)
    loss: Loss = Loss()
    pairs: Literal["none", "noise", "other", "hard", "mined"] = "none"
    conflicts_only: bool = False
    augment: list[Literal["image", "text", "comparison"]] = []
    learning_rate: float = Field(3e-5, gt=0)
    rates: dict[Literal["vision", "projector", "language"], Annotated[float, Field(gt=0)]] = {}
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(0.03, ge=0, le=1)
    weight_decay: float = Field(0.0, ge=0)
    batch_size: int = Field(8, ge=1)
    accumulate: int = Field(1, ge=1)
    max_grad_norm: float = Field(1.0, gt=0)
    max_length: int = Field(4096, ge=16)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    gradient_checkpointing: bool = False
    compile: bool = False
    blind: bool = False
    cache_features: bool = False
    evaluations: int = Field(5, ge=1)
    keep_best: str = "val/loss"
    patience: int | None = Field(None, ge=1)
    val_examples: int = Field(200, ge=1)
    trackers: dict[str, str | None] = {}
    workers: int = Field(0, ge=0)
    processes: int = Field(1, ge=1)
    shard: Literal["none", "fsdp"] = "none"
    seed: int = 0

    @field_validator("loss", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        """`loss: answers` is short for `loss: {kind: answers}`."""
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("keep_best")
    @classmethod
    def _decides(cls, value: str) -> str:
        if value not in DECIDING:
            raise ValueError(f"must be one of {', '.join(DECIDING)}")
        return value

    @field_validator("trackers", mode="before")
    @classmethod
    def _in_the_runs_folder(cls, value: Any) -> Any:
        """`trackers: [tensorboard]` is short for `trackers: {tensorboard: null}`: in the run's folder."""
        return dict.fromkeys(value) if isinstance(value, list) and all(isinstance(name, str) for name in value) else value

    @model_validator(mode="after")
    def _pairs_of_images(self) -> Train:
        if self.pairs != "none" and self.blind:
            raise ValueError("pairs compare images, and a blind model sees none")
        if self.conflicts_only and self.pairs in ("none", "noise"):
            raise ValueError("conflicts_only needs pairs with other studies (other, hard, mined): noise has no labels")
        return self

    @model_validator(mode="after")
    def _augments(self) -> Train:
        if len(set(self.augment)) < len(self.augment):
            raise ValueError("augment names something twice")
        if self.augment and self.pairs != "none":
            raise ValueError("augment: examples that stand beside negatives (pairs) are shown as they are")
        if self.blind and (unseen := [name for name in self.augment if name != "text"]):
            raise ValueError(f"augment: {unseen[0]} is of images, which a blind model does not see")
        if "image" in self.augment and self.cache_features:
            raise ValueError("augment: image changes the image each time, and cache_features keeps what was made of it")
        return self

    @model_validator(mode="after")
    def _aligns(self) -> Train:
        """What an alignment has no use for."""
        if self.loss.kind == "clip":
            asked = {"blind": self.blind, "augment": self.augment, "cache_features": self.cache_features}
            asked |= {"shard": self.shard != "none", "keep_best": self.keep_best != "val/loss"}
            if wrong := [name for name, value in asked.items() if value]:
                raise ValueError(f"{wrong[0]}: an alignment (loss: clip) takes none; it is validated by its loss alone")
        return self

    @property
    def built(self) -> str | None:
        """The kind of `pairs` in the dataset that the negatives come from."""
        return {"none": None, "mined": "neighbours"}.get(self.pairs, self.pairs)
