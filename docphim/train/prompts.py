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
    from docphim.language.facts import facts, sentence_texts
    from docphim.language.labels import labels_of

    studies = {study.id: study for study in read_studies(dataset)}
    sets = sets_of(examples, studies)
    patients: dict[tuple[str, str], set[str]] = defaultdict(set)
    for example in examples:
        for sentence in sentence_texts(report_of(example), example.language):
            patients[sentence.strip(), example.language].add(example.patient)
    sides: dict[str, dict[str, list[tuple[int, int, str]]]] = defaultdict(lambda: {"positive": [], "negative": []})
    for (sentence, language), whose in patients.items():
        if not sentence or len(whose) < FEWEST:
            continue
        read = facts(sentence, language)
        for set_ in sets:
            states = labels_of(read, set_)
            for label, state in states.items():
                if state in ("positive", "negative"):
                    others = sum(other == "positive" for name, other in states.items() if name != label)
                    sides[f"{set_}/{label}"][state].append((others, -len(whose), sentence))
    whole = {label: of for label, of in sides.items() if of["positive"] and of["negative"]}
    log.info("train: prompts for %d labels of %s", len(whole), ", ".join(sets) or "no set")
    return {
        label: {side: [s for *_, s in sorted(rows)[:MOST]] for side, rows in whole[label].items()} for label in sorted(whole)
    }
