"""What of each training example augmentation may do: where its lesions lie, and which sentences speak of them.

Pictures and texts themselves are made while training reads them (`docphim.train.augmented`), and none of them is written.
Where a lesion lies is taken from the study's truth alone; of an example that has none, no lesion's place is guessed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docphim.build import paraphrase
from docphim.build.media import Pictures
from docphim.build.prompts import Prompts
from docphim.files import write_json, write_jsonl
from docphim.imaging.space.regions import MARGIN_MM, SHARED
from docphim.study import Row, Study

if TYPE_CHECKING:
    from docphim.study import Lesion

#: What a lesion's blur adds on either side, mm.
BLUR_MM = 8.0
#: Of a region's slices at most this share is trimmed from an edge.
_TRIM = 0.25
#: Findings that are no lesions and lie everywhere.
_EVERYWHERE = ("physiologic_uptake",)


def augmented(
    rows: Sequence[Row],
    studies: Mapping[str, Study],
    patient_of: Mapping[str, str],
    pictures: Pictures,
    dataset: Path,
    words: Prompts,
    seed: int,
    settings: Row,
    asking: Row,
) -> None:
    """Write `augment` into the training examples, in place, examples/comparisons.jsonl, and augment.json, which counts both.

    Parameters
    ----------
    settings, asking : dict
        The recipe's section `augment`; the way to its endpoint.

    Raises
    ------
    Refused
        As `paraphrase.add`.
    """
    from docphim.build import comparison  # here: the chain of imports stays short

    counts: Row = {"lesions": add(rows, studies, pictures)}
    if settings.get("paraphrase"):
        counts["paraphrases"] = paraphrase.add(rows, dataset, words.language, **settings["paraphrase"], **asking)
    compared, counts["comparisons"] = comparison.comparisons(
        rows, pictures, patient_of, words, settings.get("comparisons", 0), seed
    )
    write_jsonl(dataset / "examples" / comparison.FILE, compared)
    write_json(dataset / "augment.json", counts)


def add(rows: Sequence[Row], studies: Mapping[str, Study], pictures: Pictures) -> dict[str, int]:
    """Write `augment` into the training examples, in place.

    Returns
    -------
    dict
        How many examples there are by whether the places of all lesions that they speak of are known: `known`, else the reason:
        `no_truth`, `several_images`, `lesion_not_matched`, `finding_without_place`, `lesion_not_shown`.
    """
    counts: Counter[str] = Counter()
    for row in rows:
        known, reason = _lesions(row, studies[row["study"]], pictures.rows[row["study"]])
        counts[reason or "known"] += 1
        row["augment"] = {"trim": _trim(row, pictures.rows[row["study"]])} | ({} if known is None else known)
    return dict(sorted(counts.items()))


def _trim(row: Row, index: Sequence[Row]) -> list[int]:
    """How many slices may be left out at the upper and the lower edge of the region that is shown: they are its neighbours'."""
    entry = row["media"][0] if row["media"] else {}
    span, volume = entry.get("frames", {}).get("within"), _volume(entry, index)
    divided = {r["modality"]: (r.get("how") or {}).get("regions") or {} for r in index}
    known = divided.get("pet_ct") or divided.get("pet") or {}
    if span is None or volume is None or not known:
        return [0, 0]
    depth, most = volume["shape"][0], int(_TRIM * (span[1] - span[0] + 1))
    if known.get("from") == "published":  # those that a region shares are of the one above it
        return [min(SHARED, most) if span[0] > 0 else 0, 0]
    margin = int(MARGIN_MM / volume["spacing"][0]) if volume.get("spacing") else 0
    return [min(margin, most) if span[0] > 0 else 0, min(margin, most) if span[1] < depth - 1 else 0]


def _volume(entry: Row, index: Sequence[Row]) -> Row | None:
    """The row of index.jsonl of the first volume of a media entry."""
    path = next(iter(entry.get("volumes", {}).values()), None)
    return next((row for row in index if row["path"] == path), None)


def _lesions(row: Row, study: Study, index: Sequence[Row]) -> tuple[Row | None, str]:
    """`plane` and `lesions` of an example; or None, and why they are not known."""
    from docphim.language.normalize import clean  # here: the chain of imports stays short

    boxes = _boxes(study, row, index)
    if boxes is None:
        several = study.truth is not None and len({repr(entry) for entry in row["media"]}) != 1
        return None, "several_images" if several else "no_truth"
    groups = defaultdict[frozenset[int], list[list[int]]](list)
    for place, message in enumerate(row["messages"]):
        if message["role"] != "assistant":
            continue
        matched = _matched(clean(message["content"]), row["language"], boxes)
        if isinstance(matched, str):
            return None, matched
        for span, records in matched.items():
            groups[records].append([place, *span])
    merged = _merged(groups)
    listed: list[Row] = [
        {"boxes": [box for n in sorted(records) for box in boxes[n][1]], "text": text} for records, text in merged
    ]
    span = row["media"][0]["frames"].get("within")
    first, last = (float(span[0]), float(span[1])) if span else (0.0, np.inf)
    if any(box[1] < first or last < box[0] for group in listed for box in group["boxes"]):
        return None, "lesion_not_shown"
    volume = _volume(row["media"][0], index)
    assert volume is not None  # `_boxes` looked at it
    spacing = volume["spacing"]
    plane = {"shape": volume["shape"][1:], "aspect": spacing[1] / spacing[2]}
    return {"plane": plane, "lesions": listed}, ""


def _merged(groups: Mapping[frozenset[int], list[list[int]]]) -> Iterator[tuple[frozenset[int], list[list[int]]]]:
    """Groups of records that a sentence speaks of together as one: they can go only with one another."""
    left = [(set(records), list(text)) for records, text in groups.items()]
    while left:
        records, text = left.pop(0)
        joined = True
        while joined:
            beside = [other for other in left if other[0] & records]
            joined = bool(beside)
            for other in beside:
                left.remove(other)
                records |= other[0]
                text += other[1]
        yield frozenset(records), sorted(text)


def _boxes(study: Study, row: Row, index: Sequence[Row]) -> list[tuple[Row, list[list[float]]]] | None:
    """Each record of a study's truth, and the boxes of its lesions in the volume shown; None where truth does not say them.

    A box is the first and the last slice, and its top, bottom, left and right of the slice's height and width.
    """
    truth = study.truth or {}
    records, lesions = truth.get("records"), [one for one in truth.get("lesions", ()) if one.get("visible", True)]
    volume = _volume(row["media"][0], index) if row["media"] else None
    if records is None or volume is None or not volume.get("affine") or len({repr(entry) for entry in row["media"]}) != 1:
        return None
    if not all({"axes_mm", "center_mm", "slices"} <= one.keys() for one in lesions):
        return None
    groups: list[list[Row]] = []
    for lesion in lesions:  # as `phantom.pet.truth.kinds` has them: the first of each finding is its number 0
        if lesion["number"] == 0 or not groups or groups[-1][0]["name"] != lesion["name"]:
            groups.append([])
        groups[-1].append(lesion)
    if len(groups) != len(records):
        return None
    back = np.linalg.inv(np.array(volume["affine"]))
    return [(record, [_box(one, back, volume) for one in group]) for record, group in zip(records, groups, strict=True)]


def _box(lesion: Row, back: np.ndarray, volume: Row) -> list[float]:
    _, rows, columns = volume["shape"]
    _, row_mm, column_mm = volume["spacing"]
    x, y, _ = (back @ np.array([*lesion["center_mm"], 1.0]))[:3] + 0.5  # from the outer edge of the first voxel
    wide, deep = (lesion["axes_mm"][n] / 2 + BLUR_MM for n in (0, 1))
    deep, wide = deep / row_mm, wide / column_mm
    box = [(y - deep) / rows, (y + deep) / rows, (x - wide) / columns, (x + wide) / columns]
    return [*lesion["slices"], *(round(float(np.clip(at, 0, 1)), 4) for at in box)]


def _matched(text: str, language: str, boxes: Sequence[tuple[Row, Any]]) -> dict[tuple[int, int], frozenset[int]] | str:
    """Sentences that speak of lesions, and which records of truth each speaks of; or why that is not known."""
    from docphim.language.alter import sentence_spans
    from docphim.language.facts import facts
    from docphim.language.lesions import lesions_of

    spans, read, spoken = sentence_spans(text), lesions_of(text, language), defaultdict[tuple[int, int], set[int]](set)
    places = [lesion.text or [0, 0] for lesion in read]
    for lesion, (start, end) in zip(read, places, strict=True):
        fitting = [n for n, (record, _) in enumerate(boxes) if _fits(lesion, record)]
        if len(fitting) != 1:
            return "lesion_not_matched"
        for span in spans:
            if span[0] < end and start < span[1]:
                spoken[span].add(fitting[0])
    for fact in facts(text, language):
        inside = any(start <= fact.start < end for start, end in places)
        if fact.polarity in ("present", "abnormal") and fact.finding not in _EVERYWHERE and not inside:
            return "finding_without_place"
    return {span: frozenset(records) for span, records in spoken.items()}


def _fits(lesion: Lesion, record: Row) -> bool:
    """Whether a lesion that a report speaks of may be that of a record of truth."""
    same = lesion.type == record["type"] and lesion.organ == record["organ"] and lesion.side in (None, record["side"])
    return same and all(
        set(here) <= set(record[name]) for name, here in (("location", lesion.location), ("station", lesion.station))
    )
