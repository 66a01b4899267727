"""The published PET/CT's own layout goes the whole way with a tiny model: pairs without units, regions, tasks, page."""

import json

import pytest
from vimed_tree import Tree, report

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
    answer = docphim("run", "vimed_pet", *settings(vimed))
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
    home = docphim.folder / "runs" / "vimed-pet"
    scores = read_json(home / "scores.json")["by_task"]
    regions = {f"region_findings.{name}/test" for name in ("head_neck", "chest", "abdomen_pelvis")}
    assert set(scores) >= {"findings/test", "impression_from_findings/test", *regions}
    assert set(scores["findings/test"]["reliance"]) == {"noise", "blank", "other"}
    page = (home / "index.html").read_text(encoding="utf-8")
    assert len(page) > 10_000 and "PETCT2017-THANG_12" in page
    assert "17 khối PET không có đơn vị" in page and "SUVmax của cả khối ảnh" not in page


def test_a_pet_only_run_of_it_needs_no_ct(docphim, vimed):
    pet_only = ("source.ct=false", "prepare={pet: {show: {count: 3, channels: [[pet, 0, 12000]]}}}", "tasks=[findings]")
    answer = docphim("run", "vimed_pet", "--until", "build", *settings(vimed, *pet_only))
    assert answer.returncode == 0, answer.stderr
    dataset = next((docphim.folder / "data" / "vimed_pet").iterdir())
    media = json.loads((dataset / "examples" / "test.jsonl").read_text(encoding="utf-8").splitlines()[0])["media"]
    assert list(media[0]["volumes"]) == ["pet"] and "rejected" not in str(media)
    assert {row["modality"] for row in read_jsonl(dataset / "prepared" / "index.jsonl")} == {"pet"}


def test_a_ct_that_nobody_prepares_is_named_before_anything_is_made(docphim, vimed):
    answer = docphim("run", "vimed_pet", *settings(vimed, "prepare={pet: {}}"))
    assert answer.returncode == 2 and "source.ct: the recipe prepares no ct; add prepare: {pet_ct: {}}" in answer.stderr
    assert not (docphim.folder / "data").exists()
