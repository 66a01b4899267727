"""A PET is prepared in SUV on its own grid, with its projections; what is no PET in SUV is refused or passed over by reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bodies
import numpy as np
import petct_files
import pytest
from ct_series import Change, setting, without
from petct_files import WHOLE_PET, series_in, write_pet
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from docphim.errors import Refused, UsageError
from docphim.imaging import mip, pet, settings_of
from docphim.imaging.store import Stream
from docphim.study import Row


def whole(stream: Stream) -> np.ndarray:
    array = np.empty(stream.shape, stream.dtype)
    for number, plane in stream.slices:
        array[number] = plane
    return array


def prepared(location: str, **settings: Any) -> tuple[np.ndarray, Row, dict[str, np.ndarray]]:
    """The whole volume, what is known of it after the last slice, and its projections."""
    stream, facts = pet.prepare(location, pet.Settings.model_validate(settings), "")
    assert isinstance(stream, Stream)
    return whole(stream), facts, dict(stream.beside())


def test_values_are_suv_by_each_slices_own_slope_from_the_head_down_whichever_way_the_files_lie(tmp_path: Path) -> None:
    volumes, heights = [], WHOLE_PET[:130]
    for name, files in (("down", heights), ("up", heights[::-1])):
        array, facts, pictures = prepared(write_pet(tmp_path / name, heights=files))
        expected = np.stack([bodies.pet(height) for height in heights])
        assert (array.dtype, array.shape) == (np.float32, expected.shape)
        assert np.abs(array - expected).max() < 3.5 * petct_files.FACTOR  # half a stored step of the largest slope
        assert (facts["unit"], facts["spacing"]) == ("SUV", [6.0, 6.0, 6.0])
        np.testing.assert_allclose(facts["affine"] @ np.array([0, 0, 0, 1]), [-bodies.X, -bodies.Y, 20.0, 1])
        np.testing.assert_array_equal(pictures[mip.CORONAL], array.max(1))
        np.testing.assert_array_equal(pictures[mip.SAGITTAL], array.max(2))
        at = facts["how"]["suv_max_at"]
        assert array[at["slice"], at["row"], at["column"]] == array.max() == np.float32(facts["how"]["suv_max"])
        assert facts["how"]["balance"] == "checked" and facts["how"]["suv_rule"] == "series_time"
        assert facts["how"]["regions"]["from"] == "pet"
        volumes.append((facts["affine"], facts["how"]["regions"]))
    assert volumes[0] == volumes[1]


def moved(places: Callable[[int], float]) -> Change:
    return setting(ImagePositionPatient=lambda n: [-bodies.X, -bodies.Y, places(n)])


def injected(**tags: Any) -> Change:
    """Change the injection's tags; None takes one away."""

    def change(ds: Dataset, number: int) -> Dataset:
        setting(**tags)(ds.RadiopharmaceuticalInformationSequence[0], number)
        return ds

    return change


def stored(scale: float, private: tuple[int, str, int, str, str] | None = None, **tags: Any) -> Change:
    """Values as another maker stores them, `scale` times Bq/ml; a private element: group, creator, element, kind, value."""

    def change(ds: Dataset, number: int) -> Dataset | None:
        ds = setting(RescaleSlope=f"{float(ds.RescaleSlope) * scale:.10g}", **tags)(ds, number)  # type: ignore[assignment]
        if private:
            group, creator, element, kind, value = private
            ds.private_block(group, creator, create=True).add_new(element, kind, value)
        return ds

    return change


#: g / cm² of 70 kg and 175 cm, by Du Bois.
SURFACE = 70e3 / (71.84 * 70**0.425 * 175**0.725)
PHILIPS, SIEMENS = (0x7053, "Philips PET Private Group"), (0x0071, "SIEMENS MED PT")
#: Made anew after the scan, whose acquisition says 10:05.
ANEW = {"SeriesTime": "113000", "AcquisitionTime": "100500"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (stored(1 / 0.0005 * petct_files.FACTOR, (*PHILIPS, 0, "DS", "0.0005"), Units="CNTS"), "philips_factor"),
        (stored(1 / 1.6, (*PHILIPS, 9, "DS", "1.6"), Units="CNTS"), "series_time"),
        (
            stored(1, Units="CPS", CorrectedImage=["DECY", "ATTN", "DCAL"], SeriesTime="113000", FrameReferenceTime=0),
            "acquisition_time",
        ),
        (stored(petct_files.FACTOR, Units="GML"), "stored"),
        (
            stored(petct_files.FACTOR * (48 + 1.06 * 8) / 70, Units="GML", SUVType="IBW", PatientSize=1.6, PatientSex="M"),
            "stored",
        ),
        (stored(petct_files.FACTOR / SURFACE, Units="CM2ML", PatientSize=1.75), "stored"),
        (stored(1, (*SIEMENS, 0x22, "DT", "20260105100000.00"), **ANEW), "siemens_private"),
    ],
    ids=["CNTS to SUV", "CNTS to Bq/ml", "CPS", "GML", "GML by ideal weight", "CM2ML", "Siemens"],
)
def test_values_of_every_maker_and_unit_become_the_same_suv(tmp_path: Path, change: Change, rule: str) -> None:
    array, facts, _ = prepared(write_pet(tmp_path / "a", change))
    expected = np.stack([bodies.pet(height) for height in petct_files.PET_HEIGHTS])
    assert np.abs(array - expected).max() < 3.5 * petct_files.FACTOR  # half a stored step of the largest slope
    assert (facts["unit"], facts["how"]["suv_rule"]) == ("SUV", rule)
    assert (facts["how"]["uptake_minutes"], facts["how"]["suv_flags"]) == (60, [])


def with_one_slice(**tags: Any) -> Change:
    return lambda ds, number: setting(**tags)(ds, number) if number == 5 else ds


def broken(keyword: str, text: str) -> Change:
    """A number of the header or of the injection, as somebody typed it."""
    raw = RawDataElement(Tag(keyword), "DS", len(text), text.encode(), 0, False, True)

    def change(ds: Dataset, number: int) -> Dataset:
        (ds.RadiopharmaceuticalInformationSequence[0] if keyword.startswith("Radio") else ds)[raw.tag] = raw
        return ds

    return change


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (broken("PatientWeight", "71,0"), "suv_unknown", "a weight of 71,0 is no number (PatientWeight)"),
        (broken("PatientWeight", "70 kg "), "suv_unknown", "a weight of 70 kg is no number (PatientWeight)"),
        (broken("PatientWeight", "1e999 "), "suv_unknown", "a weight of 1e999 is no number (PatientWeight)"),
        (broken("PatientWeight", "    "), "suv_unknown", "does not say the patient's weight (PatientWeight)"),
        (broken("RadionuclideTotalDose", "370,5 "), "suv_unknown", "a dose of 370,5 is no number (RadionuclideTotalDose)"),
        (broken("RadionuclideHalfLife", "6586,2"), "suv_unknown", "a half-life of 6586,2 is no number (RadionuclideHalfLife)"),
        (broken("RescaleSlope", "1,5 "), "suv_unknown", "a slope of 1,5 is no number (RescaleSlope)"),
        (setting(PatientWeight=None), "suv_unknown", "PatientWeight"),
        (setting(PatientWeight=0), "suv_unknown", "PatientWeight"),
        (injected(RadionuclideTotalDose=None), "suv_unknown", "RadionuclideTotalDose"),
        (injected(RadionuclideTotalDose=10.0), "suv_unknown", "10 is no usual one"),  # mCi
        (injected(RadionuclideHalfLife=None), "suv_unknown", "RadionuclideHalfLife"),
        (injected(RadiopharmaceuticalStartTime=None), "suv_unknown", "RadiopharmaceuticalStartTime"),
        (setting(SeriesTime=None, AcquisitionTime=None), "suv_unknown", "when the scan began"),
        (injected(RadiopharmaceuticalStartTime="100500"), "suv_times", "minutes before the scan"),  # typed after the scan
        (injected(RadiopharmaceuticalStartDateTime="20210105090000"), "suv_times", "minutes before"),  # a date not shifted
        (injected(RadiopharmaceuticalStartDateTime="20260105103000"), "suv_times", "after its start"),
        (setting(RescaleSlope=0), "suv_unknown", "RescaleSlope"),
        (setting(RescaleSlope=None), "suv_unknown", "RescaleSlope"),
        (setting(RescaleIntercept=-10), "suv_unknown", "RescaleIntercept"),
        (with_one_slice(Units="CNTS"), "series_mixed", "Units"),
        (setting(Units="PROPCNTS"), "suv_unknown", "PROPCNTS"),
        (setting(CorrectedImage=["DECY"]), "not_attenuation_corrected", "not corrected"),
        (setting(ImageType=["DERIVED", "SECONDARY", "MIP"]), "view_out_of_scope", "MIP"),
        (setting(SeriesDescription="WB MIP 36"), "view_out_of_scope", "MIP"),
        (setting(Modality="NM"), "modality_unsupported", "no PET"),
        (without(20), "slices_missing", "apart"),
        (setting(NumberOfSlices=60), "slices_missing", "says 60 slices"),
        (lambda ds, n: ds if n < 2 else None, "slices_missing", "2 slices are no scan"),
        (moved(lambda n: -6.0 * n - (4.0 if n > 20 else 0)), "slices_missing", "apart"),
        (setting(PixelSpacing=None), "no_geometry", "PixelSpacing"),
        (setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.130", NumberOfFrames=48), "multiframe", "Enhanced PET Image Storage"),
        (setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.128.1", NumberOfFrames=1), "multiframe", "Legacy Converted Enhanced PET"),
        (setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.130", CorrectedImage=None), "multiframe", "Enhanced PET Image Storage"),
        (injected(Radiopharmaceutical="68Ga-PSMA-11"), "half_life_differs", "Ga-68"),
    ],
)
def test_a_pet_whose_suv_nobody_can_know_is_refused(tmp_path: Path, change: Change, reason: str, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        prepared(write_pet(tmp_path / "a", change))
    assert refusal.value.reason == reason
    assert words in refusal.value.why and str(tmp_path) not in refusal.value.why


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (injected(RadionuclideTotalDose=370.0), "dose_in_mbq"),
        (setting(PatientWeight=70_000), "weight_in_grams"),
        (setting(PatientSize=175), "height_in_centimetres"),
        (setting(PatientSize=0.9), "height_unlikely"),
    ],
)
def test_what_was_converted_or_doubted_is_recorded_and_changes_no_value(tmp_path: Path, change: Change, flag: str) -> None:
    plain, _, _ = prepared(write_pet(tmp_path / "plain"))
    array, facts, _ = prepared(write_pet(tmp_path / "a", change))
    np.testing.assert_array_equal(array, plain)
    assert facts["how"]["suv_flags"] == [flag]


def test_a_dose_that_is_off_by_decades_does_not_balance_over_a_whole_body(tmp_path: Path) -> None:
    location = write_pet(tmp_path / "a", injected(RadionuclideTotalDose=370e5), heights=WHOLE_PET[:120])
    with pytest.raises(Refused, match="suv_unbalanced"):
        prepared(location)


def test_bed_seams_of_a_tenth_of_a_step_are_accepted_and_recorded(tmp_path: Path) -> None:
    seam = moved(lambda n: -260 - 6.0 * n - (0.2 if n > 20 else 0))
    _, facts, _ = prepared(write_pet(tmp_path / "a", seam))
    assert facts["how"]["steps_mm"] == [6.0, 6.2]


def other(series: str, change: Change | None = None, **tags: Any) -> Change:
    """Another series of the study."""

    def changed(ds: Dataset, number: int) -> Dataset | None:
        ds.SeriesInstanceUID, ds.SOPInstanceUID = series, f"{series}.{number}"
        ds = setting(**tags)(ds, number)  # type: ignore[assignment]
        return ds if change is None else change(ds, number)

    return changed


@pytest.mark.parametrize(
    ("beside", "passed"),
    [
        (other("1.3", CorrectedImage=["DECY"], SeriesNumber=1), {"not_attenuation_corrected": 1}),
        (other("1.3", ImageType=["DERIVED", "SECONDARY", "MIP"]), {"view_out_of_scope": 1}),
        (other("1.3", ImageType=["DERIVED", "PRIMARY"], SeriesNumber=1), {"derived": 1}),
        (other("1.3", lambda ds, n: ds if n < 30 else None, SeriesNumber=1), {"shorter": 1}),
        (other("1.3", lambda ds, n: ds if n % 2 == 0 else None, SeriesNumber=1), {"coarser": 1}),
        (other("1.3", SeriesNumber=9), {"later_number": 1}),
        (other("1.3", Units="PROPCNTS", SeriesNumber=1), {"suv_unknown": 1}),
        (other("1.3", Units="CNTS", SeriesNumber=1), {"suv_unknown": 1}),
        (other("1.3", ImagePositionPatient=None), {"no_geometry": 1}),
        (other("1.3", ImageOrientationPatient=[1, 0, 0, 0, 0, -1]), {"view_out_of_scope": 1}),
    ],
)
def test_of_several_series_of_a_study_one_is_read_and_the_others_are_passed_over_by_reason(
    tmp_path: Path, beside: Change, passed: dict[str, int]
) -> None:
    alone, _, _ = prepared(write_pet(tmp_path / "s" / "a"))
    write_pet(tmp_path / "s" / "b", beside)
    array, facts, _ = prepared(series_in(tmp_path / "s"))
    np.testing.assert_array_equal(array, alone)
    assert facts["how"]["series"] == {"of": 2, "passed_over": passed}


def test_a_word_of_the_recipe_chooses_among_series(tmp_path: Path) -> None:
    write_pet(tmp_path / "s" / "a", setting(SeriesDescription="WB AC"))
    write_pet(tmp_path / "s" / "b", other("1.3", SeriesDescription="WB AC Q.Clear", PatientWeight=140))
    plain, facts, _ = prepared(series_in(tmp_path / "s"))
    doubled, chosen, _ = prepared(series_in(tmp_path / "s"), series={"word": "q.clear"})
    np.testing.assert_allclose(doubled, 2 * plain, rtol=1e-6)
    assert chosen["how"]["series"] == {"of": 2, "passed_over": {"other_word": 1}}
    assert facts["how"]["series"] == {"of": 2, "passed_over": {"later_number": 1}}
    with pytest.raises(Refused, match=r"volume_missing.* 2 PET series has the word osem"):
        prepared(series_in(tmp_path / "s"), series={"word": "osem"})


@pytest.mark.parametrize(("late", "refused"), [("100500", False), ("101959", False), ("110000", True), ("103000", True)])
def test_an_early_and_a_late_scan_are_no_alternatives(tmp_path: Path, late: str, refused: bool) -> None:
    write_pet(tmp_path / "s" / "a")
    write_pet(tmp_path / "s" / "b", other("1.3", SeriesDescription="WB LATE", AcquisitionTime=late, SeriesTime=late))
    if refused:
        with pytest.raises(Refused, match=r"series_mixed.*different times"):
            prepared(series_in(tmp_path / "s"))
    _, facts, _ = prepared(series_in(tmp_path / "s"), series={"word": "late"} if refused else {})
    assert facts["how"]["series"]["of"] == 2


def test_series_of_two_patients_are_no_alternatives(tmp_path: Path) -> None:
    write_pet(tmp_path / "s" / "a")
    write_pet(tmp_path / "s" / "b", other("1.3", PatientID="0043"))
    with pytest.raises(Refused, match="study_mixed_patients"):
        prepared(series_in(tmp_path / "s"))


def test_an_array_has_no_unit_and_nothing_of_it_is_called_suv_or_mm(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 32767, (40, 16, 20)).astype(np.int16)
    np.savez(tmp_path / "a.npz", data=values)
    array, facts, pictures = prepared(f"npz:{tmp_path}/a.npz#data")
    np.testing.assert_array_equal(array, values)
    np.testing.assert_array_equal(pictures[mip.CORONAL], values.max(1))
    assert (facts["unit"], facts["spacing"]) == ("none", None) and "affine" not in facts
    assert not re.search("suv|mm|litre|regions", " ".join(facts["how"]))
    _, facts, _ = prepared(f"npz:{tmp_path}/a.npz#data", regions="published", chest_ends=0.5)
    assert facts["how"]["regions"]["head_neck"] == [0, 7]


def test_a_nifti_does_not_say_how_its_values_become_suv(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="unit_unknown"):
        prepared(str(tmp_path / "pet.nii.gz"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"regions": "published"}, "chest_ends"),
        ({"regions": "guessed"}, "'measured' or 'published'"),
        ({"series": {"name": "AC"}}, "unknown key"),
        ({"show": {"channels": [["pet", 10, 0]]}}, "the lower value first"),
        ({"show": {"channels": [["mr", 0, 1]]}}, "'ct' or 'pet'"),
        ({"show": {"channels": [["ct", "liver"]]}}, "'liver' is no window of a CT"),
        ({"show": {"channels": []}}, "at least 1"),
        ({"show": {"count": 3, "step_mm": 30}}, "one of them"),
    ],
)
def test_what_a_recipe_cannot_ask_of_a_pet_is_said_by_its_key(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as error:
        settings_of({"pet": values})
    assert "prepare.pet" in str(error.value)


def test_thumbnails_tell_scans_apart_and_not_doses(tmp_path: Path) -> None:
    thumbs = []
    for name, how in (("a", {}), ("b", {"arms": "down"})):
        array, _, _ = prepared(write_pet(tmp_path / name, heights=WHOLE_PET[::3], **how))
        thumbs += [pet.thumbnail(volume.__getitem__, array.shape).ravel() for volume in (array, array * 3)]
    like = np.corrcoef(thumbs)
    assert thumbs[0].dtype == np.float32 and like[0, 1] > pet.SAME > like[0, 2]
