"""Ways in beside one table: documents one a patient, addenda by rule; every refused row leads back to its file and line."""

import csv

import pytest
from films import Ingested, write_csv, write_png

HEADER = ["image", "findings", "impression"]
FIRST = ["1.png", "Bóng tim to.", "Tim to."]
ADDENDUM = ["1.png", "Bóng tim to.", "Tim to. Bổ sung: tràn dịch màng phổi phải."]


def places(got: Ingested) -> dict[str, list[str]]:
    """Reason → the places that private.csv gives for it."""
    with open(got.dataset / "private.csv", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    listed: dict[str, list[str]] = {}
    for row in rows:
        listed.setdefault(row["refused"], []).append(row["path"].rpartition("/")[2] if "path" in row else str(row))
    return listed


@pytest.mark.parametrize(
    ("rule", "impression"),
    [
        ("refused", None),
        ("last", "Tim to. Bổ sung: tràn dịch màng phổi phải."),
        ("joined", "Tim to.\nTim to. Bổ sung: tràn dịch màng phổi phải."),
    ],
)
def test_an_addendum_goes_by_the_recipes_rule(tmp_path, rule, impression):
    write_png(tmp_path / "source/1.png", 1)
    write_png(tmp_path / "source/2.png", 2)
    write_csv(tmp_path / "source/r.csv", HEADER, FIRST, ["2.png", "Phổi sáng.", "Bình thường."], ADDENDUM)
    got = Ingested(tmp_path, rows=rule)
    reports = [study["report"]["sections"]["impression"] for study in got.studies]
    if impression is None:
        assert got.reasons == ["report_duplicate"] and reports == ["Bình thường."]
        private = (got.dataset / "private.csv").read_text(encoding="utf-8")
        assert "r.csv#2" in private and "r.csv#4" in private and "r.csv#3" not in private
    else:
        assert got.notes["counts"][f"report_rows_{rule}"] == 1
        assert got.reasons == [] and sorted(reports) == sorted(["Bình thường.", impression])


@pytest.mark.parametrize("named", [None, ".", "bao cao"])
def test_a_folder_of_documents_is_read_one_patient_each(tmp_path, named):
    for number in range(3):
        write_png(tmp_path / f"source/phim/{number}.png", number)
    folder = tmp_path / "source" / "bao cao"
    folder.mkdir()
    (folder / "0.txt").write_text("Mô tả: Bóng tim to.\nKết luận: Tim to.", encoding="utf-8")
    (folder / "1.txt").write_text("", encoding="utf-8")
    (folder / "7.txt").write_text("Mô tả: Phổi sáng.", encoding="utf-8")
    got = Ingested(tmp_path, **({"reports": named} if named else {}))
    assert [study["report"]["sections"] for study in got.studies] == [{"findings": "Bóng tim to.", "impression": "Tim to."}]
    private = (got.dataset / "private.csv").read_text(encoding="utf-8")
    assert "7.txt" in private and "image_missing" in got.reasons and "1.txt" in private
