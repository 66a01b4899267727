"""Wordings from an endpoint: taken where facts and lesions are equal, else counted; asked once; sent where it is allowed."""

from collections import Counter

import pytest
from chat_server import Reply, said, serving

from docphim.build import paraphrase
from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl
from docphim.recipe import Recipe, validated
from docphim.way import augmenting

MASS = "Khối thùy trên phổi trái, kích thước 24 mm, SUVmax 6,2. Không thấy tràn dịch màng phổi."
SAME = "Không thấy tràn dịch màng phổi. Khối thùy trên phổi trái, SUVmax 6,2, kích thước 24 mm."
ANSWERS = {
    SAME: "taken",
    MASS: "not_reworded",
    MASS.replace("trái", "phải"): "facts_changed",
    MASS.replace("6,2", "6,4"): "facts_changed",
    MASS + " Nốt thùy dưới phổi phải, kích thước 8 mm.": "facts_changed",
    "Không thấy tràn dịch màng phổi.": "facts_changed",
    f"<image>{SAME}": "tag",
}


def row(*texts):
    answers = [{"role": "assistant", "content": text, "from": "report:findings"} for text in texts]
    return {"messages": [{"role": "user", "content": "?", "from": None}, *answers], "augment": {}}


def add(rows, folder, server, **changes):
    settings = {"model": "m", "count": 1, "temperature": 0.7, "body": {}, "retries": 0, **changes}
    (folder / "key").mkdir(exist_ok=True, parents=True)
    return paraphrase.add(rows, folder / "key", "vi", endpoint=server.url if server else "http://127.0.0.1:1/v1", **settings)


@pytest.mark.parametrize(("answer", "reason"), ANSWERS.items(), ids=range(len(ANSWERS)))
def test_a_wording_is_taken_where_it_says_the_same_and_else_counted_by_reason(answer, reason, tmp_path):
    example = row(MASS)
    with serving(lambda s, r: answer) as server:
        assert add([example], tmp_path, server) == {reason: 1}
    assert example["augment"].get("paraphrases", {}) == ({"1": [SAME]} if reason == "taken" else {})


def test_an_endpoint_that_invents_a_lesion_which_facts_alone_would_let_through_is_refused(tmp_path, monkeypatch):
    from docphim.language import alter

    monkeypatch.setattr(alter, "meaning", lambda text, language: (Counter(), Counter([text])))
    with serving(lambda s, r: SAME) as server:
        assert add([row(MASS)], tmp_path, server) == {"lesions_changed": 1}


def test_each_text_is_asked_so_many_times_with_seeds_of_its_own_and_never_twice(tmp_path):
    rows = [row(MASS), row(MASS, "Không thấy hạch.")]
    with serving(lambda s, r: SAME) as server:
        counts = add(rows, tmp_path, server, count=3)
        assert len(server.requests) == 6 and {r["seed"] for r in server.requests} == {0, 1, 2}
        assert {r["temperature"] for r in server.requests} == {0.7}
        assert all("<report>" in r["messages"][1]["content"] for r in server.requests)
    assert counts == {"facts_changed": 3, "not_reworded": 2, "taken": 1}
    assert rows[1]["augment"]["paraphrases"] == {"1": [SAME]}
    again = [row(MASS), row(MASS, "Không thấy hạch.")]
    assert add(again, tmp_path, None, count=3) == counts and again == rows  # nobody answers at that address
    (tmp_path / "other").mkdir()
    elsewhere = {"model": "m", "count": 3, "temperature": 0.7, "body": {}, "endpoint": "http://127.0.0.1:1/v1"}
    assert paraphrase.add(again, tmp_path / "other", "vi", **elsewhere) == counts  # a dataset made with other settings


def test_another_model_temperature_or_body_is_asked_anew(tmp_path):
    with serving(lambda s, r: SAME) as server:
        for changes in ({}, {"model": "n"}, {"temperature": 0.1}, {"body": {"top_p": 0.5}}, {}):
            add([row(MASS)], tmp_path, server, **changes)
        assert len(server.requests) == 4


def test_a_spoilt_line_of_the_kept_answers_is_asked_again(tmp_path):
    with serving(lambda s, r: SAME) as server:
        add([row(MASS)], tmp_path, server)
        path = tmp_path / "key" / paraphrase.ANSWERS
        path.write_text(path.read_text(encoding="utf-8").replace("24 mm", "42 mm"), encoding="utf-8")
        assert add([row(MASS)], tmp_path, server) == {"taken": 1}
        assert len(server.requests) == 2


ENDS = {"cut": said(SAME, "length"), "refused": said("", "content_filter")}


@pytest.mark.parametrize(("reason", "body"), ENDS.items(), ids=ENDS)
def test_what_is_no_whole_answer_is_counted_and_asked_again(reason, body, tmp_path):
    with serving(lambda s, r: body) as server:
        for _ in range(2):
            assert add([row(MASS)], tmp_path, server) == {reason: 1}
        assert len(server.requests) == 2
    assert not list(read_jsonl(tmp_path / "key" / paraphrase.ANSWERS))


def test_a_server_that_is_gone_stops_the_build_and_what_was_answered_is_kept(tmp_path):
    def answer(server, r):
        if len(server.requests) > 1:
            raise Reply(500)
        return SAME

    texts = [MASS, *(f"Nốt thùy trên phổi phải, kích thước {n} mm." for n in range(3, 40))]
    with serving(answer) as server, pytest.raises(Refused, match="endpoint_failing"):
        add([row(text) for text in texts], tmp_path, server, concurrency=1)
    assert [r["text"] for r in read_jsonl(tmp_path / "key" / paraphrase.ANSWERS)] == [SAME]


def test_nothing_is_sent_where_the_recipe_does_not_allow_it(tmp_path):
    with pytest.raises(Refused, match="upload_not_allowed"):
        paraphrase.add(
            [row(MASS)], tmp_path, "vi", model="m", count=1, temperature=0, body={}, endpoint="https://example.org/v1"
        )


def recipe(**paraphrased):
    asked = {"endpoint": "http://127.0.0.1:8000/v1", "model": "m", **paraphrased}
    values = {"name": "x", "source": {"kind": "phantom"}, "model": {"family": "qwen_vl"}, "augment": {"paraphrase": asked}}
    return validated(Recipe, values, "")


def test_where_the_endpoint_lies_changes_nothing_in_the_dataset_and_what_it_is_asked_does():
    one, moved = recipe(), recipe(endpoint="http://127.0.0.1:9/v1", concurrency=9)
    assert augmenting(one)[0] == augmenting(moved)[0] and augmenting(one)[1] != augmenting(moved)[1]
    assert augmenting(one)[0] != augmenting(recipe(count=5))[0]
    with pytest.raises(UsageError, match="needs 'endpoint' and 'model'"):
        recipe(model=None)


def test_the_endpoint_is_checked_before_anything_is_made():
    from docphim import preflight

    assert list(preflight.endpoints(recipe())) == ["augment.paraphrase"]
    with pytest.raises(UsageError, match=r"augment\.paraphrase\.key_env"):
        preflight.check_keys(recipe(key_env="NO_SUCH_VARIABLE"), ["build"])
    preflight.check_keys(recipe(key_env="NO_SUCH_VARIABLE"), ["evaluate"])
    with pytest.raises(Refused, match="upload_not_allowed"):
        preflight.check(recipe(endpoint="https://example.org/v1"), "build")
