"""DICOM headers read without trust: every fault turned into a refusal, no warning let out."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import re
import unicodedata
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

import pydicom
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag, Tag

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io.sniff import ENOUGH, kind_of

T = TypeVar("T")
_LOGGER = logging.getLogger("pydicom")
#: What a SOP class implies of the modality (PS3.4 B.5).
_BY_CLASS = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries' warnings and log lines, which may quote a header, from reaching anybody.

    Inside another such block it does nothing, so that a film's seventy header values cost one switch.
    """
    level = _LOGGER.level
    if level > logging.CRITICAL:
        yield
        return
    _LOGGER.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _LOGGER.setLevel(level)


def read(data: bytes) -> pydicom.Dataset:
    """Parse a DICOM file, with or without preamble.

    Raises
    ------
    Refused
        `file_empty`, `executable_preamble`, `image_too_large` (a deflated bomb), `file_truncated` or `file_unreadable`.
    """
    kind = kind_of(data[:ENOUGH])
    if kind not in ("dicom", "dicom_bare"):
        raise Refused("file_unreadable")
    check_deflated(BytesIO(data))
    try:
        with quiet():
            ds = pydicom.dcmread(BytesIO(data), force=kind == "dicom_bare")
            cut = _is_cut(ds)
    except EOFError as error:
        raise Refused("file_truncated") from error
    except RecursionError as error:
        raise Refused("file_unreadable", "", "the header nests sequences without end") from error
    except Exception as error:  # pydicom raises by what it stumbled over: ValueError, KeyError, struct.error, ...
        raise Refused("file_unreadable", "", "the DICOM header cannot be read") from error
    if cut:
        raise Refused("file_truncated")
    if len(ds) == 0:
        raise Refused("file_truncated" if kind == "dicom" else "file_unreadable")
    return ds


def check_deflated(file: BinaryIO) -> None:
    """Refuse a deflated data set that inflates beyond the largest file; pydicom would inflate it whole.

    Raises
    ------
    Refused
        `image_too_large` or `file_unreadable`.
    """
    head = file.read(1024)
    if uid.DeflatedExplicitVRLittleEndian.encode() not in head:
        return
    file.seek(144 + int.from_bytes(head[140:144], "little"))  # after (0002,0000), the length of group 2
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    size, rest = 0, b""
    try:
        while size <= limits.MAX_INFLATED and not stream.eof and (rest := rest or file.read(1 << 20)):
            size += len(stream.decompress(rest, 1 << 24))
            rest = stream.unconsumed_tail
    except zlib.error as error:
        raise Refused("file_unreadable", "", "the deflated header cannot be inflated") from error
    if size > limits.MAX_INFLATED:
        raise Refused("image_too_large", "", "the deflated file inflates beyond the size of any film")


def _is_cut(ds: pydicom.Dataset) -> bool:
    """Whether the last element holds fewer bytes than it says."""
    if len(ds) == 0:
        return False
    last = ds.get_item(max(ds.keys()))
    if not isinstance(last, RawDataElement) or last.length == 0xFFFFFFFF:
        return False
    return last.value is not None and len(last.value) < last.length


def by_value(headers: Sequence[pydicom.Dataset], keywords: Sequence[str], read: Callable[[pydicom.Dataset], T]) -> list[T]:
    """What `read` makes of each header: once for headers that hold the same bytes under the keywords, all that it looks at.

    A series of 400 files says most things 400 times.
    """
    tags = [_tag(keyword) for keyword in keywords]
    known: dict[Any, T] = {}
    results = []
    for header in headers:
        raws = [header.get_item(tag) for tag in tags]
        plain = all(raw is None or isinstance(raw, RawDataElement) for raw in raws)
        key = tuple(raw and (raw.VR, raw.value) for raw in raws) if plain else id(header)
        if key not in known:
            known[key] = read(header)
        results.append(known[key])
    return results


def same_name(name: str) -> str:
    """A name as the same person's other files may write it: `NGUYEN^VAN AN` and `Nguyễn^Văn An^` come to the same.

    Latin accents alone go; marks that make other letters of other scripts stay.
    """
    parted = unicodedata.normalize("NFD", name.casefold()).replace("đ", "d")
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", parted))))


def text(ds: pydicom.Dataset, keyword: str) -> str:
    """A header value as stripped text; absent, empty or unreadable values give ''."""
    value = value_of(ds, keyword)
    if value is None or isinstance(value, bytes):
        return ""
    if isinstance(value, str):
        return value.strip()
    try:
        return "\\".join(str(v).strip() for v in value)
    except TypeError:
        return str(value).strip()


def modality_of(ds: pydicom.Dataset) -> str:
    """Modality (0008,0060), or what the SOP class implies; '' where neither says."""
    return text(ds, "Modality").upper() or _BY_CLASS.get(text(ds, "SOPClassUID"), "")


def value_of(ds: pydicom.Dataset, keyword: str) -> Any:
    """A header value, or None where it is absent or cannot be parsed (conversion happens on access)."""
    if _tag(keyword) not in ds:
        return None
    try:
        with quiet():
            return ds.get(keyword)
    except Exception:
        return None


@functools.cache
def _tag(keyword: str) -> BaseTag:
    return Tag(keyword)


def numbers(ds: pydicom.Dataset, keyword: str) -> list[float]:
    """A header value as finite floats; [] where absent or not numbers."""
    value = value_of(ds, keyword)
    if value is None or isinstance(value, bytes):
        return []
    items = value if isinstance(value, pydicom.multival.MultiValue | list | tuple) else [value]
    try:
        values = [float(v) for v in items]
    except (TypeError, ValueError):
        return []
    return values if all(map(math.isfinite, values)) else []


def broken(ds: pydicom.Dataset, keyword: str) -> str:
    """What stands where a number belongs and is none, as "71,0"; '' where nothing stands there, or a number."""
    raw = ds.get_item(_tag(keyword)) if _tag(keyword) in ds else None
    if raw is None or numbers(ds, keyword):
        return ""
    value = raw.value or ""
    return (value.decode("latin-1") if isinstance(value, bytes) else str(value)).strip(" \0")


def integer(ds: pydicom.Dataset, keyword: str, default: int) -> int:
    """A header value as an int, `default` where absent or not a number."""
    values = numbers(ds, keyword)
    return int(values[0]) if values else default


def items(ds: pydicom.Dataset, keyword: str) -> list[pydicom.Dataset]:
    """The items of a sequence; [] where absent or unreadable."""
    value = value_of(ds, keyword)
    try:
        return [i for i in value or [] if isinstance(i, pydicom.Dataset)]
    except Exception:
        return []
