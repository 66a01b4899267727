"""Drafts are scored against the lesions of the studies' truth too, with floors and ceiling, where lesions are scored."""

import dataclasses

import pytest

from docphim.evaluate import evaluate
from docphim.files import write_jsonl
from docphim.scores import TaskKey, read_scores
from docphim.study import to_row

LESION = {"v": 1, "type": "nodule", "organ": "liver", "side": "left", "uptake": "high"}


def with_records(made, records):
    for split, ids in made.ids.items():
        assert split
        made.studies = [*getattr(made, "studies", []), *map(made.study, ids)]
    rows = [dataclasses.replace(study, truth={**(study.truth or {}), **records(study)}) for study in made.studies]
    write_jsonl(made.dataset / "studies.jsonl", map(to_row, rows))
    made.predict([made.prediction(i, "own", "Nốt gan trái tăng chuyển hóa FDG.") for i in made.ids["test"]])
    evaluate(made.dataset, made.run, language="vi", resamples=50, seed=5, metrics=["lesions"])
    return read_scores(made.run / "scores.json")[TaskKey("findings", "test")]


def test_truth_is_scored_beside_the_text_with_floors_and_ceiling(made):
    task = with_records(made, lambda study: {"records": [LESION]})
    assert task.scores["truth_lesion_tp"].value == 100 and task.scores["lesion_tp"].value == 0
    assert {floor: row["truth_lesion_tp"].value for floor, row in task.floors.items()} == dict.fromkeys(
        ("constant", "random", "nearest", "metadata"), 0
    )
    assert task.lead["constant"]["truth_lesion_tp"].value == 100
    assert task.ceiling["truth_lesion_tp"].value == 0, "the texts do not speak of the nodule"


@pytest.mark.parametrize("records", [{}, {"records": None}])
def test_without_records_there_is_no_score_against_truth(made, records):
    task = with_records(made, lambda study: records)
    assert "lesion_tp" in task.scores and not any(key.startswith("truth_") for key in task.scores)
