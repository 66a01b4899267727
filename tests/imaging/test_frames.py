"""Frames: letterboxed, antialiased, never stretched; wrong images carry nothing of the film but mean and spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chest_films import chest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.imaging import geometry, store
from docphim.imaging.frames import draw, shrink
from docphim.study import Media

MEDIA = Media("s", "image", {"xray": "prepared/a.b2nd"})


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    film = np.clip(chest(1000, 700) * 60000, 0, 65535).astype(np.uint16)
    store.write(tmp_path / "prepared" / "a.b2nd", film, {})
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
