"""Atomic facts that two reports share: precision, recall and F1, and what kind of error each other fact is.

A fact of the prediction is right if the reference says the same, one for one: P = right/predicted, R = right/reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docphim.language.fact import Fact
from docphim.metrics.family import Kind, Title
from docphim.metrics.grams import shared_grams
from docphim.metrics.pairs import Floats, Ints, Pairs
from docphim.metrics.signature import read_by

KEYS = (
    "fact_precision",
    "fact_recall",
    "fact_f1",
    "fact_precision_core",
    "fact_recall_core",
    "fact_f1_core",
    "fact_f1_macro",
    "fact_f1_core_macro",
)
AVERAGE = "corpus"
SETTINGS = {"tok": "fact", "punct": "clause", "match": "one-to-one", "empty": "0"}
PER_STUDY = ("fact_f1", "fact_f1_core")
KIND: Kind = "facts"
SERVES, LEXICON = "reports", True
HEAD = ("fact_f1",)
AT_LENGTH = ("fact_precision_core", "fact_recall_core", "fact_f1_macro", "fact_f1_core_macro")
_CORE = (", bỏ qua mức độ, số và cách nói điều bình thường", ", amounts and wording of the normal aside")
_MEAN = (", trung bình từng ca", ", mean over reports")
TITLES = {
    "fact_f1": Title("F1 theo ý", "fact F1", "Fact F1"),
    "fact_precision": Title("Ý máy viết mà đúng", "fact precision", "Fact P"),
    "fact_recall": Title("Ý gốc mà máy nói đúng", "fact recall", "Fact R"),
    "fact_f1_core": Title(f"F1 theo ý{_CORE[0]}", f"fact F1{_CORE[1]}", "Fact F1 (core)"),
    "fact_precision_core": Title(f"Ý máy viết mà đúng{_CORE[0]}", f"fact precision{_CORE[1]}", "Fact P (core)"),
    "fact_recall_core": Title(f"Ý gốc mà máy nói đúng{_CORE[0]}", f"fact recall{_CORE[1]}", "Fact R (core)"),
    "fact_f1_macro": Title(f"F1 theo ý{_MEAN[0]}", f"fact F1{_MEAN[1]}", "Fact F1 (macro)"),
    "fact_f1_core_macro": Title(f"F1 theo ý{_CORE[0]}{_MEAN[0]}", f"fact F1{_CORE[1]}{_MEAN[1]}", "Fact F1 (core, macro)"),
}

#: What a fact can be wrong in, the gravest first: one that is wrong in several ways is counted under the first.
KINDS: dict[str, tuple[str, ...]] = {
    "polarity": ("polarity",),
    "side": ("side",),
    "location": ("anatomy", "part", "location"),
    "severity": ("severity",),
    "number": ("count", "size_mm", "suv", "measures"),
    "certainty": ("certainty",),
    "change": ("change",),
    "detail": ("finding", "state", "leftover"),
}
#: Every key of an error count: what pairs differ in, then what has no counterpart.
ERRORS = (*KINDS, "missing", "hallucinated")

#: A report that says one thing more often than this is paired in reading order, so that no input takes long.
_MOST = 50


@dataclass(frozen=True)
class Matching:
    """Which fact of a reference (first index) a fact of the prediction (second) answers to.

    Every index stands in exactly one list.

    Parameters
    ----------
    right : list of (int, int)
        Facts that say the same.
    wrong : list of (int, int, str)
        Facts about the same thing that differ, and the kind of difference, a key of `KINDS`.
    missing, hallucinated : list of int
        Facts of the reference, and of the prediction, that nothing answers to.
    """

    right: list[tuple[int, int]]
    wrong: list[tuple[int, int, str]]
    missing: list[int]
    hallucinated: list[int]


def statistics(pairs: Pairs) -> Floats:
    """Per report: its facts, predicted facts, right ones, right ones in `core`, F1, core F1, and a one, (n, 7)."""
    n = len(pairs)
    strict, core, lengths = _ids(pairs)
    reference, predicted = lengths[:n], lengths[n:]
    right = [shared_grams(ids, lengths, 1)[:, 0] for ids in (strict, core)]
    answered = np.fromiter((bool(text.strip()) for text in pairs.predictions), bool, n)
    f1 = [_ratio(2 * r, reference + predicted, answered) for r in right]
    return np.column_stack([reference, predicted, *right, *f1, np.ones(n)]).astype(float)


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, 7), to percent, (…, 8).

    Where no report holds a fact all are right that are not empty: micro is then what macro is.
    """
    reference, predicted, *right, f1, core_f1, n = np.moveaxis(sums, -1, 0)
    nothing = np.where(reference + predicted == 0, _ratio(f1, n, False), 0)
    columns = []
    for shared in right:
        columns += [_ratio(shared, predicted, nothing), _ratio(shared, reference, nothing)]
        columns.append(_ratio(2 * shared, reference + predicted, nothing))
    columns += [_ratio(f1, n, False), _ratio(core_f1, n, False)]
    return 100 * np.stack(columns, axis=-1)


def per_study(statistics: Floats) -> Floats:
    """One report's F1 and core F1 in percent, (n, 2)."""
    return 100 * statistics[:, 4:6]


def settings(language: str) -> dict[str, str]:
    """The signature's fields, with fingerprints of lexicon and reader: a corrected word or rule gives other facts."""
    return SETTINGS | read_by(language)


def match(reference: Sequence[Fact], prediction: Sequence[Fact]) -> Matching:
    """Set the facts of a prediction beside those of its reference, one to one.

    Equal facts first, in reading order.  What is left is paired where it speaks of the same thing and the two cannot both be
    meant: the same anatomy, finding and state; then one anatomy called normal and abnormal; then one finding of which
    only one text says where it is.  Of several possible pairs the one that differs least is taken.
    """
    right, missing, hallucinated = _equal(reference, prediction)
    wrong: list[tuple[int, int, str]] = []
    for thing in (_thing, _anatomy, _finding) if missing and hallucinated else ():
        paired = _differing(reference, prediction, missing, hallucinated, thing)
        wrong += paired
        missing = _without(missing, (i for i, _, _ in paired))
        hallucinated = _without(hallucinated, (j for _, j, _ in paired))
    return Matching(right, sorted(wrong), missing, hallucinated)


def error_counts(matchings: Iterable[Matching]) -> dict[str, int]:
    """How many errors of each kind of `ERRORS` there are."""
    counts = dict.fromkeys(ERRORS, 0)
    for matching in matchings:
        for _, _, kind in matching.wrong:
            counts[kind] += 1
        counts["missing"] += len(matching.missing)
        counts["hallucinated"] += len(matching.hallucinated)
    return counts


def _ids(pairs: Pairs) -> tuple[Ints, Ints, Ints]:
    """Every fact's strict and core meaning as numbers, references' first; and how many facts each report has, (2n,)."""
    documents = [*pairs.facts[0], *pairs.facts[1]]
    strict: dict[Hashable, int] = {}
    core: dict[Hashable, int] = {}
    core_of: list[int] = []
    ids: list[int] = []
    for facts in documents:
        for fact in facts:
            meaning = fact.strict
            number = strict.get(meaning)
            if number is None:
                number = strict[meaning] = len(strict)
                core_of.append(core.setdefault(fact.core, len(core)))
            ids.append(number)
    flat = np.array(ids, np.int64)
    lengths = np.fromiter(map(len, documents), np.int64, len(documents))
    return flat, np.array(core_of, np.int64)[flat], lengths


def _ratio(part: Floats | Ints, whole: Floats | Ints, otherwise: Floats | NDArray[np.bool_] | bool) -> Floats:
    """part/whole; `otherwise` where there is no whole."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.asarray(otherwise, dtype=float))


def _equal(reference: Sequence[Fact], prediction: Sequence[Fact]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pairs of equal facts, and the indices that stay alone."""
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for j in range(len(prediction) - 1, -1, -1):
        waiting[prediction[j].strict].append(j)
    right, missing = [], []
    for i, fact in enumerate(reference):
        same = waiting.get(fact.strict)
        if same:
            right.append((i, same.pop()))
        else:
            missing.append(i)
    return right, missing, sorted(j for rest in waiting.values() for j in rest)


def _thing(fact: Fact) -> Hashable:
    return fact.anatomy, fact.finding, fact.state


def _anatomy(fact: Fact) -> Hashable | None:
    return fact.anatomy if fact.finding is None else None


def _finding(fact: Fact) -> Hashable | None:
    return fact.finding


def _differing(
    reference: Sequence[Fact],
    prediction: Sequence[Fact],
    missing: Iterable[int],
    hallucinated: Iterable[int],
    thing: Callable[[Fact], Hashable | None],
) -> list[tuple[int, int, str]]:
    """Pairs among the unmatched facts that speak of the same `thing`, those that differ least first."""
    ours, theirs = _by_thing(reference, missing, thing), _by_thing(prediction, hallucinated, thing)
    pairs: list[tuple[int, int, str]] = []
    for name in (name for name in theirs if name in ours):
        many = len(ours[name]) * len(theirs[name]) > _MOST**2
        possible = zip(ours[name], theirs[name], strict=False) if many else ((i, j) for i in ours[name] for j in theirs[name])
        weighed = [
            (*_difference(reference[i], prediction[j]), i, j) for i, j in possible if _rivals(reference[i], prediction[j])
        ]
        taken: tuple[set[int], set[int]] = (set(), set())
        for _, kind, i, j in sorted(weighed, key=lambda w: (w[0], w[2], w[3])):
            if i not in taken[0] and j not in taken[1]:
                taken[0].add(i)
                taken[1].add(j)
                pairs.append((i, j, kind))
    return pairs


def _by_thing(
    facts: Sequence[Fact], places: Iterable[int], thing: Callable[[Fact], Hashable | None]
) -> dict[Hashable, list[int]]:
    """Places of facts by the `thing` they speak of; those that speak of none are left out."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i in places:
        name = thing(facts[i])
        if name is not None:
            groups[name].append(i)
    return groups


def _rivals(a: Fact, b: Fact) -> bool:
    """Whether two different facts about one thing stand for each other, so that the one is the other gone wrong."""
    if _thing(a) == _thing(b):
        # "right effusion" and "no effusion on the left" can both be true.
        return a.polarity == b.polarity or _one_place(a, b)
    if a.finding is None:
        return {a.polarity, b.polarity} == {"normal", "abnormal"} and _one_place(a, b)
    return None in (a.anatomy, b.anatomy)


def _one_place(a: Fact, b: Fact) -> bool:
    sides = a.side == b.side or None in (a.side, b.side) or "both" in (a.side, b.side)
    places = not a.location or not b.location or bool(set(a.location) & set(b.location))
    return sides and places and (a.part == b.part or None in (a.part, b.part))


def _difference(a: Fact, b: Fact) -> tuple[int, str]:
    """How far two facts lie apart, a graver kind weighing more than all lesser ones, and the gravest kind."""
    kinds = [kind for kind, fields in KINDS.items() if any(getattr(a, f) != getattr(b, f) for f in fields)]
    order = list(KINDS)
    return sum(1 << (len(order) - order.index(kind)) for kind in kinds), kinds[0]


def _without(indices: Iterable[int], taken: Iterable[int]) -> list[int]:
    gone = set(taken)
    return [i for i in indices if i not in gone]
