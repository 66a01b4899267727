"""Source `folder`: any tree of films (DICOM, PNG, JPEG, TIFF), CT scans or PET/CT with a table of reports; see docs/data.md.

films/0001/IM1.dcm, films/0001/IM2.dcm, …  and  reports.csv:
Mã phiếu;Tuổi;Giới;Mô tả;Kết luận
00123;72;Nam;Bóng mờ tim to. Phổi hai bên sáng.;Bóng mờ tim to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from docphim.errors import Refused, UsageError
from docphim.files import content_key
from docphim.ingest import refusals
from docphim.ingest.assemble import Assembler
from docphim.ingest.drafts import Draft
from docphim.ingest.films import find_films
from docphim.ingest.finder import RULES, usable_rules
from docphim.ingest.identities import Identities, load_key
from docphim.ingest.kept_ids import unkept
from docphim.ingest.matching import Match, match
from docphim.ingest.names import removal
from docphim.ingest.persons import mismatched
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.reports import DOCUMENTS, FIELDS, SUFFIXES, Reading, Table, merged
from docphim.ingest.reports.gathered import Reports, gather, of_file
from docphim.ingest.tree import Entry, walk
from docphim.recipe import Section

#: For the cards of models that are trained on it.
LICENCE = "a folder of studies; who may have them may have the weights, and nobody else."


class Options(Section):
    """What may stand under `source:` beside `kind: folder`.

    Attributes
    ----------
    reports : str, optional
        A table, or a folder with one and documents, absolute or relative to `path`; by default the folder itself.
    columns : dict
        Field → column name, for what columns.yaml does not recognise; a field named here counts more than the header.
    match : str, optional
        How rows find films; by default the rule by which most do.
    ids : str
        `hash`, or `keep` for published datasets: ids, full dates and ages over 90 stay.
    key_file : str, optional
        Where the key of the hashed ids is; by default $DOCPHIM_KEY_FILE or ~/.config/docphim/key.
    comparisons : str
        `leave_out` sentences about earlier films, or `keep` them.
    rows : str
        Rows of one study that differ (an addendum): `refused` (`report_duplicate`), the `last` one, or `joined`.
    without_report : str
        `refuse` films without a report, or `keep` them (they are prepared and drafted, not trained on, not scored).  `only`
        looks for no table and keeps every film: what `docphim draft` does.
    deidentify : bool, optional
        Take people out of the reports; by default where ids are hashed.
    recogniser : str, optional
        `underthesea` reads the reports beside the rules (the `[deid]` extra).
    doubtful : str
        `refuse` a report that still seems to hold a signature, or `keep` it.
    modalities : list
        What is read: `xray`, `ct` (DICOM series and NIfTI files), `pet` (DICOM series), with it `pet_ct` (the CT of a PET/CT);
        the rest is refused.
    """

    path: str
    reports: str | None = None
    sheet: str | None = None
    header_row: int | None = Field(default=None, ge=1)
    encoding: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    match: Literal["accession", "study_uid", "patient_date", "file_name"] | None = None
    ids: Literal["hash", "keep"] = "hash"
    key_file: str | None = None
    comparisons: Literal["leave_out", "keep"] = "leave_out"
    without_report: Literal["refuse", "keep", "only"] = "refuse"
    rows: Literal["refused", "last", "joined"] = "refused"
    deidentify: bool | None = None
    recogniser: str | None = None
    doubtful: Literal["refuse", "keep"] = "refuse"
    modalities: list[Literal["xray", "ct", "pet", "pet_ct"]] = Field(["xray"], min_length=1)

    @field_validator("columns")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in FIELDS:
                raise ValueError(f"{name!r} is not one of {', '.join(FIELDS)}")
        return value

    @field_validator("modalities")
    @classmethod
    def _with_pet(cls, value: list[str]) -> list[str]:
        if "pet_ct" in value and "pet" not in value:
            raise ValueError("pet_ct is the CT of a PET/CT: name pet with it")
        return value


def fingerprint(options: Options) -> str:
    """A key of the folder's names, sizes and times, the table's and the options'; no file is read.

    Raises
    ------
    Refused
        `file_missing`: there is no such folder.
    """
    root = root_of(options)
    # A name that is no UTF-8 costs that file, not the source: here it stands with its bytes written out.
    names = ((e.relative.encode("utf-8", "backslashreplace").decode(), e) for e in walk(root))
    listed: list[object] = [[name, e.size, e.modified, e.refused] for name, e in names]
    if options.reports and (place := root / Path(options.reports).expanduser()).exists():
        listed += [[e.size, e.modified] for e in walk(place)]
    films = {"modalities"} if options.modalities == ["xray"] else set()  # the key is that of before scans were read
    return content_key([options.model_dump(exclude={"path", *films}), listed])


def read(
    options: Options, dataset: Path, notes: Notes, *, language: str, split_by_source: bool
) -> Iterator[SourceStudy | Rejection]:
    """Studies and rejections of a folder.

    Raises
    ------
    UsageError
        No table of reports is found, or it lacks the columns that are needed.
    """
    deidentify = options.ids == "hash" if options.deidentify is None else options.deidentify
    people = removal(deidentify, options.recogniser, options.doubtful)
    notes.record["deidentified"] = people.on
    root = root_of(options)
    entries = list(walk(root))
    listed = [(root, entries), *_outside(options, root)]
    reports = _reports(options, root, entries)
    if not reports.tables and split_by_source:
        raise UsageError("split.by: source needs a table with a column that says train, val or test")
    for table in reports.tables[:1]:
        _check_columns(table, options, split_by_source)
    shared = _drafts_folders if options.without_report == "only" else _shared_folders
    identities = Identities(None if options.ids == "keep" else load_key(options.key_file, shared(root, dataset)))
    films, rejected = find_films(entries, identities, notes, options.modalities)
    yield from rejected
    yield from refusals.unreadable(reports, identities, root)
    matched = match(films, reports.tables, options.match)
    _note(notes, reports, matched)
    yield from refusals.refused_rows(matched.refused, identities, root)
    strangers = mismatched(matched.drafts, notes.counts)
    if options.rows != "refused":  # of strangers every row is to be found again
        _merge([draft for draft in matched.drafts if draft.name not in strangers], options.rows, notes)
    named = reports.table.named if reports.table else frozenset()
    assembler = Assembler(identities, notes, language, options.comparisons == "leave_out", named, people)
    drafts = [*matched.drafts, *matched.alone]
    left_out = {name: ("id_unsafe", why) for name, why in unkept(drafts, assembler.patients).items()} if identities.keep else {}
    left_out |= {name: ("patient_mismatch", why) for name, why in strangers.items()}
    studies: list[SourceStudy] = []
    need_report = options.without_report == "refuse"
    for draft in drafts:
        if draft.name in left_out:
            yield refusals.left_out(draft, *left_out[draft.name], identities)
            continue
        for item in assembler.assemble(draft, split_by_source=split_by_source, need_report=need_report):
            if isinstance(item, SourceStudy):
                studies.append(item)
            else:
                rows = draft.rows if item.reason != "view_out_of_scope" else ()  # some of its films, not its report
                yield replace(item, places=(*item.places, *(row.place for row in rows)))
    yield from refusals.one_split_each(studies)
    yield from refusals.changed_meanwhile(listed, identities)


def root_of(options: Options) -> Path:
    """The folder, or the one file, resolved.

    Raises
    ------
    Refused
        `file_missing`; `unsafe_path`, where its own path is no UTF-8.
    """
    root = Path(options.path).expanduser()
    if not (root.is_dir() or root.is_file()):
        raise Refused("file_missing", "source.path", "there is no such folder")
    root = root.resolve()
    try:
        str(root).encode()
    except UnicodeEncodeError:
        raise Refused("unsafe_path", "source.path", "its path is no UTF-8; rename it, or give a link to it") from None
    return root


def _reports(options: Options, root: Path, entries: Sequence[Entry]) -> Reports:
    """The reports that the recipe names, or those of the folder."""
    if options.without_report == "only":
        return Reports()
    reading = Reading(options.columns, options.encoding, options.sheet, options.header_row)
    place = _named(options.reports, root) if options.reports else root
    if options.reports and place.is_file():
        return of_file(place, reading)
    inside = entries if place.is_relative_to(root) else list(walk(place))
    files = [entry.path for entry in inside if not entry.refused and entry.path.is_relative_to(place)]
    tables = [path for path in files if path.parent == place and path.suffix.lower() in SUFFIXES]
    documents = [path for path in files if path.suffix.lower() in DOCUMENTS]
    return gather(tables, documents, reading, needed=options.without_report == "refuse" or bool(options.reports))


def _outside(options: Options, root: Path) -> list[tuple[Path, list[Entry]]]:
    """The file or folder of reports that lies outside the folder of films, and what is in it."""
    if options.reports is None or options.without_report == "only":
        return []
    place = (root / Path(options.reports).expanduser()).resolve()
    return [(place, list(walk(place)))] if place.exists() and not place.is_relative_to(root) else []


def _named(name: str, root: Path) -> Path:
    """The file, or the folder, that the recipe names."""
    path = root / Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if not path.is_file():
        raise UsageError("source.reports: there is no such file; give it as an absolute path or relative to source.path")
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"source.reports: must be one of {', '.join(SUFFIXES)}, or a folder of documents")
    return path


def _check_columns(table: Table, options: Options, split_by_source: bool) -> None:
    if not table.columns & {"findings", "impression", "text"}:
        raise UsageError("source.columns: say which column holds the findings, the impression or the whole text")
    rules = usable_rules(table)
    if options.match and options.match not in rules:
        needed = " or ".join("+".join(group) for group in RULES[options.match])
        raise UsageError(f"source.match: {options.match} needs the column {needed}; name it under source.columns")
    if not rules:
        raise UsageError(
            "source.columns: say which column finds the film: id, accession, study_uid, image, or patient and date"
        )
    if split_by_source and "split" not in table.columns:
        raise UsageError("split.by: source needs a column that says train, val or test; name it as source.columns.split")


def _shared_folders(root: Path, dataset: Path) -> list[Path]:
    """Where a key must not lie: the source, the data folder (dataset is data/NAME/KEY) and the runs beside it."""
    data = dataset.resolve().parents[1]
    return [root, data, data.parent / "runs"]


def _drafts_folders(root: Path, dataset: Path) -> list[Path]:
    """Where a key must not lie when films alone are read: among them, and where the drafts go."""
    return [root, dataset.resolve().parent]


def _merge(drafts: Sequence[Draft], rule: Literal["last", "joined"], notes: Notes) -> None:
    """Let one row speak of each study, and count those that it stands for."""
    for draft in drafts:
        rows = merged(draft.rows, rule)
        notes.counts[f"report_rows_{rule}"] += len(draft.rows) - len(rows)
        draft.rows_as_read, draft.rows = draft.rows, rows


def _note(notes: Notes, reports: Reports, matched: Match) -> None:
    """How the reports were read, and by which rule their rows found films: of the table, of documents beside it."""
    records = [{**table.record, "rows": len(table.rows)} for table in reports.tables]
    rules = [{"rule": by.rule, "rows_matched": by.tried} for by in matched.rules]
    notes.record["table"] = records[0] if records else None
    notes.record["match"] = rules[0] if rules else None
    if len(records) > 1:
        notes.record["documents"] = {**records[1], **rules[1]}
    notes.counts["zeros_restored"] = matched.restored
