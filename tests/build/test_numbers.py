"""What build measures of each study's PET, and which reports get placeholders."""

from __future__ import annotations

import numpy as np
import pytest
from bodies import FEET, SPACING, X, Y, pet

from docphim.build.numbers import measure, with_places
from docphim.errors import UsageError
from docphim.files import read_jsonl, write_jsonl
from docphim.imaging import store
from docphim.recipe import Recipe, validated

HEIGHTS = np.arange(-20.0, FEET, 6)
TEXT = "Khối phần mềm đùi trái kích thước 36 x 36 mm, tăng hấp thu FDG, SUVmax 9,0."


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A body with a mass in its left thigh, and a PET without a unit."""
    folder = tmp_path_factory.mktemp("data")
    volume = np.array([pet(height) for height in HEIGHTS], np.float32)
    z, y, x = np.indices(volume.shape)
    off = np.square(z - 175) + np.square(y - Y / 6) + np.square(x - (X + 90) / 6)
    volume[off <= 9] = 9.0
    rows = {}
    for study, unit in (("a", "SUV"), ("b", "none")):
        path = f"prepared/{study}-pet.b2nd"
        where = {"shape": list(volume.shape), "spacing": list(SPACING), "affine": np.diag([6.0, 6.0, -6.0, 1.0]).tolist()}
        rows[study] = [{"study": study, "modality": "pet", "path": path, "unit": unit}]
        rows[study][0] |= store.write(folder / path, volume, where)
    write_jsonl(folder / "prepared" / "index.jsonl", [row for of in rows.values() for row in of])
    return folder, rows


def test_candidates_are_measured_and_a_study_without_suv_says_why_it_has_none(dataset):
    folder, rows = dataset
    by_study = measure(folder, rows, {"by": "max", "suv": 2.5}, "vi")
    one, other = read_jsonl(folder / "candidates.jsonl")
    assert "refused" not in one, one
    (mass,) = [row for row in one["candidates"] if row["region"] == "limbs"]
    assert (mass["suv_max"], mass["side"], mass["at"]["slice"]) == (9.0, "left", pytest.approx(175, abs=3))
    assert mass["mm"] == pytest.approx([6 * mass["at"]["column"], 6 * mass["at"]["row"], -6 * mass["at"]["slice"]])
    assert (one["language"], one["least"], one["left_out"]["bladder"]) == ("vi", 2.5, 1)
    assert (other["candidates"], other["refused"]) == ([], "suv_unknown")
    assert by_study == {"a": one["candidates"], "b": []}


def test_answers_from_reports_get_placeholders_and_no_others(dataset):
    folder, rows = dataset
    by_study = measure(folder, rows, {"by": "max", "suv": 2.5}, "vi")
    roles = [("user", None), ("assistant", "report:findings"), ("assistant", "template")]
    messages = [{"role": role, "content": TEXT} | ({"from": origin} if origin else {}) for role, origin in roles]
    (first, second), counts = with_places([{"study": s, "messages": messages} for s in ("a", "b")], by_study, "vi")
    texts = [message["content"] for message in first["messages"]]
    assert texts[::2] == [TEXT, TEXT] and texts[1].endswith("SUVmax [SUV].")
    assert [message["content"] for message in second["messages"]] == [TEXT] * 3
    assert counts["no_candidate"] == 3 and counts["tied"] >= 1


BASE = {"name": "r", "source": {"kind": "phantom"}, "model": {"family": "qwen_vl"}, "prepare": {"pet": {}}}


def test_a_recipe_says_it_in_a_word_and_is_refused_where_nothing_can_be_measured():
    assert validated(Recipe, BASE | {"numbers": "measured"}, "").numbers.by == "max"
    assert validated(Recipe, BASE | {"numbers": "written"}, "").numbers is None
    for change, words in (({"prepare": {"xray": {}}}, "no section pet"), ({"evaluate": {"splits": ["val"]}}, "placeholders")):
        with pytest.raises(UsageError, match=words):
            validated(Recipe, BASE | {"numbers": "measured"} | change, "")
