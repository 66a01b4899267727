"""Shards whose films stand in lists, as text, or in files beside them; shards that repeat one another or break off."""

import base64
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from films import Ingested
from test_vix_ray import png, write_parquet

from docphim.errors import Refused
from docphim.imaging.io.locations import open_bytes

FILM = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
ONE, TWO, THREE = png(1), png(2), png(3)
TEXT = base64.b64encode(ONE).decode()


def inside(data):
    return {"bytes": data, "path": None}


def beside(path, data=None):
    return {"bytes": data, "path": path}


def write(folder, kind, films, arrow_type, **columns):
    """One shard of rows with these films, as parquet in two row groups or as a saved dataset in two batches."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"findings": [f"Tim to {n}." for n in range(len(films))]}
    table = pa.table({"image": pa.array(films, arrow_type), **texts, **columns})
    if kind == "parquet":
        pq.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=2)
        return
    with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}), "utf-8")


def vix(tmp_path, **options):
    return Ingested(tmp_path, kind="vix_ray", **options)


def contents(got):
    """Of each study, what its films' locations lead to."""
    opened = {line["series"]: open_bytes(line["location"]) for line in got.private if line["series"]}
    data = {series: film if isinstance(film, bytes) else film.read_bytes() for series, film in opened.items()}
    return [[data[series["id"]] for series in study["series"]] for study in got.studies]


# A column's type, the cells of five rows, the films that each leads to.  1.png and x/2.png lie beside the shard.
KINDS = {
    "structs": (FILM, [inside(ONE), inside(TWO), inside(THREE)], [[ONE], [TWO], [THREE]]),
    "structs with bytes and path": (
        FILM,
        [beside("gone.png", ONE), beside("1.png", TWO), inside(THREE)],
        [[ONE], [TWO], [THREE]],
    ),
    "paths in structs": (FILM, [beside("1.png"), beside("x/2.png"), beside("./1.png")], [[ONE], [TWO], [ONE]]),
    "some of each": (FILM, [inside(THREE), beside("x/2.png"), inside(ONE)], [[THREE], [TWO], [ONE]]),
    "lists of structs": (
        pa.list_(FILM),
        [[inside(ONE)], [inside(TWO), inside(THREE)], [inside(ONE)]],
        [[ONE], [TWO, THREE], [ONE]],
    ),
    "lists of paths in structs": (
        pa.list_(FILM),
        [[beside("1.png"), beside("x/2.png")], [beside("1.png")]],
        [[ONE, TWO], [ONE]],
    ),
    "large lists": (pa.large_list(FILM), [[inside(TWO), beside("1.png")]], [[TWO, ONE]]),
    "bytes": (pa.binary(), [ONE, TWO, THREE], [[ONE], [TWO], [THREE]]),
    "large bytes": (pa.large_binary(), [ONE, TWO, THREE], [[ONE], [TWO], [THREE]]),
    "lists of bytes": (pa.list_(pa.binary()), [[ONE, TWO], [THREE]], [[ONE, TWO], [THREE]]),
    "paths": (pa.string(), ["1.png", "x/2.png", "x\\2.png"], [[ONE], [TWO], [TWO]]),
    "paths without a suffix": (pa.string(), ["patients0001/study1/IM000001"], [[TWO]]),
    "lists of paths": (pa.list_(pa.string()), [["1.png", "x/2.png"], ["1.png"]], [[ONE, TWO], [ONE]]),
    "base64": (pa.string(), [TEXT, "1.png", TEXT], [[ONE], [ONE], [ONE]]),
    "base64 in lines": (pa.large_string(), ["\n".join(TEXT[i : i + 76] for i in range(0, len(TEXT), 76))], [[ONE]]),
    "data URLs": (pa.string(), [f"data:image/png;base64,{TEXT}"], [[ONE]]),
    "base64 in lists": (pa.list_(pa.string()), [[TEXT, "1.png"]], [[ONE, ONE]]),
    "base64 without its padding": (pa.string(), [TEXT.rstrip("=")], [[ONE]]),
    "a path from elsewhere": (
        pa.string(),
        ["/content/ds/x/2.png", "D:\\ds\\x\\2.png", "file:///a/x/2.png"],
        [[TWO], [TWO], [TWO]],
    ),
}


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("name", KINDS)
def test_films_are_found_however_a_column_holds_them(tmp_path, name, kind):
    arrow_type, cells, films = KINDS[name]
    source = tmp_path / "source"
    write(source, kind, cells, arrow_type)
    (source / "1.png").write_bytes(ONE)
    (source / "x").mkdir()
    (source / "x/2.png").write_bytes(TWO)
    (source / "patients0001/study1").mkdir(parents=True)
    (source / "patients0001/study1/IM000001").write_bytes(TWO)
    got = vix(tmp_path)
    assert got.rejected == [] and contents(got) == films


# What a row's cell says, in a column of structs or of texts, and the reason for which the row is refused.
LACKING = {
    "nothing": (FILM, None, "image_missing"),
    "an empty struct": (FILM, beside(None), "image_missing"),
    "a path to nothing": (FILM, beside("gone.png"), "image_missing"),
    "an empty list": (pa.list_(FILM), [], "image_missing"),
    "a list of nothing": (pa.list_(FILM), [None], "image_missing"),
    "a list with a gap": (pa.list_(FILM), [inside(ONE), inside(None)], "image_missing"),
    "a list with a path to nothing": (pa.list_(FILM), [inside(ONE), beside("gone.png")], "image_missing"),
    "an empty text": (pa.string(), "", "image_missing"),
    "an address": (pa.string(), "https://example.org/1.png", "image_missing"),
    "a way out": (pa.string(), "../secret.png", "unsafe_path"),
    "a way out to nothing": (pa.string(), "x/../../gone.png", "unsafe_path"),
    "a link that leads out": (pa.string(), "link.png", "unsafe_path"),
    "a place elsewhere": (pa.string(), "/etc/hostname", "image_missing"),
    "a file's name from elsewhere": (pa.string(), "/content/1.png", "image_missing"),
    "a number": (pa.int64(), 7, "image_missing"),
}


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("name", LACKING)
def test_a_row_without_its_film_is_refused_and_the_rest_goes_on(tmp_path, name, kind):
    arrow_type, cell, reason = LACKING[name]
    good = {FILM: inside(ONE), pa.list_(FILM): [inside(ONE)], pa.string(): TEXT}.get(arrow_type)
    source = tmp_path / "source"
    write(source, kind, [good, cell, good], arrow_type)
    (source / "1.png").write_bytes(ONE)
    (tmp_path / "secret.png").write_bytes(ONE)
    (source / "link.png").symlink_to(tmp_path / "secret.png")
    if good is None:
        (source / "x").mkdir()
        write(source / "x", kind, [inside(ONE)], FILM)
    got = vix(tmp_path)
    assert got.reasons == [reason] * (1 if good else 3)
    assert "/0/1" in next(line["location"] for line in got.private if line["refused"]) or not good


@pytest.mark.parametrize(
    ("arrow_type", "cell", "reason"),
    [
        (pa.string(), "data:image/svg+xml,<svg/>", "file_unreadable"),
        (pa.string(), TEXT[:1500] + "*" + TEXT[1500:], "file_unreadable"),
        (FILM, inside(b""), "image_missing"),
    ],
)
def test_a_cell_whose_film_is_damaged_or_has_no_bytes_is_named_when_it_is_opened(tmp_path, arrow_type, cell, reason):
    write(tmp_path / "source", "parquet", [cell], arrow_type)
    [line] = vix(tmp_path).private
    with pytest.raises(Refused) as caught:
        open_bytes(line["location"])
    assert caught.value.reason == reason


def test_a_view_of_a_row_is_not_that_of_each_of_its_films(tmp_path):
    films = [[inside(ONE)], [inside(ONE), inside(TWO)], [inside(ONE)]]
    write(tmp_path / "source", "parquet", films, pa.list_(FILM), view=["PA", "PA", "lateral"])
    got = vix(tmp_path)
    assert [[series["view"] for series in study["series"]] for study in got.studies] == [["PA"], ["unknown", "unknown"]]
    assert got.reasons == ["view_out_of_scope"]


def test_films_whose_bytes_are_all_there_are_not_read(tmp_path, monkeypatch):
    from docphim.ingest import shard_images

    monkeypatch.setattr(shard_images, "films_of", lambda array: pytest.fail("a film was read"))
    write(tmp_path / "source/a", "parquet", [inside(ONE), inside(TWO)], FILM)
    assert len(vix(tmp_path).studies) == 2
    write(tmp_path / "source/a", "parquet", [[inside(ONE), inside(TWO)], [inside(ONE)]], pa.list_(FILM))
    assert [len(study["series"]) for study in vix(tmp_path).studies] == [2, 1]
    write(tmp_path / "source/a", "parquet", [ONE, TWO], pa.binary())
    assert len(vix(tmp_path).studies) == 2


ROWS = [{"findings": f"Tim to {n}."} for n in range(5)]


def shards(tmp_path, again, **how):
    """A shard of five rows, and another called `again`."""
    write_parquet(tmp_path / "source/train-00000-of-00002.parquet", *ROWS)
    if how.pop("copy", False):
        shutil.copy(tmp_path / "source/train-00000-of-00002.parquet", tmp_path / "source" / again)
    else:
        write_parquet(tmp_path / "source" / again, *how.pop("rows", ROWS), **how)


OTHERS = {
    "a copy": ({"copy": True}, ["shard_repeated"]),
    "the same rows, otherwise divided": ({"group": 3}, ["shard_repeated"]),
    "another text": ({"rows": [*ROWS[:4], {"findings": "Phổi sáng."}]}, []),
    "another age": ({"rows": [*ROWS[:4], ROWS[4] | {"Ages": "30"}]}, []),
    "another film": ({"rows": [*ROWS[:4], ROWS[4] | {"image": inside(png(77))}]}, []),
    "a row fewer": ({"rows": ROWS[:4]}, []),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_shard_that_repeats_another_is_named_and_never_counted_twice(tmp_path, name):
    how, reasons = OTHERS[name]
    shards(tmp_path, "train-00001-of-00002.parquet", **how)
    got = vix(tmp_path)
    assert got.reasons == reasons
    assert len(got.studies) == (5 if reasons else 5 + len(how.get("rows", ROWS)))
    if reasons:
        assert [line["location"] for line in got.private if line["refused"]] == [
            str((tmp_path / "source/train-00001-of-00002.parquet").resolve())
        ]


def test_a_shard_that_stands_in_two_splits_is_in_none(tmp_path):
    shards(tmp_path, "test-00000-of-00001.parquet", group=4)
    write_parquet(tmp_path / "source/val-00000-of-00001.parquet", {"findings": "Phổi sáng."})
    got = Ingested(tmp_path, split_by_source=True, kind="vix_ray")
    assert got.reasons == ["patient_in_two_splits"] * 2 and [study["split"] for study in got.studies] == ["val"]
    assert len(vix(tmp_path).studies) == 6 and vix(tmp_path).reasons == ["shard_repeated"]


def test_a_shard_that_is_cut_short_or_breaks_off_costs_its_own_rows(tmp_path):
    shards(tmp_path, "train-00001-of-00002.parquet", rows=[{"findings": f"Phổi sáng {n}."} for n in range(6)])
    (tmp_path / "source/train-00002-of-00002.parquet").write_bytes(b"PAR1 cut short")
    got = vix(tmp_path)
    assert got.reasons == ["file_unreadable"] and len(got.studies) == 11
    path = tmp_path / "source/train-00001-of-00002.parquet"
    data = bytearray(path.read_bytes())
    leaf = pq.read_metadata(path).row_group(1).column(2)
    data[leaf.data_page_offset : leaf.data_page_offset + 40] = b"\xff" * 40
    path.write_bytes(data)
    got = vix(tmp_path)
    assert set(got.reasons) == {"file_unreadable"} and 5 <= len(got.studies) < 11
