"""What of an example augmentation may do: places of lesions come from truth, are matched by records, and never guessed."""

from types import SimpleNamespace

import pytest
from test_build import DEFAULT, examples, make

from docphim.build import augment, build
from docphim.files import read_json
from docphim.study import Report, Series, Study

MASS = "Khối thùy trên phổi trái, tăng hấp thu FDG."
NODES = "Hai hạch cổ nhóm III bên phải, tăng hấp thu FDG."
NONE = "Không thấy hạch trung thất tăng hấp thu FDG."
ROOT = {"spacing": [4.0, 5.0, 5.0], "shape": [100, 80, 80]}
AFFINE = [[5, 0, 0, -200], [0, 5, 0, -200], [0, 0, -4, 300], [0, 0, 0, 1]]
REGIONS = {"head_neck": [0, 24], "chest": [20, 60], "abdomen_pelvis": [50, 99], "from": "ct"}


def record(**changes):
    base = {"type": "mass", "organ": "lung", "side": "left", "location": ["upper_lobe"], "station": []}
    return base | changes


def lesion(name="lung_mass_left", number=0, centre=(100.0, 0.0, 200.0), slices=(24, 26), **changes):
    base = {"name": name, "number": number, "visible": True, "axes_mm": [40, 40, 40]}
    return base | {"center_mm": list(centre), "slices": list(slices)} | changes


TRUTH = {
    "records": [record(), record(type="lymph_node", organ="lymph_node", side="right", location=[], station=["level_3"])],
    "lesions": [
        lesion(),
        lesion("neck_node_right", 0, (-50.0, 0.0, 260.0), (9, 10)),
        lesion("neck_node_right", 1, (-50.0, 50.0, 264.0), (8, 9)),
    ],
}


def row(*sentences, within=(20, 60), media=1, frames=None):
    entry = {"study": "s", "kind": "video", "volumes": {"pet": "p"}, "frames": frames or {"count": 4, "within": list(within)}}
    messages = [
        {"role": "user", "content": "<video>"},
        {"role": "assistant", "content": " ".join(sentences), "from": "report:findings"},
    ]
    return {"id": "e", "study": "s", "language": "vi", "messages": messages, "media": [entry] * media}


def added(example, truth=TRUTH, regions=REGIONS, **changes):
    volume = {"modality": "pet", "path": "p", **ROOT, "affine": AFFINE, "how": {"regions": regions}, **changes}
    study = Study("s", "p", None, None, None, [Series("x", "pet", "p")], Report("vi", {}), None, None, "test", truth)
    counts = augment.add([example], {"s": study}, SimpleNamespace(rows={"s": [volume]}))
    return example["augment"], counts


def test_a_lesion_has_its_box_and_its_sentence():
    known, counts = added(row(MASS, NONE))
    assert counts == {"known": 1}
    (group,) = known["lesions"]
    assert group["text"] == [[1, 0, len(MASS)]]
    (box,) = group["boxes"]
    x, y = (300.0 + 2.5) / 400, (200.0 + 2.5) / 400  # (centre - first voxel's outer edge) / width
    assert box == pytest.approx([24, 26, y - 0.07, y + 0.07, x - 0.07, x + 0.07], abs=1e-3)
    assert known["plane"] == {"shape": [80, 80], "aspect": 1.0}


def test_lesions_of_one_record_are_one_group():
    known, _ = added(row(NODES, within=(0, 24)))
    assert [len(group["boxes"]) for group in known["lesions"]] == [2]


def test_a_sentence_of_two_records_makes_one_group_of_them():
    known, _ = added(row(f"{MASS[:-1]}; {NODES[0].lower()}{NODES[1:]}", MASS, within=(0, 60)))
    spans = [span for group in known["lesions"] for span in group["text"]]
    assert sum(len(group["boxes"]) for group in known["lesions"]) == 3 and len(spans) >= 2


WHY = {
    "no_truth": (row(MASS), None),
    "lesion_not_matched": (row("Khối thùy dưới phổi phải, tăng hấp thu FDG."), TRUTH),
    "finding_without_place": (row(MASS, "Tràn dịch màng phổi trái."), TRUTH),
    "lesion_not_shown": (row(MASS, within=(60, 90)), TRUTH),
}


@pytest.mark.parametrize(("reason", "case"), WHY.items(), ids=WHY)
def test_what_is_not_known_is_not_guessed_and_counted_by_reason(reason, case):
    known, counts = added(case[0], case[1])
    assert counts == {reason: 1} and "lesions" not in known


def test_a_truth_that_may_mean_two_lesions_places_none():
    twice = {"records": [record(), record()], "lesions": [lesion(), lesion("lung_mass_left", 0, (90.0, 0.0, 180.0), (29, 31))]}
    assert added(row(MASS), twice)[1] == {"lesion_not_matched": 1}
    assert added(row(MASS), {**TRUTH, "lesions": [lesion()]})[1] == {"no_truth": 1}  # records and lesions do not tally
    assert added(row(MASS), {**TRUTH, "lesions": [{"name": "x", "number": 0}]})[1] == {"no_truth": 1}


def test_several_images_are_not_cropped_together():
    other = row(MASS)
    other["media"] = [other["media"][0], {**other["media"][0], "frames": {}}]
    assert added(other)[1] == {"several_images": 1}


def test_slices_are_trimmed_where_regions_meet_alone():
    assert added(row(MASS))[0]["trim"] == [5, 5]  # 20 mm of 4 mm slices
    assert added(row(NODES, within=(0, 24)))[0]["trim"] == [0, 5]
    assert added(row(NONE, within=(50, 99)))[0]["trim"] == [5, 0]
    assert added(row(NONE, within=(50, 57)))[0]["trim"] == [2, 2]  # a quarter at most
    assert added(row(NONE, frames={"count": 4}))[0]["trim"] == [0, 0]
    assert added(row(NONE), regions={**REGIONS, "from": "published"})[0]["trim"] == [10, 0]
    assert added(row(NONE), spacing=None, affine=None)[0]["trim"] == [0, 0]


def test_only_training_examples_get_it_and_only_where_the_recipe_asks(tmp_path):
    build(make(tmp_path), **DEFAULT, augment={})
    assert all(("augment" in e) is (e["split"] == "train") for e in examples(tmp_path))
    assert {tuple(e["augment"]["trim"]) for e in examples(tmp_path, "train")} == {(0, 0)}
    assert read_json(tmp_path / "augment.json")["lesions"] == {"no_truth": 6}
    before = (tmp_path / "examples" / "test.jsonl").read_bytes()
    build(tmp_path, **DEFAULT)
    assert not any("augment" in e for e in examples(tmp_path))
    assert (tmp_path / "examples" / "test.jsonl").read_bytes() == before
