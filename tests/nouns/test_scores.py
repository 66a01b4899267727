"""The nouns of scoring: keys and entries of scores.json there and back."""

import pytest

from docphim.errors import Refused
from docphim.files import read_json, write_json
from docphim.scores import Score, TaskKey, TaskScores, parse_marks, parse_scores, read_scores, write_scores
from docphim.study import from_row, to_row


@pytest.mark.parametrize("text", ["findings/test", "dialogue/val/reference", "questions/train/generated"])
def test_a_key_is_its_text(text):
    assert str(TaskKey.parse(text)) == text


@pytest.mark.parametrize("text", ["findings", "findings/dev", "a/test/none/x", "/test", "a/test/here", ""])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="is not TASK/SPLIT"):
        TaskKey.parse(text)


def test_the_context_none_is_not_written():
    assert str(TaskKey("findings", "test", "none")) == "findings/test"


def test_an_entry_is_written_and_read_with_all_it_holds_and_nothing_else(tmp_path):
    score = Score(50.0, 40.0, 60.0, 30, "docphim:rougeL|mean")
    entry = TaskScores(
        {"rougeL": score}, reliance={"other": {"rougeL": Score(1.0, n=30, drop=Score(49.0))}}, image_gain=Score(1.0, n=3)
    )
    written = write_scores(tmp_path / "scores.json", {TaskKey("findings", "test"): entry})
    assert read_json(tmp_path / "scores.json") == written
    row = written["by_task"]["findings/test"]
    assert row["reliance"]["other"]["rougeL"] == {
        "value": 1.0,
        "low": None,
        "high": None,
        "n": 30,
        "drop": {"value": 49.0, "low": None, "high": None},
    }
    assert not {"ceiling", "by_finding", "judge", "fact_errors"} & set(row) and row["image_gain"]["n"] == 3
    assert read_scores(tmp_path / "scores.json") == {TaskKey("findings", "test"): entry}


@pytest.mark.parametrize(
    "content", [[], {}, {"by_task": {"findings": {}}}, {"by_task": {"findings/test": {"scores": {}, "new": 1}}}]
)
def test_what_this_version_did_not_write_is_outdated(tmp_path, content):
    write_json(tmp_path / "scores.json", content)
    with pytest.raises(Refused, match="scores_outdated"):
        read_scores(tmp_path / "scores.json")


def test_the_declined_rate_is_of_the_drafts_and_unknown_where_nobody_looked():
    assert TaskScores({}, counts={"predictions": 40, "declined": 3}).declined == 7.5
    assert TaskScores({}, counts={"predictions": 40}).declined is None
    assert TaskScores({}).declined is None


@pytest.mark.parametrize(("low", "above"), [(0.1, True), (0.0, False), (-1.0, False), (None, None)])
def test_an_interval_lies_above_0_whole_or_not_at_all(low, above):
    assert Score(5.0, low, 9.0).above_zero is above


def test_nested_nouns_are_rebuilt_and_plain_dicts_stay():
    row = {"scores": {"a": {"value": 1.0}}, "counts": {"x": 1}, "named": {"x": ["1"]}}
    entry = from_row(TaskScores, row)
    assert entry.scores["a"] == Score(1.0) and entry.counts == {"x": 1}
    assert to_row(entry)["scores"]["a"] == {"value": 1.0, "low": None, "high": None}
    assert parse_scores({"findings/test": row}) == {TaskKey("findings", "test"): entry}


def test_marks_of_another_format_are_refused():
    with pytest.raises(ValueError, match="its format is not docphim-marks-1"):
        parse_marks({"format": "docphim-marks-2"})
