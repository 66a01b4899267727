"""Sentences of the kinds of fault that were met, written before the rules had seen them (tests/data/KINDS.md)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from fault_kinds import measure, spelled

from docphim.language.facts import facts


@pytest.mark.parametrize(("name", "sentences", "least"), [("seen", 506, 480), ("unseen", 254, 213)])
def test_sentences_of_each_kind_of_fault_are_read_right(name, sentences, least):
    every, right = measure(name)
    assert every.total() == sentences
    assert right.total() >= least


def test_no_kind_is_wholly_misread():
    every, right = measure("seen")
    assert [kind for kind, _ in every if not any(right[kind, language] for language in ("vi", "en"))] == []


def test_a_fact_is_spelled_with_all_that_it_says():
    fact, uptake = facts("Nốt đặc thùy trên phổi phải 12 x 14 mm tăng chuyển hóa FDG, SUVmax thì sớm 4,1, thì muộn 5,6", "vi")
    assert spelled(fact) == "lung nodule + right upper_lobe 12x14mm ~solid"
    assert spelled(uptake) == "lung fdg_uptake + right upper_lobe suv4.1@early suv5.6@delayed"
