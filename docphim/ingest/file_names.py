"""Finds a film by a name that a table writes otherwise than the disk: another case, suffix, slash or folder before it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import takewhile
from urllib.parse import unquote

#: Suffixes that say how a film is stored, and not which it is.
_SUFFIX = re.compile(r"(?:\.(?:dcm|dicom|dic|ima|png|jpe?g|tiff?|bmp|webp))+$")


class FileNames:
    """The films by their loose names.

    Parameters
    ----------
    films : iterable of (str, str)
        Path in the folder and unit (`matching.Image.unit`) of each film on disk.
    asked : iterable of str
        The names that all rows ask for: a film for which several rows ask under loose names is no row's.
    """

    def __init__(self, films: Iterable[tuple[str, str]], asked: Iterable[str]) -> None:
        self._films: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
        for path, unit in films:
            parts = parts_of(path)
            self._films[parts[-1]].append((parts, unit))
        self._asked: Counter[str] = Counter(unit for name in set(asked) for unit in self._nearest(name))

    def find(self, name: str) -> tuple[set[str], str]:
        """The unit that a name means, or the reason why it means none: nothing is like it, or more than one thing."""
        units = self._nearest(name)
        if not units:
            return set(), "image_missing"
        if len(units) > 1 or self._asked[next(iter(units))] > 1:
            return set(), "report_ambiguous"
        return units, ""

    def _nearest(self, name: str) -> set[str]:
        """The units of the same last name; of several those that share most of the folders above it."""
        parts = parts_of(name)
        alike = [(_shared(parts, path), unit) for path, unit in self._films.get(parts[-1], ())]
        most = max((shared for shared, _ in alike), default=0)
        return {unit for shared, unit in alike if shared == most}


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
