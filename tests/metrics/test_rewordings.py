"""The same report in other words is told from another one: the floors that the seen rewordings reach."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from rewordings import counted, paraphrases, rewordings, told

#: Of seen reports of usual diseases: rewordings that score 95 or more at the least; below 80, and wrong drafts, at the most.
FLOORS = {"vi": (79, 9, 2), "en": (34, 2, 2)}
CLASSES = {"reworded", "minor_omission", "wrong_severity", "wrong_side", "missed_critical", "invented_critical"}
CLASSES |= {"negation_flip"}
#: Of the unseen sentences: how many are told rightly at the least, those of one meaning and those of another.
SENTENCES = {"vi": (30, 23), "en": (16, 11)}


@pytest.mark.parametrize("language", FLOORS)
def test_rewordings_score_as_the_same_report_and_wrong_drafts_do_not(language):
    counts = counted(rewordings(seen=True, field="usual", language=language))
    same, other, wrong = FLOORS[language]
    assert counts["same"] >= same
    assert counts["other"] <= other
    assert counts["wrong_as_same"] <= wrong


@pytest.mark.parametrize("language", SENTENCES)
def test_unseen_sentences_are_told_as_often_as_they_were(language):
    rows = paraphrases(False, language)
    for meaning, least in zip(("same", "different"), SENTENCES[language], strict=True):
        assert sum(told(row) for row in rows if row["meaning"] == meaning) >= least


def test_every_row_is_of_a_known_kind():
    rows = rewordings()
    assert {row["class"] for row in rows} == CLASSES
    assert len({row["id"] for row in rows}) == len(rows) == 432
    assert all((row["class"] == "reworded") == (row["severity"] == 0) for row in rows)
