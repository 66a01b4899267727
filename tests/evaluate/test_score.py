"""`score_pairs`: what it reads, what it counts, what it refuses."""

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim import terminal
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
        "pairs": 30, "patients": 30, "empty": 0, "missing": 0, "extra": 0, "duplicates": 0, "empty_references": 0,
        "declined": 0, "suspect": 0
    }  # fmt: skip


FAULTY = [
    pair("good"),
    pair("empty", prediction=" "),
    pair("missing", prediction=None),
    pair("extra", reference=None),
    pair("good", prediction="khác"),
    pair("silent", reference=""),
]


def test_every_fault_is_named_and_counted(tmp_path):
    scored = score_pairs(pairs(tmp_path, *FAULTY), "vi", allow=("missing", "extra", "duplicates"))
    assert scored["named"] == {
        "empty": ["empty"], "missing": ["missing"], "extra": ["extra"], "duplicates": ["good"], "empty_references": ["silent"]
    }  # fmt: skip
    assert scored["counts"]["pairs"] == 4
    assert scored["scores"]["rouge1"]["value"] == 25
    assert scored["scores"]["fact_f1_macro"]["value"] == 25


@pytest.mark.parametrize(
    ("allow", "told"),
    [
        ((), "1 missing (missing); 1 extra (extra); 1 duplicates (good); to score it all the same: --allow missing,extra,dupl"),
        (("missing", "duplicates"), "pairs.jsonl: 1 extra (extra); to score it all the same: --allow extra"),
    ],
)
def test_missing_extra_and_duplicate_ids_stop_the_scoring_until_they_are_allowed(tmp_path, allow, told):
    with pytest.raises(Refused) as refusal:
        score_pairs(pairs(tmp_path, *FAULTY), "vi", allow=allow)
    assert refusal.value.reason == "pairs_incomplete" and told in str(refusal.value)


def test_only_the_first_of_many_ids_are_told_when_the_scoring_stops(tmp_path):
    with pytest.raises(Refused, match=r"9 missing \(0, 1, 2, 3, 4, …\)"):
        score_pairs(pairs(tmp_path, *(pair(i, prediction=None) for i in range(9))), "vi")


def test_what_may_be_allowed_is_said(tmp_path):
    with pytest.raises(UsageError, match="--allow empty: must be of missing, extra, duplicates"):
        score_pairs(pairs(tmp_path, pair("a")), "vi", allow=["empty"])


def test_reports_that_are_not_what_they_are_taken_for_are_named_with_the_reason(tmp_path, caplog):
    vi = "Bóng tim không to, góc sườn hoành hai bên nhọn."
    rows = [
        pair("fine", vi, vi),
        pair("english", vi, "The heart is not enlarged and the lungs are clear."),
        pair("font", "Bãng tim kh«ng to. Nhu m« phæi s¸ng ®Òu.", vi),
        pair("bell", vi, vi + "\a"),
        pair("tags", vi, f"<p>{vi}</p>"),
    ]
    scored = score_pairs(pairs(tmp_path, *rows), "vi")
    assert scored["counts"]["suspect"] == 4
    assert scored["suspect"] == [
        {"id": "font", "text": "reference", "why": "encoding"},
        {"id": "english", "text": "prediction", "why": "language"},
        {"id": "bell", "text": "prediction", "why": "control"},
        {"id": "tags", "text": "prediction", "why": "html"},
    ]
    assert scored["named"] == {"suspect": ["font", "english", "bell", "tags"]}
    assert len(caplog.messages) == 1 and "HTML, whose tags are read as words: 1 of 10 texts (tags)" in caplog.text


def test_facts_have_error_counts_and_the_words_that_are_not_known(tmp_path):
    rows = [pair(i, "Tràn dịch màng phổi phải. Bóng tim không to.", "Tràn dịch màng phổi trái. Xyzt.") for i in range(3)]
    scored = score_pairs(pairs(tmp_path, *rows), "vi")
    errors = scored["fact_errors"]
    assert (errors["side"], errors["missing"], errors["polarity"]) == (3, 3, 0)
    words = scored["coverage_words"]
    assert words["reference"]["share"] == 100 and words["reference"]["unknown"] == []
    assert words["prediction"]["unknown"] == [["xyzt", 3]]


def test_unknown_words_stand_in_the_order_of_how_often_they_occur(tmp_path):
    rows = [pair(i, "Bóng tim không to.", "Abcd." * (i < 4) + " Xyzt." + " Mnpq." * (i < 5)) for i in range(6)]
    unknown = score_pairs(pairs(tmp_path, *rows), "vi")["coverage_words"]["prediction"]["unknown"]
    assert unknown == [["xyzt", 6], ["mnpq", 5], ["abcd", 4]]


def test_a_rare_unknown_word_is_not_listed_for_it_may_be_a_name(tmp_path):
    rows = [pair(i, "Bóng tim không to.", f"Bóng tim to. Qwrt{chr(97 + i)}.") for i in range(3)]
    assert score_pairs(pairs(tmp_path, *rows), "vi")["coverage_words"]["prediction"]["unknown"] == []


def test_a_language_without_a_lexicon_has_lexical_scores_only(tmp_path):
    scored = score_pairs(pairs(tmp_path, pair("a", "双肺纹理清晰", "双肺纹理增粗")), "zh")
    assert "rouge1" in scored["scores"] and not {"fact_f1", "vindr/micro_f1"} & set(scored["scores"])
    assert "fact_errors" not in scored


MONSTERS = {
    "parentheses": "(" * 10_000 + "tim to" + ")" * 10_000,
    "brackets": "[{(" * 10_000,
    "one word": "a" * 1_000_000,
    "one sentence": "tràn dịch màng phổi phải " * 40_000,
    "many sentences": "Tràn dịch màng phổi phải. Bóng tim không to. " * 5_000,
    "commas": "," * 200_000,
    "negations": "không " * 40_000,
    "numbers": "12 x 14 mm " * 20_000,
    "marks": "o" + "\u0302\u0301" * 300_000,
    "nulls": "\0" * 300_000,
}


@pytest.mark.parametrize("text", MONSTERS.values(), ids=MONSTERS)
def test_a_monstrous_report_is_scored_like_any_other(tmp_path, text):
    scored = score_pairs(pairs(tmp_path, pair("a", "Bóng tim không to.", text), pair("b", text, "Bóng tim to.")), "vi")
    assert scored["counts"]["pairs"] == 2
    assert all(0 <= row["value"] <= 100 for row in scored["scores"].values() if row["value"] is not None)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.text(max_size=80), st.text(max_size=80)), min_size=1, max_size=4), st.sampled_from(["vi", "en", "zh"])
)
def test_any_text_is_scored(texts, language):
    with tempfile.TemporaryDirectory() as folder:
        rows = [pair(i, reference, prediction) for i, (reference, prediction) in enumerate(texts)]
        scored = score_pairs(
            pairs(Path(folder), *rows), language, metrics=["rouge", "bleu", "chrf", "facts", "answers", "labels"]
        )
    values = [row["value"] for row in scored["scores"].values() if row["value"] is not None]
    assert values and all(math.isfinite(value) and 0 <= value <= 100 for value in values)


def test_named_ids_are_few_however_many_there_are(tmp_path):
    scored = score_pairs(pairs(tmp_path, *(pair(i, prediction="") for i in range(50))), "vi")
    assert scored["counts"]["empty"] == 50
    assert len(scored["named"]["empty"]) == 20


def test_reports_of_few_patients_have_no_interval(tmp_path):
    rows = [pair(i, patient=f"p{i % 20}") for i in range(60)]
    assert score_pairs(pairs(tmp_path, *rows), "vi")["scores"]["rouge1"]["low"] is None


def test_a_patient_may_be_a_number_and_nobody_is_who_the_id_says(tmp_path):
    rows = [pair(i, patient=i // 2) for i in range(4)] + [pair("a", patient=""), pair("b", patient=None)]
    assert score_pairs(pairs(tmp_path, *rows), "vi")["counts"]["patients"] == 4


def test_a_byte_order_mark_and_blank_lines_are_no_fault(tmp_path):
    path = pairs(tmp_path, pair("a"), "", pair("b"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert score_pairs(path, "vi")["counts"]["pairs"] == 2


def test_label_sets_are_chosen(tmp_path):
    with pytest.raises(UsageError, match="label set 'x' is not one of ct_rate, vindr, chexpert, phantom"):
        score_pairs(pairs(tmp_path, pair("a")), "vi", label_sets=["x"])
    scored = score_pairs(pairs(tmp_path, pair("a")), "vi", label_sets=["phantom"])
    assert {key.partition("/")[0] for key in scored["scores"] if "/" in key} == {"phantom"}


@pytest.mark.parametrize(
    ("language", "convention", "said"),
    [("vi", "coco", "under the convention coco"), ("zh", "docphim", "under zh, which has no lexicon")],
)
def test_label_sets_where_there_are_no_labels_are_refused_and_not_ignored(tmp_path, language, convention, said):
    with pytest.raises(UsageError, match=f"--set vindr: there are no labels {said}"):
        score_pairs(pairs(tmp_path, pair("a")), language, convention=convention, label_sets=["vindr"])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 2 is not JSON"),
        ('{"id": "x", "reference": "a", "prediction": "b"', "line 2 is not JSON"),
        ("[1]", "line 2 is not an object"),
        ('{"id": "x", "ref": "a", "prediction": "b"}', "line 2 has no 'reference' (it has 'id', 'ref', 'prediction')"),
        ('{"reference": "a", "prediction": "b"}', "line 2 has no 'id'"),
        ('{"id": "x", "reference": 5, "prediction": "b"}', "line 2 has a number as its 'reference'"),
        ('{"id": "x", "reference": "a", "prediction": ["b"]}', "line 2 has a list as its 'prediction'"),
        ('{"id": null, "reference": "a", "prediction": "b"}', "line 2 has null as its 'id'"),
        ('{"id": true, "reference": "a", "prediction": "b"}', "line 2 has true or false as its 'id'"),
        ('{"id": "x", "reference": "a", "prediction": "b", "patient": {}}', "line 2 has an object as its 'patient'"),
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


def test_errors_to_act_on_and_urgent_findings_are_counted_by_modality(tmp_path, capsys):
    reference = "Góc sườn hoành nhọn. Tràn khí màng phổi phải."
    rows = pairs(tmp_path, pair("a", reference, "Góc sườn hoành hai bên nhọn. Tràn khí màng phổi trái."))
    scored = score_pairs(rows, "vi", modality="xray")
    assert {kind: n for kind, n in scored["errors"].items() if n} == {"side": 1}
    assert scored["urgent"] == {"pneumothorax": {"reference": 1, "missed": 1, "draft": 1, "invented": 1}}
    assert scored["scores"]["safety_recall"]["value"] == 0 and scored["scores"]["actionable_errors"]["value"] == 1
    terminal.score_table(scored)
    printed = capsys.readouterr().out
    assert "errors to act on: 1 in 1 reports (1 on the wrong side)" in printed and "urgent finding" in printed
    assert "modality:xray" in scored["scores"]["clinical_f1"]["signature"]
    with pytest.raises(UsageError, match="--modality film: must be one of xray, ct, pet"):
        score_pairs(rows, "vi", modality="film")


def test_lesions_are_scored_where_reports_are_of_pet_and_against_a_table_where_there_is_one(tmp_path):
    text, table = "Khối thùy trên phổi phải 40 mm, SUVmax 12,0.", [{"v": 1, "type": "mass", "organ": "lung", "side": "right"}]
    path = pairs(tmp_path, {"id": "a", "reference": text, "prediction": text})
    assert "lesion_tp" not in score_pairs(path, "vi")["scores"]
    scored = score_pairs(path, "vi", modality="pet")["scores"]
    assert (scored["lesion_tp"]["value"], scored["lesion_suv"]["value"]) == (100, 100)
    assert "|modality:pet|" in scored["lesion_tp"]["signature"] and "|truth:" not in scored["lesion_tp"]["signature"]
    beside = score_pairs(
        pairs(tmp_path, {"id": "a", "reference": "Phổi sáng.", "prediction": text, "lesions": table}), "vi", modality="pet"
    )["scores"]
    assert (beside["lesion_tp"]["value"], beside["lesion_suv"]["value"]) == (100, None)
    assert "|truth:table|" in beside["lesion_tp"]["signature"]


def test_a_table_that_is_none_is_refused_with_its_line(tmp_path):
    path = pairs(tmp_path, {"id": "a", "reference": "", "prediction": "", "lesions": [{"colour": 1}]})
    with pytest.raises(Refused, match="line 1: 'colour' is no key of a table of lesions") as refusal:
        score_pairs(path, "vi")
    assert refusal.value.reason == "pairs_unreadable"
