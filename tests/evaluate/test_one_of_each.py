"""A metric family and a label set are one file and one line each: what is added here is found everywhere."""

import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import docphim
from docphim import imaging, preflight, terminal
from docphim.compare import compare_to_files
from docphim.compare.latex import latex
from docphim.compare.page import html
from docphim.compare.text import terminal as compared
from docphim.compare.text import tidy
from docphim.errors import UsageError
from docphim.evaluate import evaluate
from docphim.files import write_json
from docphim.language import labels
from docphim.metrics import METRICS, Title, sets_of
from docphim.metrics.catalogue import by_modality
from docphim.page.families import families
from docphim.page.figures import scores_figure
from docphim.page.tasks import tasks
from docphim.page.words import label_set, metric
from docphim.recipe import load
from docphim.scores import TaskKey, read_scores

TABLE = """
set: hearts
title: Hearts of 2026
certainty: {certain: positive, probable: positive, possible: uncertain, not_excluded: uncertain, obscured: uncertain}
labels:
  Big heart:
    is:
      - {anatomy: heart, part: [null, size, contour], state: [enlarged, widened, prominent]}
"""


def length_family() -> types.ModuleType:
    """How much of the reference's length a draft has: a family as somebody would write it, in one module."""
    module = types.ModuleType("length_family")
    module.KEYS = module.HEAD = module.PER_STUDY = ("length_share",)
    module.AVERAGE, module.SETTINGS, module.AT_LENGTH = "corpus", {"tok": "letter"}, ()
    module.KIND, module.SERVES, module.LEXICON = "other", "reports", False
    module.TITLES = {"length_share": Title("tỉ lệ độ dài", "length share", "Len.")}
    module.statistics = lambda pairs: np.array(
        [[min(len(p), len(r)), len(r)] for r, p in zip(pairs.references, pairs.predictions, strict=True)], dtype=float
    )
    module.aggregate = lambda sums: 100 * sums[..., :1] / np.maximum(sums[..., 1:], 1)
    module.per_study = lambda rows: 100 * rows[:, :1] / np.maximum(rows[:, 1:], 1)
    return module


@pytest.fixture
def added(tmp_path, monkeypatch):
    """One line in each dict, and the file behind it."""
    monkeypatch.setitem(sys.modules, "length_family", length_family())
    monkeypatch.setitem(METRICS, "length", "length_family")
    shutil.copytree(Path(labels.__file__).parent, tmp_path / "language")
    (tmp_path / "language" / "labels" / "hearts.yaml").write_text(TABLE, "utf-8")
    monkeypatch.setattr(labels, "_FOLDER", tmp_path / "language")
    monkeypatch.setattr(docphim.language, "__file__", str(tmp_path / "language" / "__init__.py"))
    monkeypatch.setitem(labels.SETS, "hearts", "xray")


@pytest.fixture
def run(added, made):
    evaluate(made.dataset, made.run, language="vi", resamples=100, seed=5)
    return made


def test_a_recipe_may_name_them_and_a_slip_is_told(added):
    preflight.check(load("demo", ["evaluate.metrics=[length]", "evaluate.label_sets=[hearts]"]), "evaluate")
    with pytest.raises(UsageError, match=r"evaluate\.metrics: 'lenght' is no family of metrics; did you mean 'length'\?"):
        preflight.check(load("demo", ["evaluate.metrics=[lenght]"]), "evaluate")
    with pytest.raises(UsageError, match=r"label set 'heart' is not one of .*hearts"):
        preflight.check(load("demo", ["evaluate.label_sets=[heart]"]), "evaluate")


def test_score_has_them(added, capsys):
    scored = docphim.score(["Bóng tim to."], ["Bóng tim không to."])
    assert {"length_share", "hearts/macro_f1"} <= set(scored["scores"]) and list(scored["per_label"]["hearts"]) == ["Big heart"]
    terminal.score_table(scored)
    printed = capsys.readouterr().out
    assert "length_share" in printed and "hearts/micro_f1" in printed and "hearts/crg" not in printed


def test_evaluate_scores_them_with_floors_and_reliance(run):
    task = read_scores(run.run / "scores.json")[TaskKey("findings", "test")]
    for key in ("length_share", "hearts/macro_f1"):
        assert task.scores[key].value == 100 and task.scores[key].low == 100
        assert all(key in floor for floor in task.floors.values()) and task.reliance["blank"][key].drop.value == 100
    assert task.per_label["hearts"]["Big heart"].support == 30
    assert "|lexicon:" in task.scores["hearts/macro_f1"].signature


def test_the_headline_names_what_leads(run):
    evaluate(run.dataset, run.run, language="vi", resamples=100, seed=5, metrics=["length"])
    task = read_scores(run.run / "scores.json")[TaskKey("findings", "test")]
    assert set(task.scores) == {"length_share"}
    text = terminal.headline("findings/test", task)
    assert "length share" in text and "own film" in text


def test_compare_has_them_in_every_form(run):
    result = compare_to_files([run.run])
    assert "length_share" in result["metrics"]
    result = compare_to_files([run.run], metrics=["length_share", "hearts/macro_f1"])
    assert "length_share" in compared(result) and "length_share" in tidy(result)
    assert "Len." in latex(result) and "F1, Hearts of 2026" in latex(result)
    assert "Length share" in html(result) and "Macro F1 (Hearts of 2026)" in html(result)


def test_the_page_has_them_with_their_names_and_figures(run):
    task = read_scores(run.run / "scores.json")[TaskKey("findings", "test")]
    blocks = {block.name: block for block in families(task)}
    assert "length_share" in blocks["other"].drawn and "hearts/macro_f1" in blocks["labels"].metrics
    assert "hearts" in dict(blocks["labels"].tables)
    assert (metric("length_share").vi, label_set("hearts").en) == ("tỉ lệ độ dài", "Hearts of 2026")
    assert "length share" in scores_figure(task, "length_share")
    inputs = types.SimpleNamespace(scores={TaskKey("findings", "test"): task}, blind=False, errors={})
    (view,) = tasks(inputs)
    assert view.labels["hearts"][0][0] == "Big heart"


def test_a_task_is_scored_by_the_families_it_names(added, made):
    write_json(made.dataset / "tasks.json", {"findings": {"metrics": ["length", "rouge"]}})
    evaluate(made.dataset, made.run, language="vi", resamples=100, seed=5)
    task = read_scores(made.run / "scores.json")[TaskKey("findings", "test")]
    assert set(task.scores) == {"length_share", "rouge1", "rouge2", "rougeL"} and task.fact_errors is None


def test_images_are_scored_by_the_label_sets_of_their_modality_and_by_no_others(added, monkeypatch):
    def shown(*kinds):
        return [types.SimpleNamespace(study="s", media=[types.SimpleNamespace(volumes=dict.fromkeys(kinds, "x.b2nd"))])]

    assert sets_of(shown("xray"), {}) == ("vindr", "chexpert", "hearts") and sets_of(shown("ct"), {}) == ("ct_rate",)
    assert sets_of(shown("mammogram"), {}) == ()
    monkeypatch.setitem(labels.SETS, "hearts", "mammogram")
    assert sets_of(shown("mammogram"), {}) == ("hearts",)
    assert sets_of(shown("ct", "pet"), {}) == ()  # the CT beside a PET is no chest CT


def test_tables_list_label_sets_as_the_modalities_are_listed_phantoms_first(added, monkeypatch):
    monkeypatch.setitem(labels.SETS, "hearts", "mammogram")
    assert by_modality(labels.SETS)[:4] == ["phantom", "phantom_ct", "phantom_pet", "vindr"]
    monkeypatch.setattr(imaging, "MODALITIES", {"mammogram": "m", **imaging.MODALITIES})
    scored = ["phantom", "phantom_ct", "phantom_pet", "hearts", "vindr", "chexpert", "ct_rate"]
    assert by_modality(labels.SETS) == [*scored, *labels.READINGS]
