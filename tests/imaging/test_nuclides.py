"""A half-life that is not of the nuclide that a header names is refused; one that is rounded or from an older table is not."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from docphim.errors import Refused
from docphim.imaging.units import nuclides


def item(tracer: str = "", **codes: tuple[str, str]) -> Dataset:
    """An injection with the words of its tracer, and a code and its meaning under a sequence."""
    ds: Any = Dataset()
    if tracer:
        ds.Radiopharmaceutical = tracer
    for keyword, (value, meaning) in codes.items():
        code: Any = Dataset()
        code.CodeValue, code.CodeMeaning = value, meaning
        setattr(ds, keyword, Sequence([code]))
    return ds


NAMED = [
    (item("FDG -- fluorodeoxyglucose"), {"F-18"}),
    (item("18FDG"), {"F-18"}),
    (item("Fluorodeoxyglucose"), {"F-18"}),
    (item("F-18 PSMA-1007"), {"F-18"}),
    (item("[18F]NaF"), {"F-18"}),
    (item("68Ga-DOTATATE"), {"Ga-68"}),
    (item("Ga68 PSMA 11"), {"Ga-68"}),
    (item("C-11 methionine"), {"C-11"}),
    (item("Cu 64 DOTATATE"), {"Cu-64"}),
    (item("89Zr-trastuzumab"), {"Zr-89"}),
    (item("Iodine-124"), {"I-124"}),
    (item("PSMA"), set()),
    (item("TOC 11"), set()),
    (item("DOTATOC"), set()),
    (item("FDGAL"), set()),
    (item("F-180"), set()),
    (item(), set()),
    (item(RadionuclideCodeSequence=("77004003", "")), {"F-18"}),
    (item(RadionuclideCodeSequence=("C-131A3", "")), {"Ga-68"}),
    (item(RadionuclideCodeSequence=("99", "^82^Rubidium")), {"Rb-82"}),
    (item(RadiopharmaceuticalCodeSequence=("99", "Ammonia N^13^")), {"N-13"}),
    (item(RadiopharmaceuticalCodeSequence=("99", "Water O15")), {"O-15"}),
    (item("FDG", RadionuclideCodeSequence=("C-131A3", "^68^Gallium")), {"F-18", "Ga-68"}),
]


@pytest.mark.parametrize(("injection", "names"), NAMED, ids=range(len(NAMED)))
def test_a_nuclide_is_named_by_its_code_its_meaning_or_the_words_of_the_tracer(injection: Dataset, names: set[str]) -> None:
    assert nuclides.named(injection) == names


#: Half-lives as scanners and other tables have them, s.
ELSEWHERE = {
    "F-18": (6586.2, 6588, 6584.04, 6600),
    "Ga-68": (4057.7, 4062.6, 4080, 4098),
    "C-11": (1224, 1221.8, 1218, 1200),
    "N-13": (598, 597.6, 600),
    "O-15": (122.24, 123, 120),
    "Cu-64": (45721.1, 45792),
    "Rb-82": (75, 76.4),
    "Zr-89": (282240, 282276),
    "I-124": (360806.4, 361152),
}


@pytest.mark.parametrize("nuclide", nuclides.HALF_LIVES)
def test_half_lives_of_other_tables_pass_and_those_of_other_nuclides_and_units_do_not(nuclide: str) -> None:
    injection = item(nuclide)
    for seconds in ELSEWHERE[nuclide]:
        nuclides.check(injection, seconds)
    published = nuclides.HALF_LIVES[nuclide]
    others = [value for name, value in nuclides.HALF_LIVES.items() if name != nuclide]
    for seconds in (*others, published / 60, published * 1000, published * 0.97, published * 1.03):
        with pytest.raises(Refused, match=f"half_life_differs.*{nuclide}"):
            nuclides.check(injection, seconds)


def test_code_and_words_that_contradict_one_another_are_refused_whichever_the_half_life_is_of() -> None:
    injection = item("FDG", RadionuclideCodeSequence=("C-131A3", ""))
    for seconds in (6586.2, 4057.7):
        with pytest.raises(Refused, match="half_life_differs"):
            nuclides.check(injection, seconds)


def test_of_an_unknown_nuclide_any_half_life_goes_on() -> None:
    nuclides.check(item("52Mn", RadionuclideCodeSequence=("37225000", "^52^Manganese")), 483062.0)
