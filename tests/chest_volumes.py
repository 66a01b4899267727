"""A chest made for tests, in HU: 12 slices of 32 x 32 voxels of 20 x 10 x 10 mm, and what else may lie in a scanner."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import ct_series
import nibabel as nib
import numpy as np
from ct_series import Change
from pydicom import Dataset

SHAPE, SPACING = (12, 32, 32), (20.0, 10.0, 10.0)
#: From (x, y, z) to mm of the patient (to the left, the back, the head): the top slice first.
PLACED = np.array([[10.0, 0, 0, -155], [0, 10, 0, -155], [0, 0, -20, 110], [0, 0, 0, 1]])
#: The recipe's grid in tests: that of the file, or a coarser one.
SAME_GRID, COARSE = {"spacing": SPACING}, {"spacing": (20.0, 15.0, 15.0)}
_RNG = np.random.default_rng(0)
_NOISE = _RNG.normal(0, 12, SHAPE)


def _grid() -> tuple[np.ndarray, ...]:
    return tuple(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"))


def body(inside: float = 40) -> np.ndarray:
    """A trunk with a rim of fat and a spine in air, and no lung."""
    _, y, x = _grid()
    values = np.full(SHAPE, -1000.0)
    values[(x / 0.85) ** 2 + (y / 0.6) ** 2 < 1] = -100
    values[(x / 0.78) ** 2 + (y / 0.53) ** 2 < 1] = inside
    values[(x / 0.12) ** 2 + ((y - 0.4) / 0.12) ** 2 < 1] = 300
    return values + _NOISE


def chest(top: float = -0.8, bottom: float = 0.8) -> np.ndarray:
    """The trunk with two lungs between two heights, -1 the head; a marker of 700 HU in the left lung, near top and front."""
    z, y, x = _grid()
    values = body()
    for side in (-1, 1):
        lung = ((x - side * 0.42) / 0.27) ** 2 + ((y + 0.02) / 0.42) ** 2 < 1
        inside = lung & (z > top) & (z < bottom)
        values[inside] = -850 + _NOISE[inside] * 2
    values[3, 12, 22] = 700
    return values


def noisy(deviation: float) -> np.ndarray:
    """The chest as a sharp kernel shows it, with noise of so many HU."""
    return chest() + _NOISE[::-1] * deviation / 12


def head() -> np.ndarray:
    """A skull around a brain, with small cavities of air."""
    _, y, x = _grid()
    values = np.full(SHAPE, -1000.0)
    values[(x / 0.55) ** 2 + (y / 0.65) ** 2 < 1] = 900
    values[(x / 0.5) ** 2 + (y / 0.6) ** 2 < 1] = 35
    values[6:8, 8:9, 14:18] = -1000
    return values + _NOISE


def abdomen() -> np.ndarray:
    """A trunk with a bubble of gas in the stomach."""
    values = body()
    values[2:5, 11:13, 20:24] = -1000
    return values


def opened(volume: np.ndarray, way: str) -> np.ndarray:
    """The chest with its lungs open to the air outside, or to each other."""
    values = volume.copy()
    if way == "tracheostomy":  # three blank slices, and the windpipe from there into both lungs
        values[:3], values[3:7, 14:17, 14:18] = -1000 + _NOISE[:3], -1000
        values[5:7, 14:17, 8:24] = -1000
    if way == "joined":
        values[4:8, 14:18, 8:24] = -850
    if way.startswith("blank"):
        values[int(way[5:])] = -1000
    return values


def round_view(padding: float) -> np.ndarray:
    """The chest, with padding outside the scanner's round field of view."""
    _, y, x = _grid()
    values = chest()
    values[x**2 + y**2 > 1.02] = padding
    return values


def crop() -> np.ndarray:
    """What a crop shows that no outside air is in: heart and lungs from edge to edge."""
    return np.repeat(np.repeat(chest()[2:10, 12:21, 7:25], 2, axis=1), 2, axis=2)


def nifti(values: np.ndarray, affine: np.ndarray = PLACED, dtype: Any = np.int16, **header: Any) -> bytes:
    """A file of values (z, y, x) placed by a matrix as DICOM counts."""
    stored = np.rint(values) if np.dtype(dtype).kind in "iu" else values
    image = nib.Nifti1Image(stored.astype(dtype).transpose(2, 1, 0), np.diag([-1.0, -1, 1, 1]) @ affine)
    image.header.set_xyzt_units("mm")
    for key, value in header.items():
        image.header[key] = value
    if not {"scl_slope", "scl_inter"} & set(header):
        return image.to_bytes()
    data = image.to_bytes()
    fields = nib.Nifti1Header(data[:348], check=False)
    for key, value in header.items():
        fields[key] = value
    return fields.binaryblock + data[348:]


def orientations(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same volume in the 48 ways in which its axes may lie: array in the order of the matrix's columns, and the matrix."""
    array = values.transpose(2, 1, 0)
    for order in permutations(range(3)):
        for flips in product((False, True), repeat=3):
            turned, placed = array.transpose(order), PLACED[:, [*order, 3]].copy()
            for axis in np.flatnonzero(flips):
                turned = np.flip(turned, axis)
                placed[:3, 3] += placed[:3, axis] * (turned.shape[axis] - 1)
                placed[:3, axis] *= -1
            yield turned, placed


def write(path: Path, data: bytes) -> str:
    """A file, and its location."""
    path.write_bytes(data)
    return str(path)


def scan(folder: Path, values: np.ndarray | None = None, change: Change | None = None, name: str = "", **tags: Any) -> Path:
    """A DICOM series of the chest, axial, feet first; `tags` and `change` as in `ct_series`, `name` before each file's."""
    shown = np.rint(chest() if values is None else values)[::-1]

    def made(ds: Dataset, number: int) -> Dataset | None:
        ds.Rows, ds.Columns, ds.PixelSpacing = 32, 32, list(SPACING[1:])
        ds.ImagePositionPatient = [-155.0, -155.0, -110.0 + SPACING[0] * number]
        ds.PixelData = (shown[number] + 1024).clip(0, 65535).astype(np.uint16).tobytes()
        ds.BitsStored, ds.HighBit = 16, 15
        changed = ct_series.setting(**tags)(ds, number)
        return changed if changed is None or change is None else change(changed, number)

    written = ct_series.write(folder / "new", made)
    for path in sorted(written.iterdir()):
        path.rename(folder / f"{name}{path.name}")
    written.rmdir()
    return folder
