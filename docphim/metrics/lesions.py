"""Lesions that two reports share, by type, place and uptake (T, TP, TF, TPF); side, part, size, SUV; what was invented.

Lesions are read from both texts (docphim.language.lesions); where a truth table is given it stands in for the reference's text.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from docphim.language.collector import uncollected
from docphim.language.headings import REGIONS
from docphim.language.lesion_words import fingerprint
from docphim.metrics import lesion_pairs as by
from docphim.metrics.family import Kind, Title
from docphim.metrics.lesion_pairs import Compared, compared, near_size, near_suv, pair
from docphim.metrics.pairs import Floats, Pairs
from docphim.metrics.signature import read_by
from docphim.study import Lesion

#: What each score asks of two lesions that it takes as one, and what must be known of a lesion to be counted.
SCORES = {
    "lesion_t": (by.same_type,),
    "lesion_tp": (by.same_type, by.same_place),
    "lesion_tf": (by.same_type, by.same_uptake),
    "lesion_tpf": (by.same_type, by.same_place, by.same_uptake),
}
#: What is asked of the reference's lesions one by one.
PARTS = ("lesion_side", "lesion_part", "lesion_size", "lesion_suv", "lesion_uptake")
KEYS = (
    *SCORES,
    *(f"{key}_{what}" for key in SCORES for what in ("precision", "recall")),
    *PARTS,
    *("lesion_omitted", "lesion_invented", "lesion_invented_numbers"),
    *(f"lesion_tp_{region}" for region in REGIONS),
)
AVERAGE = "corpus"
SETTINGS = {
    "tok": "lesion",
    "punct": "clause",
    "match": "one-to-one",
    "unknown": "left-out",
    "size": f"{by.SIZE_WITHIN:g}",
    "suv": f"{by.SUV_WITHIN:g}",
    "bounds": "sides",
    "empty": "0",
}
PER_STUDY = ("lesion_tp", "lesion_tpf")
KIND: Kind = "facts"
SERVES, LEXICON = "pet", True
#: It takes tables in place of references (`Pairs.records`), and its signature says so.
TABLES = True
HEAD = ("lesion_tp",)
#: Of these less is better.
LOWER = ("lesion_omitted", "lesion_invented", "lesion_invented_numbers")
AT_LENGTH = tuple(key for key in KEYS if key.endswith(("precision", "recall")) or key.startswith("lesion_tp_"))
_OF = {
    "lesion_t": ("loại", "type", "T"),
    "lesion_tp": ("loại và vị trí", "type and place", "TP"),
    "lesion_tf": ("loại và mức hấp thu", "type and uptake", "TF"),
    "lesion_tpf": ("loại, vị trí và mức hấp thu", "type, place and uptake", "TPF"),
}
_REGIONS = {
    "head_neck": ("đầu cổ", "head and neck"),
    "chest": ("lồng ngực", "chest"),
    "abdomen_pelvis": ("bụng chậu", "abdomen and pelvis"),
    "musculoskeletal": ("cơ xương", "musculoskeletal"),
}
TITLES = {
    **{key: Title(f"F1 tổn thương ({vi})", f"lesion F1 ({en})", f"Lesion {paper}") for key, (vi, en, paper) in _OF.items()},
    "lesion_side": Title("Tổn thương gốc mà máy nói đúng bên", "lesions on the right side"),
    "lesion_part": Title("Tổn thương gốc mà máy nói đúng vị trí trong cơ quan", "lesions in the right part"),
    "lesion_size": Title("Kích thước gốc mà máy nói đúng (±20 %)", "sizes right (within 20 %)"),
    "lesion_suv": Title("SUV gốc mà máy nói đúng (±10 %)", "SUVs right (within 10 %)"),
    "lesion_uptake": Title("Mức hấp thu gốc mà máy nói đúng", "uptake levels right"),
    "lesion_omitted": Title("Tổn thương gốc bị bỏ sót", "lesions omitted"),
    "lesion_invented": Title("Tổn thương máy viết mà không có", "lesions invented"),
    "lesion_invented_numbers": Title("Con số máy viết mà không có (SUV, mm)", "numbers invented (SUV, mm)"),
    **{
        f"{key}_{name}": Title(f"{vi} ({of_vi})", f"lesion {name} ({of_en})")
        for key, (of_vi, of_en, _) in _OF.items()
        for name, vi in (("precision", "Tổn thương máy viết mà đúng"), ("recall", "Tổn thương gốc mà máy nói đúng"))
    },
    **{
        f"lesion_tp_{key}": Title(f"F1 tổn thương, {vi}", f"lesion F1 (type and place), {en}")
        for key, (vi, en) in _REGIONS.items()
    },
}
#: Columns of `statistics`: three of each score, two of each part and of what is omitted or invented, three of each region.
WIDTH = 3 * len(SCORES) + 2 * len(PARTS) + 6 + 3 * len(REGIONS)


def settings(language: str) -> dict[str, str]:
    """The signature's fields, with fingerprints of lexicon, reader, the list of lesions and how they are compared."""
    return SETTINGS | read_by(language) | {"lesions": fingerprint(), "areas": by.fingerprint()}


def statistics(pairs: Pairs) -> Floats:
    """Per report the counts that `WIDTH` lists, (n, k)."""
    rows = [counts(compared(reference), compared(draft)) for reference, draft in zip(*read(pairs), strict=True)]
    return np.array(rows, dtype=float).reshape(len(rows), WIDTH)


def read(pairs: Pairs) -> tuple[list[list[Lesion]], list[list[Lesion]]]:
    """The lesions of each reference, or of the table that stands in for it, and of each prediction; a text is read once.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    from docphim.language.lesions import lesions_of  # here: the chain of imports stays short

    by_text: dict[str, list[Lesion]] = {}
    with uncollected():
        for text in itertools.chain(pairs.references, pairs.predictions):
            if text not in by_text:
                by_text[text] = lesions_of(text, pairs.language)
    tables = pairs.records or [None] * len(pairs)
    both = zip(pairs.references, tables, strict=True)
    return [by_text[text] if table is None else list(table) for text, table in both], [by_text[t] for t in pairs.predictions]


def counts(reference: Sequence[Compared], draft: Sequence[Compared]) -> list[int]:
    """Of one report: the numbers that add up."""
    listed: list[int] = []
    for key, tests in SCORES.items():
        ours, theirs = _known(key, reference), _known(key, draft)
        listed += [len(pair(ours, theirs, tests)), len(ours), len(theirs)]
    best = pair(reference, draft, (by.same_type, by.same_place))
    there = pair(reference, draft, (by.same_place,))
    listed += _parts(reference, draft, dict(best))
    placed, drafted = (sum(bool(one.places) for one in side) for side in (reference, draft))
    listed += [placed - len(there), placed, drafted - len(there), drafted]
    listed += _numbers(reference, draft, {j: i for i, j in there})
    for region in REGIONS:
        listed += [sum(reference[i].region == region for i, _ in best)]
        listed += [sum(one.region == region for one in side) for side in (reference, draft)]
    return listed


def _known(key: str, lesions: Sequence[Compared]) -> list[Compared]:
    """The lesions of which all is known that a score asks for."""
    wanted = key.removeprefix("lesion_")
    return [one for one in lesions if ("p" not in wanted or one.places) and ("f" not in wanted or one.uptake)]


def _parts(reference: Sequence[Compared], draft: Sequence[Compared], partner: dict[int, int]) -> list[int]:
    """Of each of `PARTS`: how many lesions of the reference have it right in the draft, and how many have it."""
    right = [0] * len(PARTS)
    whole = [0] * len(PARTS)
    for i, one in enumerate(reference):
        other = draft[partner[i]] if i in partner else None
        for n, (is_known, alike) in enumerate(_asked(one, other)):
            whole[n] += is_known
            right[n] += is_known and alike
    return [count for both in zip(right, whole, strict=True) for count in both]


def known(one: Compared) -> list[bool]:
    """Whether each of `PARTS` is known of a lesion."""
    return [one.side is not None, bool(one.part), one.size is not None, one.suv is not None, one.uptake is not None]


def _asked(one: Compared, other: Compared | None) -> list[tuple[bool, bool]]:
    """Of side, part, size, SUV and uptake: whether the reference says it, and whether the draft says the same."""
    if other is None:
        return [(is_known, False) for is_known in known(one)]
    alike = [one.side == other.side, one.part == other.part, near_size(one.size, other.size)]
    alike += [near_suv(one.suv, other.suv), one.uptake == other.uptake]
    return list(zip(known(one), alike, strict=True))


def _numbers(reference: Sequence[Compared], draft: Sequence[Compared], partner: dict[int, int]) -> list[int]:
    """How many amounts the draft gives, SUV and mm, that the reference does not give of that lesion; and how many it gives.

    Those of a lesion whose place the draft does not say may be any lesion's of the reference.
    """
    invented = given = 0
    for j, one in enumerate(draft):
        others = [reference[partner[j]]] if j in partner else [] if one.places else reference
        sizes = [size for other in others for size in other.sizes]
        suvs = [suv for other in others for suv in other.suvs]
        given += len(one.sizes) + len(one.suvs)
        invented += sum(not any(near_size(ours, size) for ours in sizes) for size in one.sizes)
        invented += sum(not any(near_suv(ours, suv) for ours in suvs) for suv in one.suvs)
    return [invented, given]


def aggregate(sums: Floats) -> Floats:
    """Sums of `statistics` over reports, (…, k), to percent, (…, len(KEYS)); NaN where there is nothing to count."""
    columns = iter(np.moveaxis(sums, -1, 0))
    f1, shares = [], []
    for _ in SCORES:
        right, ours, theirs = next(columns), next(columns), next(columns)
        f1.append(_share(2 * right, ours + theirs))
        shares += [_share(right, theirs), _share(right, ours)]
    rest = [_share(next(columns), next(columns)) for _ in range(len(PARTS) + 3)]
    regions = [_share(2 * next(columns), next(columns) + next(columns)) for _ in REGIONS]
    return 100 * np.stack([*f1, *shares, *rest, *regions], axis=-1)


def per_study(statistics: Floats) -> Floats:
    """One report's F1 by type and place, and with uptake, in percent, (n, 2); NaN where no lesion is in either."""
    keys = [KEYS.index(key) for key in PER_STUDY]
    return aggregate(statistics)[:, keys]


def _share(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
