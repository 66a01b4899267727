"""Two patients side by side: never a study with itself, never one patient twice, no difference that a report does not say."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_build import DEFAULT, examples, make

from docphim.build import build, comparison
from docphim.build.comparison import comparisons, difference
from docphim.build.prompts import Prompts
from docphim.files import read_examples, read_json
from docphim.study import Report, media_tags

EFFUSION = "Tràn dịch màng phổi phải. Không thấy khối. Bóng tim to."
CLEAR = "Không thấy tràn dịch màng phổi. Hai phổi sáng. Bóng tim không to."
SILENT = "Quai động mạch chủ vôi hóa."
MASS = "Khối thùy trên phổi trái kích thước 24 mm, SUVmax 6,2. Không thấy tràn dịch màng phổi."
LARGER = "Khối thùy trên phổi trái kích thước 40 mm, SUVmax 6,2. Tràn dịch màng phổi trái."
VI = Prompts("docphim", "vi")


def told_apart(one, other, language="vi"):
    return difference(comparison._read(one, language), comparison._read(other, language), language)


def test_what_one_affirms_and_the_other_denies_is_a_difference():
    assert told_apart(EFFUSION, CLEAR) == "Chỉ bệnh nhân thứ nhất có tràn dịch màng phổi bên phải và bóng tim to."
    assert told_apart(CLEAR, EFFUSION).startswith("Chỉ bệnh nhân thứ hai có tràn dịch màng phổi bên phải")


def test_silence_and_the_same_are_none():
    assert told_apart(EFFUSION, SILENT) == ""
    assert told_apart(SILENT, EFFUSION) == ""
    assert told_apart(EFFUSION, EFFUSION) == ""


def test_what_is_hedged_is_no_difference():
    assert "tràn dịch" not in told_apart("Theo dõi tràn dịch màng phổi phải. Bóng tim to.", CLEAR)


def test_sizes_of_what_both_have_stay_in_millimetres_as_written():
    text = told_apart(MASS, LARGER)
    assert "Kích thước khối thùy trên phổi bên trái: bệnh nhân thứ nhất 24 mm, bệnh nhân thứ hai 40 mm." in text
    assert "Chỉ bệnh nhân thứ hai có tràn dịch màng phổi bên trái." in text and "SUVmax" not in text
    assert "Cả hai bệnh nhân đều có" in text


def test_english_reports_are_compared_in_english():
    ill, well = "Right pleural effusion. The heart is enlarged.", "No pleural effusion. The heart is normal in size."
    text = told_apart(ill, well, "en")
    assert text == "Only the first patient has effusion in the right pleura and enlarged heart."


def row(n, text, task="findings", study=None):
    study = study or f"s{n:02d}"
    messages = [
        {"role": "system", "content": "x", "from": None},
        {"role": "user", "content": "<image>?", "from": None},
        {"role": "assistant", "content": text, "from": "report:findings"},
    ]
    media = [{"study": study, "kind": "image", "volumes": {"xray": f"prepared/{study}.b2nd"}}]
    base = {"id": f"{study}-{task}", "study": study, "patient": study, "split": "train", "task": task, "language": "vi"}
    return base | {"messages": messages, "media": media}


def made(rows, patient_of=None, pixels=None, most=10**6, seed=0):
    studies = {r["study"] for r in rows}
    pictures = SimpleNamespace(rows={s: [{"sha256": (pixels or {}).get(s, s)}] for s in studies})
    return comparisons(rows, pictures, {s: s for s in studies} | (patient_of or {}), VI, most, seed)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([EFFUSION, CLEAR]), st.integers(0, 3), st.sampled_from(["a", "b"])), min_size=1, max_size=9
    ),
    st.integers(0, 3),
)
def test_the_two_are_always_different_studies_of_different_patients(listed, seed):
    rows = [row(n, text, task) for n, (text, _, task) in enumerate(listed)]
    patients = {f"s{n:02d}": f"p{patient}" for n, (_, patient, _) in enumerate(listed)}
    taken, counts = made(rows, patients, seed=seed)
    for one in taken:
        first, second = (media["study"] for media in one["media"])
        assert first != second and patients[first] != patients[second]
        assert one["study"] == first and media_tags_of(one) == 2
    pairs = [(one["media"][0]["study"], one["media"][1]["study"], one["id"]) for one in taken]
    assert len(set(pairs)) == len(pairs)
    assert counts.get("taken", 0) == len(taken)


def media_tags_of(one):
    return sum(message["content"].count("<image>") for message in one["messages"])


def test_two_studies_of_one_patient_or_of_the_same_pixels_are_no_different_ones():
    rows = [row(0, EFFUSION), row(1, CLEAR)]
    assert made(rows)[1] == {"taken": 2}
    assert made(rows, {"s01": "s00"}) == ([], {"same_patient": 2})
    assert made(rows, pixels={"s01": "s00"}) == ([], {"same_patient": 2})


def test_a_study_set_beside_itself_would_be_noticed(monkeypatch):
    """The published code shows a study twice and calls it a comparison; here nothing differs, and it is one patient."""
    monkeypatch.setattr(comparison, "_pairs", lambda groups, seed: [(r, r) for of in groups.values() for r in of])
    assert made([row(0, EFFUSION), row(1, CLEAR)]) == ([], {"same_patient": 2})
    assert told_apart(MASS, MASS) == ""


def test_only_descriptions_of_one_task_are_compared():
    rows = [row(0, EFFUSION, "findings"), row(1, CLEAR, "region_findings.chest"), row(2, CLEAR)]
    rows[2]["messages"][-1]["answer"] = {"kind": "yes_no", "value": True}
    dialogue = row(3, CLEAR)
    dialogue["messages"] = [*dialogue["messages"], *dialogue["messages"][1:]]
    assert made([*rows, dialogue]) == ([], {})


def test_every_study_comes_first_before_any_comes_first_again():
    rows = [row(n, EFFUSION if n % 2 else CLEAR) for n in range(12)]
    taken, _ = made(rows, most=6)
    assert len(taken) == 6 and len({one["study"] for one in taken}) == 6
    assert made(rows, most=6)[0] == taken
    assert made(rows, most=6, seed=1)[0] != taken


def test_a_dataset_holds_them_beside_its_splits_and_only_where_the_recipe_asks(tmp_path):
    texts = {
        f"s{n:02d}": {"report": Report("vi", {"findings": EFFUSION if n % 2 else CLEAR, "impression": "U."})} for n in range(10)
    }
    build(make(tmp_path, **texts), **DEFAULT, augment={"comparisons": 4, "paraphrase": None})
    listed = read_examples(tmp_path, "comparisons")
    assert 1 <= len(listed) <= 4 and {e.split for e in listed} == {"train"}
    train = {e.study for e in read_examples(tmp_path, "train")}
    assert all({media.study for media in e.media} <= train and len(media_tags(e.messages)) == 2 for e in listed)
    assert read_json(tmp_path / "augment.json")["comparisons"]["taken"] == len(listed)
    assert not any(e["task"] == "comparison" for e in examples(tmp_path))
    build(tmp_path, **DEFAULT)
    assert not read_examples(tmp_path, "comparisons") and not (tmp_path / "augment.json").exists()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_wording_leaves_a_brace_unfilled(language):
    words = comparison._words(language)
    assert {"{first}", "{second}"} <= {part for part in ("{first}", "{second}") if part in words["shown"]}
    assert all("{list}" in words[name] for name in ("only_first", "only_second", "both"))
