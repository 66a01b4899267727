"""Of the series of a scan one is read, by the recipe's rule or by the stated order; what cannot be one volume is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ct_series
import numpy as np
import pydicom
import pytest
from chest_films import as_bytes, compressed
from chest_volumes import SAME_GRID, SPACING, abdomen, body, chest, head, round_view, scan
from ct_series import moved, without
from pydicom import uid

from docphim.errors import Refused
from docphim.imaging import ct, kernels
from docphim.imaging.convert import convert
from docphim.imaging.io.locations import SeriesFiles
from docphim.study import Row


def prepared(folder: Path, **settings: Any) -> tuple[np.ndarray, Row]:
    place = SeriesFiles(str(folder), tuple(sorted(path.name for path in folder.iterdir())))
    stream, facts = ct.prepare(str(place), ct.Settings.model_validate({**SAME_GRID, **settings}), "")
    array = np.empty(stream.shape, stream.dtype)
    for number, plane in stream.slices:
        array[number] = plane
    return array, facts


#: Series of one scan by name: what their headers say.
SERIES: dict[str, dict[str, Any]] = {
    "soft": {"ConvolutionKernel": "B30f", "SliceThickness": 1.5, "SeriesNumber": 3, "SeriesDescription": "Thorax 1.5 B30f"},
    "sharp": {"ConvolutionKernel": "B70f", "SliceThickness": 1.5, "SeriesNumber": 2, "SeriesDescription": "Lung 1.5 B70f"},
    "thick": {"ConvolutionKernel": "B30f", "SliceThickness": 5.0, "SeriesNumber": 1, "SeriesDescription": "Thorax 5.0"},
    "arterial": {"ConvolutionKernel": ["Br40", "3"], "SliceThickness": 3.0, "SeriesDescription": "Thorax arterial"},
    "venous": {"ConvolutionKernel": ["Br40", "3"], "SliceThickness": 3.0, "SeriesDescription": "Thorax venous"},
    "native": {"ConvolutionKernel": "STANDARD", "SliceThickness": 3.0, "SeriesDescription": "Nguc khong tiem"},
    "mip": {"ConvolutionKernel": "B30f", "SliceThickness": 1.0, "ImageType": ["DERIVED", "SECONDARY", "AXIAL", "MIP"]},
    "coronal": {"ConvolutionKernel": "B30f", "SliceThickness": 1.0, "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
    "scout": {"SliceThickness": 0.6, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    "dose": {"ImagePositionPatient": None, "ImageOrientationPatient": None, "SliceThickness": None},
}
for _name, _number in (("arterial", 5), ("venous", 6)):
    SERIES[_name] |= {"ContrastBolusAgent": "Iodine", "SeriesNumber": _number}
SERIES["coronal"]["ImagePositionPatient"] = lambda n: [-155.0, -110 + 20.0 * n, 155.0]


def study(folder: Path, *names: str) -> Path:
    """A folder with series; each has a number in the marker's place by which it is known."""
    for number, name in enumerate(names):
        values = chest()
        values[3, 12, 22] = 600 + 10 * list(SERIES).index(name)
        uids = {"SeriesInstanceUID": f"1.2.4.{number}", "SOPInstanceUID": lambda n, s=number: f"1.2.3.{s}.{n}"}
        scan(folder, values, name=f"{9 - number}", **uids, **SERIES[name])
    return folder


def which(array: np.ndarray) -> str:
    return list(SERIES)[round((int(array[3, 12, 22]) - 600) / 10)]


@pytest.mark.parametrize(
    ("names", "rule", "expected"),
    [
        (("sharp", "soft", "thick"), {}, "soft"),
        (("thick", "sharp"), {}, "sharp"),
        (("scout", "thick"), {}, "thick"),
        (("mip", "sharp", "thick"), {}, "sharp"),
        (("coronal", "thick"), {}, "thick"),
        (("dose", "thick"), {}, "thick"),
        (("native", "venous"), {}, "venous"),
        (("arterial", "venous"), {}, "arterial"),
        (("soft", "sharp"), {"kernel": "sharp"}, "sharp"),
        (("sharp", "soft"), {"kernel": "B30f"}, "soft"),
        (("native", "arterial"), {"kernel": "br40"}, "arterial"),
        (("soft", "thick"), {"thickness": 5}, "thick"),
        (("soft", "arterial", "thick"), {"thickness": 3.3}, "arterial"),
        (("native", "arterial", "venous"), {"phase": "native"}, "native"),
        (("native", "arterial", "venous"), {"phase": "contrast"}, "arterial"),
        (("native", "arterial", "venous"), {"phase": "venous"}, "venous"),
        (("native", "venous", "soft"), {"phase": "native", "kernel": "soft"}, "native"),
    ],
)
def test_one_series_of_a_scan_is_read(tmp_path: Path, names: tuple[str, ...], rule: Row, expected: str) -> None:
    array, facts = prepared(study(tmp_path, *names), series=rule)
    assert which(array) == expected
    assert facts["how"]["series"]["of"] == len(names)


#: The agent and the description of a series, and what they say of contrast medium.
PHASES = [
    ("", "TRUOC TIEM", "native"),
    ("", "Ngực trước tiêm", "native"),
    ("", "PRE CONTRAST", "native"),
    ("N", "CHEST", "native"),
    ("0", "", "native"),
    ("Không", "", "native"),
    ("KHONG", "", "native"),
    ("", "CHEST C-", "native"),
    ("", "NCCT chest", "native"),
    ("", "Chest no IV", "native"),
    ("KHONG TIEM THUOC", "", "native"),
    ("none", "Thorax arterial", "native"),
    ("N/A", "", ""),
    ("N/A", "CHEST C+", "contrast"),
    ("OMNIPAQUE 350", "TRUOC TIEM", "contrast"),
    ("Non-ionic 300", "", "contrast"),
    ("Chưa tiêm", "", "native"),
    ("", "C-Spine 1.0", ""),
    ("", "Chest W/O", "native"),
    ("", "CHEST W WO CONTRAST", ""),
    ("", "Sau tiêm 60s", "contrast"),
    ("", "Thì động mạch", "contrast"),
    ("", "Thorax_pre_contrast", "native"),
    ("", "sans injection", "native"),
    ("", "post op day 3", ""),
    ("", "CHUA TIEM THUOC", "native"),
    ("", "Không thuốc 1.25", "native"),
    ("", "CECT THORAX", "contrast"),
    ("", "W/O IV CONTRAST", "native"),
    ("", "Chest pre/post contrast", ""),
    ("", "5mm +C", "contrast"),
    ("Yes", "", "contrast"),
    ("-", "", ""),
    ("", "1.25 STND", ""),
    ("No contrast", "", "native"),
    ("", "Lung C- 1.0", "native"),
    ("", "(C-)", "native"),
    ("", "Before contrast", "native"),
    ("", "KO TIEM", "native"),
    ("0 ml", "", "native"),
]
#: Description, body part and protocol of a series, and whether they name another part than the chest.
PARTS = [
    ("CHEST", "CHEST", "", False),
    ("ABDOMEN", "ABDOMEN", "", True),
    ("", "HEAD", "", True),
    ("Bụng 5.0", "CHEST", "", True),
    ("Ngực bụng", "", "", False),
    ("", "CHEST", "Abdomen^Routine", False),
    ("1.0 Br40", "", "ThorAbd", False),
    ("Sọ não", "", "", True),
    ("So nao khong tiem", "", "", True),
    ("Lung", "", "", False),
    ("Phổi 1.0", "ABDOMEN", "", True),
    ("Phổi 1.0", "CHEST", "", False),
    ("ABD lung bases", "", "", True),
    ("T-Spine bone", "", "", True),
    ("Cột sống ngực", "", "", True),
    ("Thorax có tiêm", "", "", False),
    ("Có tiêm 1.25", "", "", False),
    ("CHEST ABD PELVIS", "ABDOMEN", "", False),
    ("Arms up", "", "", False),
    ("Neck 2.0", "NECK", "", True),
    ("CTA COW BRAIN", "HEAD", "", True),
    ("Cổ ngực", "", "", False),
    ("Gan 3 thì", "", "", True),
    ("HRCT", "", "", False),
    ("Body 5.0", "ABDOMEN", "", True),
    ("Axial 5.0", "", "ABDOMEN/PELVIS", True),
    ("Hệ tiết niệu", "", "", True),
    ("Hai phổi", "", "", False),
    ("Mediastinum", "CHEST", "Head", False),
    ("Tiểu khung", "CHEST", "", True),
]
BREATHED_OUT = ["EXPIRATION HRCT", "Thì thở ra", "HRCT EXP 1.0", "Exhale", "Tho ra toi da"]
NOT_OUT = ["INSP/EXP", "Hít vào", "Export", "Experimental", "Inspiration 1.0"]


def test_a_scanners_words_are_understood_in_both_languages() -> None:
    assert [row for row in PHASES if kernels.phase_of(*row[:2]) != row[2]] == []
    assert [row for row in PARTS if kernels.of_another_part(*row[:3]) != row[3]] == []
    assert (
        [text for text in BREATHED_OUT if not kernels.breathed_out(text)] == list(filter(kernels.breathed_out, NOT_OUT)) == []
    )


@pytest.mark.parametrize(
    ("chest_says", "other_says", "other"),
    [
        ({"BodyPartExamined": "CHEST"}, {"BodyPartExamined": "ABDOMEN"}, chest(top=-2, bottom=-0.5)),
        ({}, {"SeriesDescription": "Bụng có tiêm 5.0"}, abdomen()),
        ({"SeriesDescription": "lung"}, {"ProtocolName": "HEAD routine", "SliceThickness": 0.6}, head()),
        ({"SliceThickness": 1.25}, {"SeriesDescription": "Thì thở ra", "SliceThickness": 1.0}, chest()),
        ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}, {"BodyPartExamined": "PELVIS"}, body()),
    ],
)
def test_the_chest_breathed_in_comes_before_what_reaches_further(
    tmp_path: Path, chest_says: Row, other_says: Row, other: np.ndarray
) -> None:
    uids = {"SeriesInstanceUID": "1.2.9", "SOPInstanceUID": lambda n: f"1.2.9.{n}"}
    further = {"ImagePositionPatient": lambda n: [-155.0, -155.0, -500 + 26.0 * n]}
    scan(tmp_path, other, name="0", **uids, **further, **other_says)
    scan(tmp_path, name="1", **chest_says)
    array, facts = prepared(tmp_path)
    assert (len(array), array[3, 12, 22], facts["how"]["series"]["of"]) == (12, 700, 2)


def test_convert_reads_the_same_series_of_a_scan(tmp_path: Path) -> None:
    folder = study(tmp_path / "scan", "sharp", "soft", "dose")
    with pytest.raises(Refused, match="series_mixed"):
        convert(folder, tmp_path / "a.npy")
    convert(folder, tmp_path / "a.npy", "ct")
    assert which(np.load(tmp_path / "a.npy")) == "soft"


@pytest.mark.parametrize("rule", [{"kernel": "lung"}, {"thickness": 0.6}, {"phase": "portal"}, {"kernel": "B3"}])
def test_a_rule_that_no_series_follows_is_said(tmp_path: Path, rule: Row) -> None:
    with pytest.raises(Refused, match="volume_missing"):
        prepared(study(tmp_path, "soft", "sharp", "native"), series=rule)


def test_the_series_that_reaches_furthest_comes_before_the_thinnest(tmp_path: Path) -> None:
    study(tmp_path, "thick")
    scan(
        tmp_path,
        change=without(*range(6, 12)),
        name="0",
        SeriesInstanceUID="1.2.9",
        SOPInstanceUID=lambda n: f"1.2.7.{n}",
        SliceThickness=1,
    )
    array, _ = prepared(tmp_path)
    assert len(array) == 12


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"PatientID": "B"}, "study_mixed_patients"),
        ({"PatientName": "Tran^B"}, "study_mixed_patients"),
        ({"PatientName": "Nguyễn^Văn Thúy"}, "study_mixed_patients"),
        ({"PatientName": "NGUYEN^VAN THU^"}, None),
        ({"StudyInstanceUID": "1.2.99"}, "series_mixed"),
    ],
)
def test_series_of_two_scans_are_no_choice(tmp_path: Path, tags: Row, reason: str | None) -> None:
    study(tmp_path, "soft")
    scan(tmp_path, name="0", SeriesInstanceUID="1.2.9", SOPInstanceUID=lambda n: f"1.2.7.{n}", **tags)
    if reason is None:
        assert prepared(tmp_path)[1]["how"]["series"]["of"] == 2
        return
    with pytest.raises(Refused, match=reason):
        prepared(tmp_path)


FEET = [-110 + SPACING[0] * n for n in range(12)]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"change": without(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}, "slices_missing"),
        ({"change": without(5)}, "slices_missing"),
        ({"change": without(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}, "body_part_out_of_scope"),
        ({"change": without(0, 11), "ImagesInAcquisition": 12}, "slices_missing"),
        ({"change": moved([FEET[0], FEET[0], *FEET[1:11]])}, "duplicate_position"),
        ({"change": moved([*FEET[:6], *(z + 200 for z in FEET[6:])])}, "slices_missing"),
        ({"ImagePositionPatient": lambda n: [-155.0, -155.0 + 5.3 * n, FEET[n]]}, "gantry_tilt"),
        ({"AcquisitionNumber": lambda n: 1 + n // 6}, "series_mixed"),
        ({"SOPInstanceUID": lambda n: f"1.2.3.{n // 2}"}, "duplicate_uid"),
        ({"NumberOfFrames": 12}, "multiframe"),
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "modality_unsupported"),
        ({"RescaleSlope": None}, "unit_unknown"),
        ({"RescaleType": "OD"}, "unit_unknown"),
        ({"RescaleType": "US"}, None),  # unspecified: its values say what they are
        ({"RescaleType": "US", "RescaleIntercept": 0}, "not_hu"),
        ({"RescaleIntercept": 0}, "not_hu"),
        ({"RescaleIntercept": -2048}, "not_hu"),
        ({"RescaleSlope": 0.25}, "not_hu"),
        ({"RescaleIntercept": lambda n: -1024 if n < 6 else 0}, "not_hu"),
        ({"RescaleIntercept": lambda n: -1024 if n % 4 else 1024}, "not_hu"),
        ({"RescaleSlope": lambda n: 1 if n else 0.0005}, None),
        ({"PixelData": lambda n: bytes(2 * 32 * 32 - 2 * (n == 7))}, "file_truncated"),
        ({"InstanceNumber": lambda n: 12 - n, "Exposure": lambda n: n, "SpacingBetweenSlices": -20}, None),
        ({"PhotometricInterpretation": "MONOCHROME1", "BodyPartExamined": "ABDOMEN", "PatientPosition": "FFS"}, None),
        ({"SOPInstanceUID": "1.2.3"}, None),
        ({"ImagesInAcquisition": 24}, None),
        ({"PatientName": lambda n: "NGUYEN^VAN THU" if n % 2 else "Nguyễn^Văn Thử^"}, None),
        ({"PatientName": lambda n: "NGUYEN^VAN THU" if n else "Nguyễn^Văn Thế"}, "study_mixed_patients"),
    ],
)  # fmt: skip
def test_every_fault_of_a_series_is_refused_or_handled(tmp_path: Path, made: Row, reason: str | None) -> None:
    folder = scan(tmp_path, **made)
    if reason is None:
        array, _ = prepared(folder)
        np.testing.assert_array_equal(array[:11], np.rint(np.clip(chest(), -1000, 1000)).astype(np.int16)[:11])
        return
    with pytest.raises(Refused) as refusal:
        prepared(folder)
    assert refusal.value.reason == reason, refusal.value.why


@pytest.mark.parametrize(
    ("word", "signed", "tags", "reason"),
    [
        (65535, False, {"PixelPaddingValue": 65535}, None),
        (65535, False, {}, "not_hu"),
        (3000, False, {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 2999}, None),
        (3000, False, {"PixelPaddingValue": 2999, "PixelPaddingRangeLimit": 4095}, None),
        (3000, False, {"PixelPaddingValue": 4095}, "not_hu"),
        (1024, False, {"PixelPaddingValue": 1024}, None),  # 0 HU, which is water's value too
        (1024, False, {}, "not_hu"),
        (0, False, {"PixelPaddingValue": 0}, None),
        (0, True, {"PixelPaddingValue": 0}, None),
        (-2000, True, {"PixelPaddingValue": -2000}, None),
        (2000, True, {"PixelPaddingValue": 2000, "PixelPaddingRangeLimit": 3000}, None),
        (2000, True, {"PixelPaddingValue": -2000}, "not_hu"),
    ],
)
def test_padding_that_the_header_names_is_air(tmp_path: Path, word: int, signed: bool, tags: Row, reason: str | None) -> None:
    outside = round_view(9999) == 9999
    inside = np.rint(np.clip(chest(), -1000, 1000)).astype(int)
    inside[5, 14:18, 15:18] = 0  # what is water in the body stays
    words = np.where(outside, word, inside if signed else inside + 1024).astype("<i2" if signed else "<u2")[::-1]
    made = {"PixelRepresentation": int(signed), "RescaleIntercept": 0 if signed else -1024, **tags}
    folder = scan(tmp_path, PixelData=lambda n: words[n].tobytes(), **made)
    if reason:
        with pytest.raises(Refused, match=reason):
            prepared(folder)
        return
    array, _ = prepared(folder)
    np.testing.assert_array_equal(array, np.where(outside, -1000, inside))


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.JPEGLosslessSV1])
def test_compressed_slices_give_the_same_volume(tmp_path: Path, syntax: uid.UID) -> None:
    expected, _ = prepared(scan(tmp_path / "plain"))
    for path in scan(tmp_path / "packed").iterdir():
        path.write_bytes(compressed(pydicom.dcmread(path), syntax))
    array, facts = prepared(tmp_path / "packed")
    np.testing.assert_array_equal(array, expected)
    assert facts["how"]["decoder"] == syntax.name


def test_a_coronal_reformat_alone_is_turned_upright(tmp_path: Path) -> None:
    values = np.rint(np.clip(chest(), -1024, 1000)).astype(np.int16)  # (z, y, x)
    for number in range(32):
        ds = ct_series.slice_at(number)
        ds.Rows, ds.Columns, ds.PixelSpacing, ds.BitsStored, ds.HighBit = 12, 32, [20.0, 10.0], 16, 15
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 0, -1], [-155.0, -155.0 + 10 * number, 110.0]
        ds.PixelData = (values[:, number] + 1024).astype(np.uint16).tobytes()
        (tmp_path / f"{number * 7 % 32}").write_bytes(as_bytes(ds))
    array, _ = prepared(tmp_path)
    np.testing.assert_array_equal(array, np.clip(values, -1000, 1000))


def enhanced(folder: Path, count: int = 12, **tags: Any) -> pydicom.Dataset:
    """The chest as one file of frames, from the head down by turns, described by functional groups alone."""
    slices = [pydicom.dcmread(path) for path in sorted(scan(folder / "single").iterdir())]
    whole = ct_series.slice_at(0)
    ct_series.setting(ImagePositionPatient=None, ImageOrientationPatient=None, PixelSpacing=None, RescaleSlope=None)(whole, 0)
    ct_series.setting(RescaleIntercept=None, SOPClassUID=uid.EnhancedCTImageStorage)(whole, 0)
    whole.Rows, whole.Columns, whole.BitsStored, whole.HighBit, whole.NumberOfFrames = 32, 32, 16, 15, count
    shared, groups = pydicom.Dataset(), []
    for keyword, names in (
        ("PixelMeasuresSequence", ["PixelSpacing"]),
        ("PlaneOrientationSequence", ["ImageOrientationPatient"]),
    ):
        setattr(shared, keyword, [pydicom.Dataset()])
        for name in names:
            setattr(getattr(shared, keyword)[0], name, getattr(slices[0], name))
    for ds in slices:
        group = pydicom.Dataset()
        group.PlanePositionSequence, group.PixelValueTransformationSequence = [pydicom.Dataset()], [pydicom.Dataset()]
        group.PlanePositionSequence[0].ImagePositionPatient = ds.ImagePositionPatient
        group.PixelValueTransformationSequence[0].RescaleSlope = 1
        group.PixelValueTransformationSequence[0].RescaleIntercept = -1024
        groups.append(group)
    whole.SharedFunctionalGroupsSequence, whole.PerFrameFunctionalGroupsSequence = [shared], groups
    whole.PixelData = b"".join(ds.PixelData for ds in slices)
    return ct_series.setting(**tags)(whole, 0)


@pytest.mark.parametrize("syntax", [None, uid.RLELossless, uid.JPEGLSLossless])
def test_an_enhanced_file_is_read_by_its_functional_groups(tmp_path: Path, syntax: uid.UID | None) -> None:
    expected, _ = prepared(scan(tmp_path / "plain"))
    whole = enhanced(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_bytes(as_bytes(whole) if syntax is None else compressed(whole, syntax))
    array, facts = prepared(tmp_path / "one")
    np.testing.assert_array_equal(array, expected)
    assert facts["how"]["slices"] == 12


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NumberOfFrames": 13}, "file_unreadable"),
        ({"PerFrameFunctionalGroupsSequence": None}, "file_unreadable"),
        ({"SharedFunctionalGroupsSequence": None}, "no_geometry"),
        ({"SOPClassUID": ct_series.CT}, "multiframe"),
        ({"PixelData": bytes(32 * 32 * 2 * 11)}, "file_truncated"),
        ({"RescaleIntercept": 0, "RescaleSlope": 3}, None),  # what a frame says of itself counts
    ],
)
def test_an_enhanced_file_that_does_not_describe_its_frames_is_refused(tmp_path: Path, tags: Row, reason: str | None) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_bytes(as_bytes(enhanced(tmp_path, **tags)))
    if reason is None:
        assert len(prepared(tmp_path / "one")[0]) == 12
        return
    with pytest.raises(Refused) as refusal:
        prepared(tmp_path / "one")
    assert refusal.value.reason == reason
