"""NIfTI volumes by nibabel: the place of every voxel from sform or qform, in one orientation; the format has no unit."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from isal import igzip, isal_zlib

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io.dicom import quiet
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.volume import Volume

_BAD_STREAM: Any = isal_zlib.error  # an attribute that its types give as an instance
#: sform and qform of one file may put a corner of the volume so far apart, mm.
_SAME_PLACE = 0.5
#: From millimetres as NIfTI counts them (to the right, the front, the head) to DICOM's (to the left, the back, the head).
_TO_DICOM = np.diag([-1.0, -1.0, 1.0, 1.0])
#: The bits of a voxel of masks.
_MOST_FINDINGS = 32


def read(path: Path) -> Volume:
    """A volume; integers stay integers where the file scales by none, else float32; raises as `planes` and its planes do."""
    return planes(path).whole()


def planes(path: Path, *, trusted: bool = True) -> Planes:
    """A volume to be read plane by plane, as the file has them; no more than the header claims is inflated.

    Parameters
    ----------
    trusted : bool
        False where somebody else states scale and place: the file's own are passed over, and the matrix is the identity.

    Raises
    ------
    Refused
        `file_missing`, `file_unreadable`, `file_truncated`, `image_too_large`, `multiframe` (a fourth axis), `pixels_missing`,
        `pixels_undecodable` (colour, complex numbers), `no_geometry` or `gantry_tilt`; and while planes are read
        `file_unreadable`, `file_truncated` or `pixels_not_finite`.
    """
    with _reading(path) as handle:
        header, offset = _header(handle)
    how: dict[str, Any] = {"decoder": "nibabel", "stored": header.get_data_dtype().name}
    affine, slope, intercept = np.eye(4), 1.0, 0.0
    if trusted:
        affine = _TO_DICOM @ _affine(header, how)
        how["spatial_unit"] = header.get_xyzt_units()[0]
        slope, intercept = _scale(header, how)
    width, height, depth = header.get_data_shape()[:3]
    stored = header.get_data_dtype()

    def read_planes() -> Iterator[np.ndarray]:
        with _reading(path) as handle:
            _exactly(handle, offset)
            for _ in range(depth):
                yield _plane(_exactly(handle, height * width * stored.itemsize), stored, (height, width), slope, intercept)
            while handle.read(1 << 20):  # to the end, where gzip keeps its sum
                pass

    dtype = stored.newbyteorder("=") if (slope, intercept) == (1, 0) else np.dtype(np.float32)
    return Planes((depth, height, width), dtype, affine[:, [2, 1, 0, 3]], read_planes, how=how)


def masks(path: Path, volume: Planes) -> Planes:
    """Masks on the grid of a volume, whose place they take: planes of uint32, bit k for finding k.

    The file has three axes (one finding), or the findings before them (ReXGroundingCT); any value but 0 is the finding.

    Raises
    ------
    Refused
        `shape_differs`: another number of voxels than the volume; `multiframe`: more findings than there are bits; and as
        `planes`.
    """
    with _reading(path) as handle:
        header, offset = _header(handle, most_axes=4)
    *several, width, height, depth = header.get_data_shape()
    count = several[0] if several else 1
    if (depth, height, width) != volume.shape:
        sizes = (f"{x} x {y} x {z}" for z, y, x in ((depth, height, width), volume.shape))
        raise Refused("shape_differs", "", "the masks have {} voxels, their volume {}".format(*sizes))
    if count > _MOST_FINDINGS:
        raise Refused("multiframe", "", f"the masks are of {count} findings; {_MOST_FINDINGS} can be told apart")
    stored = header.get_data_dtype()
    bits = np.left_shift(np.uint32(1), np.arange(count, dtype=np.uint32))

    def read_planes() -> Iterator[np.ndarray]:
        with _reading(path) as handle:
            _exactly(handle, offset)
            for _ in range(depth):
                data = _exactly(handle, height * width * count * stored.itemsize)
                findings = np.frombuffer(data, stored).reshape(height, width, count) != 0
                yield (findings * bits).sum(axis=2, dtype=np.uint32)
            while handle.read(1 << 20):
                pass

    how = {"findings": count}
    return Planes(volume.shape, np.dtype(np.uint32), volume.affine, read_planes, volume.frame_of_reference, how=how)


def to_bytes(volume: Volume) -> bytes:
    """A volume as a NIfTI-1 file, gzip; equal volumes give equal bytes.

    Raises
    ------
    Refused
        `no_geometry`: nothing says where the voxels are.
    """
    import nibabel as nib

    if volume.affine is None:
        raise Refused("no_geometry")
    image = nib.nifti1.Nifti1Image(volume.array.transpose(2, 1, 0), _TO_DICOM @ volume.affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    return gzip.compress(image.to_bytes(), 6, mtime=0)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    """The file, inflated if it is gzip; what goes wrong inside is refused by reason."""
    try:
        with open(path, "rb") as handle:
            zipped = handle.read(2) == b"\x1f\x8b"
        with igzip.open(path, "rb") if zipped else open(path, "rb") as handle:
            yield handle
    except FileNotFoundError as error:
        raise Refused("file_missing") from error
    except EOFError as error:
        raise Refused("file_truncated") from error
    except (OSError, _BAD_STREAM) as error:  # gzip.BadGzipFile is an OSError
        raise Refused("file_unreadable", "", "the file cannot be read or inflated") from error


def _header(handle: IO[bytes], most_axes: int = 3) -> tuple[Any, int]:
    """The header, and where the voxels begin."""
    import nibabel as nib  # a tenth of a second, and only NIfTI needs it

    start = handle.read(540)
    kind = nib.nifti2.Nifti2Header if start[4:8] == b"n+2\x00" else nib.nifti1.Nifti1Header
    try:
        with quiet():
            header = kind(start[: kind.sizeof_hdr], endianness=None, check=False)  # extensions behind it are passed over
            shape, offset = header.get_data_shape(), int(header["vox_offset"])
    except Exception as error:  # nibabel raises by what it stumbled over
        raise Refused("file_unreadable", "", "the NIfTI header cannot be read") from error
    if len(shape) < 3 or any(n != 1 for n in shape[most_axes:]):
        raise Refused("multiframe", "", f"the file holds {len(shape)} axes where a volume has three")
    limits.check_voxels(shape)
    if offset < header.sizeof_hdr or offset > 1 << 20:
        raise Refused("file_unreadable", "", "the NIfTI header says that the voxels begin where they cannot")
    if header.get_data_dtype().kind not in "iuf":
        raise Refused("pixels_undecodable", "", "the voxels are not plain numbers")
    return header, offset


def _exactly(handle: IO[bytes], size: int) -> bytes:
    data = handle.read(size)
    while len(data) < size:
        more = handle.read(size - len(data))
        if not more:
            raise Refused("file_truncated")
        data += more
    return data


def _plane(data: bytes, dtype: np.dtype, shape: tuple[int, int], slope: float, intercept: float) -> np.ndarray:
    """One plane, scaled as the file says."""
    plane = np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
    if (slope, intercept) != (1, 0):
        plane = plane * np.float32(slope) + np.float32(intercept)
    if plane.dtype.kind == "f" and not np.isfinite(plane).all():
        raise Refused("pixels_not_finite")
    return plane


def _scale(header: Any, how: dict[str, Any]) -> tuple[float, float]:
    """Slope and intercept, (1, 0) where the file scales by none."""
    try:
        if np.isinf([header["scl_slope"], header["scl_inter"]]).any():
            raise ValueError("infinite")
        slope, intercept = header.get_slope_inter()
    except Exception as error:  # a slope that is infinite
        raise Refused("pixels_not_finite", "", "the scale of the voxels is not a number") from error
    scale = 1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)
    if scale != (1, 0):
        how["rescale"] = list(scale)
    return scale


def _affine(header: Any, how: dict[str, Any]) -> np.ndarray:
    """The matrix of sform, else of qform; a file with neither, or with two that disagree, has no geometry."""
    codes = {"sform": int(header["sform_code"]), "qform": int(header["qform_code"])}
    used = [name for name, code in codes.items() if code > 0]
    how["geometry"] = used[0] if used else None
    if not used:
        raise Refused("no_geometry", "", "neither sform nor qform of the NIfTI is set")
    try:
        with quiet():
            placed = [getattr(header, f"get_{name}")() for name in used]
    except Exception as error:  # a quaternion that is none
        raise Refused("no_geometry", "", "the qform of the NIfTI is no rotation") from error
    if len(placed) == 2:
        last = np.array([*(n - 1 for n in header.get_data_shape()[:3]), 1.0])
        corners = [placed[0] @ corner - placed[1] @ corner for corner in (last, np.array([0, 0, 0, 1.0]))]
        if max(np.abs(difference).max() for difference in corners) > _SAME_PLACE:
            raise Refused("no_geometry", "", "sform and qform of the NIfTI put its voxels in different places")
    if header.get_xyzt_units()[0] not in ("mm", "unknown"):
        raise Refused("no_geometry", "", "the NIfTI counts in another unit than millimetres")
    return np.asarray(placed[0], float)
