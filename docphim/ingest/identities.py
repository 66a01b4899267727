"""Names for studies, patients and films that say nothing about whom they belong to: HMAC-SHA256 under a key kept elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from docphim.errors import UsageError
from docphim.files import at_home

DEFAULT_KEY = Path("~/.config/docphim/key")
_KEY_BYTES = 32
_DIGITS = 16  # hex digits of an id: 64 bits, a chance of 3e-8 that two of a million studies meet
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.)")  # Windows drops a dot at the end
#: Names of Windows' devices, which no file may have there, whatever follows behind a dot (`NUL.1`).
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|COM\d|LPT\d)(?:\..*)?", re.IGNORECASE)
#: Files that only a dataset or a run folder holds; a key must not lie in or under one.
_MARKS = ("studies.jsonl", "recipe.yaml", "predictions.jsonl")


class Identities:
    """Turns original ids into published ones.

    Parameters
    ----------
    key : bytes or None
        The secret; None keeps study and patient ids as they are, for datasets whose ids are public already.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key, self.keep = key or b"docphim: public ids", key is None

    def hashed(self, kind: str, original: str) -> str:
        """The id of anything: 16 hex digits, different for each kind."""
        return hmac.new(self._key, f"{kind}\x1f{original}".encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[
            :_DIGITS
        ]

    def study(self, name: str) -> str:
        """The id of a study called `uid:…`, `id:…` or `file:…` (drafts.Draft); hashed where it cannot be kept."""
        plain = public(name.partition(":")[2])
        return plain if self.keep and is_public(plain) else self.hashed("study", name)

    def patient(self, original: str) -> str:
        """The id of a patient; hashed where it cannot be kept, `p1` and `P1` alike: one patient is in one split."""
        plain = public(original)
        return plain if self.keep and is_public(plain) else self.hashed("patient", original.upper())


def public(original: str) -> str:
    """An id as it is kept: `a/1.png` is `a--1.png`; `kept_ids.unkept` sees to it that no other becomes that too."""
    return original.replace("/", "--")


def is_public(plain: str) -> bool:
    """Whether an id can name a file, on Windows too."""
    return _SAFE.fullmatch(plain) is not None and not _DEVICE.fullmatch(plain)


def load_key(key_file: str | None, forbidden: Sequence[Path]) -> bytes:
    """Read the key, or make one (0600) on first use.

    Parameters
    ----------
    key_file : str or None
        Its path; else the environment's DOCPHIM_KEY_FILE; else ~/.config/docphim/key.
    forbidden : sequence of Path
        Folders that get copied or shared, in which the key must not lie: the source and the datasets.

    Raises
    ------
    UsageError
        The key lies in one of them or in a run folder, others can read it, it is too short to be one, or its path cannot be
        followed, read or made.
    """
    path = at_home(str(key_file or os.environ.get("DOCPHIM_KEY_FILE") or DEFAULT_KEY), "source.key_file")
    try:
        return _key_at(path.resolve(), forbidden)
    except OSError as error:
        raise UsageError(f"source.key_file: the key cannot be read or made: {os.strerror(error.errno or 0)}") from None
    except (ValueError, RuntimeError):  # a NUL in it; links that lead to one another
        raise UsageError("source.key_file: this path cannot be followed") from None


def _key_at(path: Path, forbidden: Sequence[Path]) -> bytes:
    for folder in forbidden:
        if path.is_relative_to(folder.resolve()):
            raise UsageError("source.key_file: the key must lie outside the source, the data and the runs")
    if any((parent / mark).exists() for parent in path.parents for mark in _MARKS):
        raise UsageError("source.key_file: the key must lie outside every dataset and run folder")
    if not path.exists():
        _make(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise UsageError("source.key_file: others can read the key; chmod 600 it")
    key = path.read_bytes().strip()
    if len(key) < _KEY_BYTES:
        raise UsageError(f"source.key_file: a key has at least {_KEY_BYTES} bytes")
    return key


def _make(path: Path) -> None:
    """Write a new key under a temporary name and link it into place, so that two first runs end with one key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as handle:
            handle.write(secrets.token_hex(_KEY_BYTES) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        os.link(part, path)
    except FileExistsError:
        pass  # another process was first; its key counts
    finally:
        part.unlink(missing_ok=True)
