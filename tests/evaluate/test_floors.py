"""Floors: the medoid, and the fallbacks where a film or a patient is unknown."""

import dataclasses

import numpy as np
import pytest

from docphim.evaluate.floors import Floors, Thumbs, medoid
from docphim.files import read_examples, read_jsonl
from docphim.study import Answer, Example, Media, Message, Study, from_row


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a b c d", "a b c x", "a b y d", "q"], "a b c d"),
        (["a", "b", "b"], "b"),
        (["a", "b"], "a"),
        (["only"], "only"),
        (["", "", "a"], "a"),
    ],
)
def test_the_medoid_is_the_text_most_like_all_others(texts, expected):
    assert medoid(texts, "vi") == expected


@pytest.fixture
def floors(made):
    studies = {row["id"]: from_row(Study, row) for row in read_jsonl(made.dataset / "studies.jsonl")}
    return Floors(read_examples(made.dataset, "train"), 0, studies, Thumbs.read(made.dataset), "vi", 1)


def test_an_unknown_film_or_patient_falls_back_to_the_constant_report(made, floors):
    test = read_examples(made.dataset, "test")
    blind = dataclasses.replace(floors, studies={}, thumbs=Thumbs({}, {}))
    texts = blind.texts(test)
    assert texts["metadata"] == texts["nearest"] == texts["constant"] == [floors.constant] * len(test)
    known = floors.texts(test)
    assert known["metadata"] != known["constant"] != known["nearest"]


def test_random_reports_do_not_depend_on_which_other_studies_are_scored(made, floors):
    test = read_examples(made.dataset, "test")
    assert floors.texts(test)["random"][10:20] == floors.texts(test[10:20])["random"]
    assert len(set(floors.texts(test)["random"])) > 3
    assert dataclasses.replace(floors, seed=2).texts(test)["random"] != floors.texts(test)["random"]


def test_only_a_sample_of_many_training_reports_is_compared(floors, monkeypatch):
    seen = []
    monkeypatch.setattr("docphim.evaluate.floors.SAMPLE", 50)
    monkeypatch.setattr("docphim.evaluate.floors.medoid", lambda texts, language: seen.append(len(texts)) or texts[0])
    assert floors.constant in floors.reports
    assert seen == [50]


def shown(name: str) -> Example:
    """An example of one film, whose report is its name."""
    messages = [Message("user", "<image>\n?"), Message("assistant", name, "report:findings")]
    return Example(name, name, name, "train", "findings", "vi", messages, [Media(name, "image", {"xray": name})])


def test_the_nearest_film_is_the_one_at_the_smallest_distance_however_strong_its_contrast():
    """Films of very different contrast: by angle, or by a distance that lacks a term, the faintest or strongest would win."""
    rng = np.random.default_rng(0)
    names = [f"film-{n}" for n in range(60)]
    pixels = rng.normal(size=(60, 5)) * rng.uniform(0.1, 9, (60, 1))
    pixels -= pixels.mean(axis=1, keepdims=True)
    rows = {name: n for n, name in enumerate(names) if n % 7 != 3}  # some films have no thumbnail
    train, asked = [shown(name) for name in names[:40]], [shown(name) for name in [*names[40:], "unknown"]]
    floors = Floors(train, 0, {}, Thumbs({name: ("xray", row) for name, row in rows.items()}, {"xray": pixels}), "vi", 1)
    known = [name for name in names[:40] if name in rows]

    def nearest(name: str) -> str:
        return min(known, key=lambda other: float(np.linalg.norm(pixels[rows[name]] - pixels[rows[other]])))

    expected = [nearest(e.id) if e.id in rows else floors.constant for e in asked]
    assert floors.texts(asked)["nearest"] == expected and len(set(expected)) > 8


def test_the_metadata_floor_knows_the_sex_and_the_decade_and_no_more():
    """Two reports of each sex and decade say the same, so that theirs is the medoid of no other group."""
    people = [(sex, age) for sex in "FM" for age in (20, 29, 30, 39, 40, 49)]
    group = {f"{sex}{age}": f"{sex} {age // 10}" for sex, age in people}
    studies = {f"{sex}{age}": Study(f"{sex}{age}", "p", sex, age, None, [], None, None, None, "x") for sex, age in people}
    train = [dataclasses.replace(shown(group[name]), id=name, study=name) for name in studies]
    floors = Floors(train, 0, studies, Thumbs({}, {}), "vi", 1)
    assert floors.texts(train)["metadata"] == list(group.values())


def asked(name, asks, text, answer):
    """A training example of a question."""
    named = dataclasses.replace(answer, asks=asks)
    messages = [Message("user", "?"), Message("assistant", text, "template", named)]
    return Example(name, name, name, "train", "questions", "vi", messages, [])


def test_the_floors_of_a_question_are_answers_to_the_same_question():
    yes, no = Answer("yes_no", True), Answer("yes_no", False)
    train = [asked(f"a{n}", "presence:effusion/pleura", "Có.", yes) for n in range(3)]
    train += [asked("b", "presence:effusion/pleura", "Không.", no), asked("c", "presence:nodule/lung", "Không.", no)]
    sizes = (10, 11, 12, 30, 30)  # a constant 11 is right for three, within a fifth
    train += [asked(f"d{n}", "size:mass/lung", f"{mm} mm.", Answer("number", float(mm), "mm")) for n, mm in enumerate(sizes)]
    asks = ("presence:effusion/pleura", "presence:nodule/lung", "size:mass/lung", "size:cyst/liver", "side:mass/lung")
    test = [asked(f"t{n}", name, "", yes) for n, name in enumerate(asks)]
    texts = Floors(train, 0, {}, Thumbs({}, {}), "vi", 1).texts(test)
    assert texts["constant"][:2] == ["Có.", "Không."]
    assert (
        texts["constant"][2] == texts["constant"][3] in ("10 mm.", "11 mm.", "12 mm.")
    )  # of its kind, where it was never asked
    assert texts["random"][1] == texts["nearest"][1] == texts["metadata"][1] == "Không."
    assert all(len(of) == 5 for of in texts.values())
