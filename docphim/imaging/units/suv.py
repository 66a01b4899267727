"""The factor from a PET series' values to SUV by body weight, and by which rule and tags it was found.

SUV = activity concentration / (injected activity / body weight), both at one moment; 1 ml of tissue weighs 1 g.  What a header
must say stands in PS3.3 C.8.9.1 (PET Series), C.8.9.2 (Radiopharmaceutical) and C.8.9.4 (PET Image) of DICOM.  Nothing has a
default: a weight, dose, time or half-life that is not there is a refusal.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pydicom

from docphim.errors import Refused
from docphim.imaging.io import dicom
from docphim.imaging.units import body_size, nuclides
from docphim.imaging.units.body_size import Size
from docphim.imaging.units.decay import Moment, injected, private, starts

#: Usual minutes between injection and scan (EANM guideline 2.0 for FDG: 60, accepted 55 to 75); others are flagged.
UPTAKE_MINUTES = (55.0, 75.0)
#: Doses as DICOM has them, Bq; and what the same doses are in MBq.  Below, a number may be of mCi, and nothing says so.
_BECQUERELS, _MEGABECQUERELS = (1e6, 1e11), (37.0, 2000.0)
#: Factors of two rules that differ by more are told.
_DIFFERS = 0.01
#: Body mass index, kg/m², beyond which James' lean mass is no more to be trusted.
_JAMES, _OBESE = ("LBM", "LBMJAMES128"), 40.0
#: Philips: counts to SUV, and counts to Bq/ml.
_PHILIPS = "Philips PET Private Group"
_TO_SUV, _TO_ACTIVITY = (0x7053, 0x1000), (0x7053, 0x1009)
#: What the values of an SUVType (0054,1006) are normalised by, kg.
_NORMS: Mapping[str, Callable[[Size], float]] = {
    "BW": lambda size: size.weight,
    "LBM": body_size.lean_james,
    "LBMJAMES128": lambda size: body_size.lean_james(size, 128.0),
    "LBMJANMA": body_size.lean_janmahasatian,
    "IBW": body_size.ideal,
}


@dataclass(frozen=True)
class Suv:
    """How values become SUV by body weight.

    Attributes
    ----------
    factor : float
        SUV = value * factor, where the value is the stored one times its own slice's slope.
    rule : str
        `stored` (the values are SUV already), `philips_factor`, `administration` (corrected to the injection), or by which tag
        the moment was found to which values are corrected: see `docphim.imaging.units.decay.starts`.
    reference : datetime or None
        That moment, local; of values that are SUV already it is the start of the scan or the injection, as DecayCorrection
        says.
    uptake_minutes : float or None
        From the injection to the start of the scan; None where no times are there, or they are flagged.
    tags : dict
        The header's values that were used, times too, as they stand there, by keyword.
    flags : tuple of str
        `dose_in_mbq`, `weight_in_grams`, `height_in_centimetres`, `height_unlikely`, `sex_unknown`, `uptake_unusual`,
        `lean_mass_unlikely` (James' formula, whose parabola falls again in the obese), `decay_unlisted` (values are corrected
        for decay by DecayCorrection, and not by CorrectedImage), `suv_times`, `half_life_differs` (what a factor would be
        refused for that depends on times, and this one does not).
    others : dict
        Rules that other programs follow, and their factor, where it differs by over 1 %; `philips_activity` is the factor that
        (7053,1009), dose and times give beside (7053,1000).
    """

    factor: float
    rule: str
    reference: datetime | None = None
    uptake_minutes: float | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, float]:
        """`weight_kg` and `dose_mbq` of the header, where the rule used them; converted where a flag says so."""
        stated = (
            ("weight_kg", "PatientWeight", 1e-3 if "weight_in_grams" in self.flags else 1),
            ("dose_mbq", "RadionuclideTotalDose", 1 if "dose_in_mbq" in self.flags else 1e-6),
        )
        return {name: round(float(self.tags[tag]) * scale, 3) for name, tag, scale in stated if tag in self.tags}


def suv_of(headers: Sequence[pydicom.Dataset]) -> Suv:
    """The rule for a series, from the headers of all its slices.

    Raises
    ------
    Refused
        `not_attenuation_corrected`; `suv_unknown`: a value is missing, or of no known unit; `suv_times`; `half_life_differs`;
        `series_mixed`: slices say different doses, weights or units.
    """
    with dicom.quiet():
        header = headers[0]
        _check_one(headers)
        corrected = _corrections(headers)
        if "ATTN" not in corrected:
            raise Refused("not_attenuation_corrected")
        for item in headers:
            _check_scale(item)
        check_unit(header)
        unit = dicom.text(header, "Units").upper()
        if unit in ("GML", "CM2ML"):
            return _timed(headers, _stored(header, unit))
        return _counts(headers) if unit == "CNTS" else _activity(headers, 1.0)


def check_unit(header: pydicom.Dataset) -> None:
    """Refuse values in a unit from which no dose and no weight makes SUV, as PROPCNTS.

    Raises
    ------
    Refused
        `suv_unknown`.
    """
    unit = dicom.text(header, "Units").upper()
    if unit in ("GML", "CM2ML", "BQML"):
        return
    if unit == "CNTS":
        if not any(_one_factor([header], tag) for tag in (_TO_SUV, _TO_ACTIVITY)):
            raise Refused("suv_unknown", "", "values are counts (CNTS), and no factor to SUV or Bq/ml is given")
        return
    if unit != "CPS" or "DCAL" not in dicom.text(header, "CorrectedImage").upper().split("\\"):
        raise Refused("suv_unknown", "", f"values in {unit[:16] or 'no unit'} (Units) are no activity, and no SUV")


#: Corrections by which values become SUV in one way or another.
_DECIDING = frozenset(("ATTN", "DECY", "DCAL"))
#: What must be one in all slices; the dose and times of the injection stand in a sequence.
_SHARED = ("Units", "SUVType", "PatientWeight", "PatientSize", "PatientSex", "DecayCorrection", "SeriesTime", "SeriesDate")
#: What is shown of the scan's times where they contradict the injection's.
_OF_SCAN = ("SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime")
_OF_DOSE = ("RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime")


def _check_one(headers: Sequence[pydicom.Dataset]) -> None:
    """Refuse slices that differ in what there can be but one of."""
    for keyword in _SHARED:
        if len(set(dicom.by_value(headers, (keyword,), lambda header: dicom.text(header, keyword)))) > 1:  # noqa: B023
            raise Refused("series_mixed", "", f"slices differ in {keyword}")
    items = [item for header in headers for item in _doses(header)]
    doses = dicom.by_value(items, _OF_DOSE, lambda item: tuple(dicom.text(item, keyword) for keyword in _OF_DOSE))
    if len(set(doses)) > 1:
        raise Refused("series_mixed", "", "slices differ in the dose or its time")


def _corrections(headers: Sequence[pydicom.Dataset]) -> set[str]:
    """What all slices are corrected for; refuses those of which some are corrected for what decides and others are not."""
    texts = set(dicom.by_value(headers, ("CorrectedImage",), lambda header: dicom.text(header, "CorrectedImage").upper()))
    of_each = [set(text.split("\\")) for text in texts]
    if len({frozenset(words & _DECIDING) for words in of_each}) > 1:
        raise Refused("series_mixed", "", "slices differ in what they are corrected for (CorrectedImage)")
    return set.intersection(*of_each)


def _doses(header: pydicom.Dataset) -> list[pydicom.Dataset]:
    return dicom.items(header, "RadiopharmaceuticalInformationSequence")


def _check_scale(header: pydicom.Dataset) -> None:
    """A slope of each slice, and no intercept (PS3.3 C.8.9.4: it is 0 in a PET image)."""
    slope, intercept = dicom.numbers(header, "RescaleSlope"), dicom.numbers(header, "RescaleIntercept")
    if not slope or slope[0] <= 0:
        raise body_size.missing(header, "RescaleSlope", "slope", "a slice does not say by what its values are scaled")
    if intercept and intercept[0] != 0:
        raise Refused("suv_unknown", "", f"values of a PET slice are shifted by {intercept[0]:g} (RescaleIntercept)")


def _stored(header: pydicom.Dataset, unit: str) -> Suv:
    """Values that are SUV already, by the weight or surface that SUVType names; it is body weight where it is not there."""
    kind = dicom.text(header, "SUVType").upper() or ("BSA" if unit == "CM2ML" else "BW")
    tags = {"Units": unit, "SUVType": kind}
    if kind == "BW" and unit == "GML":
        return Suv(1.0, "stored", tags=tags)
    size = body_size.size_of(header)
    if size.height is None:
        raise Refused("suv_unknown", "", f"SUV by {kind[:16]} becomes SUV by body weight only with a height (PatientSize)")
    tags |= _tags(header, "PatientWeight", "PatientSize", "PatientSex")
    flags = (*size.flags, *(() if size.sex or kind == "BSA" else ("sex_unknown",)))
    if kind == "BSA" and unit == "CM2ML":  # cm²/ml: weight in g over surface in cm²
        return Suv(size.weight * 1e3 / (body_size.surface(size) * 1e4), "stored", tags=tags, flags=flags)
    if kind not in _NORMS or unit != "GML":
        raise Refused("suv_unknown", "", f"SUVType {kind[:16]} in {unit} is not known")
    norm = _NORMS[kind](size)
    if kind in _JAMES and size.weight / size.height**2 > _OBESE:
        flags += ("lean_mass_unlikely",)
    return Suv(size.weight / norm, "stored", tags=tags, flags=flags)


def _counts(headers: Sequence[pydicom.Dataset]) -> Suv:
    """Counts of a Philips scanner: by its factor to SUV, else by its factor to Bq/ml."""
    to_suv, to_activity = (_one_factor(headers, tag) for tag in (_TO_SUV, _TO_ACTIVITY))
    if not to_suv:
        suv = _activity(headers, to_activity)
        return replace(suv, tags={**suv.tags, "(7053,1009)": to_activity})
    others: dict[str, float] = {}
    if to_activity:
        with contextlib.suppress(Refused):  # what the second factor lacks, the first does without
            others["philips_activity"] = _activity(headers, to_activity).factor
    tags = {"Units": "CNTS", "(7053,1000)": to_suv}
    return _timed(headers, Suv(to_suv, "philips_factor", tags=tags, others=_differing(to_suv, others)))


def _differing(factor: float, others: Mapping[str, float]) -> dict[str, float]:
    """The factors of other rules that are off by more than may pass."""
    return {rule: other for rule, other in others.items() if abs(other / factor - 1) > _DIFFERS}


def _one_factor(headers: Sequence[pydicom.Dataset], tag: tuple[int, int]) -> float:
    texts = {private(header, tag, _PHILIPS) for header in headers}
    if len(texts) > 1:
        raise Refused("series_mixed", "", "slices have different factors from counts")
    try:
        value = float(texts.pop() or 0)
    except ValueError:
        return 0.0
    return value if value > 0 and math.isfinite(value) else 0.0


def _activity(headers: Sequence[pydicom.Dataset], to_activity: float) -> Suv:
    """Bq/ml: what is left of the dose when the values hold, over the body."""
    header = headers[0]
    size = body_size.size_of(header)
    if len(_doses(header)) != 1:
        why = "the header does not say what was injected (RadiopharmaceuticalInformationSequence)"
        raise Refused("suv_unknown", "", why if not _doses(header) else "the header names several injections")
    item = _doses(header)[0]
    dose, flags = _dose(item)
    tags = _tags(header, "Units", "DecayCorrection", "PatientWeight") | _tags(item, *_OF_DOSE[:2])
    listed = "DECY" in dicom.text(header, "CorrectedImage").upper().split("\\")
    flags = (*size.flags, *flags, *(() if listed else ("decay_unlisted",)))
    plain = to_activity * size.weight * 1e3 / dose
    correction = dicom.text(header, "DecayCorrection").upper()
    if correction == "ADMIN":
        return _timed(headers, Suv(plain, "administration", tags=tags, flags=flags))
    if correction != "START":
        raise Refused("suv_unknown", "", f"DecayCorrection is {correction[:16] or 'not given'}: neither START nor ADMIN")
    return _decayed(_times(headers, item), Suv(plain, "", tags=tags, flags=flags))


@dataclass(frozen=True)
class _Times:
    """When the tracer was given, when the scan may have begun, the most credible first, and the half-life, s."""

    given: Moment
    moments: list[Moment]
    half_life: float

    @property
    def tags(self) -> dict[str, str]:
        return {**self.moments[0].tags, **self.given.tags}

    @property
    def minutes(self) -> float:
        return (self.moments[0].at - self.given.at).total_seconds() / 60

    @property
    def flags(self) -> tuple[str, ...]:
        return () if UPTAKE_MINUTES[0] <= self.minutes <= UPTAKE_MINUTES[1] else ("uptake_unusual",)


def _times(headers: Sequence[pydicom.Dataset], item: pydicom.Dataset) -> _Times:
    """The times of a series and its injection; raises as `suv_of`."""
    half_life = (dicom.numbers(item, "RadionuclideHalfLife") or [0.0])[0]
    if half_life <= 0:
        raise body_size.missing(item, "RadionuclideHalfLife", "half-life", "the header does not say the half-life")
    nuclides.check(item, half_life)
    moments = starts(headers, half_life)
    if not moments:
        raise Refused("suv_unknown", "", "the header does not say when the scan began (SeriesTime, AcquisitionTime)")
    return _Times(injected(headers[0], item, moments[0].at, half_life), moments, half_life)


def _timed(headers: Sequence[pydicom.Dataset], suv: Suv) -> Suv:
    """`suv`, whose factor no time decides, with what the times say; what another factor would be refused for is a flag."""
    items = _doses(headers[0])
    if len(items) != 1:
        return suv
    try:
        times = _times(headers, items[0])
    except Refused as refusal:
        if refusal.reason == "suv_unknown":
            return suv
        doubted = _tags(headers[0], *_OF_SCAN) | _tags(items[0], *_OF_DOSE[1:])
        return replace(suv, flags=(*suv.flags, refusal.reason), tags={**suv.tags, **doubted})
    correction = dicom.text(headers[0], "DecayCorrection").upper()
    reference = {"START": times.moments[0].at, "ADMIN": times.given.at}.get(correction)
    flags, tags = suv.flags + times.flags, {**suv.tags, **times.tags}
    return replace(suv, reference=reference, uptake_minutes=times.minutes, flags=flags, tags=tags)


def _decayed(times: _Times, plain: Suv) -> Suv:
    """`plain`, the factor without decay, for values that are corrected to the start of the scan."""

    def factor(at: Moment) -> float:
        return float(plain.factor * 2 ** ((at.at - times.given.at).total_seconds() / times.half_life))

    best, *rest = times.moments
    # the earliest acquisition is what is taken where nothing better is there: beside something better it is no rule
    rivals = [at for at in rest if at.rule != "acquisition_time"]
    others = _differing(factor(best), {at.rule: factor(at) for at in rivals})
    tags = {**plain.tags, **times.tags}
    return Suv(factor(best), best.rule, best.at, times.minutes, tags, plain.flags + times.flags, others)


def _dose(item: pydicom.Dataset) -> tuple[float, tuple[str, ...]]:
    """The injected activity, Bq, and whether it was converted from MBq."""
    doses = dicom.numbers(item, "RadionuclideTotalDose")
    if len(doses) > 1:
        raise Refused("suv_unknown", "", f"the header gives {len(doses)} doses of one injection")
    stated = (doses or [0.0])[0]
    if stated <= 0:
        raise body_size.missing(item, "RadionuclideTotalDose", "dose", "the header does not say how much was injected")
    if _BECQUERELS[0] <= stated <= _BECQUERELS[1]:
        return stated, ()
    if _MEGABECQUERELS[0] <= stated <= _MEGABECQUERELS[1]:
        return stated * 1e6, ("dose_in_mbq",)
    raise Refused("suv_unknown", "", f"a dose of {stated:g} is no usual one, neither in Bq nor in MBq")


def _tags(header: pydicom.Dataset, *keywords: str) -> dict[str, Any]:
    values = {keyword: dicom.text(header, keyword) for keyword in keywords}
    return {keyword: value for keyword, value in values.items() if value}
