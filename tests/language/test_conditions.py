"""Rows that a fact's anatomy, finding and state rule out are left out, and no other."""

from __future__ import annotations

import pytest

from docphim.language.conditions import Rules, condition
from docphim.language.facts import facts
from docphim.language.labels import label_names, labels_of
from docphim.language.same_rows import rows
from docphim.metrics.weights import first_row, follows, may_follow, may_lead, weights

SENTENCES = {
    "vi": """Tràn dịch màng phổi phải lượng nhiều, góc sườn hoành phải tù. Nốt thùy trên phổi trái 9 mm, hạch trung thất 12 mm.
        Bóng tim không to. Trung thất lệch trái. Không thấy tràn khí màng phổi. Gãy cung sau xương sườn 5 bên trái, cũ.
        Hai phổi sáng đều. Tăng chuyển hóa FDG thùy dưới phổi phải SUVmax 7,2. Xẹp thùy trên phổi phải.
        Catheter ở tĩnh mạch chủ trên.""",
    "en": """Large left pleural effusion with atelectasis of the left lower lobe. The heart is enlarged. No pneumothorax.
        Coronary calcification. A 7 mm nodule in the right upper lobe, possibly metastatic. Normal mediastinum.""",
}
FACTS = [fact for language, text in SENTENCES.items() for fact in facts(text, language)]


@pytest.mark.parametrize("name", ["forms", "shown", "causes", "levels", "following", "leading"])
def test_the_rows_that_hold_are_those_of_all_rows(name):
    rules = weights()[name] if name in weights() else getattr(rows(), name)
    holding = {fact: [n for n, (holds, _) in enumerate(rules.rows) if holds(fact)] for fact in FACTS}
    assert {fact: rules.holding(fact) for fact in FACTS} == holding
    assert any(holding.values())
    assert all(len(rules.near(fact)) < len(rules.rows) for fact in FACTS)


def test_a_row_is_left_out_by_what_it_asks_of_anatomy_finding_or_state_alone():
    listed = [({"finding": "effusion", "side": "right"}, "a"), ({"side": "left"}, "b"), ({"anatomy": "heart"}, "c")]
    rules = Rules([(condition(row), name) for row, name in listed])
    effusion = next(fact for fact in FACTS if fact.finding == "effusion")
    assert [name for _, _, name in rules.near(effusion)] == ["a", "b"]
    assert [n for n, *_ in rules.near(effusion)] == [0, 1]


def test_levels_and_consequences_are_those_of_a_walk_over_all_rows():
    table = weights()
    for fact in FACTS:
        holding = [n for n, (holds, only, _) in enumerate(table["rows"]) if only is None and holds(fact)]
        assert first_row(fact) == (holding[0] if holding else None)
        assert may_follow(fact) == any(row[0](fact) for row in table["follows"])
        assert may_lead(fact) == any(row[1](fact) for row in table["follows"])
    assert any(follows(fact, other) for fact in FACTS for other in FACTS)


@pytest.mark.parametrize("set_", ["vindr", "chexpert", "ct_rate"])
def test_labels_of_facts_together_are_the_gravest_of_each_alone(set_):
    ranks = ("unmentioned", "negative", "uncertain", "positive")
    alone = [labels_of([fact], set_) for fact in FACTS]
    together = labels_of(FACTS, set_)
    silent = {"No finding", "No Finding"}
    assert any(state == "positive" for state in together.values())
    for name in set(label_names(set_)) - silent:
        assert ranks.index(together[name]) >= max(ranks.index(each[name]) for each in alone)
