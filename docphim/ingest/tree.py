"""Walks a folder of unknown origin without leaving it: links that lead out, loops and system files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: What file managers, archives and media leave behind.  DICOMDIR only lists files that are found here anyway, by paths that
#: may lead out of the folder.
_IGNORED = re.compile(
    r"\..*|~\$.*|thumbs\.db|desktop\.ini|__macosx|dicomdir|\$recycle\.bin|system volume information", re.IGNORECASE
)


#: Files of other kinds are passed over unless their name says that they should be a film.
FILM_SUFFIXES = frozenset((".dcm", ".dic", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of the tree, or the reason why something in it is not opened."""

    relative: str
    path: Path
    size: int = 0
    modified: int = 0
    refused: str | None = None


def walk(root: Path) -> Iterator[Entry]:
    """Every regular file under `root`, in the order of its relative path; where `root` is a file, that one.

    Links that stay inside are passed over, since what they lead to is met under its own name; so no loop can occur.
    Links that lead out, and names that are not text, come with the reason `unsafe_path`; links to nothing, and what goes away
    while the folder is read, with `file_missing`.
    """
    root = root.resolve()
    if root.is_file():
        stat = root.stat()
        yield Entry(root.name, root, stat.st_size, stat.st_mtime_ns)
        return
    yield from sorted(_entries(root), key=lambda e: os.fsencode(e.relative))


def _entries(root: Path) -> Iterator[Entry]:
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            items = list(os.scandir(folder))
        except OSError as error:
            gone = isinstance(error, FileNotFoundError | NotADirectoryError)
            yield Entry(os.path.relpath(folder, root), folder, refused="file_missing" if gone else "file_unreadable")
            continue
        for item in items:
            refused = "" if _IGNORED.fullmatch(item.name) else _refusal(item, root)
            if refused is None and item.is_dir(follow_symlinks=False):
                folders.append(Path(item.path))
            elif refused or (refused is None and item.is_file(follow_symlinks=False)):
                yield _entry(item, root, refused)


def _entry(item: os.DirEntry[str], root: Path, refused: str | None) -> Entry:
    path = Path(item.path)
    relative = path.relative_to(root).as_posix()
    if refused:
        return Entry(relative, path, refused=refused)
    try:
        stat = item.stat(follow_symlinks=False)
    except OSError:
        return Entry(relative, path, refused="file_missing")
    return Entry(relative, path, stat.st_size, stat.st_mtime_ns)


def _refusal(item: os.DirEntry[str], root: Path) -> str | None:
    """A reason code, '' for a link that is passed over, None for what may be opened."""
    try:
        item.name.encode()
    except UnicodeEncodeError:
        return "unsafe_path"
    if not item.is_symlink():
        return None
    try:
        target = Path(item.path).resolve(strict=True)
    except (OSError, RuntimeError):  # gone, or a loop of links
        return "file_missing"
    return "" if target.is_relative_to(root) else "unsafe_path"


def may_be_film(path: Path) -> bool:
    """Whether a file's name is that of a film: by its suffix, or without one, as the end of a UID is none."""
    return path.suffix.lower() in FILM_SUFFIXES or not path.suffix[1:].isalpha()
