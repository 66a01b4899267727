"""From stored values to display values: rescale, VOI LUT or window, polarity, padding, as one look-up table.

A film of 16 bits or fewer has at most 65,536 different values, so the whole greyscale pipeline of DICOM PS3.3 C.11 is
worked out once per value and applied in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pydicom

from docphim.errors import Refused
from docphim.imaging import lut
from docphim.imaging.io.dicom import integer, items, numbers, quiet, text
from docphim.imaging.limits import WHITE

#: The rule where neither VOI LUT nor window is given: these percentiles of the film's values become black and white.
PERCENTILES = (0.5, 99.5)
#: A film with a smaller share of pixels between black and white shows nothing; a newborn on a large detector has more.
LEAST_GREY = 0.1
#: Smallest standard deviation of the display values 0..1; a chest film's is 0.2 to 0.3.
LEAST_DEVIATION = 0.03


@dataclass
class Codes:
    """Stored values as codes into a table: value = `start` + `step` * code; `padding` marks the codes to leave out."""

    array: np.ndarray
    start: float
    step: float
    bits: int
    padding: np.ndarray | None = None
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many codes there are."""
        return 256 if self.array.dtype == np.uint8 else 65536

    @property
    def values(self) -> np.ndarray:
        """The stored value of every code, float64."""
        return self.start + self.step * np.arange(self.count)


def codes_of(array: np.ndarray, bits: int) -> Codes:
    """Turn stored values (integers, or finite floats) into codes of 8 or 16 bits.

    Raises
    ------
    Refused
        `pixels_not_finite` or `pixels_constant`.
    """
    if array.dtype == np.uint8 or array.dtype == np.uint16:
        return Codes(array, 0, 1, bits)
    if array.dtype == np.int8:
        return Codes(array.view(np.uint8) ^ np.uint8(0x80), -128, 1, bits)
    if array.dtype == np.int16:
        return Codes(array.view(np.uint16) ^ np.uint16(0x8000), -32768, 1, bits)
    if not np.isfinite(array).all():
        raise Refused("pixels_not_finite")
    low, high = float(array.min()), float(array.max())
    if high <= low:
        raise Refused("pixels_constant")
    whole = np.issubdtype(array.dtype, np.integer) and high - low <= WHITE
    step = 1.0 if whole else (high - low) / WHITE
    codes = np.rint((array.astype(np.float64) - low) / step).astype(np.uint16)
    return Codes(codes, low, step, bits)


def mark_padding(codes: Codes, ds: pydicom.Dataset) -> None:
    """Mark PixelPaddingValue, or the range to PixelPaddingRangeLimit (PS3.3 C.7.5.1.1.2): no statistic sees them."""
    first = numbers(ds, "PixelPaddingValue")
    if not first:
        return
    last = numbers(ds, "PixelPaddingRangeLimit") or first
    # written as unsigned, meant as signed
    ends = [v - 65536 if codes.start < 0 and v > 32767 else v for v in (first[0], last[0])]
    padding = (codes.values >= min(ends)) & (codes.values <= max(ends))
    if padding.any():
        codes.padding = padding


def counts_of(codes: Codes) -> np.ndarray:
    """How often each code occurs, padding left out; every fourth pixel of every fourth row where nothing is padded.

    The sample holds some 300,000 pixels of a film: its percentiles differ from the whole film's by less than one grey
    level in 256, at a twentieth of the time.
    """
    sample = codes.array if codes.padding is not None or codes.array.size < 1 << 18 else codes.array[::4, ::4]
    counts = np.bincount(sample.ravel(), minlength=codes.count)
    if codes.padding is not None:
        codes.how["padding"] = int(counts[codes.padding].sum())
        counts[codes.padding] = 0
        if not counts.any():
            raise Refused("pixels_constant", "", "every pixel is padding")
    return counts


def dicom_table(codes: Codes, ds: pydicom.Dataset) -> np.ndarray:
    """The display value (float32, 0 black to 65535 white) of every code of a greyscale DICOM image.

    Raises
    ------
    Refused
        `photometric_unknown`, `pixels_constant`, or `pixels_undecodable` for a look-up table that cannot be read.
    """
    photometric = text(ds, "PhotometricInterpretation").upper()
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise Refused("photometric_unknown")
    mark_padding(codes, ds)
    counts = counts_of(codes)
    try:
        with quiet():
            values = _modality(codes, ds)
            shown = _voi(values, counts, codes, ds)
    except Refused:
        raise
    except Exception as error:
        raise Refused("pixels_undecodable", "", "a look-up table of the header cannot be read") from error
    # PS3.3 C.8.11.3.1.2: a DX image that is MONOCHROME1 also says INVERSE; together they invert once.
    shape = text(ds, "PresentationLUTShape").upper()
    codes.how["inverted"] = photometric == "MONOCHROME1" or shape == "INVERSE"
    return painted(codes, counts, 1 - shown if codes.how["inverted"] else shown)


def painted(codes: Codes, counts: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Scale 0..1 to 0..65535, with padding black.

    Raises
    ------
    Refused
        `pixels_constant`: the values that occur all look the same; `contrast_lost`: next to nothing can be told apart, as
        under a window that was written for other values.
    """
    occurring = counts > 0
    seen, share = shown[occurring], counts[occurring]
    if seen.size == 0 or np.ptp(seen) < 1e-6:
        raise Refused("pixels_constant", "", "every pixel of the film looks the same")
    share = share / share.sum()
    if share[(seen > 1 / 255) & (seen < 254 / 255)].sum() < LEAST_GREY:
        raise Refused("contrast_lost", "", f"all but {LEAST_GREY:.0%} of the film is black or white ({codes.how.get('voi')})")
    if share @ (seen - share @ seen) ** 2 < LEAST_DEVIATION**2:
        raise Refused("contrast_lost", "", f"the film is nearly one grey ({codes.how.get('voi')})")
    table = (shown * WHITE).astype(np.float32)
    if codes.padding is not None:
        table[codes.padding] = 0
    return table


def check_shown(film: np.ndarray) -> None:
    """Refuse a finished film (h, w), 0..65535, on which there is nothing to see, whatever its file was like.

    What is transparent or in colour never passed `painted`, and transparency may have covered all.  Padding counts here, so
    half of `LEAST_GREY` is enough.

    Raises
    ------
    Refused
        `pixels_constant` or `contrast_lost`.
    """
    sample = film if film.size < 1 << 16 else film[::4, ::4]
    low, high = WHITE // 255, WHITE - WHITE // 255
    if sample.min() == sample.max():
        raise Refused("pixels_constant", "", "every pixel of the film looks the same")
    share = float(((sample > low) & (sample < high)).mean())
    if share < LEAST_GREY / 2:
        raise Refused("contrast_lost", "", f"all but {share:.1%} of the finished film is black or white")
    if sample.std() < LEAST_DEVIATION * WHITE:
        raise Refused("contrast_lost", "", "the finished film is nearly one grey")


def _modality(codes: Codes, ds: pydicom.Dataset) -> np.ndarray:
    """Modality LUT or rescale (PS3.3 C.11.1) of every code's stored value."""
    values = codes.values
    tables = items(ds, "ModalityLUTSequence")
    if tables:
        codes.how["modality_lut"] = "table"
        return lut.apply(values, tables[0])[0]
    slope, intercept = numbers(ds, "RescaleSlope") or [1.0], numbers(ds, "RescaleIntercept") or [0.0]
    if slope[0] == 0:
        raise Refused("pixels_constant", "", "RescaleSlope is 0")
    codes.how["modality_lut"] = "none" if (slope[0], intercept[0]) == (1, 0) else "rescale"
    return values * slope[0] + intercept[0]


def _voi(values: np.ndarray, counts: np.ndarray, codes: Codes, ds: pydicom.Dataset) -> np.ndarray:
    """Display value 0..1 by the first VOI LUT, else the first window, else the declared percentiles."""
    tables = items(ds, "VOILUTSequence")
    if tables:
        codes.how["voi"] = "table"
        entries, bits = lut.apply(values, tables[0])
        return np.clip(entries / (2**bits - 1), 0, 1)
    centre, width = numbers(ds, "WindowCenter"), numbers(ds, "WindowWidth")
    function = text(ds, "VOILUTFunction").upper() or "LINEAR"
    if centre and width and width[0] >= (1 if function == "LINEAR" else 1e-9) and function in _WINDOWS:
        codes.how["voi"] = f"{function} {centre[0]:g} {width[0]:g}"
        return _WINDOWS[function](values, centre[0], width[0])
    return by_percentiles(values, counts, codes)


def by_percentiles(values: np.ndarray, counts: np.ndarray, codes: Codes) -> np.ndarray:
    """The rule without VOI: up to 8 bits are display values already; more are stretched between `PERCENTILES`."""
    if codes.bits <= 8:
        codes.how["voi"] = "full range"
        bottom = -(2 ** (codes.bits - 1)) if codes.start < 0 else 0
        possible = values[(codes.values >= bottom) & (codes.values < bottom + 2**codes.bits)]
        return np.clip((values - possible.min()) / max(np.ptp(possible), 1e-9), 0, 1)
    order = np.argsort(values, kind="stable")  # a rescale may fall
    share = np.cumsum(counts[order]) / max(1, counts.sum())
    low, high = (values[order][np.searchsorted(share, p / 100)] for p in PERCENTILES)
    codes.how["voi"] = f"percentiles {PERCENTILES[0]:g} {PERCENTILES[1]:g}"
    if high <= low:
        low, high = float(values[counts > 0].min()), float(values[counts > 0].max())
        codes.how["voi"] = "minimum maximum"
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1)


def _linear(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1."""
    if width == 1:
        return (x > centre - 0.5).astype(np.float64)
    return np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def _linear_exact(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.3.2."""
    return np.clip((x - centre) / width + 0.5, 0, 1)


def _sigmoid(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.3.1."""
    return 1 / (1 + np.exp(np.clip(-4 * (x - centre) / width, -700, 700)))


_WINDOWS = {"LINEAR": _linear, "LINEAR_EXACT": _linear_exact, "SIGMOID": _sigmoid}


def bits_stored(ds: pydicom.Dataset) -> int:
    """BitsStored, or BitsAllocated where it is absent."""
    return integer(ds, "BitsStored", integer(ds, "BitsAllocated", 16))
