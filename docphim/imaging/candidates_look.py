"""What `docphim candidates` answers: candidates of every PET series under a folder, in lines, and ringed on projections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from docphim import files
from docphim.columns import aligned
from docphim.errors import Refused, UsageError, printable
from docphim.imaging import modality
from docphim.imaging.candidates import Candidates, Rule, find
from docphim.imaging.find import SeriesFound, name_of
from docphim.imaging.io.slices import Slice
from docphim.imaging.mip import CORONAL, SAGITTAL, Mips
from docphim.imaging.store import Stream
from docphim.study import Row

#: SUV of black on the projections; pixels a mm; the least radius of a ring, mm.
_BLACK, _SCALE, _RING = 10.0, 1.2, 12.0
#: Colours of what is a candidate, and of what a rule left out; places that do not stand out are many and are not drawn.
_RED, _BLUE, _UNDRAWN = (220, 30, 30), (60, 110, 220), ("flat", "liver", "brain")


def look(folder: Path, rule: Rule, ct: Path | None = None, picture: Path | None = None) -> Row:
    """The candidates of every PET series under a folder, each on its own grid, with its CT where there is one.

    Parameters
    ----------
    ct : Path or None
        A folder in which the CT is looked for; None: in `folder`.
    picture : Path or None
        Where the projections go, of one series; its owner's alone (0600).

    Returns
    -------
    dict
        `series`: rows of `where`, `by`, `least` (the SUV that is asked for), `ct` (`used`, or why not), `candidates` and
        `left_out` as `candidates.Candidates` has them; `refused`: rows of `reason`, `where`, `why`.

    Raises
    ------
    Refused
        As `uptake.look`.
    UsageError
        There are several series, and one picture; it is no PNG.
    """
    from docphim.imaging import uptake  # here, as below: the way of imports from a command is long enough

    if picture is not None and picture.suffix.lower() != ".png":
        raise UsageError("--picture: must end in .png")
    series = uptake.under(folder)
    pets = uptake.of_modality(series, "PT", folder)
    if picture is not None and len(pets) > 1:
        raise UsageError(f"--picture: {len(pets)} PET series lie there; name the folder of one")
    around = series if ct is None else uptake.under(ct)
    scans = [entry for entry in around if entry.modality == "CT"]
    answer: Row = {"series": [], "refused": []}
    for entry in pets:
        where = name_of(entry, folder)
        try:
            row, marked, pet, spacing = _of_series(entry, scans, rule)
        except Refused as refusal:
            answer["refused"].append({"reason": refusal.reason, "where": where, "why": refusal.why})
            continue
        answer["series"].append({"where": where, **row})
        if picture is not None:
            write_picture(picture, pet, spacing, marked)
    return answer


def _of_series(
    entry: SeriesFound, scans: list[SeriesFound], rule: Rule
) -> tuple[Row, Candidates, NDArray[np.float32], tuple[float, float, float]]:
    from docphim.imaging.units import measured

    on_pet = modality("pet")
    stream, facts = on_pet.prepare(str(entry.location), on_pet.Settings(), "")
    assert isinstance(stream, Stream)
    pet = whole(stream)
    beside, used = _ct(entry, measured.slices_at(entry.location), scans)
    spacing = facts["spacing"]
    where = find(pet, tuple(spacing), rule, ct=beside, affine=np.array(facts["affine"]))
    row = {"by": rule.by, "least": where.least, "ct": used, "candidates": where.candidates, "left_out": where.left_out}
    return row, where, pet, tuple(spacing)


def whole(stream: Stream) -> NDArray[Any]:
    """A volume whose slices come one by one, (z, y, x)."""
    volume = np.empty(stream.shape, stream.dtype)
    for number, plane in stream.slices:
        volume[number] = plane
    return volume


def _ct(entry: SeriesFound, slices: list[Slice], scans: list[SeriesFound]) -> tuple[NDArray[Any] | None, str]:
    """The CT on the PET's grid and `used`; None, and why there is none."""
    from docphim.imaging import uptake

    try:
        return whole(uptake.laid(entry, slices, scans)[0]), "used"
    except Refused as refusal:
        return None, uptake.why_not(refusal)


def lines(answer: Row) -> Iterator[str]:
    """The answer of `look` for people."""
    for row in answer["series"]:
        yield printable(f"{row['where']}: {len(row['candidates'])} candidates of SUV {row['least']:g} or more; CT: {row['ct']}")
        cells: list[tuple[str, ...]] = [("", "SUVmax", "peak", "ml", "mm", "on", "slice, row, column", "where")]
        cells += [_cells(one) for one in row["candidates"]]
        yield from (f"  {line}" for line in aligned(cells, ">>>>>><<").splitlines())
        counts = Counter(one["rule"] for one in row["left_out"])
        yield "  left out: " + (", ".join(f"{n} {name}" for name, n in counts.most_common()) or "nothing")
    for row in answer["refused"]:
        yield printable(f"refused {row['where']}: {row['reason']}: {row['why']}")


def _cells(one: Row) -> tuple[str, ...]:
    numbers = (f"{one['number']}", f"{one['suv_max']:.2f}", f"{one['suv_peak']:.2f}", f"{one['ml']:.1f}")
    size = " x ".join(f"{mm:.0f}" for mm in one["size_mm"])
    where = [one["region"].replace("_", " "), one["side"], "in lung" if one["lung"] else ""]
    at = ", ".join(f"{n}" for n in one["at"].values())
    return (*numbers, size, one["size_on"], at, " ".join(filter(None, where)))


def write_picture(path: Path, pet: NDArray[np.float32], spacing: tuple[float, float, float], marked: Candidates) -> None:
    """The coronal and the sagittal projection, SUV 0 to 10 in inverted grey, candidates ringed in red with their numbers, and
    what rules left out crossed in blue with their names."""
    mips = Mips(pet.shape)
    for number, plane in enumerate(pet):
        mips.take(number, plane)
    tall = round(pet.shape[0] * spacing[0] * _SCALE)
    views = []
    for name, axis, key in ((CORONAL, 2, "column"), (SAGITTAL, 1, "row")):
        grey = 255 - np.clip(mips.pictures()[name] / _BLACK, 0, 1) * 255
        wide = round(grey.shape[1] * spacing[axis] * _SCALE)
        view = Image.fromarray(grey.astype(np.uint8)).resize((wide, tall), Image.Resampling.BILINEAR).convert("RGB")
        _mark(ImageDraw.Draw(view), marked, (spacing[0], spacing[axis]), key)
        views.append(view)
    sheet = Image.new("RGB", (sum(view.width for view in views), tall))
    for view, left in zip(views, (0, views[0].width), strict=True):
        sheet.paste(view, (left, 0))
    with files.atomic(path, "wb") as handle:
        Path(handle.name).chmod(0o600)
        sheet.save(handle, "PNG")


def _mark(draw: ImageDraw.ImageDraw, marked: Candidates, spacing: tuple[float, float], key: str) -> None:
    font = ImageFont.load_default(13)

    def place(row: Row) -> tuple[float, float]:
        return (row["at"][key] + 0.5) * spacing[1] * _SCALE, (row["at"]["slice"] + 0.5) * spacing[0] * _SCALE

    for row in marked.left_out:
        if row["rule"] not in _UNDRAWN:
            x, y = place(row)
            draw.line((x - 4, y - 4, x + 4, y + 4), _BLUE, 2)
            draw.line((x - 4, y + 4, x + 4, y - 4), _BLUE, 2)
            draw.text((x + 5, y - 4), row["rule"], _BLUE, ImageFont.load_default(9))
    axis = ("slice", "row", "column").index(key)
    for row, spot in zip(marked.candidates, marked.spots, strict=True):
        middle = np.argwhere(spot.mask).mean(0) + [cut.start + 0.5 for cut in spot.box]  # the highest voxel may lie at its rim
        x, y = middle[axis] * spacing[1] * _SCALE, middle[0] * spacing[0] * _SCALE
        radius = max(_RING, row["size_mm"][0] / 2 + 4) * _SCALE
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_RED, width=2)
        draw.text((x + radius, y - radius), str(row["number"]), _RED, font)
