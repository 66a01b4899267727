"""Label scores counted by hand: coverage, accuracy, precision, recall, F1 and CRG, with uncertain and missing labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language import labels as reader
from docphim.language.fact import Fact
from docphim.metrics import label_sets, metric
from docphim.metrics.labels import SCORES, Labels
from docphim.metrics.measure import measure, table
from docphim.metrics.pairs import Pairs
from docphim.scores import LabelRow

STATES = "nup"


def stand_in(patch):
    """A set of three labels; the finding of a report's one fact is a word of three letters, one state a label."""

    def spoken(fact, set_):
        return (*(sum(1 << label for label in range(3) if fact.finding[label] == state) for state in STATES), 0, 0)

    patch.setattr(reader, "label_names", lambda set_: ("A", "B", "C"))
    patch.setattr(reader, "spoken", spoken)
    patch.setattr(reader, "named", lambda bits, set_: bits[1] | bits[2])
    return Labels("vindr")


@pytest.fixture
def three(monkeypatch):
    return stand_in(monkeypatch)


def pairs(*reports):
    texts = [text for pair in reports for text in pair]
    references, predictions = zip(*reports, strict=True) if reports else ((), ())
    read = {text: [Fact(text, 0, 3, finding=text)] if text else [] for text in texts}
    return Pairs(references, predictions, "vi", facts_read=read)


def values(three, *reports):
    found = three.aggregate(three.statistics(pairs(*reports)).sum(axis=0))
    return dict(zip(SCORES, found.tolist(), strict=True))


# Labels A: 1 hit, 1 miss, 1 false alarm; B: 1 hit; C: 1 false alarm and no support.  Of 12 cells A = 3 positive.
REPORTS = [("pn-", "pnp"), ("p--", "n--"), ("-p-", "pp-"), ("---", "---")]


def test_every_score_is_as_counted_by_hand(three):
    r, unit = (12 - 3) / 6, (12 - 3) / 2
    s = r * 2 - r * 1 - 2
    assert values(three, *REPORTS) == pytest.approx(
        {
            "coverage": 200 / 3,
            "coverage_study": 100 * (1 + 0 + 1) / 3,
            "accuracy": 100 * 9 / 12,
            "accuracy_all_negative": 100 * (12 - 3) / 12,
            "exact_match": 25,
            "macro_precision": 100 * (1 / 2 + 1) / 2,
            "macro_recall": 100 * (1 / 2 + 1) / 2,
            "macro_f1": 100 * (1 / 2 + 1) / 2,
            "micro_precision": 50,
            "micro_recall": 200 / 3,
            "micro_f1": 100 * 4 / 7,
            "crg": 100 * unit / (2 * unit - s),
        }
    )


def test_each_label_has_its_own_row_with_support(three):
    assert three.per_label(three.statistics(pairs(*REPORTS))) == {
        "A": LabelRow(50, 50, 50, 2, 2),
        "B": LabelRow(100, 100, 100, 1, 1),
        "C": LabelRow(0, None, 0, 0, 1),
    }


def test_a_suspicion_counts_as_the_finding_and_a_denial_as_silence(three):
    assert values(three, ("p--", "unn"))["exact_match"] == values(three, ("u-n", "p--"))["exact_match"] == 100


def test_an_empty_prediction_is_right_about_nothing(three):
    found = values(three, ("---", ""), ("p--", ""))
    assert found["accuracy"] == found["exact_match"] == found["coverage"] == found["coverage_study"] == 0


def test_a_label_without_support_stays_out_of_the_macro_mean_and_in_the_micro_one(three):
    found = values(three, ("p--", "p-p"))
    assert (found["macro_f1"], found["micro_f1"]) == (100, pytest.approx(200 / 3))


@pytest.mark.parametrize(("prediction", "expected"), [("---", 100 / 3), ("ppp", 100 / 3), ("p--", 100)])
def test_crg_of_all_negative_and_all_positive_is_a_third_and_of_the_truth_one(three, prediction, expected):
    assert values(three, ("p--", prediction))["crg"] == pytest.approx(expected)


def test_where_neither_text_has_a_finding_nothing_is_wrong(three):
    found = values(three, ("---", "nnn"))
    assert {found[k] for k in ("coverage", "accuracy", "exact_match", "macro_f1", "micro_f1")} == {100}
    assert values(three, ("---", "p--"))["micro_f1"] == values(three, ("---", "p--"))["macro_f1"] == 0


def test_an_empty_prediction_is_not_right_even_where_there_is_nothing_to_find(three):
    found = values(three, ("---", "nnn"), ("---", ""), ("---", "---"), ("nnn", ""))
    assert {found[k] for k in ("coverage", "accuracy", "exact_match", "macro_f1", "micro_f1", "micro_precision")} == {50}


WORD = st.text("pnu-", min_size=3, max_size=3)


@given(st.lists(st.tuples(WORD, WORD | st.just("")), min_size=1, max_size=8))
def test_every_score_is_finite_between_0_and_100_and_1_for_the_truth(reports):
    with pytest.MonkeyPatch.context() as patch:
        family = stand_in(patch)
        found = values(family, *reports)
        assert all(0 <= value <= 100 + 1e-9 for value in found.values())
        truth = values(family, *((r, r) for r, _ in reports))
        assert truth["macro_f1"] == truth["accuracy"] == truth["exact_match"] == pytest.approx(100)
        assert np.isfinite(family.per_study(family.statistics(pairs(*reports)))).all()


def test_a_fact_that_occurs_again_is_read_once(three, monkeypatch):
    count, read = [], reader.spoken
    monkeypatch.setattr(reader, "spoken", lambda fact, set_: count.append(fact) or read(fact, set_))
    three.statistics(pairs(*[("p--", "n--")] * 50))
    assert len(count) == 2


def test_scores_have_intervals_and_a_signature_that_says_how_labels_count(three, monkeypatch):
    monkeypatch.setattr("docphim.metrics.labels.read_by", lambda *_: {"lexicon": "0123abcd", "reader": "4567cdef"})
    rows = table(measure(pairs(*REPORTS * 20), [str(i) for i in range(80)], resamples=100, seed=1, names=["vindr"]))
    assert set(rows) == {f"vindr/{key}" for key in SCORES}
    for row in rows.values():
        assert 0 <= row.low <= row.value <= row.high <= 100
        assert "|unc:positive|macro:supported|" in row.signature and "|lexicon:0123abcd|reader:4567cdef|" in row.signature


@pytest.mark.parametrize("set_", label_sets())
def test_every_label_set_is_a_metric_family_of_its_own(set_):
    assert metric(set_).KEYS[0] == f"{set_}/coverage"


def test_many_rows_of_sums_give_as_many_values_and_no_nan(three):
    sums = np.vstack([three.statistics(pairs(*REPORTS)), np.zeros((1, 14))])
    found = three.aggregate(sums)
    assert found.shape == (5, len(SCORES)) and np.isfinite(found).all()
    assert set(found[-1]) == {0.0}
