"""Lesions of lung and pleura, painted where `places` put them; each painter returns the share of every voxel it took."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from docphim.phantom import anatomy
from docphim.phantom.body import Array, Body
from docphim.phantom.ct.lesion import Lesion
from docphim.phantom.ct.space import Box, Slab, texture
from docphim.phantom.ct.tissue import AIR, FLUID, MUSCLE, level

#: What a painter took: where, and the share of each voxel there.
Taken = tuple[Box, Array] | None
Painter = Callable[[Slab, Lesion, Body, dict[str, float]], Taken]
#: Half of the chest's width that a lung may reach, in standard mm.
REACH = 146.0


def _side_box(slab: Slab, lesion: Lesion, top: float = -4, bottom: float = 330) -> Box | None:
    x = (-REACH, 8.0) if lesion.side == "right" else (-8.0, REACH)
    return slab.box((-REACH, REACH) if lesion.side is None else x, (-112, 114), (top, bottom))


def _into(slab: Slab, box: Box, cover: Array, hu: float | Array) -> tuple[Box, Array]:
    """Fill air of the lung, whose share it takes away."""
    lung = slab.lung[box.at]
    cover *= lung
    slab.fill(box, cover, hu)
    return box, cover


def effusion(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Fluid where it runs to in someone who lies: behind the lung, deeper towards the base, thinning out along the wall."""
    box = _side_box(slab, lesion)
    if box is None:
        return None
    side = lesion.side or "right"
    thick = (16.0, 50.0, 104.0)[lesion.degree] * (1 + 0.10 * lesion.draws[0])
    rise = np.clip((box.z - (body.dome(side) - (70, 150, 205)[lesion.degree])) / (75, 120, 120)[lesion.degree], 0, 1)
    back = anatomy.hull(body, side, box.columns)[0][:, None]
    u = (np.abs(box.x) - 70) / 66
    surface = back + thick * rise * (1 - 0.25 * u) + 3 * texture(6, box)
    cover = slab.soft_edge(surface - box.y - 1.5, slab.space.step[1])
    lung = slab.lung[box.at]
    taken = cover * lung
    slab.fill(box, taken, FLUID + 3)
    lung -= taken
    return box, taken


def pneumothorax(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Air without lung in front, where it rises to in someone who lies; a thin line of pleura borders it."""
    box = _side_box(slab, lesion)
    if box is None:
        return None
    front = anatomy.hull(body, lesion.side or "right", box.columns)[1][:, None]
    thick = (14.0, 34.0, 66.0)[lesion.degree] * (1 + 0.12 * lesion.draws[0])
    depth = box.y - (front - thick * (1 - 0.15 * np.abs(box.x) / 100))
    cover = slab.soft_edge(depth.copy(), slab.space.step[1])
    lung = slab.lung[box.at]
    line = np.clip(1 - np.abs(depth) / np.float32(slab.space.step[1]), 0, 1) * np.float32(0.5)
    taken = cover * lung
    slab.fill(box, taken, AIR + 4)
    slab.fill(box, line * lung, MUSCLE - 150)
    lung -= taken
    return box, taken


def consolidation(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Air spaces filled up to a fluffy border; the bronchi, which are painted later, keep their air."""
    shaped = _patch(slab, lesion, 1.5, 0.15, fluffy=0.05)
    return None if shaped is None else _into(slab, *shaped, 36.0 + 0.18 * (hu["artery"] - 40))


def ground_glass(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Haze through which the vessels are seen: -700 to -350 HU."""
    shaped = _patch(slab, lesion, 1.35, 0.22, fluffy=0.16)
    if shaped is None:
        return None
    box, cover = shaped
    cover *= slab.lung[box.at]
    dense = (300.0, 370.0, 430.0)[lesion.degree] + 40 * lesion.draws[1]
    slab.hu[box.at] += cover * (dense + 45 * texture(1, box)) * np.clip((-200 - slab.hu[box.at]) / 300, 0, 1)
    return box, cover


def _patch(slab: Slab, lesion: Lesion, tall: float, rough: float, fluffy: float) -> Taken:
    """An uneven patch around a lesion's middle, held back by the fissures as a lobe is."""
    r = lesion.radius
    x, y, z = lesion.centre
    wide = 1.75 * r
    box = slab.box((x - wide, x + wide), (y - wide, y + wide), (z - wide, z + wide))
    if box is None:
        return None
    distance = ((box.x - x) / (1.12 * r)) ** 2 + ((box.y - y) / (1.2 * r)) ** 2 + ((box.z - z) / (tall * r * 0.8)) ** 2
    depth = 1 - np.sqrt(distance) + np.float32(rough) * texture(4, box) + np.float32(fluffy) * texture(1, box)
    return box, np.clip(depth * 4 + 0.5, 0, 1)


def nodule(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """A ball of soft tissue of the stated diameter, a mass uneven and with spicules; some small ones are calcified."""
    rough = 0.04 if lesion.name == "nodule" else 0.11
    shaped = slab.ball_cover(lesion.centre, (lesion.radius,) * 3, rough)
    if shaped is None:
        return None
    tissue = 32.0 + 0.22 * (hu["artery"] - 40)
    return _into(slab, *shaped, 320.0 if lesion.draws[2] > 0.85 and lesion.radius < 6 else tissue)


def emphysema(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Holes without walls, below -950 HU, most in the upper lobes; severe emphysema has bullae at the apices."""
    box = _side_box(slab, lesion)
    if box is None:
        return None
    high = np.clip((190 - box.z) / 140, (0.0, 0.1, 0.35)[lesion.degree], 1)
    edge = (1.05, 0.65, 0.2)[lesion.degree]
    cover = np.clip((texture(2, box) - edge + 0.75 * (high - 1)) * 2.6, 0, 1)
    for nth in range((0, 1, 5)[lesion.degree]):
        x = (46 + 34 * abs(lesion.draws[nth])) * (-1 if nth % 2 else 1)
        y, z, r = 50 * lesion.draws[nth + 6], 26 + 16 * abs(lesion.draws[nth + 12]), 13 + 5 * lesion.draws[nth + 6]
        d = np.sqrt((box.x - x) ** 2 + (box.y - y) ** 2 + (box.z - z) ** 2)
        slab.fill(box, np.clip(1.2 - np.abs(d - r), 0, 1) * slab.lung[box.at] * np.float32(0.6), -300)
        np.maximum(cover, np.clip(r - d, 0, 1), out=cover)
    lung = slab.lung[box.at]
    slab.hu[box.at] -= lung * 30 * high
    return _into(slab, box, cover * np.clip((-500 - slab.hu[box.at]) / 200, 0, 1), -985.0)


def mosaic(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Geographic patches of lighter and darker lung side by side."""
    box = _side_box(slab, lesion)
    if box is None:
        return None
    cover = np.clip(texture(7, box) * 5 + 0.5, 0, 1) * slab.lung[box.at]
    slab.hu[box.at] += (cover * (120, 160, 210)[lesion.degree] - 45 * slab.lung[box.at]) * (slab.hu[box.at] < -500)
    return box, cover


def septal_thickening(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """A net of lines a centimetre or two apart, at the bases and beneath the pleura."""
    return _net(slab, lesion, 3, (0.45, 0.6, 0.8)[lesion.degree], 60, -250.0)


def interstitial(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """A fine net beneath the pleura of the bases, with a little haze: reticulation, as fibrosis leaves it."""
    return _net(slab, lesion, 2, (0.6, 0.75, 0.95)[lesion.degree], (165, 140, 100)[lesion.degree], -180.0)


def _net(slab: Slab, lesion: Lesion, scale: int, strength: float, top: float, hu: float) -> Taken:
    box = _side_box(slab, lesion, top)
    if box is None:
        return None
    at = box.columns
    wall = np.abs(at.x) / level("lateral", at.z)
    rim = np.clip((wall[:, None] ** 2 + (box.y / level("depth", box.z)) ** 2 - 0.45) * 2.4, 0.06, 1)
    low = np.clip((box.z - top) / 60, 0, 1)
    cover = texture(scale, box, "net") * (rim * low * np.float32(strength))
    slab.hu[box.at] += 60 * strength * rim * low * slab.lung[box.at]
    return _into(slab, box, cover, hu)


def atelectasis(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Airless lung: a band of a few mm, or in higher degree a wedge that lies against the back."""
    x, y, z = lesion.centre
    r = lesion.radius
    if lesion.degree == 0:
        shaped = slab.ball_cover((x, y, z), (r * 1.5, 3.2, 8.0), 0.05)
        return None if shaped is None else _into(slab, *shaped, MUSCLE - 15)
    sign = -1 if lesion.side == "right" else 1
    side = lesion.side or "right"
    shaped = slab.ball_cover((sign * 52.0, -66.0, body.dome(side) + 4), (r * 1.5, r * 0.9, r * 1.5), 0.07)
    return None if shaped is None else _into(slab, *shaped, MUSCLE + 0.2 * (hu["artery"] - 40))


def pericardial_effusion(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Fluid around the heart, within the pericardium; painted before the heart, which then lies in it."""
    from docphim.phantom.ct.torso import core

    box = slab.box((-140, 140), (-95, 105), (118, 258))
    if box is None:
        return None
    thick = np.float32(thickness(lesion)) - np.float32(34) * np.square(np.clip((142 - box.columns.z) / 24, 0, 1))
    outer, inner = slab.inside(box, core(body, box.columns, -thick)), slab.inside(box, core(body, box.columns, 2.0))
    slab.fill(box, outer, MUSCLE - 20)
    slab.fill(box, slab.inside(box, core(body, box.columns, -thick + 1.8)), FLUID + 4)
    return box, np.maximum(outer - inner, 0)


def thickness(lesion: Lesion) -> float:
    """Depth of the fluid around the heart in mm."""
    return (8.0, 14.0, 22.0)[lesion.degree] * (1 + 0.1 * lesion.draws[0])


def hiatal_hernia(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Stomach behind the heart: a wall, food and fluid, and in front the air."""
    r = (17.0, 22.0, 29.0)[lesion.degree] * (1 + 0.08 * lesion.draws[0])
    x, y, z = 4 + 8 * lesion.draws[1] + body.shift * 0.3, -30.0, body.dome_left - 0.5 * r
    shaped = slab.ball_cover((x, y, z), (r, r * 0.8, r * 1.3), 0.03)
    if shaped is None:
        return None
    box, cover = shaped
    slab.fill(box, cover, MUSCLE - 5)
    inner = slab.ball_cover((x, y, z), (r - 4, r * 0.8 - 4, r * 1.3 - 4), 0.03)
    if inner is not None:
        slab.fill(*inner, np.where(inner[0].y > y + 0.15 * r, np.float32(AIR + 20), np.float32(18.0)))
    return box, cover


#: Stations of lymph nodes: middle (x, y, z) in standard mm; the hilar ones stand on their own side.
STATIONS = {"paratracheal": (-15, -4, 70), "subcarinal": (1, -22, 102), "window": (23, 6, 86), "prevascular": (8, 38, 78)}
HILAR = ((38, 2, 106), (44, -14, 121), (42, -6, 135))


def lymphadenopathy(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Large nodes beside the airway and the arch; `size_mm` is the short axis of the largest."""
    short = lesion.finding.size_mm or 15.0
    count = 2 + int(lesion.draws[0] > 0) + int(lesion.draws[1] > 0)
    names = list(STATIONS)
    order = [int(i) for i in np.argsort(lesion.draws[2 : 2 + len(names)])]
    return _nodes(slab, [STATIONS[names[i]] for i in order[:count]], short, lesion, body, hu)


def hilar_prominence(slab: Slab, lesion: Lesion, body: Body, hu: dict[str, float]) -> Taken:
    """Large lobulated nodes at a hilum."""
    sign = -1 if lesion.side == "right" else 1
    lift = 0 if lesion.side == "right" else -10
    return _nodes(slab, [(sign * x, y, z + lift) for x, y, z in HILAR], (15.0, 19.0, 24.0)[lesion.degree], lesion, body, hu)


def _nodes(
    slab: Slab, middles: list[tuple[float, float, float]], short: float, lesion: Lesion, body: Body, hu: dict[str, float]
) -> Taken:
    taken: Taken = None
    for nth, (x, y, z) in enumerate(middles):
        r = short / 2 * (1.0, 0.85, 0.75, 0.7)[nth]
        shaped = slab.ball_cover((x + body.shift, y, z), (r, r * 1.25, r * 1.4), 0.06)
        if shaped is not None:
            slab.fill(*shaped, 42.0 + 0.25 * (hu["artery"] - 40))
            taken = shaped if taken is None or shaped[1].sum() > taken[1].sum() else taken
    return taken


#: When each is painted: "heart" and "soft" before it is known what is lung, "pleura" before the lungs' vessels, "lung" after.
PAINTERS: dict[str, dict[str, Painter]] = {
    "heart": {"pericardial_effusion": pericardial_effusion},
    "soft": {"hiatal_hernia": hiatal_hernia, "lymphadenopathy": lymphadenopathy, "hilar_prominence": hilar_prominence},
    "pleura": {"effusion": effusion, "pneumothorax": pneumothorax},
    "lung": {
        "mosaic": mosaic,
        "emphysema": emphysema,
        "interstitial": interstitial,
        "septal_thickening": septal_thickening,
        "ground_glass": ground_glass,
        "consolidation": consolidation,
        "atelectasis": atelectasis,
        "nodule": nodule,
        "mass": nodule,
    },
}
