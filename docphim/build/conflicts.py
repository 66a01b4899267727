"""What a study is positive for, and which sentences of a report another study's labels contradict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from docphim.errors import UsageError
from docphim.language.facts import facts
from docphim.language.labels import SETS, State, label_names, labels_of, read_labels
from docphim.language.normalize import clean
from docphim.language.sections import REPORTED, sentences
from docphim.study import Row, Study

#: A sentence: the place of its message, where it starts and stops there, and the labels it speaks of.
Sentence = tuple[int, int, int, dict[str, State]]
#: What counts as positive: affirmed or suspected, as in `docphim.metrics.labels`.
_POSITIVE = ("positive", "uncertain")
#: What a study's own row says, by its number; anything else says nothing.
_SIGNS: dict[int | None, bool] = {1: True, -1: True, 0: False}


@dataclass(frozen=True)
class Labels:
    """How the labels of a dataset's studies are known: those of the set that come with a study, else read from its report."""

    set: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, studies: Sequence[Study], set_: str | None) -> Labels:
        """The set that is asked for, or the only one that studies come with, or that of their modality.

        Raises
        ------
        UsageError
            There is no such set.
        """
        with_report = [study for study in studies if study.report]
        given = {study.labels.set for study in with_report if study.labels}
        if set_ is not None and set_ not in {*SETS, *given}:
            raise UsageError(f"pairs.labels: {set_!r} is not one of {', '.join(SETS)}")
        shown = {series.modality for study in with_report for series in study.series}
        of_modality = next((name for name, modality in SETS.items() if modality in shown), next(iter(SETS)))
        name = set_ or (next(iter(given)) if len(given) == 1 else of_modality)
        if name in SETS:
            return cls(name, label_names(name))
        written = [study.labels.values for study in with_report if study.labels and study.labels.set == name]
        return cls(name, tuple(sorted({label for values in written for label in values})))

    def given(self, study: Study) -> bool:
        """Whether a study comes with labels of the set."""
        return study.labels is not None and study.labels.set == self.set

    def states(self, study: Study) -> list[bool | None]:
        """Whether a study is positive for each label, in the order of `names`; one that is suspected counts.

        None where that is not known: the study's row leaves it open (an empty cell, NaN), or there is no row and the set has no
        rules.  What a report's findings and impression do not mention is negative.
        """
        if study.labels is not None and self.given(study):
            return [_SIGNS.get(study.labels.values.get(name)) for name in self.names]
        if self.set not in SETS:
            return [None] * len(self.names)
        assert study.report is not None
        shown = "\n".join(study.report.sections.get(name, "") for name in REPORTED)
        states = read_labels(shown, study.report.language, self.set)
        return [states[name] in _POSITIVE for name in self.names]

    def sentences(self, messages: Iterable[Row], language: str) -> list[Sentence]:
        """The sentences of the answers that speak of a label; none where the set has no rules to read them by."""
        if self.set not in SETS:
            return []
        spoken = []
        for place, message in enumerate(messages):
            if message["role"] == "assistant":
                spoken += [(place, *sentence) for sentence in _of(message["content"], language, self.set)]
        return spoken

    @staticmethod
    def contradicts(states: Mapping[str, State], positive: Mapping[str, bool | None]) -> bool:
        """Whether a sentence is wrong of a study: affirms or suspects what that is not positive for, or denies what it is.

        A label of which it is not known (None) is contradicted by nothing.
        """
        known = {name: state for name, state in states.items() if positive[name] is not None}
        return any((state in _POSITIVE) != positive[name] for name, state in known.items())


def _of(content: str, language: str, set_: str) -> Iterable[tuple[int, int, dict[str, State]]]:
    """Start, stop in `clean(content)` and labels of the sentences that speak of any."""
    text, start = clean(content), 0
    read = facts(content, language)
    for sentence in sentences(text):
        start = text.index(sentence, start)
        stop = start + len(sentence)
        states = labels_of([fact for fact in read if start <= fact.start < stop], set_)
        spoken: dict[str, State] = {name: state for name, state in states.items() if state != "unmentioned"}
        if spoken:
            yield start, stop, spoken
        start = stop
