"""Finds a table's header below its title lines, and which column is which."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from docphim.errors import Refused, UsageError
from docphim.ingest.reports.rows import FIELDS, KEYS, REPORTS, TEXTS, Line, image_names
from docphim.language.normalize import clean
from docphim.package_data import packaged

#: Lines that may stand above a table: a hospital's name, a title, a period, signatures.
DEEPEST = 60
#: What a sheet may lack though the recipe names its column: without the others no row finds its film, or has no text.
OPTIONAL = frozenset(FIELDS) - REPORTS - {*KEYS, "date"}
#: Headers of names of files, or of findings; and what such a column of findings is called.
_EITHER, _PROSE = ("hinhanh", "anh"), "hình ảnh mô tả"
_SUFFIX = re.compile(r"\.[A-Za-z]{2,5}$")
_MANY = 5  # words; a file may be named after a person of fewer
_ETH = str.maketrans("đĐ", "dD")


class UnclearColumns(UsageError):
    """Two columns hold different texts of one field."""


def key_of(name: str) -> str:
    """A column's name without case, accents and whatever is no letter or digit: 'MA_BN' and 'Mã BN' are 'mabn'."""
    apart = unicodedata.normalize("NFD", clean(name).translate(_ETH).lower())
    return "".join(c for c in apart if c.isalnum())


def find_header(lines: Sequence[Line], columns: Mapping[str, str], header_row: int | None) -> int | None:
    """Where the header stands among the first lines of a sheet.

    It is the line that `header_row` numbers; else the first of those that hold most of the columns that the recipe names and
    most names of columns.yaml, with one of report text and one more.  None where there is none.
    """
    if header_row is not None:
        return next((at for at, line in enumerate(lines) if line.number == header_row), None)
    wanted = {key_of(name) for name in columns.values()}
    best, most = None, (0, 1)
    for at, line in enumerate(lines):
        fields = places(line.cells, {})
        named = len(wanted & set(map(key_of, line.cells)))
        holds_text = bool(fields.keys() & REPORTS) or named > 0
        if holds_text and (score := (named, len(fields.keys() | columns.keys()) if named else len(fields))) > most:
            best, most = at, score
    return best


def whole_header(lines: Sequence[Line], at: int) -> list[str]:
    """The header's names; where a cell is blank because it is merged with the one above it, the name above.

    In `STT | Kết quả | (merged)` over `(merged) | Mô tả | Kết luận` the second line is the header, and `STT` its first name.
    """
    names = [name.strip() for name in lines[at].cells]
    above = lines[at - 1].cells if at and lines[at - 1].number == lines[at].number - 1 else []
    if sum(bool(cell.strip()) for cell in above) < 2:  # one cell alone is a title
        return names
    return [name or (above[i].strip() if i < len(above) else "") for i, name in enumerate(names)]


def places(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Field → position of its column: those the recipe names, then those that columns.yaml lists.

    Raises
    ------
    UsageError
        The recipe names a column that the table has not.
    """
    keys = list(map(_known_key, header))
    taken: dict[str, int] = {}
    for field, name in columns.items():
        if _known_key(name) not in keys:
            raise UsageError(f"source.columns.{field}: the table of reports has no column {name!r} among its {len(keys)}")
        taken[field] = keys.index(_known_key(name))
    listed = {key: at for at, key in reversed(list(enumerate(keys))) if key in _fields()}
    for field in FIELDS:
        free = [listed[a] for a in _aliases()[field] if a in listed and listed[a] not in taken.values()]
        if field not in taken and free:
            taken[field] = free[0]
    return taken


def as_filled(header: Sequence[str], columns: Mapping[str, str], lines: Sequence[Line]) -> list[str]:
    """The header, with `Hình ảnh` and `Ảnh` spelled out where most of their cells are prose: findings, not names of files.

    A column that the recipe names stays as it is.
    """
    named = set(map(_known_key, columns.values()))
    names = list(header)
    for at, name in enumerate(header):
        if _known_key(name) in _EITHER and _known_key(name) not in named:
            cells = [line.cells[at].strip() for line in lines if at < len(line.cells) and line.cells[at].strip()]
            if sum(map(_is_prose, cells)) > len(cells) / 2:
                names[at] = _PROSE
    return names


def _is_prose(cell: str) -> bool:
    """Whether a cell is a text: several words, no file's name with its suffix, and not a person's name."""
    words = cell.split()
    if len(words) < 2 or all(_SUFFIX.search(name) or " " not in name for name in image_names(cell)):
        return False
    return len(words) > _MANY or any(word[0].islower() for word in words)


def repeated(header: Sequence[str], taken: Mapping[str, int], columns: Mapping[str, str]) -> dict[str, list[int]]:
    """Text field → further columns of that name; not of fields whose column the recipe names."""
    others: dict[str, list[int]] = {}
    for at, name in enumerate(header):
        field = _fields().get(_known_key(name), "")
        if field in TEXTS and field not in columns and at not in taken.values():
            others.setdefault(field, []).append(at)
    return {field: ats for field, ats in others.items() if field in taken}


def _known_key(name: str) -> str:
    """A name's key; without what brackets add, where only that is known: `Mô tả (bằng chữ)`, `Tuổi [năm]`."""
    key, short = key_of(name), key_of(re.sub(r"[(\[].*?[)\]]", "", name))
    return short if key not in _fields() and short in _fields() else key


def has_all(header: Sequence[str], columns: Mapping[str, str]) -> bool:
    """Whether a header has every column that the recipe names."""
    return set(map(_known_key, columns.values())) <= set(map(_known_key, header))


def check_fields(columns: Mapping[str, str]) -> None:
    """Refuse a recipe that names columns for fields which do not exist.

    Raises
    ------
    UsageError
    """
    if unknown := sorted(set(columns) - set(FIELDS)):
        raise UsageError(f"source.columns: no field {unknown[0]!r}; known: {', '.join(FIELDS)}")


@cache
def labels() -> dict[str, str]:
    """Every name of columns.yaml, in small letters → its field, or `other`."""
    data: dict[str, list[str]] = packaged(Path(__file__).with_name("columns.yaml"))
    return {re.sub(r"\s+", " ", name.lower()): field for field, names in data.items() for name in names}


@cache
def _aliases() -> dict[str, list[str]]:
    data: dict[str, list[str]] = packaged(Path(__file__).with_name("columns.yaml"))
    return {field: list(dict.fromkeys(map(key_of, names))) for field, names in data.items()}


@cache
def _fields() -> dict[str, str]:
    return {name: field for field, names in _aliases().items() for name in names}


def empty_table() -> Refused:
    """The refusal of a table that has not even a header."""
    return Refused("file_empty", "", "the table of reports has no header")
