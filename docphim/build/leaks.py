"""Leakage: the same patient, the same pixels or the same report in more than one split; reported, never hidden."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docphim.build.media import Pictures, studies_shown
from docphim.imaging import modality
from docphim.language.normalize import normalize
from docphim.study import SPLITS, Split, Study

SHOWN = 20


def across_splits(keys: Iterable[tuple[str, str, Split]]) -> dict[str, Any]:
    """Groups of studies that share a key and stand in more than one split; `keys` are (key, study, split)."""
    groups: dict[str, set[tuple[str, Split]]] = defaultdict(set)
    for key, study, split in keys:
        groups[key].add((study, split))
    leaking = sorted(sorted(members) for members in groups.values() if len({split for _, split in members}) > 1)
    return {
        "groups": len(leaking),
        "studies": sum(map(len, leaking)),
        "shown": [[{"study": study, "split": split} for study, split in group] for group in leaking[:SHOWN]],
    }


def report(studies: list[Study], split_of: dict[str, Split], pictures: Pictures, patient_of: dict[str, str]) -> dict[str, Any]:
    """The document leaks.json: a study stands in every split whose examples show it, as their own or beside it.

    Parameters
    ----------
    patient_of : dict
        Study → patient, of priors too, which need not be among `studies`.
    """
    inside = {s.id: s for s in studies if s.id in split_of}
    shown = [(study, entry) for study in inside for entry in pictures.media[study]]
    seen = [(patient_of[name], name, split_of[study]) for study, entry in shown for name in studies_shown(study, [entry])]
    placed = [(path, entry.study, split_of[study]) for study, entry in shown for path in entry.volumes.values()]
    digest = {row["path"]: row["sha256"] for rows in pictures.rows.values() for row in rows}
    return {
        "patient": across_splits(seen),
        "pixels": across_splits((digest[path], study, split) for path, study, split in placed),
        "similar": _similar(pictures, placed),
        "report": across_splits(report_keys(list(inside.values()), split_of)),
    }


def _similar(pictures: Pictures, placed: list[tuple[str, str, Split]]) -> dict[str, Any]:
    """Pairs of like pictures in different splits, each modality by its own threshold."""
    pairs = []
    for name, (rows, thumbs) in pictures.thumbs.items():
        number = {(row["path"], row["study"]): i for i, row in enumerate(rows)}
        here = [item for item in placed if item[:2] in number]
        pictured = thumbs[[number[item[:2]] for item in here]]
        pairs += similar(pictured, [study for _, study, _ in here], [split for *_, split in here], modality(name).SAME)
    pairs.sort()
    return {"pairs": len(pairs), "shown": [{"study": a, "other": b, "correlation": c} for a, b, c in pairs[:SHOWN]]}


def similar(thumbs: NDArray[np.float32], studies: list[str], splits: list[Split], same: float) -> list[tuple[str, str, float]]:
    """Pairs of pictures in different splits whose thumbnails correlate above `same`: (study, study, correlation).

    Parameters
    ----------
    thumbs : array of float32, (n, …)
    """
    if not studies:
        return []
    flat = thumbs.reshape(len(thumbs), -1)
    flat = flat - flat.mean(1, keepdims=True)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    codes = np.array([SPLITS.index(s) for s in splits])
    held_out = np.flatnonzero(codes > 0)
    pairs: list[tuple[str, str, float]] = []
    for start in range(0, len(held_out), 512):
        rows = held_out[start : start + 512]
        like = flat[rows] @ flat.T
        for i, j in np.argwhere(like > same):
            if codes[rows[i]] > codes[j]:
                pairs.append((studies[rows[i]], studies[j], round(float(like[i, j]), 5)))
    return sorted(pairs)


def report_keys(studies: list[Study], split_of: dict[str, Split]) -> list[tuple[str, str, Split]]:
    """(normalised report text, study, split) of every study in a split."""
    return [
        (normalize("\n".join(s.report.sections.values())), s.id, split_of[s.id])
        for s in studies
        if s.report and s.id in split_of
    ]
