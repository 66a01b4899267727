"""The modality `pet`: a PET in SUV by body weight on its own grid, slice by slice from the head, with its projections.

An array without a header (the published ViMed-PET) is taken as it is: its values have no unit and its voxels no size, and
nothing that is measured of it is called an SUV or a length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from docphim.errors import Refused
from docphim.imaging import pet_series, pet_show, thumbs
from docphim.imaging.io import arrays, locations, read_volume
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.planes import Planes, across
from docphim.imaging.io.volume import Turn
from docphim.imaging.mip import Mips
from docphim.imaging.pet_settings import OnPet
from docphim.imaging.pet_show import Show
from docphim.imaging.space import grid as grids
from docphim.imaging.space.regions import Outline
from docphim.imaging.store import Stream
from docphim.study import Media, Row

if TYPE_CHECKING:
    from docphim.imaging.units.measured import Seen

#: Counts up when the same input would give other pixels.
VERSION = 2
#: Volumes a worker takes at once.
GROUP = 1
#: Two 16 x 16 x 16 thumbnails that correlate above this are almost surely of the same scan.
SAME = 0.9995
#: What a reader calls it.
WORDS = {"tag": "whole-body-pet", "images": "PET scans"}


class Settings(OnPet):
    """Which series is read, how its parts of the body are told apart, and what is shown."""

    show: Show = Show()


def prepare(location: str, settings: Settings, view: str) -> tuple[Stream, Row]:
    """A PET in SUV, float32 (z, y, x), and what index.jsonl says of it, whole after the last slice.

    The top slice is number 0, the front and the patient's right are first in each; they come in the order of the file.

    Raises
    ------
    Refused
        The volume cannot be used; the reason says why.  Also while slices come: `suv_unbalanced`.
    """
    place = locations.parse(location)
    if arrays.is_array(place):
        return _bare(location, settings)
    if not isinstance(place, SeriesFiles):
        raise Refused(
            "unit_unknown", "", "a PET is read as a DICOM series: another file does not say how its values become SUV"
        )
    from docphim.imaging.units import measured  # here, so that a CT is laid on a PET without it

    slices, how = pet_series.chosen(place.paths, settings.series)
    planes, suv = measured.planes_of(slices)
    planes.how.update(how)
    upright, turn = across(planes)
    grids.check_body(upright.shape, turn)
    facts: Row = {"unit": "SUV", "view": "unknown", **grids.placed(upright, turn), "how": {"shape": list(upright.shape)}}
    mips = Mips(upright.shape)
    facts["how"]["suv_factor"] = suv.factor
    seen = measured.Seen(upright.shape, turn)
    stream = _slices(upright, turn, seen, mips, settings, facts)
    return Stream(upright.shape, np.dtype(np.float32), stream, mips.pictures), facts


def _slices(
    planes: Planes, turn: Turn, seen: Seen, mips: Mips, settings: Settings, facts: Row
) -> Iterator[tuple[int, np.ndarray]]:
    """Slices with their numbers; after the last, what was seen of them is put into the facts."""
    outline = Outline(planes.shape, turn.spacing, "pet")
    for number, plane in numbered(planes, turn):
        seen.take(number, plane)
        outline.take(number, plane)
        mips.take(number, plane)
        yield number, plane
    known = {**facts["how"], **planes.how, **seen.row(), **settings.of(outline, planes.shape[0])}
    facts["how"] = dict(sorted(known.items()))


def numbered(planes: Planes, turn: Turn) -> Iterator[tuple[int, np.ndarray]]:
    """The planes of a file that lie across the body, each with its number from the top."""
    order = range(planes.shape[0])[:: -1 if turn.backwards[0] else 1]
    yield from zip(order, planes.read(), strict=True)


def _bare(location: str, settings: Settings) -> tuple[Stream, Row]:
    """An array as it is; on the array of a CT beside it nothing but the recipe vouches that it lies."""
    volume = read_volume(location)
    array, mips = volume.array, Mips(volume.array.shape)

    def slices() -> Iterator[tuple[int, np.ndarray]]:
        for number, plane in enumerate(array):
            mips.take(number, plane)
            yield number, plane

    how: dict[str, Any] = {"shape": list(array.shape), **volume.how, **settings.of(None, len(array))}
    facts: Row = {
        "unit": "none",
        "view": "unknown",
        "spacing": None,
        "frame_of_reference": arrays.frame_of(location),
        "how": how,
    }
    return Stream(array.shape, array.dtype, slices(), mips.pictures), facts


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """One entry a study: its PET and, where `pet_ct` was prepared, its CT in the same frames."""
    return pet_show.shown(settings.show, study, rows)


def megabytes(settings: Settings) -> float:
    """300 slices of 256 x 256, float32, compressed to about 60 %."""
    return 300 * 256 * 256 * 4 * 0.6 / 1e6


def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """16 slices averaged to 16 x 16, float32, as the cube roots of their share of the mean: the bladder is not all of it."""
    small = np.maximum(thumbs.cube(slices, shape), 0)
    return np.cbrt(small / max(float(small.mean()), 1e-6)).astype(np.float32)
