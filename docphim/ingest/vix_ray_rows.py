"""Makes studies of ViX-Ray's rows: report, view, age, sex, and the films of each."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from docphim.errors import REASONS, Refused
from docphim.ingest.identities import Identities
from docphim.ingest.names import Removal, announced, without_people
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.ingest.reports import cell_text, key_text
from docphim.ingest.shards import Shard, ShardRow
from docphim.ingest.values import age_of, sex_of, view_of
from docphim.language.normalize import normalize
from docphim.language.sections import leave_out_comparisons, tidy
from docphim.study import Report, Series, Study

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Reader:
    """Makes studies of rows, counting rows by split for the ids; `twice` holds ids under which rows say different things."""

    def __init__(
        self, notes: Notes, language: str, leave_out: bool, split_by_source: bool, people: Removal, hashes: Identities
    ) -> None:
        self._notes, self._language, self._people = notes, language, people
        self._leave_out, self._split_by_source = leave_out, split_by_source
        self._rows: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._hashes = hashes
        self.twice: set[str] = set()

    def study(self, shard: Shard, row: ShardRow, root: Path) -> SourceStudy | Rejection:
        """One row's study, or why there is none."""
        place = shard.split or "row"
        made, number = f"{place}-{self._rows[place]:06d}", self._rows[place]
        self._rows[place] += 1
        cells = {field: key_text(str(value)) for field, value in row.cells.items() if value is not None}
        published = cells.get("id", "")
        name = published if _SAFE_ID.fullmatch(published) else made
        if published in self.twice:  # nobody knows which of them is right
            return Rejection(made, "report_duplicate", REASONS["report_duplicate"], (row.location,), published)
        if name in self._seen:
            why = f"row {number} of {place} repeats the id of another row"
            return Rejection(made, "report_ambiguous", why, (row.location,), published)
        self._seen.add(name)
        try:
            report, view = self._report(cells), _view(cells)
            if view in ("lateral", "oblique"):
                raise Refused("view_out_of_scope")
            films = row.locations(shard.path, root)
        except Refused as refusal:
            return Rejection(name, refusal.reason, REASONS[refusal.reason], (row.location,), published or made)
        locations = {f"{name}-{number}": film for number, film in enumerate(films, 1)}
        patient = cells.get("patient", "")
        self._notes.counts["patients_unknown"] += not patient
        view = view if len(films) == 1 else "unknown"  # the row's word is about one film
        study = Study(
            id=name,
            patient=self._patient(patient) if patient else name,
            sex=sex_of(cells.get("sex", "")),
            age=age_of(cells.get("age", "")),
            date=None,
            series=[Series(id=film, modality="xray", path=f"prepared/{film}.b2nd", view=view) for film in locations],
            report=report,
            labels=None,
            split=shard.split if self._split_by_source else None,
            source="vix_ray",
        )
        return SourceStudy(study, locations, published or made)

    def _patient(self, original: str) -> str:
        """A patient's id: the published one, or hashed where it cannot be an id, or may be a name and people are taken out."""
        published = _SAFE_ID.fullmatch(original) and not self._people.on
        return original if published else self._hashes.hashed("patient", original)

    def _report(self, cells: dict[str, str]) -> Report:
        """The report; `Refused` where there is none."""
        sections = {section: tidy(cell_text(cells.get(section, ""))) for section in ("findings", "impression")}
        texts, doubtful = without_people(
            list(sections.values()), self._people, *_known(sections, cells), self._language, self._notes
        )
        if doubtful and not self._people.keep_doubtful:
            raise Refused("identity_doubtful")
        left_out: list[str] = []
        for section, text in zip(sections, texts, strict=True):
            rest, out = leave_out_comparisons(text, self._language)
            left_out += out
            sections[section] = rest if self._leave_out else text
        self._notes.counts["comparing_sentences"] += len(left_out)
        self._notes.counts["reports_with_comparisons"] += bool(left_out)
        sections = {section: text for section, text in sections.items() if text}
        if not sections:
            raise Refused("report_empty")
        return Report(self._language, sections, {"comparison": left_out} if left_out and self._leave_out else {})


def _known(sections: dict[str, str], cells: dict[str, str]) -> tuple[list[str], list[str]]:
    """Names and numbers of a row's people, by what its sections announce and by its ids."""
    names, numbers = announced("\n".join(sections.values()))
    return names, numbers + [cells[field] for field in ("id", "patient") if field in cells]


def _view(cells: dict[str, str]) -> str:
    """The view of its own column, else lateral where note or technique say so and nothing of a frontal film."""
    view = view_of(cells.get("view", ""))
    words = re.findall(r"\w+", normalize(f"{cells.get('note', '')} {cells.get('technique', '')}"))
    return "lateral" if view == "unknown" and "nghiêng" in words and "thẳng" not in words else view
