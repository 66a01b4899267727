"""Source `vix_ray`: ViX-Ray, 5,400 Vietnamese chest X-rays with findings and impression (arXiv:2603.15513).

From the Hugging Face dataset MilitaryHospital175/VNMedical_bv175, for non-commercial use (its card says CC BY-NC-SA 4.0, its
metadata CC BY-NC 4.0); 4,320 train, 540 val, 540 test; 17 GB.  Read as downloaded (data/train-00000-of-000NN.parquet …) or
as `datasets.save_to_disk` saved it.  A row, invented:

    {"image": {"bytes": …, "path": null}, "findings": "Bóng mờ tim to. Phổi hai bên sáng.", "impressions": "Bóng mờ tim to.",
     "Ages": "72", "sex": "Nam", "view": "PA", "Ghi chú": "Chụp Xquang tim phổi thẳng", "Kỹ thuật": "Tư thế thẳng"}
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from docphim.errors import REASONS, Refused, UsageError
from docphim.files import content_key
from docphim.ingest.identities import Identities, load_key
from docphim.ingest.names import removal
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.repeated_shards import repeated
from docphim.ingest.reports import key_text
from docphim.ingest.shards import Shard, ShardRow, find_shards
from docphim.ingest.vix_ray_rows import Reader
from docphim.language.normalize import normalize
from docphim.progress import bar
from docphim.recipe import Section

#: For the cards of models that are trained on it.
LICENCE = "ViX-Ray, for non-commercial use: CC BY-NC-SA 4.0 by its card, CC BY-NC 4.0 by its metadata."

#: Field → the names under which a column may stand, spelled as by language/normalize.py; the first is the published one.
COLUMNS: dict[str, tuple[str, ...]] = {
    "image": ("image", "images", "img", "ảnh"),
    "findings": ("findings", "finding", "mô tả"),
    "impression": ("impressions", "impression", "kết luận"),
    "age": ("ages", "age", "tuổi"),
    "sex": ("sex", "gender", "giới tính", "giới"),
    "view": ("view", "view position", "tư thế"),
    "note": ("ghi chú", "note", "notes"),
    "technique": ("kỹ thuật", "technique"),
    "id": ("id", "study_id", "image_id"),
    "patient": ("patient", "patient_id", "patientid"),
}
_TEXT = tuple(field for field in COLUMNS if field != "image")


class Options(Section):
    """What may stand under `source:` beside `kind: vix_ray`.

    Attributes
    ----------
    path : str
        A folder of parquet files, at any depth, or a saved `datasets` folder.
    columns : dict
        Field of `COLUMNS` → the column's name, for a copy of the dataset with other names.
    comparisons : str
        `keep` sentences about earlier films, so that scores compare with the paper's, or `leave_out` them.
    deidentify : bool
        Take people out of the reports, and hash the ids of patients under the key of the `folder` source; by default not, for
        the dataset was published so.
    recogniser, doubtful : str
        As of the `folder` source, where people are taken out.
    """

    path: str
    columns: dict[str, str] = Field(default_factory=dict)
    comparisons: Literal["leave_out", "keep"] = "keep"
    deidentify: bool = False
    recogniser: str | None = None
    doubtful: Literal["refuse", "keep"] = "refuse"

    @field_validator("columns")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in COLUMNS:
                raise ValueError(f"{name!r} is not one of {', '.join(COLUMNS)}")
        return value


def fingerprint(options: Options) -> str:
    """A key of the shards' names, sizes and times and of the options.

    Raises
    ------
    Refused
        `file_missing`: there is no such folder, or no shard in it.
    """
    root = _root(options)
    stats = [(s.path.relative_to(root).as_posix(), s.path.stat()) for s in find_shards(root)]
    return content_key([options.model_dump(exclude={"path"}), [(name, s.st_size, s.st_mtime_ns) for name, s in stats]])


def read(
    options: Options, dataset: Path, notes: Notes, *, language: str, split_by_source: bool
) -> Iterator[SourceStudy | Rejection]:
    """Studies and rejections, a row at a time; of the image column no more is read than where its films are.

    Published ids are kept (of patients, only where people are not taken out), and made (`train-000017`: split and row) where
    the dataset has none.  A patient that is not named is the study itself.

    Raises
    ------
    UsageError
        A needed column is missing, or the splits are asked for and a shard's name says none.
    """
    people = removal(options.deidentify, options.recogniser, options.doubtful)
    notes.record["deidentified"] = people.on
    root = _root(options)
    shards = find_shards(root)
    if split_by_source and any(shard.split is None for shard in shards):
        raise UsageError("split.by: source needs shards named train, val or test (train-00000-of-00036.parquet, test/…)")
    data = dataset.resolve().parents[1]  # dataset is data/NAME/KEY
    hashes = Identities(load_key(None, [root, data, data.parent / "runs"]) if people.on else None)
    reader = Reader(notes, language, options.comparisons == "leave_out", split_by_source, people, hashes)
    notes.record["shards"] = len(shards)
    refused = _refused(shards, options, root, split_by_source)
    yield from (_of_shard(shard, *why, root) for shard, why in refused.items())
    good = [shard for shard in shards if shard not in refused]
    reader.twice = _contradicting(good, options)
    for shard, row in bar(_rows(good, options), sum(shard.count for shard in good), "rows"):
        yield _of_shard(shard, "file_unreadable", "it breaks off", root) if row is None else reader.study(shard, row, root)


def _refused(shards: list[Shard], options: Options, root: Path, split_by_source: bool) -> dict[Shard, tuple[str, str]]:
    """Reason code and sentence of shards that cannot be read, and of those that hold another one's rows."""
    refused = {shard: ("file_unreadable", "it is cut short, or no parquet") for shard in shards if not shard.opens}
    readable = [shard for shard in shards if shard not in refused]
    again = repeated(readable, lambda shard: places(shard.columns, options.columns), root)
    for later, first in again.items():
        if split_by_source and later.split != first.split:
            why = "patient_in_two_splits", "its rows stand in a shard of another split too"
            refused |= {first: why, later: why}
        else:
            refused.setdefault(later, ("shard_repeated", REASONS["shard_repeated"]))
    return refused


def _rows(shards: Iterable[Shard], options: Options) -> Iterator[tuple[Shard, ShardRow | None]]:
    """The rows of every shard; None where one breaks off, and the next shard's after it."""
    for shard in shards:
        try:
            yield from ((shard, row) for row in shard.rows(places(shard.columns, options.columns), _TEXT))
        except Refused:
            yield shard, None


def _contradicting(shards: Iterable[Shard], options: Options) -> set[str]:
    """Published ids under which several rows say different things; of the shards their texts alone are read."""
    texts: dict[str, set[bytes]] = defaultdict(set)
    for shard in shards:
        columns = places(shard.columns, options.columns)
        if "id" not in columns:
            continue
        try:
            for _, cells in shard.texts({field: columns[field] for field in _TEXT if field in columns}):
                texts[key_text(str(cells["id"]))].add(hashlib.sha256(repr(cells).encode()).digest())
        except Refused:  # where it breaks off is told when its rows are read
            continue
    return {name for name, several in texts.items() if name and len(several) > 1}


def _of_shard(shard: Shard, reason: str, why: str, root: Path) -> Rejection:
    name = Identities(None).hashed("file", shard.path.relative_to(root).as_posix())
    return Rejection(name, reason, why, (str(shard.path),))


def places(columns: list[str], named: dict[str, str]) -> dict[str, str]:
    """Field → column of a shard.

    Raises
    ------
    UsageError
        A column that the recipe names, or one of image and findings or impression, is missing.
    """
    spelled = {normalize(name): name for name in columns}
    for field, name in named.items():
        if normalize(name) not in spelled:
            raise UsageError(f"source.columns.{field}: there is no column {name!r}; columns: {', '.join(columns)}")
    columns_of = {field: spelled[normalize(name)] for field, name in named.items()}
    for field, names in COLUMNS.items():
        known = [spelled[n] for n in names if n in spelled]
        if field not in columns_of and known:
            columns_of[field] = known[0]
    if "image" not in columns_of or not ({"findings", "impression"} & set(columns_of)):
        raise UsageError(f"source.columns: name the columns of image, findings and impression; columns: {', '.join(columns)}")
    return columns_of


def _root(options: Options) -> Path:
    root = Path(options.path).expanduser()
    if not root.is_dir():
        raise Refused("file_missing", "source.path", "there is no such folder")
    return root.resolve()
