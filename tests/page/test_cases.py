"""Which studies are shown."""

from hypothesis import given
from hypothesis import strategies as st

from docphim.files import read_jsonl, write_jsonl
from docphim.page.cases import cases, choose, erring_by_task
from docphim.page.inputs import read

SCORES = {f"s{i:02}": float(i) for i in range(20)}


def of(chosen, kind):
    return sorted((s for s, rank in chosen.items() if kind in rank), key=lambda s: chosen[s][kind])


def test_the_worst_come_from_below_and_the_best_from_above():
    chosen = choose(SCORES, 3)
    assert of(chosen, "worst") == ["s00", "s01", "s02"]
    assert of(chosen, "best") == ["s19", "s18", "s17"]
    assert len(of(chosen, "random")) == 3


def test_the_random_draw_depends_on_the_seed_alone():
    assert choose(SCORES, 5) == choose(dict(reversed(SCORES.items())), 5)
    assert of(choose(SCORES, 5, 0), "random") != of(choose(SCORES, 5, 1), "random")


@given(st.integers(1, 30), st.integers(1, 12))
def test_worst_and_best_never_share_a_study_unless_there_is_one(n, count):
    chosen = choose({f"s{i}": float(i % 4) for i in range(n)}, count)
    both = [s for s, rank in chosen.items() if {"worst", "best"} <= set(rank)]
    assert both == ([] if n > 1 else ["s0"])
    assert len(of(chosen, "random")) == min(n, count)


def test_two_studies_of_each_kind_of_error_are_shown_the_gravest_first():
    erring = [["s12", "s11", "s10"], ["s11", "s05"], ["elsewhere"], []]
    chosen = choose(SCORES, 1, erring=erring)
    assert of(chosen, "error") == ["s12", "s11", "s05"]
    assert of(chosen, "worst") == ["s00"]


def test_every_kind_of_error_leads_to_a_study_that_is_shown(make):
    made = make(studies=12)
    inputs = read(made.dataset, made.run)
    shown = {case.study for case in cases(inputs, 1)[0]}
    having = [studies for studies in erring_by_task(inputs, "test") if studies]
    assert having
    assert all(studies[0] in shown for studies in having)


def test_a_dialogue_s_turns_and_contexts_stay_apart(make):
    made = make(studies=4, tasks=("dialogue",))
    shown, total = cases(read(made.dataset, made.run), 2)
    assert total == 4
    assert [q.context for q in shown[0].questions] == ["none", "reference", "generated"]
    assert set(shown[0].questions[0].answers) == {"own", "other", "blank", "noise"}
    assert shown[0].questions[0].answers["other"].image_films


def test_what_a_typed_answer_was_asked_stands_above_it(make):
    made = make(studies=4, tasks=("findings", "dialogue"))
    path = made.dataset / "examples" / "test.jsonl"
    rows = [*read_jsonl(path)]
    for row in rows:
        if row["task"] == "findings":
            row["messages"][-2]["content"] = "<image>Tim có to không?"
            row["messages"][-1]["answer"] = {"kind": "yes_no", "value": True, "unit": None}
    write_jsonl(path, rows)
    shown, _ = cases(read(made.dataset, made.run), 2)
    assert {(q.task, q.asks) for case in shown for q in case.questions} == {("findings", "Tim có to không?"), ("dialogue", "")}
