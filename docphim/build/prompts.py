"""The words a model is asked with, filled from a study's view, sex and age (data: prompts.yaml)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim.package_data import packaged
from docphim.study import Study


@functools.cache
def _words() -> dict[str, Any]:
    return dict(packaged(Path(__file__).with_suffix(".yaml")))


@dataclass(frozen=True, slots=True)
class Prompts:
    """One prompt set in one language."""

    set: str
    language: str

    @property
    def system(self) -> str:
        """The system message."""
        return str(_words()[self.set][self.language]["system"])

    def ask(self, section: str, study: Study) -> str:
        """What the model is asked for a section (`findings`, `impression`, `then_impression`) of a study."""
        words = _words()
        views = words["views"][self.language]
        view = study.series[0].view if study.series else "unknown"
        text = str(words[self.set][self.language][section])
        return text.format(view=views.get(view, views["unknown"]), person=self._person(study))

    def _person(self, study: Study) -> str:
        words = _words()["person"][self.language]
        parts = [str(words[study.sex])] if study.sex else []
        if study.age is not None:
            parts.append(str(words["age"]).format(age=study.age))
        return " ".join([str(words["subject"]), ", ".join(parts)]).strip()
