"""A run behind an endpoint, as a person runs it: nothing trained, nothing sent elsewhere, no answer paid for twice."""

import itertools
import json
import os
import re
import signal
import time

import pytest
from chat_server import Reply, question, serving

from docphim.files import read_json, read_jsonl

KEY = "sk-planted-0123456789"


@pytest.fixture
def recipe_text(shared_phantoms):
    return (
        f"name: there\nsource: {{kind: phantom, profile: demo, studies: 40, size: 128, seed: 3, workers: 1, "
        f"path: {shared_phantoms}}}\n"
        "split: {fractions: [0.6, 0.1, 0.3]}\nprompts: docphim\nprepare: {long_side: 128, workers: 1}\n"
        "generate: {backend: openai, endpoint: URL, model: some-model, image_size: 32, concurrency: 2, retries: 1}\n"
        "evaluate: {resamples: 100}\n"
    )


@pytest.fixture
def program(docphim_on_loopback, recipe_text):
    """`docphim COMMAND` on that recipe with the endpoint's address put in."""

    def command(name, server, *more, start=False):
        path = docphim_on_loopback.folder / "there.yaml"
        path.write_text(recipe_text.replace("URL", server.url if server else "http://127.0.0.1:1/v1"), encoding="utf-8")
        return (docphim_on_loopback.start if start else docphim_on_loopback)(name, path, *more, tiny=False)

    command.folder, command.opened = docphim_on_loopback.folder, docphim_on_loopback.opened
    command.home = command.folder / "runs" / "there"
    return command


def drafts(program):
    return list(read_jsonl(program.home / "predictions.jsonl"))


def test_one_command_goes_from_phantoms_to_a_page_with_nothing_trained(program, monkeypatch):
    monkeypatch.setenv("PLANTED_KEY", KEY)
    with serving(lambda s, row: f"Bóng tim không to. {len(question(row)[1][0]) % 7}") as server:
        answer = program("run", server, "--set", "generate.key_env=PLANTED_KEY")
        assert answer.returncode == 0, answer.stderr
        assert len(server.requests) == 12 * 4 and set(server.keys) == {f"Bearer {KEY}"} and server.most <= 2
    assert not program.opened.exists(), program.opened.read_text()
    assert not (program.home / "model").exists() and not (program.home / "train.json").exists()
    task = read_json(program.home / "scores.json")["by_task"]["findings/test"]
    assert task["image_gain"] is None and {"noise", "blank", "other"} <= set(task["reliance"])
    assert "rougeL" in task["floors"]["constant"]
    page = (program.home / "index.html").read_text(encoding="utf-8")
    assert "some-model" in page and "own film" in answer.stdout
    held = [p for p in program.folder.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    assert held == [] and KEY not in answer.stdout + answer.stderr
    # All is done: nothing is asked, whether or not anybody is there, and the key need not be.
    monkeypatch.delenv("PLANTED_KEY")
    again = program("run", None, "--set", "generate.key_env=PLANTED_KEY")
    assert again.returncode == 0 and again.stderr.count("done before") == 6, again.stderr
    assert "train" not in (program.home / "recipe.yaml").read_text(encoding="utf-8").replace("train:\n  blind", "")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_in_the_middle_it_goes_on_without_asking_again_for_what_it_has(program):
    numbers, answered, waiting = itertools.count(), [], []

    def answer(server, row):
        if next(numbers) >= 20:
            waiting.append(row)
            server.release.wait(600)
            raise Reply(500)
        answered.append(question(row)[1][0])
        return f"Bóng tim không to. {len(answered)}"

    with serving(answer) as server:
        process = program("run", server, "--until", "generate", start=True)
        # What was answered is on disk a moment after the server has sent it.
        while process.poll() is None and (len(waiting) < 2 or len(drafts(program)) < 20):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    before = {(d["id"], d["image"]): d["prediction"] for d in drafts(program)}
    assert len(before) == 20
    # Another server, at another address, that answers otherwise.
    with serving(lambda s, row: "Phổi sáng.") as server:
        done = program("run", server, "--until", "generate")
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 48 - 20
    rows = {(d["id"], d["image"]): d["prediction"] for d in drafts(program)}
    assert len(rows) == 48 and {key: rows[key] for key in before} == before
    assert {text for key, text in rows.items() if key not in before} == {"Phổi sáng."}


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_ends_at_once_whatever_the_server_is_waiting_for(program):
    with serving(lambda s, row: s.release.wait(900) and "") as server:
        process = program("run", server, "--until", "generate", start=True)
        while process.poll() is None and len(server.requests) < 2:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=300)
    assert process.returncode == 130 and printed.decode().strip().endswith("stopped; the same command goes on from here")


def test_what_failed_is_asked_again_by_the_next_run_and_scored_again(program):
    numbers = itertools.count()  # handed out one by one, where two requests may see the same length of a list

    def the_first_three_fail(server, row):
        if next(numbers) < 3:
            raise Reply(400)
        return "Bóng tim to."

    with serving(the_first_three_fail) as server:
        first = program("run", server, "--until", "evaluate")
    assert first.returncode == 0 and "3 answers failed and are asked for again next time" in first.stderr
    assert sum(d["finish"] == "failed" for d in drafts(program)) == 3
    with serving(lambda s, row: "Bóng tim to.") as server:
        again = program("run", server, "--until", "evaluate")
        assert again.returncode == 0 and len(server.requests) == 3, again.stderr
    assert "generate: some requests were not answered; they are asked again" in again.stderr
    assert {d["prediction"] for d in drafts(program)} == {"Bóng tim to."}
    task = read_json(program.home / "scores.json")["by_task"]["findings/test"]
    assert task["counts"]["failed"] == task["counts"]["empty"] == 0


def test_a_host_the_recipe_does_not_allow_stops_the_run_before_a_film_is_read(program):
    for command in ("run", "generate", "page"):
        answer = program(command, None, "--set", "generate.endpoint=https://api.example.org/v1")
        assert answer.returncode == 3 and answer.stderr.startswith("upload_not_allowed: api.example.org: "), answer.stderr
    assert not (program.folder / "data").exists() and not (program.folder / "runs").exists()
    assert not program.opened.exists()


def test_a_judge_on_a_host_that_is_not_allowed_stops_the_run_as_well(program):
    judge = "evaluate.judge={endpoint: https://judge.example.org/v1, model: j}"
    answer = program("run", None, "--set", judge)
    assert answer.returncode == 3 and answer.stderr.startswith("upload_not_allowed: judge.example.org: "), answer.stderr


@pytest.mark.parametrize(
    ("command", "settings", "message"),
    [
        ("train", [], "error: train: generate.backend is openai, so there is no model to train"),
        (
            "run",
            ["generate.key_env=NOT_SET_ANYWHERE"],
            "generate.key_env: the environment variable NOT_SET_ANYWHERE is not set",
        ),
        ("run", ["generate.key_env=sk-PLANTED"], "generate.key_env: must be the name of an environment variable"),
        ("run", ["generate.endpoint=http://me:PLANTED@127.0.0.1/v1"], "recipe: generate.endpoint holds a secret"),
        ("run", ["generate.model=null"], "generate: backend openai needs 'endpoint' and 'model'"),
        ("run", ["generate.concurency=2"], "generate.concurency: unknown key; did you mean 'concurrency'?"),
        ("run", ["generate.body={messages: []}"], "generate.body: 'messages' is not for the recipe to set"),
        ("run", ["evaluate.judge={model: j}"], "evaluate.judge: needs 'endpoint' and 'model'"),
        ("run", ["evaluate.judge.modle=j"], "evaluate.judge.modle: unknown key; did you mean 'model'?"),
        ("run", ["allow_upload=['*']"], "error: allow_upload: '*' is no host"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_repeats_no_secret(program, command, settings, message):
    answer = program(command, None, *[part for setting in settings for part in ("--set", setting)])
    assert answer.returncode == 2 and message in answer.stderr, answer.stderr
    assert "PLANTED" not in answer.stderr + answer.stdout and len(answer.stderr.strip().splitlines()) == 1
    assert not list(program.folder.rglob("studies.jsonl"))


def test_a_server_that_is_not_there_is_one_line_and_the_same_command_goes_on(program):
    answer = program("run", None, "--until", "generate", "--set", "generate.retries=0")
    assert answer.returncode == 3
    assert answer.stderr.strip().splitlines()[-1].startswith("endpoint_failing: 127.0.0.1:1: no connection; what was answered")
    with serving(lambda s, row: "Tim.") as server:
        assert program("run", server, "--until", "generate").returncode == 0


def judge_or_draft(server, row):
    """Drafts to films; facts and matches to the judge's questions, but for the first of them."""
    asked = row["messages"][-1]["content"]
    if not isinstance(asked, str):
        return "Bóng tim không to."
    if not any(isinstance(r["messages"][-1]["content"], str) for r in server.requests[:-1]):
        return "no JSON"
    if "<report>" in asked:
        facts = [{"sentence": n, "text": s} for n, s in enumerate(re.findall(r"^\d+\. (.*)$", asked, re.M), 1)]
        return json.dumps({"facts": facts, "count": len(facts)}, ensure_ascii=False)
    counts = [len(re.findall(r"^\d+\. ", part, re.M)) for part in asked.split("\n\n")]
    matches = [{"reference": 1, "prediction": 1}]
    return json.dumps({"matches": matches, "reference_count": counts[0], "prediction_count": counts[1]})


def test_a_judges_failures_are_asked_again_and_all_of_it_can_be_replayed(program):
    def judged():
        return read_json(program.home / "scores.json")["by_task"]["findings/test"]["judge"]

    with serving(judge_or_draft) as server:
        judge = f"evaluate.judge={{endpoint: '{server.url}', model: j, retries: 0, concurrency: 1}}"
        first = program("run", server, "--set", judge, "--set", "evaluate.images=[own]", "--set", "generate.concurrency=1")
        assert first.returncode == 0, first.stderr
        assert judged()["failures"] == {"the answer is not of the form asked for": 1} and judged()["failed"] >= 1
        assert "judge and rules on" in first.stdout and f"{judged()['failed']} failed" in first.stdout
        before = len(server.requests)
        second = program("run", server, "--set", judge, "--set", "evaluate.images=[own]", "--set", "generate.concurrency=1")
        assert second.returncode == 0 and judged()["failed"] == 0, second.stderr
        assert 1 <= len(server.requests) - before <= 1 + 2 * 12 and "evaluate: some requests were not answered" in second.stderr
    whole = judged()
    replay = ["--set", judge.replace("model: j", "model: j, replay: true"), "--set", "evaluate.images=[own]"]
    again = program("evaluate", None, *replay, "--set", "evaluate.resamples=101")
    assert again.returncode == 0, again.stderr
    assert {k: v["value"] for k, v in judged().items() if k in ("f1", "recall")} == {
        k: whole[k]["value"] for k in ("f1", "recall")
    }
    assert program("page", None, *replay, "--set", "evaluate.resamples=101").returncode == 0
    assert not program.opened.exists()


def test_doctor_says_where_films_would_go_and_sends_nothing(program):
    local = json.loads(program("doctor", None, "--json").stdout)["recipe"]["endpoint"]
    assert local == {"model": "some-model", "address": "127.0.0.1:1", "upload": "this machine", "key": "none is sent"}
    there = ["--set", "generate.endpoint=https://api.example.org/v1", "--set", "generate.key_env=NOT_SET_ANYWHERE"]
    remote = json.loads(program("doctor", None, "--json", *there).stdout)["recipe"]["endpoint"]
    assert remote["upload"].startswith("upload_not_allowed") and "NOT_SET_ANYWHERE is not set" in remote["key"]
    assert not program.opened.exists()
