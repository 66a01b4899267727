"""Liver and blood are measured where a CT shows the organ and the uptake is even; else it is said why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from petct_files import WHOLE_CT, WHOLE_PET, write_ct, write_pet
from test_pet_ct import prepared

from docphim.imaging.io.locations import pair
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.volume import turn_of
from docphim.imaging.reference import _uptake
from docphim.imaging.space import organs

#: Millimetres of the made-up slice's rows and columns, and where the middle of the body lies.
STEP, MIDDLE = 1.5, 180.0


def chest(vessel: tuple[float, float] | None = (6, -14), radius: float = 12, hu: float = 40, noise: int = 0) -> np.ndarray:
    """A slice of lungs, a heart, a spine 30 mm wide and a vessel, given as mm to the left of it and behind the front of it."""
    y, x = np.indices((200, 240)) * STEP
    plane = np.where(((x - MIDDLE) / 150) ** 2 + ((y - 150) / 100) ** 2 < 1, -850.0, -1000.0)
    plane[np.hypot(x - MIDDLE - 10, (y - 105)) < 40] = 40  # heart
    plane[np.hypot((x - MIDDLE) / 1.0, (y - 215) / 1.2) < 15] = 400  # spine, its front at 197
    plane[np.hypot(x - MIDDLE, y - 232) < 14] = 500
    plane[np.hypot(x - MIDDLE, y - 60) < 12] = 600  # breast bone
    if vessel:
        plane[np.hypot(x - MIDDLE - vessel[0], y - 197 - vessel[1]) < radius] = hu
    return plane + np.random.default_rng(noise).normal(0, 12, plane.shape)


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ({}, True),
        ({"vessel": (24, -4)}, True),
        ({"hu": 120}, True),
        ({"vessel": None}, False),
        ({"radius": 5}, False),  # an azygos vein
        ({"radius": 24, "vessel": (12, -28)}, False),  # a heart that reaches the spine
        ({"vessel": (-30, -10)}, False),  # on the right
    ],
)
def test_an_aorta_is_what_runs_down_between_the_left_lung_and_the_spine(how: dict[str, Any], seen: bool) -> None:
    planes = [chest(noise=n, **how) for n in range(organs.LOOKS)]
    at = organs.aorta_of(iter(planes), (STEP, STEP), MIDDLE)
    assert isinstance(at, str) is not seen
    if seen:
        left, behind = how.get("vessel", (6, -14))
        np.testing.assert_allclose(np.array(at[1:]) * STEP, [197 + behind, MIDDLE + left], atol=4)


def test_a_vessel_of_a_few_slices_is_none() -> None:
    planes = [chest(noise=n, vessel=(6, -14) if n < 4 else None) for n in range(organs.LOOKS)]
    assert organs.aorta_of(iter(planes), (STEP, STEP), MIDDLE) == "no vessel is seen between the left lung and the spine"


def test_a_liver_lies_under_the_right_lung(tmp_path: Path) -> None:
    location = pair(write_ct(tmp_path / "ct", heights=WHOLE_CT[:140]), write_pet(tmp_path / "pet", heights=WHOLE_PET[:116]))
    _, facts = prepared(location)
    liver = facts["how"]["reference"]["liver"]
    assert liver["suv"] == pytest.approx(0.8, abs=0.02)
    left, _, head = liver["mm"]
    assert left < -25 and -640 < head < -460  # on the right, below the dome


def _scan(array: np.ndarray) -> Planes:
    affine = np.array([[0, 0, 4.0, 0], [0, 4.0, 0, 0], [-4.0, 0, 0, 0], [0, 0, 0, 1]])
    return Planes(array.shape, array.dtype, affine, lambda: iter(array), some=lambda numbers: iter(array[list(numbers)]))


@pytest.mark.parametrize(
    ("values", "at", "expected"),
    [
        ((2.0, 2.0), (60, 60, -60), 2.0 * 3),
        ((2.0, 2.4), (60, 60, -60), 2.2 * 3),
        ((1.0, 4.0), (60, 60, -60), "uneven"),
        ((2.0, 2.0), (60, 60, -4), "reaches out"),
        ((0.0, 0.0), (60, 60, -60), "no uptake"),
    ],
)
def test_uptake_is_the_median_of_what_is_even(
    values: tuple[float, float], at: tuple[float, ...], expected: float | str
) -> None:
    array = np.zeros((30, 30, 30), np.float32)
    array[..., ::2], array[..., 1::2] = values
    planes = _scan(array)
    for half in (None, 20.0):
        row = _uptake(planes, turn_of(planes.shape, planes.affine), 3.0, np.array(at), 15.0, half)
        if isinstance(expected, str):
            assert row["suv"] is None and expected in row["why"]
        else:
            assert row["suv"] == pytest.approx(expected, abs=0.61)
