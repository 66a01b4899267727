"""All that may be read in output files: texts, members of archives, headers of pixels and weights, pictures in pages."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import blosc2

#: What is meant to lead back to people, and is its owner's alone.
PRIVATE = ("private.csv",)


def texts_of(folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """The path of each file below some folders, and all that its bytes say, private.csv left out."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in PRIVATE:
                yield str(path), "\n".join([path.relative_to(folder).as_posix(), *_texts(path)])


def _texts(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    if path.suffix == ".safetensors":  # its header; numbers follow
        data = data[: 8 + int.from_bytes(data[:8], "little")]
    yield from _spelled(data)
    if path.suffix == ".b2nd":
        array = blosc2.open(str(path), mode="r")  # to be held: its metadata are read from it
        yield repr(array.schunk.vlmeta.getall())
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield member
                yield from _spelled(archive.read(member))
    for coded in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data):
        yield from _spelled(base64.b64decode(coded))


def _spelled(data: bytes) -> Iterator[str]:
    """Bytes as UTF-8 and as UTF-16, and what JSON and HTML spell with escapes."""
    text = data.decode("utf-8", "ignore")
    yield text
    if "\\u" in text:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda escape: chr(int(escape[1], 16)), text)
    if b"\0" in data:
        yield data.decode("utf-16-le", "ignore")
        yield data[1:].decode("utf-16-le", "ignore")
