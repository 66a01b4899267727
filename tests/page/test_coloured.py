"""Facts laid onto the texts: every character once, every mistake where it was said, and in words."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.files import read_jsonl
from docphim.language.normalize import clean
from docphim.metrics.matching import KINDS
from docphim.page.cases import cases, ranking, scores_of
from docphim.page.coloured import MISTAKES, colour
from docphim.page.diff import LONGEST
from docphim.page.fact_words import concept, reading
from docphim.page.inputs import read
from docphim.page.words import _table

REFERENCE = "Tim không to. Tràn dịch màng phổi phải. Gãy xương sườn III."
DRAFT = "Tim không to. Tràn dịch màng phổi trái, có nốt."


def fact(text, words, **says):
    start = text.index(words)
    return {"text": words, "start": start, "end": start + len(words), "polarity": "present", **says}


def row():
    said = [
        fact(REFERENCE, "Tim không to", anatomy="heart", state="enlarged", polarity="normal"),
        fact(REFERENCE, "Tràn dịch màng phổi phải", anatomy="pleura", finding="effusion", side="right"),
        fact(REFERENCE, "Gãy xương sườn III", anatomy="rib", finding="fracture", location=["rib_3"]),
    ]
    wrote = [
        fact(DRAFT, "Tim không to", anatomy="heart", state="enlarged", polarity="normal"),
        fact(DRAFT, "Tràn dịch màng phổi trái", anatomy="pleura", finding="effusion", side="left"),
        fact(DRAFT, "nốt", anatomy="lung", finding="nodule"),
    ]
    return {
        "score": 50.0,
        "right": [[0, 0]],
        "wrong": [[1, 1, "side"]],
        "missing": [2],
        "hallucinated": [2],
        "reference": said,
        "prediction": wrote,
    }


def kinds(pieces):
    return [(piece.text, piece.lines[0].kind) for piece in pieces if piece.lines]


def test_each_fact_is_coloured_where_it_was_said():
    found = colour(row(), REFERENCE, DRAFT)
    assert kinds(found.reference) == [
        ("Tim không to", "right"),
        ("Tràn dịch màng phổi phải", "side"),
        ("Gãy xương sườn III", "missing"),
    ]
    assert kinds(found.draft) == [("Tim không to", "right"), ("Tràn dịch màng phổi trái", "side"), ("nốt", "hallucinated")]
    assert found.counts == {"right": 1, "side": 1, "missing": 1, "hallucinated": 1}


def test_a_wrong_fact_has_one_number_in_both_texts():
    found = colour(row(), REFERENCE, DRAFT)
    numbers = [[line.number for piece in pieces for line in piece.ends] for pieces in (found.reference, found.draft)]
    assert numbers == [[1, 3], [1, 2]]
    assert [line.number for line in found.mistakes] == [1, 2, 3]


@pytest.mark.parametrize(("polarity", "grave"), [("present", True), ("abnormal", True), ("absent", False), ("normal", False)])
def test_a_normal_thing_that_one_text_leaves_out_is_not_grave(polarity, grave):
    given = row()
    given["reference"][2]["polarity"] = polarity
    found = colour(given, REFERENCE, DRAFT)
    assert found.grave["missing"] == grave
    assert found.grave["side"] == 1
    assert next(line for line in found.lines if line.kind == "missing").grave == grave


def test_facts_that_share_words_show_the_graver_mistake():
    both = row()
    both["wrong"].append([2, 2, "polarity"])
    both["missing"], both["hallucinated"] = [], []
    both["prediction"][2] |= {"start": both["prediction"][1]["start"], "end": both["prediction"][1]["end"]}
    shared = next(piece for piece in colour(both, REFERENCE, DRAFT).draft if len(piece.lines) == 2)
    assert [line.kind for line in shared.lines] == ["polarity", "side"]


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


@given(st.text(st.sampled_from("Tim to\u0301ð.\n "), max_size=50), SPANS)
def test_pieces_put_together_are_the_text(text, spans):
    wrote = [{"start": start, "end": end, "anatomy": "heart", "polarity": "normal"} for start, end in spans]
    given_row = {
        "score": 0.0,
        "right": [],
        "wrong": [],
        "missing": [],
        "hallucinated": list(range(len(spans))),
        "reference": [],
        "prediction": wrote,
    }
    found = colour(given_row, "", text)
    assert "".join(piece.text for piece in found.draft) == clean(text)
    assert found.counts["hallucinated"] == len(spans)


def test_offsets_are_those_of_the_clean_text():
    decomposed = unicodedata.normalize("NFD", DRAFT)
    assert kinds(colour(row(), REFERENCE, decomposed).draft) == kinds(colour(row(), REFERENCE, DRAFT).draft)


def test_facts_past_what_is_shown_are_counted_but_not_listed():
    text = "Tim to. " * 2000
    wrote = [{"start": 8 * i, "end": 8 * i + 6, "anatomy": "heart", "polarity": "abnormal"} for i in range(2000)]
    many = {
        "score": 0.0,
        "right": [],
        "wrong": [],
        "missing": [],
        "hallucinated": list(range(2000)),
        "reference": [],
        "prediction": wrote,
    }
    found = colour(many, "", text)
    assert found.counts["hallucinated"] == 2000
    assert len(found.lines) == LONGEST / 8
    assert found.clipped == (0, len(text) - LONGEST)


READINGS = [
    ({"anatomy": "heart", "state": "enlarged", "polarity": "normal"}, "tim: không to", "heart: not enlarged"),
    ({"anatomy": "heart", "state": "enlarged", "polarity": "abnormal"}, "tim: to", "heart: enlarged"),
    ({"anatomy": "heart", "state": "normal", "polarity": "normal"}, "tim: bình thường", "heart: normal"),
    (
        {"anatomy": "aorta", "part": "arch", "state": "bulging", "polarity": "abnormal"},
        "quai động mạch chủ: vồng",
        "aorta arch: bulging",
    ),
    (
        {
            "anatomy": "lung",
            "finding": "nodule",
            "side": "right",
            "location": ["upper_lobe"],
            "size_mm": [12, 14.5],
            "severity": "mild",
        },
        "có nốt; phổi; thùy trên; bên phải; mức độ nhẹ; 12 × 14,5 mm",
        "nodule: present; lung; upper lobe; right; mild; 12 × 14.5 mm",
    ),
    (
        {"anatomy": "pleura", "finding": "effusion", "polarity": "absent"},
        "không có tràn dịch; màng phổi",
        "effusion: absent; pleura",
    ),
    ({"finding": "tuberculosis", "certainty": "not_excluded"}, "có lao; không loại trừ", "tuberculosis: present; not excluded"),
    ({"finding": "mass", "suv": 5.2, "leftover": ["lạ"]}, "có khối; SUV 5,2; “lạ”", "mass: present; SUV 5.2; “lạ”"),
    ({"finding": "nodule", "leftover": ["ill_defined"]}, "có nốt; giới hạn không rõ", "nodule: present; ill defined"),
    (
        {"anatomy": "new_organ", "state": "new_state", "polarity": "abnormal", "severity": "x_y"},
        "new organ: new state; x y",
        None,
    ),
]


@pytest.mark.parametrize(("says", "vi", "en"), READINGS)
def test_a_fact_is_told_in_words(says, vi, en):
    assert reading(says) == (vi, en or vi)


def test_numbered_places_keep_their_numbers():
    assert concept("location", "rib_3") == ("xương sườn 3", "rib 3")
    assert concept("location", "vertebra_t5").en == "vertebra T5"


def test_every_kind_of_mistake_that_is_counted_has_its_words():
    assert {*KINDS, "missing", "hallucinated"} == set(MISTAKES)
    for form in ("kind", "bar", "count"):
        assert {f"{form}_{kind}" for kind in MISTAKES} <= set(_table()["text"])


def test_studies_are_ranked_by_facts_where_they_were_read(make):
    made = make(studies=8)
    inputs = read(made.dataset, made.run)
    rows = {r["study"]: r for r in read_jsonl(made.run / "errors.jsonl")}
    assert ranking(inputs) == "clinical_f1"
    assert scores_of(inputs, "test") == {study: r["score"] for study, r in rows.items()}
    shown, _ = cases(inputs, 2)
    assert all(question.facts for case in shown for question in case.questions)
    assert [case.score for case in shown] == sorted(case.score for case in shown)


def test_a_run_without_facts_is_ranked_by_wording(make):
    made = make(studies=8, facts=False)
    inputs = read(made.dataset, made.run)
    assert ranking(inputs) == "rougeL"
    assert not [question for case in cases(inputs, 2)[0] for question in case.questions if question.facts]
