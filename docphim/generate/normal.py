"""Backend `normal`: to every question the normal findings in the usual words of the training reports; it looks at nothing.

What a department's template scores: elsewhere it beats several models, so it belongs beside every one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from docphim.generate.backend import Prompt
from docphim.generate.shots import Asked, answers_by_task
from docphim.study import Example


class Backend:
    """The template of each task (see `docphim.generate.backend.Backend`); no film is drawn for it."""

    each_alone: ClassVar[bool] = True
    tells_likelihood: ClassVar[bool] = False
    concurrency = 1
    size = (0, 0)
    name = "normal"

    def __init__(self, run: Path, *, blind: bool = False, **_: Any) -> None:
        self._templates: dict[Asked, str] = {}

    def learn(self, train: Sequence[Example]) -> None:
        """Make the template of each task and turn from the reports of the training."""
        from docphim.language.normal import normal_report  # here: the chain of imports stays short

        language = {example.task: example.language for example in train}
        self._templates = {asked: normal_report(texts, language[asked[0]]) for asked, texts in answers_by_task(train).items()}

    def answer(self, prompts: list[Prompt]) -> list[tuple[str, Literal["stop", "failed"]]]:
        """The normal report of each prompt's task and turn; it has failed where no training report calls anything normal."""
        texts = [self._templates.get((prompt.task, prompt.key[1]), "") for prompt in prompts]
        return [(text, "stop") if text else ("", "failed") for text in texts]

    def likelihood(self, prompts: list[Prompt]) -> None:
        """A template does not say how likely another text was."""

    def close(self) -> None:
        """Nothing is held open."""
