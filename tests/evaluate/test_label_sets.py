"""By which label sets reports are scored: those of what the images show; PET/CT by those of its truth alone."""

import pytest

from docphim.metrics import families, sets_of
from docphim.study import Example, Media, Study


@pytest.mark.parametrize(
    ("truths", "sets"),
    [
        ([{"label_set": "phantom_pet"}] * 2, ("phantom_pet",)),
        ([{"label_set": "phantom_pet"}, None], ()),
        ([None, None], ()),
        ([{}, {}], ()),
    ],
)
def test_pet_ct_is_scored_by_labels_only_where_its_truth_has_some(truths, sets):
    rows = [
        Example(f"s{i}-x", f"s{i}", "p", "test", "x", "vi", [], [Media(f"s{i}", "video", {"ct": "c", "pet": "p"})])
        for i in (0, 1)
    ]
    studies = {
        f"s{i}": Study(f"s{i}", "p", None, None, None, [], None, None, None, "x", truth) for i, truth in enumerate(truths)
    }
    assert sets_of(rows, studies) == sets


@pytest.mark.parametrize(
    ("modality", "sets"),
    [("pet", set()), ("ct", {"ct_rate"}), ("xray", {"vindr", "chexpert"}), (None, {"ct_rate", "vindr", "chexpert"})],
)
def test_reports_whose_modality_is_said_are_scored_by_its_label_sets(modality, sets):
    assert set(families("vi", modality=modality)) & {"ct_rate", "vindr", "chexpert"} == sets
