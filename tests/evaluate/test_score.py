"""`score_pairs`: what it reads, what it counts, what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from docphim.errors import Refused, UsageError
from docphim.evaluate.score import score_pairs


def pairs(folder: Path, *rows) -> Path:
    path = folder / "pairs.jsonl"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in rows), "utf-8")
    return path


def pair(id_, reference="bóng tim to", prediction="bóng tim to", **more):
    return {"id": id_, "reference": reference, "prediction": prediction, **more}


def test_scores_have_value_interval_number_and_signature(tmp_path):
    scored = score_pairs(pairs(tmp_path, *(pair(str(i)) for i in range(30))), "vi")
    row = scored["scores"]["rougeL"]
    assert (row["value"], row["low"], row["high"], row["n"]) == (100, 100, 100, 30)
    assert scored["counts"] == {
        "pairs": 30, "patients": 30, "empty": 0, "missing": 0, "extra": 0, "duplicates": 0, "empty_references": 0
    }  # fmt: skip


def test_every_fault_is_named_and_counted(tmp_path):
    rows = [
        pair("good"),
        pair("empty", prediction=" "),
        pair("missing", prediction=None),
        pair("extra", reference=None),
        pair("good", prediction="khác"),
        pair("silent", reference=""),
    ]
    scored = score_pairs(pairs(tmp_path, *rows), "vi")
    assert scored["named"] == {
        "empty": ["empty"], "missing": ["missing"], "extra": ["extra"], "duplicates": ["good"], "empty_references": ["silent"]
    }  # fmt: skip
    assert scored["counts"]["pairs"] == 4
    assert scored["scores"]["rouge1"]["value"] == 25


def test_named_ids_are_few_however_many_there_are(tmp_path):
    scored = score_pairs(pairs(tmp_path, *(pair(i, prediction="") for i in range(50))), "vi")
    assert scored["counts"]["empty"] == 50
    assert len(scored["named"]["empty"]) == 20


def test_reports_of_few_patients_have_no_interval(tmp_path):
    rows = [pair(i, patient=f"p{i % 20}") for i in range(60)]
    assert score_pairs(pairs(tmp_path, *rows), "vi")["scores"]["rouge1"]["low"] is None


def test_a_byte_order_mark_and_blank_lines_are_no_fault(tmp_path):
    path = pairs(tmp_path, pair("a"), "", pair("b"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert score_pairs(path, "vi")["counts"]["pairs"] == 2


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 2 is not JSON"),
        ('{"id": "x", "reference": "a", "prediction": "b"', "line 2 is not JSON"),
        ("[1]", "line 2 is not an object"),
        ('{"id": "x", "ref": "a", "prediction": "b"}', "line 2 has no 'reference' (it has 'id', 'ref', 'prediction')"),
        ('{"reference": "a", "prediction": "b"}', "line 2 has no 'id'"),
        ('{"id": "x", "reference": 5, "prediction": "b"}', "line 2 has a 'reference' that is a number"),
        ('{"id": "x", "reference": "a", "prediction": ["b"]}', "line 2 has a 'prediction' that is list"),
        ("[" * 100_000, "line 2 is not JSON"),
    ],
)
def test_a_malformed_line_is_refused_by_its_number(tmp_path, line, why):
    with pytest.raises(Refused) as refusal:
        score_pairs(pairs(tmp_path, pair("a"), line), "vi")
    assert refusal.value.reason == "pairs_unreadable"
    assert why in str(refusal.value)


def test_bytes_that_are_not_utf8_are_refused_by_line(tmp_path):
    path = pairs(tmp_path, pair("a"))
    path.write_bytes(path.read_bytes() + b'{"id": "b", "reference": "ph\xe6i", "prediction": ""}\n')
    with pytest.raises(Refused, match="line 2 is not UTF-8"):
        score_pairs(path, "vi")


def test_no_file_and_no_pairs_are_refused(tmp_path):
    with pytest.raises(Refused, match="file_missing"):
        score_pairs(tmp_path / "none.jsonl", "vi")
    with pytest.raises(Refused, match="no pair to score"):
        score_pairs(pairs(tmp_path), "vi")


def test_an_unknown_language_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="language"):
        score_pairs(pairs(tmp_path, pair("a")), "fr")


def test_scoring_imports_nothing_heavy():
    code = "import sys, docphim.evaluate.score; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "scipy", "pyarrow", "pandas", "sacrebleu", "pydantic", "yaml"} & set(loaded)
