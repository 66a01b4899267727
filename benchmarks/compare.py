"""Speed of the paired test behind `docphim compare`: two systems on 540 studies, 10,000 permutations, beside sacrebleu's.

Run: OMP_NUM_THREADS=1 python benchmarks/compare.py [STUDIES]
Equal work: texts of two systems in, p of their BLEU-4 out, the same tokens, pairs and number of trials.  Then all families
at once.  Fails where the test of all families takes a second, or where the two p differ by more than chance allows.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import Callable

import numpy as np
from score import TEXT

from docphim.metrics import families, metric
from docphim.metrics.pairs import Pairs
from docphim.metrics.significance import paired_p

TRIALS, SECONDS = 10_000, 1.0
LENGTH = 46


def reports(n: int) -> tuple[list[str], list[str], list[str]]:
    """References, and two systems of which the first keeps a little more of their words."""
    rng, words = random.Random(7), TEXT.split()

    def spoiled(text: str, share: float) -> str:
        return " ".join(word if rng.random() < share else rng.choice(words) for word in text.split())

    references = [" ".join(rng.choice(words) for _ in range(LENGTH)) for _ in range(n)]
    return references, *([spoiled(text, share) for text in references] for share in (0.620, 0.615))


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Seconds, best of three, and what came out."""
    best, result = float("inf"), 0.0
    for _ in range(3):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def ours(references: list[str], one: list[str], two: list[str]) -> float:
    """p of the difference in BLEU-4, from texts."""
    kind = metric("bleu")
    a, b = (kind.statistics(Pairs(references, drafts, "vi")) for drafts in (one, two))
    p = paired_p(a, b, np.arange(len(references)), kind.aggregate, permutations=TRIALS, seed=12345)
    return float(p[kind.KEYS.index("bleu4")])


def sacrebleu(references: list[str], one: list[str], two: list[str]) -> float:
    """The same with sacrebleu's paired approximate randomisation."""
    from sacrebleu.metrics import BLEU
    from sacrebleu.significance import PairedTest

    logging.getLogger("sacrebleu").setLevel(logging.ERROR)
    bleu = BLEU(tokenize="none", smooth_method="none", force=True)
    systems = [("one", one), ("two", two)]
    test = PairedTest(systems, {"BLEU": bleu}, [references], test_type="ar", n_samples=TRIALS)
    return float(test()[1]["BLEU"][1].p_value)


def main() -> None:
    """Print seconds, ratio and p; exit 1 where the promise is broken."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 540
    texts = reports(n)
    print(f"{n} studies of {LENGTH} words, {TRIALS:,} permutations")
    fast, p = timed(lambda: ours(*texts))
    slow, theirs = timed(lambda: sacrebleu(*texts))
    print(f"BLEU-4 from texts to p: docphim {fast:.3f} s, sacrebleu {slow:.3f} s, ratio {slow / fast:.1f}")
    print(f"p of the difference: docphim {p:.4f}, sacrebleu {theirs:.4f}")
    names = families("vi")
    pairs = [Pairs(texts[0], drafts, "vi") for drafts in texts[1:]]
    one, two = ({name: metric(name).statistics(system) for name in names} for system in pairs)

    def everything() -> float:
        for name in names:
            paired_p(one[name], two[name], np.arange(n), metric(name).aggregate, permutations=TRIALS, seed=12345)
        return 0.0

    whole, _ = timed(everything)
    keys = sum(len(metric(name).KEYS) for name in names)
    print(f"all families from statistics: {whole:.3f} s for {keys} scores of {', '.join(names)}")
    chance = 5 * (2 * max(p, 1 / TRIALS) * (1 - p) / TRIALS) ** 0.5 + 2 / TRIALS
    if whole >= SECONDS or abs(p - theirs) > chance:
        sys.exit(f"promised: under {SECONDS:g} s, and a p within {chance:.4f} of sacrebleu's")


if __name__ == "__main__":
    main()
