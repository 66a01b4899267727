"""The files of an expert validation, version 1: the set, each reader's tables, the adjudicated truth (docs/validation.md).

A file is final once it is locked: it then bears the SHA-256 of all else that stands in it, as the page wrote it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from docphim.errors import Refused
from docphim.files import document
from docphim.language.lesion_tables import lesions_of_table
from docphim.study import Lesion, Row

#: How many readers there are, each blind to the other.
READERS = 2
#: Kind of file → what its `format` begins with; behind it stands the version.
FORMATS = {"set": "docphim-set-", "reading": "docphim-reading-", "truth": "docphim-truth-"}
VERSION = "1"
#: States and choices behind which there is a lesion.
THERE = frozenset(("accepted", "edited", "added", "both", "one", "two"))

#: What a reader may decide of a row, and an adjudicator of a pair of rows; of an `open` one nothing is decided yet.
State = Literal["open", "accepted", "edited", "added", "removed", "unjudged"]
Choice = Literal["open", "both", "one", "two", "edited", "added", "dropped", "unjudged"]
Sha = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
M = TypeVar("M", bound="File")


class _Part(BaseModel):
    """A part of a file: no other keys, no value of another kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class File(_Part):
    """What every file says of itself."""

    format: str


class SetStudy(_Part):
    """A study of the set: the lesions that its report was read as, and whether readers begin with them or with nothing."""

    study: str
    patient: str
    start: Literal["report", "empty"]
    lesions: list[Row]


class Shown(_Part):
    """One case as a reader sees it: a study under a name that says nothing; `again` is its second showing."""

    case: str
    study: str
    again: bool


class ReaderSet(File):
    """What is read, by whom in which order; readers do not get it."""

    set: str
    seed: int
    language: Literal["vi", "en"]
    studies: list[SetStudy]
    readers: list[list[Shown]] = Field(min_length=READERS, max_length=READERS)

    def start_of(self, study: str) -> list[tuple[str, Row]]:
        """The rows with which a table of a study begins, with their names."""
        one = next(row for row in self.studies if row.study == study)
        return named(one.lesions) if one.start == "report" else []


class TableRow(_Part):
    """One lesion of a reader's table; of a removed one and of one that cannot be judged it is what stood there before."""

    row: str
    state: State
    lesion: Row


class CaseTable(_Part):
    """One case as a reader left it; `judged` is false where the whole of it cannot be judged."""

    case: str
    seconds: Annotated[int, Field(ge=0)]
    done: bool
    judged: bool
    note: str
    rows: list[TableRow]


class Reading(File):
    """A reader's file."""

    set: str
    reader: Annotated[int, Field(ge=1, le=READERS)]
    name: str
    saved: str
    locked: str | None
    cases: list[CaseTable]
    sha256: Sha | None


class Settled(_Part):
    """One lesion of the truth, or what was decided not to be one, and who changed what on the way.

    `report` is what the report was read as; `readers` what each made of it, None where one did not have it.
    """

    row: str
    state: Choice
    lesion: Row | None
    report: Row | None
    readers: list[TableRow | None] = Field(min_length=READERS, max_length=READERS)


class CaseTruth(_Part):
    """One study as the adjudicator left it."""

    case: str
    seconds: Annotated[int, Field(ge=0)]
    done: bool
    judged: bool
    note: str
    rows: list[Settled]


class Truth(File):
    """The adjudicator's file; `readings` are the seals of the readers' files that it was made from."""

    set: str
    readings: list[Sha] = Field(min_length=READERS, max_length=READERS)
    name: str
    saved: str
    locked: str | None
    cases: list[CaseTruth]
    sha256: Sha | None

    def records(self) -> dict[str, list[Lesion] | None]:
        """The lesions of each study; None where the study, or a row of it, could not be judged."""
        return {case.case: _records(case) for case in self.cases}


def _records(case: CaseTruth) -> list[Lesion] | None:
    if not case.judged or any(row.state == "unjudged" for row in case.rows):
        return None
    return [lesion for row in case.rows if row.state in THERE for lesion in lesions_of_table([row.lesion])]


def named(lesions: Sequence[Row]) -> list[tuple[str, Row]]:
    """The lesions of a report, each under the name of its row."""
    return [(f"r{number}", lesion) for number, lesion in enumerate(lesions)]


def seal(content: Mapping[str, Any]) -> str:
    """SHA-256 of a file's content but for the hash itself, as the page's JSON.stringify writes it."""
    text = json.dumps({key: v for key, v in content.items() if key != "sha256"}, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def set_id(studies: Sequence[SetStudy], readers: Sequence[Sequence[Shown]]) -> str:
    """The name of a set: of its content, so that a file of another set cannot pass for one of this."""
    rows = [[part.model_dump() for part in list_] for list_ in (studies, *readers)]
    return hashlib.sha256(document(rows).encode()).hexdigest()[:16]


def read_set(path: Path) -> ReaderSet:
    """A set.

    Raises
    ------
    Refused
        `file_missing`, `reading_unreadable`, `reading_version`; `reading_changed`, where it is not what its name is made of.
    """
    made = _parsed(path, "set", ReaderSet)
    if made.set != set_id(made.studies, made.readers):
        raise Refused("reading_changed", path.name, "the set is not the one that was prepared")
    for study in made.studies:
        _check_lesions(study.lesions, path, study.study)
    return made


def read_reading(path: Path, of: ReaderSet, reader: int) -> Reading:
    """The locked file of a reader, with every case of the set decided.

    Raises
    ------
    Refused
        `file_missing`, `reading_unreadable`, `reading_version`; `reading_differs`: of another set or another reader;
        `reading_open`: not locked, or something in it is not decided; `reading_changed`: not what was locked.
    """
    reading = _parsed(path, "reading", Reading)
    if reading.set != of.set:
        raise Refused("reading_differs", path.name, f"it was made on the set {reading.set}, not on {of.set}")
    if reading.reader != reader:
        raise Refused("reading_differs", path.name, f"it is the file of reader {reading.reader}, not of reader {reader}")
    _check_sealed(path, reading.locked, reading.sha256)
    expected = {shown.case: shown.study for shown in of.readers[reader - 1]}
    _check_cases(path, [case.case for case in reading.cases], list(expected))
    for case in reading.cases:
        _check_decided(path, case)
        _check_rows(path, case, dict(of.start_of(expected[case.case])))
    return reading


def _check_decided(path: Path, case: CaseTable | CaseTruth) -> None:
    if not case.done or (case.judged and any(row.state == "open" for row in case.rows)):
        raise Refused("reading_open", path.name, f"case {case.case} is not decided")


def _check_rows(path: Path, case: CaseTable, start: Mapping[str, Row]) -> None:
    """Refuse a table that lacks a row of those it began with, holds one twice, or accepts what it was not shown."""
    names = [row.row for row in case.rows]
    if len(set(names)) < len(names) or not set(start) <= set(names):
        raise Refused("reading_unreadable", path.name, f"case {case.case}: rows are missing or stand twice")
    for row in case.rows:
        given = row.row in start
        if given == (row.state == "added"):
            raise Refused("reading_unreadable", path.name, f"case {case.case}: row {row.row} is {row.state}, and cannot be")
        if row.state in ("accepted", "removed", "unjudged") and _numbers(row.lesion) != _numbers(start[row.row]):
            raise Refused("reading_unreadable", path.name, f"case {case.case}: row {row.row} is {row.state}, and was altered")
    _check_lesions([row.lesion for row in case.rows], path, case.case)


def _numbers(value: Any) -> str:
    """A value as JSON in which 8.0 and 8 are one."""
    return json.dumps(json.loads(json.dumps(value), parse_int=float), sort_keys=True)


def read_truth(path: Path, of: ReaderSet | None = None) -> Truth:
    """The locked file of an adjudicator; with the set it is checked to be whole.

    Raises
    ------
    Refused
        As `read_reading`.
    """
    truth = _parsed(path, "truth", Truth)
    if of is not None and truth.set != of.set:
        raise Refused("reading_differs", path.name, f"it was made on the set {truth.set}, not on {of.set}")
    _check_sealed(path, truth.locked, truth.sha256)
    names = [case.case for case in truth.cases]
    _check_cases(path, names, [row.study for row in of.studies] if of is not None else list(dict.fromkeys(names)))
    for case in truth.cases:
        _check_decided(path, case)
        there = [row.lesion for row in case.rows if row.state in THERE]
        if None in there:
            raise Refused("reading_unreadable", path.name, f"case {case.case}: a row is a lesion, and none stands there")
        _check_lesions([lesion for lesion in there if lesion is not None], path, case.case)
    return truth


def _check_sealed(path: Path, locked: str | None, sha: str | None) -> None:
    if locked is None or sha is None:
        raise Refused("reading_open", path.name)
    if seal(json.loads(path.read_text(encoding="utf-8-sig"))) != sha:
        raise Refused("reading_changed", path.name)


def _check_cases(path: Path, names: Sequence[str], expected: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise Refused("reading_unreadable", path.name, "a case stands twice in it")
    if foreign := sorted(set(names) - set(expected)):
        raise Refused("reading_differs", path.name, f"the set has no case {foreign[0]}")
    if missing := [name for name in expected if name not in names]:
        raise Refused("reading_open", path.name, f"{len(missing)} of {len(expected)} cases are missing, {missing[0]} first")


def _check_lesions(rows: Sequence[Row], path: Path, case: str) -> None:
    try:
        lesions_of_table(list(rows))
    except ValueError as error:
        raise Refused("reading_unreadable", path.name, f"case {case}: {error}") from None


def _parsed(path: Path, kind: str, model: type[M]) -> M:
    """A file of one kind, its form checked."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise Refused("file_missing", path.name) from None
    except (ValueError, RecursionError):
        raise Refused("reading_unreadable", path.name, "the file is not JSON in UTF-8, or ends too early") from None
    written = content.get("format") if isinstance(content, dict) else None
    if not isinstance(written, str) or not written.startswith(FORMATS[kind]):
        raise Refused("reading_unreadable", path.name)
    if written != FORMATS[kind] + VERSION:
        version = written.removeprefix(FORMATS[kind])
        raise Refused("reading_version", path.name, f"it has version {version[:12]}; version {VERSION} is read")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused("reading_unreadable", path.name, f"{where}: {first['msg']}") from None
