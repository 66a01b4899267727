"""`generate.cache` on the way of a recipe: drafts of a static cache are their own, and other drafts stay good."""

import shutil

import pytest
from small_dataset import example, write_dataset

from docphim.errors import UsageError
from docphim.files import read_jsonl
from docphim.generate import generate
from docphim.models import decode
from docphim.recipe import load
from docphim.way import stages

ASKED = {"images": ["own"], "splits": ["test"], "contexts": ["generated"], "max_new_tokens": 12, "batch_size": 2}


def test_drafts_are_the_same_and_made_again(tmp_path, tiny_model, monkeypatch):
    dataset, run = write_dataset(tmp_path / "data", [example(n) for n in range(4)]), tmp_path / "run"
    shutil.copytree(tiny_model, run / "model")
    made, real = [], decode.past
    monkeypatch.setattr(decode, "past", lambda loaded, cache, most: made.append((cache, most)) or real(loaded, cache, most))
    drafts = []
    for options in ({}, {"options": {"cache": "static"}}):
        generate(dataset, run, **ASKED, **options)
        drafts.append(list(read_jsonl(run / "predictions.jsonl")))
    assert drafts[0] == drafts[1] and all(row["prediction"] for row in drafts[0])
    assert [cache for cache, _ in made] == ["dynamic"] * 3 + ["static"] * 3 and made[3][1] == 1 and made[4][1] > 12


def test_a_recipe_says_it_to_its_own_model_alone(tmp_path):
    drafting = [
        next(s for s in stages(load("demo", changes), tmp_path, tmp_path) if s.name == "generate").settings
        for changes in ([], ["generate.cache=static"])
    ]
    assert "options" not in drafting[0] and drafting[1] == drafting[0] | {"options": {"cache": "static"}}
    changes = [
        "generate.backend=openai",
        "generate.endpoint=http://127.0.0.1:1/v1",
        "generate.model=m",
        "generate.cache=static",
    ]
    with pytest.raises(UsageError, match="cache: backend openai keeps its own"):
        load("demo", changes)
