"""The published chest CT's own layout goes the whole way with a tiny model: reconstructions, masks, pairs, losses, page."""

import numpy as np
import pytest
from ct_rate_tree import Tree, masks, stored

from docphim.files import read_json, read_jsonl
from docphim.language.labels import label_names

PATIENTS = {"train": 10, "valid": 3}


@pytest.fixture(scope="module")
def rate(tmp_path_factory):
    """Two reconstructions of each scan, labels drawn at random, masks for the first scan, and a volume that is missing."""
    tree = Tree(tmp_path_factory.mktemp("ct-rate"))
    rng = np.random.default_rng(3)
    for split, count in PATIENTS.items():
        for number in range(1, count + 1):
            labels = {name: int(rng.random() < 0.5) for name in label_names("ct_rate")}
            grain = np.rint(rng.normal(0, 3, stored().shape))
            tree.add(f"{split}_{number}_a_1", stored() + grain, **labels)
            tree.add(f"{split}_{number}_a_2", stored() + grain, ConvolutionKernel="Br60f", **labels)
    tree.add("train_99_a_1", np.empty(0))
    tree.write()
    masks(tree.root / "rex", "train_1_a_1", np.stack([stored() == 700]))
    return tree.root


#: A grid as coarse as the chests of the tests, three slices of it, and numbers that a CPU has.
SMALL = (
    "prepare.ct.spacing=[20, 10, 10]",
    "prepare.ct.show={count: 3}",
    "prepare.ct_masks={}",
    "source.val=0.3",
    "train.precision=fp32",
)


def settings(root, *more):
    given = (f"source.path={root}", f"source.masks={root / 'rex'}", *SMALL, *more)
    return [part for setting in given for part in ("--set", setting)]


def test_the_papers_recipe_runs_to_its_page_masks_included(docphim, rate):
    answer = docphim("run", "ct_rate", *settings(rate))
    assert answer.returncode == 0, answer.stderr
    dataset = next((docphim.folder / "data" / "ct_rate").iterdir())
    prepared = {row["series"]: row["modality"] for row in read_jsonl(dataset / "prepared" / "index.jsonl")}
    assert prepared.pop("train_1_a_1-masks") == "ct_masks"
    shapes = {row["series"]: row["shape"] for row in read_jsonl(dataset / "prepared" / "index.jsonl")}
    assert shapes["train_1_a_1-masks"] == shapes["train_1_a_1"]
    assert set(prepared) == {f"{split}_{n}_a_1" for split, count in PATIENTS.items() for n in range(1, count + 1)}
    assert [row["reason"] for row in read_jsonl(dataset / "rejected.jsonl")] == ["image_missing"]
    examples = {s: list(read_jsonl(dataset / "examples" / f"{s}.jsonl")) for s in ("train", "val", "test")}
    assert len(examples["train"]) + len(examples["val"]) == PATIENTS["train"] and len(examples["test"]) == PATIENTS["valid"]
    assert all("masks" not in str(e["media"]) for rows in examples.values() for e in rows)
    home = docphim.folder / "runs" / "ct-rate"
    scores = read_json(home / "scores.json")["by_task"]["findings/test"]
    assert scores["counts"]["predictions"] == PATIENTS["valid"] and set(scores["reliance"]) == {"noise", "blank", "other"}
    assert any("val/gap" in row for row in read_jsonl(home / "log.jsonl"))
    assert (home / "index.html").stat().st_size > 10_000


def test_masks_that_nobody_prepares_are_named_before_anything_is_made(docphim, rate):
    answer = docphim("run", "ct_rate", *settings(rate), "--set", "prepare={ct: {}}")
    assert answer.returncode == 2 and "source.masks: the recipe prepares no masks" in answer.stderr
    assert not (docphim.folder / "data").exists()


def test_the_papers_tables_run_on_it_by_one_key(docphim, rate):
    answer = docphim("run", "ct_tables", "--until", "build", *settings(rate, "base=ct_rate", "name=ct-rate-tables"))
    assert answer.returncode == 0, answer.stderr
    assert len(list((docphim.folder / "data" / "ct_rate").iterdir())) == 1
