"""Is the same report in other words told from another one?  Counts over rewordings and paraphrases (tests/data/ORDERING.md).

Run: python benchmarks/rewordings.py [--texts seen]
A rewording is right where the clinical score is 95 or more; a draft with a clinical error is not.  A sentence's paraphrase is
right where both ways score 95 or more, another meaning where one does not.  `--texts seen` prints the seen ones that are wrong;
the unseen ones are for counting alone: who reads them cannot count them again.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ordering import MODALITIES

from docphim.metrics import clinical
from docphim.metrics.pairs import Pairs

DATA = Path(__file__).parents[1] / "tests" / "data"
#: A score from which on two texts say the same, and one below which nobody would say so.
SAME, OTHER = 95, 80
Row = dict[str, Any]


def rewordings(**asked: Any) -> list[Row]:
    """Reports with a draft each; `asked` names fields and their values: `seen=True, language="vi"`."""
    rows = [json.loads(line) for line in (DATA / "rewordings.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if all(row[name] == value for name, value in asked.items())]


def paraphrases(seen: bool, language: str) -> list[Row]:
    """Sentences with another one each, of the same meaning or not."""
    with open(DATA / "paraphrases.tsv", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if (row["seen"] == "yes") == seen and row["language"] == language]


def score(reference: str, draft: str, language: str, modality: str | None = None) -> float:
    """The clinical score of one draft."""
    return float(100 * clinical.statistics(Pairs([reference], [draft], language, modality=modality))[0, 0])


def scored(rows: list[Row]) -> list[tuple[float, Row]]:
    """Each draft's score."""
    return [(score(row["reference"], row["draft"], row["language"], MODALITIES[row["modality"]]), row) for row in rows]


def told(row: Row) -> bool:
    """Whether a sentence and another are rightly taken as one, or not."""
    ways = ((row["sentence"], row["paraphrase"]), (row["paraphrase"], row["sentence"]))
    same = min(score(one, other, row["language"]) for one, other in ways) >= SAME
    return same == (row["meaning"] == "same")


def counted(rows: list[Row]) -> dict[str, int]:
    """How many rewordings there are, score as the same and as another report, and how many wrong drafts score as the same."""
    every = scored(rows)
    faithful = [value for value, row in every if row["class"] == "reworded"]
    wrong = [value for value, row in every if row["class"] != "reworded"]
    counts = {"rewordings": len(faithful), "same": sum(value >= SAME for value in faithful)}
    counts |= {"other": sum(value < OTHER for value in faithful), "wrong": len(wrong)}
    return counts | {"wrong_as_same": sum(value >= SAME for value in wrong)}


def lines() -> Iterator[str]:
    """The counts as text."""
    for seen in (True, False):
        name = "seen" if seen else "unseen"
        for field, language in itertools.product(("usual", "rare"), ("vi", "en")):
            n = counted(rewordings(seen=seen, field=field, language=language))
            right = f"{n['same']} of {n['rewordings']} rewordings score {SAME} or more, {n['other']} below {OTHER}"
            yield f"{name}, {field} reports, {language}: {right}"
            yield f"  {n['wrong_as_same']} of {n['wrong']} wrong drafts score {SAME} or more"
        for language, meaning in itertools.product(("vi", "en"), ("same", "different")):
            of = [row for row in paraphrases(seen, language) if row["meaning"] == meaning]
            yield f"{name} sentences, {language}, {meaning} meaning: {sum(map(told, of))} of {len(of)} told rightly"


def wrong_ones(rows: list[Row], is_right: Callable[[float, Row], bool]) -> Iterator[str]:
    """Texts of drafts that are scored wrongly."""
    for value, row in scored(rows):
        if not is_right(value, row):
            yield f"\n{row['id']} {row['class']} {value:.1f}\n  {row['reference']}\n  {row['draft']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", choices=["seen"])
    if parser.parse_args().texts:
        print("\n".join(wrong_ones(rewordings(seen=True), lambda value, row: (value >= SAME) == (row["class"] == "reworded"))))
        return
    for line in lines():
        print(line)


if __name__ == "__main__":
    main()
