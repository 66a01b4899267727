"""Prompts for labels without training on labels: sentences of the training reports that affirm or deny one, as rules read them.

They are written to model/prompts.json, which a radiologist may edit: {"SET/LABEL": {"positive": [...], "negative": [...]}}.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from docphim.files import read_studies
from docphim.metrics import sets_of
from docphim.study import Example
from docphim.train.reports import report_of

log = logging.getLogger("docphim")
#: So many sentences a side of a label, the most frequent ones.
MOST = 5
#: A sentence stands for nobody where the reports of so many patients have it.
FEWEST = 3

Prompts = dict[str, dict[str, list[str]]]


def prompts_of(examples: Sequence[Example], dataset: Path) -> Prompts:
    """Of each label of the sets that suit what the examples show the commonest sentences that affirm it, and that deny it.

    A sentence that affirms fewer other labels comes first.  A label that is never affirmed, or never denied, has none.
    """
    from docphim.language.facts import facts
    from docphim.language.labels import labels_of

    sets = sets_of(examples, {study.id: study for study in read_studies(dataset)})
    sides: dict[str, dict[str, list[tuple[int, int, str]]]] = defaultdict(lambda: {"positive": [], "negative": []})
    for (sentence, language), patients in _common(examples).items():
        read = facts(sentence, language)
        for set_, states in ((set_, labels_of(read, set_)) for set_ in sets):
            affirmed = [label for label, state in states.items() if state == "positive"]
            for label, state in states.items():
                if state in ("positive", "negative"):
                    others = len(affirmed) - (label in affirmed)
                    sides[f"{set_}/{label}"][state].append((others, -patients, sentence))
    whole = {label: sides[label] for label in sorted(sides) if all(sides[label].values())}
    log.info("train: prompts for %d labels of %s", len(whole), ", ".join(sets) or "no set")
    return {label: {side: [s for *_, s in sorted(rows)[:MOST]] for side, rows in of.items()} for label, of in whole.items()}


def _common(examples: Sequence[Example]) -> dict[tuple[str, str], int]:
    """Sentences with their language, and of how many patients each is; those of a few are left out."""
    from docphim.language.facts import sentence_texts

    patients: dict[tuple[str, str], set[str]] = defaultdict(set)
    for example in examples:
        for sentence in sentence_texts(report_of(example), example.language):
            if words := sentence.strip(" .;\n"):
                patients[f"{words}.", example.language].add(example.patient)
    return {place: len(whose) for place, whose in patients.items() if len(whose) >= FEWEST}
