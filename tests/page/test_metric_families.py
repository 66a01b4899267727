"""Families of scores and what each concludes; tables of labels, words and the dataset."""

import pytest

from docphim.metrics.catalogue import kind_of
from docphim.page import stats
from docphim.page.families import disagreement, families
from docphim.page.tasks import by_support, known, mistakes
from docphim.page.verdict import answer, judge
from docphim.scores import Coverage, LabelRow, TaskScores
from docphim.study import from_row

KEYS = ("fact_f1", "vindr/macro_f1", "ct_rate/macro_f1", "rougeL", "bleu4", "judge_f1")


def difference(value, low):
    return {"value": value, "low": low, "high": value + 5}


def task(**knobs):
    return from_row(TaskScores, entry(**knobs))


def entry(drops=None, leads=None, low=40.0, keys=KEYS):
    """All metrics read the film and beat the floor by 3, but for the drops and leads given by key."""
    drop = {key: difference(4.0, (drops or {}).get(key, 2.0)) for key in keys}
    lead = {key: difference(3.0, (leads or {}).get(key, 1.0)) for key in keys}
    return {
        "scores": {key: {"value": 55.0, "low": low, "high": 60.0, "n": 40} for key in keys},
        "floors": {"nearest": {key: {"value": 52.0} for key in keys}},
        "lead": {"nearest": lead},
        "reliance": {"other": {key: {"value": 51.0, "drop": drop[key]} for key in keys}},
    }


def test_facts_come_first_then_labels_then_wording():
    found = families(task())
    assert [family.name for family in found] == ["facts", "labels", "wording", "other"]
    assert [family.drawn for family in found] == [["fact_f1"], ["vindr/macro_f1"], ["rougeL", "bleu4"], ["judge_f1"]]
    assert sorted(metric for family in found for metric in family.metrics) == sorted(KEYS)


@pytest.mark.parametrize(
    ("key", "name"), [*zip(KEYS, ("facts", "labels", "labels", "wording", "wording", "other"), strict=True)]
)
def test_each_key_has_its_family(key, name):
    assert kind_of(key) == name


def test_every_label_set_has_its_own_table_led_by_f1():
    keys = ("ct_rate/coverage", "ct_rate/macro_f1", "vindr/crg", "vindr/micro_f1", "vindr/macro_f1")
    (labels,) = families(task(keys=keys))
    assert labels.tables == [
        ("vindr", ["vindr/macro_f1", "vindr/micro_f1", "vindr/crg"]),
        ("ct_rate", ["ct_rate/macro_f1", "ct_rate/coverage"]),
    ]
    assert families(task(keys=("rougeL", "bleu4")))[0].tables == [("", ["rougeL", "bleu4"])]


SENTENCES = [
    (task(), "reads", ["F1 theo ý mất 4,0", "Hơn mọi mức sàn", "3,0"]),
    (task(drops={"fact_f1": -1.0}), "not_reading", ["không giảm rõ rệt: không có gì cho thấy"]),
    (task(leads={"fact_f1": -1.0}), "below_floor", ["mất 4,0.", "Chưa hơn rõ rệt mức sàn “Theo phim giống nhất”"]),
    (task(low=None), "few", ["quá ít ca"]),
    (from_row(TaskScores, {**entry(), "reliance": {}}), "untested", ["thiếu phép so"]),
]


@pytest.mark.parametrize(("scores", "concluded", "parts"), SENTENCES)
def test_the_sentence_says_what_wrong_film_and_floors_mean(scores, concluded, parts):
    facts = families(scores)[0]
    assert facts.answer == concluded
    assert all(part in facts.sentence.vi for part in parts)


def test_the_headline_is_judged_by_facts():
    assert judge(task(drops={"fact_f1": -1.0})).answer == "not_reading"
    assert judge(task(drops={"rougeL": -1.0})).answer == "reads"
    assert "F1 theo ý" in judge(task()).why.vi


def test_what_evaluation_wrote_counts_before_what_can_be_worked_out():
    written = {"reading": {"fact_f1": {"needs_image": False, "beats_floors": True}}}
    told = from_row(TaskScores, entry() | written)
    assert answer(told, "fact_f1") == "not_reading"
    assert answer(told, "rougeL") == "reads"
    silent = {"reading": {"fact_f1": {"needs_image": True, "beats_floors": None}}}
    assert answer(from_row(TaskScores, entry() | silent), "fact_f1") == "untested"


def test_wording_and_facts_that_conclude_differently_are_called_out():
    told = disagreement(families(task(drops={"fact_f1": -1.0})))
    assert told
    assert "theo ý, không có gì cho thấy mô hình đọc phim" in told.vi
    assert "Trust the facts" in told.en
    assert disagreement(families(task())) is None
    assert disagreement(families(task(low=None, drops={"fact_f1": -1.0}))) is None
    assert disagreement(families(task(keys=("rougeL",)))) is None


def errors(**counts):
    return TaskScores({}, fact_errors=counts)


def test_mistakes_go_from_the_most_frequent_and_rare_kinds_are_named_only_where_they_occur():
    bars = mistakes(errors(side=0, polarity=2, number=0, change=1, missing=9, hallucinated=0))
    assert [(name.en, value) for name, value, _ in bars][:3] == [
        ("Missed by the draft", 9),
        ("Wrong yes/no", 2),
        ("Wrong change", 1),
    ]
    assert {klass.split()[-1] for _, _, klass in bars} == {"missing", "polarity", "change", "side", "hallucinated"}
    assert mistakes(TaskScores({})) == []


def fact(polarity):
    return {"polarity": polarity}


def test_what_is_normal_and_in_one_text_only_stands_apart_and_last():
    counts = {"side": 2, "polarity": 0, "missing": 3, "hallucinated": 1}
    rows = [
        {
            "reference": [fact("abnormal"), fact("normal"), fact("absent")],
            "prediction": [fact("normal")],
            "missing": [0, 1, 2],
            "hallucinated": [0],
        }
    ]
    bars = [(name.en, value) for name, value, _ in mistakes(errors(**counts), rows)]
    assert bars == [
        ("Wrong side", 2),
        ("Missed, abnormal", 1),
        ("Wrong yes/no", 0),
        ("Invented, abnormal", 0),
        ("Not mentioned, normal", 2),
        ("Added, normal", 1),
    ]
    assert [klass for _, _, klass in mistakes(errors(**counts), rows)][-1] == "mistake hallucinated light"
    other_run = mistakes(errors(**counts | {"missing": 4}), rows)
    assert ("Missed by the draft", 4) in [(name.en, value) for name, value, _ in other_run]


def test_labels_go_by_support():
    rows = {name: LabelRow(None, None, None, support) for name, support in (("a", 1), ("c", 5), ("b", 1))}
    assert [name for name, _ in by_support(rows)] == ["c", "a", "b"]


def test_known_words_are_a_share_and_the_unknown_a_list():
    assert known(Coverage(75.0, 150, 200, [["b", 1], ["a", 3]])) == {"share": 75.0, "unknown": "a (3), b (1)"}
    assert known(Coverage(None, 0, 0, []))["share"] is None


STATS = {
    "lengths": {"test": {"findings": {"syllables": {"min": 1, "mean": 2.5, "max": 4}, "words": None, "reports": 3}}},
    "ages": {"histogram": [[60, 2], [70, 1]], "min": 60, "mean": 64.3, "max": 71},
    "anatomy": [["heart", 5]],
    "diagnoses": [["effusion", "mild", 2], ["heart/enlarged", None, 2], ["unheard_of", None, 1]],
}


def test_the_dataset_s_tables_become_rows_and_bars():
    assert [row["reports"] for row in stats.lengths(STATS)] == [3]
    assert "2,5" in stats.ends({"min": 1, "mean": 2.5, "max": 4})
    assert stats.ends(None) == "–"
    drawn = {title.en: str(svg) for title, svg in stats.figures(STATS)}
    assert [title.partition(":")[0] for title in drawn] == ["Anatomy most spoken of", "Most frequent findings", "Ages"]
    assert "tràn dịch, mức độ nhẹ" in drawn["Most frequent findings"]
    assert "tim: to<" in drawn["Most frequent findings"]
    assert "60–69" in drawn["Ages: 60 to 71, mean 64.3"]


def test_the_table_of_pet_has_a_row_for_each_spread_and_names_the_ways_of_uptake():
    one = {"n": 3, "min": 1, "p5": 1, "p50": 2.5, "p95": 4, "max": 4, "mean": 2}
    table = {"slices_a_study": one, "step_mm": None, "lengths": {"findings.chest": one}, "uptake": {"severe": 4, "absent": 2}}
    assert [name.en for name, _ in stats.pet({"pet": table})] == ["Slices a study", "Findings: chest"]
    assert [name.vi for name, _ in stats.uptake({"pet": table})] == ["tăng mạnh", "không tăng"]
    assert stats.pet({}) == stats.uptake({}) == []


def test_tables_that_are_not_there_are_left_out():
    assert stats.lengths({}) == []
    assert stats.figures({"ages": {"histogram": []}}) == []
