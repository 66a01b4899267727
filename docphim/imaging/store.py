"""Prepared pixels on disk: one blosc2 `.b2nd` file per film or volume; what is read is checked before it is unpacked.

After the frame, which any blosc2 opens, stands a footer: JSON of the array's type and shape, the caller's metadata, and where
each slice's compressed bytes are with their SHA-256, and small pictures of the volume that are read without it; then the
footer's own SHA-256, its length and `_MAGIC`.  Our readers go by
the footer alone: a damaged frame given to blosc2 may end the process.  A changed bit is `file_changed`, or changes nothing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from docphim import files
from docphim.errors import Refused, environment, machine

#: Rows of one compressed block.  Said outright: blosc2 would choose by the machine's cache, and the bytes would differ.
_BLOCK_ROWS = 64
#: Bit shuffle at level 1 packs films as small as byte shuffle at level 5, six times as fast (benchmarks/prepare.py).
_LEVEL = 1
_KEY, _MAGIC = "docphim", b"docphim1"
#: Bytes after the footer: its SHA-256, its length, the magic.
_TAIL = 48
_CHANGED = "the prepared pixels are not those that were written"
#: What index.jsonl and a prepared file both say of it; by them one is told from another.
_LISTED = ("sha256", "shape", "spacing", "frame_of_reference", "affine")


@dataclass(frozen=True)
class Prepared:
    """What a prepared file's footer says; `shape` is (h, w) or (z, h, w), `places` holds (offset, length, SHA-256) a slice.

    `pictures` holds the same of pictures beside the slices, by name, with their `shape` and `dtype`.
    """

    path: Path
    meta: dict[str, Any]
    shape: tuple[int, ...]
    dtype: np.dtype
    places: list[tuple[int, int, str]]
    pictures: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def slices(self, indices: Sequence[int]) -> np.ndarray:
        """Some slices, (n, h, w), in the order asked for; no other is read.  A film is a volume of one slice.

        Raises
        ------
        Refused
            `slices_missing`: there is no such slice; `file_missing` or `file_changed`.
        """
        import blosc2

        if any(not 0 <= index < len(self.places) for index in indices):
            raise Refused("slices_missing", self.path.name, f"the volume has {len(self.places)} slices")
        out = np.empty((len(indices), *self.shape[-2:]), self.dtype)
        with _opened(self.path) as handle:
            for plane, index in zip(out, indices, strict=True):
                packed = self._checked(handle, self.places[index])
                plane[...] = np.frombuffer(blosc2.decompress2(packed), self.dtype).reshape(-1, plane.shape[1])[: len(plane)]
        return out

    def beside(self, name: str) -> np.ndarray:
        """A picture that was written beside the slices, by its name; no slice is read.

        Raises
        ------
        Refused
            `pixels_missing`: there is no such picture; `file_missing` or `file_changed`.
        """
        if name not in self.pictures:
            raise Refused("pixels_missing", self.path.name, f"the prepared file holds no {name}")
        row = self.pictures[name]
        with _opened(self.path) as handle:
            return np.frombuffer(self._checked(handle, row["place"]), row["dtype"]).reshape(row["shape"])

    def _checked(self, handle: BinaryIO, place: Sequence[Any]) -> bytes:
        offset, length, digest = place
        handle.seek(offset)
        packed = handle.read(length)
        if hashlib.sha256(packed).hexdigest() != digest:
            raise Refused("file_changed", self.path.name, _CHANGED)
        return packed


@dataclass(frozen=True)
class Stream:
    """A volume (z, h, w) whose slices come one by one: each with its number, in any order, and each once.

    `beside` gives small pictures of it by name, once the last slice has come.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    slices: Iterable[tuple[int, np.ndarray]]
    beside: Callable[[], Mapping[str, np.ndarray]] = dict


@dataclass(frozen=True)
class Compressed:
    """Pixels as blosc2 holds them in memory, the digest of what they were, and the pictures beside them."""

    array: Any
    sha256: str
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)


def write(path: Path, array: np.ndarray, meta: dict[str, Any]) -> dict[str, Any]:
    """Write an image (h, w) or a volume (z, h, w), one chunk per slice; equal input gives equal bytes.

    Parameters
    ----------
    path : Path
        Where the file appears, whole or not at all.
    array : ndarray
        Any number type; stored as it is.
    meta : dict
        JSON-ready; read back by `read_meta` without touching the pixels.

    Returns
    -------
    dict
        The metadata as it is stored: `meta` and `sha256`, that of a film's pixels, or of the digests of a volume's slices.

    Raises
    ------
    Refused
        `disk_full`.
    """
    blocks, meta = packed(compressed(array), meta)
    with files.atomic(Path(path), "wb") as handle:
        handle.writelines(blocks)
    return meta


def compressed(pixels: np.ndarray | Stream) -> Compressed:
    """Pixels in compressed chunks, one a slice; of a `Stream` no more than one slice is in memory as it is."""
    import blosc2

    *leading, height, width = pixels.shape
    ones = [1] * len(leading)
    rows = min(_BLOCK_ROWS, height)
    array = blosc2.empty(
        pixels.shape,
        dtype=pixels.dtype,
        chunks=(*ones, height, width),
        blocks=(*ones, rows, width),
        cparams={"codec": blosc2.Codec.ZSTD, "clevel": _LEVEL, "filters": [blosc2.Filter.BITSHUFFLE], "nthreads": 1},
    )
    numbered = pixels.slices if isinstance(pixels, Stream) else enumerate(pixels.reshape(-1, height, width))
    chunk = np.zeros((-(-height // rows) * rows, width), pixels.dtype)  # whole blocks
    digests = {}
    for number, plane in numbered:
        chunk[:height] = plane
        digests[number] = hashlib.sha256(chunk[:height].data)
        array.schunk.update_data(number, chunk, copy=True)
    if sorted(digests) != list(range(array.schunk.nchunks)):
        raise ValueError("slices of the volume were not given, or given twice")
    beside = pixels.beside() if isinstance(pixels, Stream) else {}
    return Compressed(array, _digest([digests[number] for number in range(len(digests))]), beside)


def packed(pixels: Compressed, meta: dict[str, Any]) -> tuple[list[bytes], dict[str, Any]]:
    """The bytes of the file that `write` writes, in blocks one after the other, and the metadata as it is stored in them."""
    stored = pixels.array
    meta = {**meta, "sha256": pixels.sha256}
    stored.schunk.vlmeta[_KEY] = json.dumps(meta, ensure_ascii=False, sort_keys=True, allow_nan=False)
    frame = stored.to_cframe()
    extra, places = _places(stored, frame)
    row: dict[str, Any] = {"dtype": stored.dtype.str, "shape": stored.shape, "slices": places, "meta": meta}
    for name, picture in pixels.beside.items():
        plain = np.ascontiguousarray(picture).tobytes()
        place = (len(frame) + len(extra), len(plain), hashlib.sha256(plain).hexdigest())
        row.setdefault("beside", {})[name] = {"place": place, "shape": picture.shape, "dtype": picture.dtype.str}
        extra += plain
    footer = json.dumps(row, ensure_ascii=False, sort_keys=True).encode()
    return [frame, extra, footer, hashlib.sha256(footer).digest(), len(footer).to_bytes(8, "little"), _MAGIC], meta


def digest_of(array: np.ndarray) -> str:
    """SHA-256 of a film's pixels; of the digests of its slices for a volume of several."""
    return _digest([hashlib.sha256(np.ascontiguousarray(plane).data) for plane in array.reshape(-1, *array.shape[-2:])])


def _digest(planes: list[Any]) -> str:
    return planes[0].hexdigest() if len(planes) == 1 else hashlib.sha256(b"".join(p.digest() for p in planes)).hexdigest()


def _places(stored: Any, frame: bytes) -> tuple[bytes, list[tuple[int, int, str]]]:
    """Where each chunk's bytes are in the frame, or in what is to follow it: chunks of one value are not in the frame."""
    at, extra, places = int.from_bytes(frame[11:15], "big"), b"", []  # after the frame's header, whose length stands there
    for number in range(stored.schunk.nchunks):
        packed = stored.schunk.get_chunk(number)
        if frame[at : at + len(packed)] == packed:
            offset, at = at, at + len(packed)
        else:
            offset, extra = len(frame) + len(extra), extra + packed
        places.append((offset, len(packed), hashlib.sha256(packed).hexdigest()))
    return extra, places


def read(path: Path) -> np.ndarray:
    """The pixels of a prepared file, every slice checked.

    Raises
    ------
    Refused
        `file_missing`, `file_empty`, `file_unreadable` (no prepared file, or one cut short) or `file_changed`.
    """
    return read_both(path)[0]


def read_meta(path: Path) -> dict[str, Any]:
    """The metadata that `write` returned; raises as `read` does."""
    return open_prepared(path).meta


def read_both(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Pixels and metadata; raises as `read` does."""
    prepared = open_prepared(path)
    return prepared.slices(range(len(prepared.places))).reshape(prepared.shape), prepared.meta


def read_slices(path: Path, indices: Sequence[int]) -> np.ndarray:
    """Some slices of a volume, (n, h, w); only they are read and checked.

    Raises
    ------
    Refused
        As `read`, and `slices_missing` where there is no such slice.
    """
    return open_prepared(path).slices(indices)


def open_whole(path: Path) -> Prepared:
    """As `open_prepared`, every slice and picture checked, one after the other; raises as `read` does."""
    file = open_prepared(path)
    for number in range(len(file.places)):
        file.slices([number])
    for name in file.pictures:
        file.beside(name)
    return file


def open_prepared(path: Path) -> Prepared:
    """Read a prepared file's footer, and none of its pixels; raises as `read` does."""
    path = Path(path)
    with _opened(path) as handle:
        size = handle.seek(0, os.SEEK_END)
        if size == 0:
            raise Refused("file_empty", path.name)
        handle.seek(-min(size, _TAIL), os.SEEK_END)
        end = handle.read()
        digest, length = end[:32], int.from_bytes(end[32:40], "little")
        if not end.endswith(_MAGIC) or length > size - _TAIL:
            raise Refused("file_unreadable", path.name, "the file is no prepared file, or is damaged at its end")
        handle.seek(-_TAIL - length, os.SEEK_END)
        footer = handle.read(length)
    if hashlib.sha256(footer).digest() != digest:
        raise Refused("file_changed", path.name, _CHANGED)
    row = json.loads(footer)
    return Prepared(path, row["meta"], tuple(row["shape"]), np.dtype(row["dtype"]), row["slices"], row.get("beside", {}))


def prepared(dataset: Path, path: str) -> Prepared:
    """As `open_prepared`, of a file of a dataset, `path` relative to it: the one that prepare has listed under this name.

    The index is read once a process; then this costs no more than `open_prepared`.

    Raises
    ------
    Refused
        As `open_prepared`; `file_changed` where another prepared file, whole in itself, stands in its place;
        `file_missing` where there is no index.
    """
    file = open_prepared(dataset / path)
    index = dataset / "prepared" / "index.jsonl"
    try:
        state = index.stat()
    except OSError as error:
        raise machine(error, index.name) or Refused("file_missing", index.name, "prepare has listed no files") from error
    if _listed(index, state.st_mtime_ns, state.st_size, state.st_ino).get(path) != _facts(file.meta):
        raise Refused("file_changed", file.path.name, "it is not the file that prepare has listed under this name")
    return file


@functools.lru_cache(maxsize=8)
def _listed(index: Path, *_state: int) -> dict[str, tuple[str, ...]]:
    return {row["path"]: _facts(row) for row in files.read_jsonl(index)}


def _facts(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(json.dumps(row.get(name)) for name in _LISTED)


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise environment(error, path.name) or Refused("file_missing", path.name, "the prepared file is not there") from error
