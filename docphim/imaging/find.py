"""Which files of a folder are slices of one series: told by their headers, never by their names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from docphim.errors import Refused
from docphim.imaging.io import dicom, locations
from docphim.imaging.io.locations import SeriesFiles
from docphim.imaging.io.slices import header_of
from docphim.imaging.io.sniff import ENOUGH, kind_of

#: Modalities whose files are slices of a volume.
SLICED = ("CT", "PT", "MR", "NM")


@dataclass(frozen=True)
class SeriesFound:
    """Files of one folder that share a SeriesInstanceUID; `label` numbers them where the folder holds several series."""

    folder: str
    names: tuple[str, ...]
    modality: str
    label: str

    @property
    def location(self) -> SeriesFiles:
        """Where the series is."""
        return SeriesFiles(self.folder, self.names)


def look_through(folder: Path) -> tuple[list[Path], list[SeriesFound]]:
    """Files that stand by themselves, and series of slices, each sorted by place; links to folders are not followed."""
    singles: list[Path] = []
    slices: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for root, _, names in os.walk(folder.absolute()):
        for name in sorted(names):
            header = _slice_header(Path(root, name))
            if header is None:
                singles.append(Path(root, name).relative_to(folder.absolute()))
            else:
                slices.setdefault((root, header[0]), []).append((name, header[1]))
    return sorted(folder / path for path in singles), _numbered(folder, slices)


def _numbered(folder: Path, slices: dict[tuple[str, str], list[tuple[str, str]]]) -> list[SeriesFound]:
    """Series in the order of their folders and first names."""
    by_root: dict[str, list[list[tuple[str, str]]]] = {}
    for (root, _), members in slices.items():
        by_root.setdefault(root, []).append(members)
    numbered = []
    for root, groups in sorted(by_root.items()):
        for number, members in enumerate(sorted(groups), 1):
            label = f"series {number}" if len(groups) > 1 else members[0][0] if len(members) == 1 else ""
            place = folder / Path(root).relative_to(folder.absolute())
            numbered.append(SeriesFound(str(place), tuple(name for name, _ in members), members[0][1], label))
    return numbered


def _slice_header(path: Path) -> tuple[str, str] | None:
    """SeriesInstanceUID and modality of a slice of a volume; None for every other file."""
    try:
        if kind_of(locations.head(path, ENOUGH)) not in ("dicom", "dicom_bare"):
            return None
        header = header_of(path)
    except Refused:
        return None
    uid = dicom.text(header, "SeriesInstanceUID")
    return (uid, dicom.modality_of(header)) if uid and dicom.modality_of(header) in SLICED else None


def name_of(entry: SeriesFound, folder: Path) -> str:
    """A series as it may be written: the folder it lies in, below `folder`, with a number where that holds several."""
    where = Path(entry.folder).relative_to(folder).as_posix()
    where = entry.label if where == "." else f"{where}/{entry.label}" if entry.label else where
    return shown(Path(where or folder.name))


def shown(path: Path) -> str:
    """A path as it may be written; of a name that is no UTF-8, its bytes."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode()
