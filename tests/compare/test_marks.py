"""Marks by readers: the papers' counts, agreement with the facts and with one another, and files that are refused."""

import csv
import hashlib
import io
import json

import pytest
from scored_runs import ScoredRun, references, swapped

from docphim.compare import compare_to_files
from docphim.compare.text import terminal, tidy
from docphim.errors import Refused, UsageError
from docphim.metrics.agreement import agreement
from docphim.page.marking import digest as draft_digest
from docphim.page.marking import marked as page_sentences
from docphim.scores import MARKS_FORMAT as FORMAT
from docphim.study import to_row

KEY = "findings/test"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Marked:
    """A run whose drafts have two sentences each, and files of marks on them."""

    def __init__(self, folder, studies=40):
        self.folder, self.truth = folder, references(studies)
        self.run = ScoredRun(folder / "demo").task(KEY, self.truth, {"own": swapped(self.truth)})
        self.drafts = {row["id"]: row["prediction"] for row in self.run.answers}
        for place, (id_, text) in enumerate(self.drafts.items()):
            facts = [{"start": s, "end": e} for s, e in self.sentences(text)]
            wrong = {0: [[0, 0, "side"]], 1: []}[place % 2]
            added = [1] if place % 4 == 0 and len(facts) > 1 else []
            own = {"task": KEY, "id": id_, "study": id_, "patient": f"p-{id_}", "right": [], "missing": []}
            self.run.errors.append(own | {"wrong": wrong, "hallucinated": added, "reference": facts[:1], "prediction": facts})
        self.run.write()

    @staticmethod
    def sentences(text):
        """Offsets of the sentences, which end in full stops."""
        found, start = [], 0
        for part in text.split(". "):
            end = start + len(part) + (0 if part.endswith(".") else 1)
            found.append((start, end))
            start = end + 1
        return found

    def marks(self, name="a", mark=lambda number: "correct", ids=None, reader="BS A", **change):
        """A file in which `mark(number of the sentence)` was chosen; `change` replaces keys of the file."""
        studies, number = [], 0
        for id_ in ids or self.drafts:
            text, sentences = self.drafts[id_], []
            for start, end in self.sentences(text):
                sentences.append({"text": text[start:end], "start": start, "end": end, "mark": mark(number)})
                number += 1
            studies.append({"task": KEY, "id": id_, "draft": digest(text), "sentences": sentences, "missing": []})
        tasks = {KEY: {"references": self.run.by_task[KEY]["keys"]["references"]}}
        said = {"format": "docphim-marks-1", "run": "demo", "reader": reader, "made": "2026-01-02T03:04:05Z", "tasks": tasks}
        path = self.folder / f"{name}.marks.json"
        path.write_text(json.dumps(said | {"studies": studies} | change, ensure_ascii=False), "utf-8")
        return path

    def read(self, *paths, **options):
        return compare_to_files([self.folder / "demo"], marks=paths, metrics=["rougeL"], **options)["marks"]


@pytest.fixture
def marked(tmp_path):
    return Marked(tmp_path)


KINDS = ["correct", "side", "redundant", "polarity", None, "correct", "severity", "location"]


def test_the_papers_counts_are_right_and_unmarked_sentences_are_counted_as_nothing(marked):
    path = marked.marks(mark=lambda number: KINDS[number % 8])
    total = sum(len(marked.sentences(text)) for text in marked.drafts.values())
    said = [KINDS[number % 8] for number in range(total)]
    row = marked.read(path)["readers"][0]
    assert row["counts"] == {
        "correct": said.count("correct"),
        "incorrect": sum(said.count(kind) for kind in ("side", "polarity", "location", "severity")),
        "redundant": said.count("redundant"),
    }
    assert row["kinds"] == {kind: said.count(kind) for kind in ("side", "polarity", "location", "severity")}
    assert (row["sentences"], row["unmarked"], row["drafts"]) == (total, said.count(None), 40)
    share = row["shares"]["correct"]
    assert share["value"] == pytest.approx(100 * said.count("correct") / (total - said.count(None)))
    assert share["low"] < share["value"] < share["high"]
    assert sum(s["value"] for s in row["shares"].values()) == pytest.approx(100)


def test_what_readers_add_is_counted(marked):
    path = marked.marks()
    said = json.loads(path.read_text("utf-8"))
    said["studies"][0]["missing"] = ["Nốt phổi phải.", "Gãy xương sườn.", "  "]
    said["studies"][3]["missing"] = ["Vôi hóa."]
    path.write_text(json.dumps(said), "utf-8")
    assert marked.read(path)["readers"][0]["missing"] == {"things": 3, "drafts": 2}


def test_agreement_with_the_facts_is_that_of_the_sentences(marked):
    mark = lambda number: "side" if number % 3 == 0 else "correct"  # noqa: E731
    ours, rules, patients, number = [], [], [], 0
    for place, (id_, text) in enumerate(marked.drafts.items()):
        for i, _ in enumerate(marked.sentences(text)):
            ours.append(mark(number) == "correct")
            rules.append(not ((i == 0 and place % 2 == 0) or (i == 1 and place % 4 == 0)))
            patients.append(f"p-{id_}")
            number += 1
    found = marked.read(marked.marks(mark=mark))["readers"][0]["facts"]
    assert found == to_row(agreement(ours, rules, patients, resamples=200, seed=5))
    assert found["n"] == len(ours)
    assert found["kappa"]["low"] is not None


def test_a_reader_who_always_agrees_with_the_facts_has_kappa_one(marked):
    wrong, number = set(), 0
    for place, text in enumerate(marked.drafts.values()):
        for i, _ in enumerate(marked.sentences(text)):
            if (i == 0 and place % 2 == 0) or (i == 1 and place % 4 == 0):
                wrong.add(number)
            number += 1
    found = marked.read(marked.marks(mark=lambda n: "polarity" if n in wrong else "correct"))["readers"][0]["facts"]
    assert (found["kappa"]["value"], found["ac1"]["value"], found["observed"]) == (1, 1, 1)


def test_unmarked_sentences_do_not_count_in_the_agreement(marked):
    found = marked.read(marked.marks(mark=lambda n: "correct" if n < 10 else None))["readers"][0]
    assert found["facts"]["n"] == 10
    assert found["facts"]["kappa"]["why"] == "a rater used one category only"


def test_below_thirty_patients_there_is_no_interval(tmp_path):
    marked = Marked(tmp_path, studies=20)
    row = marked.read(marked.marks(mark=lambda n: KINDS[n % 8]))["readers"][0]
    assert row["shares"]["correct"]["low"] is row["facts"]["kappa"]["low"] is None
    assert row["facts"]["kappa"]["value"] is not None


def test_a_run_without_facts_has_counts_and_no_agreement(marked):
    (marked.folder / "demo" / "errors.jsonl").unlink()
    row = marked.read(marked.marks())["readers"][0]
    assert row["facts"] is None
    assert row["counts"]["correct"] > 0
    result = compare_to_files([marked.folder / "demo"], marks=[marked.marks()])
    assert "no agreement with the facts: the run has no facts of these drafts" in terminal(result)


def test_two_readers_agree_on_what_both_marked(marked):
    ids = list(marked.drafts)
    one = marked.marks("a", lambda n: KINDS[n % 8] or "correct", ids[:35])
    two = marked.marks("b", lambda n: "correct" if n % 5 else None, ids[3:], reader="BS B")
    (row,) = marked.read(one, two)["between"]
    assert row["readers"] == ["BS A", "BS B"]
    both = sum(len(marked.sentences(marked.drafts[id_])) for id_ in ids[3:35])
    assert 0 < row["correct"]["n"] < both
    assert row["correct"]["kappa"]["value"] is None
    same = marked.marks("c", lambda n: KINDS[n % 8] or "correct", ids[:35], reader="BS C")
    assert {key: marked.read(one, same)["between"][0][key]["kappa"]["value"] for key in ("correct", "classes")} == {
        "correct": 1, "classes": 1
    }  # fmt: skip


def test_readers_of_one_name_are_told_apart_by_their_files(marked):
    found = marked.read(marked.marks("a"), marked.marks("b"))
    assert [row["reader"] for row in found["readers"]] == ["BS A (a.marks.json)", "BS A (b.marks.json)"]
    assert marked.read(marked.marks("c", reader=""))["readers"][0]["reader"] == "c"


def test_lines_and_csv_say_what_was_counted(marked):
    one = marked.marks("a", lambda n: KINDS[n % 8])
    two = marked.marks("b", lambda n: KINDS[n % 7], reader="BS B")
    result = compare_to_files([marked.folder / "demo", two], marks=[one], metrics=["rougeL"])
    row = result["marks"]["readers"][0]
    text = terminal(result)
    share = row["shares"]["correct"]
    assert f"correct    {row['counts']['correct']:5}  {share['value']:5.1f} % [{share['low']:.1f}, {share['high']:.1f}]" in text
    assert f"side {row['kinds']['side']}, polarity {row['kinds']['polarity']}" in text
    assert f"unmarked   {row['unmarked']:5}" in text
    assert f"κ {row['facts']['kappa']['value']:.2f}".replace("-", "−") in text
    assert "BS A and BS B, on the" in text
    rows = {(r["system"], r["metric"], r["against"]): r for r in csv.DictReader(io.StringIO(tidy(result)))}
    assert float(rows["reader:BS A", "marks_correct", ""]["value"]) == share["value"]
    assert float(rows["reader:BS A", "marks_kappa", "facts"]["value"]) == row["facts"]["kappa"]["value"]
    assert rows["reader:BS A", "marks_ac1", "reader:BS B"]["n"] == str(result["marks"]["between"][0]["correct"]["n"])


def test_a_file_among_the_runs_needs_the_option(marked):
    with pytest.raises(UsageError, match="marks are given with --marks"):
        compare_to_files([marked.folder / "demo", marked.marks()])


def refused(marked, path):
    with pytest.raises(Refused) as refusal:
        marked.read(path)
    assert refusal.value.where == path.name
    return refusal.value.reason, refusal.value.why


@pytest.mark.parametrize(
    ("change", "reason", "why"),
    [
        ({"format": "other"}, "marks_unreadable", "its format is not docphim-marks-1"),
        ({"run": "another"}, "marks_differ", "they were made on the run another, not on demo"),
        ({"run": 3}, "marks_unreadable", "'run' is missing or is no str"),
        ({"studies": None}, "marks_unreadable", "'studies' is missing or is no list"),
        ({"tasks": {KEY: 3}}, "marks_unreadable", "another form"),
        ({"tasks": {KEY: {"references": "0"}}}, "marks_differ", "the references of findings/test are not those"),
        ({"tasks": {"impression/test": {}}}, "marks_differ", "the references of impression/test are not those"),
        ({"tasks": {}}, "marks_differ", "study 1: demo has no draft s000 of findings/test"),
        ({"studies": [3]}, "marks_unreadable", "study 1 has no 'task', 'id' or 'draft'"),
    ],
)
def test_marks_on_something_else_are_refused(marked, change, reason, why):
    found = refused(marked, marked.marks(**change))
    assert found[0] == reason
    assert why in found[1]


@pytest.mark.parametrize(
    ("change", "reason", "why"),
    [
        (lambda s: s.update(draft=digest("?")), "marks_differ", "study 2: the draft of s001 has changed"),
        (lambda s: s.update(id="s999"), "marks_differ", "study 2: demo has no draft s999"),
        (lambda s: s.update(missing=[3]), "marks_unreadable", "study 2 has something missing that is no text"),
        (lambda s: s["sentences"][0].update(mark="bad"), "marks_unreadable", "study 2 has the mark 'bad'; it must be one of"),
        (lambda s: s["sentences"][0].update(start=-1), "marks_unreadable", "without 'start' and 'end'"),
        (lambda s: s["sentences"][0].update(start=1), "marks_unreadable", "does not stand in the draft where it says"),
        (lambda s: s["sentences"][0].pop("text"), "marks_unreadable", "a sentence without its text"),
        (lambda s: s["sentences"][0].pop("mark"), "marks_unreadable", "has the mark ''"),
        (lambda s: s.update(sentences={}), "marks_unreadable", "no list of 'sentences'"),
    ],
)
def test_marks_of_a_broken_study_are_refused_by_its_number(marked, change, reason, why):
    path = marked.marks()
    said = json.loads(path.read_text("utf-8"))
    change(said["studies"][1])
    path.write_text(json.dumps(said), "utf-8")
    found = refused(marked, path)
    assert found[0] == reason
    assert why in found[1]


def test_a_study_marked_twice_in_one_file_is_refused(marked):
    assert refused(marked, marked.marks(ids=["s001", "s002", "s001"]))[1].startswith("study 3 is marked twice")


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b"[" * 100_000, b'"docphim-marks-1"'])
def test_what_is_no_file_of_marks_is_refused(marked, content):
    path = marked.folder / "x.marks.json"
    path.write_bytes(content)
    assert refused(marked, path)[0] == "marks_unreadable"


def test_a_file_in_which_nothing_was_marked_is_refused(marked):
    assert refused(marked, marked.marks(studies=[])) == ("marks_unreadable", "no study was marked in it")


def test_lines_fit_a_terminal_whatever_readers_are_called(marked):
    name = "Bác sĩ chuyên khoa II Nguyễn Thị Một Cái Tên Rất Dài, Khoa Chẩn đoán hình ảnh"
    files = [marked.marks(of, lambda n: KINDS[n % 8], reader=f"{name}, {of}") for of in ("a", "b")]
    text = terminal(compare_to_files([marked.folder / "demo"], marks=files, metrics=["rougeL"]))
    assert max(map(len, text.splitlines())) <= 100 and name.split(",")[0] in text


def test_no_file_is_refused(marked):
    assert refused(marked, marked.folder / "none.json")[0] == "file_missing"


def test_the_sentences_that_the_page_offers_are_found_in_the_draft(tmp_path):
    texts = [
        "Bóng  tim to.\n\n- Tràn dịch màng phổi phải; xẹp phổi.",
        "Mo\u0323\u0302t nốt\u200b 1,5 cm. ðo\u0300.",
        " \n",
        "\U0001f600 a. b",
    ]
    truth = {f"s{i}": "Bóng tim to." for i in range(len(texts))}
    run = ScoredRun(tmp_path / "demo").task(KEY, truth, {"own": dict(zip(truth, texts, strict=True))})
    run.write()
    studies = [
        {
            "task": KEY,
            "id": row["id"],
            "draft": draft_digest(row["prediction"]),
            "sentences": [
                {"text": s.text, "start": s.start, "end": s.end, "mark": "correct"} for s in page_sentences(row["prediction"])
            ],
            "missing": [],
        }
        for row in run.answers
    ]
    tasks = {KEY: {"references": run.by_task[KEY]["keys"]["references"]}}
    said = {"format": FORMAT, "run": "demo", "reader": "", "made": "", "tasks": tasks, "studies": studies}
    path = tmp_path / "demo.marks.json"
    path.write_text(json.dumps(said), "utf-8")
    (row,) = compare_to_files([tmp_path / "demo"], marks=[path])["marks"]["readers"]
    assert row["counts"]["correct"] == sum(len(study["sentences"]) for study in studies) >= 7
