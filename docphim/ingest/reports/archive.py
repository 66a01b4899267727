"""A .zip of tables or documents, read in memory: what is too large, protected, nested or leads out of it is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from docphim.errors import Refused
from docphim.ingest.reports import FORMATS, refused_sheet, sheets_of
from docphim.ingest.reports.encodings import WrongEncoding
from docphim.ingest.reports.rows import Sheet
from docphim.ingest.reports.zipped import member, opened


def sheets(data: bytes, name: str, encoding: str | None) -> Iterator[Sheet]:
    """The sheets of an archive's members, named by their path inside it; a member that cannot be read costs only itself.

    Raises
    ------
    Refused
        `unsafe_path`: a member's path leads out of the archive; `file_protected`; `file_unreadable`: damaged, an archive
        inside the archive, larger than reports can be, or without any format of reports.
    WrongEncoding
        Most members are in another encoding than the recipe says; fewer cost only themselves.
    """
    with opened(data, "archive") as archive:
        parts = [part for part in archive.infolist() if not part.is_dir() and _reads(part.filename)]
        if not parts:
            raise Refused("file_unreadable", "", "the archive holds no table and no document; films in an archive are not read")
        wrong: list[WrongEncoding] = []
        for part in parts:
            yield from _members(archive, part, encoding, wrong)
        if len(wrong) > len(parts) / 2:
            raise wrong[0]


def _members(
    archive: zipfile.ZipFile, part: zipfile.ZipInfo, encoding: str | None, wrong: list[WrongEncoding]
) -> Iterator[Sheet]:
    place = PurePosixPath(part.filename.replace("\\", "/"))
    try:
        for sheet in sheets_of(member(archive, part), place.name, encoding):
            inner = f"{place}#{sheet.name}" if sheet.name and not sheet.document else str(place)
            yield replace(sheet, name=inner, record={**sheet.record, "archive": "zip"})
    except Refused as refusal:
        yield refused_sheet(str(place), refusal.reason)
    except WrongEncoding as error:
        wrong.append(error)
        yield refused_sheet(str(place), "report_encoding")


def _reads(name: str) -> bool:
    """Whether a member is of a format of reports, and not what systems leave behind.

    Raises
    ------
    Refused
        `unsafe_path`, or `file_unreadable` for an archive.
    """
    place = PurePosixPath(name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
        raise Refused("unsafe_path", "", "a member of the archive leads out of it")
    suffix = place.suffix.lower()
    if suffix in (".zip", ".7z", ".rar", ".gz", ".tar"):
        raise Refused("file_unreadable", "", "the archive holds another archive; unpack that one first")
    hidden = place.name.startswith((".", "~$")) or "__MACOSX" in place.parts
    return suffix in FORMATS and not hidden
