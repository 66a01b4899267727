from dataclasses import replace

import pytest
from small_dataset import example, media

from docphim.generate.plan import films, plan, sample, turns

BOTH = ["reference", "generated"]


@pytest.mark.parametrize(
    ("task", "contexts", "expected"),
    [
        ("findings", BOTH, [(0, "none")]),
        ("dialogue", BOTH, [(0, "none"), (1, "reference"), (1, "generated")]),
        ("dialogue", ["reference"], [(0, "none"), (1, "reference")]),
    ],
)
def test_a_first_turn_has_no_context_and_later_ones_have_those_asked_for(task, contexts, expected):
    assert [(t.number, t.context) for t in turns(example(0, task).messages, contexts)] == expected


def test_batches_are_planned_by_length_then_id_whatever_the_order_of_the_examples():
    examples = [example(n) for n in range(8)]
    forth, _ = plan(examples, ["own"], BOTH, False, 3)
    back, _ = plan(examples[::-1], ["own"], BOTH, False, 3)
    assert forth == back
    lengths = [sum(len(m.content) for m in talk.example.messages) for batch in forth for talk in batch]
    assert lengths == sorted(lengths, reverse=True) and [len(b) for b in forth] == [3, 3, 2]


def test_an_example_without_a_partner_is_left_out_of_other_and_counted():
    batches, skipped = plan([example(0, partner=1), example(1)], ["own", "other"], BOTH, False, 4)
    others = [t for b in batches for t in b if t.image == "other"]
    assert skipped == 1 and [(t.example.id, t.image_study, t.media) for t in others] == [("s0-findings", "s1", [media("s1")])]


def test_a_blind_model_is_asked_with_its_own_image_only():
    batches, skipped = plan([example(0, partner=1)], ["own", "noise", "blank", "other"], BOTH, True, 4)
    assert [t.image for b in batches for t in b] == ["own"] and skipped == 0


def test_a_partner_with_fewer_films_is_shown_as_often_as_there_are_tags():
    (batch,), _ = plan([example(0, "dialogue", partner=1)], ["other"], BOTH, False, 4)
    assert films(batch[0], 2) == [media("s1")] and films(batch[0], 4) == [media("s1")] * 2


def test_a_limit_takes_a_seeded_sample(tmp_path):
    from small_dataset import write_dataset

    write_dataset(tmp_path, [example(n) for n in range(8)])
    first, again, other = (sample(tmp_path, ["test"], 3, seed) for seed in (0, 0, 5))
    assert first == again and len(first) == 3 and {e.id for e in first} != {e.id for e in other}


def test_a_wrong_image_that_is_no_case_has_no_film_to_show():
    noisy = replace(example(0), wrong_image={"kind": "noise", "seed": 1})
    assert plan([noisy], ["other"], BOTH, False, 1) == ([], 1)
