"""A study in the making: its films on disk and the rows of reports that speak of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from docphim.ingest.headers import Header
from docphim.ingest.reports.rows import Row
from docphim.ingest.values import view_of

#: A film's name with a number or a view at its end: `0012_2.png`, `0012-lat.png`.
SEQUEL = re.compile(r"(?P<stem>.+?)[ _-]+(?:\d{1,3}|(?P<view>pa|ap|ll|lat|lateral|nghieng|nghiêng))", re.IGNORECASE)

#: Modalities of which an image is a scan → what tells it from the others of its study.
SCANS = {"ct": "scan", "pet": "pet", "pet_ct": "pet_ct"}


@dataclass(frozen=True, slots=True)
class Image:
    """One film on disk, or one scan: a NIfTI file, or the folder that holds all files of a study's DICOM scan.

    `header` is None for pictures and NIfTI; of a scan it is that of its first file.  `unit` is what a report can be about.
    """

    relative: str
    location: str
    header: Header | None
    modality: str = "xray"

    @property
    def unit(self) -> str:
        """The study UID of a DICOM file, else the file itself."""
        return f"uid:{self.header.study_uid}" if self.header and self.header.study_uid else f"file:{self.relative}"

    @property
    def instance(self) -> str:
        """What makes it unique: the SOP instance UID, of a scan its study, else the file itself."""
        if self.modality in SCANS:
            return f"{SCANS[self.modality]}:{self.unit}"
        return f"uid:{self.header.sop_uid}" if self.header and self.header.sop_uid else f"file:{self.relative}"

    @property
    def stem(self) -> str:
        """The name without what says how it is stored; a folder's name is whole, as `1.2.840.113` is."""
        path = PurePosixPath(self.relative)
        if self.modality in SCANS:
            return path.name.removesuffix(".gz").removesuffix(".nii") if self.header is None else path.name
        return path.stem

    @property
    def named_view(self) -> str:
        """The view at the end of the file's name (`0012_lat.png`), else unknown."""
        sequel = SEQUEL.fullmatch(self.stem)
        return view_of(sequel["view"] or "") if sequel else "unknown"


@dataclass
class Draft:
    """One study in the making: its films and the rows that speak of it; `name` is `uid:…`, `id:…` or `file:…`.

    `views` holds the view that a row states, by the film's relative path, where the row speaks of that one film.
    `rows_as_read` holds all its rows where one was made of them (`rows: last`, `rows: joined`): each may name somebody.
    """

    name: str
    images: list[Image] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)
    rows_as_read: list[Row] = field(default_factory=list)

    @property
    def original(self) -> str:
        """The id under which people know the study."""
        return self.name.partition(":")[2]
