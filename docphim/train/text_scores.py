"""Scores of validation drafts: ROUGE-L and BLEU each time, and the one by which a checkpoint is chosen (`train.keep_best`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docphim.errors import UsageError
from docphim.files import read_json, read_studies
from docphim.metrics import LABELS, LEXICAL, corpus, metric, modality_of, sets_of
from docphim.metrics.pairs import Pairs
from docphim.recipe_training import DECIDING
from docphim.study import Example, Study
from docphim.train.options import check_keep_best


class TextScores:
    """How drafts of these examples are scored.

    Parameters
    ----------
    keep_best : str
        A score of `docphim.recipe_training.DECIDING` that has a family.
    examples : sequence of Example
        What is validated on, with the reports that drafts are compared with.
    dataset : Path
        Where tasks.json says how each task is scored.

    Raises
    ------
    UsageError
        The score that is to decide does not suit these examples: no lexicon of their language, a task that is not scored so, no
        label set of what they show, or no report that says anything it could count.
    """

    def __init__(self, keep_best: str, examples: Sequence[Example], dataset: Path) -> None:
        self.name, self.family = keep_best, DECIDING[keep_best] or ""
        self.language, self.modality = examples[0].language, modality_of(examples)
        #: The label sets that have a positive label in some reference.
        self.sets: list[str] = []
        if self.family in LEXICAL:
            return
        scored = _scored_by(dataset)
        check_keep_best(keep_best, self.language, {e.task: scored[e.task] for e in examples if e.task in scored})
        references = [m.content for example in examples for m in example.messages if m.role == "assistant"]
        pairs = Pairs(references, references, self.language, modality=self.modality)
        if self.family == LABELS:
            self.sets = _supported(keep_best, pairs, sets_of(examples, _studies(dataset)))
        elif not any(pairs.numbers[0]):
            raise UsageError(f"train.keep_best: no validation report says a fact, so {keep_best} would tell nothing")

    def __call__(self, references: Sequence[str], drafts: Sequence[str]) -> dict[str, float]:
        """The scores in percent by what the log calls them."""
        names = dict.fromkeys(("rouge", "bleu", *(self.sets or (self.family,))))
        values = corpus(references, drafts, self.language, tuple(names), self.modality)
        scores = {f"val/{key}": values[key] for key in ("rougeL", "bleu4")}
        if not self.sets:
            return scores | {self.name: values[self.name.removeprefix("val/")]}
        of_sets = {f"val/{name}/macro_f1": values[f"{name}/macro_f1"] for name in self.sets}
        return scores | of_sets | {self.name: sum(of_sets.values()) / len(of_sets)}


def scores_of_drafts(keep_best: str, examples: Sequence[Example], dataset: Path) -> TextScores | None:
    """`TextScores` where a score of drafts decides; None where the loss does, or there is nothing to validate on."""
    return TextScores(keep_best, examples, dataset) if examples and DECIDING[keep_best] else None


def _supported(keep_best: str, pairs: Pairs, sets: Sequence[str]) -> list[str]:
    """The label sets of which a reference has a label: the F1 of others would be 100 for saying nothing."""
    if not sets:
        raise UsageError(f"train.keep_best: {keep_best}, and there is no label set for reports of what the examples show")
    tells = []
    for name in sets:
        family = metric(name)
        rows = family.per_label(family.statistics(pairs))  # type: ignore[attr-defined]  # a label set has it
        if any(row.support for row in rows.values()):
            tells.append(name)
    if not tells:
        raise UsageError(
            f"train.keep_best: no validation report has a label of {', '.join(sets)}; {keep_best} would tell nothing"
        )
    return tells


def _scored_by(dataset: Path) -> dict[str, list[str]]:
    """Of each task the families of metrics by which it is scored; none where an older version built the dataset."""
    path = dataset / "tasks.json"
    return {task: row["metrics"] for task, row in read_json(path).items()} if path.exists() else {}


def _studies(dataset: Path) -> dict[str, Study]:
    return {study.id: study for study in read_studies(dataset)}
