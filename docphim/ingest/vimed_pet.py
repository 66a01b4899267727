"""Source `vimed_pet`: ViMed-PET, 2,757 whole-body PET/CT with Vietnamese reports, translated into English (arXiv:2509.24739).

Read as its mirror lies on disk.  A row of metadata.csv, invented, and the report that it names:

    name,sex,height,weight,year,pet_path,ct_path,report_path,report_en_path
    patient_7,F,1.58,52.0,2017,PETCT2017/THANG 9/PET/day_4_patient_7.npz,PETCT2017/THANG 9/CT/day_4_patient_7.npz,…
    {"Mô tả hình ảnh": {"Đầu - cổ": "Không thấy hạch.", "Lồng ngực": "Nốt phổi phải."}, "Nhận định kết quả": "Theo dõi u phổi."}

The volumes are arrays `data`, int16 (slices, rows, columns), without spacing, dose or factor: nothing makes SUV or mm of them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from docphim.errors import REASONS, Refused
from docphim.files import content_key
from docphim.imaging.io.locations import Key, pair
from docphim.ingest import vimed_reports as reports
from docphim.ingest import vimed_tables as tables
from docphim.ingest.identities import Identities, is_public
from docphim.ingest.names import Removal, announced, removal, without_people
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.values import sex_of
from docphim.ingest.vimed_reports import Piece
from docphim.ingest.vimed_tables import Row
from docphim.language.sections import leave_out_comparisons
from docphim.progress import bar
from docphim.recipe import Section
from docphim.study import Report, Series, Study

#: The array of a volume's file.
ARRAY = "data"
#: Folders that say only what lies in them, and so nothing of a study's name.
_KINDS = ("reports", "reports_en")


class Options(Section):
    """What may stand under `source:` beside `kind: vimed_pet`.

    Attributes
    ----------
    path : str
        The folder of metadata.csv, whose paths lead on from there.
    ct : bool
        Whether a study's CT is read too; without, it is its PET alone.
    comparisons : str
        `keep` sentences about earlier scans, so that scores compare with the paper's, or `leave_out` them.
    deidentify, recogniser, doubtful
        As of the source `vix_ray`: people are taken out only if asked for, for the dataset was published so.
    """

    path: str
    ct: bool = True
    comparisons: Literal["leave_out", "keep"] = "keep"
    deidentify: bool = False
    recogniser: str | None = None
    doubtful: Literal["refuse", "keep"] = "refuse"

    @property
    def needs(self) -> dict[str, str]:
        """Keys that are set and the modality whose preparing each needs, beside that of the volumes."""
        return {"ct": "pet_ct"} if self.ct else {}


def fingerprint(options: Options) -> str:
    """A key of the table, of the names, sizes and times of the files that it names, and of the options.

    Raises
    ------
    Refused
        `file_missing`: there is no such folder, or no table in it.
    """
    root = _root(options)
    columns = ("pet_path", *(["ct_path"] if options.ct else []), *tables.REPORTS.values())
    rows, broken = tables.read(root, ("pet_path",))
    listed: list[object] = [options.model_dump(exclude={"path"}), broken]
    listed += [[dict(row.cells), [_state(root, row.get(column)) for column in columns]] for row in rows]
    return content_key(listed)


def _state(root: Path, cell: str) -> list[int] | None:
    try:
        stat = tables.place(root, cell).stat()
    except (OSError, ValueError, Refused):
        return None
    return [stat.st_size, stat.st_mtime_ns]


def read(
    options: Options, dataset: Path, notes: Notes, *, language: str, split_by_source: bool
) -> Iterator[SourceStudy | Rejection]:
    """A study a row, joined to its report by the report's path: names begin anew each year.

    A patient is a name in a year: where that comes twice it is most likely one person, who must not be in two splits; the
    paper's own split has such (`patients_in_two_splits` of ingest_notes.json, and leaks.json).

    Raises
    ------
    UsageError
        The table lacks a column.
    """
    people = removal(options.deidentify, options.recogniser, options.doubtful)
    notes.record["deidentified"] = people.on
    root = _root(options)
    needed = ("pet_path", tables.REPORTS[language], *(["ct_path"] if options.ct else []))
    rows, broken = tables.read(root, needed)
    for number in broken:
        why = f"row {number} of {tables.TABLE} has more or fewer cells than the header"
        yield Rejection(f"row-{number}", "row_unreadable", why, (str(root / tables.TABLE),))
    reader = _Reader(options, notes, root, language, people, split_by_source)
    studies: list[Study] = []
    volumes = ("pet_path", *(["ct_path"] if options.ct else []))
    for row in bar(_distinct(rows, tables.REPORTS[language], volumes, notes), len(rows), "reports"):
        item = row if isinstance(row, Rejection) else reader.study(row)
        studies += [item.study] if isinstance(item, SourceStudy) else []
        yield item
    _count_repeated(studies, notes)


def _distinct(rows: Sequence[Row], column: str, volumes: Sequence[str], notes: Notes) -> Iterator[Row | Rejection]:
    """One row a report; those that give one report, or one PET or CT, to several studies are refused."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.get(column) or f"row-{row.number}"].append(row)
    used = Counter(path for group in groups.values() for path in _volumes(group[0], volumes))
    names = Counter(_name(group[0], column) for group in groups.values())
    for group in groups.values():
        first, *others = group
        if any(row.cells != first.cells for row in others):
            why = f"{len(group)} rows name one report and differ"
            yield Rejection(_name(first, column), "report_ambiguous", why, (), first.get(column))
        elif any(used[path] > 1 for path in _volumes(first, volumes)):
            yield Rejection(_name(first, column), "report_duplicate", "", (), first.get(column))
        elif names[_name(first, column)] > 1:
            yield Rejection(f"row-{first.number}", "id_unsafe", "", (), first.get(column))
        else:
            notes.counts["rows_repeated"] += len(others)
            yield first


def _volumes(row: Row, columns: Sequence[str]) -> list[str]:
    return [path.replace("\\", "/") for column in columns if (path := row.get(column))]


def _name(row: Row, column: str) -> str:
    """A study's id: its report's path, without what says only that it is a report."""
    parts = PurePosixPath(row.get(column).replace("\\", "/").removesuffix(".json")).parts
    name = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "_", part) for part in parts if part not in _KINDS)
    return name if is_public(name) else Identities(None).hashed("study", row.get(column) or f"row-{row.number}")


def _count_repeated(studies: Sequence[Study], notes: Notes) -> None:
    """Note how many patients come more than once, and how many of these in several splits."""
    splits: dict[str, list[str | None]] = defaultdict(list)
    for study in studies:
        splits[study.patient].append(study.split)
    repeated = [of for of in splits.values() if len(of) > 1]
    notes.counts["patients_repeated"] += len(repeated)
    notes.counts["patients_in_two_splits"] += sum(len(set(of)) > 1 for of in repeated)


class _Reader:
    """Makes the study of a row, or says why there is none."""

    def __init__(
        self, options: Options, notes: Notes, root: Path, language: str, people: Removal, split_by_source: bool
    ) -> None:
        self._options, self._notes, self._root = options, notes, root
        self._language, self._people, self._split_by_source = language, people, split_by_source

    def study(self, row: Row) -> SourceStudy | Rejection:
        """The study of a row."""
        column = tables.REPORTS[self._language]
        name, original = _name(row, column), row.get(column)
        places: list[str] = []
        try:
            locations = self._locations(row, name)
            places = list(locations.values())
            if not tables.are_one_patients(row, ("pet_path", column)):
                raise Refused("study_mixed_patients", "", "the files of the PET and of the report name two patients")
            report = self._report(row)
        except Refused as refusal:
            return Rejection(name, refusal.reason, refusal.why or REASONS[refusal.reason], tuple(places), original)
        series = [Series(f"{name}-pet", "pet", f"prepared/{name}-pet.b2nd", "none")]
        if self._options.ct:
            series.append(Series(f"{name}-ct", "pet_ct", f"prepared/{name}-ct.b2nd", "HU"))
        year = tables.year_of(row)
        self._notes.counts["years_unknown"] += year is None
        study = Study(
            id=name,
            patient=self._patient(row, year, name),
            sex=sex_of(row.get("sex")),
            age=None,
            date=str(year) if year else None,
            series=series,
            report=report,
            labels=None,
            split=tables.split_of(row) if self._split_by_source else None,
            source="vimed_pet",
            body=tables.body_of(row, self._notes.counts),
        )
        return SourceStudy(study, locations, original)

    def _patient(self, row: Row, year: int | None, name: str) -> str:
        """`2017-patient_7`; the study itself where name or year is not known."""
        patient = f"{year}-{row.get('name')}"
        if not (year and row.get("name")):
            self._notes.counts["patients_unknown"] += 1
            return name
        return patient if is_public(patient) else Identities(None).hashed("patient", patient)

    def _locations(self, row: Row, name: str) -> dict[str, str]:
        pet = self._array(row, "pet_path", "pet_missing")
        if not self._options.ct:
            return {f"{name}-pet": pet}
        if not tables.are_one_patients(row, ("pet_path", "ct_path")):
            raise Refused("study_mixed_patients", "", "the files of the PET and the CT name two patients")
        return {f"{name}-pet": pet, f"{name}-ct": pair(self._array(row, "ct_path", "ct_missing"), pet)}

    def _array(self, row: Row, column: str, missing: str) -> str:
        path = tables.place(self._root, row.get(column))
        if not (row.get(column) and path.is_file()):
            raise Refused(missing)
        return str(Key(str(path), ARRAY))

    def _report(self, row: Row) -> Report:
        if not row.get(tables.REPORTS[self._language]):
            raise Refused("report_missing")
        pieces = reports.read(tables.place(self._root, row.get(tables.REPORTS[self._language])), self._language)
        pieces = self._without_people(pieces)
        pieces, left_out = self._without_comparisons(pieces)
        unknown = [piece.line for piece in pieces if not piece.section]
        self._notes.counts["reports_with_unknown_keys"] += bool(unknown)
        dropped = {"comparison": left_out, "unknown_key": unknown}
        sections = reports.sections([piece for piece in pieces if piece.section])
        if not any(name in sections for name in reports.REPORTED):
            raise Refused("report_empty")
        return Report(self._language, sections, {why: texts for why, texts in dropped.items() if texts})

    def _without_people(self, pieces: list[Piece]) -> list[Piece]:
        names, numbers = announced("\n".join(piece.text for piece in pieces)) if self._people.on else ([], [])
        texts = [piece.text for piece in pieces]
        cleaned, doubtful = without_people(texts, self._people, names, numbers, self._language, self._notes)
        if doubtful and not self._people.keep_doubtful:
            raise Refused("identity_doubtful")
        return reports.changed(pieces, cleaned)

    def _without_comparisons(self, pieces: list[Piece]) -> tuple[list[Piece], list[str]]:
        """The pieces without sentences about earlier scans, if the recipe says so, and these sentences."""
        texts, left_out = [], list[str]()
        for piece in pieces:
            rest, out = leave_out_comparisons(piece.text, self._language) if piece.section in reports.REPORTED else ("", [])
            left_out += out
            texts.append(rest if out else piece.text)
        self._notes.counts["comparing_sentences"] += len(left_out)
        self._notes.counts["reports_with_comparisons"] += bool(left_out)
        return (reports.changed(pieces, texts), left_out) if self._options.comparisons == "leave_out" else (pieces, [])


def _root(options: Options) -> Path:
    root = Path(options.path).expanduser()
    if not root.is_dir():
        raise Refused("file_missing", "source.path", "there is no such folder")
    return root.resolve()
