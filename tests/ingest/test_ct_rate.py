"""CT-RATE as published: one reconstruction a scan, its report and labels, versions and layouts, masks, and what is wrong."""

from pathlib import Path

import chest_volumes
import numpy as np
import pytest
from ct_rate_tree import Tree, masks, stored
from films import Ingested

from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl
from docphim.imaging import ct, ct_masks, layouts, store
from docphim.imaging.io.locations import Stated, parse, read_table
from docphim.prepare import prepare

GRID = {"spacing": [20, 10, 10]}
NONE = np.empty(0)


def ingested(tmp_path, by_source=True, language="en", **options):
    return Ingested(tmp_path, kind="ct_rate", split_by_source=by_source, language=language, **options)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "source")


def test_a_scan_becomes_one_study_with_its_report_labels_sex_and_age(tmp_path, tree):
    tree.add("train_1_a_1")
    tree.add("valid_1_a_1", Technique_EN="NOT GIVEN", ClinicalInformation_EN="Not given.", PatientSex="F", PatientAge="")
    tree.write()
    got = ingested(tmp_path)
    first, second = got.studies
    assert (first["id"], first["patient"], first["sex"], first["age"], first["split"]) == (
        "train_1_a",
        "train_1",
        "M",
        42,
        "train",
    )
    assert first["report"]["sections"].keys() == {"findings", "impression", "history", "technique"}
    assert first["labels"] == {"set": "ct_rate", "source": "model", "values": first["labels"]["values"]}
    assert [name for name, value in first["labels"]["values"].items() if value] == ["Lung nodule"]
    assert first["series"] == [
        {"id": "train_1_a_1", "modality": "ct", "path": "prepared/train_1_a_1.b2nd", "unit": "HU", "view": "unknown"}
    ]
    assert (second["patient"], second["split"], second["sex"], second["age"]) == ("valid_1", "test", "F", None)
    assert second["report"]["sections"].keys() == {"findings", "impression"}


RECONSTRUCTIONS = {
    "a soft kernel first": ({}, [("Br40d", "1.0"), ("Br60f", "1.0")], "1"),
    "whatever their order": ({}, [("Br60f", "1.0"), ("Br40d", "1.0")], "2"),
    "the thinnest first": ({}, [("Br40d", "3.0"), ("Br60f", "1.0")], "2"),
    "a sharp one, if asked": ({"kernel": "sharp"}, [("Br40d", "1.0"), ("Br60f", "1.0")], "2"),
    "one by its name": ({"kernel": "br36f"}, [("Br40d", "1.0"), ("Br36f", "3.0")], "2"),
    "kernels of several values": ({"kernel": "soft"}, [("['Br60f', '3']", "1.0"), ("['Br40d', '3']", "1.0")], "2"),
    "one of several values by its name": ({"kernel": "Br40d"}, [("['Br60f', '3']", "1.0"), ("['Br40d', '3']", "1.0")], "2"),
    "a thickness, if asked": ({"thickness": 3}, [("Br40d", "1.0"), ("Br40d", "3.0")], "2"),
    "none is as asked": ({"thickness": 5}, [("Br40d", "1.0"), ("Br40d", "3.0")], "volume_missing"),
}


@pytest.mark.parametrize(("rule", "there", "expected"), RECONSTRUCTIONS.values(), ids=RECONSTRUCTIONS)
def test_one_reconstruction_of_a_scan_is_read_by_rule(tmp_path, tree, rule, there, expected):
    for number, (kernel, step) in enumerate(there, 1):
        tree.add(f"train_7_b_{number}", ConvolutionKernel=kernel, ZSpacing=step)
    elsewhere = tmp_path / "blobs"
    (tree.root / "dataset" / "train_fixed" / "train_7").rename(elsewhere)  # a download may be of links
    (tree.root / "dataset" / "train_fixed" / "train_7").symlink_to(elsewhere)
    tree.add("train_8_a_1", ConvolutionKernel="Br36f" if rule.get("kernel") == "br36f" else "Br60f", ZSpacing="3")
    tree.write()
    if expected == "volume_missing":
        with pytest.raises(Refused, match="volume_missing 2"):
            ingested(tmp_path, **rule)
        return
    studies = {study["id"]: study for study in ingested(tmp_path, **rule).studies}
    assert studies["train_7_b"]["series"][0]["id"] == f"train_7_b_{expected}"


def test_a_patient_is_in_one_split_and_val_is_a_share_of_the_training_patients(tmp_path, tree):
    for number in range(40):
        tree.add(f"train_{number}_a_1")
        tree.add(f"train_{number}_b_1")
    tree.add("valid_3_a_1")
    tree.write()
    got = ingested(tmp_path, val=0.3)
    of = {}
    for study in got.studies:
        of.setdefault(study["patient"], set()).add(study["split"])
    assert all(len(splits) == 1 for splits in of.values()) and of["valid_3"] == {"test"}
    assert 4 <= sum(splits == {"val"} for splits in of.values()) <= 20
    assert {study["split"] for study in ingested(tmp_path, by_source=False).studies} == {None}


def faults(tree):
    tree.add("train_1_a_1")
    tree.add("train_2_a_1", NONE)  # a row of a volume that is not there
    tree.add("train_3_a_1", report=False)
    tree.add("train_4_a_1")
    tree.no_chest("train", "train_4_a_1")
    tree.add("train_5_a_1", Findings_EN="Not given.", Impressions_EN="nan")
    tree.add("train_6_a_1", **{"Lung nodule": "nan", "Emphysema": ""})
    tree.add("train_7_a_1", labels=False)
    tree.add("train_8_a_1", Emphysema="2")
    tree.add("train_9_a_1", Findings_EN="B\u00c3\u00b3ng m\ufffd")
    tree.add("train_10_a_1")
    tree.write()
    reports = tree.root / "dataset" / "radiology_text_reports" / "train_reports.csv"
    text = reports.read_text(encoding="utf-8")
    reports.write_text(
        text + "train_10_a_1.nii.gz,Other.,,Other findings.,Other.\ntrain_1_a_1.nii.gz,Cough.\n", encoding="utf-8"
    )
    (tree.root / "dataset" / "train_fixed" / "notes.txt").write_text("hello")


def test_every_fault_of_a_download_costs_its_scan_alone(tmp_path, tree):
    faults(tree)
    got = ingested(tmp_path)
    assert {(row["study"], row["reason"]) for row in got.rejected} == {
        ("train_1_a", "row_unreadable"),
        ("train_2_a", "image_missing"),
        ("train_3_a", "report_missing"),
        ("train_4_a", "body_part_out_of_scope"),
        ("train_5_a", "report_empty"),
        ("train_8_a", "labels_differ"),
        ("train_9_a", "report_encoding"),
        ("train_10_a", "report_duplicate"),
    }
    studies = {study["id"]: study for study in got.studies}
    assert studies.keys() == {"train_1_a", "train_6_a", "train_7_a"}
    assert studies["train_6_a"]["labels"]["values"]["Lung nodule"] is None and studies["train_7_a"]["labels"] is None
    assert got.notes["counts"]["files_ignored"] == 1 and got.notes["counts"]["labels_missing"] == 1


MISTAKES = {
    "Vietnamese": ({"language": "vi"}, UsageError, "language"),
    "a spacing where the files say it": ({"spacing": [1, 1, 1]}, UsageError, "source.spacing"),
    "no spacing where they do not": ({"layout": "preprocessed_numpy"}, UsageError, "source.spacing"),
    "another layout": ({"layout": "v1"}, Refused, "no volume of the layout v1"),
    "masks elsewhere": ({"masks": "/nowhere"}, Refused, "source.masks"),
}


@pytest.mark.parametrize(("options", "kind", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_of_the_recipe_is_named(tmp_path, tree, options, kind, message):
    tree.add("train_1_a_1")
    tree.write()
    with pytest.raises(kind, match=message):
        ingested(tmp_path, **options)


def test_a_table_that_is_missing_or_broken_is_named(tmp_path, tree):
    tree.add("train_1_a_1")
    with pytest.raises(UsageError, match="table of reports of the split train"):
        ingested(tmp_path)
    tree.write()
    reports = tree.root / "dataset" / "radiology_text_reports" / "train_reports.csv"
    reports.write_text(reports.read_text() + 'train_2_a_1.nii.gz,"a"b,c,d,e\n')
    with pytest.raises(Refused, match=r"train_reports\.csv: line 3 breaks the table's quoting"):
        ingested(tmp_path)


def prepared(dataset: Path, name: str) -> np.ndarray:
    return store.read(dataset / "prepared" / f"{name}.b2nd")


def reasons(dataset: Path) -> dict[str, str]:
    return {row["series"]: row["reason"] for row in read_jsonl(dataset / "rejected.jsonl") if row["stage"] == "prepare"}


def test_both_versions_and_both_layouts_give_the_same_volume(tmp_path):
    expected = np.clip(np.rint(chest_volumes.chest()), -1000, 1000)
    volumes = {}
    for version in ("v2", "v1"):
        tree = Tree(tmp_path / version / "source", version)
        tree.add("train_1_a_1")
        tree.write()
        got = ingested(tmp_path / version, layout=version)
        prepare(got.dataset, settings={"ct": GRID}, workers=1)
        volumes[version] = prepared(got.dataset, "train_1_a_1")
    source = tmp_path / "v2" / "source"
    file = next(source.rglob("*.nii.gz"))
    for layout, suffix in layouts.SUFFIXES.items():
        root = tmp_path / layout / "source"
        place = root / "dataset" / "train_fixed" / f"train_1_a_1{suffix}"
        place.parent.mkdir(parents=True)
        layouts.write(str(file), place, layout)
        for table in source.rglob("*.csv"):
            (root / "dataset" / table.parent.name).mkdir(exist_ok=True)
            (root / "dataset" / table.parent.name / table.name).write_bytes(table.read_bytes())
        spacing = {"spacing": [1.5, 320 / 426, 320 / 426]} if suffix == ".npy" else {}
        got = ingested(tmp_path / layout, layout=layout, **spacing)
        prepare(got.dataset, settings={"ct": {}}, workers=1)
        volumes[layout] = prepared(got.dataset, "train_1_a_1")
    np.testing.assert_array_equal(volumes["v2"], expected)
    np.testing.assert_array_equal(volumes["v1"], expected)
    np.testing.assert_array_equal(volumes["preprocessed"], volumes["preprocessed_numpy"])
    assert volumes["preprocessed"].shape == (160, 426, 426)


def test_the_first_version_read_as_the_second_is_refused(tmp_path):
    tree = Tree(tmp_path / "source")
    tree.add("train_1_a_1", stored() + 1024)
    tree.add("train_2_a_1", stored() - 1024)  # rescaled twice
    tree.add("train_3_a_1")
    tree.write()
    got = ingested(tmp_path)
    prepare(got.dataset, settings={"ct": GRID}, workers=1)
    assert reasons(got.dataset) == {"train_1_a_1": "not_hu", "train_2_a_1": "not_hu"}


def test_masks_follow_their_volume_onto_its_grid(tmp_path, tree):
    for number in (1, 2, 3):
        tree.add(f"train_{number}_a_1")
    tree.write()
    volume = stored()
    marker, lung = volume == 700, volume < -700
    masks(tmp_path / "rex", "train_1_a_1", np.stack([marker, lung * 3]))
    masks(tmp_path / "rex", "train_2_a_1", np.stack([marker[:, :, :16]]))
    got = ingested(tmp_path, masks=str(tmp_path / "rex"))
    assert [[s["modality"] for s in study["series"]] for study in got.studies] == [
        ["ct", "ct_masks"],
        ["ct", "ct_masks"],
        ["ct"],
    ]
    prepare(got.dataset, settings={"ct": GRID, "ct_masks": {}}, workers=1)
    pixels, bits = prepared(got.dataset, "train_1_a_1"), prepared(got.dataset, "train_1_a_1-masks")
    np.testing.assert_array_equal(bits & 1, pixels == 700)
    np.testing.assert_array_equal(bits >> 1, np.rint(chest_volumes.chest()) < -700)
    assert reasons(got.dataset) == {"train_2_a_1-masks": "shape_differs"}
    assert ct_masks.media("train_1_a", [], ct_masks.Settings()) == []


def test_masks_of_a_finer_file_are_those_of_the_nearest_voxels(tmp_path, tree):
    tree.add("train_1_a_1")
    tree.write()
    masks(tmp_path / "rex", "train_1_a_1", np.stack([stored() == 700]))
    got = ingested(tmp_path, masks=str(tmp_path / "rex"))
    location = read_table(got.dataset / "private.csv")["train_1_a_1-masks"]
    stream, facts = ct_masks.prepare(location, ct_masks.Settings(spacing=(10, 5, 5)), "")
    array = np.zeros(stream.shape, stream.dtype)
    for number, plane in stream.slices:
        array[number] = plane
    np.testing.assert_array_equal(np.argwhere(array).min(0), [6, 24, 44])
    np.testing.assert_array_equal(np.argwhere(array).max(0), [7, 25, 45])
    _, volume = ct.prepare(str(parse(location).volume), ct.Settings(spacing=(10, 5, 5)), "")
    assert facts["affine"] == volume["affine"]


BROKEN = {
    "no spacing": (Stated("a.npy", "preprocessed_numpy", {}), "no_geometry"),
    "values of another scale": (Stated("hu.npy", "preprocessed_numpy", {"spacing": [1, 1, 1]}), "not_hu"),
    "whole numbers": (Stated("int.npy", "preprocessed_numpy", {"spacing": [1, 1, 1]}), "pixels_undecodable"),
    "cut short": (Stated("cut.npy", "preprocessed_numpy", {"spacing": [1, 1, 1]}), "file_truncated"),
    "NaN": (Stated("nan.npy", "preprocessed_numpy", {"spacing": [1, 1, 1]}), "pixels_not_finite"),
    "not there": (Stated("none.npz", "preprocessed", {}), "file_missing"),
    "an archive without its place": (Stated("bare.npz", "preprocessed", {}), "file_unreadable"),
    "a spacing that is not the matrix's": (Stated("two.npz", "preprocessed", {}), "no_geometry"),
    "one number for a spacing": (Stated("one.npz", "preprocessed", {}), "no_geometry"),
    "no archive": (Stated("a.npy", "preprocessed", {}), "file_unreadable"),
    "no slope": (Stated("a.nii", "ct_rate_v1", {"spacing": [1, 1, 1]}), "unit_unknown"),
    "an unknown form": (Stated("a.npy", "other", {}), "file_unreadable"),
}


@pytest.mark.parametrize(("place", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_stated_volume_that_is_not_as_stated_is_refused(tmp_path, monkeypatch, place, reason):
    monkeypatch.chdir(tmp_path)
    small = np.zeros((40, 60, 60), np.float32)
    np.save("a.npy", small)
    np.save("hu.npy", small + 40)
    np.save("int.npy", small.astype(np.int16))
    np.save("nan.npy", small + np.nan)
    Path("cut.npy").write_bytes(Path("a.npy").read_bytes()[:-1])
    Path("a.nii").write_bytes(chest_volumes.nifti(stored()))
    np.savez("bare.npz", small)
    np.savez("one.npz", small, spacing=1.0, affine=np.eye(4))
    np.savez("two.npz", small, spacing=[1, 1, 1], affine=np.eye(4) * 2)
    with pytest.raises(Refused) as refusal:
        for _ in ct.prepare(str(place), ct.Settings(), "")[0].slices:
            pass
    assert refusal.value.reason == reason
