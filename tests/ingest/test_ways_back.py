"""The folder source: from what was refused back to its file, names that are no text, films alone."""

import json
import os
import sys
from pathlib import Path

import pytest
from films import Ingested, write_csv, write_dicom, write_png

from docphim import counts
from docphim.errors import Refused
from docphim.ingest import fingerprint
from docphim.stage import Stage


def test_private_csv_leads_back_from_what_was_refused_to_its_file_or_row(tmp_path):
    write_dicom(tmp_path / "source/good.dcm", AccessionNumber="A", StudyInstanceUID="1.2.1")
    write_dicom(tmp_path / "source/unreported.dcm", seed=1, AccessionNumber="B", StudyInstanceUID="1.2.2")
    for name, seed in (("one", 2), ("two", 3)):
        tags = {"SOPInstanceUID": "1.2.9.9", "StudyInstanceUID": "1.2.9"}
        write_dicom(tmp_path / f"source/{name}.dcm", seed=seed, **tags)
    (tmp_path / "source/torn.png").write_bytes(b"\x89PNG")
    for name in ("slice1", "slice2"):
        write_dicom(tmp_path / f"source/{name}.dcm", Modality="CT", StudyInstanceUID="1.2.5")
    write_csv(tmp_path / "source/r.csv", ["accession", "text"], ["A", "Phổi sáng."], ["NOBODY", "Tim to."])
    got = Ingested(tmp_path)
    places = {}
    for row in got.private:
        places.setdefault((row["study"], row["refused"]), set()).add(row["location"].rsplit("/", 1)[1])
    reasons = {(row["study"], row["reason"]) for row in got.rejected}
    assert reasons == {key for key in places if key[1]}
    assert {reason: sorted(names) for (_, reason), names in places.items() if reason not in ("duplicate_uid",)} == {
        "": ["good.dcm"],
        "report_missing": ["unreported.dcm"],
        "file_unreadable": ["torn.png"],
        "modality_unsupported": ["slice1.dcm", "slice2.dcm"],
        "image_missing": ["r.csv#3"],
    }
    assert sorted(n for (_, r), names in places.items() if r == "duplicate_uid" for n in names) == ["one.dcm", "two.dcm"]
    assert [row["original_id"] for row in got.private if row["refused"] == "image_missing"] == ["NOBODY"]
    assert (got.notes["studies"], got.notes["with_report"], got.notes["without_report"]) == (1, 1, 0)


def test_after_ingest_a_table_counts_what_was_refused_by_reason_and_says_where_each_case_is_named(tmp_path):
    for number, name in enumerate("abc"):
        write_png(tmp_path / f"source/{name}.png", number)
    rows = [["a", "Kỹ thuật: nằm.\nPhổi sáng."], ["a", "Phổi sáng."], ["x", "Tim to."], ["y", "Tim to."], ["b", "nan"]]
    write_csv(tmp_path / "source/r.csv", ["id", "text"], *rows)
    (tmp_path / "source/q.xlsx").write_bytes(b"PK no")
    got = Ingested(tmp_path)
    stage = Stage("ingest", "", (), {}, {}, got.dataset, ["rejected.jsonl?stage=ingest"], 1)
    lines = counts.line(stage).split("\n")
    assert lines[0] == "ingest: 1 studies, 1 of them matched with a report; taken out of the reports: nothing; refused: 5"
    assert [line.split()[:2] for line in lines[1:-1]] == [
        ["image_missing", "2"],
        ["file_unreadable", "1"],
        ["report_empty", "1"],
        ["report_missing", "1"],
        ["report_rows_merged", "1"],
        ["technique_set_aside", "1"],
    ]
    assert lines[1].endswith("the report has no image") and lines[-1].endswith("private.csv")
    assert (got.dataset / "private.csv").stat().st_mode & 0o777 == 0o600


def test_where_every_film_is_refused_private_csv_still_leads_back(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source/torn.png").write_bytes(b"\x89PNG")
    with pytest.raises(Refused, match="empty_dataset"):
        Ingested(tmp_path, without_report="only")
    private = (tmp_path / "data/name/key/private.csv").read_text(encoding="utf-8")
    assert private.splitlines()[1].endswith("torn.png,,file_unreadable")


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere take no such name")
def test_a_name_that_is_no_text_costs_its_file_or_folder_and_nothing_else(tmp_path):
    write_png(tmp_path / "source/a.png")
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/source/\xff folder"))
    strange.mkdir()
    for name in (b"b\xec.png", b"\xff folder/c.png", b"r\xe9ports.csv"):
        with open(os.fsencode(tmp_path) + b"/source/" + name, "wb") as handle:
            handle.write((tmp_path / "source/a.png").read_bytes())
    write_csv(tmp_path / "source/r.csv", ["image", "text"], ["a.png", "Phổi sáng."])
    options = {"path": str(tmp_path / "source"), "key_file": str(tmp_path / "secret" / "key")}
    before = fingerprint("folder", options)
    got = Ingested(tmp_path)
    assert len(got.studies) == 1 and got.reasons == ["unsafe_path"] * 3
    assert sum("\\udcec" in row["location"] for row in got.private) == 1
    (strange.parent / os.fsdecode(b"b\xec.png")).unlink()
    assert fingerprint("folder", options) != before
    with pytest.raises(Refused, match="unsafe_path"):
        Ingested(tmp_path, path=str(strange))


def test_one_film_may_be_the_source_and_keeps_the_id_it_has_in_its_folder(tmp_path):
    write_dicom(tmp_path / "source/sub/a.dcm")
    write_png(tmp_path / "source/b.png")
    whole = {study["id"] for study in Ingested(tmp_path, without_report="only").studies}
    [alone] = Ingested(tmp_path, path=str(tmp_path / "source/sub/a.dcm"), without_report="only").studies
    [kept] = Ingested(tmp_path, path=str(tmp_path / "source/sub/a.dcm"), without_report="keep").studies
    assert kept["id"] == alone["id"]
    assert alone["id"] in whole and len(whole) == 2 and alone["report"] is None


def test_only_reads_no_table_however_good(tmp_path):
    write_png(tmp_path / "source/a.png")
    write_csv(tmp_path / "source/r.csv", ["image", "text"], ["a.png", "Phổi sáng."])
    [study] = Ingested(tmp_path, without_report="only").studies
    assert study["report"] is None


def test_a_study_that_the_table_does_not_speak_of_needs_no_split(tmp_path):
    write_png(tmp_path / "source/a.png")
    write_png(tmp_path / "source/b.png", 1)
    write_csv(tmp_path / "source/r.csv", ["image", "text", "split"], ["a.png", "Phổi sáng.", "test"])
    got = Ingested(tmp_path, split_by_source=True, without_report="keep")
    assert sorted((s["split"] or "", s["report"] is None) for s in got.studies) == [("", True), ("test", False)]


def test_two_rows_that_ask_for_one_film_by_an_id_without_its_zeros_are_refused(tmp_path):
    write_png(tmp_path / "source/0012.png")
    write_csv(tmp_path / "source/r.csv", ["id", "text"], ["12", "Phổi sáng."], ["012", "Tim to."])
    with pytest.raises(Refused, match="empty_dataset"):
        Ingested(tmp_path, match="file_name")
    rows = [json.loads(line) for line in (tmp_path / "data/name/key/rejected.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["reason"] for row in rows].count("id_mangled") == 2
