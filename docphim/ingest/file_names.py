"""Finds a film by a name that a table writes otherwise than the disk: another case, suffix, slash or folder before it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from itertools import takewhile
from urllib.parse import unquote

#: Suffixes that say how a film is stored, and not which it is.
_SUFFIX = re.compile(r"(?:\.(?:dcm|dicom|dic|ima|png|jpe?g|tiff?|bmp|webp|nii|gz))+$")

#: Folders that are called after nobody.  No given name is among them, such as Anh (`ảnh` without its accent) or Phi.
_EXPORTS = {"phim", "film", "films", "image", "images", "img", "imgs", "dicom", "dcm", "png", "jpg", "jpeg", "xquang"}
_EXPORTS |= {"x-quang", "xray", "x-ray", "xrays", "cxr", "export", "exports", "data", "dataset", "files", "pacs", "cdha"}
_EXPORTS |= {"train", "val", "valid", "test", "mnt", "home", "users", "desktop", "documents", "downloads", "ảnh", "hình ảnh"}


class FileNames:
    """The films by their loose names.

    Parameters
    ----------
    films : iterable of (str, str)
        Path in the folder and unit (`drafts.Image.unit`) of each film on disk.
    wanted : iterable of (str, str)
        For each name that a row asks for: whose it is (a patient's or study's number, or ''), and the name.
    asked : collection of str
        The names among these that no film bears exactly: a film for which several of them ask is no row's.
    exact : collection of (str, str)
        Whose it is, and the unit, where a row finds one by its exact name: it is that row's, and no loose name's.
    """

    def __init__(
        self,
        films: Iterable[tuple[str, str]],
        wanted: Iterable[tuple[str, str]],
        asked: Collection[str],
        exact: Collection[tuple[str, str]],
    ) -> None:
        self._films: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
        owners: dict[str, set[str]] = defaultdict(set)
        for whose, unit in exact:
            owners[unit].add(whose)
        inside: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for path, unit in films:
            parts = parts_of(path)
            self._films[parts[-1]].append((parts, unit))
            for depth in range(1, len(parts)):
                inside[tuple(parts[:depth])] |= owners.get(unit, set())
        self._exact = owners
        # Folders in which rows find films of two patients or studies exactly: they are no one patient's.
        self._common = {folder for folder, of in inside.items() if len(of - {""}) > 1}
        self._depth = len(export_folders(wanted))
        nearest = (self._nearest(name) for name in set(asked))
        self._asked = Counter(unit for units in nearest for unit, may_be in units.items() if may_be)

    def find(self, name: str) -> tuple[set[str], str]:
        """The unit that a name means, or the reason why it means none: nothing is like it, or more than one thing."""
        units = self._nearest(name)
        if len(units) > 1:
            return set(), "report_ambiguous"
        if not any(units.values()):
            return set(), "image_missing"
        return (set(units), "") if self._asked[next(iter(units))] == 1 else (set(), "report_ambiguous")

    def _nearest(self, name: str) -> dict[str, bool]:
        """The units of the same last name, of several those that share most of the folders above it; whether each may be it.

        Where both name folders and these differ, it is another patient's film (`BN001/IM01.png`, `BN002/IM01.png`), unless
        the row's folders are those of the whole export, or those on disk hold films of several patients.
        """
        parts = parts_of(name)
        alike = [(_shared(parts, path), path, unit) for path, unit in self._films.get(parts[-1], ())]
        most = max((shared for shared, _, _ in alike), default=0)
        units: dict[str, bool] = {}
        for shared, path, unit in alike:
            if shared == most:
                may_be = shared in (len(path), len(parts)) or len(parts) - shared <= self._depth
                may_be = may_be or tuple(path[: len(path) - shared]) in self._common
                units[unit] = units.get(unit, False) or (may_be and unit not in self._exact)
        return units


def export_folders(wanted: Iterable[tuple[str, str]]) -> list[str]:
    r"""The folders with which all names begin, that say where films were exported to and not whose they are.

    They stand before the films of two patients or studies at least; where nobody knows whose a film is, before two films, and
    are called as programs and departments call theirs (`_EXPORTS`): `lan` and `BN001` may be one patient's.

    >>> export_folders([("1", "D:\\Phim\\a\\1.png"), ("2", "D:\\Phim\\b\\1.png")])
    ['phim']
    >>> export_folders([("1", "BN001/1.png"), ("1", "BN001/2.png")]), export_folders([("", "BN001/1.png"), ("", "BN001/2.png")])
    ([], [])
    """
    inside = [(whose, parts) for whose, name in wanted if len(parts := parts_of(name)) > 1]
    levels = zip(*(parts[:-1] for _, parts in inside), strict=False)
    shared = [folders[0] for folders in takewhile(lambda folders: len(set(folders)) == 1, levels)]
    owners = {whose for whose, _ in inside}
    if owners == {""}:
        nobodys = list(takewhile(lambda folder: folder in _EXPORTS, shared))
        return nobodys if len({parts[-1] for _, parts in inside}) > 1 else []
    return shared if len(owners - {""}) > 1 else []


def parts_of(name: str) -> list[str]:
    r"""The folders of a name and the film itself, in one way of writing.

    >>> parts_of("D:\\Phim\\IM01.PNG"), parts_of("file:///mnt/phim/im01.dcm")
    (['phim', 'im01'], ['mnt', 'phim', 'im01'])
    """
    plain = unicodedata.normalize("NFC", unquote(name)).casefold().replace("\\", "/")
    plain = re.sub(r"^(?:file:/*)?(?:[a-z]:(?=/))?", "", plain)
    parts = [part.strip() for part in plain.split("/")]
    parts = [part for part in parts if part not in ("", ".")] or [""]
    return [*parts[:-1], _SUFFIX.sub("", parts[-1])]


def _shared(one: list[str], other: list[str]) -> int:
    """How many parts at the end two names share."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
