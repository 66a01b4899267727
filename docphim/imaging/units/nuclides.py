"""The nuclides that tracers of PET carry: which of them a header names, and whether the half-life beside it is theirs."""

from __future__ import annotations

import re

import pydicom

from docphim.errors import Refused
from docphim.imaging.io import dicom

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
#: Half-lives, s: NUBASE2020 (Kondev et al. 2021, Chinese Physics C 45, 030001).
HALF_LIVES = {
    "C-11": 20.3402 * _MINUTE,
    "N-13": 9.965 * _MINUTE,
    "O-15": 122.266,
    "F-18": 109.734 * _MINUTE,
    "Cu-64": 12.7004 * _HOUR,
    "Ga-68": 67.842 * _MINUTE,
    "Rb-82": 1.2575 * _MINUTE,
    "Zr-89": 78.360 * _HOUR,
    "I-124": 4.1760 * _DAY,
}
#: A half-life may differ by this share from the published one.  Scanners have it rounded or from older tables: 6588 s of F-18
#: (0.06 %), 4080 s of Ga-68 (0.2 %), 75 s of Rb-82 (0.6 %), two minutes of O-15 (1.9 %).  By 2 % SUV one half-life after the
#: injection is wrong by 1.4 %; nuclides taken for one another, and minutes for seconds, differ by far more.
TOLERANCE = 0.02
#: Codes of PS3.16 CID 4020, in SNOMED CT and as SNOMED RT had them.
_CODES = {
    "40565003": "C-11",
    "21576001": "N-13",
    "129504001": "O-15",
    "77004003": "F-18",
    "3932008": "Cu-64",
    "35337001": "Ga-68",
    "79197006": "Rb-82",
    "63360001": "Zr-89",
    "40937006": "I-124",
    "C-105A1": "C-11",
    "C-107A1": "N-13",
    "C-B1038": "O-15",
    "C-111A1": "F-18",
    "C-127A2": "Cu-64",
    "C-131A3": "Ga-68",
    "C-159A2": "Rb-82",
    "C-168A4": "Zr-89",
    "C-114A5": "I-124",
}
_ELEMENTS = {
    "C": "CARBON",
    "N": "NITROGEN",
    "O": "OXYGEN",
    "F": "FLUORINE",
    "Cu": "COPPER",
    "Ga": "GALLIUM",
    "Rb": "RUBIDIUM",
    "Zr": "ZIRCONIUM",
    "I": "IODINE",
}
#: Tracers that are of one nuclide, whether their name says it or not.
_TRACERS = {"F-18": "FDG|FLUORODEOXYGLUCOSE"}


def _words(nuclide: str) -> re.Pattern[str]:
    """A nuclide as it is written: F-18, F18, 18F, ^18^Fluorine; or a tracer that is always of it."""
    symbol, number = nuclide.split("-")
    element, mass = rf"(?:{symbol.upper()}|{_ELEMENTS[symbol]})", rf"\^?{number}\^?"
    named = rf"(?<![A-Z0-9])(?:{element}[ -]*{mass}|{mass}[ -]*{element})(?![A-Z0-9])"
    tracer = rf"|(?<![A-Z])(?:{_TRACERS[nuclide]})(?![A-Z])" if nuclide in _TRACERS else ""
    return re.compile(named + tracer)


_WORDS = {nuclide: _words(nuclide) for nuclide in HALF_LIVES}


def named(item: pydicom.Dataset) -> set[str]:
    """The nuclides of `HALF_LIVES` that an injection names: by a code, by its meaning, or in the words of its tracer.

    Parameters
    ----------
    item : Dataset
        Of RadiopharmaceuticalInformationSequence.

    Returns
    -------
    set of str
        Several where code and words contradict one another; empty where none is known.
    """
    codes = [
        code
        for keyword in ("RadionuclideCodeSequence", "RadiopharmaceuticalCodeSequence")
        for code in dicom.items(item, keyword)
    ]
    nuclides = {_CODES[value] for code in codes if (value := dicom.text(code, "CodeValue").upper()) in _CODES}
    texts = [dicom.text(item, "Radiopharmaceutical"), *(dicom.text(code, "CodeMeaning") for code in codes)]
    return nuclides | {nuclide for nuclide, words in _WORDS.items() if any(words.search(text.upper()) for text in texts)}


def check(item: pydicom.Dataset, half_life: float) -> None:
    """Refuse a half-life, s, that is not of the nuclide that the injection names; of other nuclides nothing is known.

    Raises
    ------
    Refused
        `half_life_differs`.
    """
    for nuclide in sorted(named(item)):
        published = HALF_LIVES[nuclide]
        if abs(half_life / published - 1) > TOLERANCE:
            why = f"the header names {nuclide}, whose half-life is {published:.6g} s, and says {half_life:g} s"
            raise Refused("half_life_differs", "", f"{why} (RadionuclideHalfLife)")
