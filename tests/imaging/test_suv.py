"""From the headers of a PET series to SUV: which tags decide, what is converted and flagged, what is refused."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ct_series import PET, SHAPE, setting, write
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from docphim.errors import Refused
from docphim.imaging import uptake
from docphim.imaging.space.lungs import Blocks
from docphim.imaging.units import balance, measured
from docphim.imaging.units.body_size import Size, ideal, lean_james, lean_janmahasatian, surface
from docphim.imaging.units.decay import mean_rate_time, moment, stamp
from docphim.imaging.units.suv import suv_of

DOSE, HALF_LIFE, WEIGHT = 370e6, 6586.2, 70.0
GE, SIEMENS, PHILIPS = (0x0009, "GEMS_PETD_01"), (0x0071, "SIEMENS MED PT"), (0x7053, "Philips PET Private Group")


def header(*, private: tuple[tuple[int, str], dict[int, tuple[str, Any]]] | None = None, **tags: Any) -> Dataset:
    """A header of a slice of which all is known; tags of the injection go into its sequence, None takes one away."""
    ds, item = Dataset(), Dataset()
    usual = {"Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["DECY", "ATTN", "SCAT"], "PatientWeight": WEIGHT}
    usual |= {"PatientSex": "M", "RescaleSlope": 2, "RescaleIntercept": 0, "ActualFrameDuration": 120000}
    usual |= {"SeriesDate": "20260105", "SeriesTime": "100000", "AcquisitionDate": "20260105", "AcquisitionTime": "100000"}
    usual |= {"RadionuclideTotalDose": DOSE, "RadionuclideHalfLife": HALF_LIFE, "RadiopharmaceuticalStartTime": "090000"}
    for keyword, value in (usual | tags).items():
        if value is not None:
            setattr(item if keyword.startswith("Radi") else ds, keyword, value)
    ds.RadiopharmaceuticalInformationSequence = Sequence([item])
    if private:
        (group, creator), elements = private
        block = ds.private_block(group, creator, create=True)
        for element, (kind, value) in elements.items():
            block.add_new(element, kind, value)
    return ds


def factor(minutes: float, weight: float = WEIGHT, dose: float = DOSE) -> float:
    """The factor of a scan so many minutes after the injection."""
    return weight * 1000 / (dose * 2 ** (-60 * minutes / HALF_LIFE))


NIGHT = {"SeriesTime": "235000", "AcquisitionTime": "235000", "RadiopharmaceuticalStartTime": "225000"}


def night(**tags: Any) -> list[Dataset]:
    """Two slices, one acquired before midnight and one after it, later in the file or earlier."""
    return [header(**NIGHT | tags | {"AcquisitionTime": time}) for time in ("000500", "235000")]


#: name → (headers, rule, minutes from the injection to the moment to which values are corrected)
STARTS: dict[str, tuple[list[Dataset], str, float]] = {
    "the series begins with the acquisition": ([header()], "series_time", 60),
    "the series begins before the acquisition": ([header(AcquisitionTime="100500")], "series_time", 60),
    "the earliest acquisition counts, not the first slice's": (
        [header(SeriesTime="100200", AcquisitionTime="100500"), header(SeriesTime="100200", AcquisitionTime="100100")],
        "acquisition_time",
        61,
    ),
    "a series made anew, GE's tag": (
        [header(SeriesTime="113000", private=(GE, {0x0D: ("DT", "20260105100100.00")}))],
        "ge_private",
        61,
    ),
    "a series made anew, Siemens' tag": (
        [header(SeriesTime="113000", private=(SIEMENS, {0x22: ("DT", "20260105095900.00")}))],
        "siemens_private",
        59,
    ),
    "a series made anew two days later": ([header(SeriesDate="20260107")], "acquisition_time", 60),
    "a series made anew two days later, GE's tag": (
        [header(SeriesDate="20260107", private=(GE, {0x0D: ("DT", "20260105100100.00")}))],
        "ge_private",
        61,
    ),
    "a series made anew two days later of a scan just after midnight": (
        [header(SeriesDate="20260107", AcquisitionTime="001500", RadiopharmaceuticalStartTime="231500")],
        "acquisition_time",
        60,
    ),
    "GE's element in another maker's block says nothing": (
        [header(SeriesTime="113000", private=((0x0009, "OTHER 1.0"), {0x0D: ("DT", "20260105100100.00")}))],
        "acquisition_time",
        60,
    ),
    "worked back from the middle of the frame": (
        [header(SeriesTime="113000", AcquisitionTime="100500", FrameReferenceTime=60000)],
        "frame_reference_time",
        64 + mean_rate_time(120, HALF_LIFE) / 60,
    ),
    "a FrameReferenceTime of 0 is none": (
        [header(SeriesTime="113000", AcquisitionTime="100500", FrameReferenceTime=0)],
        "acquisition_time",
        65,
    ),
    "one acquisition time for frames of several times says nothing": (
        [header(SeriesTime="113000", FrameReferenceTime=time) for time in (60000, 180000)],
        "acquisition_time",
        60,
    ),
    "corrected to the injection": ([header(DecayCorrection="ADMIN")], "administration", 0),
    "no date at all": ([header(SeriesDate=None, AcquisitionDate=None)], "series_time", 60),
    "one date for times without": ([header(SeriesDate=None)], "series_time", 60),
    "the day of the study, where there is no other": (
        [
            header(
                SeriesDate=None, AcquisitionDate=None, StudyDate="20260105", RadiopharmaceuticalStartDateTime="20260105090000"
            )
        ],
        "series_time",
        60,
    ),
    "times of two zones": (
        [header(RadiopharmaceuticalStartDateTime="20260105020000+0000", TimezoneOffsetFromUTC="+0700")],
        "series_time",
        60,
    ),
    "a full date decides": ([header(RadiopharmaceuticalStartDateTime="20260105083000.000")], "series_time", 90),
    "a time alone passes midnight": (
        [header(RadiopharmaceuticalStartTime="233000", SeriesTime="003000", AcquisitionTime="003000")],
        "series_time",
        60,
    ),
    "a scan over midnight, its acquisitions without dates": (
        night(AcquisitionDate=None),
        "series_time",
        60,
    ),
    "a scan over midnight, one date for all its slices": (night(), "series_time", 60),
    "a scan over midnight, each acquisition of its day": (
        [header(**NIGHT), header(**NIGHT | {"AcquisitionDate": "20260106", "AcquisitionTime": "000500"})],
        "series_time",
        60,
    ),
    "a scan over midnight, made anew": (night(SeriesDate="20260106", SeriesTime="080000"), "acquisition_time", 60),
    "a scan over midnight, worked back": (
        night(SeriesDate="20260106", SeriesTime="080000", FrameReferenceTime=600000),
        "frame_reference_time",
        50 + mean_rate_time(120, HALF_LIFE) / 60,
    ),
    "a series before midnight, its acquisitions after it and without dates": (
        [header(**NIGHT | {"AcquisitionDate": None, "AcquisitionTime": "000500"})],
        "series_time",
        60,
    ),
    "a scan over midnight without dates, made anew in the morning": (
        night(AcquisitionDate=None, SeriesDate="20260106", SeriesTime="070000"),
        "acquisition_time",
        60,
    ),
    "a scan of the morning, made anew at night": (
        [header(SeriesTime="233000", AcquisitionDate=None)],
        "acquisition_time",
        60,
    ),
    "a long-lived tracer given days before": (
        [header(RadionuclideHalfLife=282240, RadiopharmaceuticalStartDateTime="20260101100000")],
        "series_time",
        4 * 24 * 60 * HALF_LIFE / 282240,
    ),
}


@pytest.mark.parametrize("case", STARTS)
def test_values_hold_at_the_moment_that_the_most_credible_tag_names(case):
    headers, rule, minutes = STARTS[case]
    suv = suv_of(headers)
    assert suv.rule == rule
    assert suv.factor == pytest.approx(factor(minutes), rel=1e-9)


#: name → (header, factor)
UNITS: dict[str, tuple[Dataset, float]] = {
    "SUV by body weight": (header(Units="GML", PatientWeight=None), 1.0),
    "SUV by body weight, named": (header(Units="GML", SUVType="BW"), 1.0),
    "SUV by lean mass, James": (header(Units="GML", SUVType="LBM", PatientSize=1.75), 70 / (77 - 120 * (70 / 175) ** 2)),
    "SUV by lean mass, James 128": (
        header(Units="GML", SUVType="LBMJAMES128", PatientSize=1.75),
        70 / (77 - 128 * (70 / 175) ** 2),
    ),
    "SUV by lean mass of a woman, Janmahasatian": (
        header(Units="GML", SUVType="LBMJANMA", PatientSize=1.6, PatientSex="F"),
        (8780 + 244 * 70 / 2.56) / 9270,
    ),
    "SUV by ideal weight": (header(Units="GML", SUVType="IBW", PatientSize=1.7), 70 / (48 + 1.06 * 18)),
    "SUV by surface": (header(Units="CM2ML", PatientSize=1.75), 70e3 / (0.007184 * 70**0.425 * 175**0.725 * 1e4)),
    "counts with a factor to SUV": (
        header(Units="CNTS", PatientWeight=None, private=(PHILIPS, {0: ("DS", "0.000551"), 9: ("DS", "1.6")})),
        0.000551,
    ),
    "counts with a factor to activity": (
        header(Units="CNTS", private=(PHILIPS, {0: ("DS", "0"), 9: ("DS", "1.6")})),
        1.6 * factor(60),
    ),
    "counts a second of a calibrated scanner": (header(Units="CPS", CorrectedImage=["ATTN", "DCAL", "DECY"]), factor(60)),
}


@pytest.mark.parametrize("case", UNITS)
def test_values_of_every_unit_become_suv_by_body_weight(case):
    ds, expected = UNITS[case]
    assert suv_of([ds]).factor == pytest.approx(expected, rel=1e-9)


FLAGS: dict[str, tuple[Dataset, str, float]] = {
    "a dose in MBq": (header(RadionuclideTotalDose=370), "dose_in_mbq", factor(60)),
    "a weight in grams": (header(PatientWeight=70000), "weight_in_grams", factor(60)),
    "a height in centimetres": (header(PatientSize=175), "height_in_centimetres", factor(60)),
    "a height that is not this person's": (header(PatientSize=0.9), "height_unlikely", factor(60)),
    "a scan long after the injection": (header(SeriesTime="104000", AcquisitionTime="104000"), "uptake_unusual", factor(100)),
    "values corrected for decay by one tag alone": (header(CorrectedImage=["ATTN"]), "decay_unlisted", factor(60)),
    "James' lean mass of the obese": (
        header(Units="GML", SUVType="LBM", PatientSize=1.5, PatientWeight=100, PatientSex="F"),
        "lean_mass_unlikely",
        100 / (107 - 148 * (100 / 150) ** 2),
    ),
    "lean mass of a sex that is not said": (
        header(Units="GML", SUVType="LBMJANMA", PatientSex="O", PatientSize=1.7),
        "sex_unknown",
        70 / np.mean([9270 * 70 / (base + per * 70 / 2.89) for base, per in ((6680, 216), (8780, 244))]),
    ),
}


@pytest.mark.parametrize("case", FLAGS)
def test_what_is_converted_or_unusual_is_flagged(case):
    ds, flag, expected = FLAGS[case]
    suv = suv_of([ds])
    assert suv.flags == (flag,)
    assert suv.factor == pytest.approx(expected, rel=1e-9)


def test_nothing_is_flagged_of_a_usual_header():
    assert suv_of([header(PatientSize=1.75)]).flags == ()


REFUSED: dict[str, tuple[list[Dataset], str]] = {
    "no weight": ([header(PatientWeight=None)], "suv_unknown"),
    "a weight of 0": ([header(PatientWeight=0)], "suv_unknown"),
    "a weight of no unit": ([header(PatientWeight=900)], "suv_unknown"),
    "no dose": ([header(RadionuclideTotalDose=None)], "suv_unknown"),
    "a dose that may be mCi": ([header(RadionuclideTotalDose=10)], "suv_unknown"),
    "no half-life": ([header(RadionuclideHalfLife=None)], "suv_unknown"),
    "a half-life of 0": ([header(RadionuclideHalfLife=0)], "suv_unknown"),
    "no injection time": ([header(RadiopharmaceuticalStartTime=None)], "suv_unknown"),
    "no time of the scan": ([header(SeriesTime=None, AcquisitionTime=None)], "suv_unknown"),
    "an injection five minutes after the scan": ([header(RadiopharmaceuticalStartTime="100500")], "suv_times"),
    "a time alone of a tracer that is seen for days": ([header(RadionuclideHalfLife=45721)], "suv_times"),
    "a zone that the other times lack": ([header(RadiopharmaceuticalStartDateTime="20260105090000+0000")], "suv_times"),
    "two doses": ([header(RadionuclideTotalDose=[DOSE, DOSE])], "suv_unknown"),
    "a factor of infinity": ([header(Units="CNTS", private=(PHILIPS, {0: ("LO", "inf")}))], "suv_unknown"),
    "an injection on another day": ([header(RadiopharmaceuticalStartDateTime="20251201090000")], "suv_times"),
    "an injection tomorrow": ([header(RadiopharmaceuticalStartDateTime="20260106090000")], "suv_times"),
    "acquisitions of one day, fourteen hours apart": (
        [header(AcquisitionTime=time, RadiopharmaceuticalStartTime="070000") for time in ("080000", "220000")],
        "suv_times",
    ),
    "acquisitions all around the clock, without dates": (
        [
            header(AcquisitionDate=None, AcquisitionTime=time, RadiopharmaceuticalStartTime="070000")
            for time in ("000500", "080000", "160000", "235000")
        ],
        "suv_times",
    ),
    "decay not corrected": ([header(DecayCorrection="NONE")], "suv_unknown"),
    "decay correction not said": ([header(DecayCorrection=None)], "suv_unknown"),
    "no slope": ([header(RescaleSlope=None)], "suv_unknown"),
    "a slope of 0 in a later slice": ([header(), header(RescaleSlope=0)], "suv_unknown"),
    "an intercept": ([header(RescaleIntercept=-10)], "suv_unknown"),
    "not corrected for attenuation": ([header(CorrectedImage=["DECY", "SCAT"])], "not_attenuation_corrected"),
    "one slice not corrected for attenuation": ([header(), header(CorrectedImage=["DECY", "SCAT"])], "series_mixed"),
    "one slice not corrected for decay": ([header(), header(CorrectedImage=["ATTN", "SCAT"])], "series_mixed"),
    "corrections not said": ([header(CorrectedImage=None)], "not_attenuation_corrected"),
    "proportional to counts": ([header(Units="PROPCNTS")], "suv_unknown"),
    "no unit": ([header(Units=None)], "suv_unknown"),
    "counts a second of no calibrated scanner": ([header(Units="CPS")], "suv_unknown"),
    "counts without a factor": ([header(Units="CNTS")], "suv_unknown"),
    "lean mass without a height": ([header(Units="GML", SUVType="LBM")], "suv_unknown"),
    "an unknown kind of SUV": ([header(Units="GML", SUVType="XYZ", PatientSize=1.7)], "suv_unknown"),
    "mixed units": ([header(), header(Units="GML")], "series_mixed"),
    "mixed weights": ([header(), header(PatientWeight=71)], "series_mixed"),
    "mixed doses": ([header(), header(RadionuclideTotalDose=371e6)], "series_mixed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_missing_or_wrong_is_refused_and_has_no_default(case):
    headers, reason = REFUSED[case]
    with pytest.raises(Refused) as refusal:
        suv_of(headers)
    assert refusal.value.reason == reason


def test_rules_that_others_follow_are_told_where_they_differ():
    series = header(FrameReferenceTime=600000, AcquisitionTime="100000", private=(GE, {0x0D: ("DT", "20260105100030")}))
    others = suv_of([series]).others
    assert list(others) == ["frame_reference_time"]  # half a minute of GE's tag is 0.3 %
    assert others["frame_reference_time"] == pytest.approx(factor(50 + mean_rate_time(120, HALF_LIFE) / 60))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("20260105083000.5", datetime(2026, 1, 5, 8, 30, 0, 500000)),
        ("2026010508", datetime(2026, 1, 5, 8)),
        ("20260105083060", datetime(2026, 1, 5, 8, 31)),  # a leap second
        ("20260105", None),
        ("", None),
        ("20261305083000", None),
    ],
)
def test_date_times_are_read_as_they_are_written(text, at):
    assert stamp(text) == at


def test_a_date_time_of_another_zone_becomes_local():
    assert stamp("20260105083000+0700", "+0700") == datetime(2026, 1, 5, 8, 30)
    assert stamp("20260104203000-0500", "+0700") == datetime(2026, 1, 5, 8, 30)
    assert stamp("20260105083000", "+0700") == datetime(2026, 1, 5, 8, 30)


def test_times_may_have_colons_and_dates_dots():
    assert moment("2026.01.05", "08:30:00") == moment("20260105", "083000")


def test_the_mean_rate_of_a_frame_is_reached_before_its_middle():
    assert mean_rate_time(120, HALF_LIFE) == pytest.approx(60, abs=0.2)
    assert mean_rate_time(120, HALF_LIFE) < 60
    assert mean_rate_time(3 * HALF_LIFE, HALF_LIFE) == pytest.approx(  # the decay over a long frame, by hand
        HALF_LIFE * math.log2(3 * math.log(2) / (1 - 1 / 8)), rel=1e-9
    )


def test_sizes_of_a_body_are_the_published_ones():
    man, woman = Size(80, 1.8, "M"), Size(60, 1.6, "F")
    assert lean_janmahasatian(man) == pytest.approx(61.73, abs=0.01)
    assert lean_janmahasatian(woman) == pytest.approx(38.36, abs=0.01)
    assert lean_james(man) == pytest.approx(64.30, abs=0.01)
    assert surface(man) == pytest.approx(1.996, abs=0.002)
    assert ideal(Size(40, 1.8, "M")) == 40


def pet(**tags: Any) -> Any:
    """Changes a slice of a CT series into one of a PET: stored values as they are, each slice's slope of its own."""
    usual = header(**tags)
    usual.SOPClassUID, usual.Modality, usual.RescaleIntercept = PET, "PT", 0
    of_all = {element.keyword: element.value for element in usual if element.keyword}

    def change(ds: Dataset, number: int) -> Dataset:
        setting(**{**of_all, "RescaleSlope": str(0.5 + 0.25 * number)})(ds, number)
        return ds

    return change


def test_each_slice_is_scaled_by_its_own_slope(tmp_path):
    folder = write(tmp_path / "pet", pet())
    planes, suv = measured.planes(sorted(folder.iterdir()))
    volume = planes.whole()
    assert (volume.unit, volume.array.dtype) == ("SUV", np.float32)
    stored = [1024 + number for number in reversed(range(SHAPE[2]))]  # the head first; the number is in a corner
    slopes = [0.5 + 0.25 * number for number in reversed(range(SHAPE[2]))]
    assert volume.array[:, 0, 0] == pytest.approx(np.array(stored) * slopes * suv.factor, rel=1e-6)


def changed(change: Any, values: Any, keyword: str) -> Any:
    """Changes a slice as `change` does, and one of its tags, or of its injection's, by its number."""

    def both(ds: Dataset, number: int) -> Dataset:
        ds = change(ds, number)
        setattr(ds.RadiopharmaceuticalInformationSequence[0] if keyword.startswith("Radi") else ds, keyword, values(number))
        return ds

    return both


def test_slices_of_files_that_were_acquired_one_after_another_count_from_the_earliest(tmp_path):
    later = changed(pet(SeriesTime="113000"), lambda number: f"10{30 - number:02}00", "AcquisitionTime")
    _, suv = measured.planes(sorted(write(tmp_path / "pet", later).iterdir()))
    assert (suv.rule, suv.uptake_minutes) == ("acquisition_time", 60 + 30 - (SHAPE[2] - 1))


@pytest.mark.parametrize("keyword", ["RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime"])
def test_slices_of_files_with_several_doses_are_refused(tmp_path, keyword):
    usual = {"RadionuclideTotalDose": DOSE, "RadionuclideHalfLife": HALF_LIFE, "RadiopharmaceuticalStartTime": "090000"}
    mixed = changed(pet(), lambda number: "090100" if keyword.endswith("Time") else 6590.0, keyword)
    odd = changed(pet(), lambda number: usual[keyword], keyword)
    folder = write(tmp_path / "pet", lambda ds, number: (mixed if number == 2 else odd)(ds, number))
    with pytest.raises(Refused, match="series_mixed"):
        measured.planes(sorted(folder.iterdir()))


def test_the_highest_value_is_named_with_its_place(tmp_path):
    answer = measured.measure(sorted(write(tmp_path / "pet", pet()).iterdir()))
    planes, _ = measured.planes(sorted((tmp_path / "pet").iterdir()))
    array = planes.whole().array
    at = answer["suv_max_at"]
    assert answer["suv_max"] == pytest.approx(float(array.max()))
    assert array[at["slice"], at["row"], at["column"]] == array.max()
    assert at["mm"][2] == pytest.approx(100 + 2.5 * (SHAPE[2] - 1 - at["slice"]))
    assert answer["balance"] == "unchecked"


def test_a_folder_is_looked_through_and_what_is_refused_is_named(tmp_path):
    write(tmp_path / "good", pet(SeriesInstanceUID="1.2.40"))
    write(tmp_path / "bad", pet(PatientWeight=0))
    answer = uptake.look(tmp_path)
    assert [row["where"] for row in answer["series"]] == ["good"]
    assert [(row["where"], row["reason"]) for row in answer["refused"]] == [("bad", "suv_unknown")]


@pytest.mark.parametrize(("name", "reason"), [("absent", "file_missing"), ("ct", "image_missing")])
def test_a_folder_without_pet_is_refused(tmp_path, name, reason):
    write(tmp_path / "ct", count=3)
    with pytest.raises(Refused) as refusal:
        uptake.look(tmp_path / name)
    assert refusal.value.reason == reason


def body(level: float) -> Blocks:
    """A body of 300 x 200 x 900 mm with a bladder, of a mean of about `level`, in noise."""
    blocks = Blocks((150, 60, 80), (6.0, 6.0, 6.0))
    noise = np.random.default_rng(0)
    for number in range(150):
        plane = 0.02 * noise.random((60, 80)).astype(np.float32)
        plane[12:45, 15:65] += 1.0
        if number > 120:
            plane[25:32, 35:45] += 20.0
        blocks.take(number, level * plane)
    return blocks


@pytest.mark.parametrize("level", [0.8, 30.0, 2e-4])
def test_the_outline_of_a_body_does_not_depend_on_the_unit(level):
    mean, litres = balance.body_mean(body(level))
    assert litres == pytest.approx(150 * 33 * 50 * 6**3 / 1e6, rel=0.02)
    assert mean == pytest.approx(level * (1.01 + 20 * 29 * 70 / (150 * 33 * 50)), rel=0.05)


@pytest.mark.parametrize(("mean", "length", "checked"), [(0.8, 900, True), (0.8, 600, False), (30, 600, False)])
def test_only_a_long_scan_is_judged(mean, length, checked):
    assert balance.check(mean, length) is checked


@pytest.mark.parametrize("mean", [0.022, 37 * 0.8, 0.0, 2e-4])
def test_a_mean_of_no_body_is_refused(mean):
    with pytest.raises(Refused) as refusal:
        balance.check(mean, 900)
    assert refusal.value.reason == "suv_unbalanced"


def test_an_empty_volume_has_no_body():
    blocks = Blocks((4, 10, 10), (6.0, 6.0, 6.0))
    assert balance.body_mean(blocks) == (0.0, 0.0)


def test_the_command_names_rule_tags_and_place(tmp_path):
    from typer.testing import CliRunner

    from docphim.cli import app

    write(tmp_path / "pet", pet())
    shown = CliRunner().invoke(app, ["suv", str(tmp_path)])
    assert shown.exit_code == 0
    for words in ("by series_time", "60 minutes after the injection", "SUVmax", "PatientWeight 70", "balance unchecked"):
        assert words in shown.stdout
    write(Path(tmp_path / "bad" / "pet"), pet(RadionuclideTotalDose=None))
    refused = CliRunner().invoke(app, ["suv", str(tmp_path / "bad")])
    assert refused.exit_code == 3
    assert "suv_unknown" in refused.stdout
