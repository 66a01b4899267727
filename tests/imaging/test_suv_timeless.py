"""Which times of a header are named; and those beside SUV whose factor no time decides: they are looked at all the same."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from test_suv import DOSE, GE, PHILIPS, SIEMENS, WEIGHT, factor, header

from docphim.imaging.units.suv import suv_of

#: name → (what the header says, factor, moment to which values hold)
TIMELESS: dict[str, tuple[dict[str, Any], float, datetime]] = {
    "corrected to the injection": ({"DecayCorrection": "ADMIN"}, WEIGHT * 1e3 / DOSE, datetime(2026, 1, 5, 9)),
    "SUV already": ({"Units": "GML"}, 1.0, datetime(2026, 1, 5, 10)),
    "SUV already, corrected to the injection": ({"Units": "GML", "DecayCorrection": "ADMIN"}, 1.0, datetime(2026, 1, 5, 9)),
    "SUV by ideal weight": (
        {"Units": "GML", "SUVType": "IBW", "PatientSize": 1.7},
        70 / (48 + 1.06 * 18),
        datetime(2026, 1, 5, 10),
    ),
    "SUV by surface": (
        {"Units": "CM2ML", "PatientSize": 1.75},
        70e3 / (0.007184 * 70**0.425 * 175**0.725 * 1e4),
        datetime(2026, 1, 5, 10),
    ),
    "counts with a factor": (
        {"Units": "CNTS", "private": (PHILIPS, {0: ("DS", "0.000551")})},
        0.000551,
        datetime(2026, 1, 5, 10),
    ),
}


@pytest.mark.parametrize("case", TIMELESS)
def test_where_times_are_there_they_give_the_uptake(case: str) -> None:
    tags, factor, reference = TIMELESS[case]
    suv = suv_of([header(**tags)])
    assert (suv.uptake_minutes, suv.reference, suv.flags) == (60, reference, ())
    assert suv.factor == pytest.approx(factor, rel=1e-9)


#: name → (what the header says, minutes, flags)
TIMES: dict[str, tuple[dict[str, Any], float | None, tuple[str, ...]]] = {
    "a scan long after the injection": ({"SeriesTime": "104000", "AcquisitionTime": "104000"}, 100, ("uptake_unusual",)),
    "an injection five minutes after the scan": ({"RadiopharmaceuticalStartTime": "100500"}, None, ("suv_times",)),
    "an injection of another year": ({"RadiopharmaceuticalStartDateTime": "20210105090000"}, None, ("suv_times",)),
    "an injection tomorrow": ({"RadiopharmaceuticalStartDateTime": "20260106090000"}, None, ("suv_times",)),
    "a half-life of another nuclide": ({"Radiopharmaceutical": "68Ga-PSMA-11"}, None, ("half_life_differs",)),
    "no injection time": ({"RadiopharmaceuticalStartTime": None}, None, ()),
    "no half-life": ({"RadionuclideHalfLife": None}, None, ()),
    "no time of the scan": ({"SeriesTime": None, "AcquisitionTime": None}, None, ()),
}


@pytest.mark.parametrize("case", TIMELESS)
@pytest.mark.parametrize("times", TIMES)
def test_times_for_which_another_factor_would_be_refused_are_flagged_and_leave_this_one(case: str, times: str) -> None:
    (tags, factor, _), (of_times, minutes, flags) = TIMELESS[case], TIMES[times]
    suv = suv_of([header(**{**tags, **of_times})])
    assert (suv.uptake_minutes, suv.flags) == (minutes, flags)
    assert (suv.reference is None) == (minutes is None)
    assert suv.factor == pytest.approx(factor, rel=1e-9)


#: name → (what the header says, factor to SUV, factor to Bq/ml, what the second gives where it differs)
PHILIPS_FACTORS: dict[str, tuple[dict[str, Any], float, float, float | None]] = {
    "one gives the other": ({}, 1.6 * factor(60), 1.6, None),
    "a little off": ({}, 1.6 * factor(60) * 1.009, 1.6, None),
    "made for another weight": ({"PatientWeight": 80}, 1.6 * factor(60), 1.6, 1.6 * factor(60, weight=80)),
    "corrected to the injection": ({"DecayCorrection": "ADMIN"}, 1.6 * factor(60), 1.6, 1.6 * factor(0)),
    "no weight": ({"PatientWeight": None}, 1.0, 1.6, None),
    "no dose": ({"RadionuclideTotalDose": None}, 1.0, 1.6, None),
    "no injection time": ({"RadiopharmaceuticalStartTime": None}, 1.0, 1.6, None),
    "no second": ({}, 1.0, 0.0, None),
}


@pytest.mark.parametrize("case", PHILIPS_FACTORS)
def test_two_factors_of_philips_that_disagree_are_told(case: str) -> None:
    tags, to_suv, to_activity, other = PHILIPS_FACTORS[case]
    suv = suv_of([header(Units="CNTS", private=(PHILIPS, {0: ("FD", to_suv), 9: ("FD", to_activity)}), **tags)])
    assert (suv.rule, suv.factor) == ("philips_factor", to_suv)
    assert suv.others == ({} if other is None else {"philips_activity": pytest.approx(other, rel=1e-9)})


START = {"RadiopharmaceuticalStartTime": "090000"}
#: name → (what the header says, the times among the tags)
NAMED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "SeriesTime": ({}, {"SeriesDate": "20260105", "SeriesTime": "100000", **START}),
    "SeriesTime without a date": (
        {"SeriesDate": None, "AcquisitionDate": None},
        {"SeriesTime": "100000", **START},
    ),
    "SeriesTime of the acquisition's date": (
        {"SeriesDate": None},
        {"AcquisitionDate": "20260105", "SeriesTime": "100000", **START},
    ),
    "GE's": (
        {"SeriesTime": "113000", "private": (GE, {0x0D: ("DT", "20260105100100.00")})},
        {"(0009,100D)": "20260105100100.00", **START},
    ),
    "Siemens'": (
        {"SeriesTime": "113000", "private": (SIEMENS, {0x22: ("DT", "20260105095900.00")})},
        {"(0071,1022)": "20260105095900.00", **START},
    ),
    "worked back": (
        {"SeriesTime": "113000", "AcquisitionTime": "100500", "FrameReferenceTime": "60000"},
        {
            "AcquisitionDate": "20260105",
            "AcquisitionTime": "100500",
            "FrameReferenceTime": "60000",
            "ActualFrameDuration": "120000",
            **START,
        },
    ),
    "the acquisition's": (
        {"SeriesTime": "113000"},
        {"AcquisitionDate": "20260105", "AcquisitionTime": "100000", **START},
    ),
    "the acquisition's date and time": (
        {"SeriesTime": "113000", "AcquisitionDateTime": "20260105100200"},
        {"AcquisitionDateTime": "20260105100200", **START},
    ),
    "a full date of the injection": (
        {"RadiopharmaceuticalStartDateTime": "20260105083000", **START},
        {"SeriesDate": "20260105", "SeriesTime": "100000", "RadiopharmaceuticalStartDateTime": "20260105083000"},
    ),
}


@pytest.mark.parametrize("case", NAMED)
@pytest.mark.parametrize("kind", [{}, {"DecayCorrection": "ADMIN"}, {"Units": "GML"}], ids=["START", "ADMIN", "GML"])
def test_the_times_that_decided_are_among_the_tags(case: str, kind: dict[str, Any]) -> None:
    tags, named = NAMED[case]
    of_all = suv_of([header(**kind, **tags)]).tags
    times = {name: value for name, value in of_all.items() if re.search(r"Time|Date|Duration|\(", name)}
    assert times == named


def test_a_factor_of_philips_to_activity_is_among_the_tags() -> None:
    assert suv_of([header(Units="CNTS", private=(PHILIPS, {9: ("DS", "1.6")}))]).tags["(7053,1009)"] == 1.6


def test_the_slice_that_was_acquired_first_is_the_one_whose_times_are_named() -> None:
    tags = suv_of([header(SeriesTime="113000", AcquisitionTime=f"10{minute:02}00") for minute in (9, 3, 6)]).tags
    assert tags["AcquisitionTime"] == "100300"


@pytest.mark.parametrize("times", [times for times, (_, _, flags) in TIMES.items() if "suv_times" in flags])
def test_times_that_cannot_be_are_named_too(times: str) -> None:
    tags = suv_of([header(Units="GML", **TIMES[times][0])]).tags
    assert tags["SeriesTime"] == "100000"
    assert TIMES[times][0].items() <= tags.items()
