"""ViX-Ray as parquet shards and as a saved dataset: columns, splits, ids, locations; the images are not read."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from films import Ingested
from PIL import Image

from docphim.errors import Refused, UsageError
from docphim.imaging.io.locations import open_bytes
from docphim.ingest import fingerprint

ROW = {
    "image": None,
    "findings": "Bóng mờ tim to.",
    "impressions": "Bóng mờ tim to.",
    "Ages": "72",
    "sex": "Nam",
    "view": "PA",
    "Ghi chú": "Chụp Xquang tim phổi thẳng",
    "Kỹ thuật": "Tư thế thẳng",
}
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(seed=0):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 64), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def table_of(*rows):
    filled = [ROW | {"image": {"bytes": png(i), "path": None}} | row for i, row in enumerate(rows)]
    names = list(dict.fromkeys(key for row in filled for key in row))
    arrays = [pa.array([r.get(n) for r in filled], IMAGE if n in ("image", "img") else None) for n in names]
    return pa.table(arrays, names)


def write_parquet(path, *rows, group=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table_of(*rows), path, row_group_size=group)


def write_saved(folder, *rows, batch=2, shards=1):
    """What `datasets.save_to_disk` leaves for one split."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05d}-of-{shards:05d}.arrow" for i in range(shards)]
    for i, name in enumerate(names):
        table = table_of(*rows[i::shards])
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=batch)
    state = {"_data_files": [{"filename": name} for name in names], "_split": folder.name}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")


def test_people_go_from_its_reports_only_where_the_recipe_says_so(tmp_path):
    rows = [{"findings": "Tim to. BS Lò Thị Nụ"}, {"findings": "Tim to.", "impressions": "Tim to.\nBS zhuqxw"}]
    write_parquet(tmp_path / "source/train-00000-of-00001.parquet", *rows)
    texts = [study["report"]["sections"]["findings"] for study in vix(tmp_path).studies]
    assert texts == ["Tim to. BS Lò Thị Nụ", "Tim to."]
    got = vix(tmp_path, deidentify=True)
    assert [study["report"]["sections"]["findings"] for study in got.studies] == ["Tim to. BS"]
    assert [row["reason"] for row in got.rejected] == ["identity_doubtful"]


def vix(tmp_path, split_by_source=True, **options):
    return Ingested(tmp_path, split_by_source, kind="vix_ray", **options)


def test_shards_are_read_in_order_with_their_splits_and_made_ids(tmp_path):
    write_parquet(tmp_path / "source/data/test-00000-of-00001.parquet", {"findings": "D"})
    write_parquet(tmp_path / "source/data/train-00001-of-00002.parquet", {"findings": "C"})
    write_parquet(tmp_path / "source/data/train-00000-of-00002.parquet", {"findings": "A"}, {"findings": "B"}, {})
    write_parquet(tmp_path / "source/data/val-00000-of-00001.parquet", {})
    got = vix(tmp_path)
    assert [(s["id"], s["split"]) for s in got.studies] == [
        ("test-000000", "test"),
        *((f"train-00000{i}", "train") for i in range(4)),
        ("val-000000", "val"),
    ]
    assert [s["report"]["sections"]["findings"] for s in got.studies[1:5]] == ["A", "B", "Bóng mờ tim to.", "C"]
    assert got.notes["counts"]["patients_unknown"] == 6
    assert all(s["patient"] == s["id"] for s in got.studies)


def test_a_row_becomes_a_study(tmp_path):
    write_parquet(tmp_path / "source/train-00000-of-00001.parquet", {})
    [study] = vix(tmp_path).studies
    assert study == {
        "id": "train-000000",
        "patient": "train-000000",
        "sex": "M",
        "age": 72,
        "date": None,
        "series": [
            {
                "id": "train-000000-1",
                "modality": "xray",
                "path": "prepared/train-000000-1.b2nd",
                "unit": "display",
                "view": "PA",
            }
        ],
        "report": {
            "language": "vi",
            "sections": {"findings": "Bóng mờ tim to.", "impression": "Bóng mờ tim to."},
            "left_out": {},
        },
        "labels": None,
        "split": "train",
        "source": "vix_ray",
        "truth": None,
    }


@pytest.mark.parametrize("age", ["72", "072Y", 72, 72.0, "72 tuổi"])
@pytest.mark.parametrize("sex", ["Nam", "M", "male"])
def test_ages_and_sexes_are_read_as_they_come(tmp_path, age, sex):
    write_parquet(tmp_path / "source/train.parquet", {"Ages": age, "sex": sex})
    [study] = vix(tmp_path).studies
    assert (study["age"], study["sex"]) == (72, "M")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("validation/0000.parquet", "val"),
        ("data/validation-00000-of-00001.parquet", "val"),
        ("default/test/0000.parquet", "test"),
        ("dev.parquet", "val"),
        ("data/everything.parquet", None),
        ("trainer/0000.parquet", None),
    ],
)
def test_the_split_is_in_the_name_of_file_or_folder(tmp_path, name, split):
    write_parquet(tmp_path / "source" / name, {})
    if split is None:
        with pytest.raises(UsageError, match=r"split\.by"):
            vix(tmp_path)
        assert vix(tmp_path, split_by_source=False).studies[0]["id"] == "row-000000"
    else:
        assert vix(tmp_path).studies[0]["split"] == split
        assert vix(tmp_path, split_by_source=False).studies[0]["split"] is None


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_locations_lead_to_the_row_s_own_image(tmp_path, kind):
    if kind == "parquet":
        write_parquet(tmp_path / "source/train.parquet", *[{}] * 5)
    else:
        write_saved(tmp_path / "source/train", *[{}] * 5)
    got = vix(tmp_path)
    assert [open_bytes(row["location"]) for row in got.private] == [png(i) for i in range(5)]


def test_a_saved_dataset_is_read_with_its_splits(tmp_path):
    write_saved(tmp_path / "source/train", *[{"findings": str(i)} for i in range(4)], shards=2)
    write_saved(tmp_path / "source/validation", {})
    (tmp_path / "source/dataset_dict.json").write_text('{"splits": ["train", "validation"]}', encoding="utf-8")
    got = vix(tmp_path)
    assert [(s["id"], s["split"]) for s in got.studies][-2:] == [("train-000003", "train"), ("val-000000", "val")]
    assert [s["report"]["sections"]["findings"] for s in got.studies[:4]] == ["0", "2", "1", "3"]


def test_published_ids_and_patients_are_kept(tmp_path):
    write_parquet(tmp_path / "source/train.parquet", {"id": "VX1", "patient_id": "P1"}, {"id": "VX2", "patient_id": "P1"})
    got = vix(tmp_path)
    assert [(s["id"], s["patient"]) for s in got.studies] == [("VX1", "P1"), ("VX2", "P1")]


@pytest.mark.parametrize("patient", ["LoThiNu", "Lo.Thi.Nu", "P-0012", "0012345", "Lò Thị Nụ"])
def test_where_people_are_taken_out_ids_of_patients_are_hashed(tmp_path, patient):
    rows = [{"patient_id": patient}, {"patient_id": patient}, {"patient_id": "other"}, {}]
    write_parquet(tmp_path / "source/train.parquet", *rows)
    got = vix(tmp_path, deidentify=True)
    ids = [study["patient"] for study in got.studies]
    assert ids[0] == ids[1] != ids[2] and ids[3] == got.studies[3]["id"]
    written = (got.dataset / "studies.jsonl").read_text(encoding="utf-8")
    assert patient not in written and len(ids[0]) == 16


def test_rows_of_one_id_that_say_different_things_are_all_refused_wherever_they_stand(tmp_path):
    rows = [{"id": "s1", "findings": "A"}, {"id": "s2"}, {"id": None, "findings": "C"}, {"id": None}, {"id": "s3"}]
    write_parquet(tmp_path / "source/train-00000-of-00002.parquet", *rows)
    write_parquet(tmp_path / "source/train-00001-of-00002.parquet", {"id": "s1", "findings": "B"}, {"id": "s3"})
    got = vix(tmp_path)
    assert [study["id"] for study in got.studies] == ["s2", "s3", "train-000002", "train-000003"]
    assert got.reasons == ["report_ambiguous", "report_duplicate", "report_duplicate"]


def test_columns_of_other_names(tmp_path):
    write_parquet(tmp_path / "source/train.parquet", {"mo_ta": "Phổi sáng.", "findings": None})
    got = vix(tmp_path, columns={"findings": "mo_ta"})
    assert got.studies[0]["report"]["sections"]["findings"] == "Phổi sáng."
    with pytest.raises(UsageError, match="no column 'nothing'"):
        vix(tmp_path, columns={"findings": "nothing"})


def test_comparisons_are_counted_and_kept_unless_asked(tmp_path):
    write_parquet(tmp_path / "source/train.parquet", {"findings": "Tim to. So với phim cũ không thay đổi."})
    got = vix(tmp_path)
    assert "phim cũ" in got.studies[0]["report"]["sections"]["findings"]
    assert got.notes["counts"]["comparing_sentences"] == 1
    [study] = vix(tmp_path, comparisons="leave_out").studies
    assert study["report"]["sections"]["findings"] == "Tim to."
    assert study["report"]["left_out"] == {"comparison": ["So với phim cũ không thay đổi."]}


def test_rows_that_cannot_be_used_are_refused_and_the_rest_goes_on(tmp_path):
    rows = [{"findings": " ", "impressions": None}, {"view": "Lateral"}, {"id": "X"}, {"id": "X"}, {"findings": None}]
    write_parquet(tmp_path / "source/train.parquet", *rows)
    got = vix(tmp_path)
    assert [(r["study"], r["reason"]) for r in got.rejected] == [
        ("train-000000", "report_empty"),
        ("train-000001", "view_out_of_scope"),
        ("train-000003", "report_ambiguous"),
    ]
    assert [s["id"] for s in got.studies] == ["X", "train-000004"]


@pytest.mark.parametrize(
    ("note", "technique", "view", "reasons"),
    [
        ("Chụp Xquang ngực nghiêng", None, None, ["view_out_of_scope"]),
        (None, "Tư thế nghiêng trái", "", ["view_out_of_scope"]),
        ("Chụp Xquang ngực thẳng, nghiêng", None, None, []),
        ("Chụp Xquang ngực nghiêng", None, "PA", []),
    ],
)
def test_a_lateral_is_known_by_note_and_technique_where_no_view_is_given(tmp_path, note, technique, view, reasons):
    write_parquet(tmp_path / "source/train.parquet", {"Ghi chú": note, "Kỹ thuật": technique, "view": view}, {})
    assert vix(tmp_path).reasons == reasons


def test_cells_are_read_as_those_of_a_table_are(tmp_path):
    words = [{"findings": word, "impressions": "NULL"} for word in ("nan", "None", "#NAME?")]
    markup = {"findings": "<p>B&oacute;ng tim to.</p><p>Phổi sáng.</p>", "impressions": "BÃ³ng tim to"}
    write_parquet(tmp_path / "source/train-00000-of-00001.parquet", *words, markup, {"findings": "B?ng tim kh?ng to"})
    got = vix(tmp_path)
    assert [s["report"]["sections"] for s in got.studies] == [
        {"findings": "Bóng tim to.\nPhổi sáng.", "impression": "Bóng tim to"}
    ]
    assert got.reasons == ["report_empty"] * 3 + ["report_encoding"]


def test_a_download_made_of_links_into_a_store_is_read(tmp_path):
    write_parquet(tmp_path / "store/blob", {})
    (tmp_path / "source/data").mkdir(parents=True)
    (tmp_path / "source/data/train-0.parquet").symlink_to(tmp_path / "store/blob")
    assert len(vix(tmp_path).studies) == 1


def test_what_cannot_be_read_is_refused_without_a_path(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(Refused, match="file_missing"):
        vix(tmp_path)
    (tmp_path / "source/train.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(Refused, match="file_unreadable") as caught:
        vix(tmp_path)
    assert str(tmp_path) not in str(caught.value)
    write_saved(tmp_path / "source/train", {})
    state = tmp_path / "source/train/state.json"
    state.write_text('{"_data_files": [{"filename": "../../secret.arrow"}]}', encoding="utf-8")
    with pytest.raises(Refused, match="unsafe_path"):
        vix(tmp_path)
    state.write_text('{"_data_files": 3}', encoding="utf-8")
    with pytest.raises(Refused, match="file_unreadable"):
        vix(tmp_path)


def test_the_fingerprint_follows_the_shards(tmp_path):
    write_parquet(tmp_path / "source/train.parquet", {})
    first = fingerprint("vix_ray", {"path": str(tmp_path / "source")})
    assert fingerprint("vix_ray", {"path": str(tmp_path / "source")}) == first
    write_parquet(tmp_path / "source/test.parquet", {})
    assert fingerprint("vix_ray", {"path": str(tmp_path / "source")}) != first
