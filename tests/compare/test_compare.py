"""`docphim compare`: what may be compared, what is refused and why, and what the numbers are."""

import json
import re

import pytest
from scored_runs import ScoredRun, references, swapped, systems, worse

from docphim.compare.table import compare
from docphim.errors import Refused, UsageError

KEY = "findings/test"
METRICS = ["rougeL", "bleu4"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs on two splits: a good one, one nearly as good, and one that writes the same whatever film it is shown."""
    folder, truth = tmp_path_factory.mktemp("runs"), references()
    val = {f"v{id_}": text for id_, text in references(36).items()}
    for name, every, reads in (("good", 9, True), ("close", 8, True), ("blind", 2, False)):
        run = ScoredRun(folder / name)
        run.task(KEY, truth, systems(truth, every, reads=reads)).task("findings/val", val, systems(val, every, reads=reads))
        run.write()
    return folder


@pytest.fixture(scope="module")
def result(runs):
    return compare([runs / name for name in ("good", "close", "blind")], metrics=METRICS)


def table(result, key=KEY):
    return next(table for table in result["tables"] if table["key"] == key)


def rows(result, key=KEY):
    return {(row["run"], row["system"]): row for row in table(result, key)["rows"]}


def test_every_value_and_interval_is_that_of_the_run(runs, result):
    for name in ("good", "close", "blind"):
        said = json.loads((runs / name / "scores.json").read_text("utf-8"))["by_task"][KEY]["scores"]
        for metric in METRICS:
            score = rows(result)[name, "own"]["scores"][metric]
            assert {key: score[key] for key in ("value", "low", "high", "n", "signature")} == said[metric]


def test_tables_go_by_task_and_dev_before_test(result):
    assert [table["key"] for table in result["tables"]] == ["findings/val", "findings/test"]
    assert (table(result)["n"], table(result)["patients"]) == (40, 40)


def test_a_floor_that_all_share_stands_once(result):
    assert [key for key in rows(result) if key[1].startswith("floor")] == [(None, "floor:constant")]


def test_a_floor_that_differs_stands_by_run(tmp_path):
    truth = references()
    for name, text in (("a", "Bóng tim to."), ("b", "Xẹp phổi phải.")):
        ScoredRun(tmp_path / name).task(KEY, truth, systems(truth, 5) | {"floor:constant": dict.fromkeys(truth, text)}).write()
    found = rows(compare([tmp_path / "a", tmp_path / "b"]))
    assert [key for key in found if key[1].startswith("floor")] == [("a", "floor:constant"), ("b", "floor:constant")]


def test_a_floor_that_one_run_lacks_still_stands_once(tmp_path):
    truth = references()
    for name, floors in (("a", {}), ("b", {"floor:nearest": swapped(truth)}), ("c", {"floor:nearest": swapped(truth)})):
        ScoredRun(tmp_path / name).task(KEY, truth, {"own": worse(truth, 5)} | floors).write()
    found = rows(compare([tmp_path / name for name in "abc"], metrics=["rougeL"]))
    assert list(found)[3:] == [(None, "floor:nearest")]
    assert found[None, "floor:nearest"]["scores"]["rougeL"]["difference"]["p"] < 1


def test_a_difference_is_the_difference_of_the_values_with_a_paired_interval_and_a_p(result):
    found = rows(result)
    score, base = (found[name, "own"]["scores"]["rougeL"] for name in ("blind", "good"))
    difference = score["difference"]
    assert difference["value"] == pytest.approx(score["value"] - base["value"])
    assert difference["low"] < difference["value"] < difference["high"] < 0
    assert 0 < difference["p"] < 0.01
    assert difference["p"] <= difference["p_holm"] <= 1
    assert base["difference"] is None


def test_systems_that_are_nearly_the_same_are_not_told_apart(result):
    assert rows(result)["close", "own"]["scores"]["bleu4"]["difference"]["p_holm"] > 0.5


def test_all_tests_of_the_table_are_corrected_together(result):
    tested = [
        score["difference"]
        for table in result["tables"]
        for row in table["rows"]
        if row["against"] == "good" and row["system"] not in ("other", "noise", "blank")
        for score in row["scores"].values()
    ]
    assert result["tests"] == len(tested) == 2 * 3 * 2
    smallest = min(tested, key=lambda d: d["p"])
    assert smallest["p_holm"] == pytest.approx(min(1, len(tested) * smallest["p"]))


def test_more_tests_have_more_permutations_so_that_the_smallest_p_can_survive(runs, monkeypatch):
    monkeypatch.setattr("docphim.compare.table.PERMUTATIONS", 100)
    found = compare([runs / "good", runs / "blind"], metrics=["all"])
    assert found["permutations"] == 200 * found["tests"]
    assert rows(found)["blind", "own"]["scores"]["rougeL"]["difference"]["p_holm"] < 0.05


def test_the_drop_on_anothers_film_stands_beside_the_score(result):
    found = rows(result)
    own, other = found["good", "own"]["scores"]["rougeL"], found["good", "other"]["scores"]["rougeL"]
    assert own["drop"]["other"]["value"] == pytest.approx(own["value"] - other["value"])
    assert own["drop"]["other"]["low"] > 0
    assert found["blind", "own"]["scores"]["rougeL"]["drop"]["other"] == {"value": 0, "low": 0, "high": 0}
    assert found["good", "other"]["against"] == "good"
    assert other["difference"]["value"] == -own["drop"]["other"]["value"]


def best(result):
    return {(key, metric) for key, row in rows(result).items() for metric in METRICS if row["scores"][metric].get("best")}


def test_no_run_is_best_where_chance_could_have_made_it(result):
    assert best(result) == set()


def test_the_best_run_is_marked_where_it_differs_from_the_baseline(runs):
    for baseline in ("good", "blind"):
        found = compare([runs / "good", runs / "blind"], metrics=METRICS, baseline=baseline)
        assert best(found) == {(("good", "own"), metric) for metric in METRICS}


def test_all_intervals_of_a_table_are_of_the_same_draws_and_say_so(tmp_path):
    truth = references()
    for name, seed in (("a", 5), ("b", 6)):
        ScoredRun(tmp_path / name).task(KEY, truth, systems(truth, 5), seed=seed).write()
    one, two = (rows(compare([tmp_path / "a", tmp_path / "b"]))[name, "own"]["scores"]["rougeL"] for name in "ab")
    assert (one["low"], one["high"], one["signature"]) == (two["low"], two["high"], two["signature"])
    assert "|bs:200|seed:5|" in one["signature"]


def test_equal_systems_differ_by_nothing_with_p_one(tmp_path):
    truth = references()
    for name in "ab":
        ScoredRun(tmp_path / name).task(KEY, truth, systems(truth, 5)).write()
    difference = rows(compare([tmp_path / "a", tmp_path / "b"]))["b", "own"]["scores"]["rougeL"]["difference"]
    assert difference == {"value": 0, "low": 0, "high": 0, "p": 1, "p_holm": 1}


def test_one_run_alone_is_set_against_its_floors(runs):
    found = compare([runs / "good"], metrics=["rougeL"])
    assert found["tests"] == 2
    assert rows(found)[None, "floor:constant"]["scores"]["rougeL"]["difference"]["value"] < 0


def test_runs_of_other_tasks_stand_in_their_own_tables(tmp_path):
    truth = references()
    ScoredRun(tmp_path / "a").task(KEY, truth, systems(truth, 5)).write()
    ScoredRun(tmp_path / "b").task("impression/test", truth, systems(truth, 4)).write()
    found = compare([tmp_path / "a", tmp_path / "b"])
    assert [table["key"] for table in found["tables"]] == ["findings/test", "impression/test"]
    assert rows(found, "impression/test")["b", "own"]["against"] is None


def test_without_intervals_there_are_none(tmp_path):
    truth = references(20)
    for name, every in (("a", 4), ("b", 3)):
        ScoredRun(tmp_path / name).task(KEY, truth, systems(truth, every)).write()
    score = rows(compare([tmp_path / "a", tmp_path / "b"]))["b", "own"]["scores"]["rougeL"]
    assert (score["low"], score["difference"]["low"]) == (None, None)
    assert 0 < score["difference"]["p"] <= 1


def pair(tmp_path, truth, other, **change):
    """Two runs on one task; the second on other references, ids or patients."""
    ScoredRun(tmp_path / "a").task(KEY, truth, systems(truth, 5)).write()
    ScoredRun(tmp_path / "b").task(KEY, other, systems(other, 4), **change).write()
    return [tmp_path / "a", tmp_path / "b"]


def refused(runs, **options):
    with pytest.raises(Refused) as refusal:
        compare(runs, **options)
    assert refusal.value.where == KEY
    return refusal.value.reason, refusal.value.why


def test_other_references_are_refused(tmp_path):
    truth = references()
    reason, why = refused(pair(tmp_path, truth, truth | {"s003": "Khác."}))
    assert (reason, why) == ("references_differ", "the references of a are not those of b")


@pytest.mark.parametrize("change", [{"patients": {"s003": "p-s004"}}, {"keys": {"split": "another"}}])
def test_another_split_is_refused(tmp_path, change):
    reason, why = refused(pair(tmp_path, references(), references(), **change))
    assert reason == "split_differs"
    assert why.startswith("the split of a is not that of b")


def test_studies_of_nothing_in_common_are_another_split(tmp_path):
    truth = references()
    reason, _ = refused(pair(tmp_path, truth, {f"x{id_}": text for id_, text in truth.items()}), allow_missing=True)
    assert reason == "split_differs"


def test_another_convention_is_refused_by_the_field_that_differs(tmp_path):
    runs = pair(tmp_path, references(), references())
    path = runs[1] / "scores.json"
    path.write_text(re.sub(r"(docphim:rougeL[^\"]*)case:lower", r"\1case:kept", path.read_text("utf-8")), "utf-8")
    reason, why = refused(runs)
    assert (reason, why) == ("signature_differs", "rougeL of a and b: case:lower is compared with case:kept")
    compare(runs, metrics=["bleu4"])


def missing(tmp_path):
    """The second run left four examples unanswered; the first, one other."""
    truth = references()
    ids = list(truth)
    for name, every, lost in (("a", 9, ids[:1]), ("b", 2, ids[-4:])):
        said = {system: {i: t for i, t in texts.items() if i not in lost} for system, texts in systems(truth, every).items()}
        ScoredRun(tmp_path / name).task(KEY, truth, said).write()
    return [tmp_path / "a", tmp_path / "b"], truth


def test_missing_ids_are_named_and_counted_and_stop_the_comparison(tmp_path):
    runs, _ = missing(tmp_path)
    reason, why = refused(runs)
    assert reason == "ids_differ"
    assert "a lacks 1 (s000" in why
    assert "b lacks 4 (s036, s037, s038, s039" in why
    assert "35 are in all runs" in why


def test_missing_ids_are_left_out_for_all_where_that_is_allowed(tmp_path):
    runs, truth = missing(tmp_path)
    found = compare(runs, allow_missing=True)
    assert found["left_out"][KEY]["b"] == {"missing": 4, "named": ["s036", "s037", "s038", "s039"]}
    assert table(found)["n"] == 35
    for name in "ab":
        scores = rows(found)[name, "own"]["scores"]["rougeL"]
        assert scores["n"] == 35
        assert "|n:35|" in scores["signature"]
    common = list(truth)[1:-4]
    whole = {id_: truth[id_] for id_ in common}
    answers = {"a": worse(truth, 9), "b": worse(truth, 2)}
    for name in "ab":
        own = {i: answers[name][i] for i in common}
        ScoredRun(tmp_path / "c" / name).task(
            KEY, whole, {"own": own, "other": {i: swapped(answers[name])[i] for i in common}}
        ).write()
    same = compare([tmp_path / "c" / name for name in "ab"])
    for key in (("a", "own"), ("b", "own"), ("b", "other")):
        one, two = (rows(r)[key]["scores"]["rougeL"] for r in (found, same))
        assert {k: one[k] for k in ("value", "low", "high")} == {k: two[k] for k in ("value", "low", "high")}


def test_where_ids_are_missing_the_common_references_are_still_compared(tmp_path):
    truth = references()
    short = dict(list(truth.items())[:-3])
    runs = pair(tmp_path, truth, short | {"s001": "Khác."})
    reason, why = refused(runs, allow_missing=True)
    assert (reason, "1 of 37 common ids" in why) == ("references_differ", True)
    ScoredRun(tmp_path / "c").task(KEY, short, systems(short, 4)).write()
    assert table(compare([tmp_path / "a", tmp_path / "c"], allow_missing=True))["n"] == 37


def test_statistics_that_do_not_give_the_scores_are_refused(tmp_path):
    runs = pair(tmp_path, references(), references())
    said = json.loads((runs[1] / "scores.json").read_text("utf-8"))
    said["by_task"][KEY]["scores"]["rougeL"]["value"] += 0.01
    (runs[1] / "scores.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(Refused, match="scores_outdated: b, findings/test: rougeL is"):
        compare(runs)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"by_task": {"findings/test": {"scores": {}}}}'])
def test_a_run_of_an_older_version_is_refused(tmp_path, content):
    runs = pair(tmp_path, references(), references())
    (runs[0] / "scores.json").write_text(content, "utf-8")
    with pytest.raises(Refused, match=r"scores_outdated: a(, findings/test)?: an older version evaluated the run"):
        compare(runs)


def test_a_task_without_statistics_is_refused(tmp_path):
    runs = pair(tmp_path, references(), references())
    said = json.loads((runs[0] / "scores.json").read_text("utf-8"))
    said["by_task"]["impression/test"] = said["by_task"][KEY]
    (runs[0] / "scores.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(Refused, match="scores_outdated: a, impression/test"):
        compare(runs)


def test_a_run_that_was_not_evaluated_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(Refused, match=r"file_missing: a/scores.json: evaluate the run first"):
        compare([tmp_path / "a"])


def test_a_broken_table_of_statistics_is_refused(tmp_path):
    runs = pair(tmp_path, references(), references())
    (runs[1] / "statistics.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(Refused, match=r"file_unreadable: statistics\.parquet"):
        compare(runs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["rougeX"]}, "--metrics rougeX: must be one of rouge1, .*bleu4, or all"),
        ({"baseline": "c"}, "--baseline c: must be one of good, close"),
    ],
)
def test_what_is_not_there_is_a_usage_error(runs, options, message):
    with pytest.raises(UsageError, match=message):
        compare([runs / "good", runs / "close"], **options)


def test_a_run_that_is_not_there_or_named_twice_is_a_usage_error(runs):
    with pytest.raises(UsageError, match="RUN nowhere: is neither a folder nor a run"):
        compare(["nowhere"])
    with pytest.raises(UsageError, match="named twice"):
        compare([runs / "good", runs / "close" / ".." / "good"])


def test_runs_are_found_by_name_and_told_apart_where_names_are_the_same(tmp_path, monkeypatch):
    truth = references()
    for folder in ("runs", "other"):
        ScoredRun(tmp_path / folder / "demo").task(KEY, truth, systems(truth, 5)).write()
    monkeypatch.chdir(tmp_path)
    assert [run["name"] for run in compare(["demo"])["runs"]] == ["demo"]
    assert [run["name"] for run in compare(["demo", "other/demo"])["runs"]] == ["demo", "other/demo"]
    assert compare(["demo", "other/demo"], baseline="other/demo")["baseline"] == "other/demo"


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ({"weights": "Qwen/Qwen2.5-VL-7B-Instruct", "tune": "lora"}, "Qwen2.5-VL-7B-Instruct lora"),
        ({"weights": "a/b", "tune": "lora", "quantise": "nf4", "whole": ["projector"]}, "b lora nf4 +projector"),
        ({"weights": "/somewhere/private/model-3b", "tune": "none"}, "model-3b"),
        ({"weights": "tiny", "tune": "full", "blind": True}, "qwen_vl tiny full blind"),
    ],
)
def test_models_are_named_without_their_paths(tmp_path, recipe, name):
    truth = references(4)
    ScoredRun(tmp_path / "a", **recipe).task(KEY, truth, systems(truth, 2)).write()
    assert compare([tmp_path / "a"])["runs"][0]["model"] == name


def test_a_second_comparison_gives_the_same_numbers(runs, result):
    assert compare([runs / name for name in ("good", "close", "blind")], metrics=METRICS) == result
