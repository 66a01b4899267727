"""The OCR library on films with text: names go, markers stay, clean films stay whole; no connection, no word on disk."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from written_films import IDENTIFYING, MARKER_LOOKS, Look, written

pytest.importorskip("rapidocr", reason="rapidocr is not installed: pip install 'docphim[ocr]'")

from docphim.imaging import burned_in
from docphim.phantom.film import render
from docphim.phantom.patient import sample_patient


@functools.cache
def phantom(number: int = 0, size: int = 768) -> np.ndarray:
    pixels = render(sample_patient(number, 8, "demo"), size).pixels
    return (pixels.astype(np.uint32) * 65535 // 4095).astype(np.uint16)


def has_font() -> bool:
    try:
        ImageFont.truetype("DejaVuSans.ttf", 20)
    except OSError:
        return False
    return True


KINDS = ["white name at the top", "black on a white label", "on the lung", "turned left", "upside down", "mirrored", "small"]
KINDS += ["low contrast", "faint", "numbers", "dates and times"]


@pytest.mark.parametrize("kind", [*KINDS, pytest.param("accents", marks=pytest.mark.skipif(not has_font(), reason="no font"))])
def test_text_of_every_kind_is_masked_whole(kind: str):
    texts, look = IDENTIFYING[kind]
    film, ink = written(phantom(1), texts[0], look)
    masked, facts = burned_in.treated(film, "mask")
    boxes = np.zeros(film.shape, bool)
    for left, top, right, bottom in facts["texts"]:
        boxes[top:bottom, left:right] = True
    assert boxes[ink].mean() > 0.98
    assert boxes.mean() < 0.2
    assert (masked[~boxes] == film[~boxes]).all()
    assert burned_in.texts(masked) == []


@pytest.mark.parametrize("words", ["R", "L", "PA", "AP PORTABLE"])
def test_markers_stay(words: str):
    film, _ = written(phantom(2), words, MARKER_LOOKS["marker in a corner"])
    masked, facts = burned_in.treated(film, "mask")
    assert (masked == film).all()
    assert facts["texts"] == [] and len(facts["markers"]) <= 1


def test_a_marker_beside_a_name_stays():
    film, side = written(phantom(3), "L", Look(place=(0.9, 0.08), height=0.04))
    film, name = written(film, "LE QUOC THU", Look(place=(0.3, 0.06)))
    masked, facts = burned_in.treated(film, "mask")
    assert (masked[side] == film[side]).all()
    assert not (masked[name] == film[name]).any()
    assert len(facts["texts"]) == 1


@pytest.mark.parametrize("number", range(3))
def test_the_wires_of_a_breastbone_do_not_cost_the_heart(number: int):
    film = phantom(number)
    wires = Image.new("L", film.shape[::-1], 0)
    height, width = film.shape
    for i in range(6):
        x, y = width / 2 + 3 * (i % 2), height * (0.25 + 0.07 * i)
        for side in (-13, 0):
            ImageDraw.Draw(wires).ellipse((x + side, y - 9, x + side + 13, y + 9), outline=255, width=2)
    shown = np.asarray(wires.filter(ImageFilter.GaussianBlur(0.7))) / 255
    _, facts = burned_in.treated((film * (1 - shown) + 65535 * shown).astype(np.uint16), "mask")
    assert sum((right - left) * (bottom - top) for left, top, right, bottom in facts["texts"]) < 0.02 * film.size


@pytest.mark.parametrize("number", range(3))
def test_a_clean_film_stays_whole(number: int):
    film = phantom(number)
    masked, facts = burned_in.treated(film, "mask")
    assert facts["texts"] == [] and (masked == film).all()


def test_the_whole_way_masks_counts_and_shows_without_a_connection_or_a_word_on_disk(docphim_on_loopback, tmp_path: Path):
    docphim = docphim_on_loopback  # urllib3, which the library imports, asks this machine whether it knows IPv6
    folder = tmp_path / "films"
    folder.mkdir()
    for number, words in enumerate(["PHAM THI TUYET", "R", ""]):
        film, _ = written(phantom(number, 512), words or " ", Look(height=0.04))
        Image.fromarray((film >> 8).astype(np.uint8)).save(folder / f"{number}.png")
    reports = "id,findings\n" + "".join(f"{n},Bóng tim không to. Phổi sáng {n}.\n" for n in range(3))
    (tmp_path / "reports.csv").write_text(reports, encoding="utf-8")
    recipe = tmp_path / "own.yaml"
    recipe.write_text(
        f"name: own\nsource: {{kind: folder, path: {folder}, reports: {tmp_path / 'reports.csv'}}}\n"
        "prepare: {burned_in: mask, workers: 1}\nmodel: {family: qwen_vl}\n",
        encoding="utf-8",
    )
    assert docphim("ingest", recipe, tiny=False).returncode == 0
    done = docphim("prepare", recipe, tiny=False)
    assert done.returncode == 0, done.stderr
    assert "1 films with text that was masked, 2 films without text but markers" in done.stderr
    assert not docphim.opened.exists()
    (dataset,) = (path.parent.parent for path in tmp_path.glob("data/folder/*/prepared/index.jsonl"))
    for path in dataset.rglob("*"):
        assert path.is_dir() or not any(word in path.read_bytes() for word in (b"TUYET", b"PHAM"))
    assert "TUYET" not in done.stderr + done.stdout
    sheet = docphim("inspect", dataset, "--contact-sheet", tmp_path / "sheet.png", "--json", tiny=False)
    assert sheet.returncode == 0 and '"masked": 1' in sheet.stdout
    shown = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).astype(int)
    assert ((shown[..., 0] - shown[..., 1]) > 120).any()  # a red box
    assert docphim("ingest", recipe, "--set", "prepare.xray.burned_in=refuse", tiny=False).returncode == 0
    refused = docphim("prepare", recipe, "--set", "prepare.xray.burned_in=refuse", tiny=False)
    assert "refused: burned_in_text 1" in refused.stderr


def test_the_reader_says_nothing(capfd: pytest.CaptureFixture[str]):
    burned_in._reader.cache_clear()
    film, _ = written(phantom(1, 512), "NGUYEN VAN THU", Look())
    burned_in.texts(film)
    burned_in.texts(phantom(0, 512))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
def test_a_film_of_any_shape_can_be_looked_through(shape: tuple[int, int]):
    assert burned_in.texts(np.tile(np.arange(shape[1], dtype=np.uint16) * 200, (shape[0], 1))) == []


@pytest.mark.parametrize(("shape", "letters"), [((300, 2600), 60), ((2600, 300), 30), ((2400, 2000), 60)])
def test_boxes_are_in_the_films_own_pixels_however_large_it_is(shape: tuple[int, int], letters: int):
    look = Look(height=letters / shape[0], place=(0.5, 0.5), noise=0.01)
    film, ink = written(np.full(shape, 9000, np.uint16), "DOE 1234", look)
    (text,) = burned_in.texts(film)
    rows, columns = np.nonzero(ink)
    assert text.text.replace(" ", "") == "DOE1234"
    left, top, right, bottom = text.box
    assert left <= columns.min() and top <= rows.min() and right >= columns.max() and bottom >= rows.max()
    assert right - left < np.ptp(columns) + 120 and bottom - top < np.ptp(rows) + 120
