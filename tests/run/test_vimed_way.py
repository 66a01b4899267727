"""The published PET/CT's own layout goes the whole way with a tiny model: pairs without units, regions, tasks, page."""

import json

import pytest
from vimed_tree import Tree, report

from docphim import chain, recipe
from docphim.files import read_json, read_jsonl

#: Month → how many studies: by the paper's split 10 train, 2 validate, 3 test.
MONTHS = {8: 6, 9: 4, 11: 2, 12: 3}
#: A picture as coarse as the bodies of the tests, few slices, and numbers that a CPU has.
SMALL = ("prepare.pet.show.count=3", "train.precision=fp32", "model.image_size=56")


@pytest.fixture(scope="module")
def vimed(tmp_path_factory):
    """A tree with one patient in two splits, a report without an impression, and a study without its CT."""
    tree = Tree(tmp_path_factory.mktemp("vimed"))
    number = 0
    for month, count in MONTHS.items():
        for _ in range(count):
            number += 1
            chest = f"Nốt thùy trên phổi phải {8 + number} mm, tăng chuyển hóa FDG (SUVmax: {3 + number / 10})."
            tree.add(number, 2017, month, said=report(**{"Lồng ngực": chest.replace(".", ","), "Chỉ định": "U phổi."}))
    tree.add(1, 2017, 12, said=report(**{"Chỉ định": "U phổi."}))
    tree.add(40, 2017, 8, said=report(**{"Nhận định kết quả": None}))
    tree.add(41, 2017, 8, ct_path="")
    return tree.write()


def settings(root, *more):
    return [part for setting in (f"source.path={root}", *SMALL, *more) for part in ("--set", setting)]


def test_the_recipe_runs_to_its_page_with_three_tasks_and_without_a_unit(docphim, vimed):
    answer = docphim("run", "vimed_pet_qwen", *settings(vimed))
    assert answer.returncode == 0, answer.stderr
    dataset = next((docphim.folder / "data" / "vimed_pet").iterdir())
    index = list(read_jsonl(dataset / "prepared" / "index.jsonl"))
    assert {(row["modality"], row["unit"], row["spacing"]) for row in index} == {("pet", "none", None), ("pet_ct", "HU", None)}
    assert len(index) == 2 * 17
    rejected = {(row["stage"], row["reason"]) for row in read_jsonl(dataset / "rejected.jsonl")}
    assert rejected == {("ingest", "ct_missing"), ("build", "section_missing")}
    examples = {s: list(read_jsonl(dataset / "examples" / f"{s}.jsonl")) for s in ("train", "val", "test")}
    assert [len(examples[s]) for s in examples] == [5 * 10 + 4, 5 * 2, 5 * 4]
    chest = next(e for e in examples["test"] if e["task"] == "region_findings.chest")
    assert chest["messages"][-1]["content"].startswith("Nốt thùy trên phổi phải")
    assert chest["media"][0]["frames"] == {"count": 3, "within": [0, 11]}
    asked = {e["task"]: e["messages"][1]["content"] for e in examples["test"]}
    assert asked["findings"].startswith("<video>Ảnh chụp PET/CT toàn thân bệnh nhân ")
    assert "Chỉ định: U phổi. Cân nặng 52 kg. Mô tả hình ảnh." in asked["findings"]
    assert "Mô tả hình ảnh: Đầu - cổ: Không thấy hạch cổ." in asked["impression_from_findings"]
    assert read_json(dataset / "leaks.json")["patient"]["groups"] == 1
    pet = read_json(dataset / "stats.json")["pet"]
    assert (pet["units"], pet["suv_max"], pet["slices"]["pairs"]) == ({"none": 17}, None, 17 * 24)
    assert pet["suv_a_report"]["n"] == 17 and pet["lengths"]["findings.chest"]["n"] == 17
    home = docphim.folder / "runs" / "vimed-pet-qwen"
    scores = read_json(home / "scores.json")["by_task"]
    regions = {f"region_findings.{name}/test" for name in ("head_neck", "chest", "abdomen_pelvis")}
    assert set(scores) >= {"findings/test", "impression_from_findings/test", *regions}
    assert set(scores["findings/test"]["reliance"]) == {"noise", "blank", "other"}
    page = (home / "index.html").read_text(encoding="utf-8")
    assert len(page) > 10_000 and "PETCT2017-THANG_12" in page
    assert "17 khối PET không có đơn vị" in page and "SUVmax của cả khối ảnh" not in page


def test_a_pet_only_run_of_it_needs_no_ct(docphim, vimed):
    pet_only = ("source.ct=false", "prepare={pet: {show: {count: 3, channels: [[pet, 0, 12000]]}}}", "tasks=[findings]")
    answer = docphim("run", "vimed_pet_qwen", "--until", "build", *settings(vimed, *pet_only))
    assert answer.returncode == 0, answer.stderr
    dataset = next((docphim.folder / "data" / "vimed_pet").iterdir())
    media = json.loads((dataset / "examples" / "test.jsonl").read_text(encoding="utf-8").splitlines()[0])["media"]
    assert list(media[0]["volumes"]) == ["pet"] and "rejected" not in str(media)
    assert {row["modality"] for row in read_jsonl(dataset / "prepared" / "index.jsonl")} == {"pet"}


def test_a_ct_that_nobody_prepares_is_named_before_anything_is_made(docphim, vimed):
    answer = docphim("run", "vimed_pet_qwen", *settings(vimed, "prepare={pet: {}}"))
    assert answer.returncode == 2 and "source.ct: the recipe prepares no ct; add prepare: {pet_ct: {}}" in answer.stderr
    assert not (docphim.folder / "data").exists()


def test_the_papers_three_stages_have_its_numbers(docphim, vimed):
    align, project, adapt = chain.steps(recipe.load("vimed_pet"))
    assert [step.name for step in (align, project, adapt)] == ["vimed-pet-align", "vimed-pet-project", "vimed-pet"]
    assert [step.train.learning_rate for step in (align, project, adapt)] == [1.25e-6, 2e-3, 2e-5]
    assert (project.train.epochs, adapt.train.epochs, adapt.model.lora.rank) == (20, 20, 64)
    sections = [step.train for step in (align, project, adapt)]
    assert {(train.schedule, train.warmup, train.precision) for train in sections} == {("cosine", 0.03, "bf16")}
    assert (adapt.generate.temperature, adapt.generate.max_new_tokens, adapt.augment.comparisons) == (0.5, 1024, 10_000)
    assert [step.model.tune for step in (align, project, adapt)] == ["full", "full", "lora"]


def test_they_run_on_small_parts(docphim, vimed):
    small = ["model.text_encoder=null", "model.decoder=null", "model.encoder={patch: 28, hidden: 32, layers: 1, heads: 2}"]
    small += ["model.tiny={vocab: 300, hidden: 32, layers: 1, report_hidden: 32, report_layers: 1}", "train.augment=[]"]
    small += ["train.max_steps=1", "train.evaluations=1", "train.accumulate=1", "generate.max_new_tokens=4"]
    small += ["evaluate.images=[own]", "evaluate.resamples=100", "tasks=[findings]", "prepare.workers=1"]
    answer = docphim("run", "vimed_pet", *settings(vimed, *small), tiny=False)
    assert answer.returncode == 0, answer.stderr
    for name in ("vimed-pet-align", "vimed-pet-project", "vimed-pet"):
        scores = read_json(docphim.folder / "runs" / name / "scores.json")["by_task"]["findings/test"]["scores"]
        assert "report_recall5" in scores
