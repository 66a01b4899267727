"""Questions of a report: only what it answers, yes and no balanced, typed, in words that do not say the answer."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from test_build import DEFAULT, examples, make

from docphim.build import build, question_dialogue
from docphim.build.asked import Pool, Topic, read
from docphim.build.question_words import Question, table
from docphim.build.questions import of_lesions, survey
from docphim.build.stats_text import tables
from docphim.files import read_json, read_jsonl
from docphim.metrics.answers import right
from docphim.phantom.body import make_body
from docphim.phantom.patient import sample_patient
from docphim.phantom.pet.places import places as placed
from docphim.phantom.pet.reports import compose as compose_pet
from docphim.phantom.reports import compose
from docphim.study import Answer, Report, Study

#: `asked` was written before anything was run: 34 of 40 were right at once; `now` is what is still asked otherwise.
SENTENCES = Path(__file__).parents[1] / "data" / "questions.jsonl"
EFFUSION = Topic("finding", "effusion", "pleura")


def study(name: str, findings: str, language: str = "vi") -> Study:
    return Study(name, name, None, None, None, [], Report(language, {"findings": findings}), None, None, "x")


def asked(*findings: str, language: str = "vi", per_study: int = 99):
    studies = [study(f"s{n}", text, language) for n, text in enumerate(findings)]
    return survey(studies, language, 0, per_study)


def replies(text: str, language: str = "vi") -> dict[str, tuple]:
    """What is asked of one lesion alone, by question."""
    chosen, _ = asked(text, language=language)
    return {q.answer.asks: (q.reply, q.answer.value, q.answer.unit) for q in chosen["s0"]}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Tràn dịch màng phổi phải.", True),
        ("Không tràn dịch màng phổi.", False),
        ("Màng phổi bình thường.", False),
        ("Bóng tim không to.", None),  # silence
        ("Theo dõi tràn dịch màng phổi phải.", None),
        ("Không tràn dịch màng phổi trái.", None),  # of the right nothing is said
        ("Không tràn dịch màng phổi lượng nhiều.", None),
        ("Không tràn dịch màng phổi. Tràn dịch màng phổi phải lượng ít.", None),
    ],
)
def test_no_needs_a_denial_or_a_normal_statement(text, answer):
    refused = Counter()
    answers = {topic: affirmed for topic, affirmed, _ in Pool([EFFUSION], "vi").answers(read(text, "vi"), refused)}
    assert answers.get(EFFUSION) is answer


@pytest.mark.parametrize("row", [*read_jsonl(SENTENCES)], ids=lambda row: row["text"][:40])
def test_sentences_are_asked_as_was_written_before_they_were_read(row):
    language, refused = row.get("language", "vi"), Counter()
    report, topics = read(row["text"], language), {}
    for key in row["presence"]:
        name, anatomy, *side = key.split("/")
        kind = "state" if name in table()["states"]["en"] else "finding"
        topics[key] = Topic(kind, name, anatomy, *side)
    pool = Pool(dict.fromkeys([*topics.values(), *report.claims]), language)
    answers = {topic: affirmed for topic, affirmed, _ in pool.answers(report, refused)}
    assert {key: answers.get(topic) for key, topic in topics.items()} == row["presence"]
    replies = {f"{q.kind}: {q.reply}" for q in of_lesions(row["text"], report, language, 0, refused)}
    assert replies == set(row.get("now", row["asked"]))


def test_yes_and_no_are_as_many_and_no_is_asked_of_what_others_have():
    sick, well = "Tràn dịch màng phổi phải.", "Không tràn dịch màng phổi. Không tràn khí màng phổi."
    chosen, counts = asked(sick, sick, well, well, well)
    answers = [q.answer for listed in chosen.values() for q in listed if q.answer.kind == "yes_no"]
    assert sum(a.value is True for a in answers) == sum(a.value is False for a in answers) == 4
    assert {a.asks for a in answers} == {"presence:effusion/pleura", "presence:effusion/pleura/right"}
    assert counts["unbalanced"] == 2


def test_a_lesion_is_asked_after_in_numbers_with_units():
    text = "Khối thùy trên phổi phải kích thước 32 x 28 mm, tăng chuyển hóa FDG, SUVmax 6,2."
    asks = replies(text)
    assert asks["size:mass/lung/right/upper_lobe"] == ("32 mm.", 32.0, "mm")
    assert asks["suv:mass/lung/right/upper_lobe"] == ("SUVmax 6,2.", 6.2, "SUV")
    assert asks["uptake:mass/lung/right/upper_lobe"] == ("Tăng.", "tăng", None)
    assert asks["side:mass/lung"] == ("Bên phải.", "bên phải", None)
    assert asks["place:mass/lung/right"] == ("Thùy trên.", "thùy trên", None)


def phantom_reports(profile: str, language: str) -> list[str]:
    """Findings of 60 phantoms of a profile."""
    patients = [sample_patient(index, 3, profile) for index in range(60)]
    if profile.startswith("pet"):
        return [compose_pet(p, placed(p, make_body(p), profile), language, 0, profile)["findings"] for p in patients]
    modality = "ct" if profile == "ct_demo" else "xray"
    return [compose(p, p.findings, None, language, 0, profile, modality)["findings"] for p in patients]


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(
    ("profile", "kinds"),
    [
        ("demo", {"presence", "side"}),
        ("ct_demo", {"presence", "state", "side", "place"}),
        ("pet_demo", {"presence", "side", "place", "uptake"}),
        ("pet_paper", {"presence", "side", "place", "uptake", "size", "suv", "compare_size"}),
    ],
)
def test_films_ct_and_pet_are_asked_by_the_same_code(profile, kinds, language):
    texts = phantom_reports(profile, language)
    chosen, counts = asked(*texts, language=language, per_study=6)
    questions = [question for listed in chosen.values() for question in listed]
    assert kinds <= {q.kind for q in questions}
    assert max(map(len, chosen.values())) <= 6 and len(questions) == counts["asked"] > 60
    balance = Counter((q.asks, q.answer.value) for q in questions if q.answer.kind == "yes_no")
    assert all(n == balance[asks, not value] for (asks, value), n in balance.items())
    for q in questions:  # what is replied is read as what is right
        assert "{" not in q.text and right(q.answer, q.reply, language) is True and not q.leaks
    assert asked(*texts, language=language, per_study=6) == (chosen, counts)


def test_what_the_impression_contradicts_is_not_asked():
    findings, impression = "Tràn dịch màng phổi phải.", "Không tràn dịch màng phổi."
    contradicted = Report("vi", {"findings": findings, "impression": impression})
    studies = [replace(study("a", ""), report=contradicted), study("b", findings), study("c", impression)]
    chosen, counts = survey(studies, "vi", 0, 9)
    assert chosen["a"] == [] and chosen["b"] and chosen["c"] and counts["contradictory"] and counts["no_question"] == 1


def test_two_lesions_of_the_same_words_are_ambiguous_and_no_question_names_its_answer():
    _, counts = asked("Nốt thùy trên phổi phải 8 mm. Nốt thùy trên phổi phải 15 mm.")
    assert counts["ambiguous"] == 2
    words = {"what": "giãn thất trái bên trái"}
    question = Question("side", "vi", words, "bên trái", Answer("choice", "bên trái", None, "side:x/y"), [], 0)
    assert question.leaks and not replace(question, slots={"what": "giãn thất"}).leaks


def test_open_questions_ask_for_regions_and_for_the_impression(tmp_path):
    findings = "Lồng ngực: Nốt thùy trên phổi phải 8 mm.\nỔ bụng: Gan có nang 12 mm."
    report = Report("vi", {"findings": findings, "impression": "Nốt phổi phải."})
    build(make(tmp_path, s00={"report": report}), **{**DEFAULT, "tasks": ["open_questions"]})
    rows = [row for row in examples(tmp_path) if row["study"] == "s00"]
    answers = {row["messages"][-1]["answer"]["asks"]: row["messages"][-1]["content"] for row in rows}
    assert answers == {
        "describe:chest": "Nốt thùy trên phổi phải 8 mm.",
        "describe:abdomen_pelvis": "Gan có nang 12 mm.",
        "summary:": "Nốt phổi phải.",
    }


def test_build_asks_and_counts(tmp_path):
    texts = ["Tràn dịch màng phổi phải.", "Không tràn dịch màng phổi.", "Phổi sáng."]
    changes = {f"s{n:02d}": {"report": Report("vi", {"findings": texts[n % 3]})} for n in range(30)}
    build(make(tmp_path, 30, **changes), **{**DEFAULT, "tasks": ["questions"], "questions": {"per_study": 2}})
    rows, described = examples(tmp_path), read_json(tmp_path / "tasks.json")["questions"]
    assert described["metrics"] == ["answers"]
    assert len(rows) == sum(counts["asked"] for counts in described["asked"].values()) > 20
    assert all(row["messages"][-1]["answer"][key] for row in rows for key in ("asks", "from"))
    assert max(Counter(row["study"] for row in rows).values()) == 2
    rejected = [row for row in read_jsonl(tmp_path / "rejected.jsonl") if row["reason"] == "no_question"]
    assert {f"s{n:02d}" for n in range(2, 30, 3)} <= {row["study"] for row in rejected}


def test_a_dialogue_goes_from_the_general_to_the_special_and_shows_the_study_once(tmp_path):
    sick = "Khối thùy trên phổi phải kích thước 32 x 28 mm. Không tràn dịch màng phổi."
    well = "Không thấy khối phổi. Tràn dịch màng phổi phải."
    changes = {f"s{n:02d}": {"report": Report("vi", {"findings": (sick, well)[n % 2]})} for n in range(30)}
    build(make(tmp_path, 30, **changes), **{**DEFAULT, "tasks": ["question_dialogue"]})
    row = next(row for row in examples(tmp_path) if row["study"] == "s00")
    assert row["id"] == "s00-question_dialogue"
    roles = [message["role"] for message in row["messages"]]
    assert roles == ["system", *["user", "assistant"] * (len(roles) // 2)]
    tags = [message["content"].count("<image>") for message in row["messages"]]
    assert tags[1] == len(row["media"]) == sum(tags)
    turns = [message["answer"]["asks"] for message in row["messages"] if message["role"] == "assistant"]
    of_mass = [asks for asks in turns if ":mass" in asks]
    assert of_mass == [
        "presence:mass/lung",
        "presence:mass/lung/right",
        "place:mass/lung/right",
        "size:mass/lung/right/upper_lobe",
    ]


def test_stats_count_what_is_asked_by_kind_and_how_often_the_answer_is_yes(tmp_path):
    texts = ["Tràn dịch màng phổi phải.", "Không tràn dịch màng phổi.", "Phổi sáng."]
    changes = {f"s{n:02d}": {"report": Report("vi", {"findings": texts[n % 3]})} for n in range(30)}
    build(make(tmp_path, 30, **changes), **{**DEFAULT, "tasks": ["findings", "questions", "question_dialogue"]})
    stats = read_json(tmp_path / "stats.json")["questions"]
    rows = [row for row in examples(tmp_path, "train") if row["task"] == "questions"]
    of = stats["questions"]["train"]
    assert set(stats) == {"questions", "question_dialogue"}
    assert sum(kind["asked"] for kind in of["kinds"].values()) == len(rows)
    assert of["kinds"]["presence"]["yes"] * 2 == of["kinds"]["presence"]["asked"] > 0 and "yes" not in of["kinds"]["side"]
    assert of["studies"] == len({row["study"] for row in rows}) and of["left_out"]["no_question"] > 0
    assert "side" not in stats["question_dialogue"]["train"]["kinds"], "the question before it gives it away"
    shown = tables(read_json(tmp_path / "stats.json"), "vi").split("\n\n")[-1].splitlines()
    assert shown[0].split() == ["questions", "split", "kind", "asked", "yes"]
    assert ["questions", "train", "presence", str(len(rows) - of["kinds"]["side"]["asked"])] == shown[1].split()[:4]


def test_what_an_earlier_turn_gives_away_is_not_asked():
    report = "Tràn dịch màng phổi phải."
    studies = [study(f"s{n}", (report, "Không tràn dịch màng phổi.")[n % 2]) for n in range(4)]
    alone, _ = survey(studies, "vi", 0, 9)
    turns, counts = question_dialogue.survey(studies, "vi", 0, 9)
    assert "side:effusion/pleura" in {q.asks for q in alone["s0"]}
    assert [q.asks for q in turns["s0"]] == ["presence:effusion/pleura", "presence:effusion/pleura/right"]
    assert counts["leaks"] == 2 and counts["asked"] == sum(map(len, turns.values()))
