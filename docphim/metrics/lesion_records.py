"""Lesions of a draft beside records of what the scan holds (a phantom's truth): `truth_lesion_…`, apart from text against text.

The scores are those of `docphim.metrics.lesions`, with `Pairs.truths` as the reference.  What no reference text of the reports
says of a lesion (its size, its SUV, …) is not asked of drafts: the signature names it (`unsaid`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from docphim.metrics import lesions
from docphim.metrics.family import Kind, Title
from docphim.metrics.lesion_pairs import compared
from docphim.metrics.pairs import Floats, Pairs
from docphim.study import Lesion

PREFIX = "truth_"
KEYS = tuple(PREFIX + key for key in lesions.KEYS)
PER_STUDY = tuple(PREFIX + key for key in lesions.PER_STUDY)
AVERAGE = lesions.AVERAGE
SETTINGS = lesions.SETTINGS | {"truth": "records"}
KIND: Kind = "facts"
#: Evaluation adds it where lesions are scored and studies have records; nobody else is asked for truth.
SERVES, LEXICON = "asked", True
HEAD = ()
LOWER = tuple(PREFIX + key for key in lesions.LOWER)
AT_LENGTH = tuple(key for key in KEYS if key not in PER_STUDY)
TITLES = {
    PREFIX + key: Title(f"{title.vi}, so với sự thật", f"{title.en}, against the truth")
    for key, title in lesions.TITLES.items()
}
#: Columns of `lesions.statistics` that ask for the uptake: those of TF and of TPF.
_UPTAKE = [3 * n + k for n, key in enumerate(lesions.SCORES) if key in ("lesion_tf", "lesion_tpf") for k in range(3)]


def settings(language: str) -> dict[str, str]:
    """The signature's fields, as those of `lesions`."""
    return lesions.settings(language) | {"truth": "records"}


def of_pairs(pairs: Pairs) -> dict[str, str]:
    """What the signature says of the reports: whose truth it is, and which fields no reference text states."""
    lacking = [key.removeprefix("lesion_") for key in unsaid(lesions.read(pairs)[0])]
    return {"truth": pairs.truth_by, "unsaid": "+".join(lacking) or "none"}


def unsaid(references: Sequence[Sequence[Lesion]]) -> list[str]:
    """Which of `lesions.PARTS` no lesion of the reference texts has."""
    rows = [lesions.known(one) for reference in references for one in compared(reference)]
    return [key for n, key in enumerate(lesions.PARTS) if not any(row[n] for row in rows)]


def statistics(pairs: Pairs) -> Floats:
    """Per report the counts of `lesions.statistics`, (n, k); nothing of one without records, nor of what texts never say."""
    references, drafts = lesions.read(pairs)
    truths = pairs.truths or [None] * len(pairs)
    nothing = [0] * lesions.WIDTH
    rows = [
        nothing if truth is None else lesions.counts(compared(truth), compared(draft))
        for truth, draft in zip(truths, drafts, strict=True)
    ]
    counts = np.array(rows, dtype=float).reshape(len(rows), lesions.WIDTH)
    for key in unsaid(references):
        first = 3 * len(lesions.SCORES) + 2 * lesions.PARTS.index(key)
        counts[:, [first, first + 1, *(_UPTAKE if key == "lesion_uptake" else ())]] = 0
    return counts


def aggregate(sums: Floats) -> Floats:
    """As `lesions.aggregate`."""
    return lesions.aggregate(sums)


def per_study(statistics: Floats) -> Floats:
    """As `lesions.per_study`."""
    return lesions.per_study(statistics)
