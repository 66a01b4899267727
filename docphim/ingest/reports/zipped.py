"""Opens what is a ZIP inside (.xlsx, .docx, .zip) without unpacking to disk and within bounds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from docphim.errors import Refused, UsageError

#: Bytes that all members together may unpack to: minutes to read.
LARGEST = 256 << 20
_MOST_MEMBERS = 50_000
_PIECE = 1 << 20


@contextmanager
def opened(data: bytes, what: str) -> Iterator[zipfile.ZipFile]:
    """A ZIP's members.

    Parameters
    ----------
    what : str
        What the messages call it: `workbook`, `document`, `archive`.

    Raises
    ------
    Refused
        `file_unreadable`: damaged, or it would unpack to more than `LARGEST` bytes or 50,000 members; `file_protected`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(part.file_size for part in members) > LARGEST or len(members) > _MOST_MEMBERS:
                why = f"the {what} unpacks to more than {LARGEST >> 20} MiB or {_MOST_MEMBERS:,} members"
                raise Refused("file_unreadable", "", why)
            if any(part.flag_bits & 1 for part in members):
                raise Refused("file_protected", "", f"the {what} is protected by a password")
            yield archive
    except (Refused, UsageError):
        raise
    except Exception:  # zipfile, zlib and lzma raise their own, in the middle of a member too
        raise Refused("file_unreadable", "", f"the {what} cannot be read") from None


def member(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """The bytes of a member, which must be as many as the archive says: a reader that trusts it would unpack without end.

    Raises
    ------
    Refused
        `file_unreadable`: they are more.
    """
    stated = part.file_size
    part.file_size = LARGEST + 1  # so that zipfile reads on to the end of the stream
    pieces, size = [], 0
    try:
        with archive.open(part) as stream:
            while piece := stream.read(_PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > stated:
                    raise Refused("file_unreadable", "", "a part is larger than the archive says")
    finally:
        part.file_size = stated
    return b"".join(pieces)
