"""Lesions of a phantom's scan: which drafts name them, with side and lobe; by size, and by whether a slice shows them."""

import dataclasses

import numpy as np
import pytest

from docphim.evaluate.lesions import Lesion, by_lesion, lesions_of, named
from docphim.files import read_jsonl, write_jsonl
from docphim.imaging import store
from docphim.language.facts import facts
from docphim.scores import LesionRates
from docphim.study import Media


def lesion(name="nodule_right", side="right", lobe="upper", size_mm=8.0, shown=None):
    return Lesion(name, side, lobe, size_mm, shown)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("An 8 mm nodule in the right upper lobe.", "en", (True, True, True)),
        ("A nodule in the right lower lobe.", "en", (True, True, False)),
        ("A nodule in the left upper lobe.", "en", (True, False, False)),
        ("No nodule. Effusion on the right.", "en", (False, False, False)),
        ("Nốt 5 mm thùy trên phổi phải, nốt thùy dưới phổi trái.", "vi", (True, True, True)),
        ("Nốt thùy dưới phổi phải. Đông đặc thùy trên phổi phải.", "vi", (True, True, False)),
        ("", "vi", (False, False, False)),
    ],
)
def test_a_lesion_is_named_at_all_on_its_side_and_in_its_lobe(text, language, expected):
    assert named(lesion(), facts(text, language), "phantom") == expected


def test_rates_are_of_lesions_by_size_and_by_whether_a_slice_shows_them():
    right, nothing = facts("A nodule in the right upper lobe.", "en"), facts("Lungs are clear. Cardiomegaly.", "en")
    small, large = lesion(size_mm=2.9, shown=False), lesion(size_mm=10.0, shown=True)
    heart = Lesion("cardiomegaly", None, None, None, None)
    cases = [(right, [small, large], "a"), (nothing, [lesion(size_mm=3), lesion(size_mm=6), heart], "b")]
    rates = by_lesion(cases, "phantom", resamples=100, seed=1)
    assert list(rates) == ["all", "size", "shown"] and list(rates["size"]) == ["< 3", "3-6", "6-10", "> 10"]
    assert rates["all"]["all"] == LesionRates(5, 0.6, None, None, 0.5, 0.5), "the heart has no side and no lobe"
    assert {group: rate.presence for group, rate in rates["size"].items()} == {"< 3": 1, "3-6": 0, "6-10": 0, "> 10": 1}
    assert {group: (rate.n, rate.side) for group, rate in rates["shown"].items()} == {"inside": (1, 1), "outside": (1, 1)}
    many = [(right if i % 2 else nothing, [lesion()], f"p{i}") for i in range(60)]
    rate = by_lesion(many, "phantom", resamples=200, seed=1)["all"]["all"]
    assert rate.presence == 0.5 and 0.3 < rate.low < 0.5 < rate.high < 0.7


def test_a_lesion_is_inside_where_a_slice_that_is_shown_goes_through_it(tmp_path):
    """20 slices of 5 mm, of which the two at 225 and 175 mm are shown; a lesion of two slices of the file reaches 5 mm."""
    affine = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -5.0, 250.0], [0, 0, 0, 1]]
    volume, meta = np.zeros((20, 8, 8), np.int16), {"shape": [20, 8, 8], "spacing": [5.0, 1.0, 1.0], "unit": "HU"}
    meta |= {"affine": affine, "how": {"spacing": [5.0, 1.0, 1.0]}}
    row = {"path": "prepared/v.b2nd", **store.write(tmp_path / "prepared" / "v.b2nd", volume, meta)}
    write_jsonl(tmp_path / "prepared" / "index.jsonl", [row])
    media = [Media("s", "video", {"ct": "prepared/v.b2nd"}, "axial", None, {"count": 2}, [["ct", -1000, 400]])]
    middles = {229.0: True, 231.0: False, 175.0: True, 169.0: False, 250.0: False}
    truth = {"lesions": [{"name": "mass", "center_mm": [0, 0, z], "slices": [3, 4], "size_mm": 9} for z in middles]}
    rows = list(read_jsonl(tmp_path / "prepared" / "index.jsonl"))
    assert [lesion.shown for lesion in lesions_of(truth, media, rows, tmp_path)] == list(middles.values())
    assert [lesion.shown for lesion in lesions_of(truth, [], rows, tmp_path)] == [None] * 5
    slabs = [dataclasses.replace(media[0], frames={"count": 2, "slab_mm": 4.0})]  # 2 mm more on either side
    assert [lesion.shown for lesion in lesions_of(truth, slabs, rows, tmp_path)] == [True, True, True, True, False]
