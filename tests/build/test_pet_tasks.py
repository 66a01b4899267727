"""What is asked of a whole-body PET/CT: the conclusion that follows from the findings, and what the prompt tells beside."""

import pytest
from test_build import DEFAULT, examples, make

from docphim.build import body_of, build, refuse_ambiguous, task
from docphim.build.prompts import Prompts
from docphim.errors import Refused
from docphim.files import read_jsonl
from docphim.study import Report, Series, Study

PET, CT = Series("s-pet", "pet", "x", "SUV"), Series("s-ct", "pet_ct", "y", "HU")
REPORT = Report(
    "vi", {"history": "Ho kéo dài.", "indication": "Đánh giá giai đoạn.", "findings": "Nốt phổi.", "impression": "U."}
)


def study(series=(PET, CT), report=REPORT, body=None):
    return Study("s", "p", "F", 60, None, list(series), report, None, None, "test", body=body)


def test_the_findings_stand_in_the_prompt_and_the_impression_is_the_answer(tmp_path):
    build(make(tmp_path), **{**DEFAULT, "prompts": "docphim", "tasks": ["impression_from_findings"]})
    example = next(row for row in examples(tmp_path) if row["study"] == "s03")
    assert [m["role"] for m in example["messages"]] == ["system", "user", "assistant"]
    assert example["messages"][1]["content"].endswith("72 tuổi. Mô tả hình ảnh: Phổi sáng 3. Kết luận.")
    answer = example["messages"][2]
    assert (answer["content"], answer["from"]) == ("Bình thường 3.", "report:impression")
    assert len(example["media"]) == 1


def test_a_tag_in_the_findings_shows_no_image(tmp_path):
    report = Report("vi", {"findings": "Nốt <image> phổi {view}.", "impression": "U phổi."})
    build(make(tmp_path, s03={"report": report}), **{**DEFAULT, "tasks": ["impression_from_findings"]})
    example = next(row for row in examples(tmp_path) if row["study"] == "s03")
    assert "Mô tả hình ảnh: Nốt  phổi {view}. Kết luận" in example["messages"][1]["content"]


def test_without_findings_there_is_nothing_to_conclude_from(tmp_path):
    changes = {"s03": {"report": Report("vi", {"impression": "U phổi."})}, "s04": {"report": None}}
    build(make(tmp_path, **changes), **{**DEFAULT, "tasks": ["impression_from_findings", "findings"]})
    rejected = [row for row in read_jsonl(tmp_path / "rejected.jsonl") if row["study"] == "s03"]
    assert {(row["reason"], row["why"]) for row in rejected} == {
        ("section_missing", "task impression_from_findings needs the section findings, which the report lacks"),
        ("section_missing", "task findings needs the section findings, which the report lacks"),
    }
    assert [row["task"] for row in examples(tmp_path, "draft")] == ["findings"]


@pytest.mark.parametrize("prompts", ["paper", "docphim"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_it_asks_in_words_of_its_own_beside_the_other_tasks(prompts, language):
    names = ["findings", "dialogue", "impression_from_findings"]
    refuse_ambiguous({name: task(name) for name in names}, Prompts(prompts, language))
    with pytest.raises(Refused, match="ambiguous_prompt"):
        refuse_ambiguous({name: task(name) for name in ("findings", "impression")}, Prompts("paper", language))


@pytest.mark.parametrize(
    ("language", "series", "view"),
    [
        ("vi", (PET, CT), "Ảnh chụp PET/CT toàn thân bệnh nhân nữ, 60 tuổi."),
        ("vi", (PET,), "Ảnh chụp PET toàn thân bệnh nhân nữ, 60 tuổi."),
        ("en", (PET, CT), "Whole-body PET/CT scan, patient female, 60 years old."),
        ("en", (PET,), "Whole-body PET scan, patient female, 60 years old."),
    ],
)
def test_a_pet_is_called_one_with_or_without_its_ct(language, series, view):
    assert Prompts("docphim", language).ask("findings", study(series)).startswith(view)


MORE = ("dose", "weight", "indication", "history")


TOLD = {
    "all, in their order, in Vietnamese": (
        "vi",
        MORE,
        {"weight_kg": 52.5, "dose_mbq": 301.26},
        " Lâm sàng: Ho kéo dài. Chỉ định: Đánh giá giai đoạn. Cân nặng 52,5 kg."
        " Liều dược chất phóng xạ 301,3 MBq. Mô tả hình ảnh.",
    ),
    "what is known": ("en", ("weight", "dose"), {"weight_kg": 52.0}, "old. Weight 52 kg. Describe the findings."),
    "nothing where nothing is known": ("vi", ("weight", "dose"), None, "tuổi. Mô tả hình ảnh."),
    "nothing unasked": ("vi", (), {"weight_kg": 52.5, "dose_mbq": 301.0}, "tuổi. Mô tả hình ảnh."),
}


@pytest.mark.parametrize(("language", "more", "body", "expected"), TOLD.values(), ids=TOLD)
def test_weight_dose_and_what_was_asked_are_told_where_they_are_known(language, more, body, expected):
    assert Prompts("docphim", language, more).ask("findings", study(body=body)).endswith(expected)


def test_weight_and_dose_come_from_the_header_where_the_source_does_not_say_them():
    rows = [{"modality": "pet_ct", "how": {}}, {"modality": "pet", "how": {"weight_kg": 71.0, "dose_mbq": 388.8}}]
    assert body_of(study(), rows) == {"weight_kg": 71.0, "dose_mbq": 388.8}
    assert body_of(study(body={"weight_kg": 70.0}), rows) == {"weight_kg": 70.0, "dose_mbq": 388.8}
    assert body_of(study(), []) is None
