"""Gathers the files of CT and PET scans in a folder: an image a study, of a PET/CT two, whatever folders its slices lie in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from docphim.errors import REASONS
from docphim.imaging.io.locations import SeriesFiles, pair
from docphim.ingest.drafts import Image
from docphim.ingest.headers import Header, same_image
from docphim.ingest.identities import Identities
from docphim.ingest.records import Notes, Rejection
from docphim.ingest.same_person import several_people

#: What scanners and workplaces write beside slices, and that is no image of the body (PS3.3 C.7.3.1.1.1).
BESIDE_SLICES = frozenset(("SR", "PR", "KO", "SEG", "REG", "DOC", "PLAN", "FID", "RTSTRUCT", "RTDOSE", "RTPLAN", "RTRECORD"))
#: DICOM's code of a modality whose slices are gathered → which of a recipe's modalities its files may become.
GATHERED: dict[str, tuple[str, ...]] = {"CT": ("ct", "pet", "pet_ct"), "PT": ("pet",)}


def is_gathered(code: str, modalities: Sequence[str]) -> bool:
    """Whether files of a DICOM modality are slices of scans that are read; of a PET/CT its CT is looked at in any case."""
    return any(name in modalities for name in GATHERED.get(code, ()))


@dataclass
class _Scan:
    """A study's scans in the making.

    Attributes
    ----------
    files : dict
        DICOM modality → SOP instance UID (a path, where there is none) → file.
    people : set
        (number, name) of the patient on every slice.
    names, numbers : dict
        Whom any slice names, and the numbers on it, in their order: they are looked for in the report.
    """

    first: Image
    files: dict[str, dict[str, Path]] = field(default_factory=dict)
    people: set[tuple[str, str]] = field(default_factory=set)
    names: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, None] = field(default_factory=dict)
    copies: int = 0

    def paths(self, code: str) -> list[Path]:
        """The files of a DICOM modality."""
        return list(self.files.get(code, {}).values())

    @property
    def all_paths(self) -> list[Path]:
        """All its files."""
        return [path for files in self.files.values() for path in files.values()]


class Scans:
    """The scans of a folder, as their files come.

    Parameters
    ----------
    modalities : sequence of str
        What the recipe reads: `ct`, `pet`, `pet_ct`.
    """

    def __init__(self, modalities: Sequence[str]) -> None:
        self._modalities = modalities
        self._scans: dict[str, _Scan] = {}

    def take(self, file: Image) -> None:
        """Add a slice to its study's scans; the same slice once more is a copy.

        Slices that differ may bear one UID, as some anonymisers leave them: where they lie says whether they are one slice.
        """
        assert file.header is not None
        study = file.header.study_uid or str(PurePosixPath(file.relative).parent)
        scan = self._scans.setdefault(study, _Scan(file))
        scan.people.add((file.header.patient, file.header.name))
        scan.names |= dict.fromkeys(file.header.names)
        scan.numbers |= dict.fromkeys(file.header.numbers)
        files = scan.files.setdefault(file.header.modality, {})
        path, uid = Path(file.location), file.header.sop_uid or file.location
        if uid in files and same_image((files[uid], path)):
            scan.copies += 1
        else:
            files[file.location if uid in files else uid] = path

    @property
    def units(self) -> set[str]:
        """The studies of which slices were taken, those that are refused too."""
        return {scan.first.unit for scan in self._scans.values()}

    def images(self, identities: Identities, notes: Notes) -> tuple[list[Image], list[Rejection]]:
        """The images of the studies, and a rejection for each study that holds slices of two patients or lacks a scan."""
        images: list[Image] = []
        rejected: list[Rejection] = []
        for scan in self._scans.values():
            notes.counts["copies_ignored"] += scan.copies
            unit, places = scan.first.unit, tuple(map(str, scan.all_paths))
            reason, why = self._reason(scan)
            if reason:
                study = identities.hashed("study", unit)
                rejected.append(Rejection(study, reason, why or REASONS[reason], places, unit.partition(":")[2]))
                continue
            of_study = list(self._images(scan))
            images += of_study
            if scan.paths("CT") and len(of_study) == 1 and of_study[0].modality == "pet":
                notes.counts["cts_passed_over"] += 1
        return images, rejected

    def _reason(self, scan: _Scan) -> tuple[str, str]:
        """Why a study's scans cannot be read, as a code and a sentence; ('', '') where they can."""
        there, read = set(scan.files), self._modalities
        if several_people(scan.people):
            return "study_mixed_patients", ""
        if "PT" in there:
            return ("ct_missing", "") if "pet_ct" in read and "CT" not in there else ("", "")
        if "ct" in read:
            return "", ""
        return ("pet_missing", "") if "pet_ct" in read else ("modality_unsupported", "the modality is CT")

    def _images(self, scan: _Scan) -> Iterator[Image]:
        """The PET, with its CT where that is read too, or the CT alone, all by the folder that holds the study's files."""
        paths = scan.all_paths
        folder = Path(os.path.commonpath([path.parent for path in paths]))
        assert scan.first.header is not None
        above = len(Path(scan.first.location).parent.relative_to(folder).parts)
        relative = PurePosixPath(scan.first.relative).parents[above].as_posix()
        header: Header = replace(scan.first.header, names=tuple(scan.names), numbers=tuple(scan.numbers))
        if "PT" not in scan.files:
            yield Image(relative, _series(scan.paths("CT")), header, "ct")
            return
        pet = _series(scan.paths("PT"))
        yield Image(relative, pet, header, "pet")
        if "pet_ct" in self._modalities:
            yield Image(relative, pair(_series(scan.paths("CT")), pet), header, "pet_ct")


def _series(paths: Sequence[Path]) -> str:
    """The location of files: their names below the folder that holds them all."""
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    return str(SeriesFiles(str(folder), tuple(sorted(path.relative_to(folder).as_posix() for path in paths))))
