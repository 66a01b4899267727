"""Finds a film by a name that a table writes otherwise than the disk: other case, accents, suffix, slashes, folders before it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docphim.ingest.matching import Image

#: Suffixes that say how a film is stored, and not which it is.
_SUFFIX = re.compile(r"(?:\.(?:dcm|dicom|dic|ima|png|jpe?g|tiff?|bmp|webp))+$")


class FileNames:
    """The films by their loose names.

    Parameters
    ----------
    images : iterable of Image
        The films on disk.
    asked : iterable of str
        The names that all rows ask for: a film for which several rows ask under loose names is no row's.
    """

    def __init__(self, images: Iterable[Image], asked: Iterable[str]) -> None:
        self._films: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
        for image in images:
            parts = parts_of(image.relative)
            self._films[parts[-1]].append((parts, image.unit))
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
        """The units whose last name is the same; of several those that share most of the folders above it, if they share any."""
        parts = parts_of(name)
        alike = [(_shared(parts, path), unit) for path, unit in self._films.get(parts[-1], ())]
        most = max((shared for shared, _ in alike), default=0)
        return {unit for shared, unit in alike if shared == most}


def parts_of(name: str) -> list[str]:
    r"""The folders of a name and the film itself, in one way of writing.

    >>> parts_of("D:\\Phim\\IM01.PNG"), parts_of("file:///mnt/phim/im01.dcm")
    (['phim', 'im01'], ['mnt', 'phim', 'im01'])
    """
    plain = unicodedata.normalize("NFC", name).casefold().replace("\\", "/")
    plain = re.sub(r"^(?:file:/*)?(?:[a-z]:(?=/))?", "", plain)
    parts = [part.strip() for part in plain.split("/")]
    parts = [part for part in parts if part not in ("", ".")] or [""]
    return [*parts[:-1], _SUFFIX.sub("", parts[-1])]


def _shared(one: list[str], other: list[str]) -> int:
    """How many parts at the end two names share."""
    return next(
        (n for n, (a, b) in enumerate(zip(reversed(one), reversed(other), strict=False)) if a != b), min(len(one), len(other))
    )
