"""STAGE.json: what a stage was made from and the SHA-256 of all it wrote, so that a changed file is known before it is used."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.files import LARGE, Row, atomic, content_key, read_json, sha256, sync, write_json

#: What guards the other files of its folder, a checkpoint's: hashes that are compared when one of them is used.
MANIFEST = "manifest.json"
#: Where what `summed` gives of a folder's large files stands.
SUMS = ".sums.json"
#: A model's card, and what its training wrote of it.  The card is put together anew whenever scores change: no stage's output.
CARD, CARD_OF_TRAINING = "README.md", "card.md"
Sum = tuple[list[int], str]


def stage_record(version: int, settings: Any, inputs: Mapping[str, Path]) -> Row:
    """What STAGE.json must say for a stage to count as done: its version, settings and the SHA-256 of its inputs."""
    return {
        "version": version,
        "settings": json.loads(json.dumps(settings, default=str)),
        "inputs": {name: digest(path.parent, path.name) if path.exists() else None for name, path in inputs.items()},
    }


def write_stage(path: Path, record: Row) -> None:
    """Write STAGE.json with a seal, a hash over all it says, so that a damaged one is known."""
    write_json(path, {**record, "seal": content_key(record, 64)})
    sync(path.parent)


def read_stage(path: Path) -> Row | None:
    """What STAGE.json says; None where there is none, or where it is not what was written."""
    try:
        record = read_json(path)
        seal = record.pop("seal")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return record if seal == content_key(record, 64) else None


def written(folder: Path, outputs: Iterable[str]) -> Row:
    """The SHA-256 of every file that a stage left under the names `outputs`, by its path in the folder.

    A name may be a file, a folder (all its files), or `FILE?stage=NAME`: the rows of a file that several stages add rows to.
    """
    names: set[str] = set()
    for output in outputs:
        path = folder / output
        if path.is_dir():
            listed = (p for p in path.rglob("*") if p.is_file() and not p.name.endswith(".part"))
            names |= {p.relative_to(folder).as_posix() for p in listed if not _put_together(p)}
        else:
            names.add(output)
    return _digests(folder, sorted(names))


def _put_together(path: Path) -> bool:
    """Whether a file is made of another one beside it, by whoever has something to add."""
    return path.name == CARD and path.with_name(CARD_OF_TRAINING).exists()


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str | None]:
    """The `digest` of each file; those of files that are checked on use are remembered."""
    known, computed = read_stage(folder / SUMS) or {}, dict[str, Sum]()
    sums: dict[str, str | None] = {}
    for name in names:
        path = folder / name
        if "?" in name or not _checked_on_use(path):
            sums[name] = digest(folder, name)
            continue
        try:
            if name not in known or known[name][0] != _state(path):
                computed[name] = summed(path)
            sums[name] = (computed.get(name) or known[name])[1]
        except OSError:
            sums[name] = None
    if computed:
        remember(folder, computed)
    return sums


def remember(folder: Path, sums: Mapping[str, Sum]) -> None:
    """Note what is known of files, by their paths in the folder, so that they need not be read again for it."""
    noted = {**(read_stage(folder / SUMS) or {}), **sums}
    with contextlib.suppress(OSError, Refused):  # in a folder that cannot be written they are read each time
        write_stage(folder / SUMS, {name: entry for name, entry in noted.items() if (folder / name).exists()})


@contextlib.contextmanager
def doubting(*folders: Path) -> Iterator[None]:
    """Forget what is noted of the folders' files when the block ends in `file_changed`: one changed and kept its time.

    The next command then reads them all and makes the changed one again.
    """
    try:
        yield
    except Refused as refusal:
        if refusal.reason == "file_changed":
            for folder in folders:
                (folder / SUMS).unlink(missing_ok=True)
        raise


def summed(path: Path, blocks: Iterable[bytes] | None = None) -> Sum:
    """A file's size, time of change and number, and then, so that a later change is noticed, its SHA-256.

    `blocks` are its bytes, where they are at hand: then they are not read again.
    """
    state = _state(path)
    if blocks is None:
        return state, sha256(path)
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return state, digest.hexdigest()


def _checked_on_use(path: Path) -> bool:
    """Whether whoever opens a file checks it against hashes of its own: prepared pixels, files of a checkpoint.

    These are the many or large ones.  That they are what was written is told by size and time of change; the bytes are hashed
    again only where these have changed.
    """
    return path.suffix == ".b2nd" or (path.name != MANIFEST and path.with_name(MANIFEST).exists())


def _state(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ino]


def digest(folder: Path, name: str) -> str | None:
    """The SHA-256 of what `written` calls `name`, from its bytes; None where it is not there.

    A large file is hashed once a command: its size and time of change say that it is still the one that was hashed.
    """
    file, _, stage = name.partition("?stage=")
    path = folder / file
    try:
        if stage:
            lines = path.read_bytes().splitlines(keepends=True)
            return hashlib.sha256(b"".join(line for line in lines if _stage_of(line) == stage)).hexdigest()
        state = path.stat()
        return sha256(path) if state.st_size < LARGE else _once(path, state.st_size, state.st_mtime_ns, state.st_ino)
    except OSError:
        return None


@functools.lru_cache(maxsize=4096)
def _once(path: Path, *_state: int) -> str:
    return sha256(path)


def _stage_of(line: bytes) -> str | None:
    try:
        return str(json.loads(line)["stage"])
    except (ValueError, KeyError, TypeError):
        return None


def drop_rows(path: Path, stage: str) -> None:
    """Drop a stage's rows, and lines that are no rows, from a file that several stages add rows to."""
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        left = [line for line in lines if _stage_of(line) not in (None, stage)]
        if left != lines:
            with atomic(path, "wb") as handle:
                handle.write(b"".join(left))


def damaged(folder: Path, record: Row) -> list[str]:
    """The outputs that are not there or not what STAGE.json's `record` says was written."""
    sums: dict[str, str | None] = record.get("written", {})
    return [name for name, sum_ in _digests(folder, sums).items() if sum_ != sums[name]]


def check_written(folder: Path, stage: str, *names: str) -> None:
    """Refuse a file that is not what a stage of a run or a dataset wrote.

    Parameters
    ----------
    names : str
        Paths in `folder`, each a file or a folder that the stage wrote; none: all that it wrote.

    Raises
    ------
    Refused
        `file_changed`, by the file's name; also where STAGE.json itself is not there or damaged, or names no such file.
    """
    record = read_stage(folder / f"{stage}.json")
    if record is None:
        raise Refused("file_changed", f"{folder.name}/{stage}.json", f"it is missing or damaged; run {stage} again")
    sums = record.get("written", {})
    for name in names or ("",):
        inside = {key: sum_ for key, sum_ in sums.items() if not name or key == name or key.startswith(f"{name}/")}
        wrong = damaged(folder, {"written": inside}) if inside else [name]
        if wrong:
            raise Refused("file_changed", f"{folder.name}/{wrong[0]}", f"it is not what {stage} wrote; run that stage again")


def stage_done(path: Path, record: Row) -> bool:
    """Whether STAGE.json at `path` says just what `record` says and every output it names is what was written."""
    before = read_stage(path)
    return before is not None and {k: before.get(k) for k in record} == record and not damaged(path.parent, before)
