"""Where the pixels of a series are; one kind of location each, one line of text in private.csv.

| pixels are in | location |
|---|---|
| a file (a film, a NIfTI volume, an array) | its path |
| a cell of a table | `parquet:PATH#COLUMN/ROW GROUP/ROW`, `arrow:PATH#COLUMN/BATCH/ROW`; of a list in it, `…/ROW@ITEM` |
| an array of an `.npz` file | `npz:PATH#KEY` |
| the files of a DICOM series | `series:["FOLDER", "NAME", "NAME", …]`, names relative to the folder |
| a volume whose file is silent or wrong about itself | `stated:["PATH", "FORM", {FACTS}]`, as `io.stated` reads it |
| masks of findings on a volume's grid | `masks:["PATH", "VOLUME"]`, two files |
| a volume to be laid on the grid of another (the CT of a PET/CT) | `pair:["VOLUME", "GRID"]`, two locations |
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io import as_text

_CELL = re.compile(r"(?P<kind>parquet|arrow):(?P<path>.+)#(?P<column>.+)/(?P<group>\d+)/(?P<row>\d+)(?P<item>@\d+)?", re.DOTALL)
_BATCH = 8  # rows held in memory at once: films of up to some tens of MB each


@dataclass(frozen=True, order=True)
class Cell:
    """One cell of a parquet file, or of an Arrow stream file as `datasets.save_to_disk` writes it.

    `row` counts inside `group`: a row group of the one, a record batch of the other.  `item` counts inside a list that the
    cell holds, and is -1 where it holds one film.
    """

    kind: Literal["parquet", "arrow"]
    path: str
    column: str
    group: int
    row: int
    item: int = -1

    def __str__(self) -> str:
        item = "" if self.item < 0 else f"@{self.item}"
        return f"{self.kind}:{self.path}#{self.column}/{self.group}/{self.row}{item}"


@dataclass(frozen=True, order=True)
class Key:
    """One array of an `.npz` file."""

    path: str
    key: str

    def __str__(self) -> str:
        return f"npz:{self.path}#{self.key}"


@dataclass(frozen=True, order=True)
class SeriesFiles:
    """The files of one DICOM series, in any order; named, so that nobody walks a folder of 100,000 files for them again."""

    folder: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "series:" + json.dumps([self.folder, *self.names], ensure_ascii=False)

    @property
    def paths(self) -> list[Path]:
        """Where each file is."""
        return [Path(self.folder, name) for name in self.names]


@dataclass(frozen=True)
class Stated:
    """A volume's file of a published form, with what the dataset's tables, or the recipe, say of it; see `io.stated`."""

    path: str
    form: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        return "stated:" + json.dumps([self.path, self.form, self.facts], ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, order=True)
class Masks:
    """A file of masks, and the location of the volume on whose grid they lie."""

    path: str
    volume: str

    def __str__(self) -> str:
        return "masks:" + json.dumps([self.path, self.volume], ensure_ascii=False)


@dataclass(frozen=True, order=True)
class Pair:
    """The location of a volume, and of the one on whose grid it is laid; either may be empty where the study lacks it."""

    volume: str
    grid: str

    def __str__(self) -> str:
        return "pair:" + json.dumps([self.volume, self.grid], ensure_ascii=False)


Place = Path | Cell | Key | SeriesFiles | Stated | Masks | Pair


def pair(ct: str, pet: str) -> str:
    """The location of the CT of a PET/CT, which is laid on the grid of the PET.

    >>> pair("npz:ct.npz#data", "npz:pet.npz#data")
    'pair:["npz:ct.npz#data", "npz:pet.npz#data"]'
    """
    return str(Pair(ct, pet))


def parse(location: str) -> Place:
    """Read a location.

    Raises
    ------
    Refused
        `file_missing`: it is empty; `file_unreadable`: it begins as one of the kinds and does not go on as it must.
    """
    if not location:
        raise Refused("file_missing", "", "no location is known")
    kind = location.partition(":")[0]
    return _PARSERS[kind](location) if kind in _PARSERS else Path(location)


def files_of(location: str) -> list[Path]:
    """The files that a location names; raises as `parse`."""
    place = parse(location)
    if isinstance(place, SeriesFiles):
        return place.paths
    if isinstance(place, Pair):
        return [path for part in (place.volume, place.grid) if part for path in files_of(part)]
    return [place if isinstance(place, Path) else Path(place.path)]


def _cell(location: str) -> Cell:
    match = _CELL.fullmatch(location)
    if match is None:
        raise Refused("file_unreadable", "", "the location of a table's cell must be KIND:PATH#COLUMN/GROUP/ROW")
    kind: Any = match["kind"]
    item = int((match["item"] or "@-1")[1:])
    return Cell(kind, match["path"], match["column"], int(match["group"]), int(match["row"]), item)


def _key(location: str) -> Key:
    path, _, key = location.removeprefix("npz:").rpartition("#")
    if not path or not key:
        raise Refused("file_unreadable", "", "the location of an array must be npz:PATH#KEY")
    return Key(path, key)


def _series(location: str) -> SeriesFiles:
    try:
        folder, *names = json.loads(location.removeprefix("series:"))
    except (ValueError, TypeError):
        folder, names = None, []
    if not names or not all(isinstance(text, str) and text for text in (folder, *names)):
        raise Refused("file_unreadable", "", 'the location of a series must be series:["FOLDER", "NAME", …]')
    return SeriesFiles(str(folder), tuple(names))


def _stated(location: str) -> Stated:
    try:
        path, form, facts = json.loads(location.removeprefix("stated:"))
    except (ValueError, TypeError):
        path, form, facts = None, None, None
    if not (isinstance(path, str) and isinstance(form, str) and isinstance(facts, dict)):
        raise Refused("file_unreadable", "", 'the location of a stated volume must be stated:["PATH", "FORM", {…}]')
    return Stated(path, form, facts)


def _masks(location: str) -> Masks:
    try:
        path, volume = json.loads(location.removeprefix("masks:"))
    except (ValueError, TypeError):
        path, volume = None, None
    if not (isinstance(path, str) and isinstance(volume, str)):
        raise Refused("file_unreadable", "", 'the location of masks must be masks:["PATH", "VOLUME"]')
    return Masks(path, volume)


def _pair(location: str) -> Pair:
    try:
        volume, grid = json.loads(location.removeprefix("pair:"))
    except (ValueError, TypeError):
        volume, grid = None, None
    if not (isinstance(volume, str) and isinstance(grid, str)):
        raise Refused("file_unreadable", "", 'the location of a pair must be pair:["VOLUME", "GRID"]')
    return Pair(volume, grid)


_PARSERS: dict[str, Callable[[str], Place]] = {
    "parquet": _cell,
    "arrow": _cell,
    "npz": _key,
    "series": _series,
    "stated": _stated,
    "masks": _masks,
    "pair": _pair,
}


def read_table(path: Path) -> dict[str, str]:
    """Location by series id, from private.csv; a series of thousands of files is one long field."""
    csv.field_size_limit(1 << 30)
    with open(path, encoding="utf-8", newline="") as handle:
        return {row["series"]: row["location"] for row in csv.DictReader(handle)}


def read_bytes(path: Path) -> bytes:
    """A film's file, whole.

    Raises
    ------
    Refused
        `file_missing`, `file_unreadable` (no permission) or `image_too_large`.
    """
    try:
        size = _size(path)
        if size > limits.MAX_BYTES:
            raise Refused("image_too_large", "", f"the file has {size >> 20} MB, more than any film")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Refused("file_missing") from error
    except OSError as error:
        raise Refused("file_unreadable", "", "the file cannot be opened") from error


def head(path: Path, size: int) -> bytes:
    """The first bytes of a file; raises as `read_bytes` does."""
    try:
        _size(path)
        with open(path, "rb") as handle:
            return handle.read(size)
    except (FileNotFoundError, ValueError) as error:
        raise Refused("file_missing") from error
    except OSError as error:
        raise Refused("file_unreadable", "", "the file cannot be opened") from error


def _size(path: Path) -> int:
    if not path.is_file() and path.exists():  # a pipe would be waited for, for ever
        raise Refused("file_unreadable", "", "it is a folder, a pipe or a device, not a file")
    return path.stat().st_size


def open_bytes(location: str) -> bytes | Path:
    """The bytes of a parquet or arrow row, or the path of a file that exists.

    Rows asked for in order cost one pass over their row group; memory stays at a few rows, whatever the group's size.

    Raises
    ------
    Refused
        `file_missing`, `image_missing` (an empty cell) or `file_unreadable`.
    """
    place = parse(location)
    if isinstance(place, Cell):
        return _reader.read(place) if place.kind == "parquet" else _arrow_cell(place)
    if not isinstance(place, Path):
        raise Refused("modality_unsupported", "", "a series of files or an array is a volume, not a film")
    try:
        if place.is_file():
            return place
        reason = "file_unreadable" if place.exists() else "file_missing"
    except (OSError, ValueError) as error:  # a symlink loop, a name too long, a NUL
        raise Refused("file_missing") from error
    raise Refused(reason)


class _ForwardReader:
    """Reads rows of one row group forwards, and starts again when asked for another group or an earlier row."""

    def __init__(self) -> None:
        self._at: tuple[str, str, int] | None = None
        self._next = 0
        self._rows: Iterator[Any] = iter(())
        self._last: Any = None  # several films of one row's list are asked for one after the other

    def read(self, place: Cell) -> bytes:
        if self._at == (place.path, place.column, place.group) and place.row == self._next - 1:
            return _film(self._last, place.item)
        if self._at != (place.path, place.column, place.group) or place.row < self._next:
            self._at, self._next = (place.path, place.column, place.group), 0
            self._rows = _cells(place)
        try:
            for cell in self._rows:
                self._next += 1
                if self._next > place.row:
                    self._last = cell
                    return _film(cell, place.item)
        except Refused:
            raise
        except Exception as error:  # pyarrow has its own family of errors, and OSError
            self._at = None
            missing = not Path(place.path).exists()
            raise Refused("file_missing" if missing else "file_unreadable", "", "the parquet file cannot be read") from error
        raise Refused("file_unreadable", "", f"the row group ends before row {place.row}")


_reader = _ForwardReader()


def _cells(place: Cell) -> Iterator[Any]:
    """The cells of a column in its row group."""
    import pyarrow.parquet as pq  # a quarter of a second, and only parquet sources need it

    with pq.ParquetFile(place.path, buffer_size=1 << 20, pre_buffer=False) as table:
        if place.group >= table.num_row_groups:
            return
        batches = table.iter_batches(_BATCH, row_groups=[place.group], columns=[place.column], use_threads=False)
        for batch in batches:
            for cell in batch.column(0):
                yield cell.as_py()


def _arrow_cell(place: Cell) -> bytes:
    """One cell of a memory-mapped stream: the batches before it cost their headers only."""
    import pyarrow as pa

    cell = None
    try:
        with pa.memory_map(place.path) as source, pa.ipc.open_stream(source) as stream:
            for number, batch in enumerate(stream):
                if number == place.group:
                    cell = batch.column(place.column)[place.row].as_py()
                    break
            else:
                raise IndexError(place.group)
    except Exception:  # pyarrow has its own family of errors, with the path in their messages
        missing = not Path(place.path).exists()
        raise Refused("file_missing" if missing else "file_unreadable", "", "the arrow file cannot be read") from None
    return _film(cell, place.item)


def _film(cell: Any, item: int) -> bytes:
    """The film in a cell: bytes, text, the `datasets` image struct whose `bytes` hold the file; or in a list of these."""
    if isinstance(cell, list):
        cell = cell[item] if 0 <= item < len(cell) else None
    value = cell.get("bytes") if isinstance(cell, dict) else cell
    if isinstance(value, str) and as_text.is_film(value):
        value = as_text.film_bytes(value)
    if isinstance(value, bytes) and value:
        return value
    raise Refused("image_missing", "", "the row's image is empty")
