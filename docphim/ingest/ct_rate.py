"""Source `ct_rate`: CT-RATE, 25,692 chest CT scans of 21,304 patients with English reports and 18 labels (arXiv:2403.17834).

From the Hugging Face dataset ibrahimhamamci/CT-RATE, for non-commercial use (CC BY-NC-SA 4.0).  Read as downloaded, in part or
whole: `dataset/train_fixed/train_1/train_1_a/train_1_a_1.nii.gz`, patient, scan and reconstruction, with the tables beside.

source: {kind: ct_rate, path: ~/datasets/CT-RATE, kernel: soft}
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docphim.errors import REASONS, Refused, UsageError
from docphim.files import content_key
from docphim.imaging.layouts import SUFFIXES
from docphim.ingest import ct_rate_tables as tables
from docphim.ingest.ct_rate_masks import files_of
from docphim.ingest.ct_rate_scans import Options, Reader, Scan
from docphim.ingest.ct_rate_tables import Tables
from docphim.ingest.names import removal
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.progress import bar

#: For the cards of models that are trained on it.
LICENCE = "CT-RATE, for non-commercial use: CC BY-NC-SA 4.0."

#: A volume's name: split, patient, scan, reconstruction.
_NAME = re.compile(r"(?P<patient>(?P<split>train|valid)_\d{1,6})_(?P<scan>[a-z]{1,2})_(?P<number>\d{1,3})")


@dataclass(frozen=True, order=True)
class Volume:
    """One file: `train_1_a_1` of the scan `train_1_a` of the patient `train_1`."""

    scan: str
    name: str
    patient: str
    split: str
    path: Path


def fingerprint(options: Options) -> str:
    """A key of the volumes' and tables' names, sizes and times, of the masks', and of the options.

    Raises
    ------
    Refused
        `file_missing`: there is no such folder.
    """
    root, stats = _root(options.path), []
    listed = [volume.path for volume in _volumes(root, options.layout)[0]]
    listed += [path for split in tables.SPLITS for name in tables.PLACES if (path := tables.place(root, name, split))]
    if options.masks:
        listed += sorted(_root(options.masks, "masks").rglob("*"))
    for path in listed:
        stat = path.stat()
        stats.append([path.name, stat.st_size, stat.st_mtime_ns])
    return content_key([options.model_dump(exclude={"path", "masks"}), bool(options.masks), stats])


def read(
    options: Options, dataset: Path, notes: Notes, *, language: str, split_by_source: bool
) -> Iterator[SourceStudy | Rejection]:
    """One study a scan, of one of its reconstructions; published ids are kept.

    Raises
    ------
    UsageError
        The recipe asks for Vietnamese; a spacing that the layout needs is missing; a table is missing or lacks a column.
    Refused
        `file_missing`: no volume lies in the folder.
    """
    if language != "en":
        raise UsageError("language: the reports of CT-RATE are in English; say language: en")
    if (options.layout == "preprocessed_numpy") != (options.spacing is not None):
        raise UsageError("source.spacing: mm along z, y and x, for the layout preprocessed_numpy and for no other")
    root = _root(options.path)
    volumes, strangers = _volumes(root, options.layout)
    if not volumes:
        raise Refused("file_missing", "source.path", f"no volume of the layout {options.layout} lies there")
    people = removal(options.deidentify, options.recogniser, options.doubtful)
    notes.record |= {"deidentified": people.on, "layout": options.layout, "volumes": len(volumes)}
    notes.counts["files_ignored"] += strangers
    masks = files_of(_root(options.masks, "masks")) if options.masks else {}
    for split in tables.SPLITS:
        of_split = [volume for volume in volumes if volume.split == split]
        if of_split:
            listed = _tables(root, split, options)
            reader = Reader(options, notes, listed, people, masks, split_by_source)
            scans = _scans(of_split)
            yield from _without_volumes(listed, scans, split)
            for scan in bar(scans, len(scans), split):
                yield from reader.scan(scan)


def _tables(root: Path, split: str, options: Options) -> Tables:
    """The tables of a split; those that the layout cannot do without must be there."""
    needed = ["reports"] + ["metadata"] * (options.layout == "v1" or bool(options.kernel or options.thickness))
    for name in needed:
        if tables.place(root, name, split) is None:
            raise UsageError(f"source.path: the table of {name} of the split {split} is not there")
    return tables.read(root, split)


def _without_volumes(listed: Tables, scans: list[Scan], split: str) -> Iterator[Rejection]:
    """Scans that the reports speak of and of which no volume lies in the folder; rows that cannot be read."""
    there = {scan.name for scan in scans}
    missing = {name[0] for volume in listed.reports if (name := _scan_of(volume)) and name[0] not in there}
    for scan in sorted(missing):
        yield Rejection(scan, "image_missing", REASONS["image_missing"], (), scan)
    for table, row in listed.broken:
        name = _scan_of(row)
        yield Rejection(name[0] if name else split, "row_unreadable", f"a row of the table of {table}", (), row)


def _scan_of(volume: str) -> tuple[str, str] | None:
    match = _NAME.fullmatch(volume)
    return (f"{match['patient']}_{match['scan']}", match["patient"]) if match else None


def _scans(volumes: list[Volume]) -> list[Scan]:
    scans: dict[str, Scan] = {}
    for volume in sorted(volumes):
        scan = scans.setdefault(volume.scan, Scan(volume.scan, volume.patient, volume.split, {}))
        scan.volumes[volume.name] = volume.path
    return list(scans.values())


def _volumes(root: Path, layout: str) -> tuple[list[Volume], int]:
    """The volumes under the folders of a layout, and how many other files lie there."""
    suffix = SUFFIXES.get(layout, ".nii.gz")
    volumes: dict[str, Volume] = {}
    strangers = 0
    for split in tables.SPLITS:
        folders = (f"{split}_fixed",) if layout == "v2" else (split,) if layout == "v1" else (split, f"{split}_fixed")
        for folder in (base / name for base in (root, root / "dataset") for name in folders):
            for path in _files(folder):
                match = _NAME.fullmatch(path.name.removesuffix(suffix)) if path.name.endswith(suffix) else None
                if match is None or match["split"] != split:
                    strangers += 1
                    continue
                name = match[0]
                volumes.setdefault(name, Volume(f"{match['patient']}_{match['scan']}", name, match["patient"], split, path))
    return sorted(volumes.values()), strangers


def _files(folder: Path) -> Iterator[Path]:
    """The files below a folder; links to folders are followed, each folder once, since a download may be of links."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))


def _root(path: str, option: str = "path") -> Path:
    root = Path(path).expanduser()
    if not root.is_dir():
        raise Refused("file_missing", f"source.{option}", "there is no such folder")
    return root.resolve()
