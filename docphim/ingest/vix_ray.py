"""Source `vix_ray`: ViX-Ray, 5,400 Vietnamese chest X-rays with findings and impression (arXiv:2603.15513).

From the Hugging Face dataset MilitaryHospital175/VNMedical_bv175, for non-commercial use (its card says CC BY-NC-SA 4.0, its
metadata CC BY-NC 4.0); 4,320 train, 540 val, 540 test; 17 GB.  Read as downloaded (data/train-00000-of-000NN.parquet …) or
as `datasets.save_to_disk` saved it.  A row, invented:

    {"image": {"bytes": …, "path": null}, "findings": "Bóng mờ tim to. Phổi hai bên sáng.", "impressions": "Bóng mờ tim to.",
     "Ages": "72", "sex": "Nam", "view": "PA", "Ghi chú": "Chụp Xquang tim phổi thẳng", "Kỹ thuật": "Tư thế thẳng"}
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from docphim.errors import REASONS, Refused, UsageError
from docphim.files import content_key
from docphim.ingest.identities import Identities
from docphim.ingest.names import Removal, announced, removal, remove_identities
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.reports import cell_text, key_text
from docphim.ingest.shards import Shard, ShardRow, find_shards
from docphim.ingest.values import age_of, sex_of, view_of
from docphim.language.normalize import normalize
from docphim.language.sections import leave_out_comparisons, tidy
from docphim.progress import bar
from docphim.recipe import Section
from docphim.study import Report, Series, Study

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
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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
        Take people out of the reports; by default not, for the dataset was published so.
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
    """Studies and rejections, a row at a time; of the image column nothing is read.

    Published ids are kept, and made (`train-000017`: split and row) where the dataset has none.  A patient that is not named
    is the study itself.

    Raises
    ------
    UsageError
        A needed column is missing, or the splits are asked for and a shard's name says none.
    Refused
        `file_unreadable`: a shard cannot be read.
    """
    people = removal(options.deidentify, options.recogniser, options.doubtful)
    shards = find_shards(_root(options))
    if split_by_source and any(shard.split is None for shard in shards):
        raise UsageError("split.by: source needs shards named train, val or test (train-00000-of-00036.parquet, test/…)")
    reader = _Reader(notes, language, options.comparisons == "leave_out", split_by_source, people)
    rows: Iterator[tuple[Shard, ShardRow]] = (
        (shard, row) for shard in shards for row in shard.rows(places(shard.columns, options.columns), _TEXT)
    )
    notes.record["shards"] = len(shards)
    for shard, row in bar(rows, sum(shard.count for shard in shards), "rows"):
        yield reader.study(shard, row)


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


class _Reader:
    """Makes studies of rows, counting rows by split for the ids."""

    def __init__(self, notes: Notes, language: str, leave_out: bool, split_by_source: bool, people: Removal) -> None:
        self._notes, self._language, self._people = notes, language, people
        self._leave_out, self._split_by_source = leave_out, split_by_source
        self._rows: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._hashes = Identities(None)

    def study(self, shard: Shard, row: ShardRow) -> SourceStudy | Rejection:
        """One row's study, or why there is none."""
        place = shard.split or "row"
        made, number = f"{place}-{self._rows[place]:06d}", self._rows[place]
        self._rows[place] += 1
        cells = {field: key_text(str(value)) for field, value in row.cells.items() if value is not None}
        published = cells.get("id", "")
        name = published if _SAFE_ID.fullmatch(published) else made
        if name in self._seen:
            why = f"row {number} of {place} repeats the id of another row"
            return Rejection(made, "report_ambiguous", why, (row.location,), published)
        self._seen.add(name)
        try:
            report = self._report(cells)
        except Refused as refusal:
            return Rejection(name, refusal.reason, REASONS[refusal.reason], (row.location,), published or made)
        if isinstance(report, str):
            return Rejection(name, report, REASONS[report], (row.location,), published or made)
        view = _view(cells)
        if view in ("lateral", "oblique"):
            return Rejection(name, "view_out_of_scope", REASONS["view_out_of_scope"], (row.location,), published or made)
        patient = cells.get("patient", "")
        self._notes.counts["patients_unknown"] += not patient
        study = Study(
            id=name,
            patient=patient if _SAFE_ID.fullmatch(patient) else self._hashes.hashed("patient", patient) if patient else name,
            sex=sex_of(cells.get("sex", "")),
            age=age_of(cells.get("age", "")),
            date=None,
            series=[Series(id=f"{name}-1", modality="xray", path=f"prepared/{name}-1.b2nd", view=view)],
            report=report,
            labels=None,
            split=shard.split if self._split_by_source else None,
            source="vix_ray",
        )
        return SourceStudy(study, {f"{name}-1": row.location}, published or made)

    def _report(self, cells: dict[str, str]) -> Report | str:
        """The report, or the reason why there is none."""
        sections = {section: tidy(cell_text(cells.get(section, ""))) for section in ("findings", "impression")}
        if self._people.on:
            sections, doubtful = self._without_people(sections, cells)
            if doubtful and not self._people.keep_doubtful:
                return "identity_doubtful"
        texts: dict[str, str] = {}
        left_out: list[str] = []
        for section, text in sections.items():
            rest, out = leave_out_comparisons(text, self._language)
            left_out += out
            texts[section] = rest if self._leave_out else text
        self._notes.counts["comparing_sentences"] += len(left_out)
        self._notes.counts["reports_with_comparisons"] += bool(left_out)
        texts = {section: text for section, text in texts.items() if text}
        if not texts:
            return "report_empty"
        return Report(self._language, texts, {"comparison": left_out} if left_out and self._leave_out else {})

    def _without_people(self, sections: dict[str, str], cells: dict[str, str]) -> tuple[dict[str, str], bool]:
        """The sections without people, and whether one still seems to hold a signature."""
        names, numbers = announced("\n".join(sections.values()))
        numbers += [cells[field] for field in ("id", "patient") if field in cells]
        cleaned = {
            section: remove_identities(text, names, numbers, language=self._language, recogniser=self._people.recogniser)
            for section, text in sections.items()
        }
        for one in cleaned.values():
            self._notes.counts.update({f"people_{kind}s": n for kind, n in one.removed.items()})
        return {section: one.text for section, one in cleaned.items()}, any(one.doubtful for one in cleaned.values())


def _view(cells: dict[str, str]) -> str:
    """The view of its own column, else lateral where note or technique say so and nothing of a frontal film."""
    view = view_of(cells.get("view", ""))
    words = re.findall(r"\w+", normalize(f"{cells.get('note', '')} {cells.get('technique', '')}"))
    return "lateral" if view == "unknown" and "nghiêng" in words and "thẳng" not in words else view


def _root(options: Options) -> Path:
    root = Path(options.path).expanduser()
    if not root.is_dir():
        raise Refused("file_missing", "source.path", "there is no such folder")
    return root.resolve()
