"""Shards that hold the rows of another shard once more: the same file, or the same rows in another file."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from docphim.imaging.io.locations import open_bytes
from docphim.ingest.shards import Shard


def repeated(shards: Sequence[Shard], places_of: Callable[[Shard], dict[str, str]], root: Path) -> dict[Shard, Shard]:
    """A shard whose rows all stand in an earlier one, texts and films → that one.

    Texts are read only where the numbers of rows are equal, films where all texts are.

    Parameters
    ----------
    places_of : callable
        Field → column of a shard.
    root : Path
        The source's folder, below which films may lie beside their shard.
    """
    keys: list[Callable[[Shard], Hashable]] = [
        lambda shard: shard.count,
        lambda shard: _texts(shard, places_of(shard)),
        lambda shard: _films(shard, places_of(shard), root),
    ]
    alike = _alike([shard for shard in shards if shard.count], keys)
    return {later: first for first, *rest in alike for later in rest}


def _alike(shards: Sequence[Shard], keys: Sequence[Callable[[Shard], Hashable]]) -> list[list[Shard]]:
    """Groups of shards that are equal by every key; a key is asked for only where the keys before it are equal."""
    groups = [list(shards)]
    for key in keys:
        finer: list[list[Shard]] = []
        for group in groups:
            by_key: dict[Hashable, list[Shard]] = defaultdict(list)
            for shard in group:
                by_key[key(shard)].append(shard)
            finer += [alike for alike in by_key.values() if len(alike) > 1]
        groups = finer
    return groups


def _texts(shard: Shard, places: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for _, cells in shard.texts({field: column for field, column in sorted(places.items()) if field != "image"}):
        digest.update(repr(cells).encode())
    return digest.hexdigest()


def _films(shard: Shard, places: dict[str, str], root: Path) -> str:
    digest = hashlib.sha256()
    for row in shard.rows(places, ()):
        for location in row.locations(shard.path, root) if row.is_whole else ():
            film = open_bytes(location)
            digest.update(hashlib.sha256(film if isinstance(film, bytes) else film.read_bytes()).digest())
        digest.update(b"\n")
    return digest.hexdigest()
