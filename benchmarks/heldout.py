"""How well labels are read from reports nobody looked at while the lexicons were written (tests/data/HELDOUT.md).

    python benchmarks/heldout.py [--errors vi|en]

The Vietnamese sentences themselves are not in the repository: they are looked for in data/text_vi_radiology of the folder
that DOCPHIM_SHARED names.  tests/language/test_heldout_en.py and tests/real/test_heldout_vi.py hold what `measure` gives.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from docphim.language.labels import label_names, read_labels

ROOT = Path(__file__).parents[1]
MARKS = {"vi": ROOT / "tests/data/heldout_vi_marks.jsonl", "en": ROOT / "tests/data/heldout_en_ct.jsonl"}
SENTENCES = Path(os.environ.get("DOCPHIM_SHARED", ROOT.parent / "shared")) / "data/text_vi_radiology/sentences.tsv"
SETS = {"vi": ("ct_rate", "ct_rate_clinical", "vindr", "chexpert"), "en": ("ct_rate", "ct_rate_clinical")}
State = dict[str, str]


def cases(language: str) -> list[tuple[str, str, dict[str, State]]]:
    """(id, text, marks by label set) of each held-out report."""
    rows = [json.loads(line) for line in MARKS[language].read_text(encoding="utf-8").splitlines()]
    if language == "en":
        return [(row["id"], row["text"], _marks(row, language)) for row in rows]
    texts = sentences()
    return [(row["sha256"], texts[row["sha256"]], _marks(row, language)) for row in rows]


def _marks(row: dict[str, Any], language: str) -> dict[str, State]:
    """A row's marks by label set: nodes were marked as a clinician reads them, and apart where any node counts."""
    marks = {set_: row[set_] for set_ in SETS[language] if set_ in row} | {"ct_rate_clinical": row["ct_rate"]}
    if "any_node" in row:
        marks["ct_rate"] = row["ct_rate"] | {"Lymphadenopathy": row["any_node"]}
    return marks


def sentences() -> dict[str, str]:
    """The real Vietnamese sentences by the sha256 of their text."""
    with SENTENCES.open(encoding="utf-8", newline="") as handle:
        texts = [row["text_expanded"] for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)]
    return {hashlib.sha256(text.encode()).hexdigest(): text for text in texts}


def measure(language: str, set_: str) -> dict[str, Any]:
    """F1 over (report, label, state) of all that is spoken of; of what is positive, F1 by label and over all, and support."""
    exact: Counter[str] = Counter()
    positive: dict[str, Counter[str]] = {name: Counter() for name in label_names(set_)}
    for _, text, marks in cases(language):
        labels = {name: state for name, state in read_labels(text, language, set_).items() if state != "unmentioned"}
        truth = marks[set_]
        same = sum(labels.get(name) == state for name, state in truth.items())
        exact.update({"hit": same, "said": len(labels), "true": len(truth)})
        for name, count in positive.items():
            a, b = truth.get(name) == "positive", labels.get(name) == "positive"
            count.update({"hit": a and b, "said": b, "true": a})
    by_label = {name: f1(count) for name, count in positive.items() if count["true"]}
    return {
        "states": f1(exact),
        "positive_macro": sum(by_label.values()) / len(by_label),
        "positive_micro": f1(sum(positive.values(), Counter())),
        "by_label": by_label,
        "support": {name: count["true"] for name, count in positive.items() if count["true"]},
        "marks": exact["true"],
    }


def f1(count: Counter[str]) -> float:
    """2 · hits / (said + true), in percent; of nothing, 100."""
    return 100 * 2 * count["hit"] / (count["said"] + count["true"]) if count["said"] + count["true"] else 100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", choices=sorted(SETS), help="Print what is read otherwise than it was marked.")
    asked = parser.parse_args()
    for language, sets in SETS.items():
        for set_ in sets:
            result = measure(language, set_)
            print(
                f"{language} {set_:16} states F1 {result['states']:.1f} ({result['marks']} marks); "
                f"positive macro-F1 {result['positive_macro']:.1f}, micro-F1 {result['positive_micro']:.1f}"
            )
            if language == asked.errors:
                print("  " + ", ".join(f"{name} {value:.0f}" for name, value in result["by_label"].items()))
    if asked.errors:
        for id_, text, marks in cases(asked.errors):
            for set_, truth in marks.items():
                labels = read_labels(text, asked.errors, set_)
                wrong = [
                    f"{n}: {truth.get(n, 'unmentioned')} read {s}"
                    for n, s in labels.items()
                    if s != truth.get(n, "unmentioned")
                ]
                if wrong:
                    print(f"{id_[:12]} {set_}: {'; '.join(wrong)}\n    {text}")


if __name__ == "__main__":
    main()
