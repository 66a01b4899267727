"""Finds the films and scans of a folder: what each file is by its first bytes and header, and files that repeat others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from docphim.errors import REASONS, Refused
from docphim.imaging.io.sniff import ENOUGH, kind_of
from docphim.ingest.drafts import Image
from docphim.ingest.headers import NOT_A_FILM, read_header, same_image
from docphim.ingest.identities import Identities
from docphim.ingest.records import Notes, Rejection
from docphim.ingest.scans import BESIDE_SLICES, Scans, is_gathered
from docphim.ingest.tree import FILM_SUFFIXES, Entry, may_be_film
from docphim.progress import bar

#: What may be read of a folder.
READS = ("xray", "ct", "pet", "pet_ct")
#: Kinds of files whose modality no header says, and what they are taken for.
_WITHOUT_HEADER = {"png": "xray", "jpeg": "xray", "tiff": "xray", "nifti": "ct"}


def find_films(
    entries: list[Entry], identities: Identities, notes: Notes, modalities: Sequence[str] = ("xray",)
) -> tuple[list[Image], list[Rejection]]:
    """The films and scans among the files of a folder, and a rejection for each file that should be one and cannot be opened.

    Files that are no image are passed over and counted (`files_ignored`), so are exact copies (`copies_ignored`), and, where
    scans are read, what a scanner writes beside their slices (`objects_ignored`: dose reports, presentation states).

    Parameters
    ----------
    modalities : sequence of str
        Of `READS`: what is read; a study of another modality is a rejection.
    """
    films: list[Image] = []
    beside: list[Image] = []
    rejected: list[Rejection] = []
    scans = Scans(modalities)
    for entry in bar(entries, len(entries), "films"):
        name = identities.hashed("file", entry.relative)
        try:
            film = _film(entry, modalities)
        except Refused as error:
            rejected.append(Rejection(name, error.reason, error.why, (str(entry.path),)))
            continue
        if film is None:
            notes.counts["files_ignored"] += 1
        elif film.header and is_gathered(film.header.modality, modalities):
            scans.take(film)
        elif film.header and (film.header.modality in NOT_A_FILM or "xray" not in modalities):
            beside.append(film)
        else:
            films.append(film)
    distinct, repeated = _without_copies(films, identities, notes)
    images, torn = scans.images(identities, notes)
    rejected += repeated + torn + list(_unsupported(beside, scans.units, identities, notes))
    return distinct + images, rejected


def _unsupported(films: Iterable[Image], scanned: Collection[str], identities: Identities, notes: Notes) -> Iterator[Rejection]:
    """Studies of other modalities; what lies beside the slices of a scan and is no image of the body is counted."""
    for film in films:
        assert film.header is not None  # only a header says a modality
        if film.unit in scanned and film.header.modality in BESIDE_SLICES:
            notes.counts["objects_ignored"] += 1
            continue
        study = identities.hashed("study", film.unit)
        why = f"the modality is {film.header.modality or 'unknown'}"
        yield Rejection(study, "modality_unsupported", why, (film.location,), film.header.study_uid)


def _film(entry: Entry, modalities: Sequence[str]) -> Image | None:
    """A film or a slice, None for what is no image; a refusal where the name or the first bytes promise one."""
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
    if kind in _WITHOUT_HEADER:
        modality = _WITHOUT_HEADER[kind]
        return Image(entry.relative, str(path), None, modality) if modality in modalities else None
    if kind in ("dicom", "dicom_bare"):
        return Image(entry.relative, str(path), read_header(path))
    if path.suffix.lower() in FILM_SUFFIXES:
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
        if len(same) == 1 or (_of_one_study(same) and same_image(Path(film.location) for film in same)):
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
