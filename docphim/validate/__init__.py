"""Expert validation of a test set: two blinded readers, an adjudicator, a table of truth; between them go files alone.

`docphim validate prepare|adjudicate|report`.  The pages are `docphim.page.readers`, the files `docphim.metrics.readers`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.files import private_folder, read_examples, read_json, read_studies, seed_of, write_json
from docphim.metrics.lesion_pairs import compared
from docphim.metrics.readers import (
    FORMATS,
    READERS,
    VERSION,
    ReaderSet,
    Reading,
    SetStudy,
    Shown,
    Truth,
    read_reading,
    read_set,
    read_truth,
    set_id,
)
from docphim.study import Report, Study, to_row

#: The files in the folder of a validation.
SET, SEALS, TRUTH = "set.json", "seals.json", "adjudicated.json"
#: The share of the studies that each reader is shown twice.
AGAIN = 0.1
#: The sections of a report that say what is seen, the first that there is.
SEEN = ("findings", "impression")


def reading_file(reader: int) -> str:
    """Where the file of a reader lies."""
    return f"reader-{reader}.json"


def choose(dataset: Path, out: Path, *, cases: int | None = None, empty: float = 0.2, seed: int = 0) -> ReaderSet:
    """Write set.json: which studies of the test split are read, what each table begins with, and in which order.

    Parameters
    ----------
    cases : int, optional
        At most so many studies, drawn by seed; by default all.
    empty : float
        The share of them whose tables begin with nothing, for both readers, so that nobody is led by what the rules read.
    seed : int
        Of the draw, of what begins empty, of what is shown twice (a tenth, at least one) and of each reader's order.

    Raises
    ------
    UsageError
        `empty` is no share, or the folder holds another set.
    Refused
        `empty_dataset`: the split has no study with a report and images.
    """
    if not 0 <= empty <= 1:
        raise UsageError(f"--empty {empty:g}: must be a share from 0 to 1")
    shown = {example.study for example in read_examples(dataset, "test") if example.media}
    studies = sorted((study for study in read_studies(dataset) if study.id in shown and study.report), key=lambda s: s.id)
    if not studies:
        raise Refused("empty_dataset", dataset.name, "its test split has no study with a report and images")
    draw = random.Random(seed_of("readers", seed))
    drawn = sorted(draw.sample(studies, min(cases or len(studies), len(studies))), key=lambda s: s.id)
    begins = set(draw.sample([study.id for study in drawn], round(empty * len(drawn))))
    twice = draw.sample([study.id for study in drawn], max(1, round(AGAIN * len(drawn))))
    rows = [_of_study(study, "empty" if study.id in begins else "report") for study in drawn]
    orders = [_order([study.id for study in drawn], twice, reader, seed) for reader in range(1, READERS + 1)]
    language = _language(drawn)
    made = ReaderSet(
        format=FORMATS["set"] + VERSION,
        set=set_id(rows, orders),
        seed=seed,
        language=language,
        studies=rows,
        readers=orders,
    )
    if (out / SET).exists() and read_set(out / SET).set != made.set:
        raise UsageError("OUT: the folder holds another set; name a new one")
    write_json(private_folder(out) / SET, made.model_dump())
    return made


def _language(studies: Sequence[Study]) -> Any:
    languages = {_report(study).language for study in studies}
    if len(languages) > 1:
        raise UsageError(f"DATASET: its reports are in {' and '.join(sorted(languages))}; validate one language at a time")
    return languages.pop()


def _report(study: Study) -> Report:
    assert study.report is not None  # those without were left out
    return study.report


def _of_study(study: Study, start: Any) -> SetStudy:
    """A study with the lesions that its findings say, or its impression where it has no findings: both would say them twice."""
    from docphim.language.lesions import lesions_of  # here: the chain of imports stays short

    report = _report(study)
    text = next((report.sections[name] for name in SEEN if report.sections.get(name)), "")
    read = [lesion for lesion in lesions_of(text, report.language) if compared([lesion])]  # physiologic uptake is none
    lesions = [to_row(lesion) | {"text": None} for lesion in read]
    return SetStudy(study=study.id, patient=study.patient, start=start, lesions=lesions)


def _order(studies: Sequence[str], twice: Sequence[str], reader: int, seed: int) -> list[Shown]:
    """One reader's cases: those shown twice are first met in the first half and come again among the last."""
    draw = random.Random(seed_of("order", seed, reader))
    once = [study for study in studies if study not in twice]
    draw.shuffle(once)
    half = max(0, (len(studies) + 1) // 2 - len(twice))
    first = [*once[:half], *twice]
    draw.shuffle(first)
    middle = half + (len(once) - half) // 2
    last = [*((study, False) for study in once[middle:]), *((study, True) for study in twice)]
    draw.shuffle(last)
    order = [*((study, False) for study in (*first, *once[half:middle])), *last]
    names = (f"{seed_of('case', seed, reader, n):016x}"[-8:] for n in range(len(order)))
    return [Shown(case=name, study=study, again=again) for name, (study, again) in zip(names, order, strict=True)]


def locked(out: Path) -> tuple[ReaderSet, list[Reading]]:
    """The set and both readers' locked files, each the one that was seen when it was first read.

    Raises
    ------
    Refused
        As `docphim.metrics.readers.read_reading`; `reading_changed` too where a file was locked anew since.
    """
    made = read_set(out / SET)
    readings = [read_reading(out / reading_file(reader), made, reader) for reader in range(1, READERS + 1)]
    for reader, reading in enumerate(readings, 1):
        _remember(out, reading_file(reader), str(reading.sha256))
    return made, readings


def truth_of(out: Path, made: ReaderSet, readings: Sequence[Reading]) -> Truth | None:
    """The adjudicated truth, where there is one, made from these very readings.

    Raises
    ------
    Refused
        As `docphim.metrics.readers.read_truth`; `reading_differs`, where it was made from other readings.
    """
    if not (out / TRUTH).exists():
        return None
    truth = read_truth(out / TRUTH, made)
    if truth.readings != [reading.sha256 for reading in readings]:
        raise Refused("reading_differs", TRUTH, "it was made from other files of the readers")
    _remember(out, TRUTH, str(truth.sha256))
    return truth


def _remember(out: Path, name: str, sha: str) -> None:
    """Keep the seal under which a file was first read, and refuse another one."""
    seals = read_json(out / SEALS) if (out / SEALS).exists() else {}
    if seals.setdefault(name, sha) != sha:
        raise Refused("reading_changed", name, f"it is not the file that was first read; {SEALS} has that one's SHA-256")
    write_json(out / SEALS, seals)
