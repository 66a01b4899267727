"""Where the films of a shard's rows are: in the cell, several in a list, or in a file beside; their bytes stay unread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from docphim.errors import Refused
from docphim.imaging.io import as_text

_BATCH = 8  # rows held in memory at once, where a column must be read: films of up to some tens of MB each
_ROOTED = re.compile(r"(?:file:/*(?=/))?(?:[A-Za-z]:)?/+")


class Film(NamedTuple):
    """One film of a row: in the cell, whose location ends with `text` ('' or `@ITEM`), or in the file at `text` ('': none)."""

    in_cell: bool
    text: str


def films_of_group(table: pq.ParquetFile, column: str, group: int) -> Iterator[list[Film]]:
    """The films of each row of a row group.

    Where no cell lacks its bytes, which the file's own statistics tell, the films are not read; else a few rows at a time.
    """
    known = _unread(table, column, group)
    if known is not None:
        yield from known
        return
    for batch in table.iter_batches(_BATCH, row_groups=[group], columns=[column], use_threads=False):
        yield from films_of(batch.column(0))


def _unread(table: pq.ParquetFile, column: str, group: int) -> list[list[Film]] | None:
    """The films of each row where every one is in its cell; None where that cannot be told without reading them."""
    record, kind = table.metadata.row_group(group), table.schema_arrow.field(column).type
    leaves = {leaf.path_in_schema: leaf for leaf in map(record.column, range(record.num_columns))}
    leaves = {path: leaf for path, leaf in leaves.items() if path == column or path.startswith(f"{column}.")}
    pixels = next((leaf for path, leaf in leaves.items() if path == column or path.endswith(".bytes")), None)
    if pixels is None or _is_text(kind) or (full := _full(pixels)) is None:
        return None
    if not _is_list(kind):
        return [[Film(True, "")]] * full if full == record.num_rows else None
    paths = next((path for path in leaves if path.endswith(".path")), None)
    if paths is None:
        return None
    batches = table.iter_batches(1024, row_groups=[group], columns=[paths], use_threads=False)
    lengths = [length or 0 for batch in batches for length in pc.list_value_length(batch.column(0)).to_pylist()]
    return [[Film(True, f"@{item}") for item in range(n)] for n in lengths] if sum(lengths) == full else None


def films_of(array: pa.Array) -> list[list[Film]]:
    """The films of each row of a column: bytes, text, the `datasets` image struct, or lists of these."""
    if not _is_list(array.type):
        return [[film] for film in _films(array)]
    flat = iter(_films(array.flatten()))
    lists = [[next(flat) for _ in range(n or 0)] for n in pc.list_value_length(array).to_pylist()]
    return [[Film(True, f"@{item}") if film.in_cell else film for item, film in enumerate(films)] for films in lists]


def file_of(path: str, shard: Path, root: Path) -> Path:
    """The file that a cell's path means: beside its shard, or below the source's folder.

    Of a path that begins elsewhere (`/content/images/1.png`) the end is looked for, with one folder at least.

    Raises
    ------
    Refused
        `image_missing`; `unsafe_path`: it leads out of the source.
    """
    spelled = path.strip().replace("\\", "/")
    start = _ROOTED.match(spelled)
    parts = PurePosixPath(spelled[start.end() if start else 0 :]).parts
    if ".." in parts:
        raise Refused("unsafe_path")
    tails = [parts[at:] for at in range(len(parts) - 1)] if start else [parts]
    for tail in filter(None, tails):
        for place in (shard.parent, root):
            file = place.joinpath(*tail)
            if file.is_file():
                if not file.resolve().is_relative_to(root):
                    raise Refused("unsafe_path")
                return file.resolve()
    raise Refused("image_missing", "", "the row names an image that is not beside its shard")


def _films(array: pa.Array) -> list[Film]:
    kind = array.type
    if pa.types.is_struct(kind):
        fields = {kind.field(at).name: child for at, child in enumerate(array.flatten())}
        inside = _films(fields["bytes"]) if "bytes" in fields else [Film(False, "")] * len(array)
        beside = _films(fields["path"]) if "path" in fields else inside
        return [film if film.in_cell else other for film, other in zip(inside, beside, strict=True)]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [Film(bool(size), "") for size in pc.binary_length(array).to_pylist()]
    if _is_text(kind):
        return [Film(True, "") if as_text.is_film(text) else Film(False, text) for text in (t or "" for t in array.to_pylist())]
    return [Film(False, "")] * len(array)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _full(leaf: pq.ColumnChunkMetaData) -> int | None:
    """How many values of a column are not null; None where the file does not say."""
    statistics = leaf.statistics
    if statistics is None or not statistics.has_null_count:
        return None
    return int(leaf.num_values - statistics.null_count)
