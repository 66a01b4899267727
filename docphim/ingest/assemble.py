"""Makes a study of its films and the rows about it: what is kept of each, and the reasons why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from docphim.errors import REASONS
from docphim.ingest.drafts import Draft, Image
from docphim.ingest.finder import clean_id
from docphim.ingest.identities import Identities
from docphim.ingest.names import Removal, announced, without_people
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.reports import Row
from docphim.ingest.reports.rows import TEXTS
from docphim.ingest.same_person import several_people
from docphim.ingest.values import age_in, day_of, sex_of, split_of, view_of, year_of
from docphim.language.divide import ASIDE
from docphim.language.regions import with_regions
from docphim.language.report import split_sections
from docphim.language.sections import SECTIONS, leave_out_comparisons
from docphim.study import Report, Series, Study

T = TypeVar("T")

#: Ages above are one class, as in the HIPAA Safe Harbor list (45 CFR 164.514(b)(2)(i)(C)): few people are that old.
OLDEST = 90
#: The unit of a modality's pixels, where that is not `display`.
_UNITS = {"ct": "HU", "pet": "SUV", "pet_ct": "HU"}
#: The two series of a PET/CT, by the end of their ids.
_OF_PET = {"pet": "pet", "pet_ct": "ct"}
#: What is set aside of a report and yet kept of a PET's, for a prompt may tell it (`prompt_with`).
_CLINICAL = ("history", "indication")


class Assembler:
    """Studies of the `folder` source.

    Parameters
    ----------
    leave_out : bool
        Take sentences about earlier films out of the report.
    named : frozenset
        Fields whose column the recipe names; they count more than the DICOM header, which counts more than a column that
        was merely recognised.
    people : Removal
        What is done about people in the reports.
    """

    def __init__(
        self, identities: Identities, notes: Notes, language: str, leave_out: bool, named: frozenset[str], people: Removal
    ) -> None:
        self._identities, self._notes, self._language = identities, notes, language
        self._leave_out, self._named, self._people = leave_out, named, people

    def assemble(self, draft: Draft, *, split_by_source: bool, need_report: bool) -> Iterator[SourceStudy | Rejection]:
        """The study, or why there is none; films that are left out of it are rejections too."""
        study = self._identities.study(draft.name)
        original = self._cell(draft, "id") or self._cell(draft, "accession") or draft.original
        report, reason, why = self._judged(draft, split_by_source, need_report)
        if reason:
            yield Rejection(study, reason, why, tuple(image.location for image in draft.images), original)
            return
        series, locations = self._series(draft, study)
        lateral = tuple(image.location for image in draft.images if image.location not in locations.values())
        if lateral:
            why = f"{len(lateral)} of its {len(draft.images)} films: lateral or oblique by the table or the file's name"
            yield Rejection(study, "view_out_of_scope", why, lateral, original)
        if not series:
            return
        patients = self.patients(draft)
        header = next((i.header for i in draft.images if i.header), None)
        day = self._pick("date", header.day if header else "", self._cell(draft, "date"))
        if not patients:
            self._notes.counts["patients_unknown"] += 1
        yield SourceStudy(
            Study(
                id=study,
                patient=self._identities.patient(patients.pop()) if patients else study,
                sex=self._pick("sex", header.sex if header else None, sex_of(self._cell(draft, "sex"))),
                age=self._age(self._pick("age", header.age if header else None, age_in(self._cell(draft, "age"), "", day))),
                date=self._date(day),
                series=series,
                report=report,
                labels=None,
                split=split_of(self._cell(draft, "split")) if split_by_source else None,
                source="folder",
            ),
            locations,
            original,
        )

    def _judged(self, draft: Draft, split_by_source: bool, need_report: bool) -> tuple[Report | None, str, str]:
        """The report, or the reason why there is no study, and its sentence."""
        if not draft.rows and need_report:
            return None, "report_missing", REASONS["report_missing"]
        if several_people([(i.header.patient, i.header.name) for i in draft.images if i.header]):
            return None, "study_mixed_patients", REASONS["study_mixed_patients"]
        report, reason = self._report(draft)
        # A study without a report is in no split: the table that says them does not speak of it.
        if not reason and draft.rows and split_by_source and split_of(self._cell(draft, "split")) is None:
            reason = "split_missing"
        return report, reason, REASONS.get(reason, "")

    def _pick(self, field: str, header: T, cell: T) -> T:
        first, second = (cell, header) if field in self._named else (header, cell)
        return first if first not in (None, "") else second

    def _cell(self, draft: Draft, field: str) -> str:
        return next((row.get(field) for row in draft.rows if row.get(field)), "")

    def patients(self, draft: Draft) -> set[str]:
        """The patients' numbers of a study, by headers or rows; none where nobody says whose it is."""
        headers = {i.header.patient for i in draft.images if i.header} - {""}
        # That rows name one patient is seen to in persons.py; `0012` and `12` are one.
        cells = {clean_id(self._cell(draft, "patient"))} - {""}
        return self._pick("patient", headers or None, cells or None) or set()

    def _age(self, age: int | None) -> int | None:
        return age if age is None or self._identities.keep else min(age, OLDEST)

    def _date(self, text: str) -> str | None:
        """The year; with kept ids the full date."""
        day = day_of(text)
        return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day and self._identities.keep else year_of(text)

    def _series(self, draft: Draft, study: str) -> tuple[list[Series], dict[str, str]]:
        series, locations = [], {}
        for number, image in enumerate(sorted(draft.images, key=lambda i: i.relative), 1):
            stated = view_of(draft.views.get(image.relative, ""))
            stated = image.named_view if stated == "unknown" else stated
            view = self._view(image, stated)
            if view in ("lateral", "oblique") and view == stated:
                continue  # the header's own word is judged when the pixels are prepared; table and name are known only here
            name = f"{study}-{number}" if self._identities.keep else self._identities.hashed("series", image.instance)
            name = f"{study}-{_OF_PET[image.modality]}" if image.modality in _OF_PET else name
            unit = _UNITS.get(image.modality, "display")
            series.append(Series(name, image.modality, f"prepared/{name}.b2nd", unit, view))
            locations[name] = image.location
        return series, locations

    def _view(self, image: Image, stated: str) -> str:
        in_header = image.header.view if image.header else "unknown"
        return self._pick("view", in_header.replace("unknown", ""), stated.replace("unknown", "")) or "unknown"

    def _report(self, draft: Draft) -> tuple[Report | None, str]:
        """The one report of a study's rows, or a reason code."""
        if not draft.rows:
            return None, ""
        reports: list[dict[str, str]] = []
        whole_body = any(image.modality == "pet" for image in draft.images)
        people = self._known(draft) if self._people.on else ([], [])
        for row in draft.rows:
            sections, doubtful = self._sections(row, *people, clinical=_CLINICAL if whole_body else ())
            if doubtful and not self._people.keep_doubtful:
                return None, "identity_doubtful"
            if sections and sections not in reports:
                reports.append(sections)
        self._notes.counts["report_rows_merged"] += len(draft.rows) - max(1, len(reports))
        if not reports:
            return None, "report_empty"
        if len(reports) > 1:
            return None, "report_duplicate"
        report, reason = self._without_comparisons(reports[0])
        if report is not None and whole_body:
            report = replace(report, sections=with_regions(report.sections))
        return report, reason

    def _known(self, draft: Draft) -> tuple[list[str], list[str]]:
        """Names and numbers of a study's people, by its headers and all its rows: the table names whom a document speaks of."""
        headers = [i.header for i in draft.images if i.header]
        names = [n for h in headers for n in h.names]
        numbers = [n for h in headers for n in h.numbers]
        for row in draft.rows_as_read or draft.rows:
            names += [row.get("name"), row.get("doctor")]
            numbers += [row.get(field) for field in ("id", "accession", "patient", "study_uid")]
            for cell_names, cell_numbers in map(announced, filter(None, [*map(row.get, TEXTS), row.margins])):
                names, numbers = names + cell_names, numbers + cell_numbers
        return [name for name in dict.fromkeys(names) if name], [number for number in dict.fromkeys(numbers) if number]

    def _sections(
        self, row: Row, names: Sequence[str], numbers: Sequence[str], clinical: Sequence[str] = ()
    ) -> tuple[dict[str, str], bool]:
        """Sections of a row's cells, which may hold headings, without the people; and whether a signature may be left."""
        pieces = self._pieces(row, clinical)
        texts, doubtful = without_people(
            [text for _, text in pieces], self._people, names, numbers, self._language, self._notes
        )
        parts: dict[str, list[str]] = {section: [] for section in (*clinical, *SECTIONS)}
        for (section, _), text in zip(pieces, texts, strict=True):
            if text and text not in parts[section]:
                parts[section].append(text)
        return {section: "\n".join(texts) for section, texts in parts.items() if texts}, doubtful

    def _pieces(self, row: Row, clinical: Sequence[str]) -> list[tuple[str, str]]:
        """What a row's cells say, each piece with its section; what is set aside and not `clinical` is counted, once a row."""
        pieces: list[tuple[str, str]] = []
        aside: set[str] = set()
        for field in (name for name in row.cells if name in TEXTS):
            divided = split_sections(row.get(field), field, self._language)
            aside |= divided.keys() & (set(ASIDE) - set(clinical))
            if field == "findings" and divided and divided.keys() <= set(ASIDE):
                aside.add(field)
            for name, text in divided.items():
                if name not in ASIDE or name in clinical:
                    pieces.append((field if name == "findings" and field != "text" else name, text))
        self._notes.counts.update(f"{name}_set_aside" for name in aside)
        return pieces

    def _without_comparisons(self, sections: dict[str, str]) -> tuple[Report | None, str]:
        left_out: list[str] = []
        texts: dict[str, Any] = {}
        for name, text in sections.items():
            rest, out = (text, []) if name in _CLINICAL else leave_out_comparisons(text, self._language)
            left_out += out
            texts[name] = rest if self._leave_out else text
        self._notes.counts["comparing_sentences"] += len(left_out)
        self._notes.counts["reports_with_comparisons"] += bool(left_out)
        texts = {name: text for name, text in texts.items() if text}
        if not texts.keys() - set(_CLINICAL):
            return None, "report_empty"
        return Report(self._language, texts, {"comparison": left_out} if left_out and self._leave_out else {}), ""
