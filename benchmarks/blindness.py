"""Does taking facts of one meaning as one blind the scores?  Reports against themselves with one kind of thing changed.

Run: python benchmarks/blindness.py
The references of the ordering set and the held-out English CT reports, on their abnormal facts alone: every side exchanged,
everything denied, every lobe another, every grade another, or another patient's report.  Beside stands the strict F1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ordering import MODALITIES, references

from docphim.language.conditions import is_well
from docphim.language.fact import Fact, Side
from docphim.language.facts import facts
from docphim.metrics import metric
from docphim.metrics.pairs import Pairs

HELDOUT = Path(__file__).parents[1] / "tests" / "data" / "heldout_en_ct.jsonl"
SIDES: dict[str | None, Side] = {"right": "left", "left": "right"}
LOBES = {"upper_lobe": "lower_lobe", "lower_lobe": "upper_lobe", "middle_lobe": "lower_lobe", "lingula": "lower_lobe"}
LOBES |= {"apex": "base", "base": "apex", "upper_zone": "lower_zone", "lower_zone": "upper_zone", "mid_zone": "lower_zone"}
GRADES = {"mild": "severe", "moderate": "severe", "severe": "mild"}
Report = list[Fact]


def side(fact: Fact) -> Fact:
    return replace(fact, side=SIDES[fact.side])


def denied(fact: Fact) -> Fact:
    return replace(fact, polarity="absent" if fact.finding else "normal")


def lobe(fact: Fact) -> Fact:
    return replace(fact, location=tuple(sorted({LOBES.get(place, place) for place in fact.location})))


def grade(fact: Fact) -> Fact:
    return replace(fact, severity=GRADES.get(fact.severity or "", fact.severity))


#: What is changed, and in which facts it can be.
CHANGES: dict[str, tuple[Callable[[Fact], Fact], Callable[[Fact], bool]]] = {
    "nothing": (lambda fact: fact, lambda fact: True),
    "side": (side, lambda fact: fact.side in SIDES),
    "denied": (denied, lambda fact: True),
    "lobe": (lobe, lambda fact: any(place in LOBES for place in fact.location)),
    "grade": (grade, lambda fact: fact.severity in GRADES),
}


def reports() -> list[tuple[Report, str, str | None]]:
    """The abnormal facts of each report, its language and modality; those without one are left out."""
    texts = [(row["text"], row["language"], MODALITIES[row["modality"]]) for row in references()]
    texts += [(json.loads(line)["text"], "en", "ct") for line in HELDOUT.read_text(encoding="utf-8").splitlines()]
    read = [([fact for fact in facts(text, lang) if not is_well(fact)], lang, modality) for text, lang, modality in texts]
    return [row for row in read if row[0]]


def changed(listed: Sequence[tuple[Report, str, str | None]]) -> dict[str, dict[str, float]]:
    """By what is changed in every fact that has it: strict F1, core F1 and clinical score against the unchanged facts."""
    table = {}
    for name, (change, has) in CHANGES.items():
        pairs = [([fact for fact in report if has(fact)], lang, modality) for report, lang, modality in listed]
        table[name] = scores([(held, [change(fact) for fact in held], lang, mod) for held, lang, mod in pairs if held])
    others = [*listed[1:], listed[0]]
    table["another patient"] = scores(
        [(report, other, lang, modality) for (report, lang, modality), (other, _, _) in zip(listed, others, strict=True)]
    )
    return table


def scores(rows: Sequence[tuple[Report, Report, str, str | None]]) -> dict[str, float]:
    """Means over reports."""
    sums = {"strict": 0.0, "abnormal": 0.0, "clinical": 0.0}
    for reference, draft, language, modality in rows:
        pairs = Pairs(["r"], ["d"], language, facts_read={"r": reference, "d": draft}, modality=modality)
        values: dict[str, float] = {}
        for name in ("facts", "clinical"):
            family = metric(name)
            values |= dict(zip(family.KEYS, family.aggregate(family.statistics(pairs).sum(axis=0)), strict=True))
        sums["strict"] += values["fact_f1"]
        sums["abnormal"] += values["fact_f1_abnormal"] if values["fact_f1_abnormal"] == values["fact_f1_abnormal"] else 0.0
        sums["clinical"] += values["clinical_f1"]
    return {key: value / len(rows) for key, value in sums.items()}


def main() -> None:
    listed = reports()
    print(f"{len(listed)} reports, their abnormal facts alone")
    print(f"{'changed':16} {'strict F1':>10} {'core F1':>10} {'clinical':>10}")
    for name, row in changed(listed).items():
        print(f"{name:16} {row['strict']:10.1f} {row['abnormal']:10.1f} {row['clinical']:10.1f}")


if __name__ == "__main__":
    main()
