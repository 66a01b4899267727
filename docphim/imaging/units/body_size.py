"""Weight, height and what is computed from them: lean body mass, ideal weight, body surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pydicom

from docphim.errors import Refused
from docphim.imaging.io import dicom

#: Weights of people, kg; and what the same weights are in grams.
_KILOGRAMS, _GRAMS = (0.4, 400.0), (2_000.0, 400_000.0)
#: Heights of people, m; and what the same heights are in centimetres.
_METRES, _CENTIMETRES = (0.3, 2.5), (30.0, 250.0)
#: Beyond these a weight and a height are hardly of one person, kg/m².
_BODY_MASS_INDEX = (8.0, 70.0)


@dataclass(frozen=True)
class Size:
    """What a header says of a patient's size.

    Attributes
    ----------
    weight : float
        kg.
    height : float or None
        m; None where the header does not say it, or what it says fits no person of that weight.
    sex : str
        `M`, `F`, or `` where the header says neither: means of both are taken then.
    flags : tuple of str
        What was converted or doubted.
    """

    weight: float
    height: float | None
    sex: str
    flags: tuple[str, ...] = ()


def size_of(header: pydicom.Dataset) -> Size:
    """Weight, height and sex of a header.

    Raises
    ------
    Refused
        `suv_unknown`: no weight, 0, or one that is of no person in kilograms or grams.
    """
    flags: list[str] = []
    stated = (dicom.numbers(header, "PatientWeight") or [0.0])[0]
    if not stated:
        raise missing(header, "PatientWeight", "weight", "the header does not say the patient's weight")
    weight = _converted(stated, _KILOGRAMS, _GRAMS, 1000.0)
    if weight is None:
        raise Refused("suv_unknown", "", f"a weight of {stated:g} is of no person, neither in kilograms nor in grams")
    if weight != stated:
        flags.append("weight_in_grams")
    tall = (dicom.numbers(header, "PatientSize") or [0.0])[0]
    height = _converted(tall, _METRES, _CENTIMETRES, 100.0)
    if height is not None and height != tall:
        flags.append("height_in_centimetres")
    if tall and (height is None or not _BODY_MASS_INDEX[0] <= weight / height**2 <= _BODY_MASS_INDEX[1]):
        flags.append("height_unlikely")
        height = None
    sex = dicom.text(header, "PatientSex").upper()
    return Size(weight, height, sex if sex in ("M", "F") else "", tuple(flags))


def missing(header: pydicom.Dataset, keyword: str, what: str, why: str) -> Refused:
    """The refusal for a number that is not there, or that is there and is none, as "71,0"."""
    if typed := dicom.broken(header, keyword):
        why = f"a {what} of {typed[:16]} is no number"
    return Refused("suv_unknown", "", f"{why} ({keyword})")


def _converted(value: float, plain: tuple[float, float], other: tuple[float, float], factor: float) -> float | None:
    """A value in its unit; one that is plausible in another unit alone is converted."""
    if plain[0] <= value <= plain[1]:
        return value
    return value / factor if other[0] <= value <= other[1] else None


def _by_sex(size: Size, male: Callable[[float, float], float], female: Callable[[float, float], float]) -> float:
    height = size.height or 0.0
    of = {"M": [male], "F": [female]}.get(size.sex, [male, female])
    return sum(formula(size.weight, height) for formula in of) / len(of)


def lean_james(size: Size, of_men: float = 120.0) -> float:
    """Lean body mass, kg (James 1976; PS3.16 of DICOM has it with 120 and with 128 for men)."""
    return _by_sex(
        size, lambda w, h: 1.1 * w - of_men * (w / (100 * h)) ** 2, lambda w, h: 1.07 * w - 148 * (w / (100 * h)) ** 2
    )


def lean_janmahasatian(size: Size) -> float:
    """Lean body mass, kg (Janmahasatian et al. 2005)."""
    return _by_sex(size, lambda w, h: 9270 * w / (6680 + 216 * w / h**2), lambda w, h: 9270 * w / (8780 + 244 * w / h**2))


def ideal(size: Size) -> float:
    """Ideal body weight, kg, never above the true one (PS3.16 of DICOM, 126404)."""
    weight = _by_sex(size, lambda w, h: 48.0 + 1.06 * (100 * h - 152), lambda w, h: 45.5 + 0.91 * (100 * h - 152))
    return min(weight, size.weight)


def surface(size: Size) -> float:
    """Body surface, m² (Du Bois 1916)."""
    return 0.007184 * size.weight**0.425 * (100 * (size.height or 0.0)) ** 0.725
