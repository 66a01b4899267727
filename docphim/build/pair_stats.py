"""What a dataset's pairs are like: how many there are, how far labels had to be relaxed, how often a partner is used again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from docphim.files import read_jsonl
from docphim.study import Row

#: The splits whose examples have pairs.
SPLITS = ("train", "val")


def pair_stats(dataset: Path) -> Row:
    """By split and kind of pair; empty where no pairs were built.

    Each kind has `pairs`, and `without`, the examples that have none; kinds with partners also `partners`, how many studies
    these are, `most` and `mean`, how often one is used, and `contradicted`, how many sentences a partner contradicts on
    average, and `labels`, of how many partners the labels were `given` and of how many read by `rules`; `other` has `steps`,
    how many pairs there are by how often one label less was asked for.
    """
    by_split = {}
    for split in SPLITS:
        pairs = [row["pair"] for row in read_jsonl(dataset / "examples" / f"{split}.jsonl")]
        kinds = list(dict.fromkeys(kind for pair in pairs for kind in pair or ()))
        if kinds:
            by_split[split] = {kind: _kind([(pair or {}).get(kind) for pair in pairs]) for kind in kinds}
    return by_split


def _kind(pairs: list[Row | list[Row] | None]) -> Row:
    given = [pair for pair in pairs if pair is not None]
    partners = [partner for pair in given for partner in (pair if isinstance(pair, list) else [pair]) if "study" in partner]
    counts: Row = {"pairs": len(given), "without": len(pairs) - len(given)}
    if partners:
        used = Counter(partner["study"] for partner in partners)
        counts |= {"partners": len(used), "most": max(used.values()), "mean": round(len(partners) / len(used), 2)}
        counts["labels"] = dict(sorted(Counter({p["study"]: p["labels"] for p in partners}.values()).items()))
        counts["contradicted"] = round(sum(len(partner["conflicts"]) for partner in partners) / len(partners), 2)
    steps = _counted(partner["step"] for partner in partners if "step" in partner)
    return counts | ({"steps": steps} if steps else {})


def _counted(steps: Iterable[int]) -> dict[str, int]:
    return {str(step): n for step, n in sorted(Counter(steps).items())}
