"""A frontal chest film is known from its pixels in every position and polarity; what is not known is said to be unchecked."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from chest_films import as_bytes, chest, dataset, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from other_pictures import KINDS, LATER
from PIL import Image, ImageDraw
from spoilt_films import CHANGES

from docphim.errors import Refused
from docphim.imaging import appearance
from docphim.imaging.appearance import check_appearance, likeness
from docphim.imaging.drawn import is_drawn
from docphim.imaging.film import film_from
from docphim.phantom.film import render
from docphim.phantom.patient import sample_patient

STATES = list(itertools.product((False, True), repeat=4))


@functools.cache
def phantom(number: int) -> np.ndarray:
    """A phantom's film, 16 bits; none that the weights were fitted on."""
    return render(sample_patient(number, 77, "paper"), 192).pixels << np.uint16(4)


def drawn() -> np.ndarray:
    return (np.clip(chest() / 1.05, 0, 1) * 65535).astype(np.uint16)


def in_state(film: np.ndarray, across: bool, mirrored: bool, down: bool, negative: bool) -> np.ndarray:
    film = film.T if across else film
    film = film[:, ::-1] if mirrored else film
    film = film[::-1] if down else film
    return np.ascontiguousarray(65535 - film if negative else film)


def judged(film: np.ndarray) -> str:
    try:
        sign, unchecked = check_appearance(film, "MONOCHROME2")
    except Refused as refusal:
        return refusal.reason
    return f"{sign}, unchecked: {' '.join(unchecked) or 'nothing'}"


@pytest.mark.parametrize(("across", "mirrored", "down", "negative"), STATES)
def test_every_position_and_polarity_of_a_phantom_is_known(across: bool, mirrored: bool, down: bool, negative: bool) -> None:
    expected = "sideways" if across else "upside_down" if down else "polarity_contradicts" if negative else None
    for number in range(6):
        film = in_state(phantom(number), across, mirrored, down, negative)
        assert judged(film) == (expected or "positive, unchecked: nothing")


@pytest.mark.parametrize("change", ["window", "gamma", "black border", "white border", "marker", "large", "uint8"])
def test_what_does_not_change_the_chest_does_not_change_the_answer(change: str) -> None:
    film = phantom(1)
    made = {
        "window": lambda: film // 3 + 9000,
        "gamma": lambda: ((film / 65535) ** 2.2 * 65535).astype(np.uint16),
        "black border": lambda: np.pad(film, 30),
        "white border": lambda: np.pad(film, 30, constant_values=65535),
        "marker": lambda: np.where(np.add.outer(np.arange(192), np.arange(film.shape[1])) < 30, 65535, film).astype(np.uint16),
        "large": lambda: np.kron(film, np.ones((3, 3), np.uint16)) + np.arange(3 * film.shape[1], dtype=np.uint16),
        "uint8": lambda: (film >> 8) * np.uint16(257),
    }[change]()
    assert judged(made) == "positive, unchecked: nothing"
    assert judged(np.ascontiguousarray(made[::-1])) == "upside_down"
    assert judged(65535 - made) == "polarity_contradicts"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.floats(0.3, 3), st.booleans())
def test_likeness_is_of_order_alone_and_turns_with_the_film(number: int, gamma: float, negative: bool) -> None:
    film = phantom(number)
    shown = likeness(film)
    coarse = likeness(np.linspace(0, 1, 65536, dtype=np.float32)[film] * 100)
    assert shown.upright == pytest.approx(coarse.upright, abs=0.02)
    turned = likeness(in_state(film, False, True, True, negative))
    sign = -1 if negative else 1
    assert (turned.upside_down, turned.upright) == pytest.approx((sign * shown.upright, sign * shown.upside_down), abs=0.02)
    bent = likeness((film / 65535) ** gamma)
    assert bent.upright == pytest.approx(shown.upright, abs=0.3)


def chart() -> np.ndarray:
    image = Image.new("L", (600, 400), 255)
    for i, top in enumerate((200, 90, 300, 150, 40, 260)):
        ImageDraw.Draw(image).rectangle([40 + i * 85, top, 100 + i * 85, 380], fill=30 * i)
    return np.asarray(image)


def page_of_text() -> np.ndarray:
    image = Image.new("L", (600, 800), 250)
    for i in range(40):
        ImageDraw.Draw(image).text((40, 20 + 19 * i), "Ket qua chup X-quang: hai phoi sang deu", fill=10)
    return np.asarray(image)


def logo() -> np.ndarray:
    image = Image.new("L", (500, 500), 255)
    ImageDraw.Draw(image).ellipse([60, 60, 440, 440], fill=30)
    ImageDraw.Draw(image).rectangle([220, 0, 280, 500], fill=120)
    return np.asarray(image)


@pytest.mark.parametrize("draw", [chart, page_of_text, logo])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_drawings_are_no_films(draw, form: str) -> None:
    with pytest.raises(Refused) as refusal:
        film_from(picture(draw(), form))
    assert refusal.value.reason == "not_a_chest_film"


def flat_share(film: np.ndarray) -> float:
    """The share of 4 x 4 blocks, all of them but those near black, that are one grey of 256."""
    height, width = (n // 4 * 4 for n in film.shape)
    blocks = (film[:height, :width] >> 8).reshape(height // 4, 4, width // 4, 4)
    low, high = blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))
    return float((low == high)[high > low.min() + 8].mean())


def test_a_film_that_a_window_whitens_for_the_most_part_is_no_drawing() -> None:
    film = phantom(2).astype(float)
    white = np.clip(film / np.percentile(film, 40), 0, 1) * 65535
    assert not is_drawn(white.astype(np.uint16))
    whiter = (np.clip(film / np.percentile(film, 15), 0, 1) * 65535).astype(np.uint16)
    assert flat_share(white.astype(np.uint16)) < 0.72 < flat_share(whiter) < 0.9 and not is_drawn(whiter)
    assert not is_drawn(np.zeros((64, 64), np.uint16))


@pytest.mark.parametrize(("grey", "soft", "drawn"), [(255, 60, False), (200, 60, True), (255, 20, True)])
def test_one_grey_beside_something_soft_is_drawn_unless_a_window_may_have_whitened_a_film(
    grey: int, soft: int, drawn: bool
) -> None:
    flat = np.full((256, 256), grey << 8, np.uint16)
    flat[:, :soft] = np.arange(256 * soft, dtype=np.uint16).reshape(256, soft) * 3 + 5000
    assert flat_share(flat) > 0.72
    assert is_drawn(flat) == drawn


def test_white_paper_with_hard_edges_is_drawn() -> None:
    paper = np.full((600, 800), 65535, np.uint16)
    paper[::4, :190:3] = 0
    assert 0.72 < flat_share(paper) < 0.9 and is_drawn(paper)


@pytest.mark.parametrize("kind", KINDS | LATER)
def test_what_is_no_frontal_chest_is_never_let_in_as_checked(kind: str) -> None:
    rate = 5 if kind == "three teeth" else 0  # the roots and crowns of some lie as lungs and mediastinum do
    number = list(KINDS | LATER).index(kind)
    ends = [judged((KINDS | LATER)[kind](np.random.default_rng([8, number, i]))) for i in range(6)]
    assert ends.count("positive, unchecked: nothing") <= rate


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("skull", "not_a_chest_film"),
        ("pelvis", "not_a_chest_film"),
        ("both knees", "polarity_contradicts"),  # two white columns beside a black one: so lies a chest in negative
    ],
)
def test_what_is_nothing_like_a_chest_is_refused(kind: str, reason: str) -> None:
    for number in range(6):
        with pytest.raises(Refused) as refusal:
            film_from(picture((KINDS[kind](np.random.default_rng([9, number])) >> 8).astype(np.uint8)))
        assert refusal.value.reason == reason


@pytest.mark.parametrize("change", CHANGES)
def test_a_good_film_that_is_cropped_turned_white_or_badly_windowed_is_let_in(change: str) -> None:
    for number in range(6):
        film = CHANGES[change](phantom(number))
        assert judged(film).startswith(("positive", "unsure"))
        assert likeness(film).frontal > appearance.NOT_FRONTAL + 0.25


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65535, (300, 300)).astype(np.uint16)


@pytest.mark.parametrize("film", [noise(), np.tile(np.arange(60000, dtype=np.uint16)[::200], (300, 1))])
def test_what_cannot_be_told_is_let_in_and_said(film: np.ndarray) -> None:
    assert judged(film) == "unsure, unchecked: polarity position"


def test_a_film_whose_brightness_alone_speaks_for_it_is_unchecked_in_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appearance, "likeness", lambda film: appearance.Likeness(0.2, 0.1, 0.0, 1.0))
    assert judged(drawn()) == "positive, unchecked: position"
    monkeypatch.setattr(appearance, "likeness", lambda film: appearance.Likeness(0.3, 0.1, 0.0, 1.0))
    assert judged(drawn()) == "positive, unchecked: nothing"
    monkeypatch.setattr(appearance, "likeness", lambda film: appearance.Likeness(0.3, 0.1, 0.4, 1.0))
    assert judged(drawn()) == "positive, unchecked: position"


@pytest.mark.parametrize(
    ("frontal", "expected"),
    [(-0.09, "positive, unchecked: nothing"), (-0.11, "positive, unchecked: position"), (-0.76, "not_a_chest_film")],
)
@pytest.mark.parametrize("upright", [0.3, 0.9])
def test_a_film_is_held_against_other_pictures(
    upright: float, frontal: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appearance, "likeness", lambda film: appearance.Likeness(upright, 0.1, 0.0, frontal))
    assert judged(drawn()) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ((0.1, 0.5, 0.25), "upside_down"),
        ((0.1, -0.9, 0.25), "upside_down"),
        ((0.1, 0.0, -0.6), "sideways"),
        ((-0.6, 0.0, 0.1), "polarity_contradicts"),
        ((0.1, 0.49, 0.0), "positive, unchecked: position"),
        ((0.3, 0.54, 0.0), "positive, unchecked: position"),
        ((-0.49, 0.0, 0.0), "positive, unchecked: position"),
    ],
)
def test_a_film_is_refused_only_where_one_position_stands_out(
    shown: tuple[float, float, float], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appearance, "likeness", lambda film: appearance.Likeness(*shown, 1.0))
    assert judged(drawn()) == expected


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_pictures_are_judged_as_films_are(form: str) -> None:
    upright = (phantom(3) >> 8).astype(np.uint8)
    assert film_from(picture(upright, form)).how["unchecked"] == []
    for film, reason in ((upright[::-1], "upside_down"), (upright.T, "sideways"), (255 - upright, "polarity_contradicts")):
        with pytest.raises(Refused) as refusal:
            film_from(picture(np.ascontiguousarray(film), form))
        assert refusal.value.reason == reason


def test_a_header_that_turns_a_film_the_wrong_way_is_contradicted() -> None:
    upright = as_bytes(dataset(phantom(3) >> 4, 12, PatientOrientation=["L", "H"]))
    with pytest.raises(Refused) as refusal:
        film_from(upright)
    assert refusal.value.reason == "upside_down"
    turned = as_bytes(dataset(np.ascontiguousarray(phantom(3)[::-1] >> 4), 12, PatientOrientation=["L", "H"]))
    assert film_from(turned).how["unchecked"] == []
