"""build: prompts as the paper words them, splits by patient, leaks found, wrong images paired, ambiguity refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.build import build, leaks, splits, wrong_image
from docphim.errors import Refused, UsageError
from docphim.files import read_json, read_jsonl, write_jsonl
from docphim.imaging import xray
from docphim.study import Report, Series, Study, to_row

DEFAULT = {
    "tasks": ["findings"],
    "prompts": "paper",
    "language": "vi",
    "split_by": "patient",
    "fractions": (0.6, 0.2, 0.2),
    "seed": 0,
    "settings": {"xray": {}},
}


def make(tmp_path, count=10, **changes):
    """A prepared dataset of `count` patients, one film and one report each; `changes` maps a study's number to fields."""
    studies, index = [], []
    for n in range(count):
        fields = {
            "id": f"s{n:02d}",
            "patient": f"p{n:02d}",
            "sex": "M",
            "age": 72,
            "date": None,
            "series": [Series(f"f{n:02d}", "xray", f"prepared/f{n:02d}.b2nd", view="unknown")],
            "report": Report("vi", {"findings": f"Phổi sáng {n}.", "impression": f"Bình thường {n}."}),
            "labels": None,
            "split": None,
            "source": "test",
        }
        made = Study(**{**fields, **changes.get(f"s{n:02d}", {})})
        studies.append(to_row(made))
        index += [
            {"study": made.id, "series": s.id, "modality": s.modality, "path": s.path, "view": "PA", "sha256": s.id}
            for s in made.series
        ]
    write_jsonl(tmp_path / "studies.jsonl", studies)
    write_jsonl(tmp_path / "prepared" / "index.jsonl", index)
    np.save(tmp_path / "prepared" / "thumbs-xray.npy", np.random.default_rng(0).random((len(index), 32, 32), np.float32))
    return tmp_path


def examples(dataset, split=None):
    return [
        row for s in ([split] if split else ["train", "val", "test"]) for row in read_jsonl(dataset / "examples" / f"{s}.jsonl")
    ]


def test_findings_are_asked_as_the_paper_asks(tmp_path):
    build(make(tmp_path), **DEFAULT)
    said = {m["role"]: m["content"] for m in examples(tmp_path)[0]["messages"]}
    assert said["system"] == "Bạn là trợ lý bác sĩ"
    assert said["user"] == (
        "<image>Ảnh chụp X-ray PA (Chụp Xquang tim phổi thẳng) bệnh nhân nam, 72 tuổi. Cho biết bệnh nhân bị gì?"
    )


def test_dialogue_asks_for_the_conclusion_in_a_second_turn_with_the_film_again(tmp_path):
    build(make(tmp_path), **{**DEFAULT, "tasks": ["dialogue"]})
    example = examples(tmp_path)[0]
    assert [m["role"] for m in example["messages"]] == ["system", "user", "assistant", "user", "assistant"]
    assert example["messages"][3]["content"] == "<image>Kết luận bệnh nhân bị gì?"
    assert [m["from"] for m in example["messages"] if m["role"] == "assistant"] == ["report:findings", "report:impression"]
    assert len(example["media"]) == 2


@pytest.mark.parametrize(
    ("sex", "age", "view", "said"),
    [
        ("F", 40, "AP", "Ảnh chụp X-ray AP (Chụp Xquang tim phổi thẳng) bệnh nhân nữ, 40 tuổi. Cho biết bệnh nhân bị gì?"),
        (None, 40, "PA", "Ảnh chụp X-ray PA (Chụp Xquang tim phổi thẳng) bệnh nhân 40 tuổi. Cho biết bệnh nhân bị gì?"),
        ("M", None, "PA", "Ảnh chụp X-ray PA (Chụp Xquang tim phổi thẳng) bệnh nhân nam. Cho biết bệnh nhân bị gì?"),
        (None, None, "unknown", "Ảnh chụp X-ray (Chụp Xquang tim phổi thẳng) bệnh nhân. Cho biết bệnh nhân bị gì?"),
    ],
)
def test_what_the_header_does_not_say_is_left_out_of_the_prompt(sex, age, view, said):
    from docphim.build.prompts import Prompts

    study = Study("s", "p", sex, age, None, [Series("f", "xray", "x", view=view)], None, None, None, "test")
    assert Prompts("paper", "vi").ask("findings", study) == said


HISTORY, TECHNIQUE = "Ho <image> ra máu.", "Chụp xoắn ốc, có tiêm thuốc cản quang."
WITHOUT = "Technique: Axial sections without the administration of IV contrast material"


@pytest.mark.parametrize(
    ("language", "technique", "phase", "more", "asked"),
    [
        ("vi", TECHNIQUE, None, (), "Ảnh chụp cắt lớp vi tính (CT) ngực bệnh nhân nữ, 40 tuổi. Mô tả hình ảnh."),
        ("vi", TECHNIQUE, None, ("phase", "history"), " Lâm sàng: Ho  ra máu. Có tiêm thuốc cản quang. Mô tả"),
        ("vi", TECHNIQUE, "native", ("phase",), "40 tuổi. Không tiêm thuốc cản quang. Mô tả hình ảnh."),
        (
            "en",
            WITHOUT,
            None,
            ("phase",),
            "Chest CT scan, patient female, 40 years old. Without contrast. Describe the findings.",
        ),
        ("en", "Axial sections, 1.5 mm.", None, ("phase", "technique"), "old. Technique: Axial sections, 1.5 mm. Describe"),
        ("en", "", None, ("history", "technique", "phase"), "old. Clinical history: Ho  ra máu. Describe the findings."),
    ],
)
def test_a_ct_is_called_one_and_what_the_recipe_tells_stands_before_the_question(language, technique, phase, more, asked):
    from docphim.build.prompts import Prompts

    report = Report(language, {"history": HISTORY, "technique": technique})
    study = Study("s", "p", "F", 40, None, [Series("v", "ct", "x", phase=phase)], report, None, None, "test")
    question = Prompts("docphim", language, more).ask("findings", study)
    assert asked in question and "{" not in question and "X-ray" not in question


def test_several_films_of_a_study_give_a_tag_and_a_medium_each(tmp_path):
    two = [Series("a", "xray", "prepared/a.b2nd"), Series("b", "xray", "prepared/b.b2nd")]
    build(make(tmp_path, s00={"series": two}), **DEFAULT)
    example = next(e for e in examples(tmp_path) if e["study"] == "s00")
    assert example["messages"][1]["content"].startswith("<image><image>Ảnh")
    assert [m["volumes"]["xray"] for m in example["media"]] == ["prepared/a.b2nd", "prepared/b.b2nd"]


@pytest.mark.parametrize("tasks", [["findings", "impression"], ["impression", "dialogue"]])
def test_tasks_that_ask_different_things_in_the_same_words_are_refused(tmp_path, tasks):
    with pytest.raises(Refused, match="ambiguous_prompt"):
        build(make(tmp_path), **{**DEFAULT, "tasks": tasks})
    build(make(tmp_path), **{**DEFAULT, "tasks": tasks, "prompts": "docphim"})


def test_findings_and_dialogue_may_be_mixed_for_their_first_turns_agree(tmp_path):
    build(make(tmp_path), **{**DEFAULT, "tasks": ["findings", "dialogue"]})
    assert {e["task"] for e in examples(tmp_path)} == {"findings", "dialogue"}


def test_an_unknown_task_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="findings, impression, dialogue"):
        build(make(tmp_path), **{**DEFAULT, "tasks": ["triage"]})


def test_a_report_without_the_section_a_task_needs_is_rejected_and_the_rest_goes_on(tmp_path):
    make(tmp_path, s03={"report": Report("vi", {"findings": "Phổi sáng."})})
    build(tmp_path, **{**DEFAULT, "tasks": ["impression"]})
    assert [(r["study"], r["reason"]) for r in read_jsonl(tmp_path / "rejected.jsonl")] == [("s03", "section_missing")]
    assert len(examples(tmp_path)) == 9


def test_building_twice_gives_the_same_bytes_and_repeats_no_rejection(tmp_path):
    make(tmp_path, s03={"report": Report("vi", {"findings": "Phổi sáng."})})
    before = []
    for _ in range(2):
        build(tmp_path, **{**DEFAULT, "tasks": ["dialogue"]})
        before.append({p: p.read_bytes() for p in sorted(tmp_path.rglob("*.json*"))})
    assert before[0] == before[1]


@given(owners=st.lists(st.integers(0, 12), min_size=4, max_size=40), seed=st.integers(0, 5))
def test_no_patient_stands_in_two_splits(owners, seed):
    studies = [Study(f"s{i}", f"p{o}", None, None, None, [], None, None, None, "t") for i, o in enumerate(owners)]
    if len(set(owners)) < 3:
        return
    split_of = splits.by_patient(studies, (0.6, 0.2, 0.2), seed)
    by_patient = {}
    for study in studies:
        by_patient.setdefault(study.patient, set()).add(split_of[study.id])
    assert all(len(found) == 1 for found in by_patient.values())
    assert set(split_of.values()) == {"train", "val", "test"}


def test_splits_of_the_source_are_kept_and_a_study_without_one_is_rejected(tmp_path):
    given_splits = {f"s{n:02d}": {"split": "test" if n > 7 else "train"} for n in range(9)}
    build(make(tmp_path, **given_splits), **{**DEFAULT, "split_by": "source"})
    assert [e["study"] for e in examples(tmp_path, "test")] == ["s08"]
    assert [r["reason"] for r in read_jsonl(tmp_path / "rejected.jsonl")] == ["split_missing"]


def test_a_source_without_splits_cannot_be_split_by_source(tmp_path):
    with pytest.raises(UsageError, match="by: patient"):
        build(make(tmp_path), **{**DEFAULT, "split_by": "source"})


@given(owners=st.lists(st.integers(0, 6), min_size=1, max_size=30), seed=st.integers(0, 3))
def test_a_wrong_image_is_another_patients_and_each_is_used_once(owners, seed):
    patient_of = {f"s{i:02d}": f"p{o}" for i, o in enumerate(owners)}
    partner = wrong_image.partners({study: {patient} for study, patient in patient_of.items()}, seed)
    most = max(owners.count(o) for o in owners)
    if 2 * most > len(owners):
        assert set(partner.values()) == {None}
    else:
        assert sorted(partner.values()) == sorted(patient_of)
        assert all(patient_of[a] != patient_of[b] for a, b in partner.items())


def test_every_example_carries_its_partner_and_the_partners_films(tmp_path):
    build(make(tmp_path), **DEFAULT)
    for example in examples(tmp_path, "train"):
        wrong = example["wrong_image"]
        assert wrong["kind"] == "case" and wrong["study"] != example["study"]
        assert wrong["media"][0]["volumes"]["xray"] == f"prepared/f{wrong['study'][1:]}.b2nd"


def test_the_same_patient_pixels_and_report_across_splits_are_counted(tmp_path):
    same = Report("vi", {"findings": "  PHỔI sáng.", "impression": "Bình thường."})
    make(
        tmp_path,
        s00={"split": "train", "patient": "p", "report": same, "series": [Series("x", "xray", "prepared/x.b2nd")]},
        s01={"split": "test", "patient": "p", "report": same, "series": [Series("x", "xray", "prepared/x.b2nd")]},
        s02={"split": "val"},
    )
    build(tmp_path, **{**DEFAULT, "split_by": "source"})
    found = read_json(tmp_path / "leaks.json")
    assert {name: found[name]["groups"] for name in ("patient", "pixels", "report")} == {"patient": 1, "pixels": 1, "report": 1}
    assert found["patient"]["shown"] == [[{"study": "s00", "split": "train"}, {"study": "s01", "split": "test"}]]


def test_nearly_the_same_film_in_two_splits_is_found_whatever_its_contrast():
    rng = np.random.default_rng(0)
    thumbs = rng.random((4, 32, 32), dtype=np.float32)
    thumbs[3] = thumbs[0] * 0.5 + 0.2
    pairs = leaks.similar(thumbs, ["a", "b", "c", "d"], ["train", "train", "val", "test"], xray.SAME)
    assert [pair[:2] for pair in pairs] == [("d", "a")]


def test_nothing_left_to_train_test_or_draft_is_refused(tmp_path):
    make(tmp_path, count=2)
    write_jsonl(tmp_path / "prepared" / "index.jsonl", [])
    with pytest.raises(Refused, match="empty_dataset"):
        build(tmp_path, **DEFAULT)


def test_a_study_without_a_report_is_asked_all_questions_and_answers_none(tmp_path):
    build(make(tmp_path, s04={"report": None}), **{**DEFAULT, "tasks": ["dialogue", "findings"]})
    assert "s04" not in {e["study"] for e in examples(tmp_path)}
    dialogue, findings = examples(tmp_path, "draft")
    assert (dialogue["study"], dialogue["task"], findings["task"]) == ("s04", "dialogue", "findings")
    assert dialogue["wrong_image"] is None and dialogue["split"] == "draft"
    said = [(m["role"], m["content"], m["from"]) for m in dialogue["messages"] if m["role"] == "assistant"]
    assert said == [("assistant", "", None)] * 2
    assert [m["content"].count("<image>") for m in dialogue["messages"] if m["role"] == "user"] == [1, 1]
    assert not read_json(tmp_path / "leaks.json")["patient"]["groups"]


def test_studies_of_which_none_has_a_report_are_drafted_only_and_a_later_build_without_them_leaves_none(tmp_path):
    make(tmp_path, count=2, s00={"report": None}, s01={"report": None})
    build(tmp_path, **{**DEFAULT, "split_by": "source"})
    assert [len(examples(tmp_path, s)) for s in ("train", "val", "test", "draft")] == [0, 0, 0, 2]
    build(make(tmp_path), **DEFAULT)
    assert not (tmp_path / "examples" / "draft.jsonl").exists()


def test_two_examples_that_ask_for_one_id_stop_the_build(tmp_path):
    make(tmp_path, s01={"id": "s00"})
    with pytest.raises(RuntimeError, match="more than one example"):
        build(tmp_path, **{**DEFAULT, "fractions": (1.0, 0.0, 0.0)})


def test_examples_are_json_a_person_can_read(tmp_path):
    build(make(tmp_path), **DEFAULT)
    line = (tmp_path / "examples" / "train.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert "Phổi" in line and json.loads(line)["task"] == "findings"
