"""A body of ellipses from the vertex down, as a CT and as a PET on one grid: its heights are what regions should find."""

import numpy as np

#: Heights in mm from the vertex: the neck's start, the shoulders, the apex of the lungs, the dome, the lowest lung, the fork.
NECK, SHOULDERS, APEX, DOME, LOWEST, FORK, FEET = 200, 270, 280, 470, 530, 880, 1100
SPACING = (6.0, 6.0, 6.0)


def _ellipse(shape, middle, axes):
    y, x = np.indices(shape) * SPACING[1]
    return ((x - middle[0]) / axes[0]) ** 2 + ((y - middle[1]) / axes[1]) ** 2 <= 1


def slice_of(height, arms="up", *, touching=False):
    """Masks of a slice by tissue, (y, x): `soft`, `lung`, `bone`, `brain`, `bladder`, `arms`."""
    shape, x, y = (72, 84), 250.0, 220.0
    parts = {name: np.zeros(shape, bool) for name in ("soft", "lung", "bone", "brain", "bladder", "table")}
    if height < NECK:
        wide = np.sqrt(max(1 - ((height - 100) / 110) ** 2, 0.05))
        parts["soft"] = _ellipse(shape, (x, y), (75 * wide, 95 * wide))
        parts["brain"] = _ellipse(shape, (x, y), (60 * wide, 75 * wide)) & (height < 150)
    elif height < SHOULDERS:
        parts["soft"] = _ellipse(shape, (x, y), (55, 60))
    elif height < FORK:
        parts["soft"] = _ellipse(shape, (x, y), (165, 110))
    else:
        for side in (-1, 1):
            parts["soft"] |= _ellipse(shape, (x + side * (70 if touching else 90), y), (76, 76))
            parts["bone"] |= _ellipse(shape, (x + side * 80, y), (14, 14))
    if NECK <= height < 800:
        parts["bone"] = _ellipse(shape, (x, y + (25 if height < SHOULDERS else 70)), (18, 24))
    if APEX <= height < 480:
        parts["bone"] |= _ellipse(shape, (x, y - 100), (14, 6))
    if 780 <= height < FORK - 10:
        parts["bone"] |= _ellipse(shape, (x, y - 60), (40, 18))
    if APEX <= height < LOWEST:
        share = min(1, (height - APEX + 30) / 80)
        for side in (-1, 1):
            lung = _ellipse(shape, (x + side * 75, y), (55 * share, 85 * share))
            if height >= DOME:
                lung &= ~_ellipse(shape, (x + side * 75, y - 10), (55, 85 * (0.5 + 0.45 * (height - DOME) / 60)))
            parts["lung"] |= lung
    if 790 <= height < 830:
        parts["bladder"] = _ellipse(shape, (x, y - 20), (30, 25))
    for side in {"up": (-1, 1), "down": (-1, 1), "none": ()}[arms]:
        if (arms == "up" and height < SHOULDERS) or (arms == "down" and SHOULDERS + 40 < height < FORK - 20):
            parts["soft"] |= _ellipse(shape, (x + side * 212, y), (32, 40))
    parts["table"][60:62] = True
    return parts


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
