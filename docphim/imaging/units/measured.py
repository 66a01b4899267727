"""A PET series in SUV: its planes one after the other, and what is measured on the way (`docphim suv`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docphim.errors import Refused
from docphim.imaging.io import dicom, series
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.planes import Planes, across
from docphim.imaging.io.slices import Slice, header_of, slices_of
from docphim.imaging.io.volume import Turn, Volume
from docphim.imaging.space.lungs import Blocks
from docphim.imaging.units import balance
from docphim.imaging.units.suv import Suv, suv_of

Row = dict[str, Any]


def planes(place: SeriesFiles | Sequence[Path]) -> tuple[Planes, Suv]:
    """A series in SUV by body weight, float32, to be read plane by plane, and how its values become that.

    Raises
    ------
    Refused
        As `series.planes` and `suv_of`; `modality_unsupported`.
    """
    return planes_of(slices_at(place))


def slices_at(place: SeriesFiles | Sequence[Path]) -> list[Slice]:
    """The headers of a series; raises as `slices_of`."""
    with dicom.quiet():
        paths = place.paths if isinstance(place, SeriesFiles) else place
        return slices_of([(path, header_of(path)) for path in paths])


def planes_of(slices: Sequence[Slice]) -> tuple[Planes, Suv]:
    """As `planes`, of headers that were read before."""
    with dicom.quiet():
        if dicom.modality_of(slices[0].header) != "PT":
            raise Refused("modality_unsupported", "", "the series is no PET (Modality)")
        suv = suv_of([item.header for item in slices])
    stored = series.planes_of(slices)
    factor = np.float32(suv.factor)

    def read() -> Iterator[np.ndarray]:
        for plane in stored.read():
            yield plane.astype(np.float32) * factor

    def some(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        assert stored.some is not None  # a series gives its slices one by one
        for plane in stored.some(numbers):
            yield plane.astype(np.float32) * factor

    how = {key: value for key, value in stored.how.items() if key not in ("stored_unit", "stored")}
    how |= {
        "suv_rule": suv.rule,
        "uptake_minutes": suv.uptake_minutes and round(suv.uptake_minutes, 1),
        "suv_flags": list(suv.flags),
        **suv.body,
    }
    frame = stored.frame_of_reference
    return Planes(stored.shape, np.dtype(np.float32), stored.affine, read, frame, "SUV", "PT", how, some), suv


def volume(place: SeriesFiles | Sequence[Path]) -> Volume:
    """A series in SUV, whole, where a long one balances; raises as `measure`."""
    scan, _ = planes(place)
    whole = scan.whole()
    assert whole.spacing is not None  # a series without is refused
    blocks = Blocks(whole.array.shape, whole.spacing)
    for number, plane in enumerate(whole.array):
        blocks.take(number, plane)
    balanced(blocks, len(whole.array) * whole.spacing[0])
    return whole


def balanced(blocks: Blocks, length: float) -> tuple[float, float, bool]:
    """Mean SUV and litres inside the body's outline, and whether a scan of that length, mm, was long enough to be judged.

    Raises
    ------
    Refused
        `suv_unbalanced`.
    """
    mean, litres = balance.body_mean(blocks)
    return mean, litres, balance.check(mean, length)


class Seen:
    """What is measured of a PET in SUV as its slices come, upright, in any order: the highest value, and whether it balances.

    Parameters
    ----------
    shape : (int, int, int)
        Slices, rows, columns.
    turn : Turn
        Places and sizes the voxels.
    """

    def __init__(self, shape: tuple[int, int, int], turn: Turn) -> None:
        self._turn, self._length = turn, shape[0] * turn.spacing[0]
        self._blocks = Blocks(shape, turn.spacing)
        self._most, self._at = -np.inf, (0, 0, 0)

    def take(self, number: int, plane: np.ndarray) -> None:
        """Take up a slice; the top one is number 0."""
        self._blocks.take(number, plane)
        highest = float(plane.max())
        if highest >= self._most:
            row, column = divmod(int(plane.argmax()), plane.shape[1])
            # of equal values the topmost counts, whichever way the slices come
            self._at = (number, row, column) if highest > self._most else min(self._at, (number, row, column))
            self._most = highest

    def row(self) -> Row:
        """`suv_max`, `suv_max_at`, `suv_mean`, `litres` and `balance`, as `measure` has them.

        Raises
        ------
        Refused
            `suv_unbalanced`.
        """
        mean, litres, checked = balanced(self._blocks, self._length)
        number, row, column = self._at
        place = self._turn.affine @ [column, row, number, 1.0]
        return {
            "suv_max": self._most,
            "suv_max_at": {"slice": number, "row": row, "column": column, "mm": [round(float(x), 2) for x in place[:3]]},
            "suv_mean": mean,
            "litres": litres,
            "balance": "checked" if checked else "unchecked",
        }


def measure(place: SeriesFiles | Sequence[Path]) -> Row:
    """The factor of a series, the rule and tags that gave it, and the highest value.

    Returns
    -------
    dict
        JSON-ready: `factor`, `rule`, `reference_time` (ISO 8601, local), `uptake_minutes`, `tags`, `flags`, `other_rules`
        (rule → factor, where it differs by over 1 %), `suv_max`, `suv_max_at` (`slice` from the head, `row`, `column`, and
        `mm`: to the left, the back, the head), `suv_mean` and `litres` inside the body's outline, `balance` (`checked`, or
        `unchecked`: the scan is too short), `shape`, `spacing`.

    Raises
    ------
    Refused
        As `planes`; `suv_unbalanced`.
    """
    return measure_of(slices_at(place))


def measure_of(slices: Sequence[Slice]) -> Row:
    """As `measure`, of headers that were read before."""
    scan, suv = planes_of(slices)
    upright, turn = across(scan)
    seen = Seen(upright.shape, turn)
    for number, plane in enumerate(upright.read()):
        seen.take(upright.shape[0] - 1 - number if turn.backwards[0] else number, plane)
    return {
        "factor": suv.factor,
        "rule": suv.rule,
        "reference_time": suv.reference and suv.reference.isoformat(),
        "uptake_minutes": suv.uptake_minutes and round(suv.uptake_minutes, 2),
        **seen.row(),
        "tags": dict(suv.tags),
        "flags": list(suv.flags),
        "other_rules": dict(suv.others),
        "shape": list(upright.shape),
        "spacing": list(turn.spacing),
    }
