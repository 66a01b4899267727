"""Contact sheets: a dataset's films with the boxes of burned-in text (`docphim inspect DATASET --contact-sheet OUT.png`)."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from docphim import files
from docphim.errors import UsageError
from docphim.imaging import store, text_counts
from docphim.progress import bar
from docphim.study import Row

#: Films abreast and below one another on a sheet; the longest side of a film on it and the height of its label, in pixels.
COLUMNS, ROWS, SIDE, LABEL = 5, 5, 320, 18
#: The comment of the file by which a sheet is known again.
_MARK = "docphim contact sheet"
#: Masked text, text that was left, markers and wires that stay.
_COLOURS = {"masked": (230, 60, 60), "kept": (240, 160, 30), "markers": (70, 190, 90), "wires": (90, 150, 240)}


def write_sheets(dataset: Path, out: Path) -> tuple[list[Path], dict[str, list[Row]]]:
    """Draw every film with text, and every film that was not looked through; those without text are left out.

    Boxes are red where text was masked, orange where it was left, green around markers, blue around what was taken for wires of
    a breastbone.  Below each film stand the ids of its study and what became of it.  The sheets are their owner's alone (0600),
    for text may stand on them still; those of an earlier call that are no longer needed are removed.

    Parameters
    ----------
    dataset : Path
        A dataset that prepare has been through.
    out : Path
        A picture's name, such as sheet.png; the second sheet is sheet-2.png.

    Returns
    -------
    list of Path
        The sheets, none where there is nothing to look at.
    dict
        The rows of index.jsonl by what became of their text (`text_counts.STATES`).

    Raises
    ------
    UsageError
        There is no prepared dataset, or OUT is no PNG or JPEG.
    Refused
        `file_changed`, `file_missing`, as `store.prepared`.
    """
    index = dataset / "prepared" / "index.jsonl"
    if not index.exists():
        raise UsageError("PATH: no prepared dataset is there; give the folder that `docphim prepare` names, data/NAME/KEY")
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError("--contact-sheet: must end in .png or .jpg")
    films = text_counts.by_state(files.read_jsonl(index))
    shown = [row for name in ("masked", "kept", "unchecked") for row in films[name]]
    shown += [row for row in films["clear"] if text_counts.wires(row)]
    sheets: list[Path] = []
    for start in bar(range(0, len(shown), COLUMNS * ROWS), -(-len(shown) // (COLUMNS * ROWS)), "contact sheets"):
        number = len(sheets) + 1
        path = _sheet_path(out, number)
        with files.atomic(path, "wb") as handle:
            Path(handle.name).chmod(0o600)
            _save(_sheet(dataset, shown[start : start + COLUMNS * ROWS]), handle, out.suffix)
        sheets.append(path)
    _remove_older(out, len(sheets))
    return sheets, films


def _sheet_path(out: Path, number: int) -> Path:
    return out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")


def _remove_older(out: Path, count: int) -> None:
    """Remove the sheets of an earlier call beyond the last of this one: they show what is no longer so.

    A picture of such a name that is no sheet, as film-2.png beside film.png may be, ends the row and stays.
    """
    number = count + 1
    while _is_sheet(path := _sheet_path(out, number)):
        path.unlink()
        number += 1


def _save(sheet: Image.Image, handle: IO[bytes], suffix: str) -> None:
    if suffix.lower() == ".png":
        marked = PngImagePlugin.PngInfo()
        marked.add_text("comment", _MARK)
        sheet.save(handle, "PNG", pnginfo=marked)
    else:
        sheet.save(handle, "JPEG", comment=_MARK)


def _is_sheet(path: Path) -> bool:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            return picture.info.get("comment") in (_MARK, _MARK.encode())
    except OSError:  # there is none, or it is no picture
        return False


def _sheet(dataset: Path, rows: list[Row]) -> Image.Image:
    lines = -(-len(rows) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, lines * (SIDE + LABEL)))
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        x, y = number % COLUMNS * SIDE, number // COLUMNS * (SIDE + LABEL)
        sheet.paste(tile(dataset, row), (x, y))
        draw.text(
            (x + 2, y + SIDE + 2), f"{row['study']}  {text_counts.state(row)}", fill="white", font=ImageFont.load_default(11)
        )
    return sheet


def tile(dataset: Path, row: Row) -> Image.Image:
    """One film of index.jsonl, at most `SIDE` pixels long, with its boxes."""
    film = store.prepared(dataset, row["path"]).slices([0])[0]
    picture = Image.fromarray((film >> 8).astype(np.uint8)).convert("RGB")
    scale = SIDE / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    draw, seen = ImageDraw.Draw(picture), row.get("how", {}).get("burned_in") or {}
    for name, colour in (("texts", text_counts.state(row)), ("markers", "markers"), ("wires", "wires")):
        for box in seen.get(name, []):
            left, top, right, bottom = (n * scale for n in box)
            draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=_COLOURS[colour], width=2)
    return picture
