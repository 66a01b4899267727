"""The task of regions: one example a region, its slices, its wrong image of the same region, and what is refused."""

import pytest
from region_sets import DEFAULT, REGIONS, make, report

from docphim.build import build, region_findings
from docphim.files import read_json, read_jsonl
from docphim.language.places import by_place
from docphim.page.drafts import _drafts
from docphim.study import REGIONS as NAMES


def examples(dataset, *splits):
    return [row for split in splits or ("train", "val", "test") for row in read_jsonl(dataset / "examples" / f"{split}.jsonl")]


def by_id(dataset):
    return {row["id"]: row for row in examples(dataset)}


def within(row):
    return [media["frames"]["within"] for media in row["media"]]


def test_each_region_is_an_example_with_its_slices_and_what_the_report_says_of_it(tmp_path):
    build(make(tmp_path), **DEFAULT)
    rows = by_id(tmp_path)
    assert len(rows) == 40
    assert [rows[f"s03-region_findings.{name}"]["messages"][-1] for name in NAMES] == [
        {"role": "assistant", "content": text, "from": f"report:findings.{name}"}
        for name, text in zip(
            NAMES,
            [
                "Không thấy hạch cổ to, ca 3.",
                "Không thấy nốt phổi, hạch 8 mm.",
                "Gan bình thường, ca 3.",
                "Xương đùi trái có ổ tiêu xương 6 mm.",
            ],
            strict=True,
        )
    ]
    for name in NAMES:
        row = rows[f"s03-region_findings.{name}"]
        assert row["task"] == f"region_findings.{name}" and within(row) == [REGIONS[name]]  # the CT's, not the PET's
        assert row["media"][0]["volumes"].keys() == {"pet", "ct"} and "mips" not in row["media"][0]["frames"]
    asked = rows["s03-region_findings.chest"]["messages"][1]["content"]
    assert asked.startswith("<video>") and "vùng lồng ngực" in asked


def test_a_wrong_image_is_the_same_region_of_another_patient_who_has_it(tmp_path):
    without = {name: span for name, span in REGIONS.items() if name != "limbs"}
    build(make(tmp_path, 20, regions=dict.fromkeys(range(0, 20, 2), without)), **{**DEFAULT, "fractions": (1.0, 0.0, 0.0)})
    rows = examples(tmp_path, "train")
    limbs = {row["study"] for row in rows if row["task"].endswith("limbs")}
    assert limbs == {f"s{n:02d}" for n in range(1, 20, 2)}
    for row in rows:
        name, wrong = row["task"].partition(".")[2], row["wrong_image"]
        assert wrong["study"] != row["study"]
        assert [media["frames"]["within"] for media in wrong["media"]] == [REGIONS[name]]
        assert {media["study"] for media in wrong["media"]} == {wrong["study"]}
        assert name != "limbs" or wrong["study"] in limbs


def test_what_is_said_of_a_region_that_is_not_shown_stands_with_its_neighbour(tmp_path):
    without = {name: span for name, span in REGIONS.items() if name != "limbs"}
    build(make(tmp_path, regions={3: without}), **DEFAULT)
    rows = by_id(tmp_path)
    assert "s03-region_findings.limbs" not in rows
    assert "Xương đùi trái" in rows["s03-region_findings.abdomen_pelvis"]["messages"][-1]["content"]


def test_a_study_whose_regions_nobody_knows_is_refused_by_reason(tmp_path):
    build(
        make(tmp_path, ct=False, of_pet={"flags": []}),
        **{**DEFAULT, "tasks": ["region_findings", "findings"], "settings": {"pet": {}}},
    )
    assert {row["task"] for row in examples(tmp_path)} == {"findings"}
    rejected = [row for row in read_jsonl(tmp_path / "rejected.jsonl") if row["stage"] == "build"]
    assert {row["reason"] for row in rejected} == {"parts_unknown"} and len(rejected) == 10


def test_a_pet_alone_is_divided_by_itself(tmp_path):
    trunk = {"head_neck": [0, 33], "chest": [22, 253], "abdomen_pelvis": [22, 253], "flags": ["no_diaphragm"]}
    build(make(tmp_path, ct=False, of_pet=trunk), **{**DEFAULT, "settings": {"pet": {}}})
    rows = by_id(tmp_path)
    assert within(rows["s01-region_findings.chest"]) == [[22, 253]] == within(rows["s01-region_findings.abdomen_pelvis"])
    assert rows["s01-region_findings.chest"]["media"][0]["volumes"].keys() == {"pet"}


def test_every_region_that_is_shown_is_drafted_where_there_is_no_report_and_the_head_comes_first(tmp_path):
    build(make(tmp_path, 3, reported=False), **DEFAULT)
    rows = examples(tmp_path, "draft")
    assert len(rows) == 12 and {row["messages"][-1]["content"] for row in rows} == {""}
    drafted = [
        {"id": row["id"], "task": row["task"], "turn": 0, "prediction": row["task"], "finish": "stop"} for row in rows[3::-1]
    ]
    assert [draft.text for draft in _drafts(drafted)] == [f"region_findings.{name}" for name in NAMES]


def test_tasks_json_says_what_the_parts_make_together(tmp_path):
    build(make(tmp_path), **DEFAULT)
    tasks = read_json(tmp_path / "tasks.json")
    assert list(tasks) == [f"region_findings.{name}" for name in NAMES]
    assert {row["joined"] for row in tasks.values()} == {"findings"}


def test_training_negatives_are_other_patients_who_have_the_region(tmp_path):
    pairs = {"kinds": ["other"], "differ": 1, "reuse": 9, "neighbours": 2, "seed": 0, "labels": "ct_rate"}
    without = {name: span for name, span in REGIONS.items() if name != "head_neck"}
    dataset = make(tmp_path, 20, regions=dict.fromkeys(range(0, 20, 2), without))
    build(dataset, **{**DEFAULT, "pairs": pairs, "fractions": (1.0, 0.0, 0.0)})
    rows = [row for row in examples(tmp_path, "train") if row["task"].endswith("head_neck")]
    assert {row["pair"]["other"]["study"] for row in rows} <= {row["study"] for row in rows}


def test_regions_and_the_whole_body_may_be_asked_side_by_side(tmp_path):
    build(make(tmp_path), **{**DEFAULT, "tasks": ["findings", "region_findings"]})
    rows = by_id(tmp_path)
    assert rows["s02-findings"]["messages"][-1]["content"] == report(2)
    assert rows["s02-findings"]["media"][0]["frames"].get("within") is None and len(rows) == 50


@pytest.mark.parametrize("language, words", [("vi", "vùng chi dưới"), ("en", "the lower limbs")])
@pytest.mark.parametrize("prompts", ["docphim", "paper"])
def test_a_region_is_named_in_the_prompt(tmp_path, language, words, prompts):
    build(make(tmp_path), **{**DEFAULT, "language": language, "prompts": prompts})
    asked = [row["messages"][1]["content"] for row in examples(tmp_path) if row["task"].endswith("limbs")]
    assert asked and all(words in text for text in asked)


@pytest.mark.parametrize(
    ("fractions", "split", "asked"), [((0, 0, 1), "test", 4), ((1, 0, 0), "train", 3), ((0.2, 0.7, 0.1), "val", 3)]
)
def test_a_region_that_the_report_is_silent_on_is_asked_and_scored_but_nothing_is_learned_from_it(
    tmp_path, monkeypatch, fractions, split, asked
):
    monkeypatch.setattr(region_findings, "by_place", lambda *args: {k: v for k, v in by_place(*args).items() if k != "limbs"})
    build(make(tmp_path), **{**DEFAULT, "fractions": fractions})
    first = next(row["study"] for row in examples(tmp_path, split))
    rows = [row for row in examples(tmp_path, split) if row["study"] == first]
    assert len(rows) == asked
    assert [row["messages"][-1]["content"] == "" for row in rows] == [row["task"].endswith("limbs") for row in rows]
