"""A DICOM series becomes one volume in HU, ordered and measured by position; every fault of scanners is refused by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ct_series
import nibabel as nib
import numpy as np
import pytest
from ct_series import SHAPE, hu, moved, setting, without

from docphim.errors import Refused
from docphim.imaging.convert import convert
from docphim.imaging.inspect import inspect
from docphim.imaging.io import locations, read_volume
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.volume import Volume, upright

#: What `hu` makes, head first.
EXPECTED = np.stack([hu(number) for number in reversed(range(SHAPE[2]))])


def location(folder: Path) -> str:
    return str(SeriesFiles(str(folder), tuple(sorted(path.name for path in folder.iterdir()))))


def read(folder: Path) -> Volume:
    return read_volume(location(folder))


def test_a_series_is_one_volume_head_first_in_hu(tmp_path: Path) -> None:
    volume = read(ct_series.write(tmp_path / "ct"))
    np.testing.assert_array_equal(volume.array, EXPECTED)
    assert volume.array.dtype == np.int16
    assert volume.spacing == (2.5, 0.75, 0.5)
    assert (volume.unit, volume.modality, volume.frame_of_reference) == ("HU", "CT", "1.2.5")
    # the middle of the first voxel and of the last, in millimetres of the patient
    assert volume.affine is not None
    assert (volume.affine @ [0, 0, 0, 1])[:3] == pytest.approx([-16, -26, 127.5])
    assert (volume.affine @ [63, 69, 11, 1])[:3] == pytest.approx([15.5, 25.75, 100])


JITTER = [1.6 * n + 0.00002 * (-1) ** n for n in range(12)]
SEAMS = [3.27 * n + (0.02 if 4 < n < 9 else -0.06 if n == 9 else 0) for n in range(12)]


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (moved(JITTER), 1.6),
        (moved(SEAMS), 3.27),
        (setting(InstanceNumber=lambda n: 12 - n), 2.5),
        (setting(PhotometricInterpretation="MONOCHROME1"), 2.5),  # a display attribute: HU do not turn
        (setting(Exposure=lambda n: str(100 + n), SliceLocation=0), 2.5),
    ],
)
def test_what_is_no_fault_is_read(tmp_path: Path, change: ct_series.Change, step: float) -> None:
    volume = read(ct_series.write(tmp_path / "ct", change))
    np.testing.assert_array_equal(volume.array, EXPECTED)
    assert volume.spacing is not None
    assert volume.spacing[0] == pytest.approx(step, abs=0.01)


def test_a_slope_of_its_own_on_every_slice_is_used(tmp_path: Path) -> None:
    volume = read(ct_series.write(tmp_path / "ct", setting(RescaleSlope=lambda n: 1 + n / 8)))
    assert volume.array.dtype == np.float32
    for number in range(SHAPE[2]):
        np.testing.assert_allclose(volume.array[-1 - number], (hu(number) + 1024.0) * (1 + number / 8) - 1024, rtol=1e-6)


TILT = [[-16.0, -26.0 + 0.6 * n, 100 + 2.5 * n] for n in range(12)]
AXIAL, LOCALIZER = [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1]
SHIFTED = {"ImageOrientationPatient": [1, 0, 0, 0, 0.966, -0.259]}


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (without(5), "slices_missing", "2.500 to 5.000 mm"),
        (moved([27.2 + 1.6 * n if n < 11 else 211.2 for n in range(12)]), "slices_missing", "mm apart"),
        (moved([0, *(0.625 * n for n in range(11))]), "duplicate_position", "1 slices"),
        (moved([100 + 2.5 * n * 1.02**n for n in range(12)]), "slices_missing", "mm apart"),
        (setting(ImagePositionPatient=lambda n: TILT[n]), "gantry_tilt", "13.5 degrees"),
        (setting(**SHIFTED), "gantry_tilt", "15.0 degrees"),
        (setting(ImageOrientationPatient=lambda n: LOCALIZER if n == 3 else AXIAL), "series_mixed", "localizer"),
        (setting(SeriesInstanceUID=lambda n: f"1.2.{n % 2}"), "series_mixed", "2 series"),
        (setting(FrameOfReferenceUID=lambda n: f"1.2.{n % 3}"), "series_mixed", "3 frames of reference"),
        (setting(PixelSpacing=lambda n: [0.75, 0.5 + 0.01 * (n > 8)]), "series_mixed", "pixel sizes"),
        (setting(Rows=lambda n: 70 - (n == 0)), "series_mixed", "rows"),
        (setting(ImagePositionPatient=None), "no_geometry", "where it lies"),
        (setting(ImageOrientationPatient=None), "no_geometry", "where it lies"),
        (setting(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "no_geometry", "right angles"),
        (setting(PixelSpacing=[0, 0]), "no_geometry", "PixelSpacing"),
        (setting(RescaleSlope=lambda n: None if n == 4 else 1), "unit_unknown", "RescaleSlope"),
        (setting(RescaleType="OD"), "unit_unknown", "RescaleType"),
        (setting(NumberOfFrames=2), "multiframe", "several frames"),
        (setting(PixelData=lambda n: bytes(2 * SHAPE[0] * SHAPE[1] - 2 * (n == 7))), "file_truncated", ""),
        (without(*range(1, 12)), "slices_missing", "one slice"),
    ],
)  # fmt: skip
def test_a_fault_is_refused_by_name(tmp_path: Path, change: ct_series.Change, reason: str, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(ct_series.write(tmp_path / "ct", change))
    assert refusal.value.reason == reason
    assert words in refusal.value.why
    assert "Nguy" not in str(refusal.value) and str(tmp_path) not in str(refusal.value)


def halves(first: object, second: object) -> Callable[[int], object]:
    """One value on the slices near the feet, another on the rest."""
    return lambda number: first if number < 6 else second


def turns(first: object, second: object) -> Callable[[int], object]:
    """Two values by turns, as where two reconstructions lie between each other."""
    return lambda number: second if number % 2 else first


@pytest.mark.parametrize(
    ("tags", "reason", "words"),
    [
        # one SeriesInstanceUID in all files, as anonymisers leave it that give every file the same
        ({"PatientID": halves("A", "B"), "StudyInstanceUID": halves("1.2", "1.3")}, "study_mixed_patients", "of a patient"),
        ({"PatientID": halves("A", None)}, "study_mixed_patients", "of a patient"),
        ({"PatientName": halves("A^B", "C^D")}, "study_mixed_patients", "names"),
        ({"PatientBirthDate": turns("19500101", "19620304")}, "study_mixed_patients", "birth"),
        ({"PatientSex": halves("F", "M")}, "study_mixed_patients", "sexes"),
        ({"StudyInstanceUID": halves("1.2.6", "1.2.7")}, "series_mixed", "2 studies"),
        ({"StudyDate": halves("20200101", "20210101")}, "series_mixed", "dates"),
        ({"SeriesNumber": halves(2, 3)}, "series_mixed", "numbers of a series"),
        ({"AcquisitionNumber": halves(1, 2)}, "series_mixed", "2 acquisitions"),
        ({"AcquisitionNumber": lambda n: n % 3}, "series_mixed", "3 acquisitions"),
        ({"ConvolutionKernel": turns("B30f", "B70f")}, "series_mixed", "kernels"),
        ({"ConvolutionKernel": turns(["Br40", "3"], ["Bl57", "3"])}, "series_mixed", "kernels"),
        ({"ContrastBolusAgent": halves(None, "Iodine")}, "series_mixed", "contrast"),
        ({"KVP": turns("80", "140")}, "series_mixed", "voltages"),
        ({"ImageType": halves(["ORIGINAL", "PRIMARY"], ["DERIVED", "SECONDARY"])}, "series_mixed", "types of image"),
        ({"TemporalPositionIdentifier": turns(1, 2)}, "series_mixed", "moments"),
        ({"NominalPercentageOfCardiacPhase": turns(40.0, 70.0)}, "series_mixed", "phases"),
        ({"EchoNumbers": turns(1, 2)}, "series_mixed", "echoes"),
        ({"RescaleType": halves("HU", None)}, "series_mixed", "kinds of value"),
        ({"SliceThickness": halves("1", "5")}, "series_mixed", "thicknesses"),
        ({"PatientPosition": halves("HFS", "FFS")}, "series_mixed", "positions"),
        ({"Manufacturer": halves("A", "B")}, "series_mixed", "makers"),
        ({"ManufacturerModelName": halves("A", "B")}, "series_mixed", "models"),
        ({"Columns": halves(64, 32)}, "series_mixed", "columns"),
    ],
)  # fmt: skip
def test_files_of_two_origins_are_not_one_volume(tmp_path: Path, tags: dict[str, Any], reason: str, words: str) -> None:
    folder = ct_series.write(tmp_path / "ct", setting(**tags))
    (refusal,) = inspect(folder)["refused"]
    assert refusal["reason"] == reason
    assert words in refusal["why"]
    with pytest.raises(Refused, match=reason):
        convert(folder, tmp_path / "out.npy")
    assert not (tmp_path / "out.npy").exists()


def test_no_two_patients_are_told_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        read(ct_series.write(tmp_path / "ct", setting(PatientName=halves("Nguyen^A", "Tran^B"))))
    assert refusal.value.why == "the files are of 2 names of a patient"


@pytest.mark.parametrize(
    "tags",
    [
        {"AcquisitionNumber": lambda n: n + 1},  # a scanner that steps and shoots
        {"AcquisitionDate": halves("20200101", "20200102"), "AcquisitionTime": lambda n: f"1200{n:02}"},
        {"PatientName": halves("A^B", "A^B^^^")},
        {"XRayTubeCurrent": lambda n: 100 + n, "WindowCenter": lambda n: n, "SmallestImagePixelValue": None},
    ],
)
def test_what_differs_inside_one_scan_parts_no_series(tmp_path: Path, tags: dict[str, Any]) -> None:
    np.testing.assert_array_equal(read(ct_series.write(tmp_path / "ct", setting(**tags))).array, EXPECTED)


def test_a_pet_is_described_and_has_no_unit(tmp_path: Path) -> None:
    pet = setting(Modality="PT", SOPClassUID=ct_series.PET, Units="BQML", RescaleIntercept=0, RescaleSlope=0.5)
    volume = read(ct_series.write(tmp_path / "pet", pet))
    assert (volume.unit, volume.modality, volume.how["stored_unit"]) == (None, "PT", "BQML")
    assert volume.array.dtype == np.float32
    with pytest.raises(Refused, match="the header says 14 slices, there are 12"):
        read(ct_series.write(tmp_path / "short", lambda ds, n: pet(setting(NumberOfSlices=14)(ds, n), n)))


def test_every_orientation_of_one_volume_is_the_same_volume() -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(-1000, 1000, (7, 6, 5)).astype(np.int16)  # (x, y, z)
    affine = np.array([[0.5, 0, 0, -10], [0, 0.75, 0, -20], [0, 0, -2.5, 30], [0, 0, 0, 1]])
    for order in itertools.permutations(range(3)):
        for flips in itertools.product((False, True), repeat=3):
            turned, placed = array.transpose(order), affine[:, [*order, 3]]
            for axis in np.flatnonzero(flips):
                turned = np.flip(turned, axis)
                placed = placed.copy()
                placed[:3, 3] += placed[:3, axis] * (turned.shape[axis] - 1)
                placed[:3, axis] *= -1
            again, where, spacing = upright(turned, placed)
            np.testing.assert_array_equal(again, array.transpose(2, 1, 0))
            np.testing.assert_allclose(where, affine)
            assert spacing == (2.5, 0.75, 0.5)


def test_a_location_names_its_files_whatever_their_number(tmp_path: Path) -> None:
    place = SeriesFiles('/data/a "b", [c]#d', tuple(f"{n:064}.dcm" for n in range(4000)))
    assert locations.parse(str(place)) == place
    assert len(str(place)) > 131072  # the longest field that csv reads unasked
    table = tmp_path / "private.csv"
    quoted = str(place).replace('"', '""')
    table.write_text(f'series,study,location,original_id\nx,s,"{quoted}",1\n', encoding="utf-8")
    assert locations.read_table(table) == {"x": str(place)}


@pytest.mark.parametrize(
    "text", ["series:", "series:[]", 'series:["/a"]', 'series:["/a", 1]', "series:{", "npz:/a.npz", "npz:#x"]
)
def test_a_location_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        locations.parse(text)
    assert refusal.value.reason == "file_unreadable"


def test_inspect_reports_series_and_not_slices(tmp_path: Path) -> None:
    ct_series.write(tmp_path / "a" / "ct")
    ct_series.write(tmp_path / "gap", without(6))
    ct_series.write(tmp_path / "two")
    for path in ct_series.write(tmp_path / "b", setting(SeriesInstanceUID="1.2.9")).iterdir():
        path.rename(tmp_path / "two" / f"B{path.name}")
    row = inspect(tmp_path)
    assert (row["files"], row["usable"], row["modalities"]) == (12 + 11 + 24, 3, {"CT": 4})
    assert {v["where"]: (v["files"], v["shape"], v["unit"]) for v in row["volumes"]} == {
        "a/ct": (12, [12, 70, 64], "HU"),
        "gap": (11, None, None),
        "two/series 1": (12, [12, 70, 64], "HU"),
        "two/series 2": (12, [12, 70, 64], "HU"),
    }
    assert [(r["where"], r["reason"]) for r in row["refused"]] == [("gap", "slices_missing")]


def test_a_ct_is_converted_and_comes_back(tmp_path: Path) -> None:
    folder = ct_series.write(tmp_path / "ct")
    for name in ("out.npy", "out.b2nd", "out.nii.gz"):
        meta = convert(folder, tmp_path / name)
        assert (meta["shape"], meta["spacing"], meta["unit"]) == ([12, 70, 64], [2.5, 0.75, 0.5], "HU")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), EXPECTED)
    image = nib.load(tmp_path / "out.nii.gz")
    assert nib.aff2axcodes(image.affine) == ("L", "P", "I")
    back, first = read_volume(str(tmp_path / "out.nii.gz")), read(folder)
    np.testing.assert_array_equal(back.array, first.array)
    np.testing.assert_allclose(back.affine, first.affine, atol=1e-4)
    assert convert(folder, tmp_path / "again.nii.gz")["shape"] == [12, 70, 64]
    assert (tmp_path / "again.nii.gz").read_bytes() == (tmp_path / "out.nii.gz").read_bytes()


@pytest.mark.parametrize(
    ("change", "modality", "reason"),
    [
        (setting(Modality="PT", SOPClassUID=ct_series.PET, Units="BQML"), None, "not_attenuation_corrected"),
        (setting(Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"), None, "unit_unknown"),
        (None, "pet", "image_missing"),
        (without(3), "ct", "slices_missing"),
        (None, "xray", "modality_unsupported"),
        (setting(Modality="DX"), None, "image_missing"),
    ],
)
def test_what_nobody_vouches_for_is_not_converted(
    tmp_path: Path, change: ct_series.Change | None, modality: str | None, reason: str
) -> None:
    folder = ct_series.write(tmp_path / "series", change)
    with pytest.raises(Refused) as refusal:
        convert(folder, tmp_path / "out.npy", modality)
    assert (refusal.value.reason, refusal.value.where) == (reason, "series")
    assert not (tmp_path / "out.npy").exists()


def test_no_volume_or_slice_is_converted_as_a_film(tmp_path: Path) -> None:
    folder = ct_series.write(tmp_path / "ct")
    convert(folder, tmp_path / "ct.nii.gz")
    np.savez(tmp_path / "ct.npz", ct=EXPECTED)
    convert(folder, tmp_path / "ct.npy")
    for path in (folder / "IM00", *(tmp_path / f"ct{suffix}" for suffix in (".nii.gz", ".npz", ".npy"))):
        with pytest.raises(Refused, match="modality_unsupported"):
            convert(path, tmp_path / "out.npy", "xray")
        assert not (tmp_path / "out.npy").exists()
