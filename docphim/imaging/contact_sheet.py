"""Contact sheets: a dataset's films with the boxes of burned-in text (`docphim inspect DATASET --contact-sheet OUT.png`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from docphim import files
from docphim.errors import UsageError
from docphim.imaging import store, text_counts
from docphim.progress import bar
from docphim.study import Row

#: Films abreast and below one another on a sheet; the longest side of a film on it and the height of its label, in pixels.
COLUMNS, ROWS, SIDE, LABEL = 5, 5, 320, 18
#: Masked text, text that was left, markers that stay.
_COLOURS = {"masked": (230, 60, 60), "kept": (240, 160, 30), "markers": (70, 190, 90)}


def write_sheets(dataset: Path, out: Path) -> tuple[list[Path], dict[str, list[Row]]]:
    """Draw every film with text, and every film that was not looked through; those without text are left out.

    Boxes are red where text was masked, orange where it was left, green around markers.  Below each film stand the ids of
    its study and what became of it.

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
    sheets: list[Path] = []
    for start in bar(range(0, len(shown), COLUMNS * ROWS), -(-len(shown) // (COLUMNS * ROWS)), "contact sheets"):
        number = len(sheets) + 1
        path = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        form = "PNG" if out.suffix.lower() == ".png" else "JPEG"
        with files.atomic(path, "wb") as handle:
            _sheet(dataset, shown[start : start + COLUMNS * ROWS]).save(handle, form)
        sheets.append(path)
    return sheets, films


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
    draw, seen = ImageDraw.Draw(picture), row.get("how", {}).get("burned_in") or {"texts": [], "markers": []}
    for boxes, colour in ((seen["texts"], _COLOURS.get(text_counts.state(row))), (seen["markers"], _COLOURS["markers"])):
        for left, top, right, bottom in boxes:
            draw.rectangle((left * scale - 1, top * scale - 1, right * scale + 1, bottom * scale + 1), outline=colour, width=2)
    return picture
