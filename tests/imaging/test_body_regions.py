"""Regions of bodies whose heights are known, as CT and as PET, whole and in part; flipped ones are refused."""

import bodies
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.errors import Refused, UsageError
from docphim.imaging.space.regions import MARGIN_MM, Outline, published
from docphim.study import REGIONS

STEP = bodies.SPACING[0]


def seen(volume, heights, *, flip=None, **how):
    """The regions of slices at these heights, mm."""
    planes = [getattr(bodies, volume)(height, **how) for height in heights]
    if flip == "feet":
        planes = planes[::-1]
    if flip == "back":
        planes = [plane[::-1] for plane in planes]
    outline = Outline((len(planes), *planes[0].shape), bodies.SPACING, volume)
    for number in np.random.default_rng(0).permutation(len(planes)):
        outline.take(int(number), planes[number])
    return outline.regions()


def between(first, last):
    return np.arange(first, last, STEP)


WHOLE, CHEST = between(-20, bodies.FEET), between(260, 545)


def near(row, top, **expected):
    """Whether borders lie within a block and a half of where they are, mm from the vertex."""
    for name, (first, last) in expected.items():
        got = [row[name][0] * STEP + top, (row[name][1] + 1) * STEP + top]
        assert np.allclose(got, [first, last], atol=1.5 * STEP), (name, got, (first, last))


def covers(row, slices):
    shown = {n for name in REGIONS if name in row for n in range(row[name][0], row[name][1] + 1)}
    return shown == set(range(slices))


@pytest.mark.parametrize("arms", ["up", "down", "none"])
@pytest.mark.parametrize("touching", [False, True])
def test_a_whole_body_in_ct_has_all_regions_where_they_are(arms, touching):
    row = seen("ct", WHOLE, arms=arms, touching=touching)
    near(
        row,
        -20,
        head_neck=(-20, bodies.APEX + MARGIN_MM),
        chest=(bodies.APEX - MARGIN_MM, bodies.LOWEST + MARGIN_MM),
        limbs=(bodies.FORK - 100, bodies.FEET),
    )
    assert row["abdomen_pelvis"][0] * STEP - 20 == pytest.approx(bodies.DOME - MARGIN_MM, abs=30)
    assert (row["abdomen_pelvis"][1] + 1) * STEP - 20 == pytest.approx(bodies.FORK + MARGIN_MM, abs=12)
    assert row["flags"] == [{"up": "arms_up", "down": "arms_down", "none": "arms_unknown"}[arms]]
    assert row["from"] == "ct" and covers(row, len(WHOLE))


@pytest.mark.parametrize("arms", ["up", "down", "none"])
@pytest.mark.parametrize("touching", [False, True])
def test_a_pet_alone_shows_neck_and_bladder_and_no_diaphragm(arms, touching):
    row = seen("pet", WHOLE, arms=arms, touching=touching)
    near(row, -20, head_neck=(-20, bodies.SHOULDERS + MARGIN_MM))
    assert row["chest"] == row["abdomen_pelvis"] and "no_diaphragm" in row["flags"]
    near({"bladder": row["landmarks"]["bladder"]}, -20, bladder=(790, 830))
    assert row["limbs"][0] * STEP - 20 == pytest.approx(800, abs=50)
    assert row["from"] == "pet" and covers(row, len(WHOLE))


@pytest.mark.parametrize(
    "volume, heights, absent, flags",
    [
        ("ct", between(60, 1100), set(), {"head_cut"}),
        ("ct", between(260, 1100), {"head_neck"}, {"head_missing"}),
        ("ct", between(-20, 860), {"limbs"}, {"legs_missing"}),
        ("ct", CHEST, {"head_neck", "abdomen_pelvis", "limbs"}, {"head_missing", "abdomen_missing", "legs_missing"}),
        ("ct", between(560, 1100), {"head_neck"}, {"head_missing", "no_diaphragm"}),
        ("pet", between(60, 1100), set(), {"head_cut", "no_diaphragm"}),
        ("pet", between(300, 860), {"head_neck", "limbs"}, {"head_missing", "legs_missing", "no_diaphragm"}),
    ],
)
def test_what_is_not_in_view_is_no_region_and_a_flag(volume, heights, absent, flags):
    row = seen(volume, heights, arms="none")
    assert set(REGIONS) - set(row) == absent
    assert set(row["flags"]) - {"arms_unknown"} == flags
    assert covers(row, len(heights))


@pytest.mark.parametrize("heights", [WHOLE, CHEST, between(560, 1100)])
def test_a_ct_with_front_and_back_changed_is_refused(heights):
    with pytest.raises(Refused) as refusal:
        seen("ct", heights, flip="back")
    assert refusal.value.reason == "ct_flipped"


@pytest.mark.parametrize("volume", ["ct", "pet"])
@pytest.mark.parametrize("heights", [WHOLE, between(260, 1100)])
def test_a_volume_with_the_feet_on_top_is_refused(volume, heights):
    with pytest.raises(Refused) as refusal:
        seen(volume, heights, flip="feet")
    assert refusal.value.reason == "volume_upside_down"


@pytest.mark.parametrize("count", [373, 374, 375])
def test_thin_slices_that_fill_no_block_at_the_end_are_in_a_region_too(count):
    heights = np.linspace(-20, bodies.FEET, count, endpoint=False)
    outline = Outline((count, *bodies.SHAPE), (1120 / count, *bodies.SPACING[1:]), "ct")
    for number, height in enumerate(heights):
        outline.take(number, bodies.ct(height))
    row = outline.regions()
    assert covers(row, count) and row["limbs"][1] == count - 1 == row["landmarks"]["thighs"][1]


@pytest.mark.parametrize("volume, value", [("ct", -1000), ("pet", 0)])
def test_air_is_no_body(volume, value):
    outline = Outline((30, 40, 40), bodies.SPACING, volume)
    for number in range(30):
        outline.take(number, np.full((40, 40), value, np.float32))
    with pytest.raises(Refused) as refusal:
        outline.regions()
    assert refusal.value.reason == "no_body"


@settings(max_examples=12)
@given(first=st.integers(-20, 900), length=st.integers(100, 1120), arms=st.sampled_from(["up", "down", "none"]))
def test_every_slice_of_any_scan_is_in_a_region(first, length, arms):
    heights = between(first, min(first + length, bodies.FEET))
    for volume in ("ct", "pet"):
        row = seen(volume, heights, arms=arms)
        assert covers(row, len(heights))
        assert all(0 <= a <= b < len(heights) for a, b in (row[name] for name in REGIONS if name in row))


@given(st.integers(30, 900), st.floats(0.25, 0.95))
def test_published_fractions_cover_every_slice_and_share_twenty(slices, ends):
    row = published(slices, ends)
    assert covers(row, slices) and row["from"] == "published" and "limbs" not in row
    if slices > 200:
        assert row["head_neck"][1] - row["chest"][0] + 1 == 20 == row["chest"][1] - row["abdomen_pelvis"][0] + 1


@pytest.mark.parametrize("ends", [None, 0.1, 1.0])
def test_published_fractions_are_not_guessed(ends):
    with pytest.raises(UsageError, match="chest_ends"):
        published(300, ends)
