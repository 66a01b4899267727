"""The paper's two layouts of a preprocessed volume: `.npz` with spacing, place and origin, and a bare `.npy`.

Both hold float32 in -1…1 (HU / 1000), axes z, x, y: z to the head, x to the patient's left, y to the back, as the published
preprocessing of CT-RATE leaves them.  `io.stated` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from docphim import files
from docphim.errors import UsageError
from docphim.imaging import modality
from docphim.imaging.io.stated import AFFINE, PROVENANCE, SCALE, SPACING, VOXELS
from docphim.imaging.store import Stream
from docphim.study import Row

#: How the layouts are called, and the suffix of their files.
SUFFIXES = {"preprocessed": ".npz", "preprocessed_numpy": ".npy"}


def write(location: str, out: Path, layout: str, *, published: bool = True) -> Row:
    """Prepare a chest CT and write it in a layout.

    Parameters
    ----------
    location : str
        As `io.locations` reads it.
    published : bool
        Resample as the published steps do (their values within 1 HU); false: as `ct.prepare` does by default.

    Returns
    -------
    dict
        `shape` (z, x, y), `spacing` (mm along z, y, x), `unit` and `how`.

    Raises
    ------
    UsageError
        There is no such layout, or OUT has another suffix.
    Refused
        As `ct.prepare`; nothing is written then.
    """
    if layout not in SUFFIXES:
        raise UsageError(f"--layout {layout}: must be one of {', '.join(SUFFIXES)}")
    if out.suffix != SUFFIXES[layout]:
        raise UsageError(f"{out.name}: the layout {layout} is written as {SUFFIXES[layout]}")
    ct = modality("ct")
    stream, facts = ct.prepare(location, ct.Settings.model_validate({"published": published}), "")
    assert isinstance(stream, Stream)  # a volume, not a film
    depth, rows, columns = stream.shape
    array = np.empty((depth, columns, rows), np.float32)
    for number, plane in stream.slices:  # the top slice is number 0
        array[depth - 1 - number] = plane.T / np.float32(SCALE)
    meta = {"shape": list(array.shape), "spacing": facts["spacing"], "unit": "HU / 1000", "how": facts["how"]}
    with files.atomic(out, "wb") as handle:
        _WRITERS[layout](handle, array, facts)
    return meta


def _npz(handle: IO[bytes], array: np.ndarray, facts: Row) -> None:
    beside: dict[str, Any] = {
        VOXELS: array,
        SPACING: np.array(facts["spacing"]),
        AFFINE: _placed(np.array(facts["affine"]), len(array)),
        PROVENANCE: np.array(json.dumps(facts["how"], sort_keys=True)),
    }
    np.savez(handle, **beside)  # older numpy would store a keyword as one more array


def _npy(handle: IO[bytes], array: np.ndarray, facts: Row) -> None:
    np.save(handle, array, allow_pickle=False)


def _placed(affine: np.ndarray, depth: int) -> np.ndarray:
    """From (z, x, y) of the layout to mm, where `affine` leads from (x, y, z) of a volume whose top slice comes first."""
    placed = affine[:, [2, 0, 1, 3]].copy()
    placed[:3, 3] += placed[:3, 0] * (depth - 1)
    placed[:3, 0] *= -1
    return placed


_WRITERS: dict[str, Callable[[IO[bytes], np.ndarray, Row], None]] = {"preprocessed": _npz, "preprocessed_numpy": _npy}
