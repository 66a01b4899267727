"""What lies under the diaphragm: liver, spleen, stomach, fat, and the domes that push into the lungs."""

from __future__ import annotations

import numpy as np

from docphim.phantom import anatomy
from docphim.phantom.anatomy import meet
from docphim.phantom.body import Body
from docphim.phantom.ct.space import Slab
from docphim.phantom.ct.tissue import AIR, FAT, FLUID, MUSCLE, level
from docphim.phantom.ct.torso import cage, trunk


def paint_cavity(slab: Slab, body: Body) -> None:
    """The cavity of the belly between the lungs' recesses, before the lungs are painted: fat within the cage."""
    box = slab.box((-150, 150), z=(body.dome_right + 14, 345))
    if box is not None:
        at = box.columns
        room = meet(cage(at, 4.0), trunk(body, at, body.fat + 12))
        slab.fill(box, slab.inside(box, room), FAT + 4)


def paint_domes(slab: Slab, body: Body, hu: dict[str, float]) -> None:
    """Diaphragm, and under it liver on the right, spleen and stomach on the left."""
    _right(slab, body, hu)
    _left(slab, body, hu)
    bottom = body.dome_right
    # the left lobe of the liver, in front of the stomach, and the crura of the diaphragm beside the spine
    slab.ball((-2, 36, bottom + 54), (78, 54, 42), hu["liver"], rough=0.02)
    for sign in (-1, 1):
        slab.ball((sign * 13, float(-level("trunk_depth", 290)) + 62, bottom + 90), (6, 12, 62), MUSCLE)


def _right(slab: Slab, body: Body, hu: dict[str, float]) -> None:
    box = slab.box((-146, -2), (-110, 120), (body.dome_right - 2, 345))
    if box is None:
        return
    hull, dome = anatomy.hull(body, "right", box.columns), anatomy.dome(body, "right", box.columns)
    slab.fill(box, slab.inside(box, meet(hull, dome)), MUSCLE)
    slab.fill(box, slab.inside(box, meet(hull, (dome[0] + 2.5, dome[1] - 2.5))), hu["liver"])
    top = body.dome_right
    slab.ball((-18, -34, top + 66), (19, 17, 44), hu["vein"] * 0.6 + 16)  # the lower caval vein in the liver
    for end in ((-92, 10, 40), (-60, 52, 44), (-96, -36, 58)):  # hepatic veins
        middle = tuple(np.add((-20, -28, top + 44), np.subtract(end, (20, -28, 44)) * 0.0))
        for share in np.linspace(0.1, 0.9, 9):
            x, y, z = (m + share * (e - s) for m, e, s in zip(middle, (end[0], end[1], top + end[2]), middle, strict=True))
            slab.ball((x, y, z), (5.5 - 3 * share,) * 3, hu["liver"] + (14 if hu["vein"] > 100 else -12))


def _left(slab: Slab, body: Body, hu: dict[str, float]) -> None:
    box = slab.box((2, 146), (-110, 120), (body.dome_left - 2, 345))
    if box is None:
        return
    hull, dome = anatomy.hull(body, "left", box.columns), anatomy.dome(body, "left", box.columns)
    slab.fill(box, slab.inside(box, meet(hull, dome)), MUSCLE)
    inside = slab.inside(box, meet(hull, (dome[0] + 2.5, dome[1] - 2.5)))
    slab.fill(box, inside, FAT + 4)
    top = body.dome_left
    # spleen behind, stomach with fluid and, lying on the back, its gas in front
    for centre, radii, tissue in (
        ((92, -38, top + 48), (36, 42, 42), hu["spleen"]),
        ((62, 24, top + 42), (44, 44, 36), MUSCLE),
        ((62, 24, top + 42), (40, 40, 32), FLUID + 14),
        ((62, 42, top + 36), (30, 19, 22), AIR + 10),
    ):
        shaped = slab.ball_cover(centre, radii)
        if shaped is None:
            continue
        where, cover = shaped
        slab.fill(where, cover, tissue)
