"""How stages meet: atomic writes, JSONL, content keys, private folders, locks."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from docphim.errors import Refused, UsageError
from docphim.progress import bar
from docphim.study import Example, Study, from_row

log = logging.getLogger("docphim")
Row = dict[str, Any]
#: Bytes from which on a file is hashed once a command, and of what is read at a time.
LARGE, _BLOCK = 1 << 24, 1 << 20
#: Seconds in which the helpers of a command that was killed end by themselves.
_PARTING = 10.0


@contextlib.contextmanager
def atomic(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file that appears under its name only when the block ends well.

    The data goes to a temporary name in the same folder and is flushed to disk before it is renamed; after an error
    nothing is left.

    Raises
    ------
    Refused
        `disk_full`, when the disk cannot take it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    encoding = None if "b" in mode else "utf-8"
    try:
        with open(part, mode, encoding=encoding, newline=None if encoding is None else "\n") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused("disk_full", path.name, f"the disk is full: {path.name} was not written") from error
        error.filename = error.filename or str(path)  # a failed write does not say where
        raise
    finally:
        part.unlink(missing_ok=True)


def dumps(row: Any) -> str:
    """One line of JSON, UTF-8, keys in the order given, NaN refused."""
    return json.dumps(row, ensure_ascii=False, separators=(", ", ": "), allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document, indented, atomically."""
    with atomic(path) as handle:
        handle.write(document(value))


def document(value: Any) -> str:
    """A JSON document as `write_json` writes it."""
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_jsonl(path: Path, rows: Iterable[Row]) -> int:
    """Write rows atomically, one JSON object a line; the number of rows."""
    n = 0
    with atomic(path) as handle:
        for row in rows:
            handle.write(dumps(row) + "\n")
            n += 1
    return n


def read_jsonl(path: Path) -> Iterator[Row]:
    """Read rows one at a time; a missing file has none, a last line cut short by a kill is left out."""
    if not path.exists():
        return
    # Read as bytes: a kill may cut the last line in the middle of a letter.
    with open(path, "rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                yield json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except ValueError:
                if not line.endswith(b"\n"):
                    return
                raise Refused("file_unreadable", path.name, f"line {number} is not JSON") from None


def read_examples(dataset: Path, split: str) -> list[Example]:
    """The examples of a split, in file order; none where there is no such file."""
    return [from_row(Example, row) for row in read_jsonl(dataset / "examples" / f"{split}.jsonl")]


def read_studies(dataset: Path) -> list[Study]:
    """The studies of a dataset, in file order."""
    return [from_row(Study, row) for row in read_jsonl(dataset / "studies.jsonl")]


class Appender:
    """Append rows to a JSONL file so that a kill loses at most the line being written, which is dropped on reopening."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = open(path, "a+b")  # noqa: SIM115 - closed by close()
        end = self._handle.seek(0, os.SEEK_END)
        if end:
            self._handle.seek(0)
            self._handle.truncate(self._handle.read().rfind(b"\n") + 1)

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows and flush them to disk."""
        try:
            self._handle.write("".join(dumps(row) + "\n" for row in rows).encode())
            self._handle.flush()
            os.fsync(self._handle.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Refused("disk_full", "", "the disk is full: the last rows were not written") from error
            raise

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def __enter__(self) -> Appender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex; of a large file it shows how far it is."""
    with open(path, "rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        if size < LARGE:
            return hashlib.file_digest(handle, "sha256").hexdigest()
        digest, blocks = hashlib.sha256(), range(0, size, _BLOCK)
        for _ in bar(blocks, len(blocks), "hashes, MiB"):
            digest.update(handle.read(_BLOCK))
        return digest.hexdigest()


def content_key(value: Any, length: int = 16) -> str:
    """A short key of a JSON-ready value; equal values, whatever their key order, give equal keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def seed_of(*parts: object) -> int:
    """A 63-bit seed from any values, the same on every machine and in every process."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:8], "big") >> 1


def private_folder(path: Path) -> Path:
    """Make a folder only its owner can open (0700) and return it; one that its owner has made read-only is left so."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        path.chmod(mode & 0o700)
    return path


def at_home(text: str, key: str) -> Path:
    """A path that a person wrote, with `~` as their home folder.

    Raises
    ------
    UsageError
        There is no home folder; `key` is the recipe's name for the path.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"{key}: ~ stands for a home folder, and this user has none; write the whole path") from None


def sync(folder: Path) -> None:
    """Flush a folder's list of names to disk, so that a rename in it outlives a power cut."""
    if os.name != "nt":  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(folder: Path, process: str = "", *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a run or a dataset, so that no two commands write one at once; it ends with its process.

    Parameters
    ----------
    process : str
        The name of a helper that a command has started (a rank of a training, a worker): helpers hold locks of their own, so
        that one which outlives its command still keeps the next command away, for as long as `_PARTING` at least.
    wait : bool
        Wait until the lock is free, and say so, instead of refusing.

    Raises
    ------
    UsageError
        Another process holds it.
    OSError
        The folder cannot be written, or its file system has no locks.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_held(folder, f".lock-{process}" if process else ".lock", wait))
        for helper in sorted(folder.glob(".lock-*")) if not process else []:
            with _held(folder, helper.name, wait, _PARTING):
                pass
        yield


@contextlib.contextmanager
def _held(folder: Path, name: str, wait: bool, patience: float = 0.0) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / name, fallback_to_soft=False)
    place = f"{folder.parent.name}/{folder.name}"
    try:
        lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout:
        if not wait:
            raise UsageError(f"{place} is being written by another process") from None
        log.info("%s is being written by another process; waiting for it", place)
        lock.acquire(poll_interval=0.2)
    try:
        yield
    finally:
        lock.release()
