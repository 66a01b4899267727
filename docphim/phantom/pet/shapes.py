"""Shapes of one tissue each, from `anatomy.yaml`, laid into slices of either scan of a PET/CT."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from docphim.package_data import packaged
from docphim.phantom.body import Array, Body, rng_of
from docphim.phantom.ct.space import Box, Slab, texture
from docphim.phantom.patient import Patient

#: Voxels painted at once: many shapes are small, so fewer and larger slabs than a chest's.
SLAB = 500_000
Kind = Literal["pet", "ct"]
#: The heights of the domes for which `anatomy.yaml` is drawn.
DOMES = {"right": 224.0, "left": 237.0}
#: How far an organ lies from its usual place, mm, and how much its size differs, both as standard deviations.
_PLACE, _SIZE = 2.0, 0.03
#: Pixels wider than this, mm, show no roughness.
_COARSE = 5.0
#: Shapes of these tissues are as the outline and the bones are: they do not move on their own.
_FIXED = {"skin", "muscle", "cortex", "marrow", "skull", "gristle", "air"}


@dataclass(frozen=True)
class Shape:
    """A rounded tube through `points` (n, 4: x, y, z and radius, standard mm), or a ball of `radii`, of one tissue.

    `flat` is how deep a tube is for its width; `factor` multiplies the tissue's SUV; `rough` and `patchy` are shares.
    """

    tissue: str
    points: Array
    radii: tuple[float, float, float] | None = None
    flat: float = 1.0
    rough: float = 0.0
    patchy: float = 0.0
    factor: float = 1.0
    only: Kind | None = None


def anatomy() -> dict[str, list[dict[str, Any]]]:
    """The groups of `anatomy.yaml`."""
    groups: dict[str, list[dict[str, Any]]] = packaged(Path(__file__).parent / "anatomy.yaml")
    return groups


@functools.lru_cache(maxsize=32)  # both scans of a patient ask
def shapes_of(patient: Patient, body: Body, group: str) -> tuple[Shape, ...]:
    """A group's shapes in one patient: those of the sex, moved with the diaphragm, each a little of its own place and size."""
    out = []
    rows = anatomy()[group]
    rng = rng_of(patient, f"pet/{group}")
    chances, draws, factors = rng.random(len(rows)), rng.normal(size=(len(rows), 4)), rng.random((len(rows), 2))
    for row, chance, (*moved, grown), shares in zip(rows, chances, draws, factors, strict=True):
        if row.get("sex", patient.sex) != patient.sex or chance >= row.get("share", 1.0):
            continue
        low, high = row.get("times", (1.0, 1.0))
        shape = _placed(row, body, _PLACE * np.array(moved), float(1 + _SIZE * grown))
        for sign, share in zip((-1, 1) if row.get("both") else (1,), shares, strict=False):
            points = shape.points * np.array([sign, 1, 1, 1], np.float32)
            out.append(replace(shape, points=points, factor=float(low + (high - low) * share)))
    return tuple(out)


def _placed(row: dict[str, Any], body: Body, moved: Array, grown: float) -> Shape:
    if row["tissue"] in _FIXED:
        moved, grown = 0 * moved, 1.0
    radii = None
    if "ball" in row:
        *centre, a, b, c = row["ball"]
        radii = (a * grown, b * grown, c * grown)
        points = np.array([[*centre, 0]], np.float32)
    else:
        points = np.array(row["path"], np.float32)
        points[:, 3] *= grown
    points[:, :3] += np.asarray(moved, np.float32)
    if "dome" in row:
        points[:, 2] += np.float32(body.dome(row["dome"]) - DOMES[row["dome"]])
    return Shape(
        row["tissue"], points, radii, row.get("flat", 1.0), row.get("rough", 0.0), row.get("patchy", 0.0), only=row.get("only")
    )


def paint(slab: Slab, shapes: Iterable[Shape], values: dict[str, float], kind: Kind) -> None:
    """Lay shapes into a slab, in order; `values` is what a tissue measures in this scan."""
    for shape in shapes:
        if shape.only not in (None, kind):
            continue
        value = values[shape.tissue] * (shape.factor if kind == "pet" else 1.0)
        for box, cover in covers(slab, shape):
            if shape.patchy and kind == "pet":
                slab.fill(box, cover, np.float32(value) * np.clip(1 + np.float32(shape.patchy) * texture(3, box), 0.3, 3))
            else:
                slab.fill(box, cover, value)


def covers(slab: Slab, shape: Shape) -> list[tuple[Box, Array]]:
    """The share of each voxel inside a shape, box by box: one for a ball, one for each piece of a tube."""
    rough = shape.rough if slab.space.step[2] < _COARSE else 0.0
    if shape.radii is not None:
        x, y, z, _ = (float(v) for v in shape.points[0])
        shaped = slab.ball_cover((x, y, z), shape.radii, rough)
        return [] if shaped is None else [shaped]
    pieces = (piece(slab, a, b, shape.flat, rough) for a, b in zip(shape.points, shape.points[1:], strict=False))
    return [shaped for shaped in pieces if shaped is not None]


def piece(slab: Slab, start: Array, end: Array, flat: float, rough: float) -> tuple[Box, Array] | None:
    """The share of each voxel inside a rounded cone between two points (x, y, z, radius)."""
    margin = slab.space.step[2]
    reach = (max(start[3], end[3])) * (1 + 2.5 * rough) + margin
    low, high = np.minimum(start, end), np.maximum(start, end)
    box = slab.box(*((float(low[i] - reach), float(high[i] + reach)) for i in range(3)))
    if box is None:
        return None
    run = (end - start).astype(np.float32)
    run[1] /= np.float32(flat)
    x, y, z = box.x - start[0], (box.y - start[1]) * np.float32(1 / flat), box.z - start[2]
    along = np.clip((x * run[0] + y * run[1] + z * run[2]) / max(float(run[:3] @ run[:3]), 1e-6), 0, 1)
    depth = np.square(x - along * run[0])
    depth += np.square(y - along * run[1])
    depth += np.square(z - along * run[2])
    np.sqrt(depth, out=depth)
    radius = start[3] + along * run[3]
    if rough:
        radius *= 1 + np.float32(rough) * texture(2, box)
    cover = slab.soft_edge(radius - depth, margin)
    small = float(min(start[3], end[3]))
    if small < margin / 2:  # a tube thinner than a voxel fills its share of it
        cover *= np.float32(2 * small / margin)
    return box, cover
