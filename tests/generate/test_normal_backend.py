"""Backend `normal` and `generate.shots`: drafts that go by the training's reports and by them alone."""

from dataclasses import replace

import pytest
from chat_server import question, serving
from small_dataset import example, write_dataset

from docphim.errors import UsageError
from docphim.files import read_jsonl, write_jsonl
from docphim.generate import generate
from docphim.generate.shots import HEADINGS, chosen, with_shots
from docphim.recipe import Generate, validated
from docphim.study import Message, to_row

NORMAL = "Bóng tim không to. Hai phổi sáng đều."
SPLIT = {"images": ["own"], "splits": ["test"], "contexts": ["reference", "generated"]}


def worded(number, text, task="findings", patient=None):
    """A training example whose first answer is `text`."""
    made = example(number, task, "train")
    messages = [replace(m, content=text) if m.role == "assistant" and n == 2 else m for n, m in enumerate(made.messages)]
    return replace(made, messages=messages, patient=patient or made.patient)


@pytest.fixture
def dataset(tmp_path):
    """Three films to draft, two dialogues among them; the training has normal and abnormal reports."""
    asked = [example(0), example(1, "dialogue"), example(2, "dialogue")]
    folder = write_dataset(tmp_path / "data", asked)
    train = [
        worded(n, text) for n, text in enumerate([NORMAL, f"{NORMAL} Gãy xương đòn trái.", "Tràn dịch màng phổi phải."], 3)
    ]
    write_jsonl(folder / "examples" / "train.jsonl", [to_row(e) for e in [*train, worded(6, NORMAL, "dialogue")]])
    return folder


def test_every_task_and_turn_has_the_template_of_its_own(dataset, tmp_path):
    generate(dataset, tmp_path / "run", backend="normal", **SPLIT)
    rows = list(read_jsonl(tmp_path / "run" / "predictions.jsonl"))
    first = [row for row in rows if row["turn"] == 0]
    assert len(first) == 3 and {(row["prediction"], row["finish"], row["model"]) for row in first} == {
        (NORMAL, "stop", "normal")
    }
    later = {(row["prediction"], row["finish"]) for row in rows if row["turn"] == 1}
    assert later == {("Hai phổi sáng đều.", "stop")}  # what the one conversation of the training concludes


def test_where_the_training_calls_nothing_normal_a_draft_has_failed(dataset, tmp_path):
    write_jsonl(dataset / "examples" / "train.jsonl", [to_row(worded(3, "Tràn dịch màng phổi phải."))])
    generate(dataset, tmp_path / "run", backend="normal", **SPLIT)
    assert {(r["prediction"], r["finish"]) for r in read_jsonl(tmp_path / "run" / "predictions.jsonl")} == {("", "failed")}


def test_other_training_reports_give_other_drafts(dataset, tmp_path):
    generate(dataset, tmp_path / "run", backend="normal", **SPLIT)
    write_jsonl(dataset / "examples" / "train.jsonl", [to_row(worded(3, "Quai động mạch chủ không giãn."))])
    generate(dataset, tmp_path / "run", backend="normal", **SPLIT)
    (row,) = [r for r in read_jsonl(tmp_path / "run" / "predictions.jsonl") if r["task"] == "findings"]
    assert row["prediction"] == "Quai động mạch chủ không giãn."


def ask(dataset, run, server, shots):
    generate(
        dataset,
        run,
        backend="openai",
        **SPLIT,
        max_new_tokens=12,
        options={"model": "m", "image_size": 32, "body": {}} | ({"shots": shots} if shots else {}),
        asking={"endpoint": server.url, "concurrency": 1, "retries": 0, "timeout_s": 20},
    )


def test_so_many_training_reports_stand_before_the_question_of_their_task_and_no_test_report_does(dataset, tmp_path):
    with serving(lambda s, row: "Bóng tim to.") as server:
        ask(dataset, tmp_path / "run", server, shots=2)
    asked = [question(request) for request in server.requests]
    findings = [words for words, films in asked if "Mô tả" in words and words.count("Ví dụ") == 2]
    assert len(findings) == 1 and findings[0].endswith("Mô tả hình ảnh.") and all(len(films) == 1 for _, films in asked)
    train = [e["messages"][2]["content"] for e in read_jsonl(dataset / "examples" / "train.jsonl")]
    blocks = findings[0].replace("Mô tả hình ảnh.", "").split("Ví dụ ")[1:]
    assert len({block[2:].strip() for block in blocks} & set(train)) == 2
    # a dialogue's training has one report only: it stands alone
    assert [words.count("Ví dụ") for words, _ in asked if "Kết luận" in words] == [1] * 4


def test_without_shots_nothing_of_the_training_is_sent(dataset, tmp_path):
    with serving(lambda s, row: "Bóng tim to.") as server:
        ask(dataset, tmp_path / "run", server, shots=0)
    assert not any(NORMAL in str(request["messages"][1]) or "Ví dụ" in str(request) for request in server.requests)


def test_examples_are_of_different_patients_and_the_same_for_every_prompt():
    train = [worded(n, f"Bóng tim {n}.", patient="p1" if n < 4 else None) for n in range(8)]
    drawn = chosen(train, 3)["findings", 0]
    assert drawn == chosen(train[::-1], 3)["findings", 0] and len(set(drawn)) == 3
    assert sum(text in {f"Bóng tim {n}." for n in range(4)} for text in drawn) <= 1
    assert len(chosen(train, 64)["findings", 0]) == 5


@pytest.mark.parametrize("language", sorted(HEADINGS))
def test_examples_come_before_the_last_question_in_the_language_of_the_report(language):
    spoken = [Message("system", "s"), Message("user", "<image>a"), Message("assistant", "b"), Message("user", "c")]
    shown = with_shots(spoken, ["x", "y"], language)
    heading = HEADINGS[language]
    assert shown[3].content == f"{heading.format(number=1)}\nx\n\n{heading.format(number=2)}\ny\n\nc"
    assert shown[:3] == spoken[:3] and with_shots(spoken, [], language) == spoken


@pytest.mark.parametrize("backend", ["transformers", "normal"])
def test_shots_are_an_endpoints(backend):
    with pytest.raises(UsageError, match="shots"):
        validated(Generate, {"backend": backend, "shots": 2}, "x.yaml")


@pytest.mark.parametrize("backend", [{"backend": "normal"}, {"backend": "file", "drafts": "d.jsonl"}])
def test_a_variant_that_makes_no_tokens_may_stand_on_a_base_that_counts_them(backend):
    assert validated(Generate, {**backend, "max_new_tokens": "longest"}, "x.yaml").max_new_tokens == "longest"
