"""A study shown otherwise: left stays left, nothing is lost that nobody may lose, and what a pixel measures follows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.files import write_jsonl
from docphim.imaging import geometry, store
from docphim.imaging.frames import draw
from docphim.imaging.vary import ALL, CROP, SCALE, SHIFT, TURN, UNCHANGED, Plane, Variation, shown_box, variation, varied
from docphim.study import Media

SIZE = (112, 140)
seeds = st.integers(0, 10**9)


def plane_of(shape, size=SIZE, aspect=1.0):
    return Plane(geometry.fit(*shape, *size), size, aspect)


def blob(shape, at, side=6):
    picture = np.zeros(shape, np.uint8)
    picture[at[0] - side // 2 : at[0] + side // 2, at[1] - side // 2 : at[1] + side // 2] = 255
    return picture


def middle(picture):
    return np.argwhere(picture > 60).mean(0)


@settings(max_examples=150, deadline=None)
@given(seeds, st.sampled_from([(60, 50), (40, 90), (64, 64)]), st.sampled_from([0.5, 1.0, 2.0]), st.booleans())
def test_left_stays_left_and_the_head_up_in_every_draw(seed, shape, aspect, checked):
    """Markers at the patient's right, left and front come out in the same turn around the body: nothing is mirrored."""
    made, plane = variation(seed), plane_of(shape, aspect=aspect)
    if not checked:
        made = made.careful(ALL, plane)
    assert np.linalg.det(made.matrix(plane)[:, :2]) == pytest.approx(made.scale**2)
    right, left, front = (
        made.matrix(plane) @ [x * plane.fitted[1], y * plane.fitted[0], 1] for x, y in ((0.2, 0.5), (0.8, 0.5), (0.5, 0.2))
    )
    assert right[0] < left[0]
    assert front[1] < (right[1] + left[1]) / 2
    (a, b), (c, d) = left - right, front - right
    assert a * d - b * c < 0


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([(60, 50), (48, 90)]))
def test_left_stays_left_in_the_pixels(seed, shape):
    plane = plane_of(shape)
    made = variation(seed).careful(ALL, plane)
    finer = geometry.fit(*shape, *SIZE)
    at = [(finer[0] // 2, finer[1] // 5), (finer[0] // 2, 4 * finer[1] // 5)]
    right, left = (middle(varied(blob(finer, place)[None, None], made, plane)[0, 0]) for place in at)
    assert right[1] < left[1]


def test_a_mirrored_matrix_would_be_noticed(monkeypatch):
    as_it_is = Variation.matrix
    monkeypatch.setattr(Variation, "matrix", lambda self, plane: np.diag([-1.0, 1.0]) @ as_it_is(self, plane))
    with pytest.raises(AssertionError):
        test_left_stays_left_and_the_head_up_in_every_draw()


@given(seeds, st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_draws_stay_within_their_bounds_and_depend_on_the_seed_alone(seed, trim):
    made = variation(seed, 3, "x", trim=trim)
    assert made == variation(seed, 3, "x", trim=trim)
    assert abs(made.turn) <= TURN and SCALE[0] <= made.scale <= SCALE[1] and max(map(abs, made.shift)) <= SHIFT
    assert max(made.crop) <= CROP and made.crop[0] * made.crop[1] == made.crop[2] * made.crop[3] == 0
    assert made.trim[0] <= trim[0] and made.trim[1] <= trim[1]


def test_most_draws_change_something_and_some_nothing():
    made = [variation(seed, "PH1", trim=(3, 3)) for seed in range(400)]
    plain = sum(one == UNCHANGED for one in made)
    assert 60 < plain < 140
    for name in ("turn", "scale", "shift", "crop", "noise", "trim"):
        assert sum(getattr(one, name) != getattr(UNCHANGED, name) for one in made) > 100, name
    assert len({one.turn for one in made}) > 200


@settings(max_examples=200, deadline=None)
@given(seeds, st.sampled_from([(60, 50), (40, 90), (64, 64), (100, 30)]), st.data())
def test_a_careful_variation_leaves_nothing_of_the_content_out(seed, shape, data):
    plane = plane_of(shape)
    ends = [sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))) for _ in range(2)]
    box = (ends[0][0], max(ends[0][1], ends[0][0] + 0.05), ends[1][0], max(ends[1][1], ends[1][0] + 0.05))
    made = variation(seed).careful(box, plane)
    low, high = made._extent(box, plane)
    assert (low >= -0.01).all() and (high <= np.array(SIZE[::-1]) + 0.01).all()
    assert made.crop == (0, 0, 0, 0) and abs(made.turn) <= TURN and SCALE[0] - 1e-3 <= made.scale <= SCALE[1]


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_what_is_called_gone_has_no_pixel_and_what_is_called_whole_has_all(seed, y, x):
    shape = (90, 70)
    plane, made = plane_of(shape), variation(seed)
    height, width = plane.fitted
    at = round(y * (height - 8)) + 4, round(x * (width - 8)) + 4
    box = (at[0] - 3) / height, (at[0] + 3) / height, (at[1] - 3) / width, (at[1] + 3) / width
    made = Variation(made.turn, made.scale, made.shift, made.crop)
    lit = int((varied(blob(plane.fitted, at)[None, None], made, plane)[0, 0] > 127).sum())
    seen = made.shows(box, plane)
    assert seen != "gone" or lit <= 6  # a rounded line of the crop at most
    assert seen != "whole" or lit >= 0.7 * 36 * made.scale**2


def test_a_picture_that_is_not_changed_comes_out_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (3, 2, *geometry.fit(60, 50, *SIZE)), np.uint8)
    plane = plane_of((60, 50))
    assert (varied(picture, UNCHANGED, plane) == geometry.letterbox(picture, SIZE)).all()


def test_noise_is_one_for_all_windows_of_a_volume_and_stays_inside_the_picture():
    plane = plane_of((60, 50))
    picture = np.full((3, 2, *plane.fitted), 128, np.uint8)
    out = varied(picture, Variation(noise=0.02, seed=5), plane, [(0, 1.0), (0, 0.25), (1, 1.0)]).astype(float)
    inside = geometry.letterbox(np.ones(plane.fitted, np.uint8), SIZE) > 0
    one, wide, other = ((channel - 128)[:, inside].ravel() for channel in out)
    assert np.corrcoef(one, wide)[0, 1] > 0.9 and abs(np.corrcoef(one, other)[0, 1]) < 0.1
    assert one.std() == pytest.approx(0.02 * 255, rel=0.1) and wide.std() == pytest.approx(one.std() / 4, rel=0.2)
    assert (out[:, :, ~inside] == 0).all()


def test_the_shown_box_holds_all_that_is_lit():
    picture = np.zeros((2, 3, 100, 80), np.uint8)
    picture[1, 2, 20:71, 33:60] = 200
    top, bottom, left, right = shown_box(picture)
    assert top * 100 <= 20 and bottom * 100 >= 71 and left * 80 <= 33 and right * 80 >= 60
    assert bottom - top < 0.55 and right - left < 0.4
    assert shown_box(np.zeros((1, 1, 30, 30), np.uint8)) == ALL


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vary")
    volume = np.full((20, 60, 50), -1000, np.int16)
    volume[:, 10:50, 10:40] = 40
    volume[:, 20:26, 30:36] = 200  # on the patient's left
    meta = {"spacing": [4.0, 1.5, 1.5], "frame_of_reference": "x", "affine": None}
    rows = [{"path": "prepared/a.b2nd", **store.write(folder / "prepared/a.b2nd", volume, meta)}]
    film = np.random.default_rng(1).integers(20000, 60000, (70, 60)).astype(np.uint16)
    rows.append({"path": "prepared/f.b2nd", **store.write(folder / "prepared/f.b2nd", film, {"spacing": [0.4, 0.4]})})
    write_jsonl(folder / "prepared" / "index.jsonl", rows)
    return folder


CT = Media(
    "a",
    "video",
    {"ct": "prepared/a.b2nd"},
    "axial",
    None,
    {"count": 4, "within": [2, 17]},
    [["ct", -160, 240], ["ct", -1000, 400]],
)
FILM = Media("f", "image", {"xray": "prepared/f.b2nd"})


def test_spacing_follows_what_is_shown(dataset):
    plain, larger = (draw(CT, dataset, SIZE, variation=made) for made in (UNCHANGED, Variation(scale=0.8)))
    fitted = geometry.fit(60, 50, *SIZE)
    assert plain.pixel_mm == pytest.approx((1.5 * 60 / fitted[0], 1.5 * 50 / fitted[1]))
    assert larger.pixel_mm == pytest.approx(tuple(mm / 0.8 for mm in plain.pixel_mm))
    trimmed = draw(CT, dataset, SIZE, variation=Variation(trim=(3, 2)))
    assert (plain.slices, plain.step_mm) == ((4, 8, 12, 16), 16.0)
    assert min(trimmed.slices) >= 5 and max(trimmed.slices) <= 15
    assert trimmed.step_mm == pytest.approx(4.0 * (trimmed.slices[-1] - trimmed.slices[0]) / 3)
    assert larger.varied == {"scale": 0.8} and plain.varied is None


def test_a_lesion_keeps_its_millimetres(dataset):
    """Its length in pixels times what a pixel measures is the same, however large it is shown."""
    for scale in (0.8, 1.0, 1.2):
        stack = draw(CT, dataset, (240, 300), variation=Variation(scale=scale, noise=0.0, checked=True, turn=0.01))
        lit = np.argwhere(stack.frames[0, :, :, 0] > 200)
        height, width = (lit.max(0) - lit.min(0) + 1) * stack.pixel_mm
        assert height == pytest.approx(9, abs=1.2) and width == pytest.approx(9, abs=1.2)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_of_a_film_nobody_knows_the_lesions_of_every_edge_stays_in_the_frame(dataset, seed):
    made = variation(seed)
    stack = draw(FILM, dataset, SIZE, variation=made)
    assert stack.frames.shape == (1, *SIZE, 3)
    if made != UNCHANGED:
        known = {**stack.varied, "checked": False}
        again = Variation(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})
        low, high = again._extent(ALL, plane_of((70, 60)))
        assert low.min() >= -0.02 and (high <= np.array(SIZE[::-1]) + 0.02).all()
        assert again.crop == (0, 0, 0, 0)


def test_the_audits_images_are_never_varied(dataset):
    made = Variation(turn=10, scale=0.9)
    for image in ("noise", "blank"):
        assert (draw(CT, dataset, SIZE, image, 3, made).frames == draw(CT, dataset, SIZE, image, 3).frames).all()
