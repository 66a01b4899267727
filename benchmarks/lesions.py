"""Lesion records: how many fields are read right (tests/data/LESIONS.md), and how long that takes beside `facts`.

    python benchmarks/lesions.py [--wrong] [--no-speed]

`--wrong` shows what of the seen sentences is misread; the unseen ones are counted and never shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from docphim.language import lesion_mentions
from docphim.language.facts import facts
from docphim.language.lesions import lesions_of
from docphim.language.read import sentence as reader
from docphim.study import Lesion, from_row

PATH = Path(__file__).parents[1] / "tests/data/lesions.jsonl"
#: Fields that are read; a missing record has none of them.
FIELDS = tuple(f.name for f in fields(Lesion) if f.name not in ("v", "text"))
#: Alternating runs, of whose ratios the median counts.
RUNS = 9


def rows(seen: bool) -> list[dict[str, Any]]:
    """Sentences with their records as they should be."""
    listed = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]
    chosen = [row for row in listed if row["seen"] is seen]
    return [row | {"records": [from_row(Lesion, record) for record in row["records"]]} for row in chosen]


def paired(wanted: Sequence[Lesion], read: Sequence[Lesion]) -> list[tuple[Lesion, Lesion | None]]:
    """Each record with the one that was read for it: the most alike that is left."""
    left, pairs = list(read), []
    for want in wanted:
        best = max(left, key=lambda one: sum(getattr(one, f) == getattr(want, f) for f in FIELDS), default=None)
        if best is not None:
            left.remove(best)
        pairs.append((want, best))
    return pairs


def counted(seen: bool) -> tuple[Counter[str], list[str]]:
    """How many records, sentences and fields there are and are right; and in words what is not."""
    counts, wrong = Counter[str](), list[str]()
    for row in rows(seen):
        read = [replace(one, text=None) for one in lesions_of(row["text"], row["language"])]
        pairs = paired(row["records"], read)
        counts["sentences"] += 1
        counts["sentences right"] += read == row["records"]
        counts["records"] += len(pairs)
        counts["missing"] += sum(one is None for _, one in pairs)
        counts["extra"] += max(0, len(read) - len(pairs))
        for want, one in pairs:
            differs = [f for f in FIELDS if one is None or getattr(one, f) != getattr(want, f)]
            counts.update(f for f in FIELDS if f not in differs)
            wrong += [f"{row['text']}\n    {f}: {getattr(one, f, None)!r}, not {getattr(want, f)!r}" for f in differs]
    return counts, wrong


def reports(n: int = 400) -> list[str]:
    """Reports of some sentences of the file each, no two alike."""
    texts = [row["text"] for row in rows(True)]
    return [" ".join(texts[(7 * i + k * (1 + i % 11)) % len(texts)] for k in range(8)) + f" Lần đọc {i}." for i in range(n)]


def seconds(read: Callable[[str, str], Any], texts: Sequence[str], cold: bool) -> float:
    """The CPU time of reading all texts; cold: nothing is remembered from the last time."""
    if cold:
        lesion_mentions.mentions.cache_clear()
        for cached in (reader.read_sentence, reader.read_alone, reader._cut):
            cached.cache_clear()
    start = time.process_time()
    for text in texts:
        read(text, "vi")
    return time.process_time() - start


def ratio(cold: bool) -> float:
    """The CPU time of lesions over that of facts on the same texts, in alternating runs."""
    texts = reports()
    return statistics.median(seconds(lesions_of, texts, cold) / seconds(facts, texts, cold) for _ in range(RUNS))


def main() -> None:
    """Print the counts of both sets, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    chosen = parser.parse_args()
    for name, seen in (("seen", True), ("unseen", False)):
        counts, wrong = counted(seen)
        n = counts["records"]
        print(f"{name}: {counts['sentences right']}/{counts['sentences']} sentences wholly right; {n} records,", end=" ")
        print(f"{counts['missing']} missing, {counts['extra']} extra")
        print("  " + ", ".join(f"{field} {counts[field]}/{n}" for field in FIELDS))
        if chosen.wrong and seen:
            print("\n".join(wrong))
    if not chosen.no_speed:
        print(f"lesions / facts: {ratio(cold=True):.2f} cold, {ratio(cold=False):.2f} warm")


if __name__ == "__main__":
    main()
