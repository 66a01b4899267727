"""`docphim labels`: a text, a pipe, a file of reports; what is refused."""

import json
import subprocess

import pytest

TEXT = "Small left pleural effusion. Pneumonia cannot be excluded. No pneumothorax."


def test_a_text_as_a_list_with_what_is_affirmed_first(docphim):
    done = docphim("labels", TEXT, "--language", "en", "--set", "chexpert", tiny=False)
    rows = [line.rsplit(None, 1) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [name for name, state in rows if state == "positive"] == ["Pleural Effusion"]
    order = ["positive", "uncertain", "negative", "unmentioned"]
    assert [order.index(state) for _, state in rows] == sorted(order.index(state) for _, state in rows)
    assert len(rows) == 14


def test_a_pipe_as_json(docphim):
    command = docphim.command("labels", "-", "--language", "en", "--json", tiny=False)
    done = subprocess.run(
        command, input=TEXT, capture_output=True, encoding="utf-8", env=docphim.environment, cwd=docphim.folder
    )
    answer = json.loads(done.stdout)
    assert answer["set"] == "ct_rate"
    assert answer["labels"]["Pleural effusion"] == "positive"


def test_a_pipe_that_is_not_utf8_is_refused_for_what_is_lost_may_be_a_negation(docphim):
    command = docphim.command("facts", "-", tiny=False)
    done = subprocess.run(
        command, input=b"B\xe3ng tim kh\xabng to", capture_output=True, env=docphim.environment, cwd=docphim.folder
    )
    assert (done.returncode, b"texts_unreadable: -: what was piped in is not UTF-8" in done.stderr) == (3, True)
    assert done.stdout == b""


@pytest.mark.parametrize("command", ["facts", "labels"])
def test_a_report_that_is_not_what_it_is_taken_for_is_read_but_doubted(docphim, command):
    done = docphim(command, "Bãng tim kh«ng to. Nhu m« phæi s¸ng ®Òu.", "--language", "vi", tiny=False)
    assert done.returncode == 0 and done.stderr.startswith("suspect: bytes of another encoding")
    (docphim.folder / "r.jsonl").write_text(json.dumps({"id": "x", "text": TEXT}) + "\n")
    assert docphim(command, "r.jsonl", "--language", "vi", tiny=False).stderr.strip() == (
        "suspect: another language than declared: 1 of 1 text (x)"
    )
    assert docphim(command, TEXT, "--language", "en", tiny=False).stderr == ""


def test_a_file_gives_one_object_a_line_with_its_id(docphim, tmp_path):
    rows = [{"id": i, "text": text} for i, text in enumerate([TEXT, "", "Hiatal hernia."] * 30)]
    (tmp_path / "reports.jsonl").write_text("\ufeff" + "\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    done = docphim("labels", tmp_path / "reports.jsonl", "--language", "en", tiny=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [str(row["id"]) for row in rows]
    assert [answer["labels"]["Hiatal hernia"] for answer in answers[:3]] == ["unmentioned", "unmentioned", "positive"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.jsonl"], 3, "file_missing: nowhere.jsonl"),
        (["bad.jsonl"], 3, "texts_unreadable: bad.jsonl: line 2 is not an object of id and text"),
        (["report.txt"], 2, "report.txt: is a file that is no .jsonl; to read one report from it, pipe it in: - < report.txt"),
        ([TEXT, "--set", "padchest"], 2, "'padchest' is not one of ct_rate, vindr, chexpert, phantom"),
        ([TEXT, "--language", "zh"], 2, "'zh' is not one of vi, en"),
        ([TEXT, "--model", "bert"], 2, "must be hf:"),
        ([TEXT, "--model", "hf:./nowhere"], 3, "weights_missing"),
    ],
)
def test_what_is_refused(docphim, arguments, code, said):
    (docphim.folder / "bad.jsonl").write_text('{"id": "a", "text": "x"}\n{"id": "b"}\n')
    (docphim.folder / "report.txt").write_text(TEXT)
    done = docphim("labels", *arguments, tiny=False)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
