"""The clinical score: what each way of being wrong costs, what a fact weighs, and that nothing grave is blinded."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.fact import Fact
from docphim.language.facts import facts
from docphim.language.same import canonical
from docphim.metrics import clinical, metric
from docphim.metrics import facts as fact_scores
from docphim.metrics.clinical import ERRORS, KEYS
from docphim.metrics.pairing import pair
from docphim.metrics.pairs import Pairs
from docphim.metrics.weights import OTHERWISE, TABLE, fingerprint, level, weights

REFERENCE = (
    "Tràn khí màng phổi phải lượng nhiều. Nốt thùy trên phổi trái 12 mm. Không thấy tràn dịch màng phổi. Bóng tim không to. "
    "Quai động mạch chủ vồng."
)


def scores(reference, draft, language="vi", modality="xray"):
    pairs = Pairs([reference], [draft], language, modality=modality)
    return dict(zip(KEYS, clinical.aggregate(clinical.statistics(pairs).sum(axis=0)), strict=True))


def edited(old, new):
    assert old in REFERENCE
    return REFERENCE.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "kind", "share", "level"),
    [
        ("phải lượng nhiều", "trái lượng nhiều", "side", "side", "urgent"),
        ("Tràn khí màng phổi phải lượng nhiều. ", "", "missed", "miss", "urgent"),
        ("Nốt", "Gãy xương sườn 5 bên phải. Nốt", "invented", "invention", "actionable"),
        ("lượng nhiều", "lượng ít", "grade", "grades", "urgent"),
        ("lượng nhiều", "lượng vừa", "grade", "grade", "urgent"),
        ("12 mm", "24 mm", "grade", "size", "actionable"),
        ("thùy trên", "thùy dưới", "place", "place", "actionable"),
        ("12 mm", "13 mm", None, None, "actionable"),
        (" 12 mm", "", None, "unsaid", "actionable"),
        (" Quai động mạch chủ vồng.", "", None, "miss", "non_actionable"),
        (" Bóng tim không to.", "", None, "miss", "benign"),
        (" Quai động mạch chủ vồng.", " Động mạch chủ kéo dài.", None, None, "non_actionable"),
    ],
)
def test_each_way_of_being_wrong_costs_its_share_and_is_counted_as_its_kind(old, new, kind, share, level):
    table = weights()
    both = 2 * (8 + 4 + 1 + 0.25 + 0.25)
    cost = table["weights"][level] * (table["costs"][share] if share else 0)
    row = scores(REFERENCE, edited(old, new))
    assert row["clinical_f1"] == row["clinical_f1_pooled"] == pytest.approx(100 * (1 - cost / both))
    assert {name: row[f"actionable_{name}"] for name in ERRORS} == {name: float(name == kind) for name in ERRORS}
    assert row["actionable_errors"] == (kind is not None)


@pytest.mark.parametrize(
    ("draft", "recall", "precision"),
    [
        (REFERENCE, 100, 100),
        (edited("phải lượng nhiều", "trái lượng nhiều"), 0, 0),  # a wrong side is missed and invented
        (edited("Tràn khí màng phổi phải lượng nhiều. ", ""), 0, None),
        (REFERENCE + " Liềm hơi dưới hoành phải.", 100, 50),
        (edited("lượng nhiều", "lượng ít"), 100, 100),
    ],
)
def test_safety_counts_urgent_findings_missed_and_invented(draft, recall, precision):
    row = scores(REFERENCE, draft)
    assert row["safety_recall"] == recall
    assert np.isnan(row["safety_precision"]) if precision is None else row["safety_precision"] == precision


def test_abnormal_said_for_denied_costs_most_and_a_left_out_denial_is_no_missed_urgent_finding():
    flipped, silent = edited("Không thấy tràn dịch", "Có tràn dịch"), edited(" Không thấy tràn dịch màng phổi.", "")
    assert scores(REFERENCE, flipped)["actionable_denied"] == 1
    assert scores(REFERENCE, silent)["actionable_errors"] == 0 and scores(REFERENCE, silent)["safety_recall"] == 100
    added = scores(REFERENCE.replace(" Không thấy tràn dịch màng phổi.", ""), flipped)
    assert scores(REFERENCE, flipped)["clinical_f1"] < added["clinical_f1"] < scores(REFERENCE, silent)["clinical_f1"]


#: From the best to the worst; nothing may be blinded by what is taken as one.
GRADED = [
    REFERENCE,
    edited(" Bóng tim không to.", ""),
    edited(" Quai động mạch chủ vồng.", ""),
    edited("lượng nhiều", "lượng vừa"),
    edited("phải lượng nhiều", "trái lượng nhiều"),
    edited("Không thấy tràn dịch màng phổi", "Tràn dịch màng phổi trái lượng nhiều"),
    "Hai phổi sáng. Không thấy tràn khí, tràn dịch màng phổi. Bóng tim không to.",
    "",
]


def test_drafts_rank_as_they_are_graded():
    values = [scores(REFERENCE, draft)["clinical_f1"] for draft in GRADED]
    assert all(better > worse for better, worse in itertools.pairwise(values[:-1])) and values[-1] == 0


REWORDED = [
    ("Tràn dịch màng phổi hai bên.", "Tràn dịch màng phổi phải. Tràn dịch màng phổi trái."),
    ("Vài nốt ở phổi phải.", "Nốt thùy trên phổi phải. Nốt thùy dưới phổi phải."),
    ("Hai phổi sáng. Góc sườn hoành nhọn.", "Không thấy đông đặc, nốt ở hai phổi. Góc sườn hoành hai bên không tù."),
    ("Bóng tim to. Quai động mạch chủ vồng sang trái.", "Tim tăng kích thước. Động mạch chủ kéo dài."),
    ("Không thấy bất thường xương.", "Không gãy xương sườn. Xương đòn bình thường."),
]


@pytest.mark.parametrize(("one", "other"), REWORDED)
def test_one_truth_in_other_words_loses_next_to_nothing(one, other):
    for reference, draft in ((one, other), (other, one)):
        row = scores(reference, draft)
        assert row["clinical_f1"] >= 95 and row["actionable_errors"] == 0


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        *((one, other, True) for one, other in REWORDED),
        ("Hai phổi sáng.", "Phổi phải sáng.", False),
        ("Hai phổi sáng.", "Phổi phải sáng. Phổi trái sáng.", True),
        ("Vài nốt ở phổi phải.", "Nốt thùy trên phổi phải.", False),
        ("Tràn dịch màng phổi hai bên.", "Tràn dịch màng phổi phải.", False),
    ],
)
def test_core_facts_are_alike_where_one_statement_answers_for_the_whole_of_the_other(one, other, alike):
    for reference, draft in ((one, other), (other, one)):
        pairs = Pairs([reference], [draft], "vi", modality="xray")
        core = dict(zip(fact_scores.KEYS, fact_scores.aggregate(fact_scores.statistics(pairs).sum(axis=0)), strict=True))
        assert (core["fact_f1_core"] == 100) == alike


@pytest.mark.parametrize("row", weights()["rows_written"], ids=lambda row: row["example"])
def test_every_row_of_weights_has_a_source_and_an_example_that_it_is_the_first_to_hold_for(row):
    table, language = weights()["rows"], row.get("language", "vi")
    holds, modality, name = table[weights()["rows_written"].index(row)]
    read = canonical(facts(row["example"], language), modality)
    first = [next((other for other, only, _ in table if only in (None, modality) and other(fact)), None) for fact in read]
    assert holds in first and row["source"]
    assert level(read[first.index(holds)], modality) == name


def test_a_corrected_weight_counts_at_once_and_is_in_the_signature(tmp_path, monkeypatch):
    """As docs/lexicon.md shows: a row put above those that hold for the same fact."""
    before, table = fingerprint(), tmp_path / "weights.yaml"
    row = "  - {when: {finding: effusion, modality: pet}, is: benign, source: mine, example: x}\n"
    table.write_text(TABLE.read_text("utf-8").replace("\nrows:\n", f"\nrows:\n{row}"), "utf-8")
    monkeypatch.setattr("docphim.metrics.weights.TABLE", table)
    effusion = Fact("", 0, 0, "pleura", finding="effusion", severity="severe")
    try:
        for cached in (weights, fingerprint):
            cached.cache_clear()
        assert (level(effusion, "pet"), level(effusion, "ct")) == ("benign", "urgent")
        assert fingerprint() != before
    finally:
        for cached in (weights, fingerprint):
            cached.cache_clear()


def test_what_no_row_names_is_actionable_and_what_is_well_is_benign():
    assert level(Fact("", 0, 0, "lung", finding="pneumonia")) == OTHERWISE == "actionable"
    assert level(Fact("", 0, 0, "pleura", finding="pneumothorax", polarity="absent")) == "benign"


POOL = [fact for text in (*GRADED, *(text for pair in REWORDED for text in pair)) for fact in facts(text, "vi")]
REPORTS = st.lists(st.sampled_from(POOL), max_size=6)


def read(reference, draft):
    return Pairs(["r"], ["d"], "vi", facts_read={"r": list(reference), "d": list(draft)}, modality="xray")


@given(REPORTS, REPORTS)
def test_every_thing_is_answered_for_once_or_alone(reference, draft):
    pairs = read(reference, draft)
    (ours, theirs), pairing = pairs.readings[0], pairs.pairings[0]
    assert {i for i, *_ in pairing.pairs} | {i for i, _ in pairing.missed} == {*ours.ills}
    assert {j for _, j, *_ in pairing.pairs} | {j for j, _ in pairing.invented} == {*theirs.ills}
    assert not {i for i, *_ in pairing.pairs} & {i for i, _ in pairing.missed}
    assert {i for i, _ in pairing.well} | {*pairing.well_missed} == {*ours.wells}
    assert {j for _, j in pairing.well} | {*pairing.well_invented} == {*theirs.wells}


@given(REPORTS)
def test_a_report_beside_itself_costs_nothing(report):
    pairs = read(report, report[::-1])
    assert pairs.pairings[0].cost(pairs.atoms.weights) == 0
    assert clinical.statistics(pairs)[0, 0] == 1


@given(REPORTS, REPORTS, st.randoms())
def test_the_order_of_facts_changes_no_score(reference, draft, drawn):
    mixed = drawn.sample(reference, len(reference)), drawn.sample(draft, len(draft))
    assert np.allclose(clinical.statistics(read(reference, draft)), clinical.statistics(read(*mixed)))


@given(st.lists(st.sampled_from(POOL), max_size=5, unique_by=lambda fact: fact.strict), REPORTS)
def test_pairing_costs_no_more_than_leaving_all_alone(reference, draft):
    pairs = read(reference, draft)
    (ours, theirs), atoms = pairs.readings[0], pairs.atoms
    apart = pair(ours, theirs._replace(ills=(), wells=()), atoms).cost(atoms.weights)
    alone = pair(ours._replace(ills=(), wells=()), theirs, atoms).cost(atoms.weights)
    both = (*ours.wells, *theirs.wells)  # what is denied costs more than what is not said
    if not both:
        assert pairs.pairings[0].cost(atoms.weights) <= apart + alone + 1e-9


def test_many_things_of_one_family_are_paired_in_time():
    nodules = [Fact("", 0, 0, "lung", finding="nodule", side="right", size_mm=(float(size),)) for size in range(1, 400)]
    pairs = read(nodules, [Fact("", 0, 0, "lung", finding="nodule", side="right", suv=float(size)) for size in range(1, 400)])
    assert len(pairs.pairings[0].pairs) == 399


def test_a_signature_names_weights_and_modality():
    from docphim.metrics.measure import measure

    for modality, name in (("xray", "xray"), (None, "unknown")):
        pairs = Pairs([REFERENCE], [REFERENCE], "vi", modality=modality)
        signature = measure(pairs, ["p"], resamples=10, seed=1, names=["clinical"]).signatures["clinical_f1"]
        assert f"|modality:{name}|" in signature and "|weights:" in signature


def test_less_is_better_only_of_errors():
    assert set(metric("clinical").LOWER) == {"actionable_errors", *(f"actionable_{kind}" for kind in ERRORS)}
