"""A PET series in SUV: its planes one after the other, and what is measured on the way (`docphim suv`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docphim.errors import Refused
from docphim.imaging.find import look_through, name_of
from docphim.imaging.io import dicom, series
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.planes import Planes, across
from docphim.imaging.io.slices import header_of, slices_of
from docphim.imaging.io.volume import Volume
from docphim.imaging.space.lungs import Blocks
from docphim.imaging.units import balance
from docphim.imaging.units.suv import Suv, suv_of

Row = dict[str, Any]


def look(folder: Path) -> Row:
    """What `measure` says of every PET series under a folder.

    Returns
    -------
    dict
        `series`: rows of `measure`, each with `where`; `refused`: rows of `reason`, `where`, `why`.

    Raises
    ------
    Refused
        `file_missing`; `image_missing`: no file under it is a slice of a PET.
    """
    if not folder.exists():
        raise Refused("file_missing", str(folder))
    places = [entry for entry in look_through(folder)[1] if entry.modality == "PT"] if folder.is_dir() else []
    if not places:
        raise Refused("image_missing", folder.name, "no series of a PET is there; one file is one slice: name its folder")
    answer: Row = {"series": [], "refused": []}
    for entry in places:
        where = name_of(entry, folder)
        try:
            answer["series"].append({"where": where, **measure(entry.location)})
        except Refused as refusal:
            answer["refused"].append({"reason": refusal.reason, "where": where, "why": refusal.why})
    return answer


def planes(place: SeriesFiles | Sequence[Path]) -> tuple[Planes, Suv]:
    """A series in SUV by body weight, float32, to be read plane by plane, and how its values become that.

    Raises
    ------
    Refused
        As `series.planes` and `suv_of`; `modality_unsupported`.
    """
    with dicom.quiet():
        paths = place.paths if isinstance(place, SeriesFiles) else place
        slices = slices_of([(path, header_of(path)) for path in paths])
        if dicom.modality_of(slices[0].header) != "PT":
            raise Refused("modality_unsupported", "", "the series is no PET (Modality)")
        suv = suv_of([item.header for item in slices])
    stored = series.planes_of(slices)
    factor = np.float32(suv.factor)

    def read() -> Iterator[np.ndarray]:
        for plane in stored.read():
            yield plane.astype(np.float32) * factor

    how = {key: value for key, value in stored.how.items() if key not in ("stored_unit", "stored")}
    how |= {
        "suv_rule": suv.rule,
        "uptake_minutes": suv.uptake_minutes and round(suv.uptake_minutes, 1),
        "suv_flags": list(suv.flags),
    }
    frame = stored.frame_of_reference
    return Planes(stored.shape, np.dtype(np.float32), stored.affine, read, frame, "SUV", "PT", how), suv


def volume(place: SeriesFiles | Sequence[Path]) -> Volume:
    """A series in SUV, whole, where a long one balances; raises as `measure`."""
    scan, _ = planes(place)
    whole = scan.whole()
    assert whole.spacing is not None  # a series without is refused
    blocks = Blocks(whole.array.shape, whole.spacing)
    for number, plane in enumerate(whole.array):
        blocks.take(number, plane)
    _balanced(blocks, len(whole.array) * whole.spacing[0])
    return whole


def _balanced(blocks: Blocks, length: float) -> tuple[float, float, bool]:
    """Mean SUV and litres inside the body's outline, and whether a scan of that length, mm, was long enough to be judged."""
    mean, litres = balance.body_mean(blocks)
    return mean, litres, balance.check(mean, length)


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
    scan, suv = planes(place)
    upright, turn = across(scan)
    blocks = Blocks(upright.shape, turn.spacing)
    most, at = -np.inf, (0, 0, 0)
    for number, plane in enumerate(upright.read()):
        slice_number = upright.shape[0] - 1 - number if turn.backwards[0] else number
        blocks.take(slice_number, plane)
        if (highest := float(plane.max())) > most:
            row, column = divmod(int(plane.argmax()), plane.shape[1])
            most, at = highest, (slice_number, row, column)
    mean, litres, checked = _balanced(blocks, upright.shape[0] * turn.spacing[0])
    place_mm = turn.affine @ [*at[::-1], 1.0]
    return {
        "factor": suv.factor,
        "rule": suv.rule,
        "reference_time": suv.reference and suv.reference.isoformat(),
        "uptake_minutes": suv.uptake_minutes and round(suv.uptake_minutes, 2),
        "suv_max": most,
        "suv_max_at": {"slice": at[0], "row": at[1], "column": at[2], "mm": [round(float(x), 2) for x in place_mm[:3]]},
        "suv_mean": mean,
        "litres": litres,
        "balance": "checked" if checked else "unchecked",
        "tags": dict(suv.tags),
        "flags": list(suv.flags),
        "other_rules": dict(suv.others),
        "shape": list(upright.shape),
        "spacing": list(turn.spacing),
    }
