"""Thumbnails of prepared series: `prepared/thumbs-MODALITY.npy` has a row for each of the modality's rows of index.jsonl."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from docphim import files
from docphim.errors import Refused, machine
from docphim.study import Row

#: The side of a volume's thumbnail, which is a cube.
SIDE = 16


def cube(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """16 slices of a volume, the middles of equal parts, each averaged to 16 x 16, float32."""
    middles = [int((part + 0.5) * shape[0] / SIDE) for part in range(SIDE)]
    small: np.ndarray = slices(middles).astype(np.float32)
    for axis in (1, 2):
        edges = np.linspace(0, shape[axis], SIDE, endpoint=False).astype(int)
        counts = np.diff([*edges, shape[axis]]).astype(np.float32)
        small = np.add.reduceat(small, edges, axis) / (counts[:, None] if axis == 1 else counts)
    return small


def write(prepared: Path, rows: list[Row], thumbs: list[np.ndarray]) -> None:
    """Write one file a modality; `thumbs` belong to `rows` one by one.  Files of modalities that are gone are removed."""
    names = {_path(prepared, row["modality"]) for row in rows}
    for path in prepared.glob("thumbs-*.npy"):
        if path not in names:
            path.unlink()
    for path in sorted(names):
        mine = [thumb for row, thumb in zip(rows, thumbs, strict=True) if _path(prepared, row["modality"]) == path]
        with files.atomic(path, "wb") as handle:
            np.save(handle, np.stack(mine))


def read(prepared: Path, rows: Iterable[Row]) -> dict[str, tuple[list[Row], np.ndarray]]:
    """By modality its rows of index.jsonl, and their thumbnails, float32 (n, …).

    Raises
    ------
    Refused
        `file_missing`, or `file_changed` where index and thumbnails are of different counts.
    """
    by_modality: dict[str, list[Row]] = {}
    for row in rows:
        by_modality.setdefault(row["modality"], []).append(row)
    return {name: (mine, _read(_path(prepared, name), len(mine))) for name, mine in by_modality.items()}


def _read(path: Path, count: int) -> np.ndarray:
    try:
        thumbs: np.ndarray = np.load(path)
    except OSError as error:
        why = "prepare has not written the thumbnails"
        raise machine(error, path.name) or Refused("file_missing", path.name, why) from error
    except ValueError as error:
        raise Refused("file_changed", path.name, "the thumbnails cannot be read") from error
    if len(thumbs) != count:
        raise Refused("file_changed", path.name, f"there are {len(thumbs)} thumbnails of {count} series")
    return thumbs


def _path(prepared: Path, modality: str) -> Path:
    return prepared / f"thumbs-{modality}.npy"
