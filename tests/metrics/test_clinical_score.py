"""The clinical score: what each way of being wrong costs, what a fact weighs, and that nothing grave is blinded."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language.fact import Fact
from docphim.language.facts import facts
from docphim.language.same import canonical
from docphim.metrics import clinical, metric, weighing
from docphim.metrics import facts as fact_scores
from docphim.metrics.clinical import ERRORS, KEYS
from docphim.metrics.matching import matchings
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
        (" Bóng tim không to.", "", None, "well", "benign"),
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


#: One finding led in several facts is one mistake: a reference, a draft, and one that is no better.
ORDERED = [
    (
        "Tràn dịch màng phổi hai bên lượng nhiều. Bóc tách động mạch chủ type A.",
        "Bóc tách động mạch chủ type A.",
        "Tràn dịch màng phổi hai bên lượng nhiều.",
        "vi",
        "ct",
    ),
    (
        "Tràn khí màng phổi phải lượng nhiều, xẹp phổi phải thụ động. Trung thất lệch trái.",
        "Tràn khí màng phổi trái lượng nhiều, xẹp phổi trái thụ động. Trung thất lệch phải.",
        "Tràn khí màng phổi phải lượng nhiều, xẹp phổi phải thụ động. Trung thất lệch trái. Liềm hơi dưới hoành phải.",
        "vi",
        "xray",
    ),
    (
        "Khối thùy dưới phổi trái 42 mm, nghĩ đến u phổi. Nang gan phải.",
        "Nang gan phải.",
        "Khối thùy dưới phổi trái 42 mm, nghĩ đến u phổi. Nang gan phải. Huyết khối động mạch phổi phải.",
        "vi",
        "ct",
    ),
    (
        "Large left effusion, compressive atelectasis of the left lower lobe. Mediastinum shifted right. No pneumothorax.",
        "No pneumothorax.",
        "Large left effusion, compressive atelectasis of the left lower lobe. Mediastinum shifted right. Left pneumothorax.",
        "en",
        "xray",
    ),
    (
        "Consolidation in the right lower lobe consistent with pneumonia. Heart size is normal.",
        "Right lower lobe pneumonia. Heart size is normal.",
        "Heart size is normal.",
        "en",
        "xray",
    ),
    (
        "Khối thùy trên phổi phải 46 mm, SUVmax 14,2. Kết luận: U thùy trên phổi phải.",
        "U thùy trên phổi phải 46 mm, SUVmax 14,2.",
        "Khối thùy trên phổi trái 46 mm, SUVmax 14,2. Kết luận: U thùy trên phổi trái.",
        "vi",
        "pet",
    ),
    (
        "Đầu ống nội khí quản trong phế quản gốc phải. Tim không to.",
        "Ống nội khí quản. Tim không to.",
        "Đầu ống nội khí quản trong khí quản. Tim không to.",
        "vi",
        "xray",
    ),
    (
        "Đầu ống nội khí quản trong phế quản gốc phải. Tim không to.",
        "Đầu ống nội khí quản trong khí quản. Tim không to.",
        "Đầu ống nội khí quản trong phế quản gốc phải. Tràn khí màng phổi phải. Tim không to.",
        "vi",
        "xray",
    ),
    (
        "Catheter tĩnh mạch trung tâm đầu ở tĩnh mạch chủ trên.",
        "Catheter tĩnh mạch trung tâm đầu ở nhĩ phải.",
        "Tim không to.",
        "vi",
        "xray",
    ),
    ("Bóc tách động mạch chủ type A.", "Bóc tách động mạch chủ.", "Bóc tách động mạch chủ type B.", "vi", "ct"),
    (
        "Nốt gan phải 22 mm, SUVmax 7,9. Kết luận: di căn gan phải.",
        "Di căn gan phải 22 mm, SUVmax 7,9.",
        "Nang gan phải 22 mm.",
        "vi",
        "pet",
    ),
    (
        "Hạch rốn phổi trái tăng chuyển hóa FDG, SUVmax 7. Tim không to. Hai phổi sáng.",
        "Hạch rốn phổi trái, SUVmax 7. Tim không to.",
        "Tim không to. Hai phổi sáng.",
        "vi",
        "pet",
    ),
    ("Gãy xương sườn 5, 6, 7 bên phải.", "Gãy xương sườn 5, 6 bên phải.", "Gãy xương sườn bên trái.", "vi", "xray"),
    ("Lao phổi thùy trên phổi phải với hang 30 mm.", "Lao phổi thùy trên phổi phải.", "Hai phổi sáng.", "vi", "xray"),
    (
        "Hai phổi sáng. Tim không to. Không thấy tràn dịch, tràn khí màng phổi. Rốn phổi không to.",
        "Hai phổi sáng. Tim không to.",
        "Hai phổi sáng. Tim không to. Không thấy tràn dịch, tràn khí màng phổi. Rốn phổi không to. Vôi hóa cung động mạch chủ.",
        "vi",
        "xray",
    ),
    (
        "There is a nodule in the right upper lobe measuring 9 mm. Impression: right upper lobe nodule.",
        "Right upper lobe nodule, 9 mm.",
        "Right lower lobe nodule, 9 mm.",
        "en",
        "ct",
    ),
    (
        "Tràn dịch màng phổi phải lượng nhiều. Tràn dịch màng phổi trái lượng ít.",
        "Tràn dịch màng phổi phải lượng nhiều.",
        "Tràn dịch màng phổi trái lượng ít.",
        "vi",
        "xray",
    ),
    (
        "Nhiều di căn gan. Di căn đốt sống L2.",
        "Nhiều di căn gan. Di căn đốt sống L2, L3.",
        "Nhiều di căn gan. Di căn đốt sống L2. Di căn não.",
        "vi",
        "pet",
    ),
]


@pytest.mark.parametrize(("reference", "better", "worse", "language", "modality"), ORDERED, ids=range(len(ORDERED)))
def test_a_graver_mistake_scores_no_better(reference, better, worse, language, modality):
    ours, theirs = (scores(reference, draft, language, modality)["clinical_f1"] for draft in (better, worse))
    assert ours >= theirs


@pytest.mark.parametrize(
    ("reference", "draft", "missed"),
    [
        ("Khối cổ tử cung 48 mm. Hạch chậu ngoài trái 15 mm.", "Khối cổ tử cung 48 mm.", 1),  # a mass answers for no node
        ("Nốt phổi phải 30 mm. Nốt phổi trái 8 mm.", "Nốt phổi phải 30 mm.", 1),
    ],
)
def test_another_thing_does_not_answer_for_what_is_left_out(reference, draft, missed):
    assert scores(reference, draft, modality="pet")["actionable_missed"] == missed


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("Nốt phổi phải tăng chuyển hóa FDG, SUVmax 8.", "Nốt phổi phải không tăng chuyển hóa FDG.", "vi"),
        ("U phổi trái tăng chuyển hóa FDG mạnh.", "U phổi trái không tăng chuyển hóa FDG.", "vi"),
        ("Right adrenal nodule with intense FDG uptake, SUVmax 12.", "Right adrenal nodule without FDG uptake.", "en"),
        ("Gãy xương đòn trái di lệch.", "Gãy xương đòn trái không di lệch.", "vi"),
        ("Xẹp thân đốt sống L1 gây chèn ép tủy.", "Xẹp thân đốt sống L1. Không chèn ép tủy.", "vi"),
        ("Compression fracture of T12 with cord compression.", "Compression fracture of T12. No cord compression.", "en"),
    ],
)
def test_a_sign_beside_its_cause_is_not_denied_for_nothing(one, other, language):
    for reference, draft in ((one, other), (other, one)):
        row = scores(reference, draft, language, "pet")
        assert row["clinical_f1"] < 60 and row["actionable_denied"] + row["actionable_missed"] + row["actionable_invented"] >= 1
        kinds = [kind for _, _, kind in matchings(Pairs([reference], [draft], language, modality="pet"))[0].wrong]
        assert "polarity" in kinds


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


@pytest.mark.parametrize(
    ("text", "name", "expected", "language"),
    [
        ("Hạch trung thất trục ngắn 14 mm.", "lymph", "actionable", "vi"),
        ("Hạch nách trái 7 mm, SUVmax 9,1.", "lymph", "actionable", "vi"),
        ("Hạch cổ phải tăng chuyển hóa FDG.", "lymph", "actionable", "vi"),
        ("Hạch bệnh lý rốn phổi trái.", "lymph", "actionable", "vi"),
        ("Vài hạch nhỏ trung thất 5 mm.", "lymph", "non_actionable", "vi"),
        ("Hạch trung thất tăng nhẹ chuyển hóa FDG (SUVmax 1,9).", "lymph", "non_actionable", "vi"),
        ("Hypermetabolic left supraclavicular lymph node.", "lymph", "actionable", "en"),
        ("Small mediastinal lymph nodes measuring 4 mm.", "lymph", "non_actionable", "en"),
        ("Right hilar node, 9 mm, SUVmax 6.3.", "lymph", "actionable", "en"),
        ("Bóc tách động mạch chủ Stanford A.", "dissection", "urgent", "vi"),
        ("Bóc tách động mạch chủ type B không thay đổi.", "dissection", "actionable", "vi"),
        ("Stanford type B aortic dissection, unchanged.", "dissection", "actionable", "en"),
        ("Acute type A aortic dissection.", "dissection", "urgent", "en"),
        ("Stable 42 mm aneurysm of the ascending aorta.", "aneurysm", "actionable", "en"),
        ("Phình động mạch chủ bụng 62 mm.", "aneurysm", "urgent", "vi"),
        ("Phình động mạch chủ ngực 41 mm.", "aneurysm", "actionable", "vi"),
        ("Ruptured aortic aneurysm.", "aneurysm", "urgent", "en"),
        ("Phình động mạch chủ ngực 70 mm tăng kích thước.", "aneurysm", "urgent", "vi"),
        ("The endotracheal tube is malpositioned.", "tube", "urgent", "en"),
        ("Ống nội khí quản đặt sai vị trí.", "tube", "urgent", "vi"),
        ("Đầu ống nội khí quản trong phế quản gốc phải.", "tube", "urgent", "vi"),
        ("Ống thông dạ dày nằm trong khí quản.", "tube", "urgent", "vi"),
        ("The endotracheal tube is 4 cm above the carina.", "tube", "actionable", "en"),
        ("Tràn khí màng phổi áp lực bên trái.", "pneumothorax", "urgent", "vi"),
        ("Hang cũ thành mỏng đỉnh phổi phải.", "cavity", "non_actionable", "vi"),
        ("Khối thùy trên phổi phải không thay đổi.", "mass", "actionable", "vi"),
        ("Nốt thùy dưới phổi trái 4 mm.", "nodule", "non_actionable", "vi"),
        ("Nốt thùy dưới phổi trái 9 mm tăng chuyển hóa FDG, SUVmax 6.", "nodule", "actionable", "vi"),
        ("U mỡ thành ngực.", "lipoma", "non_actionable", "vi"),
        ("Left adrenal adenoma, 14 mm.", "adenoma", "non_actionable", "en"),
        ("Tràn dịch màng ngoài tim lượng nhiều.", "effusion", "urgent", "vi"),
        ("Catheter tĩnh mạch trung tâm đầu ở tĩnh mạch chủ trên.", "central", "actionable", "vi"),
        ("Máy tạo nhịp.", "pacemaker", "non_actionable", "vi"),
        ("Xẹp hoàn toàn phổi trái.", "atelectasis", "urgent", "vi"),
        ("Hai bên tràn dịch màng phổi lượng ít.", "effusion", "actionable", "vi"),
    ],
)
def test_findings_call_for_what_a_radiologist_would_do(text, name, expected, language):
    read = [fact for fact in canonical(facts(text, language)) if name in str(fact.finding)]
    assert {level(fact) for fact in read} == {expected}


@pytest.mark.parametrize("row", weights()["follows_written"], ids=lambda row: row["example"])
def test_what_follows_from_something_graver_is_one_mistake_with_it(row):
    written = weights()["follows_written"]
    holds, leads, *_ = weights()["follows"][written.index(row)]
    (reading, _), *_ = (pairs := Pairs([row["example"]], [""], row.get("language", "vi"))).readings
    led = {i: j for i, j in reading.follows.items() if holds(pairs.atoms.facts[i]) and leads(pairs.atoms.facts[j])}
    assert led and row["why"]
    for i in led:
        assert (reading.levels[i] == pairs.atoms.levels[i]) == bool(row.get("whole"))
    missed = pairs.pairings[0].cost(*pairs.readings[0])
    assert missed == sum(weight for i, weight in reading.weights.items() if i not in reading.follows)


def test_one_thing_on_both_sides_weighs_and_counts_once():
    reference = "Tràn dịch màng phổi hai bên lượng nhiều."
    row = scores(reference, "Hai phổi sáng.")
    assert row["actionable_missed"] == 1 and row["clinical_f1"] == pytest.approx(
        scores("Tràn khí màng phổi phải.", "Hai phổi sáng.")["clinical_f1"]
    )
    half = scores(reference, "Tràn dịch màng phổi phải lượng nhiều.")
    assert half["safety_recall"] == 0 and half["safety_precision"] == 100 and half["clinical_f1"] == 75


def test_every_row_of_weights_has_a_source_and_an_example_that_it_is_the_first_to_hold_for():
    assert weighing.faults() == [] and all(row["source"] for row in weights()["rows_written"])


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
    assert pairs.pairings[0].cost(*pairs.readings[0]) == 0
    assert clinical.statistics(pairs)[0, 0] == 1


@given(REPORTS, REPORTS, st.randoms())
def test_the_order_of_facts_changes_no_score(reference, draft, drawn):
    mixed = drawn.sample(reference, len(reference)), drawn.sample(draft, len(draft))
    assert np.allclose(clinical.statistics(read(reference, draft)), clinical.statistics(read(*mixed)))


@given(st.lists(st.sampled_from(POOL), max_size=5, unique_by=lambda fact: fact.strict), REPORTS)
def test_pairing_costs_no_more_than_leaving_all_alone(reference, draft):
    pairs = read(reference, draft)
    (ours, theirs), atoms = pairs.readings[0], pairs.atoms
    nothing = atoms.reading(())
    apart = pair(ours, nothing, atoms).cost(ours, nothing)
    alone = pair(nothing, theirs, atoms).cost(nothing, theirs)
    both = (*ours.wells, *theirs.wells)  # what is denied costs more than what is not said
    if not both:
        assert pairs.pairings[0].cost(ours, theirs) <= apart + alone + 1e-9


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
