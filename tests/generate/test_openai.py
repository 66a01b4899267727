"""Backend openai: what is sent, what is written down, and what a killed or partly answered run asks again."""

import base64
import io
import json
import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from chat_server import Reply, question, said, serving
from PIL import Image
from small_dataset import SAID, example, write_dataset

from docphim.errors import Refused
from docphim.files import read_jsonl, write_jsonl
from docphim.generate import generate
from docphim.generate.openai import chat_messages, data_url
from docphim.imaging.frames import Stack, draw
from docphim.study import Message, to_row

ALL = ["own", "noise", "blank", "other"]


def ask(dataset, run, server, *, images=("own",), options=None, asking=None, **more):
    """Draft with the backend; the rows of predictions.jsonl."""
    told = {"images": list(images), "splits": ["test"], "contexts": ["reference", "generated"], "max_new_tokens": 12} | more
    generate(
        dataset,
        run,
        backend="openai",
        **told,
        options={"model": "m", "image_size": 32, "body": {}} | (options or {}),
        asking={"endpoint": server.url, "concurrency": 2, "retries": 1, "timeout_s": 20} | (asking or {}),
    )
    return list(read_jsonl(run / "predictions.jsonl"))


@pytest.fixture
def findings(tmp_path):
    """Five films with findings to draft."""
    return write_dataset(tmp_path / "data", [example(n, partner=(n + 1) % 5) for n in range(5)])


@pytest.fixture
def talks(tmp_path):
    return write_dataset(tmp_path / "data", [example(n, "dialogue", partner=(n + 1) % 3) for n in range(3)])


def pixels(url):
    assert url.startswith("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def test_the_endpoint_sees_the_very_frames_and_words_that_build_made(findings, tmp_path):
    rows = {e["id"]: e for e in read_jsonl(findings / "examples" / "test.jsonl")}
    with serving(lambda s, row: question(row)[1][0][-40:]) as server:
        drafts = ask(findings, tmp_path / "run", server, images=ALL)
    assert len(drafts) == len({(d["id"], d["image"]) for d in drafts}) == 20
    shown = {}
    for request in server.requests:
        assert [m["role"] for m in request["messages"]] == ["system", "user"]
        assert question(request)[0] == "Mô tả hình ảnh."
        assert (request["model"], request["max_tokens"], request["temperature"]) == ("m", 12, 0.0)
        assert 0 <= request["seed"] < 2**31
        (url,) = question(request)[1]
        shown[url[-40:]] = pixels(url)
    from docphim.study import Media, from_row

    for draft in drafts:
        own = from_row(Media, rows[draft["id"]]["media"][0])
        if draft["image"] == "own":
            assert (shown[draft["prediction"]] == draw(own, findings, (32, 32)).frames[0]).all()
        if draft["image"] == "blank":
            assert (shown[draft["prediction"]] == 128).all()
        if draft["image"] == "other":
            other = from_row(Media, rows[draft["id"]]["wrong_image"]["media"][0])
            assert (shown[draft["prediction"]] == draw(other, findings, (32, 32)).frames[0]).all()
    assert {d["model"] for d in drafts} == {"m"} and {d["finish"] for d in drafts} == {"stop"}
    assert (tmp_path / "run" / "likelihoods.jsonl").read_bytes() == b""


def test_a_colour_frame_is_sent_in_colour_and_a_film_in_grey():
    colour = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert (pixels(data_url(colour)) == colour).all()
    grey = np.repeat(colour[:, :, :1], 3, axis=2)
    assert (pixels(data_url(grey)) == grey).all()
    with Image.open(io.BytesIO(base64.b64decode(data_url(grey).partition(",")[2]))) as image:
        assert image.mode == "L"


def test_tags_and_films_must_be_of_one_number():
    film = Stack(np.zeros((1, 4, 4, 3), np.uint8), None, (0,))
    for text, films in (("<image>", []), ("Mô tả.", [film]), ("<image><image>", [film])):
        with pytest.raises(ValueError, match="films"):
            chat_messages([Message("user", text)], films)
    asked = [Message("user", "<image>\nMô tả.")]
    assert chat_messages(asked, [film], blind=True) == [{"role": "user", "content": "Mô tả."}]


@pytest.mark.parametrize("tag", ["image", "video"])
def test_a_stack_goes_as_its_slices_one_after_the_other_whatever_its_tag(tag):
    slices = np.arange(3 * 48, dtype=np.uint8).reshape(3, 4, 4, 3)
    (message,) = chat_messages([Message("user", f"<{tag}>\nMô tả.")], [Stack(slices, 30.0, (5, 15, 25))])
    assert [part["type"] for part in message["content"]] == ["image_url"] * 3 + ["text"]
    assert all((pixels(part["image_url"]["url"]) == one).all() for part, one in zip(message["content"], slices, strict=False))


def test_a_blind_run_sends_words_only(findings, tmp_path):
    with serving(lambda s, row: "Tim.") as server:
        assert {d["image"] for d in ask(findings, tmp_path / "run", server, blind=True, images=ALL)} == {"own"}
    assert [question(r) for r in server.requests] == [("Mô tả hình ảnh.", [])] * 5
    assert "<image>" not in json.dumps(server.requests)


def test_a_dialogue_goes_on_from_the_reference_and_from_what_was_said(talks, tmp_path):
    with serving(lambda s, row: f"said in turn {len(row['messages']) // 2}") as server:
        drafts = ask(talks, tmp_path / "run", server)
    assert [(d["turn"], d["context"]) for d in drafts[:3]] == [(0, "none"), (1, "reference"), (1, "generated")]
    second = [r["messages"] for r in server.requests if len(r["messages"]) == 4]
    before = Counter(m[2]["content"] for m in second)
    assert before["said in turn 1"] == 3 and sum(text.startswith(SAID[0]) for text in before.elements()) == 3


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_requests_are_under_way_as_the_recipe_says(findings, tmp_path, workers):
    under_way, most, lock = 0, 0, threading.Lock()

    def answer(server, row):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        server.release.wait(0.2)
        with lock:
            under_way -= 1
        return "Tim."

    with serving(answer) as server:
        ask(findings, tmp_path / "run", server, asking={"concurrency": workers})
    assert most == workers


def test_rows_stand_in_plan_order_whatever_order_answers_come_in(findings, tmp_path):
    def slow_first(server, row):
        if len(server.requests) == 1:
            server.release.wait(0.3)
        return question(row)[1][0][-30:]

    files = []
    for name, workers in (("one", 1), ("two", 4)):
        with serving(slow_first) as server:
            ask(findings, tmp_path / name, server, images=ALL, asking={"concurrency": workers})
        files.append((tmp_path / name / "predictions.jsonl").read_bytes())
    assert files[0] == files[1]


def test_failed_answers_are_asked_again_and_refused_ones_are_not(findings, tmp_path, caplog):
    def answer(server, row):
        texts.append(question(row)[1][0])
        number = len(set(texts))
        if number == 1:
            return said(None, "stop", refusal="PLANTED words")
        if number == 2:
            raise Reply(400, b'{"error": {"type": "bad_request"}}')
        return said(f"draft {number}", "length" if number == 3 else "stop")

    texts = []
    with serving(answer) as server:
        first = ask(findings, tmp_path / "run", server, asking={"concurrency": 1})
        assert [d["finish"] for d in first] == ["refused", "failed", "length", "stop", "stop"]
        assert [d["prediction"] for d in first] == ["", "", "draft 3", "draft 4", "draft 5"]
        assert "1 answers failed and are asked for again next time: the server said 400 (bad_request) (1)" in caplog.text
        assert "PLANTED" not in (tmp_path / "run" / "predictions.jsonl").read_text(encoding="utf-8") + caplog.text
    with serving(lambda s, row: "answered now") as server:
        second = ask(findings, tmp_path / "run", server)
        assert [d["prediction"] for d in second] == ["", "answered now", *(f"draft {n}" for n in (3, 4, 5))]
        assert [d["finish"] for d in second] == ["refused", "stop", "length", "stop", "stop"] and len(server.requests) == 1
        ask(findings, tmp_path / "run", server)
        assert len(server.requests) == 1


@pytest.mark.parametrize(("first", "finish"), [(said(None, refusal="no"), "refused"), (said(None), "failed")])
def test_a_turn_that_would_go_on_from_nothing_is_not_asked(talks, tmp_path, first, finish):
    with serving(lambda s, row: first if len(row["messages"]) == 2 else "Kết luận.") as server:
        drafts = ask(talks, tmp_path / "run", server)
    assert [d["finish"] for d in drafts] == [finish, "stop", finish] * 3 and len(server.requests) == 6


def test_a_dialogue_whose_one_answer_failed_asks_for_that_one_only(talks, tmp_path):
    def answer(server, row):
        if len(row["messages"]) == 4 and row["messages"][2]["content"] == "Phổi sáng.":
            return said(None)
        return "Phổi sáng."

    with serving(answer) as server:
        ask(talks, tmp_path / "run", server)
    with serving(lambda s, row: "Kết luận.") as server:
        drafts = ask(talks, tmp_path / "run", server)
    assert [d["prediction"] for d in drafts] == ["Phổi sáng.", "Phổi sáng.", "Kết luận."] * 3
    assert [r["messages"][2]["content"] for r in server.requests] == ["Phổi sáng."] * 3


def test_another_address_goes_on_and_another_model_begins_again(findings, tmp_path):
    with serving(lambda s, row: "Tim.") as server:
        ask(findings, tmp_path / "run", server)
    with serving(lambda s, row: "Phổi.") as server:
        assert {d["prediction"] for d in ask(findings, tmp_path / "run", server, asking={"concurrency": 7})} == {"Tim."}
        assert server.requests == []
        assert {d["prediction"] for d in ask(findings, tmp_path / "run", server, options={"model": "n"})} == {"Phổi."}


def test_what_was_answered_before_the_server_went_is_kept(findings, tmp_path):
    def dies(server, row):
        if len(server.requests) > 2:
            raise Reply(401)
        return "Tim."

    with serving(dies) as server:
        ask(findings, tmp_path / "run", server, asking={"concurrency": 1})
    rows = list(read_jsonl(tmp_path / "run" / "predictions.jsonl"))
    assert [r["finish"] for r in rows] == ["stop", "stop", "failed", "failed", "failed"]
    with serving(lambda s, row: (_ for _ in ()).throw(Reply(401))) as server, pytest.raises(Refused, match="endpoint_failing"):
        ask(findings, tmp_path / "run", server)
    assert [r["finish"] for r in read_jsonl(tmp_path / "run" / "predictions.jsonl")] == ["stop", "stop"]


def damaged(path, number=None):
    """Change a letter of one line, or delete the file."""
    if number is None:
        path.unlink()
        return
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(b"Tim", b"Tom")
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("name", "number", "asked"), [("predictions.jsonl", 2, 1), ("likelihoods.jsonl", None, 0), ("predictions.jsonl", None, 5)]
)
def test_of_a_damaged_file_only_the_damaged_rows_are_asked_again(findings, tmp_path, name, number, asked):
    with serving(lambda s, row: "Tim.") as server:
        ask(findings, tmp_path / "run", server)
        before = [(tmp_path / "run" / n).read_bytes() for n in ("predictions.jsonl", "likelihoods.jsonl")]
        server.requests.clear()
        damaged(tmp_path / "run" / name, number)
        ask(findings, tmp_path / "run", server)
        assert len(server.requests) == asked
    assert [(tmp_path / "run" / n).read_bytes() for n in ("predictions.jsonl", "likelihoods.jsonl")] == before


def test_what_went_on_from_a_damaged_answer_is_asked_again_with_it_and_what_did_not_stays(talks, tmp_path):
    with serving(lambda s, row: "Tim.") as server:
        ask(talks, tmp_path / "run", server)
    damaged(tmp_path / "run" / "predictions.jsonl", 3)
    with serving(lambda s, row: "Phổi.") as server:
        drafts = ask(talks, tmp_path / "run", server)
    assert [d["prediction"] for d in drafts] == ["Tim."] * 3 + ["Phổi.", "Tim.", "Phổi."] + ["Tim."] * 3
    assert (drafts[4]["context"], drafts[5]["context"]) == ("reference", "generated") and len(server.requests) == 2


def test_a_host_that_is_not_allowed_is_refused(findings, tmp_path):
    with serving(lambda *_: "Tim.") as server, pytest.raises(Refused, match="upload_not_allowed"):
        ask(
            findings,
            tmp_path / "run",
            server,
            asking={"endpoint": "https://api.example.org/v1", "allow_upload": ["example.org"]},
        )
    assert not list(read_jsonl(tmp_path / "run" / "predictions.jsonl"))


def test_what_failed_of_studies_without_a_report_is_asked_again_and_nothing_else(tmp_path):
    made = [example(number) for number in range(3)]
    rows = [replace(e, split="draft", messages=[*e.messages[:-1], replace(e.messages[-1], content="")]) for e in made]
    write_dataset(tmp_path / "dataset", [])
    write_jsonl(tmp_path / "dataset" / "examples" / "draft.jsonl", map(to_row, rows))
    failing = [True]

    def answer(server, request):
        if failing and len(server.requests) % 2 == 0:
            raise Reply(400, {"error": {"message": "no"}})
        return said("Tim to.")

    with serving(answer) as server:
        ask(tmp_path / "dataset", tmp_path / "run", server, asking={"retries": 0, "concurrency": 1})
        first = Counter(row["finish"] for row in read_jsonl(tmp_path / "run" / "drafts.jsonl"))
        assert first["failed"] == 1 and first["stop"] == 2
        failing.clear()
        before = len(server.requests)
        assert ask(tmp_path / "dataset", tmp_path / "run", server, asking={"retries": 0, "concurrency": 1}) == []
        assert len(server.requests) == before + 1
    drafts = list(read_jsonl(tmp_path / "run" / "drafts.jsonl"))
    assert [(row["prediction"], row["finish"]) for row in drafts] == [("Tim to.", "stop")] * 3
