"""A department's archive through the commands: exactly the expected refusals, each led back to its file, and nobody named."""

import csv
import json
import os
import re
import stat
import unicodedata
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
from department import OTHERS, write
from outputs import texts_of
from program import Program
from register import FAULTS, FILE

from docphim import counts, run
from docphim.errors import Refused, UsageError
from docphim.files import read_json, read_jsonl
from docphim.recipe import Recipe, validated

#: Each kind of fault once.
STUDIES = len(FAULTS) + OTHERS
#: What a text alone shows, without the films.
OF_A_TEXT = ("report_empty", "report_encoding", "row_unreadable", "report_not_text", "document_mixed", "file_protected")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return Program(tmp_path_factory.mktemp("department"))


@pytest.fixture(scope="module")
def parts(program):
    """The archive's parts by name; the archive itself is the folder `archive` there."""
    return write(program.folder / "archive", STUDIES)


def recipe(program, part, name="register"):
    return {
        "name": name,
        "source": {
            "kind": "folder",
            "path": str(part.folder),
            "key_file": str(program.folder / "secret" / "key"),
            **part.source,
        },
        "split": {"fractions": [0.6, 0.2, 0.2]},
        "prompts": "docphim",
        "tasks": ["findings"],
        "prepare": {"workers": 1, "long_side": 128},
        "model": {"family": "qwen_vl", "weights": "tiny"},
        "max_rejected": 1.0,
        "dataset": name,
        "data": str(program.folder / "data"),
        "runs": str(program.folder / "runs"),
    }


@pytest.fixture(scope="module")
def ended(program, parts):
    """The register through ingest and a whole run: the answers of both commands."""
    path = program.folder / "register.yaml"
    path.write_text(json.dumps(recipe(program, parts["register"])), encoding="utf-8")
    answers = [program("ingest", path), program("run", path)]
    assert [answer.returncode for answer in answers] == [0, 0], answers[-1].stderr
    return answers


@pytest.fixture(scope="module")
def drafted(program, ended):
    """The whole archive drafted by the register's model."""
    answer = program("draft", "runs/register", program.folder / "archive", tiny=False)
    assert answer.returncode == 0, answer.stderr
    return program.folder / "drafts" / "register", answer


@pytest.fixture(scope="module")
def prepared(program, parts, ended):
    """The datasets of all parts that can be read, by name; what stopped the others, in its words."""
    datasets, stopped = {"register": dataset(program, "register")}, {}
    for name, part in parts.items():
        if name == "register":
            continue
        try:
            run.run(validated(Recipe, recipe(program, part, re.sub(r"\W", "_", name)), ""), until="prepare")
        except (Refused, UsageError) as refusal:
            stopped[name] = str(refusal)
        else:
            datasets[name] = dataset(program, re.sub(r"\W", "_", name))
    return datasets, stopped


def dataset(program, name):
    [folder] = (program.folder / "data" / name).iterdir()
    return folder


def private(folder):
    with open(folder / "private.csv", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def led_back(folder):
    """Each refusal as its reason and the places that private.csv gives for it."""
    lines = private(folder)
    for row in read_jsonl(folder / "rejected.jsonl"):
        of = [line for line in lines if line["study"] == row["study"]]
        exact = [line["location"] for line in of if line["refused"] == row["reason"]]
        yield row["reason"], exact or [line["location"] for line in of]


def assert_led_back(folder, lost):
    """Every lost case is named with its file, sheet and line, once; nothing else is refused."""
    refusals = list(led_back(folder))
    assert Counter(reason for reason, _ in refusals) == Counter(one.reason for one in lost)
    for one in lost:
        hits = [n for n, (reason, places) in enumerate(refusals) if reason == one.reason and leads(places, one)]
        assert hits, (one, [places for reason, places in refusals if reason == one.reason])


def leads(places, lost):
    return all(any(place.endswith(end) for place in places) for end in lost.places)


def test_every_part_is_read_or_stopped_as_it_must_be(parts, prepared):
    datasets, stopped = prepared
    assert {name: part.whole for name, part in parts.items() if part.whole and part.whole not in stopped[name]} == {}
    assert stopped.keys() == {name for name, part in parts.items() if part.whole}
    assert datasets.keys() == parts.keys() - stopped.keys()


def test_exactly_the_expected_studies_are_refused_and_each_leads_back_to_its_place(parts, prepared):
    datasets, _ = prepared
    for name, folder in datasets.items():
        assert_led_back(folder, parts[name].lost)


def test_all_others_stay_with_their_whole_report_age_and_year_and_without_people(parts, prepared):
    datasets, _ = prepared
    for name, folder in datasets.items():
        studies = {row["id"]: row for row in read_jsonl(folder / "studies.jsonl")}
        refused = {row["study"] for row in read_jsonl(folder / "rejected.jsonl")}
        by_film = {Path(line["location"]).name: line["study"] for line in private(folder) if line["series"]}
        staying = {case.film.name: case for case in parts[name].cases if case.stays}
        assert {film for film, study in by_film.items() if study not in refused} >= staying.keys(), name
        for film, case in staying.items():
            assert_same(case, studies[by_film[film]], dated=name in ("register", "months") and bool(case.rows))


def assert_same(case, study, dated):
    """The study holds all that its clean report says; what else is left of signatures names nobody."""
    assert study["age"] == (case.age if case.age is None else min(case.age, 90)), case.place
    assert study["date"] == (str(case.day[0]) if dated or case.film.suffix == ".dcm" else None), case.place
    for section, text in case.sections.items():
        report = plain(study["report"]["sections"][section])
        assert plain(text) in report, (case.place, section)
        rest = report.replace(plain(text), " ", 1)
        assert not people_in(rest, case.planted | {*case.patient.words, *case.doctor.words}), (case.place, rest)


def plain(text):
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def people_in(text, planted):
    return [name for name in planted if re.search(rf"(?<!\w){re.escape(plain(name))}(?!\w)", text)]


def test_counts_are_printed_after_each_stage_and_films_nobody_could_judge_are_among_them(program, parts, ended):
    register = parts["register"]
    ingested, whole = (answer.stderr for answer in ended)
    notes = read_json(dataset(program, "register") / "ingest_notes.json")
    assert f"ingest: {notes['studies']} studies" in ingested and re.search(r"patient_mismatch +2 ", ingested)
    assert f"studies kept {len(register.staying)}; rejected: " in whole
    for reason, count in register.reasons.items():
        assert f"{reason} {count}" in whole
    unjudged = sum(case.unchecked for case in register.cases)
    assert f"unchecked by their pixels: {unjudged} films" in whole
    assert f"burned-in text: {len(register.staying)} films not looked through" in whole
    taken = notes["counts"]
    assert all(taken[f"people_{kind}"] > 0 for kind in ("names", "numbers", "dates", "addresses"))
    assert f"taken out of the reports: addresses {taken['people_addresses']}" in ingested
    assert re.search(r"reports_doubtful +1 ", ingested) and taken["reports_doubtful"] == 1


def test_the_page_says_what_was_taken_out_and_which_films_nobody_could_judge(program, parts, ended):
    page = (program.folder / "runs" / "register" / "index.html").read_text(encoding="utf-8")
    assert all(words in page for words in ("People taken out of reports", "1 reports seemed to hold a signature"))
    assert_unchecked(page, parts["register"].cases, private(dataset(program, "register")))


def test_the_page_of_drafts_says_so_too_on_each_card(parts, drafted):
    folder, answer = drafted
    page = (folder / "index.html").read_text(encoding="utf-8")
    cases = [case for part in parts.values() for case in part.cases]
    assert_unchecked(page, cases, private(folder))
    assert page.count("not known to lie right") == sum(case.unchecked for case in cases)
    assert "unchecked by their pixels: " in answer.stderr and "burned-in text: " in answer.stderr


def assert_unchecked(page, cases, lines):
    """The page's list of films to be looked at holds the studies of those that nobody could judge, and no other."""
    films = {case.film.name for case in cases if case.unchecked}
    wanted = {line["study"] for line in lines if Path(line["location"]).name in films}
    listed = page.partition("Studies with films to look at")[2].partition("</details>")[0]
    assert set(re.findall(r"<code>(\w+)</code>", listed)) == wanted and wanted


def test_films_alone_are_drafted_and_refused_for_their_own_faults(parts, drafted):
    folder, answer = drafted
    cases = [case for part in parts.values() for case in part.cases]
    lost = [one for case in cases for one in case.lost if one.drafts]
    assert_led_back(folder, lost)
    assert len({row["study"] for row in read_jsonl(folder / "drafts.jsonl")}) == sum(
        case.film.is_file() and not case.film.is_symlink() and not any(lost_by_film(case)) for case in cases
    )
    for reason, count in Counter(one.reason for one in lost).items():
        assert f"{reason} {count}" in answer.stderr


def lost_by_film(case):
    return (one.drafts and case.place in one.places for one in case.lost)


def test_inspect_names_each_film_that_cannot_be_used_and_nobody_else(program, parts, planted):
    answer = program("inspect", program.folder / "archive", "--json", tiny=False)
    assert answer.returncode == 0 and not answer.stderr, answer.stderr
    seen = json.loads(answer.stdout)
    lost = [one for part in parts.values() for one in part.lost]
    wanted = [(one.reason, place) for one in lost if one.looks or one.reason in OF_A_TEXT for place in one.places]
    wanted = [(reason, place) for reason, place in wanted if reason not in OF_A_TEXT or not place.endswith((".png", ".dcm"))]
    wanted += [(part.whole, "") for part in parts.values() if part.whole and "encoding" not in part.whole]
    wanted += [("report_encoding", "bang.csv")] * 3
    refused = [(row["reason"], row["where"]) for row in seen["refused"]]
    assert [one for one in wanted if not any(one[0] == reason and where.endswith(one[1]) for reason, where in refused)] == []
    assert [one for one in refused if not any(one[0] == reason and one[1].endswith(place) for reason, place in wanted)] == []
    assert len(refused) == len(wanted)
    rows = {row["where"]: (row["rows"], row["usable"]) for row in seen["reports"]}
    listed = [case for case in parts["register"].cases for _ in case.rows]
    assert rows[f"so/{FILE}"] == (len(listed), len(listed) - sum(reason in OF_A_TEXT for reason in reasons(parts["register"])))
    assert rows["documents"] == (9, 5) and rows["csv/xuat.csv"] == (16, 10) and rows["whole/khoa/khoa.xlsx"] == (0, 0)
    named = {path.stem.rsplit(" ", 1)[0] for path in (program.folder / "archive").rglob("*")}
    assert_nobody(answer.stdout, planted, but=named)


def reasons(part):
    return [one.reason for one in part.lost]


def test_inspect_says_so_in_a_few_lines_by_reason(program, parts):
    answer = program("inspect", program.folder / "archive", tiny=False)
    assert "reports tcvn3/bang.csv: csv, not read" in answer.stdout and "say encoding: tcvn3: tcvn3/bang.csv" in answer.stdout
    assert re.search(r"reports so/Sổ XQ 2024.xlsx: xlsx, \d+ rows, \d+ usable; columns age, date, id, image", answer.stdout)
    assert re.search(r"report_empty: .*#Sổ!\d+ and 3 more", answer.stdout)
    alone = program("inspect", program.folder / "archive" / "whole" / "khoa" / "khoa.xlsx", tiny=False)
    assert (alone.returncode, alone.stderr) == (3, "") and "file_protected" in alone.stdout


def test_nobody_is_named_in_any_output(program, planted, prepared, drafted):
    for name, text in texts_of(program.folder / name for name in ("data", "runs", "drafts")):
        assert_nobody(text, planted, name)


def test_nobody_is_named_on_the_terminal(planted, ended, drafted):
    for answer in (*ended, drafted[1]):
        assert_nobody(answer.stdout + answer.stderr, planted)


def assert_nobody(text, planted, where="", but=()):
    """No planted text stands there: one whose words all do is looked for in its place."""
    shown = plain(text)
    words = set(re.findall(r"\w+", shown))
    near = [name for name, of in planted.items() if of <= words and name not in map(plain, but)]
    assert people_in(shown, near) == [], where


@pytest.fixture(scope="module")
def planted(parts):
    """All that may stand nowhere, with its words."""
    names = {plain(text) for part in parts.values() for case in part.cases for text in case.planted}
    return {name: set(re.findall(r"\w+", name)) for name in names}


@pytest.mark.skipif(find_spec("rapidocr") is None, reason="rapidocr is not installed: pip install 'docphim[ocr]'")
def test_where_the_reader_is_installed_words_on_films_are_masked_and_markers_stay(program, parts):
    values = recipe(program, parts["burned_in"], "masked")
    values["prepare"] |= {"burned_in": "mask", "long_side": 768}
    run.run(validated(Recipe, values, ""), until="prepare")
    (texts,) = (note for note in counts.of_films(dataset(program, "masked")) if note.startswith("burned-in text"))
    assert texts == "burned-in text: 2 films with text that was masked, 1 films without text but markers"


@pytest.mark.skipif(os.name == "nt", reason="no such modes")
def test_what_leads_back_is_its_owners_alone(program, prepared, drafted):
    leading = [path for path in program.folder.rglob("private.csv") if path.is_file()]
    assert len(leading) >= 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in leading} == {0o600}
