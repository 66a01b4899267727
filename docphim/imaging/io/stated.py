"""Volumes whose files are silent or wrong about themselves, read by what the dataset or the recipe states of them.

| form | file | stated |
|---|---|---|
| `ct_rate_v1` | NIfTI of CT-RATE's first version, whose scale and place are wrong | `slope`, `intercept`, `spacing` |
| `preprocessed` | `.npz` of float32 (z, x, y) in -1…1, with spacing and place beside | |
| `preprocessed_numpy` | `.npy` of the same array | `spacing` |

`spacing` is in mm along z, y and x.  Where a file does not place its voxels, z runs to the head, y to the back and x to the
patient's left, as CT-RATE's volumes are stored; the centre of the first voxel is the origin.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from docphim.errors import Refused
from docphim.imaging.io import arrays, nifti
from docphim.imaging.io.locations import Stated
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.volume import Volume

#: HU at 1 in the paper's layouts; -1 is air.
SCALE = 1000.0
#: Rounding apart, values of the layouts lie within -1…1.
_MOST = 1.001
#: The arrays of an `.npz` of the layout: voxels under numpy's name for an unnamed one, as the published scripts read it.
VOXELS, SPACING, AFFINE, PROVENANCE = "arr_0", "spacing", "affine", "provenance"

Facts = dict[str, Any]


def read(place: Stated) -> Volume:
    """A volume in HU; raises as `planes` and its planes do."""
    return planes(place).whole()


def planes(place: Stated) -> Planes:
    """A volume in HU, to be read plane by plane.

    Raises
    ------
    Refused
        `no_geometry`: no spacing is stated where it must be; `not_hu`: values beyond -1…1; `file_unreadable`: no such form, or
        not a file of it; and as `nifti.planes`.
    """
    if place.form not in _FORMS:
        raise Refused("file_unreadable", "", f"no volumes of the form {place.form!r} are known")
    return _FORMS[place.form](Path(place.path), place.facts)


def _first_version(path: Path, facts: Facts) -> Planes:
    slope, intercept = (_number(facts, name) for name in ("slope", "intercept"))
    whole = nifti.planes(path, trusted=False)

    def rescaled() -> Iterator[np.ndarray]:
        for plane in whole.read():
            yield plane * np.float32(slope) + np.float32(intercept)

    how = whole.how | {"rescale": [slope, intercept], "geometry": "stated"}
    affine = _placed(_spacing(facts))
    return replace(whole, affine=affine, read=rescaled, dtype=np.dtype(np.float32), unit="HU", modality="CT", how=how)


def _preprocessed(path: Path, facts: Facts) -> Planes:
    try:
        with zipfile.ZipFile(path) as archive:
            beside = {name: _small(archive, name) for name in (SPACING, AFFINE)}
    except FileNotFoundError as error:
        raise Refused("file_missing") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise Refused("file_unreadable", "", "the archive holds no volume with its spacing and place") from error
    affine = np.asarray(beside[AFFINE], float)
    steps = np.linalg.norm(affine[:3, :3], axis=0) if affine.shape == (4, 4) else np.zeros(3)
    if beside[SPACING].shape != (3,) or not np.allclose(steps, beside[SPACING][[0, 2, 1]], rtol=1e-3):
        raise Refused("no_geometry", "", "the spacing of the array and the matrix that places it disagree")
    return _array(affine, lambda: _member(path), {"geometry": "file"})


def _preprocessed_numpy(path: Path, facts: Facts) -> Planes:
    z, y, x = _spacing(facts)
    return _array(_placed((z, y, x))[:, [0, 2, 1, 3]], lambda: open(path, "rb"), {"geometry": "stated"})


def _array(affine: np.ndarray, opened: Callable[[], AbstractContextManager[IO[bytes]]], how: Facts) -> Planes:
    """Planes of a float array (z, x, y) in -1…1."""
    with _reading(opened) as handle:
        shape = _header(handle)

    def read_planes() -> Iterator[np.ndarray]:
        depth, *rest = shape
        with _reading(opened) as handle:
            _header(handle)
            for _ in range(depth):
                data = handle.read(int(np.prod(rest)) * 4)
                if len(data) < int(np.prod(rest)) * 4:
                    raise Refused("file_truncated")
                plane = np.frombuffer(data, "<f4").reshape(rest)
                if not np.isfinite(plane).all():
                    raise Refused("pixels_not_finite")
                if np.abs(plane).max(initial=0) > _MOST:
                    why = f"values reach {np.abs(plane).max():g} where the layout has -1 to 1"
                    raise Refused("not_hu", "", why)
                yield plane * np.float32(SCALE)

    return Planes(shape, np.dtype(np.float32), affine, read_planes, unit="HU", modality="CT", how={"decoder": "numpy", **how})


def _header(handle: IO[bytes]) -> tuple[int, int, int]:
    shape, by_columns, dtype = arrays.header(handle)
    if by_columns or dtype != np.dtype("<f4"):
        raise Refused("pixels_undecodable", "", "the array is not float32, row by row")
    depth, across, down = shape
    return depth, across, down


@contextlib.contextmanager
def _member(path: Path) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive, archive.open(f"{VOXELS}.npy") as handle:
        yield handle


@contextlib.contextmanager
def _reading(opened: Callable[[], AbstractContextManager[IO[bytes]]]) -> Iterator[IO[bytes]]:
    """The opened array; what goes wrong inside is refused by reason."""
    try:
        with opened() as handle:
            yield handle
    except FileNotFoundError as error:
        raise Refused("file_missing") from error
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Refused("file_unreadable", "", "the array cannot be read") from error


def _small(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as handle:
        return np.asarray(np.lib.format.read_array(handle, allow_pickle=False, max_header_size=1000), float)


def _spacing(facts: Facts) -> tuple[float, float, float]:
    values = facts.get("spacing")
    if not (isinstance(values, list | tuple) and len(values) == 3 and all(_is_length(value) for value in values)):
        raise Refused("no_geometry", "", "no spacing is stated for the volume")
    z, y, x = map(float, values)
    return z, y, x


def _is_length(value: Any) -> bool:
    return isinstance(value, int | float) and 0 < value < 100


def _number(facts: Facts, name: str) -> float:
    value = facts.get(name)
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise Refused("unit_unknown", "", f"no {name} is stated for the volume")
    return float(value)


def _placed(spacing: tuple[float, float, float]) -> np.ndarray:
    """From (plane, row, column) to mm (to the left, the back, the head), the first voxel in the origin."""
    z, y, x = spacing
    return np.array([[0, 0, x, 0], [0, y, 0, 0], [z, 0, 0, 0], [0, 0, 0, 1.0]])


_FORMS: dict[str, Callable[[Path, Facts], Planes]] = {
    "ct_rate_v1": _first_version,
    "preprocessed": _preprocessed,
    "preprocessed_numpy": _preprocessed_numpy,
}
