"""NIfTI and bare arrays: placed or refused, never with a unit of their own, and never more of them inflated than they claim."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from docphim.errors import Refused
from docphim.imaging.convert import convert
from docphim.imaging.inspect import inspect
from docphim.imaging.io import arrays, read_volume
from docphim.imaging.io.locations import Key

VOXELS = np.random.default_rng(0).integers(-1000, 1000, (6, 5, 4)).astype(np.int16)
RAS = np.array([[0.5, 0, 0, -10], [0, 0.75, 0, -20], [0, 0, 2.5, 30], [0, 0, 0, 1]])


def nifti(voxels: np.ndarray = VOXELS, affine: np.ndarray | None = RAS, **header: Any) -> bytes:
    """A file; `header` overwrites fields of its header after it was written."""
    data = nib.Nifti1Image(voxels, affine).to_bytes()
    fields = nib.Nifti1Header(data[:348], check=False)
    for key, value in header.items():
        fields[key] = value
    return fields.binaryblock + data[348:]


def read(tmp_path: Path, data: bytes) -> Any:
    (tmp_path / "volume").write_bytes(data)
    return read_volume(str(tmp_path / "volume"))


@pytest.mark.parametrize("packed", [False, True])
def test_a_nifti_is_turned_to_the_one_orientation(tmp_path: Path, packed: bool) -> None:
    volume = read(tmp_path, gzip.compress(nifti()) if packed else nifti())
    # RAS counts to the right, the front, the head: all three are turned round
    np.testing.assert_array_equal(volume.array, VOXELS.transpose(2, 1, 0)[::-1, ::-1, ::-1])
    assert volume.spacing == (2.5, 0.75, 0.5)
    assert (volume.unit, volume.modality, volume.array.dtype) == (None, "", np.int16)
    assert (volume.affine @ [5, 4, 3, 1])[:3] == pytest.approx([10, 20, 30])


def test_a_fourth_axis_of_one_and_a_scale_are_read(tmp_path: Path) -> None:
    volume = read(tmp_path, nifti(VOXELS[..., None].astype(np.uint16) // 64, scl_slope=0.5, scl_inter=-100))
    expected = (VOXELS.astype(np.uint16) // 64).astype(np.float32) * 0.5 - 100
    np.testing.assert_array_equal(volume.array, expected.transpose(2, 1, 0)[::-1, ::-1, ::-1])


TURNED = RAS.copy()
TURNED[0, 3] += 5
SHEARED = RAS.copy()
SHEARED[1, 2] = 0.7


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (nifti(sform_code=0, qform_code=0), "no_geometry"),
        (nifti(affine=None), "no_geometry"),
        (nifti(srow_x=TURNED[0], qform_code=1), "no_geometry"),
        (nifti(xyzt_units=1), "no_geometry"),
        (nifti(srow_x=[0, 0, 0, 0], srow_y=[0, 0, 0, 0]), "no_geometry"),
        (nifti(affine=SHEARED, qform_code=0), "gantry_tilt"),
        (nifti(np.zeros((3, 3, 3, 2), np.int16)), "multiframe"),
        (nifti(np.full((3, 3, 3), np.nan, np.float32)), "pixels_not_finite"),
        (nifti(np.zeros((3, 3, 3), np.complex64)), "pixels_undecodable"),
        (nifti()[:-7], "file_truncated"),
        (gzip.compress(nifti())[:-60], "file_truncated"),
        (nifti(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]), "image_too_large"),
        (nifti(dim=[3, 6, 0, 4, 1, 1, 1, 1]), "pixels_missing"),
        (nifti(vox_offset=2e9), "file_unreadable"),
    ],
)
def test_a_nifti_that_cannot_be_trusted_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(tmp_path, data)
    assert refusal.value.reason == reason
    (tmp_path / "volume").rename(tmp_path / "volume.nii")
    assert [r["reason"] for r in inspect(tmp_path / "volume.nii")["refused"]] == [reason]


def test_a_nifti_is_described_and_not_converted(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti())
    row = inspect(tmp_path)["volumes"][0]
    assert (row["where"], row["shape"], row["spacing"], row["unit"]) == ("a.nii", [4, 5, 6], [2.5, 0.75, 0.5], None)
    assert [r["reason"] for r in row["refused"]] == ["unit_unknown"]
    with pytest.raises(Refused, match="unit_unknown"):
        convert(tmp_path / "a.nii", tmp_path / "b.npy")


def npz(tmp_path: Path, **named: np.ndarray) -> Path:
    np.savez_compressed(tmp_path / "volumes.npz", **named)
    return tmp_path / "volumes.npz"


def test_an_array_is_what_its_owner_says(tmp_path: Path) -> None:
    path = npz(tmp_path, data=VOXELS, other=np.asfortranarray(VOXELS.astype(np.float32)))
    volume = read_volume(f"npz:{path}#data")
    np.testing.assert_array_equal(volume.array, VOXELS)
    assert (volume.unit, volume.spacing, volume.affine) == (None, None, None)
    stated = arrays.read(Key(str(path), "other"), unit="HU", spacing=(2.5, 0.75, 0.5))
    np.testing.assert_array_equal(stated.array, VOXELS)
    assert (stated.unit, stated.spacing) == ("HU", (2.5, 0.75, 0.5))
    assert arrays.keys(path) == ["data", "other"]


def test_the_arrays_of_a_file_are_listed(tmp_path: Path) -> None:
    row = inspect(npz(tmp_path, data=VOXELS, flat=np.zeros((3, 3))))
    assert (row["format"], row["shape"], row["arrays"]["data"]["shape"]) == ("npz", [6, 5, 4], [6, 5, 4])
    assert [(r["where"], r["reason"]) for r in row["refused"]] == [
        ("volumes.npz#data", "unit_unknown"),
        ("volumes.npz#flat", "pixels_undecodable"),
    ]


def bomb() -> bytes:
    """An archive whose array claims a petabyte."""
    handle, array = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {"descr": "<i2", "fortran_order": False, "shape": (100000,) * 3})
    with zipfile.ZipFile(handle, "w") as archive:
        archive.writestr("data.npy", array.getvalue())
    return handle.getvalue()


def objects() -> bytes:
    """An array of pickled objects."""
    handle = io.BytesIO()
    np.savez(handle, data=np.array([[[{"a": 1}]]], dtype=object))
    return handle.getvalue()


@pytest.mark.parametrize(
    ("data", "key", "reason"),
    [
        (bomb(), "data", "image_too_large"),
        (objects(), "data", "pixels_undecodable"),
        (b"PK\x03\x04junk", "data", "file_unreadable"),
        (None, "data", "file_missing"),
    ],
)
def test_an_array_that_cannot_be_trusted_is_refused(tmp_path: Path, data: bytes | None, key: str, reason: str) -> None:
    if data is not None:
        (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(Refused) as refusal:
        read_volume(f"npz:{tmp_path}/a.npz#{key}")
    assert refusal.value.reason == reason


def test_a_key_that_is_not_there_is_a_missing_image(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        read_volume(f"npz:{npz(tmp_path, data=VOXELS)}#pet")
    assert refusal.value.reason == "image_missing"


def test_a_film_is_no_volume(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(Refused, match="no volume"):
        read_volume(str(tmp_path / "a.png"))
