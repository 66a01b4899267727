"""Leakage: the same patient, the same pixels or the same report in more than one split; reported, never hidden."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docphim.language.normalize import normalize
from docphim.study import SPLITS, Split, Study

#: Two 32 x 32 thumbnails that correlate above this are almost surely the same film (distinct phantoms of one
#: anatomy stay below 0.995).
SAME_FILM = 0.9995
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


def similar_films(thumbs: NDArray[np.float32], studies: list[str], splits: list[Split]) -> dict[str, Any]:
    """Pairs of films in different splits whose thumbnails correlate above `SAME_FILM`.

    Parameters
    ----------
    thumbs : array of float32, (n, 32, 32)
    """
    if not studies:
        return {"pairs": 0, "shown": []}
    flat = thumbs.reshape(len(thumbs), -1)
    flat = flat - flat.mean(1, keepdims=True)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    codes = np.array([SPLITS.index(s) for s in splits])
    held_out = np.flatnonzero(codes > 0)
    pairs: list[tuple[str, str, float]] = []
    for start in range(0, len(held_out), 512):
        rows = held_out[start : start + 512]
        like = flat[rows] @ flat.T
        for i, j in np.argwhere(like > SAME_FILM):
            if codes[rows[i]] > codes[j]:
                pairs.append((studies[rows[i]], studies[j], round(float(like[i, j]), 5)))
    pairs.sort()
    return {"pairs": len(pairs), "shown": [{"study": a, "other": b, "correlation": c} for a, b, c in pairs[:SHOWN]]}


def report_keys(studies: list[Study], split_of: dict[str, Split]) -> list[tuple[str, str, Split]]:
    """(normalised report text, study, split) of every study in a split."""
    return [
        (normalize("\n".join(s.report.sections.values())), s.id, split_of[s.id])
        for s in studies
        if s.report and s.id in split_of
    ]
