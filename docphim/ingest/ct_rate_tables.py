"""The tables of CT-RATE: metadata, reports and labels of every volume, and the list of volumes that show no chest."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docphim.errors import Refused, UsageError
from docphim.language.labels import label_names

#: Split as the dataset calls it → as its tables do: `valid_predicted_labels.csv` and `validation_reports.csv` are of one split.
SPLITS = {"train": ("train",), "valid": ("validation", "valid")}
#: Table → its folder, and its file's name for a split.
PLACES = {
    "metadata": ("metadata", "{}_metadata.csv"),
    "reports": ("radiology_text_reports", "{}_reports.csv"),
    "labels": ("multi_abnormality_labels", "{}_predicted_labels.csv"),
    "no_chest": ("metadata", "no_chest_{}.txt"),
}
#: What a table cannot do without; of labels see `labels_of`.
_COLUMNS = {
    "metadata": ("VolumeName",),
    "reports": ("VolumeName", "Findings_EN", "Impressions_EN"),
    "labels": ("VolumeName",),
}
#: What stands in a report's cell where there is none, in any case, with or without a stop.
NOT_GIVEN = "not given"

Cells = Mapping[str, str]


@dataclass
class Tables:
    """What the tables say of one split's volumes, by the volume's name without its suffix.

    Attributes
    ----------
    metadata, reports, labels : dict
        Rows by volume; {} where the table is not there.
    no_chest : set
        Volumes that the dataset's list leaves out.
    broken : list of (str, str)
        Table and volume (or line) of rows that have more or fewer cells than the header.
    twice : set
        Volumes of which two rows of the reports say different things.
    """

    metadata: dict[str, Cells] = field(default_factory=dict)
    reports: dict[str, Cells] = field(default_factory=dict)
    labels: dict[str, Cells] = field(default_factory=dict)
    no_chest: set[str] = field(default_factory=set)
    broken: list[tuple[str, str]] = field(default_factory=list)
    twice: set[str] = field(default_factory=set)


def read(root: Path, split: str) -> Tables:
    """The tables of one split, wherever they lie at the root of the dataset or under `dataset/`.

    Raises
    ------
    UsageError
        A table lacks a column that it must have.
    Refused
        `file_unreadable`: a table is no CSV in UTF-8.
    """
    tables = Tables()
    for name, rows in (("metadata", tables.metadata), ("reports", tables.reports), ("labels", tables.labels)):
        path = place(root, name, split)
        for volume, cells in _rows(path, name, tables.broken) if path else ():
            if name == "reports" and volume in rows and rows[volume] != cells:
                tables.twice.add(volume)
            rows[volume] = cells
    if listed := place(root, "no_chest", split):
        tables.no_chest = {bare(line.strip()) for line in _text(listed).splitlines() if line.strip()}
    return tables


def place(root: Path, table: str, split: str) -> Path | None:
    """Where a table of a split lies; None where it does not."""
    folder, name = PLACES[table]
    names = [name.format(spelled) for spelled in SPLITS[split]]
    places = [base / inner / file for base in (root, root / "dataset") for inner in (folder, ".") for file in names]
    return next((path for path in places if path.is_file()), None)


def bare(volume: str) -> str:
    """A volume's name without folders and suffix: `train_1_a_1` of `train_1_a_1.nii.gz`."""
    name = volume.replace("\\", "/").rpartition("/")[2]
    for suffix in (".nii.gz", ".nii", ".npz", ".npy"):
        name = name.removesuffix(suffix)
    return name


def lengths(cell: str) -> tuple[float, ...]:
    """Numbers of a cell: `"[0.68, 0.68]"`, as the metadata spells a pair, or `1.5`; () where it holds none."""
    try:
        value = json.loads(cell)
    except ValueError:
        return ()
    values = value if isinstance(value, list) else [value]
    return tuple(map(float, values)) if all(type(v) in (int, float) for v in values) else ()


def labels_of(cells: Cells) -> dict[str, int | None]:
    """The labels of a row by the set's names: 1, 0, or None where the cell is empty or NaN.

    Raises
    ------
    Refused
        `labels_differ`: the row lacks one of the 18, or holds another value.
    """
    values: dict[str, int | None] = {}
    spelled = {name.lower(): value for name, value in cells.items()}
    for name in label_names("ct_rate"):
        cell = spelled.get(name.lower())
        if cell is None:
            raise Refused("labels_differ", "", "the table of labels lacks one of CT-RATE's 18")
        values[name] = _label(cell)
    return values


def _label(cell: str) -> int | None:
    if cell.strip().lower() in ("", "nan", "none"):
        return None
    try:
        number = float(cell)
    except ValueError:
        number = -1.0
    if number not in (0.0, 1.0):
        raise Refused("labels_differ", "", "a label is neither 0 nor 1")
    return int(number)


def _rows(path: Path, table: str, broken: list[tuple[str, str]]) -> Iterator[tuple[str, Cells]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        missing = [name for name in _COLUMNS[table] if name not in header]
        if missing:
            raise UsageError(f"source.path: {path.name} has no column {missing[0]}")
        at = header.index("VolumeName")
        for cells in reader:
            if len(cells) != len(header):
                broken.append((table, bare(cells[at]) if at < len(cells) else f"line {reader.line_num}"))
            else:
                yield bare(cells[at]), dict(zip(header, cells, strict=True))
    except csv.Error:
        raise Refused("file_unreadable", path.name, f"line {reader.line_num} breaks the table's quoting") from None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Refused("file_unreadable", path.name, "the table is not UTF-8, or cannot be opened") from None
