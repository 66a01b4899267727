"""Looks up the films that a row of a table asks for, by one of the rules."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import PurePosixPath

from docphim.ingest.drafts import SEQUEL, Image
from docphim.ingest.file_names import FileNames
from docphim.ingest.reports import Row, Table, image_names
from docphim.ingest.values import day_of

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


def usable_rules(table: Table) -> list[str]:
    """The rules for which the table has the columns, in the order of `RULES`."""
    return [rule for rule, groups in RULES.items() if any(table.columns.issuperset(g) for g in groups)]


class Films:
    """The films of a folder by whatever a row may call them; all finders of a folder share its indexes.

    Attributes
    ----------
    by_unit : dict
        Unit (`drafts.Image.unit`) → its films.
    names : list of (str, str)
        Path in the folder and unit of each film.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self.by_unit: dict[str, list[Image]] = defaultdict(list)
        for image in images:
            self.by_unit[image.unit].append(image)
        self.names = [(image.relative, unit) for unit, films in self.by_unit.items() for image in films]
        # Nearly every key means one unit: its set is made once, and not once an index.
        self._alone = {unit: frozenset((unit,)) for unit in self.by_unit}
        self._indexes: dict[str, dict[str, AbstractSet[str]]] = {}

    @cached_property
    def parents(self) -> dict[str, set[str]]:
        """Unit → the folders in which its films lie."""
        return {unit: {str(PurePosixPath(i.relative).parent) for i in films} for unit, films in self.by_unit.items()}

    def index(self, kind: str) -> dict[str, AbstractSet[str]]:
        """Key → the units whose films bear it, by one kind of equality."""
        if kind not in self._indexes:
            index: dict[str, AbstractSet[str]] = {}
            for unit, films in self.by_unit.items():
                for key in filter(None, (_key(kind, image) for image in films)):
                    units = index.get(key)
                    if isinstance(units, set):
                        units.add(unit)
                    else:
                        index[key] = {*units, unit} if units else self._alone[unit]
            self._indexes[kind] = index
        return self._indexes[kind]


class Finder:
    """Looks rows up by one rule; several indexes are tried, the closest kind of equality first."""

    def __init__(self, rule: str, films: Films, rows: Sequence[Row]) -> None:
        self._rule, self._films = rule, films
        self._indexes = {kind: films.index(kind) for kind in _KEYS[rule]}
        self._known = self._indexes["stem" if rule == "file_name" else rule]
        self._bare: dict[str, set[str]] = defaultdict(set)
        for key in self._known:
            self._bare[key.lstrip("0")].add(key)
        self._asked = Counter(key for row in rows for key in self._keys(row))
        self._asked_bare = Counter(key.lstrip("0") for key in self._asked)
        wanted = [(row, key) for row in rows if rule == "file_name" for key in self._keys(row)]
        looked_up = [(_whose(row), key, *self._looked_up(row, key)) for row, key in wanted]
        exact = [(whose, unit) for whose, _, kind, units in looked_up if kind in _EXACT for unit in units]
        self._names = FileNames(
            films.names if rule == "file_name" else (),
            ((whose, key) for whose, key, _, units in looked_up),
            {key for _, key, _, units in looked_up if not units},
            exact,
        )
        self.restored = 0
        self.hits = sum(any(self._known_key(row, key) for key in self._keys(row)) for row in rows)

    def find(self, row: Row) -> tuple[set[str], str]:
        """The units of a row, or a reason code."""
        names: set[str] = set()
        keys = self._keys(row)
        if row.reason:
            return set(), row.reason
        if not keys:
            return set(), "id_missing"
        for key in keys:
            units, reason = self._units(row, key)
            if reason:
                return set(), reason
            names |= units
        if sum(name.startswith("uid:") for name in names) > 1:
            return set(), "report_ambiguous"
        return names, ""

    def _known_key(self, row: Row, key: str) -> bool:
        return bool(self._looked_up(row, key)[1] or self._names.find(key)[0])

    def _looked_up(self, row: Row, key: str) -> tuple[str, AbstractSet[str]]:
        """The closest kind of equality under which films bear the key, and their units; only an id may mean several films."""
        wide = not row.get("image")
        kinds = (kind for kind, index in self._indexes.items() if key in index and (wide or kind not in _OF_AN_ID))
        kind = next(kinds, "")
        return kind, self._indexes[kind][key] if kind else set()

    def _keys(self, row: Row) -> list[str]:
        if self._rule == "patient_date":
            day = day_of(row.get("date"))
            return [f"{clean_id(row.get('patient'))}\x1f{day}"] if row.get("patient") and day else []
        column = {"accession": "accession", "study_uid": "study_uid", "file_name": "image"}.get(self._rule, "id")
        if self._rule == "file_name" and row.get(column):
            return list(image_names(row.get(column)))
        cell = clean_id(row.get(column) or row.get("id"))
        return [cell] if cell else []

    def _units(self, row: Row, key: str) -> tuple[AbstractSet[str], str]:
        if self._rule == "file_name" and ".." in PurePosixPath(key).parts:
            return set(), "unsafe_path"
        kind, units = self._looked_up(row, key)
        if units:
            # `noi/12_1.png` and `ngoai/12_2.png` are two patients whom two wards have numbered alike.
            one_place = kind in _OF_AN_ID and len(set().union(*(self._films.parents[unit] for unit in units))) == 1
            return (units, "") if len(units) == 1 or one_place else (set(), "report_ambiguous")
        units, reason = self._names.find(key)
        if units or reason == "report_ambiguous":
            return units, reason
        if self._rule == "file_name" and key.startswith("/"):
            return set(), "unsafe_path"
        if mangled(key, self._known):
            return set(), "id_mangled"
        return self._without_zeros(key)

    def _without_zeros(self, key: str) -> tuple[AbstractSet[str], str]:
        """Restore leading zeros that a spreadsheet dropped, where one film and one row alone can be meant."""
        candidates = self._bare.get(key.lstrip("0"), set()) if key.isdigit() else set()
        if not candidates:
            return set(), "image_missing"
        if len(candidates) > 1 or self._asked_bare[key.lstrip("0")] > 1:
            return set(), "id_mangled"
        self.restored += 1
        units = self._known[next(iter(candidates))]
        return (units, "") if len(units) == 1 else (set(), "report_ambiguous")


def _whose(row: Row) -> str:
    """Whatever tells the patient, or at least the study, of a row from another's."""
    return next((row.get(field) for field in ("patient", "name", "id", "accession", "study_uid") if row.get(field)), "")


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


def _key(kind: str, image: Image) -> str:
    path, header = PurePosixPath(image.relative), image.header
    if kind in ("accession", "study_uid", "patient", "patient_date"):
        if header is None:
            return ""
        dated = f"{header.patient}\x1f{header.day}" if header.patient and header.day else ""
        numbers = {"accession": header.accession, "study_uid": header.study_uid, "patient": header.patient}
        return (numbers | {"patient_date": dated})[kind]
    sequel = SEQUEL.fullmatch(image.stem)
    named = {"path": image.relative, "name": path.name, "stem": image.stem, "sequel": sequel["stem"] if sequel else ""}
    return named[kind] if kind != "folder" else path.parent.name


_KEYS = {
    "accession": ["accession"],
    "study_uid": ["study_uid"],
    "patient": ["patient"],
    "patient_date": ["patient_date"],
    "file_name": ["path", "name", "stem", "sequel", "folder"],
}
# Of file names: one film is meant, or all films that bear a number behind the id or lie in a folder called so.
_EXACT, _OF_AN_ID = ("path", "name", "stem"), ("sequel", "folder")
