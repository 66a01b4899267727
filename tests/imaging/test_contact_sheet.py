"""Contact sheets show every film on which text was masked or left, or that nobody looked through, with its boxes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docphim import files
from docphim.errors import Refused, UsageError
from docphim.imaging import contact_sheet, store

CLEAR = {"rule": "mask", "by": "reader 1", "texts": [], "markers": [[5, 5, 15, 15]]}


def dataset(folder: Path, seen: list[dict[str, Any] | None]) -> Path:
    """A prepared dataset of mid-grey films, 80 high and 64 wide, of which `how.burned_in` is said."""
    rows = []
    for number, facts in enumerate(seen):
        path = f"prepared/s{number:02}.b2nd"
        meta = store.write(folder / path, np.full((80, 64), 20000, np.uint16), {"shape": [80, 64], "spacing": None})
        how = {} if facts is None else {"burned_in": facts}
        row = {"study": f"study{number:02}", "series": f"s{number:02}", "modality": "xray", "path": path, "shape": [80, 64]}
        rows.append({**row, "spacing": None, "sha256": meta["sha256"], "how": how})
    files.write_jsonl(folder / "prepared" / "index.jsonl", rows)
    return folder


def with_text(rule: str) -> dict[str, Any]:
    return {"rule": rule, "by": "reader 1", "texts": [[10, 20, 50, 30]], "markers": [[5, 60, 15, 70]]}


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()}


@pytest.mark.parametrize(("rule", "state"), [("mask", "masked"), ("keep", "kept")])
def test_boxes_stand_where_the_text_is_in_the_colour_of_what_was_done(tmp_path: Path, rule: str, state: str):
    made = dataset(tmp_path, [with_text(rule)])
    (row,) = files.read_jsonl(made / "prepared" / "index.jsonl")
    tile = contact_sheet.tile(made, row)
    scale = tile.height / 80
    assert tile.getpixel((round(30 * scale), round(20 * scale))) == contact_sheet._COLOURS[state]
    assert tile.getpixel((round(30 * scale), round(25 * scale))) == (78, 78, 78)
    assert tile.getpixel((round(10 * scale), round(60 * scale))) == contact_sheet._COLOURS["markers"]
    assert len(colours(tile)) == 3


def test_films_without_text_are_left_out_and_the_rest_goes_on_as_many_sheets_as_needed(tmp_path: Path):
    made = dataset(tmp_path, [CLEAR, None, with_text("mask"), with_text("keep"), *[None] * 24])
    sheets, films = contact_sheet.write_sheets(made, tmp_path / "look.png")
    assert [sheet.name for sheet in sheets] == ["look.png", "look-2.png"]
    assert {name: len(rows) for name, rows in films.items()} == {"unchecked": 25, "kept": 1, "masked": 1, "clear": 1}
    first, second = (Image.open(sheet) for sheet in sheets)
    assert first.size == (1600, 5 * 338) and second.size == (1600, 338)
    masked, kept = (contact_sheet._COLOURS[name] for name in ("masked", "kept"))
    assert masked in colours(first.crop((0, 0, 320, 320))) and kept in colours(first.crop((320, 0, 640, 320)))
    assert not {masked, kept} & colours(second)


def test_a_dataset_without_text_has_no_sheet(tmp_path: Path):
    sheets, _ = contact_sheet.write_sheets(dataset(tmp_path, [CLEAR]), tmp_path / "look.png")
    assert sheets == [] and not (tmp_path / "look.png").exists()


def test_a_film_with_nothing_but_wires_is_shown_with_their_boxes(tmp_path: Path):
    wires = {**CLEAR, "markers": [], "wires": [[20, 10, 40, 70]]}
    sheets, films = contact_sheet.write_sheets(dataset(tmp_path, [CLEAR, wires]), tmp_path / "look.png")
    assert len(films["clear"]) == 2 and len(sheets) == 1
    assert contact_sheet._COLOURS["wires"] in colours(Image.open(sheets[0]).crop((0, 0, 320, 320)))


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("name", ["look.png", "look.jpg"])
def test_sheets_are_their_owners_alone(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"of others")
    (tmp_path / name).chmod(0o644)
    sheets, _ = contact_sheet.write_sheets(dataset(tmp_path, [None] * 26), tmp_path / name)
    assert [stat.S_IMODE(sheet.stat().st_mode) for sheet in sheets] == [0o600, 0o600]


@pytest.mark.parametrize("suffix", ["png", "jpeg"])
@pytest.mark.parametrize(("films", "count"), [(60, 3), (30, 2), (2, 1), (0, 0)])
def test_sheets_of_an_earlier_call_are_removed_and_other_pictures_stay(tmp_path: Path, suffix: str, films: int, count: int):
    names = [f"look.{suffix}", f"look-2.{suffix}", f"look-3.{suffix}"]
    contact_sheet.write_sheets(dataset(tmp_path / "before", [None] * 70), tmp_path / names[0])
    other = tmp_path / f"look-4.{suffix}"
    Image.new("L", (8, 8)).save(other)
    sheets, _ = contact_sheet.write_sheets(dataset(tmp_path / "after", [CLEAR, *[None] * films]), tmp_path / names[0])
    assert [sheet.name for sheet in sheets] == names[:count]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted([*names[:count], other.name])


@pytest.mark.parametrize(("out", "why"), [("look.bmp", "png"), ("look", "png")])
def test_a_sheet_of_another_form_is_a_usage_error(tmp_path: Path, out: str, why: str):
    with pytest.raises(UsageError, match=why):
        contact_sheet.write_sheets(dataset(tmp_path, [None]), tmp_path / out)


def test_a_folder_that_was_not_prepared_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError, match="no prepared dataset"):
        contact_sheet.write_sheets(tmp_path, tmp_path / "look.png")


def test_an_exchanged_film_stops_the_sheet(tmp_path: Path):
    made = dataset(tmp_path, [None, None])
    store.write(made / "prepared" / "s00.b2nd", np.zeros((80, 64), np.uint16), {"shape": [80, 64]})
    with pytest.raises(Refused, match="file_changed"):
        contact_sheet.write_sheets(made, tmp_path / "look.png")
    assert not (tmp_path / "look.png").exists()
