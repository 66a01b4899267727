"""What each finding does to the film: air that fills, air that escapes, nets, nodes, calcium and broken ribs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from docphim.phantom import anatomy, bones, vessels
from docphim.phantom.body import CORTEX, LUNG, SOFT, Array, Body, table
from docphim.phantom.grid import Grid, Window, cloud, lay, mesh
from docphim.phantom.tubes import Tubes, along
from docphim.study import Finding

#: Heights of the three zones in standard mm, and how far from the midline their middles lie.
ZONES = {"upper": (36.0, 88.0, 72.0), "middle": (98.0, 158.0, 88.0), "lower": (166.0, 214.0, 92.0)}
#: Degree as a number; a finding without one is moderate.
DEGREE = {"mild": 0, "moderate": 1, "severe": 2, None: 1}


@dataclass
class Scene:
    """What a lesion is put into; `open_air` is the share of each ray's air that no lesion has filled yet."""

    body: Body
    coarse: Grid
    fine: Grid
    soft: anatomy.Soft
    open_air: Array
    rng: np.random.Generator


@dataclass
class Effect:
    """One finding on the film: attenuation added in a rectangle of the coarse grid, vessels lost there, and thin tubes.

    `bare` is the share of it that no other finding covers; `place` is where it lies, for the painter of another modality:
    outward from the midline and height in standard mm, and its radius, 0 for fluid, whose height is its level's.
    """

    finding: Finding
    at: tuple[slice, slice] | None = None
    delta: Array | None = None
    fade: Array | None = None
    bare: float = 1.0
    tubes: list[Tubes] = field(default_factory=list)
    instead: list[Tubes] = field(default_factory=list)
    breaks: dict[tuple[str, int], bones.Break] = field(default_factory=dict)
    side: str | None = None
    place: tuple[float, float, float] | None = None

    def at_place(self, side: str, outward: float, height: float, radius: float) -> Effect:
        """Say where the finding lies."""
        self.side, self.place = side, (float(outward), float(height), float(radius))
        return self


def effects(scene: Scene, findings: tuple[Finding, ...]) -> list[Effect]:
    """The effects of all findings, in their order; the geometry of heart and aorta is already in the body.

    Fluid takes its air first: what lies inside it changes the film by the air that is left, and so cannot be seen there.
    """
    made = {}
    for nth in sorted(range(len(findings)), key=lambda i: (findings[i].name != "effusion", i)):
        made[nth] = MAKERS.get(findings[nth].name, _shape_only)(scene, findings[nth])
    return [effect for nth in sorted(made) for effect in made[nth]]


def _shape_only(scene: Scene, finding: Finding) -> list[Effect]:
    return [Effect(finding)]


def sides(finding: Finding) -> list[str]:
    """The sides a finding is on."""
    return ["right", "left"] if finding.side in ("both", None) else [finding.side]


def _outward(window: Window, side: str) -> Array:
    return window.x if side == "left" else -window.x


def _half(scene: Scene, side: str, top: float = -4, bottom: float = 340) -> Window:
    return scene.coarse.beside(side, -30, 146, top, bottom)


def _fill(scene: Scene, finding: Finding, side: str, window: Window, share: Array) -> Effect:
    """Fill a share of the air on each ray with fluid, as far as it is still air."""
    at = window.at
    alone = share * (scene.soft.lung(side)[at] > 0)
    share = alone * scene.open_air[at]
    scene.open_air[at] -= share
    bare = float(share.sum() / max(alone.sum(), 1e-6))
    return Effect(finding, at, (SOFT - LUNG) * scene.soft.lung(side)[at] * share, share, bare=bare)


def effusion(scene: Scene, finding: Finding) -> list[Effect]:
    """Fluid around the base of the lung: a level that climbs along the wall; small ones only blunt the angle."""
    out = []
    for side in sides(finding):
        body, degree = scene.body, DEGREE[finding.severity]
        window = _half(scene, side)
        wall = table("lateral", window.z)
        u = np.clip((_outward(window, side) - 62) / np.maximum(wall - 62, 1), -1, 1.05)
        draw = scene.rng.uniform(-1, 1)
        middle = body.dome(side) + (26 + 5 * draw, -28 + 13 * draw, -98 + 20 * draw)[degree]
        climb = (44, 52, 60)[degree]
        level = middle - climb * np.where(u > 0, u * u * np.sqrt(np.abs(u)), 0.25 * u * u)
        depth = (window.z - level) / (9, 13, 15)[degree]
        share = np.clip(1.04 / (1 + np.exp(-2.2 * depth)) - 0.02, 0, (0.93, 0.97, 1.0)[degree]).astype(np.float32)
        out.append(_fill(scene, finding, side, window, share).at_place(side, 0.0, middle, 0.0))
    return out


def consolidation(scene: Scene, finding: Finding) -> list[Effect]:
    """Air spaces filled in a patch with fluffy edges, patchy inside, crossed by bronchi that still hold air."""
    out = []
    for side in sides(finding):
        degree = DEGREE[finding.severity]
        top, bottom, across = ZONES[finding.zone or "lower"]
        rng = scene.rng
        z = rng.uniform(top + 8, bottom - 8)
        x = min(across + rng.uniform(-10, 8), float(table("lateral", z)) - 30)
        size = (24, 33, 43)[degree] * rng.uniform(0.93, 1.12)
        window = _half(scene, side, z - size * 1.9, z + size * 1.9)
        shape = (window.z.shape[0], window.x.shape[1])
        scale = _quantised(5.0 / scene.coarse.px)
        lumps, fluff = lay(cloud(scale), shape, rng), lay(cloud(_quantised(1.8 / scene.coarse.px)), shape, rng)
        outward = _outward(window, side)
        distance = np.sqrt(((outward - x) / (size * 1.12)) ** 2 + ((window.z - z) / size) ** 2)
        core = np.clip((1.30 - distance + 0.10 * lumps + 0.02 * fluff) * 1.2, 0, 1)
        core = core * core * (3 - 2 * core)
        share = core * (0.9 + 0.06 * lumps + 0.03 * fluff) * (0.32, 0.43, 0.52)[degree]
        effect = _fill(scene, finding, side, window, share.astype(np.float32)).at_place(side, x, z, size)
        if degree:
            effect.tubes = _bronchogram(scene, side, x, z, size)
        out.append(effect)
    return out


def _quantised(scale: float) -> float:
    """Texture scales in steps, so that few tiles are made."""
    return float(min((1.0, 1.5, 2.0, 3.0, 4.5, 6.5, 9.0, 13.0), key=lambda step: abs(step - scale)))


def _bronchogram(scene: Scene, side: str, x: float, z: float, size: float) -> list[Tubes]:
    sign = -1 if side == "right" else 1
    hilum = np.array(vessels.HILUM[side])
    centre = np.array([x, 0, z])
    heading = (centre - hilum) / np.linalg.norm(centre - hilum)
    across = np.array([-heading[2], 0, heading[0]])
    tubes = []
    for turn in (-0.55, 0.0, 0.5):
        start = centre - heading * size * 0.85 + across * turn * size * 0.15
        end = centre + heading * size * 0.55 + across * turn * size
        line = np.stack([start, (start + end) / 2 + across * turn * 4, end]) * [sign, 1, 1]
        tubes.append(along(line, np.array([2.1, 1.6, 0.9]), -SOFT * 0.9, scene.fine))
    return tubes


def nodule(scene: Scene, finding: Finding) -> list[Effect]:
    """A ball of soft tissue of the stated diameter; a mass is lobulated and a little spiculated."""
    out = []
    size = finding.size_mm or (15.0 if finding.name == "nodule" else 45.0)
    for side in sides(finding):
        x, z = _place(scene, side, finding.zone, size)
        sx, _, sz = scene.body.scale
        reach = 0.75 * size + 2
        sign = -1 if side == "right" else 1
        window = scene.coarse.window(sign * x - reach / sx, sign * x + reach / sx, z - reach / sz, z + reach / sz)
        dx, dz = (_outward(window, side) - x) * sx, (window.z - z) * sz
        angle = np.arctan2(dz, dx)
        wave = np.zeros_like(angle)
        rough = 0.035 if finding.name == "nodule" else 0.075
        for k in (2, 3, 5, 9):
            wave += rough * scene.rng.uniform(0.3, 1.2) / np.sqrt(k / 2) * np.cos(k * angle + scene.rng.uniform(0, 6.3))
        radius = size / 2 * (1 + wave)
        chord = 2 * radius * anatomy.bulge(np.hypot(dx, dz) / radius)
        path = scene.soft.lung(side)[window.at]
        share = np.minimum(chord / np.maximum(path, 1), 1).astype(np.float32)
        out.append(_fill(scene, finding, side, window, share).at_place(side, x, z, size / 2))
    return out


def _place(scene: Scene, side: str, zone: str | None, size: float) -> tuple[float, float]:
    """A place in a zone where the ball fits inside the lung and beside the heart."""
    top, bottom, _ = ZONES[zone or "middle"]
    r = size / 2
    best = (-1.0, 85.0, (top + bottom) / 2)
    for _ in range(12):
        z = scene.rng.uniform(top, bottom)
        wall = float(table("lateral", z - 0.4 * r)) - r - 5
        inner = float(scene.body.border(side, z + 0.5 * r)) + r * 0.7 + 10
        x = scene.rng.uniform(min(inner, wall - 1), wall)
        room = min(wall - x, x - inner)
        if room > 0:
            return x, z
        best = max(best, (room, x, z))
    return best[1], best[2]


def pneumothorax(scene: Scene, finding: Finding) -> list[Effect]:
    """The lung falls away from the wall: a pleural line, and beyond it air without vessels."""
    out = []
    for side in sides(finding):
        degree = DEGREE[finding.severity]
        fallen = (15.0, 30.0, 58.0)[degree] * scene.rng.uniform(0.9, 1.15)
        breadth = 1 - (0.10, 0.25, 0.55)[degree] * scene.rng.uniform(0.9, 1.1)
        window = _half(scene, side)
        outward = _outward(window, side)
        wall, inner = _pleura(window.z, fallen, breadth)
        gone = np.clip((outward - wall) / 0.8 + 0.5, 0, 1)
        over = np.clip((inner - 3 - outward) / 0.8, 0, 1) * (window.z < fallen + 16)
        gone = np.where(window.z < fallen - 3, 1, np.maximum(gone, over)).astype(np.float32)
        path = scene.soft.lung(side)[window.at]
        delta = (-(LUNG - 0.0003) * gone + LUNG * 0.55 * (1 - breadth) * (1 - gone)) * path
        out.append(Effect(finding, window.at, delta, gone, tubes=[_pleural_line(scene, side, fallen, breadth)]))
    return out


def _pleura(z: Array, fallen: float, breadth: float) -> tuple[Array, Array]:
    """Lateral and medial border of a fallen lung, its apex `fallen` mm lower, `breadth` (0 to 1) of its width left."""
    low = 0.5 - 0.5 * np.cos(np.pi * np.clip((z - 90) / 170, 0, 1))
    share = breadth + (1 - breadth) * 0.45 * low
    squeezed = np.maximum(z - fallen, -3) * (1 + fallen / 400)
    lateral = np.minimum(table("lateral", squeezed), table("lateral", z) - 2)
    return 14 + (lateral - 14) * share, 14 + (table("medial", squeezed) - 14) * share


def _pleural_line(scene: Scene, side: str, fallen: float, breadth: float) -> Tubes:
    sign = -1 if side == "right" else 1
    z = np.linspace(fallen - 3, scene.body.dome(side) + 28, 160).astype(np.float32)
    wall, inner = _pleura(z, fallen, breadth)
    apex = z[:14][::-1]
    x = np.concatenate([inner[:14][::-1], wall])
    line = np.stack([sign * x, np.zeros_like(x), np.concatenate([apex, z])], axis=1)
    line = line[line[:, 2] < scene.body.dome(side) + 50 * (np.maximum(x - 66, 0) / 73) ** 2.5 - 1]
    return along(line, 0.6, SOFT, scene.fine, flat=9.0)


def interstitial(scene: Scene, finding: Finding) -> list[Effect]:
    """A net of fine lines with some haze, densest at the bases and towards the wall."""
    out = []
    degree = DEGREE[finding.severity]
    for side in sides(finding):
        window = _half(scene, side)
        shape = (window.z.shape[0], window.x.shape[1])
        wall = table("lateral", window.z)
        base = np.clip((window.z - (150, 110, 70)[degree]) / 90, 0, 1)
        edge = 0.55 + 0.45 * np.clip(_outward(window, side) / wall, 0, 1) ** 2
        net = lay(mesh(_quantised(1.5 / scene.coarse.px)), shape, scene.rng)
        coarse = lay(mesh(_quantised(2.6 / scene.coarse.px)), shape, scene.rng)
        path = np.minimum(scene.soft.lung(side)[window.at] / 90, 1) * scene.open_air[window.at]
        delta = (0.07, 0.12, 0.18)[degree] * base * edge * path * (1.5 * net + 1.6 * coarse + 0.9)
        out.append(Effect(finding, window.at, delta.astype(np.float32)))
    return out


def hilar_prominence(scene: Scene, finding: Finding) -> list[Effect]:
    """Large lobulated nodes at a hilum."""
    out = []
    for side in sides(finding):
        x, _, z = vessels.HILUM[side]
        grow = (0.85, 1.0, 1.2)[DEGREE[finding.severity]]
        window = _half(scene, side, z - 60, z + 60)
        outward = _outward(window, side)
        path = np.zeros((window.z.shape[0], window.x.shape[1]), np.float32)
        for ahead, down, wide in ((4.0, -14.0, 13.0), (13.0, 2.0, 17.0), (6.0, 19.0, 13.0)):
            out_by, down_by, r = scene.rng.uniform((-2, -4, 0.9), (3, 4, 1.1)) * (1, 1, wide * grow)
            ball = (
                2.3
                * r
                * anatomy.bulge(np.hypot((outward - x - ahead - out_by) / r, (window.z - z - down - down_by) / (1.15 * r)))
            )
            path = np.maximum(path, ball)
        share = np.minimum(path / np.maximum(scene.soft.lung(side)[window.at], 1), 1)
        out.append(_fill(scene, finding, side, window, share))
    return out


def aortic_calcification(scene: Scene, finding: Finding) -> list[Effect]:
    """A thin bright crescent in the wall of the arch."""
    body = scene.body
    x, z, r = anatomy.knob_place(body)
    degree = DEGREE[finding.severity]
    start = scene.rng.uniform(-1.9, -1.4)
    angle = np.linspace(start, start + (1.5, 2.1, 2.7)[degree], 40)
    line = np.stack([x + (r - 1.2) * np.cos(angle), 0 * angle, z + (r - 1.2) * np.sin(angle)], axis=1)
    thick = (0.6, 0.85, 1.15)[degree] * (0.45 + 0.55 * np.sin(np.linspace(0.2, 2.9, 40)))
    return [Effect(finding, tubes=[along(line, thick, CORTEX, scene.fine, flat=5.0)])]


def rib_fracture(scene: Scene, finding: Finding) -> list[Effect]:
    """A rib whose ends have moved apart; `zone` says which and where ("rib5/lateral")."""
    out = []
    name, _, arc = (finding.zone or "rib6/lateral").partition("/")
    k = int(name.removeprefix("rib"))
    for side in sides(finding):
        at = min(bones.ARCS[arc] + scene.rng.uniform(-8, 8), bones.RIB_END[k] - 10)
        apart = bones.DISPLACED[finding.severity or "moderate"] * scene.rng.uniform(0.9, 1.2)
        whole, broken = (bones.one_rib(scene.body, side, k, b) for b in (None, (at, apart)))
        out.append(Effect(finding, tubes=[broken], instead=[whole], breaks={(side, k): (at, apart)}, side=side))
    return out


MAKERS = {
    "effusion": effusion,
    "consolidation": consolidation,
    "nodule": nodule,
    "mass": nodule,
    "pneumothorax": pneumothorax,
    "interstitial": interstitial,
    "hilar_prominence": hilar_prominence,
    "aortic_calcification": aortic_calcification,
    "rib_fracture": rib_fracture,
}
