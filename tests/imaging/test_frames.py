"""Frames: letterboxed, antialiased, never stretched; wrong images carry nothing of the film but mean and spread."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chest_films import chest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.imaging import geometry, store
from docphim.imaging.frames import draw, scaled, shrink
from docphim.study import Media

MEDIA = Media("s", "image", {"xray": "prepared/a.b2nd"})


def put(dataset: Path, path: str, array: np.ndarray, meta: dict[str, Any]) -> None:
    """Write a prepared file as prepare does, with its line in the index."""
    index = dataset / "prepared" / "index.jsonl"
    row = {"path": path, **store.write(dataset / path, array, {"shape": list(array.shape), **meta})}
    files.write_jsonl(index, [*(r for r in files.read_jsonl(index) if r["path"] != path), row])


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    film = np.clip(chest(1000, 700) * 60000, 0, 65535).astype(np.uint16)
    put(tmp_path, "prepared/a.b2nd", film, {})
    return tmp_path


@pytest.mark.parametrize(("size", "content"), [((112, 112), (112, 78)), ((448, 448), (448, 314)), ((100, 50), (71, 50))])
def test_own_film_is_letterboxed(dataset: Path, size: tuple[int, int], content: tuple[int, int]) -> None:
    (frame,) = draw(MEDIA, dataset, size).frames
    assert (frame.shape, frame.dtype) == ((*size, 3), np.uint8)
    assert (frame == frame[:, :, :1]).all()
    inside = np.argwhere(frame[:, :, 0] > 0)
    height, width = inside.max(0) - inside.min(0) + 1
    assert abs(height - content[0]) <= 1
    assert abs(width - content[1]) <= 1
    top, left = (size[0] - content[0]) // 2, (size[1] - content[1]) // 2
    expected = chest(*content) * 60000 / 257
    placed = frame[top : top + content[0], left : left + content[1], 0]
    assert np.abs(placed - expected).mean() < 6  # drawn at the small size or shrunk to it: they differ along edges only


def test_blank_is_mid_grey(dataset: Path) -> None:
    (frame,) = draw(MEDIA, dataset, (40, 60), "blank").frames
    assert frame.shape == (40, 60, 3)
    assert (frame == 128).all()


def test_noise_has_the_films_mean_and_spread_and_nothing_else(dataset: Path) -> None:
    (own,), (noise,) = (draw(MEDIA, dataset, (112, 112), image, seed=5).frames for image in ("own", "noise"))
    inside = own[:, 17:95, 0].astype(float)
    assert noise.mean() == pytest.approx(inside.mean(), abs=3)
    assert noise.std() == pytest.approx(inside.std(), abs=8)
    assert (noise == draw(MEDIA, dataset, (112, 112), "noise", seed=5).frames[0]).all()
    assert (noise != draw(MEDIA, dataset, (112, 112), "noise", seed=6).frames[0]).any()
    assert abs(np.corrcoef(noise[:, 17:95, 0].ravel(), inside.ravel())[0, 1]) < 0.05


def test_shrinking_averages_instead_of_sampling() -> None:
    checker = (np.indices((1024, 1024)).sum(0) % 2 * 65535).astype(np.uint16)
    small = shrink(checker, (112, 112))
    assert np.abs(small[4:-4, 4:-4].astype(int) - 127).max() <= 2


def test_sixteen_bits_survive_until_the_last_step() -> None:
    dither = np.random.default_rng(0).random((1024, 1024)) < 0.5
    film = np.where(dither, 25700 - 128, 25700 + 128).astype(np.uint16)  # half a grey level of 8 bits around 100
    assert set(np.unique(shrink(film, (64, 64)))) <= {100}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 600), st.integers(1, 600))
def test_fitting_keeps_the_shape(height: int, width: int, box_height: int, box_width: int) -> None:
    h, w = geometry.fit(height, width, box_height, box_width)
    assert 1 <= h <= box_height
    assert 1 <= w <= box_width
    assert h == box_height or w == box_width
    scale = min(box_height / height, box_width / width)
    assert abs(h - height * scale) <= 1
    assert abs(w - width * scale) <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(64, 2048), st.floats(0.2, 5))
def test_a_prepared_size_never_up_samples(height: int, width: int, long_side: int, aspect: float) -> None:
    h, w = geometry.target_size(*geometry.squared(height, width, aspect), long_side)
    assert 1 <= h <= max(1, height)
    assert 1 <= w <= max(1, width)
    assert max(h, w) <= long_side


#: Slice number `n` of the volume holds the value 100·n, and a white block on the patient's left at its back.
def volume(depth: int = 20) -> np.ndarray:
    array = np.repeat(100 * np.arange(depth, dtype=np.int16)[:, None, None], 40, axis=1).repeat(40, axis=2)
    array[:, 30:, 30:] = 3000
    return array


def stacked(tmp_path: Path, frames: dict[str, Any], **changes: Any) -> Media:
    """A media entry that shows a volume, `spacing` along z, y and x."""
    spacing = changes.pop("spacing", [2.5, 0.8, 0.8])
    put(tmp_path, "prepared/v.b2nd", volume(), {"spacing": spacing})
    fields = {"kind": "video", "volumes": {"toy": "prepared/v.b2nd"}, "plane": "axial", "channels": [["toy", 0, 2000]]}
    return Media("s", frames=frames, **{**fields, **changes})


@pytest.mark.parametrize(
    ("frames", "slices", "step"),
    [
        ({"count": 4}, (2, 7, 12, 17), 12.5),
        ({"count": 1}, (10,), None),
        ({"count": 99}, tuple(range(20)), 2.5),
        ({"step_mm": 10}, (2, 6, 10, 14, 18), 10.0),
        ({"step_mm": 1}, tuple(range(20)), 2.5),
        ({"step_mm": 1000}, (10,), None),
        ({"slices": [19, 3]}, (3, 19), 40.0),
        ({}, tuple(range(20)), 2.5),
        ({"within": [6, 13]}, tuple(range(6, 14)), 2.5),
        ({"count": 4, "within": [6, 13]}, (7, 9, 11, 13), 5.0),
        ({"count": 99, "within": [19, 19]}, (19,), None),
        ({"step_mm": 10, "within": [6, 13]}, (8, 12), 10.0),
        ({"slices": [19, 3, 7, 13], "within": [6, 13]}, (7, 13), 15.0),
    ],
)
def test_a_stack_shows_the_slices_that_were_chosen(
    tmp_path: Path, frames: dict[str, Any], slices: tuple[int, ...], step: float | None
) -> None:
    stack = draw(stacked(tmp_path, frames), tmp_path, (16, 24))
    assert (stack.slices, stack.step_mm) == (slices, step)
    assert (stack.frames.shape, stack.frames.dtype) == ((len(slices), 16, 24, 3), np.uint8)
    # 100 n of 0 … 2000 as 0 … 255, in the letterbox's middle; the block is white, and lies at the lower right
    shown = stack.frames[:, 4, 8, 0].astype(float)
    np.testing.assert_allclose(shown, [100 * n / 2000 * 255 for n in slices], atol=1)
    assert (stack.frames[:, 14, 18] >= 250).all()
    assert (stack.frames[:, :, :4] == 0).all()


def test_only_the_slices_shown_are_read(tmp_path: Path) -> None:
    media = stacked(tmp_path, {"slices": [1, 3]})
    path = tmp_path / "prepared" / "v.b2nd"
    damaged = bytearray(path.read_bytes())
    offset, length, _ = store.open_prepared(path).places[2]
    damaged[offset + length - 1] ^= 1
    path.write_bytes(damaged)
    assert draw(media, tmp_path, (16, 16)).slices == (1, 3)
    with pytest.raises(Refused, match="file_changed"):
        draw(stacked_again(media, {"count": 20}), tmp_path, (16, 16))


def stacked_again(media: Media, frames: dict[str, Any]) -> Media:
    return dataclasses.replace(media, frames=frames)


def test_windows_are_channels(tmp_path: Path) -> None:
    three = [["toy", 0, 1000], ["toy", 0, 2000], ["toy", 1000, 3000]]
    frame = draw(stacked(tmp_path, {"slices": [10]}, channels=three), tmp_path, (16, 16)).frames[0, 4, 4]
    assert frame.tolist() == [255, 128, 0]
    two = draw(stacked(tmp_path, {"slices": [10]}, channels=three[:2]), tmp_path, (16, 16)).frames[0, 4, 4]
    assert two.tolist() == [255, 128, 0]


@pytest.mark.parametrize(
    ("slab", "values"),
    [
        # Slice n holds 100 n, 2.5 mm from the next.
        ({"slab_mm": 10}, (100, 1000, 1800)),
        ({"slab_mm": 10, "slab": "mean"}, (100, 1000, 1800)),
        ({"slab_mm": 10, "slab": "max"}, (200, 1200, 1900)),
        ({"slab_mm": 9.9, "slab": "max"}, (100, 1100, 1900)),
        ({"slab_mm": 4.9, "slab": "max"}, (0, 1000, 1900)),
        ({"slab_mm": 5, "slab": "mean"}, (50, 1000, 1850)),
    ],
)
def test_a_slab_is_made_of_the_slices_within_half_its_thickness(
    tmp_path: Path, slab: dict[str, Any], values: tuple[float, ...]
) -> None:
    stack = draw(stacked(tmp_path, {"slices": [0, 10, 19], **slab}), tmp_path, (16, 16))
    assert (stack.slices, stack.step_mm) == ((0, 10, 19), 23.75)
    np.testing.assert_allclose(stack.frames[:, 4, 4, 0], [n / 2000 * 255 for n in values], atol=1)


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32])
@pytest.mark.parametrize("size", [(40, 40), (10, 16), (33, 33)])
def test_values_stay_what_they_are_and_never_overshoot_where_slices_are_scaled(kind: type, size: tuple[int, int]) -> None:
    low = -1000 if kind is not np.uint16 else 0
    plane = np.full((40, 64), low, kind)
    plane[:, 32:] = 777
    small = scaled(plane, size)
    assert small.shape == geometry.fit(40, 64, *size)
    np.testing.assert_allclose([small[0, 0], small[-1, -1], small.min(), small.max()], [low, 777, low, 777], atol=0.01)
    assert small.mean() == pytest.approx((low + 777) / 2, abs=0.03 * (777 - low))


def test_the_wrong_images_of_a_stack_are_stacks(tmp_path: Path) -> None:
    media = stacked(tmp_path, {"count": 5})
    own, noise, blank = (draw(media, tmp_path, (64, 64), image, seed=3) for image in ("own", "noise", "blank"))
    assert own.slices == noise.slices == blank.slices
    assert own.step_mm == noise.step_mm == blank.step_mm == 10.0
    assert (blank.frames == 128).all()
    assert noise.frames.shape == own.frames.shape
    assert noise.frames.mean() == pytest.approx(own.frames.mean(), abs=12)
    assert (noise.frames[0] != noise.frames[1]).any()
    assert (noise.frames == draw(media, tmp_path, (64, 64), "noise", seed=3).frames).all()


@pytest.mark.parametrize(
    ("frames", "changes", "reason"),
    [
        ({"slices": []}, {}, "stack_empty"),
        ({"count": 0}, {}, "stack_empty"),
        ({"slices": [20]}, {}, "slices_missing"),
        ({"count": 3, "within": [6, 20]}, {}, "slices_missing"),
        ({"slices": [3], "within": [6, 13]}, {}, "stack_empty"),
        ({"slices": [20], "slab_mm": 10}, {}, "slices_missing"),
        ({"slices": [-1], "slab_mm": 10}, {}, "slices_missing"),
        ({"step_mm": 5}, {"spacing": None}, "no_geometry"),
        ({"count": 5, "slab_mm": 5}, {"spacing": None}, "no_geometry"),
        ({}, {"plane": "coronal"}, "modality_unsupported"),
        ({}, {"crop_mm": [0.0, 0.0, 0.0, 10.0, 10.0, 10.0]}, "modality_unsupported"),
        ({}, {"crop_mm": []}, "modality_unsupported"),
        ({}, {"volumes": {}}, "stack_empty"),
        ({}, {"volumes": {"toy": "prepared/absent.b2nd"}}, "file_missing"),
    ],
)
def test_a_stack_that_cannot_be_drawn_is_refused(
    tmp_path: Path, frames: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Refused) as refusal:
        draw(stacked(tmp_path, frames, **changes), tmp_path, (16, 16))
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("frames", "changes", "words"),
    [
        ({"cuont": 4}, {}, "frames: cuont: unknown rule; did you mean 'count'"),
        ({"every": 4}, {}, "known: slices, count, step_mm"),
        ({"count": 4, "step_mm": 5}, {}, "one rule"),
        ({"count": -3}, {}, "count: must be a whole number"),
        ({"count": 2.7}, {}, "count: must be a whole number"),
        ({"count": True}, {}, "count: must be a whole number"),
        ({"step_mm": -4}, {}, "step_mm: must be millimetres, above 0"),
        ({"step_mm": 0}, {}, "step_mm: must be millimetres, above 0"),
        ({"step_mm": float("nan")}, {}, "step_mm: must be millimetres, above 0"),
        ({"step_mm": "4"}, {}, "step_mm: must be millimetres, above 0"),
        ({"slices": [3, 3]}, {}, "slices: must be a list of whole numbers, none twice"),
        ({"slices": [2.5]}, {}, "slices: must be a list of whole numbers, none twice"),
        ({"slices": 4}, {}, "slices: must be a list of whole numbers, none twice"),
        ({"count": 4, "slab": "mean"}, {}, "slab: needs slab_mm"),
        ({"count": 4, "within": [9, 3]}, {}, "within: must be the first and the last slice"),
        ({"count": 4, "within": [3]}, {}, "within: must be the first and the last slice"),
        ({"count": 4, "within": [3, 9.5]}, {}, "within: must be the first and the last slice"),
        ({"count": 4, "mips": 2}, {}, "mips: must be true or false"),
        ({"count": 4, "mips": True}, {}, "mips: are those of a PET"),
        ({"count": 4, "slab_mm": 0}, {}, "slab_mm: must be millimetres, above 0"),
        ({"count": 4, "slab_mm": 4, "slab": "median"}, {}, "slab: must be one of mean, max"),
        ({}, {"channels": [["tyo", 0, 1]]}, "channels: tyo: not one of the volumes shown, toy"),
        ({}, {"channels": [["toy", 5, 5]]}, "two numbers that differ"),
        ({}, {"channels": [["toy", 0, float("nan")]]}, "two numbers that differ"),
        ({}, {"channels": [["toy", float("-inf"), 0]]}, "two numbers that differ"),
        ({}, {"channels": [["toy", 0, 1]] * 4}, "4 of them"),
    ],
)
def test_a_wrong_rule_draws_nothing(tmp_path: Path, frames: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        draw(stacked(tmp_path, frames, **changes), tmp_path, (16, 16))


def test_values_that_are_not_for_display_need_a_window(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"unit_unknown: v\.b2nd: int16 values are not for display"):
        draw(stacked(tmp_path, {}, channels=[]), tmp_path, (16, 16))


GRID = {"spacing": [2.5, 0.8, 0.8], "frame_of_reference": "f"}
MOVED = [[1, 0, 0, 7], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
IN_PLACE = np.eye(4).tolist()


def two_volumes(tmp_path: Path, first: dict[str, Any], second: dict[str, Any], depth: int = 20) -> Media:
    """A media entry that shows two volumes together."""
    put(tmp_path, "v.b2nd", volume(), first)
    put(tmp_path, "w.b2nd", volume(depth), second)
    channels = [["toy", 0, 2000], ["pet", 0, 2000]]
    return Media("s", "video", {"toy": "v.b2nd", "pet": "w.b2nd"}, "axial", None, {"count": 4}, channels)


@pytest.mark.parametrize(
    ("first", "second", "depth", "reason"),
    [
        (GRID, GRID, 19, "shape_differs"),
        (GRID, {**GRID, "spacing": [3.27, 4.0, 4.0]}, 20, "shape_differs"),
        (GRID, {**GRID, "spacing": [2.502, 0.8, 0.8]}, 20, "shape_differs"),
        ({**GRID, "affine": IN_PLACE}, {**GRID, "affine": MOVED}, 20, "shape_differs"),
        (GRID, {**GRID, "spacing": None}, 20, "no_geometry"),
        ({**GRID, "spacing": None}, {**GRID, "spacing": None}, 20, "no_geometry"),
        (GRID, {**GRID, "frame_of_reference": "g"}, 20, "frame_of_reference_differs"),
        (GRID, {"spacing": GRID["spacing"]}, 20, "frame_of_reference_differs"),
        ({**GRID, "frame_of_reference": None}, {**GRID, "frame_of_reference": None}, 20, "no_geometry"),
        ({"spacing": GRID["spacing"]}, {"spacing": GRID["spacing"]}, 20, "no_geometry"),
    ],
)
def test_volumes_that_cannot_be_shown_to_lie_on_one_grid_are_not_shown_together(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], depth: int, reason: str
) -> None:
    media = two_volumes(tmp_path, first, second, depth)
    with pytest.raises(Refused) as refusal:
        draw(media, tmp_path, (16, 16))
    assert (refusal.value.reason, refusal.value.where) == (reason, "s")
    assert "toy and pet of the study" in refusal.value.why


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (GRID, GRID),
        (GRID, {**GRID, "spacing": [2.50001, 0.8, 0.8]}),
        ({**GRID, "affine": IN_PLACE}, GRID),
        ({**GRID, "affine": IN_PLACE}, {**GRID, "affine": IN_PLACE}),
    ],
)
def test_volumes_on_one_grid_are_shown_together(tmp_path: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    frame = draw(two_volumes(tmp_path, first, second), tmp_path, (16, 16)).frames[1, 4, 4]
    assert frame[0] == frame[1] > frame[2] == 0


def test_a_volume_that_no_channel_shows_is_not_named_among_them(tmp_path: Path) -> None:
    media = two_volumes(tmp_path, GRID, GRID)
    with pytest.raises(UsageError, match="channels: pet: named among the volumes and shown in no channel"):
        draw(dataclasses.replace(media, channels=media.channels[:1]), tmp_path, (16, 16))


def test_a_file_that_another_one_was_put_in_place_of_is_noticed(tmp_path: Path) -> None:
    """Both are whole, and say so of themselves; the index knows which was which."""
    first, second = tmp_path / "v.b2nd", tmp_path / "w.b2nd"
    media = two_volumes(tmp_path, GRID, GRID)
    one = dataclasses.replace(media, volumes={"toy": "v.b2nd"}, channels=media.channels[:1])
    draw(one, tmp_path, (16, 16))
    for swap in (
        lambda: store.write(first, volume()[::-1], {"shape": [20, 40, 40], **GRID}),  # other pixels
        lambda: store.write(first, volume(), {"shape": [20, 40, 40], **GRID, "spacing": [5.0, 0.8, 0.8]}),  # another step
        lambda: store.write(first, volume().reshape(40, 20, 40), {"shape": [40, 20, 40], **GRID}),
    ):
        swap()
        for image in ("own", "noise", "blank"):
            with pytest.raises(Refused, match=r"file_changed: v\.b2nd: it is not the file that prepare has listed"):
                draw(one, tmp_path, (16, 16), image)
    store.write(first, volume(), {"shape": [20, 40, 40], **GRID})
    draw(one, tmp_path, (16, 16))
    first.rename(tmp_path / "unlisted.b2nd")
    with pytest.raises(Refused, match="file_changed"):
        draw(dataclasses.replace(one, volumes={"toy": "unlisted.b2nd"}), tmp_path, (16, 16))
    assert second.exists()


def test_without_an_index_nothing_says_which_file_is_which(dataset: Path) -> None:
    (dataset / "prepared" / "index.jsonl").unlink()
    with pytest.raises(Refused, match=r"file_missing: index\.jsonl"):
        draw(MEDIA, dataset, (16, 16))
