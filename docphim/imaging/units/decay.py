"""When a PET scan's values hold: the moment to which they are corrected for decay, and when the tracer was injected.

The series says `DecayCorrection: START`, and five tags may tell when that start was.  Some are rewritten when a series is made
anew, so the order in which they are believed decides (measured on headers of four makers).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pydicom

from docphim.errors import Refused
from docphim.imaging.io import dicom

#: Where nothing says the date, times are those of one day.
_NO_DATE = "20000101"
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.(\d{1,6}))?")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})$")
#: Private elements of makers that hold the moment: element, what its block is called.
_GE, _SIEMENS = ((0x0009, 0x100D), "GEMS_PETD_01"), ((0x0071, 0x1022), "SIEMENS MED PT")
#: All that `acquired_at` reads.
_OF_ACQUISITION = (
    *("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "SeriesDate", "StudyDate"),
    "TimezoneOffsetFromUTC",
)
#: No scan is begun later after the injection, in half-lives: nothing is left to see.
_MOST_HALF_LIVES = 5.0
#: Of a tracer that decays more slowly, s, a time without a date may be of yesterday or of today: five half-lives are a day.
_DATED = 4 * 3600.0
_DAY = timedelta(days=1)
#: Acquisitions of one day that lie further apart lie on both sides of a midnight that their dates do not show; a scan that
#: passes midnight is over after as many hours as are left of a day.
_OVER_MIDNIGHT = timedelta(hours=18)
#: No scan takes longer.
_LONGEST = timedelta(hours=12)


#: A rule, the moment where it says one, and what says it.
_Named = tuple[str, datetime | None, dict[str, str]]


@dataclass(frozen=True)
class Moment:
    """A moment to which values may be corrected, by which rule it is that, and the header's values that say it, by keyword."""

    rule: str
    at: datetime
    tags: Mapping[str, str]


def moment(date: str, time: str) -> datetime | None:
    """A DICOM date and time, local; a time without a date lies on one day for all; None where there is no time.

    Examples
    --------
    >>> moment("20201217", "083045.5")
    datetime.datetime(2020, 12, 17, 8, 30, 45, 500000)
    """
    parts = _TIME.match(time)
    if not parts:
        return None
    hour, minute, second, fraction = (part or "0" for part in parts.groups())
    day = date.replace(".", "").replace("-", "") or _NO_DATE
    try:
        start = datetime.strptime(day, "%Y%m%d")
    except ValueError:
        return None
    # a leap second, 60, is the next minute
    return start + timedelta(
        hours=int(hour), minutes=int(minute), seconds=int(second), microseconds=int(fraction.ljust(6, "0"))
    )


def stamp(text: str, zone: str = "") -> datetime | None:
    """A DICOM DateTime with a full date and an hour at least, as local time; None where it is not of that form.

    Parameters
    ----------
    zone : str
        TimezoneOffsetFromUTC of the header, to which all its other times are local ("+0700").

    Raises
    ------
    Refused
        `suv_times`: it says how far it is from UTC, and the header does not say how far its other times are.

    Examples
    --------
    >>> stamp("20260105020000+0000", "+0700")
    datetime.datetime(2026, 1, 5, 9, 0)
    """
    at = moment(text[:8], text[8:]) if re.match(r"\d{10}", text) else None
    stated, local = (_OFFSET.search(words) for words in (text, zone.strip()))
    if at is None or stated is None:
        return at
    if local is None:
        raise Refused("suv_times", "", "a date and time has its distance from UTC, and the other times of the header have not")
    return at + _ahead(local) - _ahead(stated)


def _ahead(offset: re.Match[str]) -> timedelta:
    """How far a clock is ahead of UTC."""
    sign, hours, minutes = offset.groups()
    return timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)


def _stamp(header: pydicom.Dataset, text: str) -> datetime | None:
    return stamp(text, dicom.text(header, "TimezoneOffsetFromUTC"))


def _time_of(header: pydicom.Dataset, date: str, time: str) -> tuple[datetime | None, dict[str, str]]:
    """A time of the scan, and what says it; where it has no date of its own, it is of another time's day."""
    names = (date, "SeriesDate", "AcquisitionDate", "StudyDate")
    tags = next(({name: day} for name in names if (day := dicom.text(header, name))), {})
    at = moment("".join(tags.values()), dicom.text(header, time))
    return at, tags | {time: dicom.text(header, time)}


def starts(headers: Sequence[pydicom.Dataset], half_life: float) -> list[Moment]:
    """The moments that may be the start to which values are corrected, the most credible first.

    Parameters
    ----------
    headers : sequence of Dataset
        Of all slices.
    half_life : float
        Seconds.

    Returns
    -------
    list of Moment
        `series_time`, unless it is later than the earliest acquisition: then the series was made anew; `ge_private`
        (0009,100D); `siemens_private` (0071,1022); `frame_reference_time`, worked back from the first slice that has one other
        than 0; `acquisition_time`, the earliest.

    Raises
    ------
    Refused
        `suv_times`: slices were acquired further apart than any scan takes.
    """
    first = headers[0]
    series, of_series = _time_of(first, "SeriesDate", "SeriesTime")
    acquired = _acquired(headers, series)
    if series and acquired and series > acquired[0][0]:
        series = None
    named = (
        ("series_time", series, of_series),
        _of_maker("ge_private", first, *_GE),
        _of_maker("siemens_private", first, *_SIEMENS),
        ("frame_reference_time", *_worked_back(headers, acquired, half_life)),
        ("acquisition_time", *((acquired[0][0], _acquisition(headers[acquired[0][1]])[1]) if acquired else (None, {}))),
    )
    return [Moment(rule, at, tags) for rule, at, tags in named if at]


def _of_maker(rule: str, header: pydicom.Dataset, tag: tuple[int, int], creator: str) -> _Named:
    text = private(header, tag, creator)
    return rule, _stamp(header, text), {f"({tag[0]:04X},{tag[1]:04X})": text}


def acquired_at(header: pydicom.Dataset) -> datetime | None:
    """When a slice was acquired; None where it does not say so."""
    return _acquisition(header)[0]


def _acquisition(header: pydicom.Dataset) -> tuple[datetime | None, dict[str, str]]:
    text = dicom.text(header, "AcquisitionDateTime")
    whole = _stamp(header, text)
    return (whole, {"AcquisitionDateTime": text}) if whole else _time_of(header, "AcquisitionDate", "AcquisitionTime")


def _acquired(headers: Sequence[pydicom.Dataset], series: datetime | None) -> list[tuple[datetime, int]]:
    """When slices were acquired, the earliest first, and their numbers; over midnight too, where one day is said of all.

    Raises
    ------
    Refused
        `suv_times`.
    """
    moments = dicom.by_value(headers, _OF_ACQUISITION, acquired_at)
    known = [(at, number) for number, at in enumerate(moments) if at]
    if not known:
        return []
    latest, first = max(known)[0], headers[0]
    if len({at.date() for at, _ in known}) == 1:
        known = [(at + _DAY if latest - at > _OVER_MIDNIGHT else at, number) for at, number in known]
    known.sort()
    if known[-1][0] - known[0][0] > _LONGEST:
        hours = (known[-1][0] - known[0][0]) / timedelta(hours=1)
        raise Refused("suv_times", "", f"slices would have been acquired {hours:.0f} hours apart (AcquisitionTime)")
    if series and not any(dicom.text(first, name) for name in ("AcquisitionDate", "AcquisitionDateTime")):
        # of times alone: the series began shortly before the scan, or was made anew within the day after it
        after = known[0][0] - series
        days = 1 if -after > _OVER_MIDNIGHT else -1 if after > _DAY - _OVER_MIDNIGHT else 0
        known = [(at + days * _DAY, number) for at, number in known]
    return known


def _worked_back(
    headers: Sequence[pydicom.Dataset], acquired: Sequence[tuple[datetime, int]], half_life: float
) -> tuple[datetime | None, dict[str, str]]:
    """Acquisition − FrameReferenceTime + the time within the frame at which its mean rate is reached (PS3.3 C.8.9.4.1.5).

    Where all slices share one acquisition time and not one FrameReferenceTime, that time is not the slice's, and says nothing.
    """
    offsets = {number: (dicom.numbers(headers[number], "FrameReferenceTime") or [0.0])[0] for _, number in acquired}
    if len(set(offsets.values())) > 1 and len({at for at, _ in acquired}) == 1:
        return None, {}
    at, first = next(((at, number) for at, number in acquired if offsets[number]), (None, 0))
    if at is None:
        return None, {}
    duration = dicom.numbers(headers[first], "ActualFrameDuration")
    within = mean_rate_time((duration or [0.0])[0] / 1000, half_life)
    names = ("FrameReferenceTime", "ActualFrameDuration")
    tags = {name: text for name in names if (text := dicom.text(headers[first], name))}
    return at + timedelta(seconds=within - offsets[first] / 1000), _acquisition(headers[first])[1] | tags


def mean_rate_time(duration: float, half_life: float) -> float:
    """Seconds from the start of a frame until the rate is the frame's mean: ln(λT / (1 − e^(−λT))) / λ."""
    rate = math.log(2) / half_life
    decayed = rate * duration
    return math.log(decayed / -math.expm1(-decayed)) / rate if decayed else 0.0


def injected(header: pydicom.Dataset, item: pydicom.Dataset, reference: datetime, half_life: float) -> Moment:
    """When the tracer was given.

    A full date decides.  A time alone is of the day of `reference`, the scan's start, or of the day before where it would lie
    after it; but not where that makes the scan begin more than five half-lives later: then it was typed after the scan.  Of
    tracers that are seen for more than a day a time alone says nothing.

    Parameters
    ----------
    item : Dataset
        Of RadiopharmaceuticalInformationSequence.

    Raises
    ------
    Refused
        `suv_unknown`: no time is given; `suv_times`: the injection lies after the scan or too long before it, or on no one day.
    """
    full = _stamp(header, dicom.text(item, "RadiopharmaceuticalStartDateTime"))
    at = full or moment(reference.strftime("%Y%m%d"), dicom.text(item, "RadiopharmaceuticalStartTime"))
    keyword = "RadiopharmaceuticalStartDateTime" if full else "RadiopharmaceuticalStartTime"
    if at is None:
        raise Refused("suv_unknown", "", "the header does not say when the tracer was injected (RadiopharmaceuticalStartTime)")
    if not full and half_life > _DATED:
        raise Refused("suv_times", "", "the injection has a time and no date, and the tracer is seen for more than a day")
    if not full and at > reference:
        at -= timedelta(days=1)
    uptake = (reference - at).total_seconds()
    if not 0 <= uptake <= _MOST_HALF_LIVES * half_life:
        late = f"{uptake / 60:.0f} minutes before the scan" if uptake >= 0 else f"{-uptake / 60:.0f} minutes after its start"
        raise Refused("suv_times", "", f"the tracer would have been injected {late}, at a half-life of {half_life / 60:.0f}")
    return Moment("injection", at, {keyword: dicom.text(item, keyword)})


def private(header: pydicom.Dataset, tag: tuple[int, int], creator: str) -> str:
    """A maker's private value as text; "" where it is absent, or its block belongs to somebody else."""
    owner = header.get((tag[0], tag[1] >> 8))
    if owner is not None and str(owner.value).strip().casefold() != creator.casefold():
        return ""
    element = header.get(tag)
    value = "" if element is None else element.value
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text.strip(" \0")
