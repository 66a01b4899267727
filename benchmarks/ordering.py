"""Do scores rank drafts as a radiologist would?  Kendall's tau of every metric on the ordering set (tests/data/ORDERING.md).

Run: python benchmarks/ordering.py [--half first|second] [--drafts]
tau = (concordant − discordant) / pairs of unequal severity within one reference; a tie is neither.  Bounds are the 95 %
bootstrap interval over references.  `--drafts` prints each rewording below 95 and each pair that the headline ranks wrongly.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from docphim.metrics import metric
from docphim.metrics.pairs import Pairs

SET = Path(__file__).parents[1] / "tests" / "data" / "ordering.jsonl"
FAMILIES = ("clinical", "facts", "rouge", "bleu", "chrf", "vindr", "ct_rate", "chexpert")
KEYS = (
    *("clinical_f1", "actionable_errors", "fact_f1_abnormal", "fact_f1_core", "fact_f1", "rougeL", "rouge1", "bleu4", "chrfpp"),
    *("vindr/micro_f1", "ct_rate/micro_f1", "chexpert/micro_f1"),
)
HEAD = "clinical_f1"
MODALITIES = {"film": "xray", "xray": "xray", "ct": "ct", "pet": "pet", "petct": "pet", "pet/ct": "pet"}
RESAMPLES = 2000
Row = dict[str, Any]


class Bounds(NamedTuple):
    """A value and its 95 % interval over references."""

    value: float
    low: float
    high: float


def references(half: str | None = None) -> list[Row]:
    """The set's references with their drafts; those of one half where it is named."""
    rows = [json.loads(line) for line in SET.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if half in (None, row["half"])]


def scores(row: Row) -> dict[str, list[float]]:
    """Every metric's value of each draft of one reference, better ones higher; what has no value counts as 0."""
    texts = [draft["text"] for draft in row["drafts"]]
    pairs = Pairs([row["text"]] * len(texts), texts, row["language"], modality=MODALITIES[row["modality"]])
    values: dict[str, list[float]] = {}
    for name in FAMILIES:
        family = metric(name)
        table = np.nan_to_num(family.aggregate(family.statistics(pairs)))
        signs = [-1 if key in getattr(family, "LOWER", ()) else 1 for key in family.KEYS]
        values |= {key: list(sign * column) for key, sign, column in zip(family.KEYS, signs, table.T, strict=True)}
    return values


def ranked(row: Row, values: Sequence[float]) -> tuple[int, int]:
    """Concordant less discordant pairs, and pairs, of drafts of unequal severity."""
    severities = [draft["severity"] for draft in row["drafts"]]
    pairs = [(a, b) for a, b in itertools.permutations(range(len(values)), 2) if severities[a] < severities[b]]
    return int(sum(np.sign(round(values[a] - values[b], 9)) for a, b in pairs)), len(pairs)


def tau(counts: Iterable[tuple[int, int]], seed: int = 12345) -> Bounds:
    """Kendall's tau of (concordant less discordant, pairs) of each reference, with its bounds over references."""
    table = np.array(list(counts), dtype=float).reshape(-1, 2)
    drawn = np.random.default_rng(seed).integers(0, len(table), (RESAMPLES, len(table)))
    sums = table[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return Bounds(float(table[:, 0].sum() / table[:, 1].sum()), float(low), float(high))


def table(rows: Sequence[Row]) -> dict[str, Bounds]:
    """Each metric's tau."""
    scored = [(row, scores(row)) for row in rows]
    return {key: tau(ranked(row, values[key]) for row, values in scored) for key in KEYS}


def verbatim(row: Row) -> Row:
    """The reference as a draft, and drafts that are it with one edit: what reading gets wrong, it gets wrong in both."""
    whole = {"class": "reworded", "severity": 0, "text": row["text"], "worded": "same"}
    return {**row, "drafts": [whole, *(draft for draft in row["drafts"] if draft["worded"] == "same")]}


def rewordings(rows: Sequence[Row]) -> list[tuple[float, Row, Row]]:
    """The headline of every faithful rewording, its reference and the draft."""
    return [(value, row, draft) for row in rows for value, draft in _scored(row) if draft["severity"] == 0]


def blind_spots(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Drafts that miss a critical finding and score at or above a rewording of the same reference."""
    spots = []
    for row in rows:
        least = min((value for value, draft in _scored(row) if draft["severity"] == 0), default=np.inf)
        spots += [(row, draft) for value, draft in _scored(row) if draft["class"] == "missed_critical" and value >= least]
    return spots


def _scored(row: Row) -> list[tuple[float, Row]]:
    return list(zip(scores(row)[HEAD], row["drafts"], strict=True))


def report(rows: Sequence[Row], name: str) -> None:
    """Print the table of some references, and how rewordings and missed findings score."""
    drafts = sum(len(row["drafts"]) for row in rows)
    print(f"{name}: {len(rows)} references, {drafts} drafts")
    for key, bounds in table(rows).items():
        print(f"  {key:20} tau {bounds.value:5.2f}  [{bounds.low:5.2f}, {bounds.high:5.2f}]")
    edited = table(list(map(verbatim, rows)))
    print("  drafts that are the reference with one edit, and the reference itself:")
    for key in (HEAD, "fact_f1", "rougeL"):
        print(f"  {key:20} tau {edited[key].value:5.2f}  [{edited[key].low:5.2f}, {edited[key].high:5.2f}]")
    values = [value for value, _, _ in rewordings(rows)]
    high, low = sum(value >= 95 for value in values), sum(value < 80 for value in values)
    print(f"  rewordings: {high} of {len(values)} score 95 or more, {low} below 80")
    print(f"  missed critical findings at or above a rewording: {len(blind_spots(rows))}")


def show_drafts(rows: Sequence[Row]) -> None:
    """Print each rewording below 95, and each pair of drafts that the headline ranks wrongly."""
    for value, row, draft in rewordings(rows):
        if value < 95:
            print(f"{row['reference']} {value:.0f}\n  {row['text']!r}\n  {draft['text']!r}")
    for row in rows:
        for (a, one), (b, other) in itertools.permutations(_scored(row), 2):
            if one["severity"] < other["severity"] and a <= b + 1e-9:
                print(f"{row['reference']}: {one['class']} {a:.1f} <= {other['class']} {b:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--half", choices=("first", "second"))
    parser.add_argument("--drafts", action="store_true")
    given = parser.parse_args()
    rows = references(given.half)
    report(rows, given.half or "all")
    for half in ("first", "second") if given.half is None else ():
        if part := references(half):
            report(part, half)
    if given.drafts:
        show_drafts(rows)


if __name__ == "__main__":
    main()
