"""`docphim lesions`: a text, a file of reports, the records as JSON."""

import json

from docphim.study import Lesion, from_row

TEXT = "Khối thùy trên phổi phải 38 x 31 mm, tăng chuyển hóa FDG, SUVmax 14,2, nghĩ đến u nguyên phát. Không thấy hạch."


def test_a_text_as_a_table(docphim):
    done = docphim("lesions", TEXT, tiny=False)
    head, line = done.stdout.splitlines()
    assert (done.returncode, head.split()) == (0, ["what", "where", "mm", "uptake", "held", "to", "be", "words"])
    assert line.startswith("mass  right lung upper lobe  38×31  high SUVmax 14.2  primary (possible)  Khối thùy trên")
    assert docphim("lesions", "Không thấy hạch.", tiny=False).stdout == "no lesions\n"


def test_json_holds_the_records(docphim):
    (row,) = json.loads(docphim("lesions", TEXT, "--json", tiny=False).stdout)
    assert (row["v"], row["type"], row["text"][0]) == (1, "mass", 0)
    assert from_row(Lesion, row).suv[0].high == 14.2


def test_a_file_gives_one_object_a_line_with_its_id(docphim, tmp_path):
    rows = [{"id": "a", "text": TEXT}, {"id": "b", "text": ""}]
    (tmp_path / "reports.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    answers = [json.loads(line) for line in docphim("lesions", tmp_path / "reports.jsonl", tiny=False).stdout.splitlines()]
    assert [(answer["id"], len(answer["lesions"])) for answer in answers] == [("a", 1), ("b", 0)]


def test_a_language_without_a_lexicon_is_refused(docphim):
    done = docphim("lesions", TEXT, "--language", "zh", tiny=False)
    assert (done.returncode, "'zh' is not one of vi, en" in done.stderr) == (2, True)
