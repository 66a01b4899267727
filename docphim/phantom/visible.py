"""Whether a finding can be seen on the film at the size it is prepared for: contrast against clutter, and size.

The film is compared with and without the finding.  With c the mean contrast over the finding (share of the display range),
s the spread of the anatomy and noise around it, and n the number of resolvable cells it covers, Rose's criterion asks for
c / s * sqrt(n) >= 4 (A. Rose, J. Opt. Soc. Am. 38, 1948); besides, c must reach 0.03 and the finding 3 pixels across.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docphim.phantom import anatomy
from docphim.phantom.body import Array
from docphim.phantom.grid import soften
from docphim.phantom.lesions import Effect, Scene
from docphim.phantom.tubes import lay_tubes
from docphim.study import Finding

#: Steepness and middle of the film's characteristic curve.
GAMMA, CENTRE = 2.45, 2.2
#: Rose's constant, the least contrast of the display range, the least width in pixels.
ROSE, CONTRAST, WIDTH = 4.0, 0.03, 3.0
#: A finding is not seen when other findings cover more than the rest of it.
BARE = 0.3
#: Clutter (ribs, vessels) is correlated over about this many mm.
CELL_MM = 5.0
#: An unfolded aorta's border must lie this much further out, in mm.
BORDER_MM = 5.0

Box = tuple[int, int, int, int]


def curve(line: Array) -> Array:
    """Display value (0 to 1) of an attenuation integral, without scatter and equalisation."""
    return 1 / (1 + np.exp(-GAMMA * (line - CENTRE)))


def judge(
    scene: Scene, changes: list[Effect], line: Array, step: int, ctr: float
) -> tuple[tuple[Finding, ...], dict[str, Box]]:
    """Set `visible` on every finding and give its bounding box on the film."""
    seen: dict[int, bool] = {}
    order: list[Finding] = []
    masks: dict[str, Box] = {}
    sampled = line[::step, ::step]
    for effect in changes:
        shown, box = _see(scene, effect, line, sampled, step, ctr)
        if not any(f is effect.finding for f in order):
            order.append(effect.finding)
        seen[id(effect.finding)] = seen.get(id(effect.finding), False) or shown
        if box is not None:
            masks[_name(effect, len(masks), masks)] = box
    return tuple(replace(f, visible=seen[id(f)]) for f in order), masks


def _name(effect: Effect, nth: int, taken: dict[str, Box]) -> str:
    finding = effect.finding
    name = finding.name if finding.side is None else f"{finding.name}_{finding.side}"
    return name if name not in taken else f"{name}_{nth}"


def _see(scene: Scene, effect: Effect, line: Array, sampled: Array, step: int, ctr: float) -> tuple[bool, Box | None]:
    name = effect.finding.name
    if name == "cardiomegaly":
        return (ctr >= 0.50 if scene.body.view == "PA" else ctr >= 0.55), None
    if name == "aortic_unfolding":
        x0 = sum(anatomy.knob_place(replace(scene.body, unfold=0.0))[::2])
        x1 = sum(anatomy.knob_place(scene.body)[::2])
        moved = (x1 - x0) * scene.body.scale[0]
        return bool(moved >= BORDER_MM and moved / _fine_mm(scene) >= WIDTH), None
    if effect.bare < BARE:
        return False, None
    if effect.delta is not None and effect.at is not None:
        base = sampled[effect.at]
        box = _box(effect.delta, effect.at, step)
        return _rose(base[: effect.delta.shape[0], : effect.delta.shape[1]], effect.delta, _fine_mm(scene) * step, step), box
    hollow = bool(effect.instead)
    delta = soften(lay_tubes(scene.fine, effect.tubes, hollow=hollow))
    if effect.instead:
        delta -= soften(lay_tubes(scene.fine, effect.instead, hollow=True))
    box = _box(delta, (slice(0, None), slice(0, None)), 1)
    if box is None:
        return False, None
    at = np.s_[box[0] : box[2], box[1] : box[3]]
    return _rose(line[at], delta[at], _fine_mm(scene), 1), box


def _fine_mm(scene: Scene) -> float:
    return scene.fine.px * scene.body.scale[0]


def _box(delta: Array, at: tuple[slice, slice], step: int) -> Box | None:
    strong = np.abs(delta) > 0.25 * max(float(np.abs(delta).max(initial=0)), 1e-6)
    if not strong.any():
        return None
    rows, columns = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    top, left = at[0].start or 0, at[1].start or 0
    edges = (top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1)
    return tuple(int(edge) * step for edge in edges)  # type: ignore[return-value]


def _rose(line: Array, delta: Array, mm: float, step: int) -> bool:
    """Rose's criterion on one rectangle; `mm` is its pixel, `step` how many film pixels that is."""
    delta = delta[: line.shape[0], : line.shape[1]]
    strong = np.abs(delta) > 0.5 * np.abs(delta).max()
    if not strong.any():
        return False
    without = curve(line - delta)
    contrast = float(np.abs(curve(line) - without)[strong].mean())
    pixels = float(strong.sum())
    clutter = float((without - soften(soften(soften(without))))[strong].std()) + 0.012
    cells = max(pixels * mm * mm / CELL_MM**2, 1.0)
    width = np.sqrt(pixels) * step
    return bool(contrast >= CONTRAST and width >= WIDTH and contrast / clutter * np.sqrt(cells) >= ROSE)
