"""The set of a validation, and the files of its readers: what each is shown, and which files are refused for which reason."""

import copy
import hashlib
import json

import pytest
from reader_files import prepared, reading, sealed, write_both, write_dataset

from docphim.errors import Refused, UsageError
from docphim.files import read_json, write_json
from docphim.metrics.readers import read_set, seal
from docphim.validate import choose, locked


def test_a_tenth_comes_twice_and_far_apart_and_readers_see_other_orders(tmp_path):
    _, made = prepared(tmp_path, 40, empty=0.25)
    assert sum(study.start == "empty" for study in made.studies) == 10
    orders = [[one.study for one in reader] for reader in made.readers]
    assert len(orders[0]) == 44 and orders[0] != orders[1]
    assert {one.case for one in made.readers[0]} & {one.case for one in made.readers[1]} == set()
    twice = [{one.study for one in reader if one.again} for reader in made.readers]
    assert twice[0] == twice[1] and len(twice[0]) == 4
    for reader in made.readers:
        places = {study: [n for n, one in enumerate(reader) if one.study == study] for study in twice[0]}
        assert all(last - first >= 10 and not reader[first].again for first, last in places.values())


def test_tables_begin_with_what_the_findings_say_and_physiologic_uptake_is_none(tmp_path):
    _, made = prepared(tmp_path, 3, empty=0)
    assert [[row["type"] for row in study.lesions] for study in made.studies] == [["nodule", "lymph_node"]] * 3
    assert made.start_of("s00")[1][0] == "r1"


def test_the_same_seed_gives_the_same_set_and_another_seed_another(tmp_path):
    data = write_dataset(tmp_path / "data")
    sets = [choose(data, tmp_path / name, seed=seed, cases=6) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    assert sets[0] == sets[1] == read_set(tmp_path / "a" / "set.json") and sets[0].set != sets[2].set
    with pytest.raises(UsageError, match="holds another set"):
        choose(data, tmp_path / "a", seed=1, cases=6)


@pytest.mark.parametrize(("studies", "empty", "error"), [(3, 1.5, UsageError), (0, 0.2, Refused)])
def test_a_share_that_is_none_and_a_dataset_without_reports_are_refused(tmp_path, studies, empty, error):
    with pytest.raises(error):
        prepared(tmp_path, studies, empty=empty)
    assert not (tmp_path / "out" / "set.json").exists()


def test_a_seal_is_of_the_text_that_the_page_hashes():
    content = {"format": "x", "sizes": [8, 12.5], "note": 'ạ "\u2028\n\t', "none": None, "sha256": "…"}
    text = '{"format":"x","sizes":[8,12.5],"note":"ạ \\"\u2028\\n\\t","none":null}'
    assert seal(content) == hashlib.sha256(text.encode()).hexdigest()


def change(path, value):
    """A change of a file by a path of keys."""

    def altered(file):
        part = file
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        return file

    return altered


def without(file, key):
    return {name: value for name, value in file.items() if name != key}


def first_row(file):
    """The first case that begins with rows."""
    return next(case["rows"] for case in file["cases"] if case["rows"])


def with_row(**changes):
    def altered(file):
        first_row(file)[0].update(changes)
        return file

    return altered


def with_lesion(**changes):
    def altered(file):
        row = first_row(file)[0]
        row.update(state="edited", lesion=row["lesion"] | changes)
        return file

    return altered


#: What happens to a reader's file before it is sealed, and why it is refused.
BEFORE = {
    "another version": (change(["format"], "docphim-reading-2"), "reading_version", "it has version 2; version 1 is read"),
    "another file": (change(["format"], "docphim-marks-1"), "reading_unreadable", ""),
    "another set": (change(["set"], "0" * 16), "reading_differs", "on the set 0000"),
    "another reader": (change(["reader"], 2), "reading_differs", "it is the file of reader 2, not of reader 1"),
    "a reader too many": (change(["reader"], 3), "reading_unreadable", "reader: "),
    "not locked": (change(["locked"], None), "reading_open", ""),
    "a case missing": (lambda f: f | {"cases": f["cases"][1:]}, "reading_open", "1 of 11 cases are missing"),
    "a case twice": (lambda f: f | {"cases": [*f["cases"], f["cases"][0]]}, "reading_unreadable", "stands twice"),
    "a case of others": (change(["cases", 0, "case"], "ffffffff"), "reading_differs", "the set has no case ffffffff"),
    "a case not done": (change(["cases", 0, "done"], False), "reading_open", "is not decided"),
    "a row not decided": (with_row(state="open"), "reading_open", "is not decided"),
    "a row missing": (lambda f: first_row(f).pop() and f, "reading_unreadable", "rows are missing or stand twice"),
    "a row of nobody": (with_row(row="r9"), "reading_unreadable", "rows are missing or stand twice"),
    "a given row added": (with_row(state="added"), "reading_unreadable", "row r0 is added, and cannot be"),
    "a row of her own accepted": (
        lambda f: first_row(f).append({"row": "n1", "state": "accepted", "lesion": {"v": 1, "type": "mass"}}) or f,
        "reading_unreadable",
        "row n1 is accepted, and cannot be",
    ),
    "an unknown state": (with_row(state="maybe"), "reading_unreadable", "state"),
    "another key": (change(["why"], "x"), "reading_unreadable", "why: Extra inputs"),
    "no key": (lambda f: without(f, "name"), "reading_unreadable", "name: Field required"),
    "seconds in words": (change(["cases", 0, "seconds"], "40"), "reading_unreadable", "cases.0.seconds"),
    "a lesion in words": (with_lesion(size_mm=["12 mm"]), "reading_unreadable", "is no number"),
    "an unknown uptake": (with_lesion(uptake="hot"), "reading_unreadable", "uptake of a record is no 'hot'"),
    "an unknown field": (with_lesion(colour="red"), "reading_unreadable", "Lesion has no field 'colour'"),
    "accepted and altered": (
        lambda f: with_row(state="accepted")(with_lesion(side="left")(f)),
        "reading_unreadable",
        "row r0 is accepted, and was altered",
    ),
}


@pytest.mark.parametrize(("altered", "reason", "why"), BEFORE.values(), ids=BEFORE)
def test_a_file_that_is_not_this_reader_s_whole_table_is_refused(tmp_path, altered, reason, why):
    out, made = prepared(tmp_path)
    write_both(out, made)
    locked(out)
    (out / "seals.json").unlink()
    file = altered(copy.deepcopy(without(reading(made, 1), "sha256")))
    write_json(out / "reader-1.json", sealed(file) if file.get("locked") else file | {"sha256": None})
    with pytest.raises(Refused) as refused:
        locked(out)
    assert refused.value.reason == reason and why in str(refused.value)
    assert not (out / "seals.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\ufffd"])
def test_half_a_file_never_counts(tmp_path, text):
    out, made = prepared(tmp_path)
    write_both(out, made)
    whole = (out / "reader-2.json").read_text(encoding="utf-8")
    for part in (text, whole[: len(whole) // 2]):
        (out / "reader-2.json").write_text(part, encoding="utf-8")
        with pytest.raises(Refused, match=r"^reading_unreadable: reader-2\.json: "):
            locked(out)


def test_a_missing_file_is_named(tmp_path):
    out, _ = prepared(tmp_path)
    with pytest.raises(Refused, match=r"file_missing: reader-1\.json"):
        locked(out)


@pytest.mark.parametrize("what", ["name", "seconds", "state"])
def test_what_changes_after_the_lock_is_noticed_in_either_file_and_however_it_is_laid_out(tmp_path, what):
    out, made = prepared(tmp_path)
    write_both(out, made)
    path = out / "reader-1.json"
    path.write_text(json.dumps(read_json(path)), encoding="utf-8")  # on one line: the same file
    locked(out)
    file = read_json(path)
    if what == "name":
        file["name"] = "BS X"
    elif what == "seconds":
        file["cases"][3]["seconds"] = 1
    else:
        first_row(file)[0]["state"] = "removed"
    write_json(path, file)
    with pytest.raises(Refused, match=r"^reading_changed: reader-1\.json: the file is not what was locked"):
        locked(out)
    write_json(path, sealed(without(file, "sha256")))  # locked anew
    with pytest.raises(Refused, match=r"^reading_changed: reader-1\.json: it is not the file that was first read"):
        locked(out)


def test_a_set_that_was_altered_is_refused(tmp_path):
    out, made = prepared(tmp_path)
    write_both(out, made)
    write_json(out / "set.json", change(["studies", 0, "start"], "empty")(read_json(out / "set.json")))
    with pytest.raises(Refused, match=r"^reading_changed: set\.json"):
        locked(out)


def test_a_case_that_cannot_be_judged_may_leave_its_rows_open(tmp_path):
    out, made = prepared(tmp_path)
    write_both(out, made)
    file = without(reading(made, 1), "sha256")
    case = next(case for case in file["cases"] if case["rows"])
    case["judged"] = False
    case["rows"][0]["state"] = "open"
    write_json(out / "reader-1.json", sealed(file))
    _, (one, _) = locked(out)
    assert [case.judged for case in one.cases].count(False) == 1


def test_a_row_may_be_added(tmp_path):
    out, made = prepared(tmp_path)
    write_both(out, made)
    file = without(reading(made, 2), "sha256")
    file["cases"][0]["rows"].append({"row": "n1", "state": "added", "lesion": {"v": 1, "type": "mass", "organ": "liver"}})
    write_json(out / "reader-2.json", sealed(file))
    assert locked(out)[1][1].cases[0].rows[-1].lesion["organ"] == "liver"
