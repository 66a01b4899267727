"""Dialogues from an endpoint: taken where every answer follows from the report, else counted; asked once."""

import json

import pytest
from chat_server import said, serving

from docphim import preflight
from docphim.build import written_dialogue
from docphim.errors import Refused, UsageError
from docphim.files import read_json, read_jsonl
from docphim.recipe import Recipe, load, validated
from docphim.run import run
from docphim.study import Report, Study
from docphim.way import questioning

FILM = "Khối thùy trên phổi trái, kích thước 24 mm. Không thấy tràn dịch màng phổi. Bóng tim không to."
GOOD = [
    ("Nhu mô phổi có gì bất thường?", "Có khối ở thùy trên phổi trái."),
    ("Khối đó lớn chừng nào?", "Khối phổi trái kích thước 24 mm."),
    ("Màng phổi thế nào?", "Không thấy tràn dịch màng phổi."),
]


def written(*turns):
    return json.dumps([{"question": question, "answer": answer} for question, answer in turns], ensure_ascii=False)


def instead(number, question=None, answer=None):
    """The good dialogue with one turn changed."""
    turns = [*GOOD]
    turns[number] = (question or turns[number][0], answer or turns[number][1])
    return written(*turns)


ANSWERS = {
    written(*GOOD): "taken",
    f"```json\n{written(*GOOD)}\n```": "taken",
    "Đây là đoạn hỏi đáp.": "not_json",
    "[]": "not_json",
    '{"question": "?", "answer": "!"}': "not_json",
    '[{"question": "Tim?", "answer": ""}]': "not_json",
    '[{"question": "Tim?", "answer": 3}]': "not_json",
    instead(1, answer="Khối phổi trái kích thước 42 mm."): "invented_number",
    instead(1, question="Khối 42 mm đó nằm đâu?"): "invented_number",
    instead(2, answer="Tràn dịch màng phổi phải."): "not_in_report",
    instead(0, answer="Có khối ở thùy trên phổi phải."): "not_in_report",
    instead(2, answer="Nên chụp lại."): "unread",
    instead(2, question="Có đúng là không thấy tràn dịch màng phổi?"): "leaks",
    instead(0, question="<image> Phổi?"): "tag",
}


def study(number=0, text=FILM):
    return Study(f"s{number}", f"p{number}", "F", 50, None, [], Report("vi", {"findings": text}), None, None, "x")


def survey(folder, server, studies=None, *, per_study=8, **changes):
    (folder / "key").mkdir(exist_ok=True, parents=True)
    asking = {"endpoint": server.url if server else "http://127.0.0.1:1/v1", "retries": 0}
    writer = {"model": "m", "temperature": 0.7, "body": {}} | changes
    studies = [study()] if studies is None else studies
    return written_dialogue.survey(studies, "vi", 0, per_study, dataset=folder / "key", writer=writer, asking=asking)


@pytest.mark.parametrize(("answer", "reason"), ANSWERS.items(), ids=range(len(ANSWERS)))
def test_a_dialogue_is_taken_whole_or_counted_by_reason(answer, reason, tmp_path):
    with serving(lambda s, r: answer) as server:
        chosen, counts = survey(tmp_path, server)
    taken = reason == "taken"
    assert chosen == {"s0": GOOD if taken else []}
    assert counts == {"asked": 3 * taken, "no_question": not taken, reason: 1}


def test_each_report_is_asked_once_whoever_has_it_and_nobody_is_asked_twice(tmp_path):
    studies = [study(0), study(1), study(2, "Bóng tim to."), study(3, " ")]
    with serving(lambda s, r: written(*GOOD)) as server:
        first = survey(tmp_path, server, studies)
        assert len(server.requests) == 2
        assert all("<report>" in request["messages"][1]["content"] for request in server.requests)
        assert '[{"question"' in server.requests[0]["messages"][0]["content"]
    assert first[1] == {"asked": 6, "no_question": 2, "not_in_report": 1, "taken": 1}
    assert survey(tmp_path, None, studies) == first  # nobody answers at that address


@pytest.mark.parametrize("changes", [{"model": "n"}, {"temperature": 0.1}, {"body": {"top_p": 0.5}}, {"per_study": 2}])
def test_another_request_is_asked_anew(changes, tmp_path):
    with serving(lambda s, r: written(*GOOD)) as server:
        survey(tmp_path, server)
        chosen, _ = survey(tmp_path, server, **changes)
        assert len(server.requests) == 2
    assert len(chosen["s0"]) == changes.get("per_study", 3)


def test_what_is_no_whole_answer_is_counted_and_asked_again(tmp_path):
    with serving(lambda s, r: said(written(*GOOD), "length")) as server:
        for _ in range(2):
            assert survey(tmp_path, server)[1] == {"asked": 0, "cut": 1, "no_question": 1}
        assert len(server.requests) == 2


RECIPE = """
name: talks
source: {{kind: phantom, profile: demo, studies: 12, size: 128, seed: 3, path: phantoms}}
split: {{fractions: [0.5, 0.25, 0.25]}}
tasks: [written_dialogue]
prompts: docphim
prepare: {{long_side: 64, workers: 1}}
model: {{family: qwen_vl, weights: tiny}}
questions: {{per_study: 2, writer: {{endpoint: "{url}", model: m, retries: 0}}}}
"""


def test_a_recipe_makes_conversations_of_them_that_show_the_film_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def answer(server, request):
        report = request["messages"][1]["content"].split("<report>\n")[1].split("\n</report>")[0]
        return written(*(("Còn gì nữa?", f"{sentence.rstrip('.')}.") for sentence in report.split(". ")[:3]))

    with serving(answer) as server:
        (tmp_path / "talks.yaml").write_text(RECIPE.format(url=server.url), "utf-8")
        dataset, *_ = run(load("talks.yaml"), until="build")
        assert server.requests
    asked = read_json(dataset / "tasks.json")["written_dialogue"]["asked"]
    rows = [row for split in ("train", "val", "test") for row in read_jsonl(dataset / "examples" / f"{split}.jsonl")]
    assert rows and sum(of["asked"] for of in asked.values()) == sum(len(row["messages"]) // 2 for row in rows)
    for row in rows:
        assert [m["role"] for m in row["messages"]][:3] == ["system", "user", "assistant"]
        assert sum(m["content"].count("<image>") for m in row["messages"]) == 1
        assert row["messages"][2]["from"] == "endpoint:findings"


def recipe(**changes):
    asked = {"endpoint": "http://127.0.0.1:8000/v1", "model": "m", **changes}
    values = {"name": "x", "source": {"kind": "phantom"}, "model": {"family": "qwen_vl"}, "prompts": "docphim"}
    return validated(Recipe, values | {"tasks": ["written_dialogue"], "questions": {"writer": asked} if changes else {}}, "")


def test_where_the_endpoint_lies_changes_nothing_in_the_dataset_and_what_it_is_asked_does():
    one, moved, other = recipe(retries=1), recipe(endpoint="http://127.0.0.1:9/v1"), recipe(temperature=0.1)
    assert questioning(one)[0] == questioning(moved)[0] != questioning(other)[0]
    assert questioning(one)[1] != questioning(moved)[1]


def test_the_endpoint_is_checked_before_anything_is_made():
    assert list(preflight.endpoints(recipe(retries=1))) == ["questions.writer"]
    with pytest.raises(UsageError, match=r"questions\.writer\.key_env"):
        preflight.check_keys(recipe(key_env="NO_SUCH_VARIABLE"), ["build"])
    with pytest.raises(Refused, match="upload_not_allowed"):
        preflight.check(recipe(endpoint="https://example.org/v1"), "build")
    with pytest.raises(UsageError, match=r"written_dialogue.*questions\.writer"):
        preflight.check(recipe(), "build")
