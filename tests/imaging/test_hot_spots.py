"""Places of high uptake are told apart, reach as far as they are asked to, and have the peak that its definition gives."""

from __future__ import annotations

import numpy as np
import pytest

from docphim.imaging.hot_spots import LARGE, grown_together, spots, suv_peak

SPACING = (4.0, 4.0, 4.0)


def ball(volume: np.ndarray, middle: tuple[float, ...], radius: float, value: float) -> np.ndarray:
    off = sum((n - m) ** 2 for n, m in zip(np.indices(volume.shape), middle, strict=True))
    volume[off <= radius**2] = value
    return volume


def scene() -> np.ndarray:
    return np.full((24, 24, 24), 0.5, np.float32)


def test_two_places_with_a_valley_between_them_are_two_and_with_a_bridge_they_are_one() -> None:
    volume = ball(ball(scene(), (6, 8, 8), 2, 8.0), (14, 8, 8), 3, 5.0)
    first, second = spots(volume, 2.5)
    assert (first.suv_max, second.suv_max) == (8.0, 5.0)
    assert (first.voxels, second.voxels) == ((volume == 8).sum(), (volume == 5).sum())
    volume[8:12, 8, 8] = 3.0  # 60 % of the lower one
    assert len(spots(volume, 2.5)) == 2
    volume[8:12, 8, 8] = 3.6
    assert len(spots(volume, 2.5)) == 1


def test_a_lesion_in_a_large_organ_does_not_take_the_organ_with_it() -> None:
    volume = ball(scene(), (12, 12, 12), 9, 3.0)
    volume += np.random.default_rng(0).normal(0, 0.02, volume.shape).astype(np.float32)
    organ = volume > 2.5
    volume = ball(volume, (8, 12, 12), 4, 6.0)
    lesion, *rest = spots(volume, 2.5)
    assert lesion.suv_max == 6.0 and lesion.voxels < 0.3 * organ.sum()
    assert max(one.voxels for one in rest) > 0.5 * organ.sum()


def test_an_isocontour_ends_at_its_share_and_not_below_what_is_asked_for() -> None:
    volume = ball(ball(scene(), (12, 12, 12), 3.5, 3.0), (12, 12, 12), 2.5, 10.0)
    hot, whole = int((volume == 10).sum()), int((volume >= 3).sum())
    assert whole - hot < LARGE
    assert [one.voxels for one in spots(volume, 2.5, share=0.41)] == [hot]
    assert [one.voxels for one in spots(volume, 2.5)] == [whole]
    assert [one.voxels for one in spots(np.where(volume == 10, 5, volume).astype(np.float32), 2.5, share=0.41)] == [whole]


def test_of_equal_values_the_first_voxel_is_where_the_highest_lies_and_nothing_below_the_least_is_a_place() -> None:
    volume = ball(scene(), (12, 12, 12), 3, 7.0)
    (one,) = spots(volume, 7.0)
    assert one.at == tuple(np.argwhere(volume == 7)[0])
    assert spots(volume, 7.1) == []


def test_suv_peak_is_the_highest_mean_of_a_sphere_of_one_ml_wherever_it_lies() -> None:
    even = ball(scene(), (12, 12, 12), 5, 6.0)
    assert suv_peak(even, SPACING, spots(even, 2.5)[0]) == pytest.approx(6.0)
    even[12, 12, 16] = 9.0  # one voxel of 0.064 ml near the rim: where it is highest, a twentieth of the sphere
    assert 6.0 < suv_peak(even, SPACING, spots(even, 2.5)[0]) < 6.25
    one = scene() * 0
    one[12, 12, 12] = 10.0
    assert suv_peak(one, SPACING, spots(one, 2.5)[0]) == pytest.approx(10 * 0.064, rel=0.02)
    # of two voxels the sphere lies between both, and no voxel's own middle gives as much
    pair = np.full((24, 24, 24), 0.0, np.float32)
    pair[12, 12, 11:14:2] = 10.0
    pair[12, 12, 12] = 8.0
    assert suv_peak(pair, (4.0, 4.0, 7.0), spots(pair, 2.5)[0]) >= suv_peak(pair, (4.0, 4.0, 7.0), spots(pair, 2.5)[0], 1)


def test_parts_of_an_uneven_tumour_grow_together_and_distant_ones_do_not() -> None:
    volume = scene()
    volume[4:9, 4:9, 4:9], volume[9, 4:9, 4:9], volume[10:15, 4:9, 4:9] = 8.0, 3.0, 5.0
    volume = ball(volume, (18, 18, 18), 2, 6.0)
    assert len(spots(volume, 2.5)) == 3
    joined = grown_together(spots(volume, 2.5), volume, 0.5)
    assert [one.suv_max for one in joined] == [8.0, 6.0]
    assert joined[0].voxels == int((volume >= 3).sum()) - joined[1].voxels
    assert len(grown_together(spots(volume, 2.5), volume, 0.7)) == 3
