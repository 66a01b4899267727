"""What is seen of a volume of CT, by its values and its lungs, on whatever grid it lies."""

from __future__ import annotations

from collections.abc import Sequence

from docphim.imaging.io.planes import Planes, across
from docphim.imaging.space import hu
from docphim.imaging.space.lungs import Blocks, lungs
from docphim.study import Row


def look(planes: Planes) -> Row:
    """What is seen of a volume on its own grid: `values` (the least and the greatest), `quality`, and `padding` if it has any.

    Raises
    ------
    Refused
        `not_hu`; and as the planes.
    """
    planes, turn = across(planes)
    seen, blocks, ends = hu.Seen(planes.shape[0]), Blocks(planes.shape, turn.spacing), []
    for number, plane in enumerate(planes.read()):
        seen.look(plane)
        blocks.take(planes.shape[0] - 1 - number if turn.backwards[0] else number, plane)
        ends += [float(plane.min()), float(plane.max())]
    hu.check(seen)
    return {"values": [min(ends), max(ends)], **row(seen, planes.shape, turn.spacing, lungs(blocks))}


def row(seen: hu.Seen, shape: Sequence[int], spacing: Sequence[float], lung: Row) -> Row:
    """What a person asks of a scan, as index.jsonl has it: its values, its field of view, its lungs; and its padding.

    Parameters
    ----------
    shape, spacing : sequence
        Of the file, along z, y and x, mm.
    lung : dict
        As `lungs.lungs` gives it.
    """
    values = seen.body()
    known = {
        "hu": {str(percent): values.percentile(percent) for percent in (1, 25, 50, 75, 99)},
        "air": round(values.share(-1100, -950), 3),
        "field_of_view_mm": [round(n * step, 1) for n, step in zip(shape, spacing, strict=True)],
        **lung,
    }
    return {"quality": known, **({"padding": seen.padding()} if seen.padding() else {})}
