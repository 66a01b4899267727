"""The words a model is asked with, filled from a study's view, sex and age (data: prompts.yaml)."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim.language.technique import phase_of
from docphim.package_data import packaged
from docphim.study import TAG, Message, Study

#: What of `more` was measured → its name in `Study.body`.
_MEASURED = {"weight": "weight_kg", "dose": "dose_mbq"}


@functools.cache
def _words() -> dict[str, Any]:
    return dict(packaged(Path(__file__).with_suffix(".yaml")))


@dataclass(frozen=True, slots=True)
class Prompts:
    """One prompt set in one language; `more` is what else it tells, of the keys of `more` in prompts.yaml."""

    set: str
    language: str
    more: tuple[str, ...] = ()

    @property
    def system(self) -> str:
        """The system message."""
        return str(_words()[self.set][self.language]["system"])

    def ask(self, section: str, study: Study, *, region: str = "", findings: str = "", question: str = "") -> str:
        """What the model is asked for a section (`findings`, `impression`, `then_impression`) of a study, or a `question`.

        `findings` are told where the words have a place for them; a tag in them shows no image.
        """
        words = _words()
        views = words["views"][self.language]
        first = study.series[0] if study.series else None
        volumes = [series.modality for series in reversed(study.series)]  # of a PET/CT its CT stands last
        view = next((views[name] for name in volumes if name in views), views.get(first and first.view, views["unknown"]))
        text = str(words[self.set][self.language][section])
        part, findings = self.region(region), TAG.sub("", findings).strip()
        values = {
            "person": self._person(study),
            "more": self._more(study),
            "region": part,
            "findings": findings,
            "question": question,
        }
        return text.format(view=view, **values)

    def questioned(self, study: Study, images: str, turns: Iterable[tuple[str, Message]]) -> list[Message]:
        """A conversation of questions on a study, each with the message that answers it; the first shows `images`."""
        conversation = [Message("system", self.system)]
        for question, answer in turns:
            shown = images if len(conversation) == 1 else ""
            conversation += [Message("user", shown + self.ask("question", study, question=question)), answer]
        return conversation

    def region(self, name: str) -> str:
        """What a region of the body is called; "" where it has no name."""
        return str(_words()["regions"][self.language].get(name, ""))

    def _more(self, study: Study) -> str:
        """What the study says of `more`; a tag in it shows no image."""
        words, sections = _words()["more"][self.language], study.report.sections if study.report else {}
        parts = []
        for name in (name for name in words if name in self.more):
            if name == "phase":
                known = (study.series[0].phase if study.series else None) or phase_of(sections.get("technique", ""))
                parts.append(words[name].get(known, ""))
            elif name in _MEASURED:
                value = (study.body or {}).get(_MEASURED[name])
                parts.append("" if value is None else words[name].format(text=self._number(value)))
            elif text := TAG.sub("", sections.get(name, "")).strip().rstrip("."):
                parts.append(words[name].format(text=text))
        return "".join(parts)

    def _number(self, value: float) -> str:
        """A number as the language writes it, to a tenth: `52,5` in Vietnamese."""
        text = f"{round(value, 1):g}"
        return text.replace(".", ",") if self.language == "vi" else text

    def _person(self, study: Study) -> str:
        words = _words()["person"][self.language]
        parts = [str(words[study.sex])] if study.sex else []
        if study.age is not None:
            parts.append(str(words["age"]).format(age=study.age))
        return " ".join([str(words["subject"]), ", ".join(parts)]).strip()
