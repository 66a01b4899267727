"""What a validation gives: agreement between and within readers, what a given table does to them, time, who changed what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from docphim.language.lesion_tables import lesions_of_table
from docphim.metrics.reader_agreement import Both, agree, difference
from docphim.metrics.readers import THERE, CaseTable, ReaderSet, Reading, Truth
from docphim.study import Lesion, Row
from docphim.validate import locked, truth_of

#: Bootstrap samples of patients, and their seed, as everywhere.
RESAMPLES, SEED = 1000, 12345


def report(out: Path) -> Row:
    """Agreement, time and changes of a validation whose readers are done; of an adjudicator too, where there is a truth.

    Returns
    -------
    dict
        `set`; `readers`: by reader name, cases, cases not judged, rows by state, seconds; `between`: `agree` of both readers
        on each study's first showing; `within`: by reader `agree` of first and second showing; `start`: `report` and
        `empty`, each with `between`, with `from_report` (the readers' tables against what the report was read as) and
        seconds, and `difference` of the F1s; `truth`: by reader `agree` against it, and how rows were settled, or None.

    Raises
    ------
    Refused
        As `docphim.validate.locked` and `truth_of`.
    """
    made, readings = locked(out)
    tables = [_tables(made, reading) for reading in readings]
    truth = truth_of(out, made, readings)
    return {
        "set": made.set,
        "studies": len(made.studies),
        "readers": [_reader(reading) for reading in readings],
        "between": _agree(_between(made, tables)),
        "within": [_agree(_within(made, table)) for table in tables],
        "start": _starts(made, readings, tables),
        "truth": None if truth is None else _against(made, tables, truth),
    }


def _agree(cases: Sequence[Both]) -> Row:
    return agree(cases, RESAMPLES, SEED)


#: A reader's tables by study and whether it is the second showing.
Tables = Mapping[tuple[str, bool], CaseTable]


def _tables(made: ReaderSet, reading: Reading) -> Tables:
    shown = {one.case: (one.study, one.again) for one in made.readers[reading.reader - 1]}
    return {shown[case.case]: case for case in reading.cases}


def _between(made: ReaderSet, tables: Sequence[Tables], start: str | None = None) -> list[Both]:
    """Both readers' lesions of each study, of those that begin so."""
    studies = [study for study in made.studies if start in (None, study.start)]
    one, two = tables
    return list(_both((study.patient, one[study.study, False], two[study.study, False]) for study in studies))


def _within(made: ReaderSet, table: Tables) -> list[Both]:
    studies = [study for study in made.studies if (study.study, True) in table]
    return list(_both((study.patient, table[study.study, False], table[study.study, True]) for study in studies))


def _both(cases: Iterable[tuple[str, CaseTable, CaseTable]]) -> Iterator[Both]:
    """Two tables of each study; a case that either could not judge is left out, and a row that either could not judge."""
    for patient, one, two in cases:
        if one.judged and two.judged:
            unjudged = {row.row for table in (one, two) for row in table.rows if row.state == "unjudged"}
            yield Both(patient, _lesions(one, unjudged), _lesions(two, unjudged))


def _lesions(table: CaseTable, without: Iterable[str] = ()) -> list[Lesion]:
    return lesions_of_table([row.lesion for row in table.rows if row.state in THERE and row.row not in without])


def _reader(reading: Reading) -> Row:
    return {
        "reader": reading.reader,
        "name": reading.name,
        "sha256": reading.sha256,
        "cases": len(reading.cases),
        "unjudged_cases": sum(not case.judged for case in reading.cases),
        "rows": dict(sorted(Counter(row.state for case in reading.cases for row in case.rows).items())),
        "seconds": _spread([case.seconds for case in reading.cases]),
    }


def _spread(seconds: Sequence[int]) -> Row:
    """Median, 5th and 95th percentile, and the sum; None of no case."""
    if not seconds:
        return {"n": 0, "median": None, "p5": None, "p95": None, "sum": 0}
    p5, median, p95 = (round(float(value), 1) for value in np.percentile(seconds, [5, 50, 95]))
    return {"n": len(seconds), "median": median, "p5": p5, "p95": p95, "sum": sum(seconds)}


def _starts(made: ReaderSet, readings: Sequence[Reading], tables: Sequence[Tables]) -> Row:
    """What beginning with the report's table does, against beginning with none."""
    between = {start: _between(made, tables, start) for start in ("report", "empty")}
    given = {start: _from_report(made, tables, start) for start in between}
    parts = {
        start: {
            "between": _agree(between[start]),
            "from_report": _agree(given[start])["f1"],
            "seconds": [_spread(_seconds(made, table, start)) for table in tables],
        }
        for start in between
    }
    minus = {
        "between": difference(between["report"], between["empty"], RESAMPLES, SEED),
        "from_report": difference(given["report"], given["empty"], RESAMPLES, SEED),
    }
    return {**parts, "difference": minus}


def _from_report(made: ReaderSet, tables: Sequence[Tables], start: str) -> list[Both]:
    """What each report was read as beside what each reader made of the study."""
    return [
        Both(study.patient, lesions_of_table(study.lesions), _lesions(case))
        for table in tables
        for study in made.studies
        if study.start == start and (case := table[study.study, False]).judged
    ]


def _seconds(made: ReaderSet, table: Tables, start: str) -> list[int]:
    return [table[study.study, False].seconds for study in made.studies if study.start == start]


def _against(made: ReaderSet, tables: Sequence[Tables], truth: Truth) -> Row:
    """Each reader against the truth, and how the rows became it."""
    records = truth.records()
    patients = {study.study: study.patient for study in made.studies}
    readers = []
    for table in tables:
        cases = [(study, table[study, False], lesions) for study, lesions in records.items() if lesions is not None]
        readers.append(_agree([Both(patients[s], _lesions(case), lesions) for s, case, lesions in cases if case.judged]))
    return {
        "name": truth.name,
        "sha256": truth.sha256,
        "studies": sum(lesions is not None for lesions in records.values()),
        "unjudged": [study for study, lesions in records.items() if lesions is None],
        "lesions": sum(len(lesions) for lesions in records.values() if lesions),
        "rows": dict(sorted(Counter(row.state for case in truth.cases for row in case.rows).items())),
        "seconds": _spread([case.seconds for case in truth.cases]),
        "readers": readers,
    }
