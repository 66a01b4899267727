"""A body of ellipses from the vertex down, as a CT and as a PET on one grid: its heights are what regions should find."""

import numpy as np

#: Heights in mm from the vertex: the neck's start, the shoulders, the apex of the lungs, the dome, the lowest lung, the fork.
NECK, SHOULDERS, APEX, DOME, LOWEST, FORK, FEET = 200, 270, 280, 470, 530, 880, 1100
SPACING = (6.0, 6.0, 6.0)


def _ellipse(shape, middle, axes):
    y, x = np.indices(shape) * SPACING[1]
    return ((x - middle[0]) / axes[0]) ** 2 + ((y - middle[1]) / axes[1]) ** 2 <= 1


SHAPE, X, Y = (72, 84), 250.0, 220.0


def slice_of(height, arms="up", *, touching=False):
    """Masks of a slice by tissue, (y, x): `soft`, `lung`, `bone`, `brain`, `bladder`, `table`."""
    parts = {name: np.zeros(SHAPE, bool) for name in ("lung", "brain", "bladder", "table")}
    parts |= {"soft": _outline(height, touching), "bone": _bones(height)}
    if height < 150:
        parts["brain"] = _ellipse(SHAPE, (X, Y), (60, 75)) & parts["soft"]
    if APEX <= height < LOWEST:
        parts["lung"] = _lungs(height)
    if 790 <= height < 830:
        parts["bladder"] = _ellipse(SHAPE, (X, Y - 20), (30, 25))
    if (arms == "up" and height < SHOULDERS) or (arms == "down" and SHOULDERS + 40 < height < FORK - 20):
        parts["soft"] = parts["soft"] | _ellipse(SHAPE, (X - 212, Y), (32, 40)) | _ellipse(SHAPE, (X + 212, Y), (32, 40))
    parts["table"][49:51] = True  # a thin plate on which both thighs lie
    return parts


def _outline(height, touching):
    if height < NECK:
        wide = np.sqrt(max(1 - ((height - 100) / 110) ** 2, 0.05))
        return _ellipse(SHAPE, (X, Y), (75 * wide, 95 * wide))
    if height < SHOULDERS:
        return _ellipse(SHAPE, (X, Y), (55, 60))
    if height < FORK:
        return _ellipse(SHAPE, (X, Y), (165, 110))
    apart = 70 if touching else 90
    return _ellipse(SHAPE, (X - apart, Y), (76, 76)) | _ellipse(SHAPE, (X + apart, Y), (76, 76))


def _bones(height):
    """The spine, the breast bone, the bones of the pelvis in front, the thigh bones."""
    bone = np.zeros(SHAPE, bool)
    for first, last, middle, axes in (
        (NECK, SHOULDERS, (X, Y + 25), (18, 24)),
        (SHOULDERS, 800, (X, Y + 70), (18, 24)),
        (APEX, 480, (X, Y - 100), (14, 6)),
        (780, FORK - 10, (X, Y - 60), (40, 18)),
        (FORK, FEET, (X - 80, Y), (14, 14)),
        (FORK, FEET, (X + 80, Y), (14, 14)),
    ):
        if first <= height < last:
            bone |= _ellipse(SHAPE, middle, axes)
    return bone


def _lungs(height):
    """Narrow at the apex, and around the dome of the diaphragm a rim that grows thinner."""
    share, lungs = min(1, (height - APEX + 30) / 80), np.zeros(SHAPE, bool)
    for side in (-75, 75):
        lung = _ellipse(SHAPE, (X + side, Y), (55 * share, 85 * share))
        if height >= DOME:
            lung &= ~_ellipse(SHAPE, (X + side, Y - 10), (55, 85 * (0.5 + 0.45 * (height - DOME) / 60)))
        lungs |= lung
    return lungs


def ct(height, **how):
    parts = slice_of(height, **how)
    plane = np.full(parts["soft"].shape, -1000.0)
    for name, hu in (("table", -150), ("soft", 40), ("lung", -800), ("bone", 500)):
        plane[parts[name]] = hu
    return plane + np.random.default_rng(int(height) + 1000).normal(0, 15, plane.shape)


def pet(height, **how):
    parts = slice_of(height, **how)
    plane = np.full(parts["soft"].shape, 0.01)
    for name, suv in (("soft", 0.8), ("lung", 0.4), ("brain", 9), ("bladder", 40)):
        plane[parts[name]] = suv
    return plane * np.random.default_rng(int(height) + 1000).uniform(0.8, 1.2, plane.shape)
