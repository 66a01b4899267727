"""Variants over seeds: means, ranges, paired differences, what they show; as text, CSV, LaTeX and page."""

import csv
import json

import numpy as np
import pytest
from scored_runs import ScoredRun, references, swapped, systems, worse

from docphim.compare import variants as compared
from docphim.compare.variants import BESIDE, SCORES, Number, Variant, compare_variants, mean, verdicts, write_tables
from docphim.errors import UsageError
from docphim.files import write_jsonl

TABLES = [
    {"name": "Table 1", "rows": ["origin", "gauss"], "published": "ct_negatives"},
    {"name": "Table 2", "rows": ["same", "noise"], "published": None},
]


def gains(folder, ids, nats):
    rows = [{"id": i, "turn": 0, "context": "none", "image": image} for i in ids for image in ("own", "other")]
    write_jsonl(folder / "likelihoods.jsonl", [row | {"nats": 10 + nats * (row["image"] == "other")} for row in rows])


@pytest.fixture
def variants(tmp_path):
    """origin is wrong in a half, gauss in a tenth (seed 0) or a fifth (seed 1); noise as origin, but only noise disturbs it."""
    truth = references()
    folders = {}
    for name, wrong in (("origin-s0", 2), ("origin-s1", 2), ("gauss-s0", 10), ("gauss-s1", 5), ("noise-s0", 2)):
        own = worse(truth, wrong)
        shown = systems(truth, wrong) | {"noise": swapped(own) if name == "noise-s0" else own}
        if name == "noise-s0":
            shown["other"] = systems(truth, 2)["other"]
        folders[name] = ScoredRun(tmp_path / name).task("findings/test", truth, shown).write()
        gains(folders[name], truth, 3.0 if "gauss" in name else 1.0)
    by_seed = {n: {s: folders[f"{n}-s{s}"] for s in (0, 1) if f"{n}-s{s}" in folders} for n in ("origin", "gauss", "noise")}
    made = [Variant(name, by_seed[name]) for name in ("origin", "gauss", "noise")]
    return [made[0], Variant("same", by_seed["origin"], same_as="origin"), *made[1:]]


def test_a_variant_is_the_mean_of_its_seeds_with_their_range_and_the_difference_paired_by_patient(variants):
    result = compare_variants(variants, TABLES)
    (task,) = result["tasks"]
    rows = {name: row["scores"] for name, row in task["rows"].items()}
    alone = [compare_variants([Variant("x", {0: folder})], []) for folder in variants[2].folders.values()]
    by_seed = [one["tasks"][0]["rows"]["x"]["scores"]["rougeL"]["value"] for one in alone]
    gauss, origin = rows["gauss"]["rougeL"], rows["origin"]["rougeL"]
    assert gauss["value"] == pytest.approx(np.mean(by_seed))
    assert (gauss["lowest"], gauss["highest"]) == (min(by_seed), max(by_seed)) and min(by_seed) < max(by_seed)
    assert origin["difference"] is None and gauss["difference"]["value"] == pytest.approx(gauss["value"] - origin["value"])
    assert 0 < gauss["difference"]["low"] < gauss["difference"]["high"]
    # The same runs under another name, and twice the same texts: no difference, on any sample.
    assert {rows["same"]["rougeL"]["difference"][end] for end in ("value", "low", "high")} == {0}
    assert rows["gauss"]["image_gain"]["value"] == 3 and rows["gauss"]["image_gain"]["difference"]["low"] == 2
    assert task["n"] == 40 and [floor["system"] for floor in task["floors"]] == ["floor:constant"]
    assert task["floors"][0]["scores"]["words"]["value"] == 3


def test_only_what_a_whole_interval_shows_is_concluded(variants):
    shown = compare_variants(variants, TABLES)["tasks"][0]["verdicts"]
    assert set(shown) == {"origin", "gauss", "noise"}, "an alias shows nothing of its own"
    assert shown["origin"] == ["looks"]
    assert {"helps", "looks", "gains_more"} <= set(shown["gauss"]) and "like_seeds" not in shown["gauss"]
    assert shown["noise"] == ["no_difference", "looks", "only_noise"]


NOTHING = {"value": None, "low": None, "high": None, "difference": None}


def a_row(scores, seeds=(0,), ends=None):
    """A variant's fact F1 over its seeds, and the ends of its difference to the baseline."""
    difference = None if ends is None else dict(zip(("low", "high"), ends, strict=True))
    lead = {"value": 0, "low": 0, "high": 0, "lowest": min(scores), "highest": max(scores), "difference": difference}
    return {"seeds": list(seeds), "scores": {"fact_f1": lead, **dict.fromkeys(BESIDE, NOTHING)}}


@pytest.mark.parametrize(
    ("ends", "names"),
    [
        ((0.1, 2), ["helps", "trained_once"]),
        ((-2, -0.1), ["hurts", "trained_once"]),
        ((-1, 1), ["no_difference"]),
        ((None, None), ["no_difference"]),
    ],
)
def test_a_difference_is_one_only_where_its_interval_lies_on_one_side_of_nothing(ends, names):
    assert verdicts(a_row([61], ends=ends), a_row([60])) == names


@pytest.mark.parametrize(
    ("scores", "base", "names"),
    [
        ([63], [60, 62], ["helps"]),
        ([61], [60, 62], ["helps", "like_seeds"]),
        ([62, 66], [60, 62], ["helps", "like_seeds"]),
        ([62, 66], [60, 61], ["helps"]),
        ([59, 63], [60], ["helps", "like_seeds"]),
    ],
)
def test_a_difference_that_seeds_alone_make_too_is_said_to_be_chance(scores, base, names):
    row, other = (a_row(values, range(len(values))) for values in (scores, base))
    row["scores"]["fact_f1"]["difference"] = {"low": 0.1, "high": 2}
    assert verdicts(row, other) == names


def test_a_variant_is_judged_by_the_clinical_score_where_there_is_one():
    row, base = a_row([61]), a_row([60])
    row["scores"]["clinical_f1"] = row["scores"]["fact_f1"] | {"difference": {"low": 1, "high": 2}}
    row["scores"]["fact_f1"]["difference"] = {"low": -2, "high": -1}
    base["scores"]["clinical_f1"] = base["scores"]["fact_f1"]
    assert "clinical_f1" in SCORES and verdicts(row, base) == ["helps", "trained_once"]


def test_without_samples_there_is_a_mean_and_no_interval():
    assert mean([Number(1, np.zeros(3)), Number(3, None)]).row() == {"value": 2, "low": None, "high": None}


def test_tables_are_written_in_every_form_with_the_papers_contradiction(variants, tmp_path):
    write_tables(variants, TABLES, tmp_path)
    text, page, latex = ((tmp_path / name).read_text("utf-8") for name in ("tables.txt", "index.html", "tables.tex"))
    assert max(map(len, text.splitlines())) <= 100 and text.isprintable() is False
    for part in (
        "Table 1: findings/test",
        "origin, 2 seeds",
        "same (= origin), 2 seeds",
        "28.0 / 34.2",
        "It only learns to",
        "difference to origin",
    ):
        assert part in text
    assert page.count("<table>") == 2 and "28.0 / 34.2" in page and "chính là origin" in page and "<script" not in page
    assert latex.count(r"\begin{table*}") == 2 and r"\quad paper" in latex
    with open(tmp_path / "tables.csv", encoding="utf-8") as handle:
        rows = {(r["table"], r["system"], r["column"]): r for r in csv.DictReader(handle)}
    assert (
        rows["Table 1", "gauss", "rougeL"]["published"] == "27.98 / 34.24"
        and rows["Table 1", "gauss", "rougeL"]["seeds"] == "2"
    )
    assert rows["Table 2", "same", "bleu4"]["same_as"] == "origin" and ("Table 1", "floor:constant", "bleu4") in rows
    assert json.loads((tmp_path / "tables.json").read_text("utf-8"))["tasks"][0]["baseline"] == "origin"


def test_numbers_that_nobody_published_are_refused_by_name(variants):
    with pytest.raises(UsageError, match=r"published 'nobody' is not one of ct_negatives"):
        compare_variants(variants, [TABLES[0] | {"published": "nobody"}])


def named(texts, task):
    """Texts by id as a task has them: the study's and the task's name."""
    return {f"{study}-{task}": text for study, text in texts.items()}


@pytest.fixture
def stages(tmp_path):
    """Findings in one run, impressions in another, both in the turns of a third; the dialogue has two studies fewer."""
    findings, impressions = references(), {study: f"{text} Kết luận." for study, text in references().items()}
    fewer = [dict(list(texts.items())[:-2]) for texts in (findings, impressions)]

    def run(name, *tasks):
        made = ScoredRun(tmp_path / name)
        for key, truth, wrong in tasks:
            task = key.partition("/")[0]
            patients = {f"{study}-{task}": f"p-{study}" for study in truth}
            shown = {system: named(texts, task) for system, texts in systems(truth, wrong).items()}
            made.task(key, named(truth, task), shown, patients=patients)
        folder = made.write()
        gains(folder, named(findings, "findings"), 2.0)
        return Variant(name, {None: folder})

    return [
        run("f", ("findings/val", {f"v{study}": text for study, text in findings.items()}, 5), ("findings/test", findings, 2)),
        run("i", ("impression/test", impressions, 2)),
        run("d", ("dialogue/test", fewer[0], 5), ("dialogue/test/reference", fewer[1], 10)),
        run("g", ("findings/test", findings, 10)),
    ]


def test_a_table_is_shown_on_the_tasks_of_its_rows_and_each_task_has_its_own_baseline(stages):
    tables = [{"name": "S1", "rows": ["f", "g"], "published": None}, {"name": "S2", "rows": ["i"], "published": None}]
    result = compare_variants(stages, tables)
    shown = {task["key"]: [(t["name"], t["rows"]) for t in task["tables"]] for task in result["tasks"]}
    assert shown == {
        "dialogue/test": [],
        "dialogue/test/reference": [],
        "findings/val": [("S1", ["f"])],
        "findings/test": [("S1", ["f", "g"])],
        "impression/test": [("S2", ["i"])],
    }
    of = {task["key"]: task for task in result["tasks"]}
    assert of["impression/test"]["baseline"] == "i" and of["findings/test"]["baseline"] == "f"
    assert of["findings/test"]["rows"]["g"]["scores"]["rougeL"]["difference"]["low"] > 0


def test_answers_of_different_stages_are_paired_by_study_where_their_references_are_the_same(stages, tmp_path):
    tables = [{"name": "Stages", "rows": ["f", "i", "d"], "published": None}]
    result = write_tables(stages[:3], tables, tmp_path / "out")
    blocks = [task for task in result["tasks"] if task["tables"]]
    assert [(task["key"], list(task["rows"]), task["n"]) for task in blocks] == [
        ("findings/test = dialogue/test", ["f findings/test", "d dialogue/test"], 38),
        ("impression/test = dialogue/test/reference", ["i impression/test", "d dialogue/test/reference"], 38),
    ]
    first = blocks[0]["rows"]["d dialogue/test"]["scores"]["rougeL"]
    second = blocks[1]["rows"]["d dialogue/test/reference"]["scores"]["rougeL"]
    # The same studies, the same draws: what the difference would be if both were one task.
    whole = compare_variants(stages, [])["tasks"]
    alone = next(task for task in whole if task["key"] == "dialogue/test")["rows"]["d"]["scores"]["rougeL"]
    assert (first["value"], first["low"], first["high"]) == (alone["value"], alone["low"], alone["high"])
    assert 0 < first["difference"]["low"] < first["difference"]["value"] and second["difference"]["low"] > 0
    gain = blocks[0]["rows"]["f findings/test"]["scores"]["image_gain"]
    assert gain["value"] == 2 and blocks[0]["floors"][0]["system"] == "floor:constant"
    text, page = ((tmp_path / "out" / name).read_text("utf-8") for name in ("tables.txt", "index.html"))
    assert "Stages: findings/test = dialogue/test" in text and "d dialogue/test/reference" in text
    assert "diff: difference to the first row of each task" in text and "dòng đầu của mỗi mục" in page
    assert page.count("<table>") == 2 and "Findings = Dialogue, turn 1: findings: Test" in page


def test_rows_that_share_neither_task_nor_references_make_no_table(stages, caplog):
    result = compare_variants(stages[:2], [{"name": "Apart", "rows": ["f", "i"], "published": None}])
    assert not any(task["tables"] for task in result["tasks"])
    assert "the rows of 'Apart' share no task and no references" in caplog.text


def test_a_papers_number_of_one_task_stands_on_that_task_alone(stages, tmp_path, monkeypatch):
    known = {"mine": {"source": {"vi": "x", "en": "x"}, "notes": [], "rows": {"f": {"findings/val": {"rougeL": 12.5}}}}}
    monkeypatch.setattr(compared, "packaged", lambda path: known)
    write_tables(stages[:1], [{"name": "S1", "rows": ["f"], "published": "mine"}], tmp_path / "out")
    with open(tmp_path / "out" / "tables.csv", encoding="utf-8") as handle:
        cells = {(r["task"], r["column"]): r["published"] for r in csv.DictReader(handle) if r["published"]}
    assert cells == {("findings/val", "rougeL"): "12.50"}
