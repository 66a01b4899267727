"""A folder that grows or shrinks while it is read: the files are named, the rest goes on."""

import shutil

import pytest
from films import Ingested, write_csv, write_dicom, write_png

from docphim.ingest import films, folder, tree
from docphim.ingest.reports import gathered

UID = {"SOPInstanceUID": "1.2.3", "StudyInstanceUID": "1.2"}


def change_when(monkeypatch, module, name, change):
    """Let something happen to the folder once, just before a function of Docphim is called."""
    real, happened = getattr(module, name), []

    def called(*arguments, **named):
        if not happened:
            happened.append(True)
            change()
        return real(*arguments, **named)

    monkeypatch.setattr(module, name, called)


CHANGES = {
    "a film goes": (lambda s: (s / "b.png").unlink(), ["file_missing", "image_missing"]),
    "a film comes": (lambda s: write_png(s / "new.png", 9), ["file_changed"]),
    "a film without a suffix comes": (lambda s: write_dicom(s / "IM9", 9), ["file_changed"]),
    "a film changes": (lambda s: write_dicom(s / "b.png", 9), ["file_changed"]),
    "a folder goes": (lambda s: shutil.rmtree(s / "x"), ["file_missing", "image_missing"]),
    "a table comes": (lambda s: write_csv(s / "s.csv", ["id", "text"], ["a", "Tim to."]), ["file_changed"]),
    "a table changes": (lambda s: (s / "r.csv").write_text("id,text\n", encoding="utf-8"), ["file_changed"]),
    "a log comes": (lambda s: (s / "copy.log").write_text("x", encoding="utf-8"), []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_comes_goes_or_changes_after_the_folder_was_listed_is_named(tmp_path, name, monkeypatch):
    change, reasons = CHANGES[name]
    source = tmp_path / "source"
    for number, film in enumerate(("a", "b", "x/c")):
        write_png(source / f"{film}.png", number)
    write_csv(source / "r.csv", ["id", "text"], *[[film, "Tim to."] for film in "abc"])
    change_when(monkeypatch, folder, "find_films", lambda: change(source))
    got = Ingested(tmp_path)
    assert got.reasons == reasons
    assert len(got.studies) == 3 - ("image_missing" in reasons)
    assert len([line for line in got.private if line["refused"]]) >= len(reasons)


OUTSIDE = {
    "a table changes": ("r.csv", lambda r: (r / "r.csv").write_text("id,text\n", encoding="utf-8"), ["file_changed"]),
    "another file comes": ("r.csv", lambda r: write_csv(r / "s.csv", ["id", "text"], ["a", "Tim to."]), []),
    "a table of the folder changes": ("", lambda r: (r / "r.csv").write_text("id,text\n", encoding="utf-8"), ["file_changed"]),
    "a document comes": ("", lambda r: (r / "b.txt").write_text("Tim to.", encoding="utf-8"), ["file_changed"]),
    "a table goes": ("r.csv", lambda r: (r / "r.csv").unlink(), ["file_changed"]),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_comes_or_changes_among_reports_outside_the_folder_is_named(tmp_path, name, monkeypatch):
    place, change, reasons = OUTSIDE[name]
    write_png(tmp_path / "source/a.png")
    write_csv(tmp_path / "reports/r.csv", ["id", "text"], ["a", "Tim to."])
    change_when(monkeypatch, folder, "find_films", lambda: change(tmp_path / "reports"))
    got = Ingested(tmp_path, reports=str(tmp_path / "reports" / place))
    assert (got.reasons, len(got.studies)) == (reasons, 1)


def test_a_folder_that_goes_while_the_tree_is_walked_is_named(tmp_path, monkeypatch):
    write_png(tmp_path / "source/a.png")
    write_png(tmp_path / "source/x/b.png", 1)
    write_csv(tmp_path / "source/r.csv", ["id", "text"], ["a", "Tim to."])
    real = tree._refusal
    monkeypatch.setattr(
        tree, "_refusal", lambda item, root: (item.name == "x" and shutil.rmtree(item.path)) or real(item, root)
    )
    assert Ingested(tmp_path).reasons == ["file_missing"]


def test_a_file_that_goes_before_its_size_is_asked_for_is_named(tmp_path, monkeypatch):
    for number, name in enumerate("ab"):
        write_png(tmp_path / f"source/{name}.png", number)
    write_csv(tmp_path / "source/r.csv", ["id", "text"], ["a", "Tim to."])
    change_when(monkeypatch, tree, "_entry", lambda: (tmp_path / "source/b.png").unlink(missing_ok=True))
    assert Ingested(tmp_path).reasons == ["file_missing"]


def test_a_copy_that_goes_before_it_is_compared_costs_its_film_alone(tmp_path, monkeypatch):
    write_png(tmp_path / "source/a.png")
    for name in "bc":
        write_dicom(tmp_path / f"source/{name}.dcm", **UID)
    write_csv(tmp_path / "source/r.csv", ["id", "text"], ["a", "Tim to."])
    change_when(monkeypatch, films, "same_image", lambda: (tmp_path / "source/c.dcm").unlink())
    assert Ingested(tmp_path).reasons == ["duplicate_uid", "duplicate_uid"]


def test_a_document_that_goes_is_a_refusal_and_the_table_stays(tmp_path, monkeypatch):
    for number, name in enumerate("ab"):
        write_png(tmp_path / f"source/{name}.png", number)
    write_csv(tmp_path / "source/r.csv", ["id", "text"], ["a", "Tim to."])
    (tmp_path / "source/b.txt").write_text("Tim to.", encoding="utf-8")
    change_when(monkeypatch, gathered, "open_documents", lambda: (tmp_path / "source/b.txt").unlink())
    got = Ingested(tmp_path)
    assert got.reasons == ["file_missing", "report_missing"] and len(got.studies) == 1
