"""Finds the films of a folder: what each file is by its first bytes, its header, and files that repeat one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from docphim import files
from docphim.errors import REASONS, Refused
from docphim.imaging.io.sniff import ENOUGH, kind_of
from docphim.ingest.drafts import Image
from docphim.ingest.headers import NOT_A_FILM, pixel_digest, read_header
from docphim.ingest.identities import Identities
from docphim.ingest.records import Notes, Rejection
from docphim.ingest.tree import Entry
from docphim.progress import bar

#: Files of other kinds are passed over unless their name says that they should be a film.
_FILM_SUFFIXES = frozenset((".dcm", ".dic", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff"))


def find_films(entries: list[Entry], identities: Identities, notes: Notes) -> tuple[list[Image], list[Rejection]]:
    """The films among the files of a folder, and a rejection for each file that should be one and cannot be opened.

    Files that are no image are passed over and counted (`files_ignored`), so are exact copies (`copies_ignored`).
    """
    films: list[Image] = []
    rejected: list[Rejection] = []
    for entry in bar(entries, len(entries), "films"):
        name = identities.hashed("file", entry.relative)
        try:
            film = _film(entry)
        except Refused as error:
            rejected.append(Rejection(name, error.reason, error.why, (str(entry.path),)))
            continue
        if film is None:
            notes.counts["files_ignored"] += 1
        elif film.header and film.header.modality in NOT_A_FILM:
            study = identities.hashed("study", film.unit)
            why = f"the modality is {film.header.modality}"
            rejected.append(Rejection(study, "modality_unsupported", why, (film.location,), film.header.study_uid))
        else:
            films.append(film)
    distinct, repeated = _without_copies(films, identities, notes)
    return distinct, rejected + repeated


def may_be_film(path: Path) -> bool:
    """Whether a file's name is that of a film: by its suffix, or without one, as the end of a UID is none."""
    return path.suffix.lower() in _FILM_SUFFIXES or not path.suffix[1:].isalpha()


def _film(entry: Entry) -> Image | None:
    """A film, None for what is no image; a refusal where the name or the first bytes promise one."""
    if entry.refused:
        readable = entry.relative == entry.relative.encode("utf-8", "ignore").decode()
        raise Refused(entry.refused, "", "" if readable else "the file's name is no UTF-8")
    path = entry.path
    head = _head(path)
    if head is None:
        return None
    try:
        kind = kind_of(head)
    except Refused:
        if may_be_film(path):
            raise
        return None
    if kind in ("png", "jpeg", "tiff"):
        return Image(entry.relative, str(path), None)
    if kind in ("dicom", "dicom_bare"):
        return Image(entry.relative, str(path), read_header(path))
    if path.suffix.lower() in _FILM_SUFFIXES:
        raise Refused("file_unreadable", "", REASONS["file_unreadable"])
    return None


def _head(path: Path) -> bytes | None:
    """The first bytes of a file; None where it has gone since the folder was listed, and is no film by its name."""
    try:
        with open(path, "rb") as handle:
            return handle.read(ENOUGH)
    except FileNotFoundError:
        if may_be_film(path):
            raise Refused("file_missing", "", "it went away while the folder was read") from None
        return None
    except OSError:
        raise Refused("file_unreadable", "", "the file cannot be opened") from None


def _without_copies(films: Iterable[Image], identities: Identities, notes: Notes) -> tuple[list[Image], list[Rejection]]:
    """Keep one of the files that share a SOPInstanceUID, its people and pixels; refuse all where one of these differs."""
    by_uid: dict[str, list[Image]] = defaultdict(list)
    for film in films:
        by_uid[film.instance].append(film)
    distinct: list[Image] = []
    rejected: list[Rejection] = []
    for same in by_uid.values():
        if len(same) == 1 or (_of_one_study(same) and _equal([Path(film.location) for film in same])):
            notes.counts["copies_ignored"] += len(same) - 1
            distinct.append(same[0])
        else:
            for film in same:
                name = identities.hashed("file", film.relative)
                rejected.append(Rejection(name, "duplicate_uid", REASONS["duplicate_uid"], (film.location,)))
    return distinct, rejected


def _of_one_study(films: list[Image]) -> bool:
    """Whether headers name one patient, study and request: a UID that was not made anew may be on two patients' films."""
    headers = [film.header for film in films if film.header]
    return len({(h.patient, h.name, h.study_uid, h.accession) for h in headers}) == 1


def _equal(paths: list[Path]) -> bool:
    try:
        return len({files.sha256(path) for path in paths}) == 1 or len({pixel_digest(path) for path in paths}) == 1
    except (OSError, Refused):
        return False
