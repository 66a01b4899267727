"""The modality `ct`: chest CT, a series or a NIfTI file each, in Hounsfield units on one grid, slice by slice from the head."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from docphim.errors import Refused, UsageError
from docphim.imaging import reconstructions, thumbs
from docphim.imaging.io import locations, read_planes, series
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.planes import Planes, across
from docphim.imaging.io.volume import Turn
from docphim.imaging.reconstructions import Rule
from docphim.imaging.show import Show, shown
from docphim.imaging.space import grid as grids
from docphim.imaging.space import hu, quality, resample
from docphim.imaging.space.lungs import Blocks, lungs
from docphim.imaging.space.resample import Axis
from docphim.imaging.store import Stream
from docphim.recipe import Section
from docphim.study import Media, Row

#: Counts up when the same input would give other pixels.
VERSION = 1
#: Volumes a worker takes at once.
GROUP = 1
#: Two 16 x 16 x 16 thumbnails that correlate above this are almost surely of the same scan.
SAME = 0.9995
#: What a reader calls it.
WORDS = {"tag": "chest-ct", "images": "chest CT scans"}
#: What is stored lies between these, HU: air, and bone denser than which nothing is told apart.
LOWEST, HIGHEST = -1000, 1000
#: Below this share of lung in the body a volume shows no chest.
_LEAST_LUNG = 0.02
#: The largest lungs hold 9 or 10 litres; with more, the voxels are not as large as the file says, or what is light is no lung.
_MOST_LITRES = 12


class Settings(Section):
    """The grid on disk, mm along z, y and x; `published` gives the values of CT-RATE's published steps instead."""

    spacing: grids.Spacing = grids.DEFAULT
    published: bool = False
    series: Rule = Rule()
    show: Show = Show()


def check_installed(settings: Settings) -> None:
    """Raise UsageError where the library that resamples is not installed."""
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise UsageError("prepare.ct: volumes are resampled by torch; pip install 'docphim[train]'") from error


def prepare(location: str, settings: Settings, view: str) -> tuple[Stream, Row]:
    """A volume in HU, int16 (z, y, x), and what index.jsonl says of it, whole after the last slice.

    The top slice is number 0, the front and the patient's right are first in each; they come in the order of the file.

    Raises
    ------
    Refused
        The volume cannot be used; the reason says why.  Also while slices come: `not_hu`, `body_part_out_of_scope`.
    """
    planes, turn = across(_planes(location, settings.series))
    grid = grids.grid_of(planes.shape, turn, settings.spacing, settings.published)
    spacing = grids.spacing_on(turn, grid)
    grids.check_body(planes.shape, turn)
    depth, rows, columns = (axis.new for axis in grid)
    facts = {
        "spacing": spacing,
        "unit": "HU",
        "view": "unknown",
        "frame_of_reference": planes.frame_of_reference,
        "affine": grids.placed_on(turn, grid),
        "how": {"shape": list(planes.shape), "spacing": list(turn.spacing)},
    }
    return Stream((depth, rows, columns), np.dtype(np.int16), _slices(planes, turn, grid, settings.published, facts)), facts


def _planes(location: str, rule: Rule) -> Planes:
    """The planes of a NIfTI, or of the one series of a scan that the rule chooses."""
    place = locations.parse(location)
    if not isinstance(place, SeriesFiles):
        return read_planes(location)
    slices, how = reconstructions.chosen(place.paths, rule)
    planes = series.planes_of(slices)
    if planes.modality != "CT":
        raise Refused("modality_unsupported", "", f"the series is of modality {planes.modality or 'unknown'}, not CT")
    planes.how.update(how)
    return planes


def _slices(
    planes: Planes, turn: Turn, grid: tuple[Axis, Axis, Axis], published: bool, facts: Row
) -> Iterator[tuple[int, np.ndarray]]:
    """New slices with their numbers, int16; after the last, what was seen of them is put into the facts."""
    seen = hu.Seen(grid[0].old)
    depth, rows, columns = (axis.new for axis in grid)
    blocks = Blocks((depth, rows, columns), facts["spacing"])

    def looked_at() -> Iterator[np.ndarray]:
        for plane in planes.read():
            seen.look(plane)
            values = plane.astype(np.float32)
            # padding of −2000 must not run into the edge of the body; the published steps clip both ends before they resample
            np.maximum(values, LOWEST, out=values)
            yield np.minimum(values, HIGHEST, out=values) if published else values

    for number, plane in resample.resampled(looked_at(), *grid, backwards=turn.backwards[0]):
        whole = np.rint(np.minimum(plane, np.float32(HIGHEST), out=plane), out=plane).astype(np.int16)
        blocks.take(number, whole)
        yield number, whole
    hu.check(seen)
    lung = lungs(blocks)
    if lung["lungs_share"] < _LEAST_LUNG:
        why = f"{lung['lungs_share']:.1%} of the body is lung: another part than the chest"
        raise Refused("body_part_out_of_scope", "", why)
    if lung["lungs_litres"] > _MOST_LITRES:
        raise Refused("no_geometry", "", f"the lungs would hold {lung['lungs_litres']:.1f} litres")
    known = {**facts["how"], **planes.how, **quality.row(seen, planes.shape, turn.spacing, lung)}
    facts["how"] = dict(sorted(known.items()))


def media(study: str, rows: list[Row], settings: Settings) -> list[Media]:
    """One entry a volume, its slices and windows as the recipe says."""
    return [shown(settings.show, row) for row in rows if row["modality"] == "ct"]


def megabytes(settings: Settings) -> float:
    """A body of 360 x 360 x 320 mm, int16, compressed to about 40 %."""
    voxels = np.prod([extent / step for extent, step in zip((320, 360, 360), settings.spacing, strict=True)])
    return float(voxels) * 2 * 0.4 / 1e6


def thumbnail(slices: Callable[[Sequence[int]], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """16 slices averaged to 16 x 16, float32 0..1: for neighbours and duplicates, so the volume's shape is let go."""
    return (thumbs.cube(slices, shape) - np.float32(LOWEST)) / np.float32(HIGHEST - LOWEST)
