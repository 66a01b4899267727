"""Files of pairs and of scores computed elsewhere: CSV as strictly as JSON lines, ids named, the Python API."""

import json

import numpy as np
import pytest

import docphim
from docphim.errors import Refused, UsageError
from docphim.evaluate.score import score_pairs
from docphim.study import Answer


def write(path, text):
    path.write_text(text, "utf-8")
    return path


def test_csv_gives_what_json_lines_give(tmp_path):
    rows = [
        {"id": "a", "reference": 'Bóng tim to, "rõ".\nXẹp phổi phải.', "prediction": "Bóng tim to.", "patient": "p1"},
        {"id": "b", "reference": "Xẹp phổi phải.", "prediction": "", "patient": "p1"},
    ]
    cells = 'id,reference,prediction,patient\r\na,"Bóng tim to, ""rõ"".\nXẹp phổi phải.",Bóng tim to.,p1\r\n'
    cells += "b,Xẹp phổi phải.,,p1\r\n"
    table = score_pairs(write(tmp_path / "p.csv", cells), "vi")
    assert table == score_pairs(write(tmp_path / "p.jsonl", "".join(json.dumps(row) + "\n" for row in rows)), "vi")
    assert table["counts"]["patients"] == 1 and table["counts"]["empty"] == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id,reference\na,b\n", "line 2 has no 'prediction'"),
        ("id,reference,prediction\na,b\n", "line 2 has 2 cells, the header 3"),
        ('id,reference,prediction\na,"b"c,d\n', "line 2 is not CSV"),
        ('id,reference,prediction\na,"b,c\nd,e,f\n', "is not CSV"),
        ('id,reference,prediction\na,b,"c\nd,e,f\ng,h,i"\n', "a cell that holds other rows: a quote is astray"),
    ],
)
def test_a_quote_astray_or_a_row_of_another_width_is_refused_by_its_line(tmp_path, text, why):
    with pytest.raises(Refused) as refusal:
        score_pairs(write(tmp_path / "p.csv", text), "vi")
    assert refusal.value.reason == "pairs_unreadable" and why in str(refusal.value)


def pairs(folder, n=40):
    return write(folder / "p.csv", "id,reference,prediction\n" + "".join(f"s{i},Bóng tim to.,Bóng tim to.\n" for i in range(n)))


def test_scores_computed_elsewhere_get_an_interval_under_their_own_key(tmp_path):
    numbers = write(tmp_path / "green.csv", "id,GREEN,RadGraph F1\n" + "".join(f"s{i},{i % 2},0.5\n" for i in range(40)))
    found = score_pairs(pairs(tmp_path), "vi", scores=numbers)["scores"]
    green = found["GREEN"]
    assert green["value"] == 0.5 and 0.3 < green["low"] < 0.5 < green["high"] < 0.7
    assert green["signature"].startswith("docphim:GREEN|mean|refs:1|external:given|n:40|bs:1000")
    assert found["RadGraph_F1"]["low"] == 0.5 and found["rougeL"]["value"] == 100


def test_scores_computed_elsewhere_need_no_texts(tmp_path):
    lines = write(
        tmp_path / "s.jsonl",
        "".join(json.dumps({"id": f"s{i}", "patient": f"p{i // 2}", "GREEN": i / 80}) + "\n" for i in range(80)),
    )
    found = score_pairs(None, "vi", scores=lines)
    assert set(found["scores"]) == {"GREEN"} and found["counts"]["patients"] == 40
    assert "declined" not in found["counts"], "of texts that are not there nothing is counted"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,GREEN\ns0,1\n", "1 missing (s1)"),
        ("id,GREEN\ns0,1\ns1,1\ns9,1\n", "1 extra (s9)"),
        ("id,GREEN\ns0,1\ns1,1\ns1,0\n", "1 duplicates (s1)"),
        ("id,GREEN\ns0,1\ns1,\n", "1 missing (s1)"),
    ],
)
def test_ids_that_do_not_fit_are_named_and_refused_unless_allowed(tmp_path, text, told):
    numbers = write(tmp_path / "s.csv", text)
    with pytest.raises(Refused) as refusal:
        score_pairs(pairs(tmp_path, 2), "vi", scores=numbers)
    assert refusal.value.reason == "pairs_incomplete" and told in str(refusal.value)
    allowed = score_pairs(pairs(tmp_path, 2), "vi", scores=numbers, allow=("missing", "extra", "duplicates"))
    assert allowed["scores"]["GREEN"]["value"] == 1


@pytest.mark.parametrize("cell", ["x", "nan", "inf"])
def test_what_is_no_number_is_refused_by_line_and_column(tmp_path, cell):
    with pytest.raises(Refused, match="line 2 has no number as its 'GREEN'"):
        score_pairs(pairs(tmp_path, 1), "vi", scores=write(tmp_path / "s.csv", f"id,GREEN\ns0,{cell}\n"))


def test_a_column_of_the_name_of_a_score_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="the column 'rougeL' needs a name of its own"):
        score_pairs(pairs(tmp_path, 1), "vi", scores=write(tmp_path / "s.csv", "id,rougeL\ns0,1\n"))


def test_a_refusal_in_words_scores_nothing_and_is_counted(tmp_path):
    reports = ["Bóng tim to."] * 4
    drafts = [
        "Bóng tim to.",
        "Tôi không thể đọc phim này.",
        "I'm sorry, I can't interpret this X-ray, but: Bóng tim to.",
        "Bóng tim to.",
    ]
    found = docphim.score(reports, drafts, ids=list("abcd"))
    assert found["counts"]["declined"] == 2 and found["named"]["declined"] == ["b", "c"]
    assert (
        found["scores"]["rouge1"]["value"]
        == docphim.score(reports, [*drafts[:1], "", *drafts[2:]])["scores"]["rouge1"]["value"]
    )
    assert found["scores"]["vindr/exact_match"]["value"] == 75
    other = docphim.score(reports, drafts, convention="coco")
    assert other["counts"]["declined"] == 2 and other["scores"]["bleu1"]["value"] > 0


@pytest.mark.parametrize(
    "report", ["Không nhìn thấy hình ảnh tràn dịch màng phổi.", "Chưa thể kết luận hình ảnh u phổi.", "Phim quá mờ để đọc."]
)
def test_a_draft_of_its_references_own_words_never_declines(report):
    found = docphim.score([report, "Bóng tim to."], [report, "Bóng tim to."])
    assert found["counts"]["declined"] == 0
    assert found["scores"]["rougeL"]["value"] == 100


def test_yes_and_no_are_scored_as_answers_and_not_as_facts():
    found = docphim.score(["Có.", "Không."], ["Không.", "Có."])["scores"]
    assert found["answer_accuracy"]["value"] == 0 and "fact_f1" not in found
    typed = docphim.score(["Bên phải."], ["Phải."], answers=[Answer("choice", "phải")])["scores"]
    assert typed["answer_choice"]["value"] == 100


@pytest.mark.parametrize(
    ("references", "drafts", "language"),
    [
        (["Có.", "Không.", "Có, bên phải."], ["Không.", "Có.", "Không."], "vi"),
        (["Không, tim không to.", "Trả lời: Có, hai bên."], ["Có.", "Không."], "vi"),
        (["Có. Ở thùy dưới.", "", "3 cm"], ["Không.", "", "4 cm"], "vi"),
        (["Yes, on the left.", "No, the heart is normal."], ["No.", "Yes."], "en"),
    ],
)
def test_a_yes_or_no_with_a_few_words_after_it_is_an_answer_too(references, drafts, language):
    scored = docphim.score(references, drafts, language)["scores"]
    assert scored["answer_accuracy"]["value"] == 0 and "fact_f1" not in scored


@pytest.mark.parametrize("report", ["Không thấy bất thường.", "Có tràn dịch màng phổi phải.", "Bóng tim to."])
def test_answers_among_reports_are_refused_until_it_is_named_what_is_scored(report):
    with pytest.raises(UsageError, match=r"1 of 2 references answer a question \(a\).*--metrics"):
        docphim.score(["Có.", report], ["Không.", report], ids=["a", "b"])
    assert "fact_f1" in docphim.score([report], [report])["scores"]
    assert docphim.score(["Có.", report], ["Không.", report], metrics=["answers"])["scores"]["answer_accuracy"]["value"] == 50


@pytest.mark.parametrize(
    ("lists", "why"),
    [
        ({"references": [5]}, "pair 0 has a number as its 'reference'"),
        ({"predictions": ["x", b"y"], "references": ["a", "b"]}, "pair 1 has bytes as its 'prediction'"),
        ({"predictions": [["x"]]}, "pair 0 has a list as its 'prediction'"),
        ({"ids": [None]}, "pair 0 has null as its 'id'"),
        ({"patients": [1.5]}, "pair 0 has a number as its 'patient'"),
        ({"answers": [{"kind": "yes_no", "value": True}]}, "pair 0 has an answer that is no docphim.study.Answer"),
        ({"answers": [Answer("yes_no", "yes")]}, "pair 0 has an answer that is no docphim.study.Answer"),
        ({"answers": [Answer("which", "yes")]}, "pair 0 has an answer that is no docphim.study.Answer"),
        ({"answers": ["Có."]}, "pair 0 has an answer that is no docphim.study.Answer"),
        ({"references": "a"}, "lists of texts"),
        ({"predictions": "a"}, "lists of texts"),
        ({"ids": []}, "1 references and 0 of id"),
    ],
)
def test_lists_of_anything_but_texts_are_refused_by_the_pair(lists, why):
    with pytest.raises(ValueError, match=why):
        docphim.score(**{"references": ["a"], "predictions": ["b"], **lists})


@pytest.mark.parametrize(
    ("answer", "fine"),
    [
        ({"kind": "yes_no", "value": True}, True),
        ({"kind": "number", "value": 8, "unit": "mm"}, True),
        ({"kind": "yes_no", "value": "yes"}, False),
        ({"kind": "number", "value": True}, False),
        ({"kind": "maybe", "value": 1}, False),
        ({"kind": "text", "value": "a", "more": 1}, False),
    ],
)
def test_a_line_may_hold_a_typed_answer_of_the_right_form(tmp_path, answer, fine):
    line = json.dumps({"id": "a", "reference": "Có. Không rõ.", "prediction": "Có.", "answer": answer})
    path = write(tmp_path / "p.jsonl", line + "\n")
    if fine:
        assert "answer_accuracy" in score_pairs(path, "vi")["scores"]
    else:
        with pytest.raises(Refused, match="line 1"):
            score_pairs(path, "vi")


def test_the_function_gives_what_the_file_gives(tmp_path):
    lists = ["Bóng tim to.", "Xẹp phổi phải."], ["Bóng tim to.", "Xẹp phổi trái."]
    path = write(
        tmp_path / "p.csv",
        "id,reference,prediction\n" + "".join(f"{i},{r},{p}\n" for i, (r, p) in enumerate(zip(*lists, strict=True))),
    )
    assert docphim.score(*lists) == score_pairs(path, "vi")
    with pytest.raises(ValueError, match="2 references and 1 of prediction"):
        docphim.score(lists[0], ["x"])


def test_importing_docphim_imports_next_to_nothing():
    import subprocess
    import sys

    code = "import sys; before = set(sys.modules); import docphim; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {m for m in loaded if m.startswith("docphim.")} and "numpy" not in loaded


def test_ids_and_patients_may_be_numbers_of_an_array():
    scored = docphim.score(["a", "b"], ["a", "b"], ids=np.arange(2), patients=np.array([7, 7]))
    assert scored["counts"]["patients"] == 1
