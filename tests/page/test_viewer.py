"""Stacks of slices on the page: which slices, in which windows, what the model saw; and in a real browser one at a time."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import CHROMIUM, browser
from PIL import Image

from docphim.files import read_jsonl, write_jsonl
from docphim.imaging import store
from docphim.page import page
from docphim.page.films import Films
from docphim.page.inputs import only_scans
from docphim.page.sheet import tiles, views
from docphim.page.shown import key_of
from docphim.page.stacks import middle, mosaic, shrunk, strip_of, whole
from docphim.study import Media

CHEST = [["ct", -1000, 400]]
COLOURS = [["ct", -1350, 150], ["ct", -160, 240], ["ct", -500, 1300]]


def put(dataset: Path, array: np.ndarray, meta: dict[str, Any]) -> None:
    """One prepared volume, and its line in the index."""
    row = {"study": "s", "path": "v.b2nd", **store.write(dataset / "v.b2nd", array, {"shape": list(array.shape), **meta})}
    write_jsonl(dataset / "prepared" / "index.jsonl", [row])


def volume(depth: int) -> np.ndarray:
    """Slice n holds n HU; 40 x 60 pixels, the patient's left dark."""
    array = np.repeat(np.arange(depth, dtype=np.int16), 40 * 60).reshape(depth, 40, 60)
    array[:, :, 30:] = -1000
    return array


def media(frames: dict[str, Any], channels: list[list[Any]] = CHEST) -> Media:
    return Media("s", "video", {"ct": "v.b2nd"}, "axial", None, frames, channels)


@pytest.mark.parametrize(
    ("frames", "channels", "windows", "shown", "from_top", "seen", "step"),
    [
        ({"count": 3}, CHEST, "lung soft bone model", [16, 46, 76], [22.5, 67.5, 112.5], 3, 45.0),
        ({"slices": [89]}, CHEST, "lung soft bone model", [90], [133.5], 1, None),
        ({"count": 3}, [["ct", -160, 240]], "lung soft bone", [16, 46, 76], [22.5, 67.5, 112.5], 3, 45.0),
        ({"count": 3, "slab_mm": 5}, COLOURS, "lung soft bone model", [16, 46, 76], [22.5, 67.5, 112.5], 3, 45.0),
        ({}, CHEST, "lung soft bone model", list(range(1, 91, 3)), [4.5 * n for n in range(30)], 90, 1.5),
    ],
)
def test_a_strip_shows_the_slices_that_the_model_saw(
    tmp_path: Path,
    frames: dict[str, Any],
    channels: list[list[Any]],
    windows: str,
    shown: list[int],
    from_top: list[float],
    seen: int,
    step: float | None,
) -> None:
    put(tmp_path, volume(90), {"spacing": [1.5, 0.75, 0.75], "unit": "HU"})
    strip = strip_of(media(frames, channels), tmp_path)
    assert strip.windows == windows.split()
    assert (strip.shown, strip.from_top, strip.seen, strip.depth) == (shown, from_top, seen, 90)
    assert (strip.step_mm, strip.slab_mm, strip.size) == (step, frames.get("slab_mm"), (60, 40))
    assert strip.ranges == [(low, high, "HU") for _, low, high in channels]


def test_values_that_are_no_hu_are_shown_as_the_model_saw_them(tmp_path: Path) -> None:
    put(tmp_path, volume(9), {"spacing": None, "unit": "none"})
    strip = strip_of(media({"count": 3}), tmp_path)
    assert (strip.windows, strip.from_top, strip.step_mm) == (["model"], None, None)
    assert strip.ranges == []


@pytest.mark.parametrize(
    ("window", "greys"),
    [
        ("lung", [255 * (n + 1350) / 1500 for n in (7, 22, 37, 52, 67, 82)]),
        ("soft", [255 * (n + 160) / 400 for n in (7, 22, 37, 52, 67, 82)]),
        ("bone", [255 * (n + 500) / 1800 for n in (7, 22, 37, 52, 67, 82)]),
    ],
)
def test_a_window_is_a_picture_of_the_slices_in_rows_of_five(tmp_path: Path, window: str, greys: list[float]) -> None:
    put(tmp_path, volume(90), {"spacing": [1.5, 0.75, 0.75], "unit": "HU"})
    stack = media({"count": 6}, COLOURS)
    picture = np.asarray(mosaic(stack, tmp_path, strip_of(stack, tmp_path), window))
    assert picture.shape == (80, 300)
    places = [(20, 10 + 60 * column) for column in range(5)] + [(60, 10)]
    np.testing.assert_allclose([picture[place] for place in places], greys, atol=1)
    assert not picture[40:, 60:].any()
    slabs = media({"count": 6, "slab_mm": 9, "slab": "max"}, COLOURS)  # three slices on either side
    colours = np.asarray(mosaic(slabs, tmp_path, strip_of(slabs, tmp_path), "model"))
    np.testing.assert_allclose(colours[20, 10], [255 * (10 - low) / (high - low) for _, low, high in COLOURS], atol=0.51)


def test_a_picture_shrinks_by_whole_slices_and_not_below_what_can_be_read(tmp_path: Path) -> None:
    put(tmp_path, np.zeros((9, 200, 300), np.int16), {"spacing": [1.5, 0.75, 0.75], "unit": "HU"})
    stack = media({"count": 6})
    strip = strip_of(stack, tmp_path)
    picture = Image.new("L", (1500, 400))
    assert [shrunk(picture, strip, side).size for side in (384, 240, 100)] == [(1500, 400), (1200, 320), (960, 256)]


def test_another_patients_scan_stands_small_and_grey_whatever_colours_the_model_saw(tmp_path: Path) -> None:
    put(tmp_path, volume(90), {"spacing": [1.5, 0.75, 0.75], "unit": "HU"})
    assert np.asarray(middle(media({"count": 6}, COLOURS), tmp_path))[20, 10].tolist() == [192] * 3  # slice 52 of six


def test_a_dataset_of_which_nothing_is_known_is_not_called_scans() -> None:
    scan, film = {"modality": "ct"}, {"modality": "xray"}
    assert [only_scans(rows) for rows in ([], [film], [scan, film], [scan])] == [False, False, False, True]


def test_a_stack_that_cannot_be_opened_has_no_strip_and_no_picture(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "prepared" / "index.jsonl", [])
    stack = media({"count": 6})
    films = Films(tmp_path, {key_of(stack): stack})
    assert films.strip(key_of(stack)) is None
    assert films.pictures(key_of(stack)) == [key_of(stack)]
    assert films.encoded(key_of(stack), 1024, 85) == ""


def test_the_sheet_has_the_head_on_top_and_the_patients_right_on_the_left(tmp_path: Path) -> None:
    array = np.full((60, 40, 60), -1000, np.int16)
    array[:10] = 400
    array[:, :, :20] = -300  # the patient's right
    put(tmp_path, array, {"spacing": [1.5, 0.75, 0.75], "unit": "HU"})
    axial, coronal = np.split(views(store.open_prepared(tmp_path / "v.b2nd"), [1.5, 0.75, 0.75]), 2, axis=1)
    assert axial[72, 30] == pytest.approx(255 * 700 / 1400, abs=2)
    assert axial[72, 120] == 0
    columns = np.flatnonzero(coronal.any(0))
    assert (len(columns), (coronal[:, columns[-5]] > 127).sum()) == (72, 24)  # 45 x 90 mm; ten of sixty slices are bright
    assert coronal[4, columns[-5]] == 255
    rows = list(read_jsonl(tmp_path / "prepared" / "index.jsonl"))
    assert [(t.study, t.slices, t.spacing) for t in tiles(tmp_path, rows, 10**6)] == [("s", 60, 1.5)]
    assert tiles(tmp_path, rows, 100) == tiles(tmp_path, [{**rows[0], "unit": "display"}], 10**6) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    made = make_in(tmp_path_factory.mktemp("volumes"), studies=4, volume=(90, 40, 60), truth=False)
    page(made.dataset, made.run, megabytes=8, studies=2)
    return made


def test_each_study_has_its_slices_in_three_windows_beside_reference_and_draft(made: Any) -> None:
    html = (made.run / "index.html").read_text(encoding="utf-8")
    study = html.split('<article class="study"')[1]
    assert 'data-columns="5" data-rows="2" data-shown="8 23 38 53 68 83"' in study
    assert 'data-from-top="10.5 33.0 55.5 78.0 100.5 123.0"' in study
    assert re.findall(r'<figure class="mosaic" data-window="(\w+)">', study) == ["lung", "soft", "bone", "model"]
    address = re.search(r'data-window="soft"><img src="data:image/webp;base64,([^"]+)" width="300" height="80"', study)
    with Image.open(io.BytesIO(base64.b64decode(address.group(1)))) as picture:  # type: ignore[union-attr]
        assert picture.size == (300, 80)
    assert "Mô hình chỉ được xem 6 lát này trong 90 lát, cách nhau 22,5 mm" in study
    assert "The model saw only these 6 of 90 slices, 22.5 mm apart" in study
    assert "It saw them in a window of</span> −1000…400 HU." in study
    assert study.index('class="viewer"') < study.index('class="questions"')
    assert "CT ngực" in study
    assert html.count("<figcaption><code>") == 16
    assert "Does the model really read the scan?" in html
    assert "burned" not in html.lower()


def test_a_page_of_volumes_keeps_its_size_and_leaves_out_what_does_not_fit(make: Any) -> None:
    made = make(studies=4, volume=(4, 100, 130), grain=0.4, frames={"count": 3})
    page(made.dataset, made.run, megabytes=0.5, studies=2)
    assert 200_000 < (made.run / "index.html").stat().st_size < 500_000
    assert "để trang không quá 0,5 MB" in (made.run / "index.html").read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_slices_follow_keys_slider_strip_and_windows(tmp_path: Path, made: Any) -> None:
    with browser(tmp_path) as tab:
        tab.go((made.run / "index.html").as_uri())
        ask = tab.ask
        ask("window.box = document.querySelector('.study:not([hidden]) .viewer'); window.at = (s) => box.querySelector(s); 1")
        shown = "at('.mosaic:not([hidden]) img').decode().then(() => new Promise(requestAnimationFrame)).then(() => "
        shown += "[at('.number').textContent, at('.from-top').textContent, "
        shown += "at('canvas').getContext('2d').getImageData(1, 1, 1, 1).data[0]])"
        number, below, grey = ask(shown)
        assert (number, below) == ("3/6", "56")
        ask("document.addEventListener('keydown', () => { window.heard = true; }); at('canvas').focus()")
        tab.press("ArrowDown", "ArrowDown")
        assert ask(shown)[:2] == ["5/6", "101"]
        tab.press("End")
        assert ask(shown)[2] == pytest.approx(255 * 1432 / 1500, abs=3)
        tab.press("Home", "ArrowUp")
        assert ask(shown)[:2] == ["1/6", "11"]
        assert ask("window.heard") is None  # while drafts are marked, arrows choose a sentence elsewhere
        ask("at('.strip').children[2].click()")
        ask("at('[data-window=soft][aria-pressed]').click()")
        *_, soft = ask(shown)
        assert grey == pytest.approx(255 * 1387 / 1500, abs=3)
        assert soft == pytest.approx(255 * 197 / 400, abs=3)
        assert ask("at('.slider input').getAttribute('aria-valuetext')") == "3/6, 56 mm"
        assert ask("getComputedStyle(at('.mosaic')).display") == "none"
        tab.call("Emulation.setEmulatedMedia", media="print")
        displays = "[...box.querySelectorAll('.mosaic, .stage')].map((part) => getComputedStyle(part).display)"
        assert ask(displays) == ["none", "none", "block", "none", "none"]
        assert [words for words in tab.complaints() if "readback" not in words] == []  # the test's own


PAIR = [["ct", -160, 240], ["ct", -1000, 400], ["pet", 0, 10]]
#: Where the lesion of `pet_ct` lies: near the top, in front, on the patient's right.
LESION = (2, 10, 5)


def pet_ct(dataset: Path, unit: str = "SUV", volumes: tuple[str, ...] = ("pet", "ct")) -> Media:
    """A PET of background 1 with one lesion of 8, twelve slices of 40 x 60 at 4 mm; a CT of 40 HU; both prepared."""
    pet = np.ones((12, 40, 60), np.float32)
    pet[LESION] = 8.0
    arrays = {"pet": (pet, unit), "ct": (np.full(pet.shape, 40, np.int16), "HU")}
    rows = []
    for name in volumes:
        array, of = arrays[name]
        meta = {"shape": list(array.shape), "spacing": [4.0, 4.0, 4.0], "unit": of, "frame_of_reference": "f"}
        mips = {"mip_coronal": array.max(1), "mip_sagittal": array.max(2)} if name == "pet" else {}
        stream = store.Stream(array.shape, array.dtype, enumerate(array), lambda mips=mips: mips)  # type: ignore[misc]
        blocks, stored = store.packed(store.compressed(stream), meta)
        (dataset / f"{name}.b2nd").write_bytes(b"".join(blocks))
        rows.append({"study": "s", "path": f"{name}.b2nd", **stored})
    write_jsonl(dataset / "prepared" / "index.jsonl", rows)
    channels = [channel for channel in PAIR if channel[0] in volumes]
    frames = {"slices": [2, 8], "mips": True}
    return Media("s", "video", {name: f"{name}.b2nd" for name in volumes}, "axial", None, frames, channels)


@pytest.mark.parametrize(
    ("volumes", "unit", "names"),
    [
        (("pet", "ct"), "SUV", "fused pet soft lung model"),
        (("pet",), "SUV", "pet model"),
        (("pet", "ct"), "none", "model"),
        (("pet",), "none", "model"),
    ],
)
def test_pet_has_the_looks_that_its_unit_allows(tmp_path: Path, volumes: tuple[str, ...], unit: str, names: str) -> None:
    strip = strip_of(pet_ct(tmp_path, unit, volumes), tmp_path)
    assert strip.windows == names.split()
    assert (strip.shown, strip.mips, bool(strip.ranges)) == ([3, 9], 2, unit == "SUV")


def test_pet_is_dark_where_it_is_hot_and_coloured_over_the_ct(tmp_path: Path) -> None:
    stack = pet_ct(tmp_path)
    strip = strip_of(stack, tmp_path)
    pet, over, ct = (np.asarray(mosaic(stack, tmp_path, strip, name)) for name in ("pet", "fused", "soft"))
    hot, cold = LESION[1:], (30, 40)
    assert (pet[hot], pet[cold], ct[hot]) == (51, 230, 128)
    red, green, blue = over[hot].tolist()
    assert red > green > blue and over[cold].max() - over[cold].min() < 40 < red - blue
    assert (pet.shape, over.shape) == ((40, 120), (40, 120, 3))


def test_projections_show_the_patients_right_on_the_left_and_the_head_on_top(tmp_path: Path) -> None:
    picture = np.asarray(whole(pet_ct(tmp_path), tmp_path))
    assert picture.shape[0] == 640
    row, column = np.unravel_index(np.argmin(picture[:, :3200]), (640, 3200))
    assert (row // (640 // 12), column // (640 // 12)) == (LESION[0], LESION[2])  # voxels of 4 mm are square
    assert whole(dataclasses.replace(pet_ct(tmp_path), frames={"within": [0, 5]}), tmp_path) is None
    assert whole(pet_ct(tmp_path, "none"), tmp_path) is None


def test_projections_stand_before_the_slices_and_take_part_of_the_pages_room(tmp_path: Path) -> None:
    stack = pet_ct(tmp_path)
    films = Films(tmp_path, {key_of(stack): stack})
    keys = films.pictures(key_of(stack))
    assert [key.rpartition("|")[2] for key in keys] == ["mip", "fused", "pet", "soft", "lung", "model"]
    width, height = Image.open(io.BytesIO(decoded(films.encoded(keys[0], 1000, 85)))).size
    projected = films.projected(key_of(stack))
    assert projected and width == 1000 and height == round(1000 * projected[1] / projected[0])


def decoded(address: str) -> bytes:
    """The bytes behind a `data:` address."""
    return base64.b64decode(address.partition(",")[2])
