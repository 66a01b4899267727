"""The modality `pet`: a PET in SUV by body weight on its own grid, slice by slice from the head, with its projections.

An array without a header (the published ViMed-PET) is taken as it is: its values have no unit and its voxels no size, and
nothing that is measured of it is called an SUV or a length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from docphim.errors import Refused, UsageError
from docphim.imaging import pet_series, pet_show
from docphim.imaging.io import locations, read_volume
from docphim.imaging.io.locations import Key, SeriesFiles
from docphim.imaging.io.planes import Planes, across
from docphim.imaging.io.volume import Turn
from docphim.imaging.mip import Mips
from docphim.imaging.pet_series import Rule
from docphim.imaging.pet_show import Show
from docphim.imaging.space import grid as grids
from docphim.imaging.space import regions
from docphim.imaging.space.regions import Outline
from docphim.imaging.store import Stream
from docphim.imaging.units import measured
from docphim.imaging.units.suv import Suv
from docphim.recipe import Section
from docphim.study import Media, Row

#: Counts up when the same input would give other pixels.
VERSION = 1
#: Volumes a worker takes at once.
GROUP = 1
#: Two 16 x 16 x 16 thumbnails that correlate above this are almost surely of the same scan.
SAME = 0.9995
#: What a reader calls it.
WORDS = {"tag": "whole-body-pet", "images": "PET scans"}
_THUMB = 16
#: What is read as an array that says nothing of itself.
_BARE = (".npz", ".npy")


class OnPet(Section):
    """What the sections of a PET and of its CT both say: which series the PET is, and how parts of the body are told apart.

    Attributes
    ----------
    regions : str
        `measured`: by what the slices show; `published`: by fractions of the height, as the paper on ViMed-PET does.
    chest_ends : float or None
        Of `published`: the fraction of the height, from the vertex, where the chest ends.
    """

    series: Rule = Rule()
    regions: Literal["measured", "published"] = "measured"
    chest_ends: float | None = None

    @model_validator(mode="after")
    def _stated(self) -> Self:
        if self.regions == "published":
            try:
                regions.published(1, self.chest_ends)
            except UsageError as error:
                raise ValueError(str(error)) from error
        return self

    def of(self, outline: Outline | None, slices: int) -> Row:
        """`regions` of `how`, by an outline, or by the number of slices; nothing where neither says them.

        Raises
        ------
        Refused
            As `Outline.regions`.
        """
        if self.regions == "published":
            return {"regions": regions.published(slices, self.chest_ends)}
        return {"regions": outline.regions()} if outline else {}


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
    if is_bare(place):
        return _bare(location, settings)
    if not isinstance(place, SeriesFiles):
        raise Refused(
            "unit_unknown", "", "a PET is read as a DICOM series: another file does not say how its values become SUV"
        )
    slices, how = pet_series.chosen(place.paths, settings.series)
    planes, suv = measured.planes_of(slices)
    planes.how.update(how)
    upright, turn = across(planes)
    grids.check_body(upright.shape, turn)
    facts: Row = {"unit": "SUV", "view": "unknown", **placed(upright, turn), "how": {"shape": list(upright.shape)}}
    mips = Mips(upright.shape)
    stream = _slices(upright, turn, suv, mips, settings, facts)
    return Stream(upright.shape, np.dtype(np.float32), stream, mips.pictures), facts


def is_bare(place: locations.Place) -> bool:
    """Whether a location names an array that says neither a unit nor a place."""
    return isinstance(place, Key) or (not isinstance(place, SeriesFiles) and str(place).endswith(_BARE))


def placed(planes: Planes, turn: Turn) -> Row:
    """`spacing`, `affine` and `frame_of_reference` of index.jsonl: the grid of a PET as its file has it."""
    affine: list[list[float]] = (np.round(turn.affine, 6) + 0.0).tolist()
    return {"spacing": list(turn.spacing), "affine": affine, "frame_of_reference": planes.frame_of_reference}


def _slices(
    planes: Planes, turn: Turn, suv: Suv, mips: Mips, settings: Settings, facts: Row
) -> Iterator[tuple[int, np.ndarray]]:
    """Slices with their numbers; after the last, what was seen of them is put into the facts."""
    seen, outline = measured.Seen(planes.shape, turn), Outline(planes.shape, turn.spacing, "pet")
    for number, plane in numbered(planes, turn):
        seen.take(number, plane)
        outline.take(number, plane)
        mips.take(number, plane)
        yield number, plane
    known = {**facts["how"], **planes.how, **seen.row(), "suv_factor": suv.factor}
    known |= settings.of(outline, planes.shape[0])
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
    facts: Row = {"unit": "none", "view": "unknown", "spacing": None, "frame_of_reference": bare_frame(location), "how": how}
    return Stream(array.shape, array.dtype, slices(), mips.pictures), facts


def bare_frame(location: str) -> str:
    """What stands for the frame of reference of an array: the array itself, which nothing else lies in unless it is said."""
    return f"array {location}"


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """One entry a study: its PET and, where `pet_ct` was prepared, its CT in the same frames."""
    return pet_show.shown(settings.show, study, rows)


def megabytes(settings: Settings) -> float:
    """300 slices of 256 x 256, float32, compressed to about 60 %."""
    return 300 * 256 * 256 * 4 * 0.6 / 1e6


def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """16 slices averaged to 16 x 16, float32, as the cube roots of their share of the mean: the bladder is not all of it."""
    middles = [int((part + 0.5) * shape[0] / _THUMB) for part in range(_THUMB)]
    small: np.ndarray = slices(middles).astype(np.float32)
    for axis in (1, 2):
        edges = np.linspace(0, shape[axis], _THUMB, endpoint=False).astype(int)
        counts = np.diff([*edges, shape[axis]]).astype(np.float32)
        small = np.add.reduceat(small, edges, axis) / (counts[:, None] if axis == 1 else counts)
    small = np.maximum(small, 0)
    return np.cbrt(small / max(float(small.mean()), 1e-6)).astype(np.float32)
