"""Training negatives: which other images each example may be set against, so that a model learns to look at its own.

Of every example of `train` and `val` the possible ones are written side by side into `Example.pair`; `train.pairs` chooses
among them, so that trainings with and without negatives share one dataset.  The audit's wrong image is another choice, and
stands in `wrong_image.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from docphim.build.media import Pictures, modalities, studies_shown
from docphim.build.wrong_image import linked
from docphim.files import seed_of
from docphim.study import Row, Study

if TYPE_CHECKING:
    from docphim.build.conflicts import Labels

#: `differ` counts labels of so many, CT-RATE's; of a set with fewer it is that share.
OF_LABELS = 18


@dataclass(frozen=True)
class Pool:
    """The studies of a split among which partners are chosen.

    Attributes
    ----------
    names : list of str
        Their ids, sorted.
    labels : tuple of str
        The label set's names.
    positive, negative : array of bool, (studies, labels)
        What each is positive for, and what not; a label that is neither is not known, and compares with nothing.
    bits : tuple of array of uint64, (studies, words)
        The same two, 64 labels a word (`packed`).
    person, kind : array of int, (studies,)
        Whose pixels it shows, and of which modalities: only one of another person and the same kind stands in for it.
    """

    names: list[str]
    labels: tuple[str, ...]
    positive: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    bits: tuple[NDArray[np.uint64], NDArray[np.uint64]]
    person: NDArray[np.int64]
    kind: NDArray[np.int64]

    def distances(self, place: int) -> NDArray[np.int64]:
        """In how many labels, known of both, each study differs from one, (studies,); -1 where it may not stand in for it."""
        differ = np.zeros(len(self.names), np.int64)
        for yes, no in zip(*(bits.T for bits in self.bits), strict=True):
            differ += np.bitwise_count((yes & no[place]) | (no & yes[place]))
        usable = (self.person != self.person[place]) & (self.kind == self.kind[place])
        return np.where(usable, differ, -1)

    def differing(self, place: int, other: int) -> NDArray[np.bool_]:
        """In which labels two studies differ, (labels,): both are known."""
        yes, no = self.positive, self.negative
        return (yes[place] & no[other]) | (no[place] & yes[other])


def add(
    rows: Sequence[Row],
    studies: Mapping[str, Study],
    pictures: Pictures,
    patient_of: Mapping[str, str],
    reader: Labels,
    how: Row,
) -> None:
    """Write `pair` into the examples of one split, in place.

    Parameters
    ----------
    rows : sequence of dict
        Examples as rows; studies without one are nobody's partner.
    patient_of : mapping
        Study → patient, of priors too.
    reader : Labels
        What studies are positive for, and what sentences speak of.
    how : dict
        The recipe's `pairs` section: `kinds`, `differ`, `reuse`, `neighbours`, `seed`.
    """
    here = [studies[name] for name in sorted({row["study"] for row in rows})]
    if not here:
        return
    states = [reader.states(study) for study in here]
    pool = _pool(here, states, reader.names, pictures, patient_of)
    chosen = {kind: CHOICES[kind](pool, how) for kind in how["kinds"] if kind != "noise"}
    positive = {study.id: dict(zip(reader.names, row, strict=True)) for study, row in zip(here, states, strict=True)}
    source = {study.id: "given" if reader.given(study) else "rules" for study in here}
    for row in rows:
        noise = {"noise": {"seed": seed_of("pairs", how["seed"], row["id"]) % 2**32}} if "noise" in how["kinds"] else {}
        pair: Row = noise | {kind: partners[row["study"]] for kind, partners in chosen.items() if row["study"] in partners}
        spoken = reader.sentences(row["messages"], row["language"])
        for partner in _partners(pair):
            partner["labels"] = source[partner["study"]]
            partner["conflicts"] = [span for *span, states in spoken if reader.contradicts(states, positive[partner["study"]])]
        row["pair"] = pair or None


def _partners(pair: Row) -> Iterable[Row]:
    """Every partner of a pair's row, copied into it: examples of one study have their own conflicts."""
    for kind, value in pair.items():
        if kind == "neighbours":
            pair[kind] = [dict(partner) for partner in value]
            yield from pair[kind]
        elif kind != "noise":
            pair[kind] = dict(value)
            yield pair[kind]


def _pool(
    studies: Sequence[Study],
    states: Sequence[Sequence[bool | None]],
    labels: tuple[str, ...],
    pictures: Pictures,
    patient_of: Mapping[str, str],
) -> Pool:
    """Studies with labels, linked where they show one patient or the very same pixels."""
    shape = len(studies), len(labels)
    positive, negative = (np.array([[s is sign for s in row] for row in states], bool).reshape(shape) for sign in (True, False))
    shown = {study.id: studies_shown(study.id, pictures.media[study.id]) for study in studies}
    traces = {
        study: {f"patient {patient_of[name]}" for name in names} | {f"pixels {row['sha256']}" for row in pictures.rows[study]}
        for study, names in shown.items()
    }
    first = linked(traces)
    persons = [first[min(traces[study.id])] for study in studies]
    kinds = [" ".join(modalities(pictures.media[study.id])) for study in studies]
    return Pool(
        names=[study.id for study in studies],
        labels=labels,
        positive=positive,
        negative=negative,
        bits=(packed(positive), packed(negative)),
        person=np.unique(persons, return_inverse=True)[1],
        kind=np.unique(kinds, return_inverse=True)[1],
    )


def packed(positive: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Labels, (studies, labels), as bits of words, so that those of all studies are compared with one's at once."""
    padded = np.pad(positive, ((0, 0), (0, -positive.shape[1] % 64)))
    return np.packbits(padded, axis=1).view(np.uint64)


def threshold(differ: float, labels: int) -> int:
    """How many labels of a set should differ: `differ`, or that share of a set of fewer than `OF_LABELS`."""
    return math.ceil(differ * min(labels, OF_LABELS) / OF_LABELS)


def other(pool: Pool, how: Row) -> dict[str, Row]:
    """Another patient's study with at least `differ` labels different: study → `{"study", "differs", "step"}`.

    Where none is left that many labels away, one label less is asked for, and so on down to one: `step` counts how often.
    Among those that fit the least used one is taken, at most `reuse` times: those far from a normal study are few, and would
    otherwise be everyone's partner.
    """
    wanted = threshold(how["differ"], len(pool.labels))
    used, rank = np.zeros(len(pool.names), np.int64), _rank(pool, "other", how)
    partners: dict[str, Row] = {}
    for place in _order(pool, "other", how):
        differ = np.where(used < how["reuse"], pool.distances(place), -1)
        reached = min(wanted, int(differ.max()))
        if reached >= 1:
            chosen = _least_used(differ >= reached, used, rank)
            used[chosen] += 1
            row = {"study": pool.names[chosen], "differs": int(differ[chosen]), "step": wanted - reached}
            partners[pool.names[place]] = row
    return partners


def hard(pool: Pool, how: Row) -> dict[str, Row]:
    """Another patient's study all of whose labels are alike but one: study → `{"study", "finding"}`; the least used one."""
    used, rank = np.zeros(len(pool.names), np.int64), _rank(pool, "hard", how)
    partners: dict[str, Row] = {}
    for place in _order(pool, "hard", how):
        fits = (pool.distances(place) == 1) & (used < how["reuse"])
        if fits.any():
            chosen = _least_used(fits, used, rank)
            used[chosen] += 1
            finding = int(np.flatnonzero(pool.differing(place, chosen))[0])
            partners[pool.names[place]] = {"study": pool.names[chosen], "finding": pool.labels[finding]}
    return partners


def neighbours(pool: Pool, how: Row) -> dict[str, list[Row]]:
    """The studies of other patients nearest by labels, nearest first: study → rows of `{"study", "differs"}`.

    One whose labels are all alike is none: of its image the report may be true.
    """
    rank = _rank(pool, "neighbours", how)
    partners: dict[str, list[Row]] = {}
    for place, name in enumerate(pool.names):
        differ = pool.distances(place)
        order = np.where(differ >= 1, differ, len(pool.labels) + 1) * len(rank) + rank
        nearest = np.argpartition(order, min(how["neighbours"], len(order)) - 1)[: how["neighbours"]]
        chosen = [int(n) for n in nearest[np.argsort(order[nearest])] if differ[n] >= 1]
        if chosen:
            partners[name] = [{"study": pool.names[n], "differs": int(differ[n])} for n in chosen]
    return partners


#: How the partners of each kind are chosen.
CHOICES: dict[str, Callable[[Pool, Row], Mapping[str, Any]]] = {"other": other, "hard": hard, "neighbours": neighbours}


def _order(pool: Pool, kind: str, how: Row) -> NDArray[np.int64]:
    """The order in which studies choose, drawn by seed: none is served first for its name."""
    return np.random.default_rng(seed_of("pairs", "order", kind, how["seed"])).permutation(len(pool.names))


def _rank(pool: Pool, kind: str, how: Row) -> NDArray[np.int64]:
    """What decides among equals, drawn by seed."""
    return np.random.default_rng(seed_of("pairs", "rank", kind, how["seed"])).permutation(len(pool.names))


def _least_used(fits: NDArray[np.bool_], used: NDArray[np.int64], rank: NDArray[np.int64]) -> int:
    places = np.flatnonzero(fits)
    return int(places[np.argmin(used[places] * len(rank) + rank[places])])
