"""What a validation gives: agreement between readers and of one with herself, the pull of a given table, time, the truth."""

import copy

import pytest
from reader_files import accept, prepared, reading, sealed, truth, write_both

from docphim.errors import Refused
from docphim.files import read_json, write_json
from docphim.metrics.readers import read_truth
from docphim.validate import locked
from docphim.validate.report import report
from docphim.validate.text import lines


def turned(row, study, again):
    """Every nodule on the other side, but where it is shown again."""
    if row["lesion"]["type"] == "nodule" and not again:
        return {**row, "state": "edited", "lesion": row["lesion"] | {"side": "left"}}
    return accept(row, study, again)


def removed(row, study, again):
    return {**row, "state": "removed" if row["lesion"]["type"] == "nodule" else "accepted"}


def unsure(row, study, again):
    return {**row, "state": "unjudged" if row["lesion"]["type"] == "nodule" else "accepted"}


@pytest.mark.parametrize(
    ("two", "f1", "sides", "pairs"),
    [(accept, 100, 1, 16), (turned, 100, 0.5, 16), (removed, 66.6666666667, 1, 8), (unsure, 100, 1, 8)],
)
def test_readers_are_compared_on_first_showings_without_what_one_cannot_judge(tmp_path, two, f1, sides, pairs):
    out, made = prepared(tmp_path, empty=0.2)
    write_both(out, made, accept, two)
    answer = report(out)
    between = answer["between"]
    assert (answer["studies"], between["cases"], between["f1"]["lesion_tp"]["value"]) == (10, 10, f1)
    assert (between["fields"]["side"]["observed"], between["fields"]["side"]["n"]) == (sides, pairs)


def test_a_reader_is_compared_with_herself_on_what_she_saw_twice(tmp_path):
    out, made = prepared(tmp_path, 20, empty=0)
    write_both(out, made, accept, turned)
    one, two = report(out)["within"]
    assert one["cases"] == two["cases"] == 2
    assert [within["fields"]["side"]["observed"] for within in (one, two)] == [1, 0.5]


def test_what_a_given_table_does_is_told_from_what_begins_with_none(tmp_path):
    out, made = prepared(tmp_path, 20, empty=0.5)
    write_both(out, made)
    empty = {study.study for study in made.studies if study.start == "empty"}
    for reader in (1, 2):
        file = read_json(out / f"reader-{reader}.json")
        shown = {one.case: one.study for one in made.readers[reader - 1]}
        for case in file["cases"]:
            case["seconds"] = 90 if shown[case["case"]] in empty else 30
            if shown[case["case"]] in empty:  # each finds the nodule, and the first a mass besides
                types = ["nodule", "mass"][: 3 - reader]
                lesions = [{"v": 1, "type": name, "organ": "lung", "uptake": "high"} for name in types]
                case["rows"] = [{"row": f"n{n}", "state": "added", "lesion": one} for n, one in enumerate(lesions)]
        file.pop("sha256")
        write_json(out / f"reader-{reader}.json", sealed(file))
    start = report(out)["start"]
    assert [start[name]["between"]["cases"] for name in ("report", "empty")] == [10, 10]
    assert start["report"]["between"]["f1"]["lesion_tp"]["value"] == 100
    assert start["empty"]["between"]["f1"]["lesion_tp"]["value"] == pytest.approx(200 / 3)
    assert start["difference"]["between"]["lesion_tp"]["value"] == pytest.approx(100 / 3)
    # of two lesions that a report says one is found by either reader, who name two and one
    assert start["difference"]["from_report"]["lesion_tp"]["value"] == pytest.approx(100 - 400 / 7)
    assert [[reader["median"] for reader in start[name]["seconds"]] for name in ("report", "empty")] == [[30, 30], [90, 90]]


@pytest.mark.parametrize(
    ("state", "lesions", "studies", "unjudged"), [("both", 16, 10, 0), ("dropped", 8, 10, 0), ("unjudged", 0, 2, 8)]
)
def test_the_truth_holds_what_was_settled_and_no_study_of_which_a_row_cannot_be_judged(
    tmp_path, state, lesions, studies, unjudged
):
    out, made = prepared(tmp_path)
    write_both(out, made)
    write_json(out / "adjudicated.json", sealed(truth(*locked(out), state=state)))
    answer = report(out)["truth"]
    assert (answer["lesions"], answer["studies"], len(answer["unjudged"])) == (lesions, studies, unjudged)
    records = read_truth(out / "adjudicated.json", made).records()
    assert sum(found is None for found in records.values()) == unjudged and len(records) == 10
    text = "\n".join(lines(report(out)))
    assert f"truth: {lesions} lesions of {studies} studies, {unjudged} studies not judged" in text
    assert "reader 2, against the truth" in text and "1 BS 1" in text


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        (lambda f: f | {"readings": ["0" * 64] * 2}, "reading_differs"),
        (lambda f: f | {"set": "0" * 16}, "reading_differs"),
        (lambda f: f | {"locked": None}, "reading_open"),
        (lambda f: f | {"cases": f["cases"][2:]}, "reading_open"),
        (lambda f: f | {"format": "docphim-truth-9"}, "reading_version"),
        (lambda f: f["cases"][0].update(done=False) or f, "reading_open"),
        (lambda f: next(c for c in f["cases"] if c["rows"])["rows"][0].update(lesion=None) or f, "reading_unreadable"),
        (lambda f: next(c for c in f["cases"] if c["rows"])["rows"][0].update(state="open") or f, "reading_open"),
    ],
)
def test_a_truth_of_other_files_or_with_something_open_is_refused(tmp_path, altered, reason):
    out, made = prepared(tmp_path)
    write_both(out, made)
    write_json(out / "adjudicated.json", sealed(altered(copy.deepcopy(truth(*locked(out))))))
    with pytest.raises(Refused) as refused:
        report(out)
    assert refused.value.reason == reason


def test_a_truth_that_is_altered_or_locked_anew_is_refused(tmp_path):
    out, made = prepared(tmp_path)
    write_both(out, made)
    file = truth(*locked(out))
    write_json(out / "adjudicated.json", sealed(file))
    report(out)
    write_json(out / "adjudicated.json", {**sealed(file), "name": "X"})
    with pytest.raises(Refused, match=r"reading_changed: adjudicated\.json: the file is not what was locked"):
        report(out)
    write_json(out / "adjudicated.json", sealed(file | {"name": "X"}))
    with pytest.raises(Refused, match="not the file that was first read"):
        report(out)


def test_rows_and_time_of_each_reader_stand_in_the_table(tmp_path):
    out, made = prepared(tmp_path)
    write_both(out, made, accept, removed)
    one, two = report(out)["readers"]
    assert one["rows"] == {"accepted": 2 * len([c for c in reading(made, 1)["cases"] if c["rows"]])}
    assert two["rows"]["removed"] == two["rows"]["accepted"]
    assert one["seconds"] == {"n": 11, "median": 40, "p5": 40, "p95": 40, "sum": 440}
    head, row = [line for line in "\n".join(lines(report(out))).splitlines() if line.startswith(("reader  ", "2 BS 2"))]
    assert head.split()[:5] == ["reader", "cases", "not", "judged", "accepted"] and row.split()[3] == "11"
