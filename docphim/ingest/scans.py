"""Gathers the files of CT scans in a folder: one image a study, whatever series and folders its slices lie in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from docphim.errors import REASONS
from docphim.imaging.io.locations import SeriesFiles
from docphim.ingest.drafts import Image
from docphim.ingest.headers import same_image
from docphim.ingest.identities import Identities
from docphim.ingest.records import Notes, Rejection
from docphim.ingest.same_person import several_people

#: What scanners and workplaces write beside slices, and that is no image of the body (PS3.3 C.7.3.1.1.1).
BESIDE_SLICES = frozenset(("SR", "PR", "KO", "SEG", "REG", "DOC", "PLAN", "FID", "RTSTRUCT", "RTDOSE", "RTPLAN", "RTRECORD"))


@dataclass
class _Scan:
    """A scan in the making.

    Attributes
    ----------
    files : dict
        SOP instance UID (a path, where there is none) → file.
    people : set
        (number, name) of the patient on every slice.
    names, numbers : dict
        Whom any slice names, and the numbers on it, in their order: they are looked for in the report.
    """

    first: Image
    files: dict[str, Path] = field(default_factory=dict)
    people: set[tuple[str, str]] = field(default_factory=set)
    names: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, None] = field(default_factory=dict)
    copies: int = 0


class Scans:
    """The scans of a folder, as their files come."""

    def __init__(self) -> None:
        self._scans: dict[str, _Scan] = {}

    def take(self, file: Image) -> None:
        """Add a file of a CT to its study's scan; the same slice once more is a copy.

        Slices that differ may bear one UID, as some anonymisers leave them: where they lie says whether they are one slice.
        """
        assert file.header is not None
        study = file.header.study_uid or str(PurePosixPath(file.relative).parent)
        scan = self._scans.setdefault(study, _Scan(file))
        scan.people.add((file.header.patient, file.header.name))
        scan.names |= dict.fromkeys(file.header.names)
        scan.numbers |= dict.fromkeys(file.header.numbers)
        path, uid = Path(file.location), file.header.sop_uid or file.location
        if uid in scan.files and same_image((scan.files[uid], path)):
            scan.copies += 1
        else:
            scan.files[file.location if uid in scan.files else uid] = path

    def images(self, identities: Identities, notes: Notes) -> tuple[list[Image], list[Rejection]]:
        """An image a scan, and a rejection for each that holds slices of two patients."""
        images: list[Image] = []
        rejected: list[Rejection] = []
        for scan in self._scans.values():
            notes.counts["copies_ignored"] += scan.copies
            image = _image(scan)
            if several_people(scan.people):
                study, places = identities.hashed("study", image.unit), tuple(map(str, scan.files.values()))
                why = REASONS["study_mixed_patients"]
                rejected.append(Rejection(study, "study_mixed_patients", why, places, image.unit.partition(":")[2]))
            else:
                images.append(image)
        return images, rejected


def _image(scan: _Scan) -> Image:
    """The scan as one image: its files by name below the folder that holds them all, and whom any of them names."""
    assert scan.first.header is not None
    paths = list(scan.files.values())
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    names = tuple(sorted(path.relative_to(folder).as_posix() for path in paths))
    above = len(Path(scan.first.location).parent.relative_to(folder).parts)
    relative = PurePosixPath(scan.first.relative).parents[above].as_posix()
    header = replace(scan.first.header, names=tuple(scan.names), numbers=tuple(scan.numbers))
    return Image(relative, str(SeriesFiles(str(folder), names)), header, "ct")
