"""A department's archive, every fault at a known place: exactly the expected refusals, no name in any output, nothing lost."""

import csv
import re
import unicodedata
from collections import Counter

import pytest
from department import write

from docphim import run
from docphim.files import read_jsonl
from docphim.recipe import Recipe, validated

STUDIES = 63


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The archive, and its dataset as far as `build`."""
    folder = tmp_path_factory.mktemp("department")
    expected, planted, lost = write(folder / "archive", STUDIES)
    recipe = {
        "name": "department",
        "source": {"kind": "folder", "path": str(folder / "archive"), "key_file": str(folder / "secret" / "key")},
        "split": {"fractions": [0.6, 0.2, 0.2]},
        "prompts": "docphim",
        "tasks": ["findings"],
        "prepare": {"workers": 1, "long_side": 256},
        "model": {"family": "qwen_vl", "weights": "tiny"},
        "max_rejected": 1.0,
        "data": str(folder / "data"),
        "runs": str(folder / "runs"),
    }
    dataset, _ = run.run(validated(Recipe, recipe, ""), until="build")
    return dataset, expected, planted, lost


def test_exactly_the_expected_studies_are_refused_and_the_others_stay(made):
    dataset, expected, _, _ = made
    rejected = list(read_jsonl(dataset / "rejected.jsonl"))
    assert Counter(row["reason"] for row in rejected) == expected
    examples = [row for split in ("train", "val", "test") for row in read_jsonl(dataset / "examples" / f"{split}.jsonl")]
    assert len(examples) == STUDIES - sum(expected.values())


def test_every_lost_case_leads_back_to_its_film_or_line(made):
    dataset, _, _, lost = made
    with open(dataset / "private.csv", encoding="utf-8") as handle:
        private = list(csv.DictReader(handle))
    for row in read_jsonl(dataset / "rejected.jsonl"):
        lines = [line for line in private if line["study"] == row["study"]]
        assert any(line["location"] for line in lines), row
    places = " ".join(f"{line['location']} {line['original_id']}" for line in private)
    assert [slip for slip in lost if slip not in places] == []


def test_no_planted_name_or_number_stands_in_any_output(made):
    dataset, _, planted, _ = made
    texts = [path.read_text("utf-8") for path in dataset.rglob("*.json*") if path.is_file()]
    plain = unicodedata.normalize("NFC", "\n".join(texts))
    reports = [row["report"]["sections"] for row in read_jsonl(dataset / "studies.jsonl")]
    assert len(reports) > STUDIES / 2
    leaks = [name for name in planted if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", plain, re.IGNORECASE)]
    assert leaks == []
    assert not re.search(r"BN1\d{4}|GD4\d{6}|<p>|Ã|nan\b", plain)


def test_the_pictures_of_words_are_the_reports(made):
    dataset, *_ = made
    for row in read_jsonl(dataset / "studies.jsonl"):
        assert {"findings", "impression"} == set(row["report"]["sections"])
