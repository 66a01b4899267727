"""Drafts are scored against the lesions of the studies' truth too, with floors and ceiling, where lesions are scored."""

import dataclasses

import pytest

from docphim.evaluate import evaluate
from docphim.evaluate.drafts import Drafts
from docphim.evaluate.tables import _with_text, truth_records
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


def test_a_region_s_own_scores_are_of_reports_that_speak_of_it_and_truth_of_the_whole_body_is_not_asked_of_it(made):
    task = "region_findings.chest"
    drafts = Drafts(TaskKey(task, "test"), 0)
    for i, reference in (("s0", "Phổi sáng."), ("s1", " "), ("s2", "")):
        drafts.examples[i] = dataclasses.replace(made.example(i, "test"), id=i, task=task)
        for image in ("own", "other"):
            draft = made.prediction(i, image, "Nốt phổi phải.", id=i, task=task, reference=reference)
            drafts.by_image.setdefault(image, {})[i] = draft
    spoken = _with_text(drafts)
    assert [list(shown) for shown in (spoken.examples, spoken.main, spoken.by_image["other"])] == [["s0"]] * 3
    truth = dataclasses.replace(made.study("s0"), truth={"records": [LESION]})
    assert truth_records(drafts, {"s0": truth}) == {}
    whole = dataclasses.replace(drafts, key=TaskKey("findings", "test"))
    assert _with_text(whole) is whole and list(truth_records(whole, {"s0": truth})) == ["s0"]
    del drafts.by_image["own"]["s0"]
    assert _with_text(drafts) is None
