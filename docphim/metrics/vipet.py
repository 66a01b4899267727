"""The lesion scores T, TP, TF, TPF as the scorer of the ViPET system counts them, faults included (`--convention vipet`).

Rows of a table are put into classes and matched greedily, the first that fits.  What `docphim.metrics.lesions` does not do: an
unknown class equals an unknown class; a place is cut at commas and "và", a row of several places counts several times, and one
whose place is a single word not at all; and uptake is looked up under a key that spells `hóa`, where tables (and the published
prompt) spell `hoá`, so that every uptake is unknown and TF is T.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docphim.errors import UsageError
from docphim.metrics.family import Title
from docphim.metrics.pairs import Floats, Pairs
from docphim.metrics.parity import Family
from docphim.package_data import packaged
from docphim.study import Lesion, Row

PATH = Path(__file__).parent / "vipet.yaml"
#: Keys of a row, as the scorer spells them; the last is the one that no table has.
TYPE, PLACE, FDG = "Hình dạng của khối u, tổn thương, bất thường", "Vị trí của khối u, tổn thương, bất thường", "Mức độ FDG"
UPTAKE = "Tăng chuyển hóa FDG"
OTHER, UNKNOWN = "khác", "không rõ"
#: What each score asks to be equal.
SCORES = {
    "lesion_t": ("type",),
    "lesion_tp": ("type", "place"),
    "lesion_tf": ("type", "uptake"),
    "lesion_tpf": ("type", "place", "uptake"),
}
KEYS = (*SCORES, *(f"{key}_{what}" for key in SCORES for what in ("precision", "recall")))


def counts(reference: Sequence[Mapping[str, Any]], draft: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """By score how many rows are right, of the reference and of the draft.

    Parameters
    ----------
    reference, draft : sequence of mapping
        Rows of a table, as they are (`TYPE`, `PLACE`, `FDG`).
    """
    ours, theirs = (list(map(classes, by_place(rows))) for rows in (reference, draft))
    return {key: (_greedy(ours, theirs, fields), len(ours), len(theirs)) for key, fields in SCORES.items()}


def by_place(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """A row for each place that a row names; none for one whose places are single words."""
    return [{**row, PLACE: place} for row in rows for place in _places(str(row.get(PLACE, "")))]


def _places(text: str) -> list[str]:
    text = re.sub(r"^\s*ở\s+", "", text.lower())
    parts = [part.strip() for part in re.split(r"\s*;\s*" if ";" in text else r"\s*,\s*", text.strip())]
    listed: list[str] = []
    for part in filter(None, parts):
        pieces = [piece.strip() for piece in part.split(" và ") if piece.strip()]
        listed += pieces if len(pieces) > 1 and all(len(piece.split()) > 1 for piece in pieces) else [part]
    return [place for place in listed if len(place.split()) != 1]


def classes(row: Mapping[str, Any]) -> dict[str, str]:
    """The classes of a row: type, place, uptake."""
    tables, fdg = packaged(PATH), row.get(FDG)
    uptake = fdg.get(UPTAKE, "") if isinstance(fdg, Mapping) else ""
    return {
        "type": _class(row.get(TYPE, ""), tables["types"], OTHER),
        "place": _class(row.get(PLACE, ""), tables["places"], UNKNOWN),
        "uptake": _class(uptake, tables["uptakes"], UNKNOWN),
    }


def _class(text: Any, table: Mapping[str, Sequence[str]], otherwise: str) -> str:
    text = str(text or "").lower()
    return next((name for name, words in table.items() if text and any(word in text for word in words)), otherwise)


def _greedy(reference: Sequence[Mapping[str, str]], draft: Sequence[Mapping[str, str]], fields: Sequence[str]) -> int:
    """How many drafted rows meet the first row of the reference that is left and equals them."""
    left = list(reference)
    right = 0
    for row in draft:
        met = next((i for i, one in enumerate(left) if all(one[field] == row[field] for field in fields)), None)
        if met is not None:
            del left[met]
            right += 1
    return right


def statistics(pairs: Pairs) -> Floats:
    """Per report and score right rows, rows of the reference and of the draft, (n, 12).

    Raises
    ------
    UsageError
        The reports are not Vietnamese: the scorer's classes are.
    """
    from docphim.language.lesion_tables import table_row
    from docphim.metrics.lesions import read

    if pairs.language != "vi":
        raise UsageError(f"--convention vipet: its classes are Vietnamese, and the reports are {pairs.language}")
    rows = []
    for reference, draft in zip(*read(pairs), strict=True):
        counted = counts(_rows(reference, table_row), _rows(draft, table_row))
        rows.append([number for key in SCORES for number in counted[key]])
    return np.array(rows, dtype=float).reshape(len(rows), 3 * len(SCORES))


def _rows(lesions: Sequence[Lesion], table_row: Any) -> list[Row]:
    return [table_row(lesion) for lesion in lesions]


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, 12), to percent, (…, 12); nothing over nothing is 0, as the scorer has it."""
    right, ours, theirs = (sums[..., k::3] for k in range(3))
    precision, recall = (np.where(whole > 0, right / np.maximum(whole, 1), 0) for whole in (theirs, ours))
    f1 = np.where(ours + theirs > 0, 2 * right / np.maximum(ours + theirs, 1), 0)
    both = np.stack([precision, recall], axis=-1).reshape(*f1.shape[:-1], -1)
    return 100 * np.concatenate([f1, both], axis=-1)


@functools.cache
def fingerprint() -> str:
    """Of the classes: other words put other rows together."""
    return hashlib.sha256(PATH.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:8]


VIPET = Family(
    KEYS,
    ("lesion_t", "lesion_tpf"),
    "corpus",
    {
        "convention": "vipet",
        "tool": "vipet-reportgen",
        "match": "greedy",
        "unknown": "equal",
        "fdg": "key-hóa",
        "classes": fingerprint(),
    },
    statistics,
    aggregate,
    lambda rows: aggregate(rows)[:, [0, 3]],
    {key: Title(f"{key} (vipet)", f"{key} (vipet)", key) for key in KEYS},
    LEXICON=True,
)
