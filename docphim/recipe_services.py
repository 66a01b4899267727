"""Sections of a recipe that send something to an endpoint: who judges, who words reports otherwise, who writes dialogues."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from docphim.recipe_training import Section


class Service(Section):
    """An OpenAI-compatible endpoint: where it lies, what it is asked with, and how patiently.

    `key_env` names the environment variable that holds the key; `body` is more of the request's JSON (None leaves a field out).
    """

    endpoint: str | None = None
    model: str | None = None
    key_env: str | None = None
    concurrency: int = Field(4, ge=1, le=256)
    timeout_s: float = Field(120, gt=0)
    retries: int = Field(5, ge=0, le=20)
    body: dict[str, Any] = {}

    @field_validator("key_env")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("must be the name of an environment variable, not the key itself")
        return value

    @field_validator("body")
    @classmethod
    def _not_reserved(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in ("messages", "model", "stream", "n"):
            if name in value:
                raise ValueError(f"{name!r} is not for the recipe to set")
        return value


class Asked(Service):
    """A service that is nothing without an address and a model."""

    @model_validator(mode="after")
    def _has_an_endpoint(self) -> Asked:
        if not (self.endpoint and self.model):
            raise ValueError("needs 'endpoint' and 'model'")
        return self


class Judge(Asked):
    """A language model that splits reports into facts and matches them; `replay` takes its old answers and sends nothing."""

    replay: bool = False
    systems: list[Literal["own", "constant", "random", "nearest", "metadata", "noise", "blank", "other"]] = [
        "own",
        "constant",
        "other",
    ]


class Paraphrase(Asked):
    """A language model that words each report of the training split otherwise, `count` times."""

    count: int = Field(3, ge=1, le=20)
    temperature: float = Field(0.7, ge=0)


class Writer(Asked):
    """A language model that writes a dialogue of at most `questions.per_study` questions on each report."""

    temperature: float = Field(0.7, ge=0)


class Questions(Section):
    """What tasks of questions ask: at most `per_study` of each study; `writer` writes those of `written_dialogue`."""

    per_study: int = Field(8, ge=1)
    writer: Writer | None = None
