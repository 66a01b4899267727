"""`docphim facts`: a report on the command line, piped in, or one of a file's."""

from __future__ import annotations

import json

import pytest

REPORT = "Góc sườn hoành phải tù, bên trái nhọn. SUVmax 5,2."


def test_a_report_gives_its_facts_as_json(docphim):
    done = docphim("facts", REPORT, "--json", tiny=False)
    rows = json.loads(done.stdout)
    assert [(r["anatomy"], r["state"], r["polarity"], r["side"]) for r in rows[:2]] == [
        ("costophrenic_angle", "blunted", "abnormal", "right"),
        ("costophrenic_angle", "sharp", "normal", "left"),
    ]
    assert set(rows[0]) >= {"text", "part", "finding", "location", "count", "severity", "size_mm", "suv", "certainty", "change"}
    assert REPORT[rows[1]["start"] : rows[1]["end"]] == rows[1]["text"] == "bên trái nhọn"


def test_each_line_of_a_file_is_answered_with_its_id(docphim, tmp_path):
    file = tmp_path / "reports.jsonl"
    rows = [{"id": "a", "text": "Heart size is normal."}, {"id": 2, "text": ""}]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    answers = [json.loads(line) for line in docphim("facts", file, "--language", "en", tiny=False).stdout.splitlines()]
    assert [(a["id"], [f["anatomy"] for f in a["facts"]]) for a in answers] == [("a", ["heart"]), ("2", [])]


def test_people_get_a_table(docphim):
    lines = docphim("facts", "Không thấy tràn dịch màng phổi.", tiny=False).stdout.splitlines()
    assert lines[0].split() == ["whether", "what", "where", "more", "words"]
    assert lines[1].split()[:3] == ["absent", "pleura", "effusion"]
    assert docphim("facts", "", tiny=False).stdout == "no facts\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["no-such.jsonl"], 3, "file_missing"),
        (["Tim to", "--language", "zh"], 2, "vi, en"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(docphim, arguments, code, said):
    done = docphim("facts", *arguments, tiny=False)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
