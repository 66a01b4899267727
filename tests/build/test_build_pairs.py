"""Training negatives in the dataset: whose image may stand beside a report, and which of its sentences that contradicts."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_build import DEFAULT, examples, make

from docphim.build import build, conflicts, pairs
from docphim.build.stats_text import tables
from docphim.errors import UsageError
from docphim.files import read_json
from docphim.recipe_training import Pairs
from docphim.study import Labels, Report, Series, Study

NAMES = tuple(f"label {n}" for n in range(65))
HOW = Pairs().model_dump()


def pool(rows, persons, kinds=None):
    """Studies with these labels; None: not known."""
    width = len(rows), len(rows[0])
    positive, negative = (np.array([[s is sign for s in row] for row in rows]).reshape(width) for sign in (True, False))
    person, kind = np.array(persons), np.zeros(len(rows), int) if kinds is None else np.array(kinds)
    names = [f"s{n:02d}" for n in range(len(rows))]
    bits = pairs.packed(positive), pairs.packed(negative)
    return pairs.Pool(names, NAMES[: width[1]], positive, negative, bits, person, kind)


@st.composite
def pools(draw):
    count, labels = draw(st.integers(1, 24)), draw(st.sampled_from([3, 8, 18, 65]))
    rows = draw(
        st.lists(
            st.lists(st.sampled_from([True, False, None]), min_size=labels, max_size=labels), min_size=count, max_size=count
        )
    )
    persons, kinds = (draw(st.lists(st.integers(0, most), min_size=count, max_size=count)) for most in (9, 1))
    return pool(rows, persons, kinds)


@settings(max_examples=60, deadline=None)
@given(pools(), st.integers(1, 12), st.integers(1, 3), st.integers(0, 3))
def test_a_partner_is_another_persons_of_the_same_kind_and_differs_as_is_written(made, differ, reuse, seed):
    how = {**HOW, "differ": differ, "reuse": reuse, "seed": seed}
    wanted, place = pairs.threshold(differ, len(made.labels)), {name: n for n, name in enumerate(made.names)}

    def differing(name, other):
        one, two = place[name], place[other]
        assert made.person[one] != made.person[two] and made.kind[one] == made.kind[two]
        known = [made.positive[n] | made.negative[n] for n in (one, two)]
        return np.flatnonzero((made.positive[one] != made.positive[two]) & known[0] & known[1])

    other, hard, near = (pairs.CHOICES[kind](made, how) for kind in ("other", "hard", "neighbours"))
    for name, row in other.items():
        assert row["differs"] == len(differing(name, row["study"])) >= wanted - row["step"] >= 1 and row["step"] >= 0
    for name, row in hard.items():
        assert [made.labels[n] for n in differing(name, row["study"])] == [row["finding"]]
    for name, rows in near.items():
        assert 1 <= len(rows) <= how["neighbours"] and [row["differs"] for row in rows] == sorted(
            row["differs"] for row in rows
        )
        assert all(row["differs"] == len(differing(name, row["study"])) >= 1 for row in rows)
    for partners in (other, hard):
        names = [row["study"] for row in partners.values()]
        assert max(map(names.count, names), default=0) <= reuse
    assert other == pairs.other(made, how), "the same seed"


def test_fewer_labels_are_asked_for_one_by_one_and_the_far_ones_are_shared_out():
    """Fourteen normal studies, three with ten labels, one with four: each is used four times at most, the far ones first."""
    sick, mild = [True] * 10 + [False] * 8, [True] * 4 + [False] * 14
    made = pool([[False] * 18] * 14 + [sick] * 3 + [mild], range(18))
    rows = pairs.other(made, HOW)
    used = [row["study"] for row in rows.values()]
    assert [used.count(name) for name in ("s14", "s15", "s16")] == [4, 4, 4]
    steps = [(rows[name]["step"], rows[name]["differs"]) for name in made.names[:14]]
    assert {*steps} == {(0, 10), (6, 4)} and steps.count((6, 4)) in (2, 3)
    assert [pairs.threshold(10, n) for n in (18, 28, 14, 6)] == [10, 10, 8, 4]


def labelled(positive, **fields):
    return {"labels": Labels("ct_rate", "given", {name: int(name in positive) for name in GIVEN}), **fields}


GIVEN = ("Cardiomegaly", "Pleural effusion", "Lung nodule")
TEXT = "Bóng tim to. Tràn dịch màng phổi phải.\nKhông thấy nốt ở phổi. Khung xương bình thường."


def test_examples_carry_their_negatives_with_the_sentences_that_these_contradict(tmp_path):
    report = Report("vi", {"findings": TEXT, "impression": "Tim to."})
    studies = {
        "s00": labelled(GIVEN[:2], report=report, split="train"),
        "s01": labelled(GIVEN[:1], split="train"),
        "s02": labelled(GIVEN[2:], split="train"),
        "s03": labelled(GIVEN[:1], split="train", patient="p00"),
        "s04": labelled((), split="train", series=[Series("f00", "xray", "prepared/f00.b2nd")]),
        "s05": labelled((), split="val"),
        "s06": labelled(GIVEN, split="test"),
    }
    make(tmp_path, count=7, **studies)
    plain = {**DEFAULT, "split_by": "source"}
    build(tmp_path, **plain)
    before = examples(tmp_path)
    build(tmp_path, **plain, pairs={**HOW, "differ": 18, "labels": "ct_rate"})
    rows = {row["study"]: row for row in examples(tmp_path)}
    assert [{**row, "pair": None} for row in rows.values()] == before, "nothing else has changed, the audit's image neither"
    assert [rows[name]["pair"] is None for name in ("s00", "s05", "s06")] == [False, False, True]
    pair = rows["s00"]["pair"]
    assert (pair["hard"]["study"], pair["hard"]["finding"]) == ("s01", "Pleural effusion")
    assert (pair["other"]["study"], pair["other"]["differs"]) == ("s02", 3)
    assert [(row["study"], row["differs"]) for row in pair["neighbours"]] == [("s01", 1), ("s02", 3)], (
        "s03 is the same patient, s04 shows the same pixels"
    )
    answer = rows["s00"]["messages"][2]["content"]
    contradicted = {kind: [answer[a:b] for _, a, b in pair[kind]["conflicts"]] for kind in ("hard", "other")}
    assert contradicted == {
        "hard": ["Tràn dịch màng phổi phải."],
        "other": ["Bóng tim to.", "Tràn dịch màng phổi phải.", "Không thấy nốt ở phổi."],
    }
    assert rows["s05"]["pair"].keys() == {"noise"}, "nobody else is in its split"
    stats = read_json(tmp_path / "stats.json")["pairs"]
    hard = [row["pair"]["hard"]["study"] for row in rows.values() if "hard" in (row["pair"] or {})]
    counts = {key: stats["train"]["hard"][key] for key in ("pairs", "without", "partners", "most")}
    assert counts == {
        "pairs": len(hard),
        "without": 5 - len(hard),
        "partners": len({*hard}),
        "most": max(map(hard.count, hard)),
    }
    assert sum(stats["train"]["other"]["steps"].values()) == stats["train"]["other"]["pairs"]
    assert stats["train"]["hard"]["labels"] == {"given": counts["partners"]}
    assert stats["val"] == {"noise": {"pairs": 1, "without": 0}}
    table = next(part for part in tables(read_json(tmp_path / "stats.json"), "vi").split("\n\n") if part.startswith("pairs"))
    assert [line.split()[:3] for line in table.splitlines()[1:]][1:3] == [
        ["train", "other", "5"],
        ["train", "hard", str(len(hard))],
    ]


def test_pairs_are_the_same_bytes_whenever_they_are_built_and_others_by_another_seed(tmp_path):
    texts = ("Bóng tim to.", "Tràn dịch màng phổi phải.", "Tim không to. Không tràn dịch.")
    make(tmp_path, count=24, **{f"s{n:02d}": {"report": Report("vi", {"findings": texts[n % 3]})} for n in range(24)})
    made = []
    for seed in (0, 0, 1):
        build(tmp_path, **DEFAULT, pairs={**HOW, "seed": seed})
        made.append((tmp_path / "examples" / "train.jsonl").read_bytes())
    assert made[0] == made[1] != made[2]
    kinds = [json.loads(line)["pair"].keys() for line in made[0].decode().splitlines()]
    assert {"noise", "other", "neighbours"} <= set.union(*map(set, kinds)), "without labels of their own they are read"


@pytest.mark.parametrize("kinds", [["noise"], ["other", "hard"]])
def test_only_the_kinds_that_are_asked_for_are_built(tmp_path, kinds):
    given_labels = {f"s{n:02d}": labelled(GIVEN[: n % 4]) for n in range(10)}
    build(make(tmp_path, **given_labels), **DEFAULT, pairs={**HOW, "kinds": kinds})
    assert set.union(*(set(row["pair"]) for row in examples(tmp_path, "train"))) == set(kinds)


def test_a_label_set_that_there_is_not_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"pairs\.labels: 'padchest' is not one of"):
        build(make(tmp_path), **DEFAULT, pairs={**HOW, "labels": "padchest"})


def reported(text, labels):
    return Study("s", "p", None, None, None, [], Report("vi", {"findings": text}), labels, None, "x")


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ({"Cardiomegaly": 1, "Pleural effusion": 0, "Lung nodule": -1}, [True, False, True]),
        ({"Cardiomegaly": 0, "Pleural effusion": None}, [False, None, None]),
        (None, [True, True, False]),  # without a row the report is read, though another study has one
    ],
)
def test_labels_are_a_studys_row_or_read_from_its_report_and_what_the_row_leaves_open_is_not_known(values, states):
    row = Labels("ct_rate", "given", dict.fromkeys(GIVEN, 0))
    study = reported(TEXT, None if values is None else Labels("ct_rate", "given", values))
    reader = conflicts.Labels.of([study, reported(TEXT, row)], None)
    known = dict(zip(reader.names, reader.states(study), strict=True))
    assert (reader.set, [known[name] for name in GIVEN], reader.given(study)) == ("ct_rate", states, values is not None)
    sentences = reader.sentences([{"role": "assistant", "content": TEXT}], "vi")
    wrong = [TEXT[a:b] for _, a, b, spoken in sentences if reader.contradicts(spoken, known)]
    assert ("Tràn dịch màng phổi phải." in wrong) is (states[1] is False)


def test_a_study_without_labels_of_a_set_that_no_rules_read_is_nobodys_partner():
    rows = [Labels("mine", "given", {"foo": n, "bar": 0}) for n in (0, 1)]
    studies = [reported(TEXT, row) for row in (*rows, None)]
    reader = conflicts.Labels.of(studies, None)
    states = [reader.states(study) for study in studies]
    assert (reader.names, states) == (("bar", "foo"), [[False, False], [False, True], [None, None]])
    assert pairs.hard(pool(states, range(3)), HOW) == {
        "s00": {"study": "s01", "finding": NAMES[1]},
        "s01": {"study": "s00", "finding": NAMES[1]},
    }
