"""Atomic facts that two reports share: precision, recall and F1.

A fact of the prediction is right if the reference says the same, one for one: P = right/predicted, R = right/reference.  `core`
asks what, where and whether of facts in one form (docphim.language.same), and takes what covers for what it covers.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from docphim.metrics.family import Kind, Title
from docphim.metrics.grams import shared_grams
from docphim.metrics.pairing import Pairing
from docphim.metrics.pairs import Floats, Ints, Pairs
from docphim.metrics.signature import read_by

if TYPE_CHECKING:
    from docphim.metrics.atoms import Reading

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
HEAD = ()
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


def statistics(pairs: Pairs) -> Floats:
    """Per report: its facts, predicted facts, right ones; in `core` the same four counts; F1, core F1, and a one, (n, 10)."""
    n = len(pairs)
    listed = [reading.facts for side in zip(*pairs.readings, strict=True) for reading in side]
    lengths = np.fromiter(map(len, listed), np.int64, len(listed))
    ids = np.fromiter(itertools.chain.from_iterable(listed), np.int64, int(lengths.sum()))
    strict = np.column_stack([lengths[:n], lengths[n:], shared_grams(ids, lengths, 1)[:, 0]])
    core = np.array(list(map(_core, pairs.readings, pairs.pairings, pairs.shared_ills))).reshape(n, 4)
    answered = np.fromiter((bool(text.strip()) for text in pairs.predictions), bool, n)
    f1 = _ratio(2 * strict[:, 2], strict[:, 0] + strict[:, 1], answered)
    core_f1 = _ratio(core[:, 2] + core[:, 3], core[:, 0] + core[:, 1], answered)
    return np.column_stack([strict, core, f1, core_f1, np.ones(n)]).astype(float)


def _core(readings: tuple[Reading, Reading], pairing: Pairing, ills: tuple[int, int]) -> tuple[int, int, int, int]:
    """Things of the reference and of the draft, and how many of each the other text says too, amounts aside."""
    (reference, draft), (ours, theirs) = readings, ills
    sizes = (len(reference.ills) + len(reference.wells), len(draft.ills) + len(draft.wells))
    ours += len(reference.wells) - len(pairing.well_missed)
    return (*sizes, ours, theirs + len(draft.wells) - len(pairing.well_invented))


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, 10), to percent, (…, 8).

    Where no report holds a fact all are right that are not empty: micro is then what macro is.
    """
    reference, predicted, right, ours, theirs, right_ours, right_theirs, f1, core_f1, n = np.moveaxis(sums, -1, 0)
    nothing = np.where(reference + predicted == 0, _ratio(f1, n, False), 0)
    columns = [_ratio(right, predicted, nothing), _ratio(right, reference, nothing)]
    columns.append(_ratio(2 * right, reference + predicted, nothing))
    columns += [_ratio(right_theirs, theirs, nothing), _ratio(right_ours, ours, nothing)]
    columns.append(_ratio(right_ours + right_theirs, ours + theirs, nothing))
    columns += [_ratio(f1, n, False), _ratio(core_f1, n, False)]
    return 100 * np.stack(columns, axis=-1)


def per_study(statistics: Floats) -> Floats:
    """One report's F1 and core F1 in percent, (n, 2)."""
    return 100 * statistics[:, 7:9]


def settings(language: str) -> dict[str, str]:
    """The signature's fields, with fingerprints of lexicon and reader: a corrected word or rule gives other facts."""
    return SETTINGS | read_by(language)


def _ratio(part: Floats | Ints, whole: Floats | Ints, otherwise: Floats | NDArray[np.bool_] | bool) -> Floats:
    """part/whole; `otherwise` where there is no whole."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.asarray(otherwise, dtype=float))
