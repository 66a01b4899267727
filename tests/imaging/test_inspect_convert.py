"""Inspect says what a file is and why it is refused; convert writes one film whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import struct
from pathlib import Path

import numpy as np
import petct_files
import pytest
from chest_films import film, picture, stored
from ct_series import setting
from PIL import Image

from docphim.errors import Refused, UsageError
from docphim.imaging import mip, store
from docphim.imaging.convert import convert
from docphim.imaging.inspect import inspect

NIFTI = bytearray(348 + 4)
struct.pack_into("<i", NIFTI, 0, 348)
struct.pack_into("<8h", NIFTI, 40, 3, 40, 50, 60, 1, 1, 1, 1)
struct.pack_into("<h", NIFTI, 70, 4)
struct.pack_into("<8f", NIFTI, 76, 1, 0.75, 0.75, 1.5, 0, 0, 0, 0)
struct.pack_into("<f", NIFTI, 108, 352)
NIFTI[344:348] = b"n+1\0"


def inspected(tmp_path: Path, data: bytes, name: str = "a") -> dict[str, object]:
    path = tmp_path / name
    path.write_bytes(data)
    row = inspect(path)
    json.dumps(row, allow_nan=False)
    return row


@pytest.mark.parametrize("name", ["film", "film.dcm", "film.jpg"])
def test_a_film_is_known_whatever_its_name(tmp_path: Path, name: str) -> None:
    row = inspected(tmp_path, film(12, PixelSpacing=[0.2, 0.2], ViewPosition="PA"), name)
    assert row["refused"] == []
    assert (row["format"], row["modality"], row["shape"], row["spacing"]) == ("dicom", "CR", [240, 200], [0.2, 0.2])
    assert (row["unit"], row["view"]) == ("display", "PA")


def test_a_picture_is_taken_for_a_film(tmp_path: Path) -> None:
    row = inspected(tmp_path, picture(stored(8)))
    assert (row["format"], row["modality"], row["shape"], row["spacing"], row["refused"]) == (
        "png",
        "xray",
        [240, 200],
        None,
        [],
    )


@pytest.mark.parametrize(
    ("data", "expected", "reason"),
    [
        (film(12, Modality="CT", PixelSpacing=[0.7, 0.7]), ("dicom", "CT", [240, 200], [0.7, 0.7]), "modality_unsupported"),
        (film(12, Modality="PT"), ("dicom", "PT", [240, 200], None), "modality_unsupported"),
        (bytes(NIFTI), ("nifti", None, None, None), "no_geometry"),
        (gzip.compress(bytes(NIFTI), mtime=0), ("nifti", None, None, None), "no_geometry"),
        (film(12, ViewPosition="LL"), ("dicom", "CR", [240, 200], None), "view_out_of_scope"),
        (film(12, BodyPartExamined="KNEE"), ("dicom", "CR", [240, 200], None), "body_part_out_of_scope"),
        (picture(np.full((90, 80), 3, np.uint8)), ("png", None, [90, 80], None), "pixels_constant"),
        (b"", ("other", None, None, None), "file_empty"),
        (b"\x1f\x8bjunk", ("other", None, None, None), "file_unreadable"),
        (b"text", ("other", None, None, None), "file_unreadable"),
    ],
)
def test_what_is_refused_is_recognised_first(tmp_path: Path, data: bytes, expected: tuple[object, ...], reason: str) -> None:
    row = inspected(tmp_path, data)
    assert tuple(row[k] for k in ("format", "modality", "shape", "spacing")) == expected
    assert [(r["reason"], r["where"]) for r in row["refused"]] == [(reason, "a")]


def test_a_folder_is_counted(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "1").write_bytes(film(12))
    (tmp_path / "b" / "2.dcm").write_bytes(film(12, ViewPosition="LL"))
    (tmp_path / "b" / "c" / "3.png").write_bytes(picture(stored(8)))
    (tmp_path / "b" / "c" / "4.dcm").write_bytes(film(12, Modality="CT"))
    (tmp_path / "b" / "broken.jpg").write_bytes(b"junk")
    (tmp_path / "reports.csv").write_bytes(b"id,text\n")
    (tmp_path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    row = inspect(tmp_path)
    assert (row["files"], row["usable"], row["others"]) == (7, 2, 2)
    assert row["modalities"] == {"CR": 2, "CT": 1, "unknown": 1, "xray": 1}
    assert {(r["where"], r["reason"]) for r in row["refused"]} == {
        ("b/2.dcm", "view_out_of_scope"),
        ("b/broken.jpg", "file_unreadable"),
        ("b/c/4.dcm", "modality_unsupported"),
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    assert [r["reason"] for r in inspect(tmp_path)["refused"]] == ["file_unreadable"]


def test_a_film_is_never_converted_onto_itself(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(picture(stored(8)))
    (tmp_path / "link.png").symlink_to(tmp_path / "film.png")
    for out in ("film.png", "link.png"):
        with pytest.raises(UsageError):
            convert(tmp_path / "film.png", tmp_path / out)
    assert (tmp_path / "film.png").read_bytes() == picture(stored(8))


def test_a_folder_without_a_series_is_not_converted(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no series"):
        convert(tmp_path, tmp_path / "out.npy")


def test_inspecting_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        inspect(tmp_path / "absent")
    assert refusal.value.reason == "file_missing"


def test_a_film_converts_to_every_form(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(film(12, PixelSpacing=[0.2, 0.2]))
    for name in ("out.b2nd", "out.png", "out.npy"):
        meta = convert(tmp_path / "film", tmp_path / name)
        assert (meta["shape"], meta["spacing"]) == ([240, 200], [0.2, 0.2])
    pixels = store.read(tmp_path / "out.b2nd")
    assert pixels.dtype == np.uint16
    assert store.read_meta(tmp_path / "out.b2nd")["unit"] == "display"
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), pixels)


def test_a_film_converts_smaller(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(film(12))
    assert convert(tmp_path / "film", tmp_path / "out.npy", "xray", long_side=120)["shape"] == [120, 100]


@pytest.mark.parametrize(("out", "modality"), [("out.nii.gz", None), ("out.jpg", None), ("out", None), ("out.png", "mri")])
def test_a_wrong_form_or_modality_is_a_usage_error(tmp_path: Path, out: str, modality: str | None) -> None:
    (tmp_path / "film").write_bytes(film(12))
    with pytest.raises(UsageError):
        convert(tmp_path / "film", tmp_path / out, modality)
    assert [p.name for p in tmp_path.iterdir()] == ["film"]


@pytest.mark.parametrize(
    ("data", "modality", "reason"), [(film(12), "ct", "modality_unsupported"), (b"junk", None, "file_unreadable")]
)
def test_what_cannot_be_converted_is_refused_by_name(tmp_path: Path, data: bytes, modality: str | None, reason: str) -> None:
    (tmp_path / "film").write_bytes(data)
    with pytest.raises(Refused) as refusal:
        convert(tmp_path / "film", tmp_path / "out.npy", modality)
    assert (refusal.value.reason, refusal.value.where) == (reason, "film")
    assert [p.name for p in tmp_path.iterdir()] == ["film"]


def test_of_a_folder_of_pet_and_ct_the_one_asked_for_is_converted(tmp_path: Path) -> None:
    study = tmp_path / "study"
    petct_files.write_ct(study / "ct")
    petct_files.write_pet(study / "pet")
    petct_files.write_pet(study / "nac", setting(CorrectedImage=["DECY"], SeriesInstanceUID="1.3"))
    with pytest.raises(Refused, match="3 series; say which with --as ct or --as pet"):
        convert(study, tmp_path / "a.npy")
    assert convert(study, tmp_path / "ct.npy", "ct")["unit"] == "HU"
    made = convert(study, tmp_path / "pet.b2nd", "pet")
    file = store.open_prepared(tmp_path / "pet.b2nd")
    assert (made["unit"], file.shape) == ("SUV", (48, 72, 84))
    np.testing.assert_array_equal(file.beside(mip.CORONAL), file.slices(range(48)).max(1))
    convert(study, tmp_path / "pet.png", "pet")
    # the coronal projection, 288 mm of 432: letterboxed in white; then the sagittal one, and ten slices, six abreast
    sheet = np.asarray(Image.open(tmp_path / "pet.png"))
    assert sheet.shape == (2 * 72, 6 * 84) and (sheet[:10, :84] == 255).all() and (sheet[12:60, :84] < 250).any()
    answer = inspect(study)
    assert answer["modalities"] == {"CT": 1, "PT": 2} and answer["usable"] == 2
    assert [row["reason"] for row in answer["refused"]] == ["not_attenuation_corrected"]
