"""Lesions of drafts beside records of what the scan holds: numbers of their own, and nothing that texts never say."""

import numpy as np
import pytest

from docphim.errors import Refused
from docphim.metrics import families, lesion_records, lesions
from docphim.metrics.measure import lead, measure
from docphim.metrics.pairs import Pairs
from docphim.study import Lesion, LesionSuv

TRUTH = [
    Lesion("nodule", "liver", "left", size_mm=[20.0], size_of="one", suv=[LesionSuv("max", "=", 6.0, 6.0)], uptake="high"),
    Lesion("mass", "lung", "right", ["upper_lobe"], size_mm=[40.0], size_of="one", uptake="high"),
]
BARE = "Nốt gan trái tăng chuyển hóa FDG."
FULL = "Nốt gan trái 20 mm, tăng chuyển hóa FDG, SUVmax 6,0."


def scores(reference, draft, truth=TRUTH):
    pairs = Pairs([reference], [draft], "vi", truths=[truth])
    values = lesion_records.aggregate(lesion_records.statistics(pairs).sum(axis=0))
    return dict(zip(lesion_records.KEYS, values.tolist(), strict=True))


def test_a_lesion_that_the_reference_leaves_out_is_missed_all_the_same():
    values = scores(BARE, BARE)
    assert (values["truth_lesion_tp_precision"], values["truth_lesion_tp_recall"], values["truth_lesion_omitted"]) == (
        100,
        50,
        50,
    )


@pytest.mark.parametrize(
    ("reference", "draft", "size", "suv", "invented"),
    [
        (FULL, FULL, 50, 100, 0),
        (FULL, BARE, 0, 0, None),
        (BARE, BARE, None, None, None),  # the texts never give numbers: none are asked for
        (BARE, FULL, None, None, 0),  # those that a draft gives are looked up nonetheless
        (BARE, FULL.replace("20", "35"), None, None, 50),
    ],
)
def test_what_no_reference_text_states_is_not_asked_of_drafts(reference, draft, size, suv, invented):
    values = scores(reference, draft)
    got = [values[f"truth_lesion_{key}"] for key in ("size", "suv", "invented_numbers")]
    assert [None if np.isnan(value) else value for value in got] == [size, suv, invented]


def test_the_signature_names_what_is_unsaid_and_scores_of_other_fields_are_not_compared():
    def system(reference):
        pairs = Pairs([reference], [BARE], "vi", truths=[TRUTH])
        return measure(pairs, ["p"], resamples=10, seed=1, names=("lesions", "lesion_records"))

    bare, full = system(BARE), system(FULL)
    assert "|unsaid:part+size+suv|" in bare.signatures["truth_lesion_tp"] + "|"
    assert "|unsaid:part|" in full.signatures["truth_lesion_tp"] + "|"
    assert "truth:records" in bare.signatures["truth_lesion_tp"] and "truth:" not in bare.signatures["lesion_tp"]
    with pytest.raises(Refused, match="signature_differs"):
        lead(bare, full)


def test_uptake_that_no_text_states_leaves_t_and_tp_alone():
    values = scores("Nốt gan trái.", "Nốt gan trái.")
    assert np.isnan([values["truth_lesion_tf"], values["truth_lesion_tpf"], values["truth_lesion_uptake"]]).all()
    assert values["truth_lesion_tp_precision"] == 100


def test_a_study_without_records_is_not_counted():
    pairs = Pairs([BARE, BARE], [BARE, FULL], "vi", truths=[TRUTH, None])
    rows = lesion_records.statistics(pairs)
    assert rows[0].any() and not rows[1].any()
    assert not lesion_records.statistics(Pairs([BARE], [BARE], "vi")).any()


def test_text_against_text_is_as_it_was_and_keys_are_apart():
    with_truth = lesions.statistics(Pairs([BARE], [FULL], "vi", truths=[TRUTH]))
    assert (with_truth == lesions.statistics(Pairs([BARE], [FULL], "vi"))).all()
    assert not {*lesions.KEYS} & {*lesion_records.KEYS}
    assert "lesion_records" not in families("vi", modality="pet")
