"""SUV whose factor no time decides: the times of the header are looked at all the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from test_suv import DOSE, PHILIPS, WEIGHT, header

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
