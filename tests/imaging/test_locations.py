"""A location leads to the bytes of a file or of one cell, rows in any order, memory by the row."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from docphim.errors import Refused
from docphim.imaging.io import locations
from docphim.imaging.io.locations import Cell, open_bytes, parse

CELLS = [f"cell {i}".encode() * 10 for i in range(25)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "a#b 1" / "shard.parquet"
    path.parent.mkdir()
    structs = [{"bytes": c, "path": None} for c in CELLS]
    structs[7] = {"bytes": None, "path": "elsewhere.png"}
    columns = {"image": structs, "raw": CELLS, "findings": ["x"] * len(CELLS)}
    pq.write_table(pa.table(columns), path, row_group_size=10)
    return path


@pytest.mark.parametrize("column", ["image", "raw"])
@pytest.mark.parametrize("order", [range(25), range(24, -1, -1), [3, 3, 24, 0, 11, 12, 5]])
def test_rows_in_any_order(table: Path, column: str, order) -> None:
    for i in order:
        if (column, i) != ("image", 7):
            assert open_bytes(f"parquet:{table}#{column}/{i // 10}/{i % 10}") == CELLS[i]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("image/0/7", "image_missing"),
        ("image/0/10", "file_unreadable"),
        ("image/3/0", "file_unreadable"),
        ("nothing/0/0", "file_unreadable"),
        ("findings/0/0", "image_missing"),
    ],
)
def test_a_cell_without_image_is_refused(table: Path, place: str, reason: str) -> None:
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            open_bytes(f"parquet:{table}#{place}")
        assert refusal.value.reason == reason
        assert "shard" not in str(refusal.value)


def test_a_missing_or_broken_table_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    for location, reason in [
        (f"parquet:{tmp_path}/absent.parquet#image/0/0", "file_missing"),
        (f"parquet:{broken}#image/0/0", "file_unreadable"),
        ("parquet:/a/b", "file_unreadable"),
    ]:
        with pytest.raises(Refused) as refusal:
            open_bytes(location)
        assert refusal.value.reason == reason


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_location_reads_back_as_written(kind: Literal["parquet", "arrow"]) -> None:
    place = Cell(kind, "/data/a#b/c.parquet", "image", 3, 14)
    assert parse(str(place)) == place
    assert parse("/a/film.dcm") == Path("/a/film.dcm")


def test_rows_in_order_are_one_pass(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    cells = locations._cells
    monkeypatch.setattr(locations, "_cells", lambda place: passes.append(place) or cells(place))
    for i in (10, 11, 15, 19):
        open_bytes(f"parquet:{table}#raw/1/{i % 10}")
    assert len(passes) == 1


def test_films_of_one_list_are_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"images": [CELLS[:3], CELLS[3:5]]}), tmp_path / "lists.parquet")
    passes = []
    cells = locations._cells
    monkeypatch.setattr(locations, "_cells", lambda place: passes.append(place) or cells(place))
    for row, item in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1)):
        assert open_bytes(f"parquet:{tmp_path}/lists.parquet#images/0/{row}@{item}") == CELLS[3 * row + item]
    assert len(passes) == 1
    with pytest.raises(Refused, match="image_missing"):
        open_bytes(f"parquet:{tmp_path}/lists.parquet#images/0/1@2")


def test_a_large_row_group_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    cell = bytes(range(256)) * 4096  # 1 MB
    with pq.ParquetWriter(path, pa.schema([("image", pa.binary())]), compression="none", use_dictionary=False) as writer:
        writer.write_table(pa.table({"image": [cell] * 120}), row_group_size=120)
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    assert open_bytes(f"parquet:{path}#image/0/60") == cell
    assert pool.max_memory() - max(before, 0) < 60 << 20
