"""Hounsfield units of tissues, before and after contrast, and the shape tables that only a CT needs.

Values are the usual ones of chest CT at 120 kV: air -1000, lung -850, fat -100, water 0, muscle 50, liver 55, blood 40.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from docphim.phantom.body import Array, Body, table

AIR, LUNG, FAT, FLUID, SKIN, MUSCLE = -1000.0, -860.0, -100.0, 8.0, 10.0, 52.0
CARTILAGE, MARROW, CORTEX, DISC, CALCIUM, METAL = 105.0, 190.0, 620.0, 85.0, 550.0, 3000.0

#: What the contrast phase decides; `artery` is aorta and left heart, `lung_vessel` both trees, `vein` the upper caval vein.
PHASES: dict[str, dict[str, float]] = {
    "native": {"artery": 40, "lung_vessel": 40, "right_heart": 40, "vein": 40, "wall": 50, "liver": 57, "spleen": 48},
    "arterial": {"artery": 330, "lung_vessel": 280, "right_heart": 240, "vein": 380, "wall": 85, "liver": 64, "spleen": 95},
    "venous": {"artery": 160, "lung_vessel": 155, "right_heart": 155, "vein": 160, "wall": 100, "liver": 112, "spleen": 120},
}

#: The trunk of someone who lies with the arms above the head: half width at heights, in standard mm.
_WIDTH = ((-90, -62, -45, -25, -5, 20, 50, 80, 115, 150, 220, 380), (58, 62, 82, 128, 158, 174, 180, 176, 170, 166, 164, 167))


#: Heights at which the shape tables are held ready, in standard mm.
_HEIGHTS = np.arange(-95, 385, 0.5)


@functools.cache
def _dense(name: str) -> Array:
    if name == "trunk_width":
        return np.asarray(PchipInterpolator(*_WIDTH)(np.clip(_HEIGHTS, -90, 380)), np.float64)
    return np.asarray(table(name, _HEIGHTS), np.float64)


def level(name: str, z: Any) -> Array:
    """Value of a shape table of body.py, or of `trunk_width`, at heights `z`."""
    z = np.asarray(z)
    return np.interp(z.ravel(), _HEIGHTS, _dense(name)).reshape(z.shape).astype(np.float32)


def spine_y(z: Any) -> Array:
    """Depth of the middle of the vertebral bodies at heights `z`: the back's curve, 50 mm in front of the skin."""
    return -(level("trunk_depth", z) - np.float32(50.0))


def front_y(body: Body, z: Any) -> Array:
    """Depth of the sternum's middle."""
    return level("trunk_depth", z) - np.float32(body.fat + 8.0)
