"""The modality `pet_ct`: the CT of a PET/CT in Hounsfield units, laid on the grid of its PET, slice by slice from the head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydicom import Dataset

from docphim.errors import Refused
from docphim.imaging import pet_series, reconstructions, reference, thumbs
from docphim.imaging.io import arrays, dicom, locations, read_volume, series
from docphim.imaging.io.locations import Pair, SeriesFiles
from docphim.imaging.io.planes import across
from docphim.imaging.io.slices import Slice, header_of, slices_of
from docphim.imaging.kernels import kernel_kind, kernel_rank
from docphim.imaging.pet_settings import OnPet
from docphim.imaging.reconstructions import FEW, Candidate
from docphim.imaging.reference import Placed
from docphim.imaging.space import grid as grids
from docphim.imaging.space import hu, petct, quality
from docphim.imaging.space.lungs import lungs
from docphim.imaging.space.petct import Laid
from docphim.imaging.space.regions import Outline
from docphim.imaging.space.resample import Axis
from docphim.imaging.store import Stream
from docphim.study import Media, Row

#: Counts up when the same input would give other pixels.
VERSION = 1
#: Volumes a worker takes at once.
GROUP = 1
#: Two thumbnails that correlate above this are almost surely of the same scan.
SAME = 0.9995
#: Whose section of the recipe says what this one's leaves out.
ON_GRID_OF = "pet"
#: What a study must have where a recipe prepares this modality, and the reason by which it is refused as a whole else.
TOGETHER = {"pet": "pet_missing", "pet_ct": "ct_missing"}
#: What a reader calls it.
WORDS = {"tag": "petct", "images": "CT scans of PET/CT"}
#: The greatest HU that is stored: metal, and all that int16 holds.
_HIGHEST = 32767


class Settings(OnPet):
    """Which CT is laid on the PET, and how; what says which PET it is (`series`) and its `regions` are that of `prepare.pet`.

    Attributes
    ----------
    ct : Rule
        Which CT series is read, of those that lie in the PET's frame of reference and show what it shows.
    antialias : bool
        Where the PET's voxels are larger than the CT's, whether each is the mean of the CT under a triangle, and not the CT in
        its middle alone.
    arrays : str or None
        `same_field` vouches for a dataset of bare arrays that slices of a CT and a PET are pairs by their number, and show one
        field of view; None: arrays are refused, for nothing else says so.
    """

    ct: reconstructions.Rule = reconstructions.Rule()
    antialias: bool = True
    arrays: Literal["same_field"] | None = None


def prepare(location: str, settings: Settings, view: str) -> tuple[Stream, Row]:
    """The CT in HU, int16 (z, y, x) on the PET's grid, and what index.jsonl says of it, whole after the last slice.

    Raises
    ------
    Refused
        `ct_missing`, `pet_missing`; what `petct.check_one` and `petct.laid` say of the two; and what is wrong with one of them.
        Also while slices come: `not_hu`.
    """
    place = locations.parse(location)
    if not isinstance(place, Pair):
        raise Refused("file_unreadable", "", "the CT of a PET/CT comes with the PET on whose grid it lies")
    if not place.grid:
        raise Refused("pet_missing")
    if not place.volume:
        raise Refused("ct_missing")
    ct_place, pet_place = locations.parse(place.volume), locations.parse(place.grid)
    if arrays.is_array(ct_place) and arrays.is_array(pet_place):
        return _bare(place, settings)
    if not isinstance(ct_place, SeriesFiles) or not isinstance(pet_place, SeriesFiles):
        raise Refused("no_geometry", "", "a CT is laid on a PET by the headers of both, and one of them is no DICOM series")
    return _series(ct_place.paths, pet_place.paths, settings)


def _series(ct_paths: Sequence[Path], pet_paths: Sequence[Path], settings: Settings) -> tuple[Stream, Row]:
    pet_slices, _ = pet_series.chosen(pet_paths, settings.series)
    ct_slices, how = chosen(ct_paths, settings.ct, pet_slices)
    grid, grid_turn = across(series.planes_of(pet_slices))
    planes, turn = across(series.planes_of(ct_slices))
    grids.check_body(planes.shape, turn)
    laid = petct.laid(planes, turn, grid, grid_turn, filtered=settings.antialias)
    planes.how.update(how | {"overlap": round(laid.overlap, 4)})
    facts: Row = {"unit": "HU", "view": "unknown", **grids.placed(grid, grid_turn)}
    facts["how"] = {"shape": list(planes.shape), "spacing": list(turn.spacing)}
    return Stream(
        grid.shape, np.dtype(np.int16), _slices((planes, turn), (grid, grid_turn), laid, pet_slices, settings, facts)
    ), facts


def chosen(paths: Sequence[Path], rule: reconstructions.Rule, pet_slices: Sequence[Slice]) -> tuple[tuple[Slice, ...], Row]:
    """The slices of the CT series that is laid on a PET, and `series`: among how many it was chosen, and what it is.

    Scouts, single images, series of another frame of reference and those that show less than `petct.OVERLAP` of the PET's
    slices are passed over.  Of the others the first come first: as the scanner made them; a soft kernel; the thinnest slices;
    the lowest SeriesNumber.

    Raises
    ------
    Refused
        `ct_missing`: no series is a CT; `volume_missing`: none is as the rule asks; and what the first is passed over for where
        all are.
    """
    with dicom.quiet():
        parts = reconstructions.parted([(path, header_of(path)) for path in paths])
        usable, refusals = [], []
        for members in parts:
            try:
                usable.append(_belonging(members, pet_slices))
            except Refused as refusal:
                refusals.append(refusal)
    if not usable:
        raise refusals[0]
    fitting = [candidate for candidate in usable if reconstructions.fits(candidate, rule)]
    if not fitting:
        raise Refused("volume_missing", "", f"none of {len(usable)} CT series is as the recipe asks (prepare.pet_ct.ct)")
    best = min(fitting, key=_order)
    row: Row = {"of": len(parts), "kernel": kernel_kind(best.kernel), "phase": best.phase or "unknown"}
    if refusals:
        row["passed_over"] = {
            reason: sum(r.reason == reason for r in refusals) for reason in sorted({r.reason for r in refusals})
        }
    return best.slices, {"series": row}


def _belonging(members: list[tuple[Path, Dataset]], pet_slices: Sequence[Slice]) -> Candidate:
    """A CT series that can be laid on the PET."""
    header = members[0][1]
    if dicom.modality_of(header) != "CT":
        raise Refused("ct_missing", "", f"the series is of modality {dicom.modality_of(header) or 'unknown'}, not CT")
    petct.check_one(header, pet_slices[0].header)
    candidate = reconstructions.candidate(slices_of(members))
    if not candidate.across or len(candidate.slices) < FEW:
        raise Refused("ct_missing", "", "the CT is a scout or a few images")
    share = petct.covered(candidate.slices, pet_slices)
    if share < petct.OVERLAP:
        raise Refused("overlap_missing", "", f"the CT shows {share:.0%} of the PET's slices")
    return candidate


def _order(candidate: Candidate) -> tuple[bool, int, float, int, str]:
    return (
        not candidate.original,
        kernel_rank(candidate.kernel),
        candidate.thickness,
        candidate.number,
        dicom.text(candidate.slices[0].header, "SeriesInstanceUID"),
    )


def _slices(
    scan: Placed, pet: Placed, laid: Laid, pet_slices: Sequence[Slice], settings: Settings, facts: Row
) -> Iterator[tuple[int, np.ndarray]]:
    """The PET's slices with their numbers, int16; after the last, what was seen of the CT is put into the facts."""
    planes, turn = scan
    seen = hu.Seen(planes.shape[0])
    outline = Outline((laid.depth.new, laid.rows.new, laid.columns.new), facts["spacing"], "ct")
    for number, plane in laid.slices(_clipped(planes.read(), seen), backwards=turn.backwards[0]):
        whole = _whole(plane)
        outline.take(number, whole)
        yield number, whole
    hu.check(seen)
    known = {**facts["how"], **planes.how, **quality.row(seen, planes.shape, turn.spacing, lungs(outline.blocks))}
    known |= settings.of(outline, laid.depth.new)
    known["reference"] = reference.measured(outline, (planes, turn), pet, pet_slices)
    facts["how"] = dict(sorted(known.items()))


def _clipped(planes: Iterator[np.ndarray], seen: hu.Seen) -> Iterator[np.ndarray]:
    """Padding of -3024 must not run into the edge of the body."""
    for plane in planes:
        seen.look(plane)
        yield np.maximum(plane.astype(np.float32), petct.PADDING)


def _whole(plane: np.ndarray) -> np.ndarray:
    return np.rint(np.minimum(plane, np.float32(_HIGHEST), out=plane), out=plane).astype(np.int16)


def _bare(place: Pair, settings: Settings) -> tuple[Stream, Row]:
    """Arrays of a CT and a PET, paired as the recipe vouches."""
    if settings.arrays != "same_field":
        why = "arrays do not say where they lie: prepare.pet_ct.arrays: same_field vouches that they show one field of view"
        raise Refused("no_geometry", "", why)
    volume, grid = read_volume(place.volume), read_volume(place.grid)
    if len(volume.array) != len(grid.array):
        raise Refused("shape_differs", "", f"the CT has {len(volume.array)} slices and the PET {len(grid.array)}")
    depth, rows, columns = (
        Axis(old, new, old / new, settings.antialias) for old, new in zip(volume.array.shape, grid.array.shape, strict=True)
    )
    how: Row = {"shape": list(volume.array.shape), "arrays": settings.arrays, **volume.how}
    how |= settings.of(None, len(grid.array))
    facts: Row = {
        "unit": "HU",
        "view": "unknown",
        "spacing": None,
        "frame_of_reference": arrays.frame_of(place.grid),
        "how": how,
    }
    laid = Laid(depth, rows, columns)

    def slices() -> Iterator[tuple[int, np.ndarray]]:
        seen = hu.Seen(len(volume.array))
        for number, plane in laid.slices(_clipped(iter(volume.array), seen), backwards=False):
            yield number, _whole(plane)
        hu.check(seen)

    return Stream(grid.array.shape, np.dtype(np.int16), slices()), facts


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """Nothing by itself: `pet.media` shows it with its PET."""
    return []


def megabytes(settings: Settings) -> float:
    """300 slices of 256 x 256, int16, compressed to about 40 %."""
    return 300 * 256 * 256 * 2 * 0.4 / 1e6


def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """As of a chest CT: 16 slices averaged to 16 x 16, float32, -1000 HU as 0 and 1000 as 1."""
    return (thumbs.cube(slices, shape) + np.float32(1000)) / np.float32(2000)
