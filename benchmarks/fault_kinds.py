"""How many sentences of each kind of fault are read right (tests/data/KINDS.md).

    python benchmarks/fault_kinds.py [--wrong KIND|all]

Both sets were written before the rules had seen them.  Those of fault_kinds.tsv were then looked at, those of
fault_kinds_unseen.tsv never: `--wrong` shows the first alone.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from docphim.language.fact import Fact, Measure
from docphim.language.facts import facts

DATA = Path(__file__).parents[1] / "tests/data"
SETS = {"seen": DATA / "fault_kinds.tsv", "unseen": DATA / "fault_kinds_unseen.tsv"}
POLARITY = {"present": "+", "absent": "-", "normal": "normal", "abnormal": "abnormal"}
NAMES = {"suv_max": "suv", "suv_peak": "suvpeak", "suv_mean": "suvmean", "size": ""}
UNITS = {"size": "mm", "volume": "ml", "distance": "mm"}


def measured(measure: Measure) -> str:
    """A measure in the files' notation: `12x14mm`, `suv<2.5`, `suv4.1@early`."""
    low, high = ("x".join(f"{value:g}" for value in end) for end in (measure.low, measure.high))
    relation = measure.relation if measure.relation in "<>≤≥" else ""
    number = low if low == high else f"{low}-{high}"
    around = "".join(f"@{x}" for x in (measure.phase, measure.reference) if x)
    return f"{NAMES.get(measure.kind, measure.kind)}{relation}{number}{UNITS.get(measure.kind, '')}{around}"


def spelled(fact: Fact) -> str:
    """A fact in the files' notation, one line: `lung nodule + right upper_lobe 12mm suv5.2 possible ~spiculated`."""
    part = [f".{fact.part}"] if fact.part else []
    words = [fact.anatomy or "?", *part, *filter(None, (fact.finding, fact.state)), POLARITY[fact.polarity]]
    words += [*filter(None, (fact.side, *fact.location, fact.count, fact.severity))]
    words += [measured(m) for m in sorted(fact.measures, key=lambda m: m.kind != "size")]
    words += [*([fact.certainty] if fact.certainty != "certain" else []), *filter(None, (fact.change,))]
    return " ".join([*words, *(f"~{x}" for x in fact.leftover)])


def rows(name: str) -> Iterator[tuple[str, str, str, list[str], list[str]]]:
    """Kind, language, text, facts as they are written in the file, and as they are read."""
    with SETS[name].open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
            written = [fact for fact in row["facts"].split(" | ") if fact]
            yield (
                row["kind"],
                row["language"],
                row["text"],
                sorted(written),
                sorted(map(spelled, facts(row["text"], row["language"]))),
            )


def measure(name: str) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """How many sentences of each kind and language there are, and how many are read right, all facts and fields."""
    every, right = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for kind, language, _, written, read in rows(name):
        every[kind, language] += 1
        right[kind, language] += written == read
    return every, right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", metavar="KIND", help="Print what is read otherwise than it is written, of a kind or of all.")
    asked = parser.parse_args()
    for kind, language, text, written, read in rows("seen") if asked.wrong else ():
        if written != read and asked.wrong in (kind, "all"):
            print(f"{kind} {language}: {text}\n  written {' | '.join(written)}\n  read    {' | '.join(read)}")
    for name in SETS:
        every, right = measure(name)
        print(f"{name}: {right.total()} of {every.total()} right")
        for kind in sorted({kind for kind, _ in every}):
            cells = [f"{lang} {right[kind, lang]}/{every[kind, lang]}" for lang in ("vi", "en") if every[kind, lang]]
            print(f"  {kind:<26}{'   '.join(cells)}")


if __name__ == "__main__":
    main()
