"""What is left of people in reports, on the synthetic corpus of tests/corpus: `python benchmarks/names.py --reports 10000`.

Prints leaks per 1,000 by kind, sentences lost, what of clean reports is removed or doubted, and reports a processor second.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "corpus"))

from corpus import KINDS, LATE, SHAPES, TYPED, Sample, clean, leaks, lost, planted

from docphim.ingest.names import remove_identities

#: Reports of 50 syllables a processor second; false removals and doubts per 1,000 clean reports.
FASTEST, FALSE, DOUBTS = 1500, 1, 10
SYLLABLES = 50


def cleaned(samples: list[Sample]) -> tuple[list[tuple[Sample, str, bool]], float]:
    """Each report with what is left of it and whether it is doubted; and the processor seconds it took."""
    for sample in samples[:50]:
        remove_identities(sample.text, language=sample.language)
    start = time.process_time()
    results = []
    for sample in samples:
        plant = sample.plant
        known = (plant.names, plant.numbers) if plant else ((), ())
        results.append(remove_identities(sample.text, *known, language=sample.language))
    seconds = time.process_time() - start
    return [(s, r.text, r.doubtful) for s, r in zip(samples, results, strict=True)], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--clean", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="print so many reports that went wrong")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument(
        "--shapes", nargs="*", default=list(SHAPES), help=f"how reports are typed: {', '.join({*SHAPES, *TYPED})}"
    )
    arguments = parser.parse_args()
    shapes = tuple(arguments.shapes)
    people, seconds = cleaned(list(planted(arguments.seed, arguments.reports, tuple(arguments.kinds), shapes)))
    clear, more = cleaned(list(clean(arguments.seed, arguments.clean, shapes)))
    leaking = [(s, out, leaks(s, out)) for s, out, doubted in people if not doubted and leaks(s, out)]
    losing = [(s, out, lost(s, out)) for s, out, doubted in [*people, *clear] if not doubted and lost(s, out)]
    total, by_kind = Counter(s.kind for s, _, _ in people), Counter(s.kind for s, _, _ in leaking)
    doubted = Counter(s.kind for s, _, d in people if d)
    print(f"{'kind':36} reports  leaks/1000  stopped/1000")
    for name in sorted(total, key=lambda k: (-by_kind[k] / total[k], k)):
        n, late = total[name], " (late)" if name in LATE else ""
        print(f"{name + late:36} {n:7}  {1000 * by_kind[name] / n:10.1f}  {1000 * doubted[name] / n:12.1f}")
    false = 1000 * sum(bool(lost(s, out)) for s, out, _ in clear) / len(clear)
    doubts = 1000 * sum(d for _, _, d in clear) / len(clear)
    rate = (len(people) + len(clear)) / (seconds + more)
    syllables = sum(len(s.text.split()) for s, _, _ in [*people, *clear]) / (len(people) + len(clear))
    rate *= syllables / SYLLABLES
    print(f"leaks in {1000 * len(leaking) / len(people):.2f} of 1,000 reports with people")
    print(f"a sentence lost in {len(losing)} of {len(people) + len(clear)} reports")
    print(f"of 1,000 clean reports: {false:.1f} lose something, {doubts:.1f} are doubted")
    print(f"{rate:.0f} reports of {SYLLABLES} syllables a processor second (at least {FASTEST}; these have {syllables:.0f})")
    for sample, out, what in [*leaking, *losing][: arguments.show]:
        print(f"\n-- {sample.kind or 'clean'} {sample.shape} {what}\n{sample.text}\n->\n{out}")
    for sample, _, _ in [c for c in clear if c[2]][: arguments.show]:
        print(f"\n-- doubted {sample.shape}\n{sample.text}")
    assert people and clear, "nothing was read"
    sys.exit(bool(false > FALSE or doubts > DOUBTS or rate < FASTEST))


if __name__ == "__main__":
    main()
