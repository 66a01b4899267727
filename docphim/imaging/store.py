"""Prepared pixels on disk: one blosc2 `.b2nd` file per film or volume, its metadata inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import blosc2
import numpy as np

from docphim import files
from docphim.errors import Refused

#: Rows of one compressed block.  Said outright: blosc2 would choose by the machine's cache, and the bytes would differ.
_BLOCK_ROWS = 64
#: Bit shuffle at level 1 packs films as small as byte shuffle at level 5, six times as fast (benchmarks/prepare.py).
_PACK = {"codec": blosc2.Codec.ZSTD, "clevel": 1, "filters": [blosc2.Filter.BITSHUFFLE], "nthreads": 1}
_KEY = "docphim"


def write(path: Path, array: np.ndarray, meta: dict[str, Any]) -> None:
    """Write an image (h, w) or a volume (z, h, w), one chunk per slice; equal input gives equal bytes.

    Parameters
    ----------
    path : Path
        Where the file appears, whole or not at all.
    array : ndarray
        Any number type; stored as it is.
    meta : dict
        JSON-ready; read back by `read_meta` without touching the pixels.

    Raises
    ------
    Refused
        `disk_full`.
    """
    array = np.ascontiguousarray(array)
    *leading, height, width = array.shape
    ones = [1] * len(leading)
    stored = blosc2.asarray(
        array,
        chunks=(*ones, height, width),
        blocks=(*ones, min(_BLOCK_ROWS, height), width),
        cparams=_PACK,
    )
    stored.schunk.vlmeta[_KEY] = json.dumps(meta, ensure_ascii=False, sort_keys=True, allow_nan=False)
    with files.atomic(Path(path), "wb") as handle:
        handle.write(stored.to_cframe())


def read(path: Path) -> np.ndarray:
    """The pixels of a prepared file.

    Raises
    ------
    Refused
        `file_missing`, `file_empty` or `file_unreadable`.
    """
    return _open(path)[...]


def read_meta(path: Path) -> dict[str, Any]:
    """The metadata that `write` was given; raises as `read` does."""
    stored = _open(path)
    try:
        return json.loads(stored.schunk.vlmeta[_KEY])
    except (KeyError, ValueError) as error:
        raise Refused("file_unreadable", Path(path).name, "the prepared file has no metadata") from error


def read_both(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Pixels and metadata with one read of the file; raises as `read` does."""
    stored = _open(path)
    try:
        return stored[...], json.loads(stored.schunk.vlmeta[_KEY])
    except (KeyError, ValueError, RuntimeError) as error:
        raise Refused("file_unreadable", Path(path).name, "the prepared file is damaged") from error


def _open(path: Path) -> blosc2.NDArray:
    path = Path(path)
    try:
        frame = path.read_bytes()
    except OSError as error:
        raise Refused("file_missing", path.name, "the prepared file is not there") from error
    if not frame:
        raise Refused("file_empty", path.name)
    try:
        stored = blosc2.ndarray_from_cframe(frame, copy=True)
    except Exception as error:  # blosc2 raises RuntimeError, ValueError and others for a damaged frame
        raise Refused("file_unreadable", path.name, "the prepared file is damaged") from error
    return stored
