"""The contact sheet of augmentation: a row a step, drawn as training reads it, for its owner alone."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tiny_training import model_section, train_section

from docphim.errors import UsageError
from docphim.files import read_examples, write_jsonl
from docphim.imaging import store
from docphim.study import Media, to_row
from docphim.train.sheet import COLUMNS, SIDE, write_sheet

MASS, REST = "Khối thùy trên phổi trái, tăng hấp thu FDG.", "Không thấy hạch trung thất tăng hấp thu FDG."


@pytest.fixture
def volumes(dataset, tmp_path):
    """One PET of which a lesion's place is known, on the patient's left."""
    volume = np.zeros((20, 64, 64), np.float32)
    volume[:, 16:48, 8:56] = np.linspace(1, 3, 20)[:, None, None]
    volume[8:11, 26:34, 44:52] = 9.0
    meta = {"spacing": [4.0, 4.0, 4.0], "frame_of_reference": "x", "affine": None}
    rows = [{"path": "prepared/p.b2nd", **store.write(tmp_path / "prepared/p.b2nd", volume, meta)}]
    write_jsonl(tmp_path / "prepared" / "index.jsonl", rows)
    first = read_examples(dataset, "train")[0]
    media = Media(
        first.study, "image", {"pet": "prepared/p.b2nd"}, "axial", None, {"count": 4, "within": [2, 17]}, [["pet", 0, 10]]
    )
    known = {"plane": {"shape": [64, 64], "aspect": 1.0}, "trim": [2, 1]}
    known["lesions"] = [{"boxes": [[8, 10, 26 / 64, 34 / 64, 44 / 64, 52 / 64]], "text": [[1, 0, len(MASS)]]}]
    messages = [first.messages[0], replace(first.messages[1], content=f"{MASS} {REST}", origin="report:findings.chest")]
    example = replace(first, media=[media], messages=messages, augment=known)
    write_jsonl(tmp_path / "examples" / "train.jsonl", [to_row(replace(first, augment={"trim": [0, 0]})), to_row(example)])
    return tmp_path


def test_each_step_has_a_row_and_a_lesion_that_goes_takes_its_sentence(volumes, tmp_path):
    out = tmp_path / "sheet.png"
    texts = write_sheet(volumes, out, model=model_section(), train=train_section())
    picture = np.asarray(Image.open(out))
    assert out.stat().st_mode & 0o077 == 0 and picture.shape[1] == COLUMNS * SIDE
    rows = np.split(picture, picture.shape[0] // (SIDE + 16))
    assert len(rows) == 7 + 1 + 1 + 6
    assert all(not np.array_equal(row[16:], rows[0][16:]) for row in rows[1:9])
    assert texts[0] == ("1  as it is", f"{MASS} {REST}")
    label, text = texts[1]
    assert label.startswith("9  pass") and "a lesion and its sentences are gone" in label and text == REST
    lit = [int((row[16:] > 200).sum()) for row in rows]
    assert lit[8] == 0 < min(lit[:8])


def test_the_lesion_stays_on_the_left_in_every_row(volumes, tmp_path):
    """On the screen the patient's left is on the right; a mirrored step would bring it to the other half of the body."""
    out = tmp_path / "sheet.png"
    write_sheet(volumes, out, model=model_section(), train=train_section())
    picture = np.asarray(Image.open(out).convert("L")).astype(float)
    for row in np.split(picture, picture.shape[0] // (SIDE + 16)):
        for column in range(4):
            frame = row[16:, column * SIDE : (column + 1) * SIDE]
            lesion, body = np.argwhere(frame > 180), np.argwhere(frame > 12)
            if len(lesion) > 20:
                assert lesion[:, 1].mean() > body[:, 1].mean()


def test_what_cannot_be_drawn_is_said(dataset, volumes, tmp_path):
    with pytest.raises(UsageError, match=r"--sheet: must end in \.png"):
        write_sheet(volumes, tmp_path / "sheet.jpg", model=model_section(), train=train_section())
    with pytest.raises(UsageError, match=r"add augment: \{\} to the recipe"):
        write_sheet(dataset, tmp_path / "sheet.png", model=model_section(), train=train_section())
    assert not (tmp_path / "sheet.png").exists()
