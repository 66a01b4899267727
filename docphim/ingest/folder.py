"""Source `folder`: any tree of DICOM, PNG, JPEG and TIFF with a table of reports (CSV, TSV, JSONL, XLSX); see docs/data.md.

films/0001/IM1.dcm, films/0001/IM2.dcm, …  and  reports.csv:
Mã phiếu;Tuổi;Giới;Mô tả;Kết luận
00123;72;Nam;Bóng mờ tim to. Phổi hai bên sáng.;Bóng mờ tim to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from docphim.errors import REASONS, Refused, UsageError
from docphim.files import content_key
from docphim.ingest.assemble import Assembler
from docphim.ingest.films import find_films
from docphim.ingest.identities import Identities, load_key
from docphim.ingest.matching import RULES, Draft, Match, match, usable_rules
from docphim.ingest.names import removal
from docphim.ingest.persons import mismatched
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.reports import DOCUMENTS, FIELDS, SUFFIXES, Row, Table, has_reports, merged, read_documents, read_table
from docphim.ingest.tree import Entry, walk
from docphim.recipe import Section


class Options(Section):
    """What may stand under `source:` beside `kind: folder`.

    Attributes
    ----------
    reports : str, optional
        The table, absolute or relative to `path`; by default the only one in the folder itself that holds report text.
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

    @field_validator("columns")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in FIELDS:
                raise ValueError(f"{name!r} is not one of {', '.join(FIELDS)}")
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
    if options.reports and (table := root / Path(options.reports).expanduser()).is_file():
        listed.append([table.stat().st_size, table.stat().st_mtime_ns])
    return content_key([options.model_dump(exclude={"path"}), listed])


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
    root = root_of(options)
    entries = list(walk(root))
    table_path = _table_path(options, root, entries)
    if table_path is None and split_by_source:
        raise UsageError("split.by: source needs a table with a column that says train, val or test")
    table = None if table_path is None else _table(table_path, options, entries)
    if table is not None:
        _check_columns(table, options, split_by_source)
    shared = _drafts_folders if options.without_report == "only" else _shared_folders
    identities = Identities(None if options.ids == "keep" else load_key(options.key_file, shared(root, dataset)))
    films, rejected = find_films(entries, identities, notes)
    yield from rejected
    rule = options.match or (None if table else "file_name")
    matched = match(films, table or Table([], frozenset(), frozenset(), {}), rule)
    for draft in matched.drafts:
        draft.rows = merged(draft.rows, options.rows)
    _note(notes, table, matched)
    yield from _refused_rows(matched.refused, identities, table_path)
    assembler = Assembler(
        identities, notes, language, options.comparisons == "leave_out", table.named if table else frozenset(), people
    )
    studies: list[SourceStudy] = []
    need_report = options.without_report == "refuse"
    strangers = mismatched(matched.drafts, notes.counts)
    for draft in [*matched.drafts, *matched.alone]:
        if draft.name in strangers:
            yield _stranger(draft, identities, table_path)
            continue
        for item in assembler.assemble(draft, split_by_source=split_by_source, need_report=need_report):
            if isinstance(item, SourceStudy):
                studies.append(item)
            else:
                rows = draft.rows if item.reason != "view_out_of_scope" else ()  # some of its films, not its report
                yield replace(item, places=(*item.places, *_row_places(rows, table_path)))
    yield from _one_split_each(studies)


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


def _table_path(options: Options, root: Path, entries: Iterable[Entry]) -> Path | None:
    if options.without_report == "only":
        return None
    if options.reports:
        return _named_table(options.reports, root)
    near = [e.path for e in entries if "/" not in e.relative and e.path.suffix.lower() in SUFFIXES and not e.refused]
    how = (options.encoding, options.sheet, options.header_row)
    tables = near if options.columns else [path for path in near if has_reports(path, *how)]
    if len(tables) == 1 or (not tables and len(near) == 1 and options.without_report == "refuse"):
        return (tables or near)[0]  # reading it says why the only table is none
    if not tables and _documents(root, entries):
        return root
    if not tables and options.without_report == "keep":
        return None
    why = "holds no table with report text" if not tables else f"holds {len(tables)} tables"
    raise UsageError(f"source.reports: the folder {why}; name the one with the reports, and its columns under source.columns")


def _named_table(name: str, root: Path) -> Path:
    """The file, or the folder of documents, that the recipe names."""
    path = root / Path(name).expanduser()
    if path.is_dir():
        return path
    if not path.is_file():
        raise UsageError("source.reports: there is no such file; give it as an absolute path or relative to source.path")
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"source.reports: must be one of {', '.join(SUFFIXES)}, or a folder of documents")
    return path


def _table(path: Path, options: Options, entries: Iterable[Entry]) -> Table:
    """The table of reports, or, where `path` is a folder, the documents in it, a row each."""
    if path.is_dir():
        return read_documents(_documents(path, entries), encoding=options.encoding)
    sheet, header_row = options.sheet, options.header_row
    return read_table(path, columns=options.columns, encoding=options.encoding, sheet=sheet, header_row=header_row)


def _documents(folder: Path, entries: Iterable[Entry]) -> list[Path]:
    files = (entry.path for entry in entries if not entry.refused and entry.path.suffix.lower() in DOCUMENTS)
    return [path for path in files if path.is_relative_to(folder)]


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


def _note(notes: Notes, table: Table | None, matched: Match) -> None:
    notes.record["table"] = table.record if table else None
    notes.record["match"] = {"rule": matched.rule, "rows_matched": matched.tried}
    notes.counts["zeros_restored"] = matched.restored


def _refused_rows(refused: list[tuple[Row, str]], identities: Identities, table: Path | None) -> Iterator[Rejection]:
    for row, reason in refused:
        known = next((row.get(f) for f in ("id", "accession", "study_uid", "image") if row.get(f)), "")
        name = identities.hashed("row", known or str(row.number))
        why = f"{REASONS[reason]} (row {row.number} of the table)"
        yield Rejection(name, reason, why, _row_places([row], table), known)


def _row_places(rows: Iterable[Row], table: Path | None) -> tuple[str, ...]:
    """Where rows are, for private.csv: `table:FILE#LINE`, or `table:FILE#SHEET!LINE`; a document is its own place."""
    if table is not None and table.is_dir():
        return tuple(row.sheet for row in rows)
    return tuple(f"table:{table}#{row.sheet + '!' if row.sheet else ''}{row.number}" for row in rows)


def _stranger(draft: Draft, identities: Identities, table: Path | None) -> Rejection:
    places = (*(image.location for image in draft.images), *_row_places(draft.rows, table))
    return Rejection(identities.study(draft.name), "patient_mismatch", REASONS["patient_mismatch"], places, draft.original)


def _one_split_each(studies: list[SourceStudy]) -> Iterator[SourceStudy | Rejection]:
    """Refuse every study of a patient whom the table puts into more than one split."""
    splits: dict[str, set[str | None]] = defaultdict(set)
    for item in studies:
        splits[item.study.patient].add(item.study.split)
    for item in studies:
        if len(splits[item.study.patient]) == 1:
            yield item
        else:
            places = tuple(item.locations.values())
            why = REASONS["patient_in_two_splits"]
            yield Rejection(item.study.id, "patient_in_two_splits", why, places, item.original_id)
