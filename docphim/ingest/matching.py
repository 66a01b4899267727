"""Finds which report belongs to which film: by accession number, study UID, patient and date, or file name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from docphim.ingest.file_names import FileNames
from docphim.ingest.headers import Header
from docphim.ingest.reports import Row, Table, image_names
from docphim.ingest.values import day_of, view_of

#: The rules, in the order in which they are tried, and the columns each can use (all of a group, any group).
RULES: dict[str, tuple[tuple[str, ...], ...]] = {
    "accession": (("accession",), ("id",)),
    "study_uid": (("study_uid",), ("id",)),
    "patient_date": (("patient", "date"),),
    "file_name": (("image",), ("id",)),
}
# 1.23457E+15, also with a decimal comma: the digits are gone.
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_EXACT_DIGITS = 15  # of a number in a spreadsheet; what follows them is stored as zeros
_SEQUEL = re.compile(r"(?P<stem>.+?)[ _-]+(?:\d{1,3}|(?P<view>pa|ap|ll|lat|lateral|nghieng|nghiêng))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Image:
    """One film on disk; `header` is None for PNG, JPEG and TIFF.  `unit` is what a report can be about."""

    relative: str
    location: str
    header: Header | None

    @property
    def unit(self) -> str:
        """The study UID of a DICOM file, else the file itself."""
        return f"uid:{self.header.study_uid}" if self.header and self.header.study_uid else f"file:{self.relative}"

    @property
    def instance(self) -> str:
        """What makes it unique: the SOP instance UID, else the file itself."""
        return f"uid:{self.header.sop_uid}" if self.header and self.header.sop_uid else f"file:{self.relative}"

    @property
    def named_view(self) -> str:
        """The view at the end of the file's name (`0012_lat.png`), else unknown."""
        sequel = _SEQUEL.fullmatch(PurePosixPath(self.relative).stem)
        return view_of(sequel["view"] or "") if sequel else "unknown"


@dataclass
class Draft:
    """One study in the making: its films and the rows that speak of it; `name` is `uid:…`, `id:…` or `file:…`.

    `views` holds the view that a row states, by the film's relative path, where the row speaks of that one film.
    """

    name: str
    images: list[Image] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)

    @property
    def original(self) -> str:
        """The id under which people know the study."""
        return self.name.partition(":")[2]


@dataclass
class Match:
    """What came of matching.

    Attributes
    ----------
    drafts : list
        Studies with films and at least one row.
    alone : list
        Studies with films and no row.
    refused : list
        (row, reason code) of rows that found no study, or more than one.
    tried : dict
        Rule → how many rows found films by it.
    """

    rule: str
    drafts: list[Draft]
    alone: list[Draft]
    refused: list[tuple[Row, str]]
    tried: dict[str, int]
    restored: int


def usable_rules(table: Table) -> list[str]:
    """The rules for which the table has the columns, in the order of `RULES`."""
    return [rule for rule, groups in RULES.items() if any(table.columns.issuperset(g) for g in groups)]


def match(images: Sequence[Image], table: Table, rule: str | None = None) -> Match:
    """Give every row its films.

    Parameters
    ----------
    rule : str, optional
        One of `RULES`; by default the one by which most rows find films, the earlier where two find equally many.
    """
    tried = {name: _Finder(name, images, table.rows) for name in ([rule] if rule else usable_rules(table))}
    best = max(tried, key=lambda name: tried[name].hits)
    finder = tried[best]
    units: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        units[image.unit].append(image)
    studies = _Studies(units)
    refused: list[tuple[Row, str]] = []
    for row in table.rows:
        names, reason = finder.find(row)
        if reason:
            refused.append((row, reason))
        else:
            studies.add(row, names)
    refused += [(row, "report_ambiguous") for row in studies.without_clashes()]
    alone = [Draft(unit, films) for unit, films in units.items() if unit not in studies.owner]
    return Match(best, list(studies.drafts.values()), alone, refused, {n: f.hits for n, f in tried.items()}, finder.restored)


class _Studies:
    """Studies in the making: which rows speak of which, and which studies would share a film (they are clashing)."""

    def __init__(self, units: dict[str, list[Image]]) -> None:
        self._units = units
        self.drafts: dict[str, Draft] = {}
        self.owner: dict[str, str] = {}
        self._clashing: set[str] = set()

    def add(self, row: Row, names: set[str]) -> None:
        """Let a row speak of the films of these units."""
        uid = next((unit for unit in sorted(names) if unit.startswith("uid:")), None)
        name = uid or (f"id:{row.get('id')}" if row.get("id") else min(names))
        draft = self.drafts.setdefault(name, Draft(name))
        draft.rows.append(row)
        films = [image for unit in names for image in self._units[unit]]
        if len(films) == 1 and row.get("view"):
            draft.views[films[0].relative] = row.get("view")
        for unit in sorted(names):
            if self.owner.setdefault(unit, name) != name:
                self._clashing.update((name, self.owner[unit]))
            elif self._units[unit][0] not in draft.images:
                draft.images += self._units[unit]

    def without_clashes(self) -> list[Row]:
        """Take the clashing studies out; their rows are given back."""
        return [row for name in sorted(self._clashing) for row in self.drafts.pop(name).rows]


class _Finder:
    """Looks rows up by one rule; several indexes are tried, the closest kind of equality first."""

    def __init__(self, rule: str, images: Sequence[Image], rows: Sequence[Row]) -> None:
        self._rule = rule
        self._indexes = [_index(kind, images) for kind in _KEYS[rule]]
        self._known = self._indexes[_KEYS[rule].index("stem") if rule == "file_name" else 0]
        self._bare: dict[str, set[str]] = defaultdict(set)
        for key in self._known:
            self._bare[key.lstrip("0")].add(key)
        self._asked = Counter(key for row in rows for key in self._keys(row))
        self._asked_bare = Counter(key.lstrip("0") for key in self._asked)
        unlike = (key for key in self._asked if not any(key in index for index in self._indexes))
        self._names = FileNames(((i.relative, i.unit) for i in images if rule == "file_name"), unlike)
        self.restored = 0
        self.hits = sum(any(self._known_key(key) for key in self._keys(row)) for row in rows)

    def find(self, row: Row) -> tuple[set[str], str]:
        """The units of a row, or a reason code."""
        names: set[str] = set()
        keys = self._keys(row)
        if row.reason:
            return set(), row.reason
        if not keys:
            return set(), "id_missing"
        for key in keys:
            units, reason = self._units(key)
            if reason:
                return set(), reason
            names |= units
        if sum(name.startswith("uid:") for name in names) > 1:
            return set(), "report_ambiguous"
        return names, ""

    def _known_key(self, key: str) -> bool:
        return any(key in index for index in self._indexes) or bool(self._names.find(key)[0])

    def _keys(self, row: Row) -> list[str]:
        if self._rule == "patient_date":
            day = day_of(row.get("date"))
            return [f"{clean_id(row.get('patient'))}\x1f{day}"] if row.get("patient") and day else []
        column = {"accession": "accession", "study_uid": "study_uid", "file_name": "image"}[self._rule]
        if self._rule == "file_name" and row.get(column):
            return list(image_names(row.get(column)))
        cell = clean_id(row.get(column) or row.get("id"))
        return [cell] if cell else []

    def _units(self, key: str) -> tuple[set[str], str]:
        if self._rule == "file_name" and ".." in PurePosixPath(key).parts:
            return set(), "unsafe_path"
        for depth, index in enumerate(self._indexes):
            if key in index:
                units = index[key]
                exact = depth < len(self._indexes) - 2 or self._rule != "file_name"
                return (set(), "report_ambiguous") if exact and len(units) > 1 else (units, "")
        units, reason = self._names.find(key)
        if units or reason == "report_ambiguous":
            return units, reason
        if self._rule == "file_name" and key.startswith("/"):
            return set(), "unsafe_path"
        if mangled(key, self._known):
            return set(), "id_mangled"
        return self._without_zeros(key)

    def _without_zeros(self, key: str) -> tuple[set[str], str]:
        """Restore leading zeros that a spreadsheet dropped, where one film and one row alone can be meant."""
        candidates = self._bare.get(key.lstrip("0"), set()) if key.isdigit() else set()
        if not candidates:
            return set(), "image_missing"
        if len(candidates) > 1 or self._asked_bare[key.lstrip("0")] > 1:
            return set(), "id_mangled"
        self.restored += 1
        units = self._known[next(iter(candidates))]
        return (units, "") if len(units) == 1 else (set(), "report_ambiguous")


def clean_id(cell: str) -> str:
    """An id without what spreadsheets put around it: `'00123`, `="00123"`, `123.0`."""
    cell = cell.strip().lstrip("'").strip()
    if wrapped := re.fullmatch(r'="(.*)"', cell):
        cell = wrapped[1].strip()
    return re.sub(r"(\d+)\.0+", r"\1", cell) if re.fullmatch(r"\d+\.0+", cell) else cell


def mangled(key: str, known: Iterable[str]) -> bool:
    """Whether a spreadsheet has rounded the id: written 1.23457E+15, or zeros after the fifteenth digit of a known id."""
    if _ROUNDED.fullmatch(key):
        return True
    exact, lost = key[:_EXACT_DIGITS], key[_EXACT_DIGITS:]
    if not (key.isdigit() and lost and not lost.strip("0")):
        return False
    return any(len(k) == len(key) and k.startswith(exact[:-1]) for k in known)


def _index(kind: str, images: Sequence[Image]) -> dict[str, set[str]]:
    index: dict[str, set[str]] = defaultdict(set)
    for image in images:
        if key := _key(kind, image):
            index[key].add(image.unit)
    return dict(index)


def _key(kind: str, image: Image) -> str:
    path, header = PurePosixPath(image.relative), image.header
    if kind in ("accession", "study_uid", "patient_date"):
        if header is None:
            return ""
        dated = f"{header.patient}\x1f{header.day}" if header.patient and header.day else ""
        return {"accession": header.accession, "study_uid": header.study_uid, "patient_date": dated}[kind]
    sequel = _SEQUEL.fullmatch(path.stem)
    named = {"path": image.relative, "name": path.name, "stem": path.stem, "sequel": sequel["stem"] if sequel else ""}
    return named[kind] if kind != "folder" else path.parent.name


_KEYS = {
    "accession": ["accession"],
    "study_uid": ["study_uid"],
    "patient_date": ["patient_date"],
    "file_name": ["path", "name", "stem", "sequel", "folder"],
}
