"""Reads the text columns of parquet shards and of saved `datasets` folders row by row; the films stay on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from docphim.errors import Refused
from docphim.files import read_json
from docphim.ingest.shard_images import Film, file_of, films_of, films_of_group
from docphim.ingest.values import split_of

_BATCH = 256  # rows of text at once
_SPLIT_NAME = re.compile(r"(train|training|val|valid|validation|dev|test)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ShardRow:
    """The asked-for cells of one row, where it is, and which films it has."""

    cells: dict[str, Any]
    location: str
    films: list[Film]

    @property
    def is_whole(self) -> bool:
        """Whether it has a film, and lacks none that it speaks of."""
        return bool(self.films) and Film(False, "") not in self.films

    def locations(self, shard: Path, root: Path) -> list[str]:
        """Where each of its films is, as `docphim.imaging.io.locations` reads it.

        Raises
        ------
        Refused
            `image_missing`: it has none, or names a file that is not beside its shard; `unsafe_path`.
        """
        if not self.is_whole:
            raise Refused("image_missing", "", "the row's image is empty")
        return [f"{self.location}{film.text}" if film.in_cell else str(file_of(film.text, shard, root)) for film in self.films]


@dataclass(frozen=True)
class Shard:
    """One file of rows; `split` as its name, its folder or the saved dataset says."""

    path: Path
    kind: Literal["parquet", "arrow"]
    split: Literal["train", "val", "test"] | None

    @property
    def opens(self) -> bool:
        """Whether it is a shard, and not cut short."""
        try:
            return self.count >= 0
        except Refused:
            return False

    @cached_property
    def columns(self) -> list[str]:
        """The names of its columns."""
        with _readable():
            if self.kind == "parquet":
                return list(pq.read_schema(self.path).names)
            with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
                return list(stream.schema.names)

    @cached_property
    def count(self) -> int:
        """How many rows it holds."""
        with _readable():
            if self.kind == "parquet":
                return int(pq.read_metadata(self.path).num_rows)
            with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
                return sum(batch.num_rows for batch in stream)

    def rows(self, places: dict[str, str], fields: Iterable[str]) -> Iterator[ShardRow]:
        """The rows in their order: the cells of `fields` that the shard has.

        Parameters
        ----------
        places : dict
            Field → column; the column of `image` gives the films, whose bytes are not read where that can be.

        Raises
        ------
        Refused
            `file_unreadable`.
        """
        wanted = {field: places[field] for field in fields if field in places}
        image = places["image"]
        with _readable():
            for (at, cells), films in zip(self.texts(wanted), self._films(image), strict=True):
                yield ShardRow(cells, f"{self.kind}:{self.path}#{image}/{at}", films)

    def texts(self, wanted: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Row group (or batch) and row, as a location has them (`3/17`), and the cells; `wanted` maps names to columns."""
        if self.kind == "arrow":
            for number, batch in self._batches():
                yield from ((f"{number}/{row}", cells) for row, cells in enumerate(_cells(batch, wanted)))
            return
        columns = list(dict.fromkeys(wanted.values()))
        with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=1 << 20) as table:
            for group in range(table.num_row_groups):
                batches = table.iter_batches(_BATCH, row_groups=[group], columns=columns, use_threads=False)
                rows = (cells for batch in batches for cells in _cells(batch, wanted))
                yield from ((f"{group}/{row}", cells) for row, cells in enumerate(rows))

    def _films(self, column: str) -> Iterator[list[Film]]:
        if self.kind == "arrow":
            for _, batch in self._batches():
                yield from films_of(batch.column(column))
            return
        with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=1 << 20) as table:
            for group in range(table.num_row_groups):
                yield from films_of_group(table, column, group)

    def _batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
            yield from enumerate(stream)


def find_shards(root: Path) -> list[Shard]:
    """The shards under a folder, by split (train, val, test, none) and name.

    Raises
    ------
    Refused
        `file_missing` when there is none; `unsafe_path` when a saved dataset names a file outside its folder.
    """
    shards = _saved_shards(root) if any(root.rglob("state.json")) else _parquet_shards(root)
    if not shards:
        raise Refused("file_missing", "source.path", "the folder holds no parquet file and no saved dataset")
    order = ("train", "val", "test", None)
    return sorted(shards, key=lambda s: (order.index(s.split), s.path.relative_to(root).as_posix()))


def _parquet_shards(root: Path) -> list[Shard]:
    """Parquet files at any depth; a download folder may well be links into a store beside it."""
    paths = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*.parquet") if path.is_file())
    return [Shard(path, "parquet", _split_in(relative) or split_of(root.name)) for relative, path in paths]


def _saved_shards(root: Path) -> list[Shard]:
    """Shards of `datasets.save_to_disk`: state.json names the arrow files, in order; the folder's name is the split."""
    shards = []
    for state in sorted(root.rglob("state.json")):
        split = _split_in(state.parent.relative_to(root).as_posix()) or split_of(root.name)
        for name in _files_of(state):
            if Path(name).name != name:
                raise Refused("unsafe_path", "source.path", "the saved dataset names a file outside its folder")
            if not (state.parent / name).is_file():
                raise Refused("file_missing", "source.path", "the saved dataset lacks one of its files")
            shards.append(Shard(state.parent / name, "arrow", split))
    return shards


def _files_of(state: Path) -> list[str]:
    try:
        return [str(item["filename"]) for item in read_json(state)["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused("file_unreadable", "source.path", "the saved dataset's state.json does not name its files") from None


def _split_in(relative: str) -> Literal["train", "val", "test"] | None:
    """The split that the file's name begins with, else the nearest folder's."""
    for part in reversed(relative.split("/")):
        if match := _SPLIT_NAME.match(part):
            return split_of(match[1])
    return None


def _cells(batch: pa.RecordBatch, wanted: dict[str, str]) -> Iterator[dict[str, Any]]:
    columns = {field: batch.column(name).to_pylist() for field, name in wanted.items()}
    for row in range(batch.num_rows):
        yield {field: values[row] for field, values in columns.items()}


class _readable:
    """Turns pyarrow's errors, which hold paths, into a refusal."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError):
            raise Refused("file_unreadable", "source.path", "a shard cannot be read: it is cut short or no parquet") from None
