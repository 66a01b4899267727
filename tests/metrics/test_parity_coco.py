"""The convention `coco` gives pycocoevalcap's values, run live; `coco_values.json` has them for where it is not installed."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from parity_cases import CORPUS, corpora, ours, same

from docphim.metrics import metric

pytest.importorskip("pycocoevalcap", reason="pycocoevalcap is not installed: pip install --group peers")
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

VALUES = Path(__file__).with_name("coco_values.json")


def coco(pairs):
    references = {i: [r] for i, (r, _) in enumerate(pairs)}
    predictions = {i: [p] for i, (_, p) in enumerate(pairs)}
    corpus, rows = {}, {}
    values, own = Bleu().compute_score(references, predictions, verbose=0)
    for i in range(4):
        corpus[f"bleu{i + 1}"], rows[f"sentence_bleu{i + 1}"] = 100 * values[i], [100 * v for v in own[i]]
    scorers = {"rougeL": Rouge(), "cider": Cider()}
    if not any(r.split() for r, _ in pairs):
        del scorers["cider"]
    for key, scorer in scorers.items():
        value, own = scorer.compute_score(references, predictions)
        corpus[key], rows[key] = 100 * value, (100 * own).tolist()
    return corpus, rows


def check(pairs):
    values, studies = ours("coco", pairs)
    corpus, rows = coco(pairs)
    same(corpus, values)
    same(rows, studies)


@pytest.mark.parametrize("name", corpora())
def test_coco_is_matched_and_the_kept_values_are_its_own(name):
    check(corpora()[name])
    kept = json.loads(VALUES.read_text(encoding="utf-8"))[name]
    corpus, rows = coco(corpora()[name])
    same(kept["corpus"], corpus)
    same(kept["reports"], rows)


@settings(max_examples=100, deadline=None)
@given(CORPUS)
@example([("tim to", "tim"), ("", "to"), ("tim", "")])
def test_coco_is_matched_on_any_text(pairs):
    check(pairs)


def test_cider_is_0_where_no_reference_says_anything_and_the_tool_stops():
    with pytest.raises(ValueError, match=r"max\(\)|empty"):
        Cider().compute_score({0: [""]}, {0: ["tim"]})
    assert ours("coco", [("", "tim")])[0]["cider"] == 0


def test_the_installed_tool_is_the_signed_release():
    assert metric("coco_bleu").SETTINGS["tool"] == f"pycocoevalcap-{version('pycocoevalcap')}"
