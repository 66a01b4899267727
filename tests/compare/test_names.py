"""Runs and readers of any name: no name is taken for a system, a formula or a command to the terminal."""

import csv
import io
import json

import pytest
from scored_runs import ScoredRun, references, systems, worse

from docphim.compare import compare_to_files
from docphim.compare.latex import latex
from docphim.compare.page import html
from docphim.compare.table import compare
from docphim.compare.text import terminal, tidy
from docphim.errors import Refused
from docphim.page.marking import digest, marked
from docphim.records import write_stage, written

KEY = "findings/test"
NAMES = ["own", "other", "floor:constant", "test", "ceiling", "baseline"]


def runs(folder, *names, every=(9, 5, 2)):
    truth = references()
    for i, name in enumerate(names):
        ScoredRun(folder / name).task(KEY, truth, systems(truth, every[i % len(every)])).write()
    return [folder / name for name in names]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_a_system_s_name_hides_no_other(tmp_path, name):
    result = compare(runs(tmp_path, name, "e2", "e3"), metrics=["rougeL"])
    rows = {(row["run"], row["system"]): row for row in result["tables"][0]["rows"]}
    assert {run for run, system in rows if system == "own"} == {name, "e2", "e3"}
    assert [rows[run, "own"]["against"] for run in (name, "e2", "e3")] == [None, name, name]
    assert [rows[run, "other"]["against"] for run in (name, "e2", "e3")] == [name, "e2", "e3"]
    assert result["tests"] == 3
    lines = terminal(result).splitlines()
    assert all(any(line.startswith(run) and "[" in line for line in lines) for run in (name, "e2", "e3"))
    page, table = html(result), latex(result)
    assert page.count('<th scope="row">') == 4 and f'<th scope="row">{name}<small>' in page
    assert all(f"\n{run} & " in table for run in (name, "e2", "e3"))


def test_only_runs_and_floors_are_tested_and_never_a_wrong_film(tmp_path):
    result = compare(runs(tmp_path, "a", "own"), metrics=["rougeL"])
    tested = [row for row in result["tables"][0]["rows"] if "p" in (row["scores"]["rougeL"]["difference"] or {})]
    assert [(row["run"], row["system"]) for row in tested] == [("own", "own"), (None, "floor:constant")]


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@sum", "\tx"])
def test_a_run_s_name_is_no_formula_in_a_spreadsheet(tmp_path, name):
    result = compare(runs(tmp_path, "plain", name), metrics=["rougeL"], baseline=name)
    cells = [row["run"] for row in csv.DictReader(io.StringIO(tidy(result)))]
    assert f"'{name}" in cells and name not in cells and "plain" in cells
    against = {row["against"] for row in csv.DictReader(io.StringIO(tidy(result)))}
    assert f"'{name}" in against and name not in against
    assert any(row["difference"].startswith("-") for row in csv.DictReader(io.StringIO(tidy(result))))


def test_a_name_steers_no_terminal(tmp_path):
    name = "a\x1b[31m\u202eb"
    text = terminal(compare(runs(tmp_path, name), metrics=["rougeL"]))
    assert "\x1b" not in text and "\u202e" not in text and "a\ufffd[31m\ufffdb" in text


def test_a_reader_s_name_steers_no_terminal_and_is_no_formula(tmp_path):
    truth = references(4)
    run = ScoredRun(tmp_path / "r").task(KEY, truth, {"own": worse(truth, 2)})
    run.write()
    row = run.answers[0]
    sentences = [{"text": s.text, "start": s.start, "end": s.end, "mark": "correct"} for s in marked(row["prediction"])]
    study = {"task": KEY, "id": row["id"], "draft": digest(row["prediction"]), "sentences": sentences, "missing": []}
    tasks = {KEY: {"references": run.by_task[KEY]["keys"]["references"]}}
    content = {"format": "docphim-marks-1", "run": "r", "reader": "=x\x1b[2J", "tasks": tasks, "studies": [study]}
    (tmp_path / "m.json").write_text(json.dumps(content), "utf-8")
    result = compare_to_files([tmp_path / "r"], marks=[tmp_path / "m.json"], metrics=["rougeL"])
    assert "\x1b" not in terminal(result)
    assert all(not cell.startswith("=") for line in csv.reader(io.StringIO(tidy(result))) for cell in line)


def test_the_declined_rate_stands_in_every_table(tmp_path):
    truth = references()
    for name, declined in (("a", 3), ("b", 0)):
        run = ScoredRun(tmp_path / name).task(KEY, truth, systems(truth, 5))
        run.by_task[KEY]["counts"]["declined"] = declined
        run.write()
    result = compare([tmp_path / "a", tmp_path / "b"], metrics=["rougeL"])
    assert "drafts that decline to answer: a 7.5 %, b 0.0 %" in " ".join(terminal(result).split())
    assert {row["run"]: row["declined"] for row in csv.DictReader(io.StringIO(tidy(result))) if row["system"] == "own"} == {
        "a": "7.5",
        "b": "0.0",
    }
    assert "7.5 % of drafts decline to answer" in html(result) and "7,5 % bản nháp" in html(result)
    assert "0 % of drafts decline to answer" in html(result).replace("7.5 %", "")
    assert "in percent: a 7.5, b 0.0." in latex(result)


@pytest.mark.parametrize("name", ["scores.json", "statistics.parquet"])
def test_a_file_that_evaluation_did_not_write_so_is_named_and_not_used(tmp_path, name):
    (folder,) = runs(tmp_path, "a")
    outputs = ["scores.json", "statistics.parquet", "errors.jsonl"]
    write_stage(folder / "evaluate.json", {"version": 3, "outputs": outputs, "written": written(folder, outputs)})
    compare([folder], metrics=["rougeL"])
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Refused, match=f"file_changed: a/{name}"):
        compare([folder], metrics=["rougeL"])
