"""Floors: the medoid, and the fallbacks where a film or a patient is unknown."""

import dataclasses

import pytest

from docphim.evaluate.floors import Floors, Thumbs, medoid
from docphim.files import read_examples, read_jsonl
from docphim.study import Study, from_row


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a b c d", "a b c x", "a b y d", "q"], "a b c d"),
        (["a", "b", "b"], "b"),
        (["a", "b"], "a"),
        (["only"], "only"),
        (["", "", "a"], "a"),
    ],
)
def test_the_medoid_is_the_text_most_like_all_others(texts, expected):
    assert medoid(texts, "vi") == expected


@pytest.fixture
def floors(made):
    studies = {row["id"]: from_row(Study, row) for row in read_jsonl(made.dataset / "studies.jsonl")}
    return Floors(read_examples(made.dataset, "train"), 0, studies, Thumbs.read(made.dataset), "vi", 1)


def test_an_unknown_film_or_patient_falls_back_to_the_constant_report(made, floors):
    test = read_examples(made.dataset, "test")
    blind = dataclasses.replace(floors, studies={}, thumbs=Thumbs({}, {}))
    texts = blind.texts(test)
    assert texts["metadata"] == texts["nearest"] == texts["constant"] == [floors.constant] * len(test)
    known = floors.texts(test)
    assert known["metadata"] != known["constant"] != known["nearest"]


def test_random_reports_do_not_depend_on_which_other_studies_are_scored(made, floors):
    test = read_examples(made.dataset, "test")
    assert floors.texts(test)["random"][10:20] == floors.texts(test[10:20])["random"]
    assert len(set(floors.texts(test)["random"])) > 3
    assert dataclasses.replace(floors, seed=2).texts(test)["random"] != floors.texts(test)["random"]


def test_only_a_sample_of_many_training_reports_is_compared(floors, monkeypatch):
    seen = []
    monkeypatch.setattr("docphim.evaluate.floors.SAMPLE", 50)
    monkeypatch.setattr("docphim.evaluate.floors.medoid", lambda texts, language: seen.append(len(texts)) or texts[0])
    assert floors.constant in floors.reports
    assert seen == [50]
