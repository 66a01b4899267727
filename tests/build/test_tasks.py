"""A task as a module: any number of examples a study, typed answers, and the metric families that score it."""

import sys
import types

import pytest
from test_build import DEFAULT, examples, make

from docphim import preflight
from docphim.build import TASKS, build
from docphim.build import task as task_module
from docphim.build.looks import described
from docphim.build.prompts import Prompts
from docphim.errors import UsageError
from docphim.evaluate import evaluate
from docphim.files import read_json, read_jsonl, write_jsonl
from docphim.recipe import load
from docphim.scores import TaskKey, read_scores
from docphim.study import Answer, Example, Message, Prediction, from_row, to_row


def questions_task(metrics=("answers",)) -> types.ModuleType:
    """Two questions a study, one of yes or no and one of a number."""
    module = types.ModuleType("questions_task")
    module.SECTIONS, module.METRICS, module.NUMBERED = ("findings",), metrics, True

    def asked(study, sections, prompts: Prompts, images):
        odd = int(study.id[1:] or 0) % 2
        for question, text, answer in (
            ("Tim có to không?", "Có." if odd else "Không.", Answer("yes_no", bool(odd))),
            ("Đường kính?", "12 mm", Answer("number", 12.0, "mm")),
        ):
            yield [Message("user", f"{images}{question} {study.id}"), Message("assistant", text, "template", answer)]

    module.examples = asked
    return module


@pytest.fixture
def task(monkeypatch):
    """Put a task in the dict: one line."""

    def put(module):
        monkeypatch.setitem(sys.modules, "questions_task", module)
        monkeypatch.setitem(TASKS, "questions", "questions_task")

    return put


def test_the_tasks_say_how_they_are_scored(tmp_path):
    build(make(tmp_path), **{**DEFAULT, "prompts": "docphim", "tasks": ["findings", "impression"]})
    families = ["rouge", "bleu", "chrf", "clinical", "facts", "labels"]
    assert read_json(tmp_path / "tasks.json") == {"findings": {"metrics": families}, "impression": {"metrics": families}}


@pytest.mark.parametrize(
    ("modalities", "scored"), [(("xray",), False), (("ct",), False), (("pet",), True), (("pet", "pet_ct"), True)]
)
def test_lesions_are_scored_where_a_pet_is_shown(modalities, scored):
    for name in ("findings", "impression", "dialogue", "impression_from_findings", "region_findings"):
        rows = described(name, task_module(name), modalities)
        assert {"lesions" in row["metrics"] for row in rows.values()} == {scored}
        assert {"clinical" in row["metrics"] for row in rows.values()} == {True}


def test_the_three_tasks_keep_their_ids_and_have_no_typed_answer(tmp_path):
    build(make(tmp_path), **DEFAULT)
    rows = examples(tmp_path)
    assert {row["id"] for row in rows} == {f"{row['study']}-findings" for row in rows}
    assert {row["pair"] for row in rows} == {None}
    assert not any("answer" in message for row in rows for message in row["messages"])


def test_a_task_may_ask_any_number_of_questions_a_study(tmp_path, task):
    task(questions_task())
    build(make(tmp_path), **{**DEFAULT, "tasks": ["questions"]})
    rows = examples(tmp_path)
    assert len(rows) == 20
    assert {row["id"] for row in rows} == {f"s{n:02d}-questions-{k}" for n in range(10) for k in (1, 2)}
    answers = {row["id"]: row["messages"][-1]["answer"] for row in rows}
    assert answers["s01-questions-1"] == {"kind": "yes_no", "value": True, "unit": None}
    assert answers["s01-questions-2"] == {"kind": "number", "value": 12.0, "unit": "mm"}
    assert from_row(Example, rows[0]).answer == Answer(**rows[0]["messages"][-1]["answer"])


def test_a_family_that_there_is_not_is_refused_with_the_one_that_was_meant(tmp_path, task):
    task(questions_task(metrics=("answer", "rouge")))
    with pytest.raises(UsageError, match="task questions: 'answer' is no family of metrics; did you mean 'answers'"):
        build(make(tmp_path), **{**DEFAULT, "tasks": ["questions"]})


def test_questions_are_scored_as_answers_from_build_to_scores(tmp_path, task):
    task(questions_task())
    build(make(tmp_path / "data", 40), **{**DEFAULT, "tasks": ["questions"], "fractions": (0.1, 0.0, 0.9)})
    rows = []
    for row in read_jsonl(tmp_path / "data" / "examples" / "test.jsonl"):
        example, own = from_row(Example, row), row["messages"][-1]["content"]
        flipped = {"Có.": "Không.", "Không.": "Có."}.get(own, "1,2 cm")
        place = (example.study, example.study, example.patient, "questions")
        rows.append(Prediction(example.id, 0, "none", "own", *place, flipped, own, "stop", "m"))
    write_jsonl(tmp_path / "run" / "predictions.jsonl", map(to_row, rows))
    evaluate(tmp_path / "data", tmp_path / "run", language="vi", resamples=100, seed=1)
    entry = read_scores(tmp_path / "run" / "scores.json")[TaskKey("questions", "test")]
    values = {key: score.value for key, score in entry.scores.items()}
    assert values.pop("answer_choice") is values.pop("answer_consistent") is None
    assert values == {
        "answer_accuracy": 50, "answer_yes_no": 0, "answer_balanced": 0, "answer_number": 100, "answered": 100
    }  # fmt: skip
    assert entry.scores["answer_accuracy"].low is not None and entry.fact_errors is None


def test_a_task_may_read_any_section_and_is_checked_before_anything_is_made(task):
    module = questions_task()
    module.SECTIONS = ("recommendation",)
    module.examples = lambda study, sections, words, images: [
        [Message("user", f"{images}?"), Message("assistant", sections["recommendation"], "report:recommendation")]
    ]
    task(module)
    preflight.check(load("demo", ["tasks=[questions, findings]"]), "build")
