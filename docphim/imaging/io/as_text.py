"""Films written as text: base64, or a data URL."""

from __future__ import annotations

import base64
import binascii
import re

from docphim.errors import Refused
from docphim.imaging.io.sniff import ENOUGH, kind_of

_URL = re.compile(r"data:[^,]{0,200},")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{16,}={0,2}\s*")
_HEAD = ENOUGH * 4 // 3  # letters that hold as many bytes as tell a format
_FILMS = ("png", "jpeg", "tiff", "dicom")


def is_film(text: str) -> bool:
    """Whether a text is a film, and not the path of one: a data URL, or base64 whose first bytes are of a film's format."""
    if _URL.match(text):
        return True
    head = text[: _HEAD // 4 * 4]
    if not _BASE64.fullmatch(head):
        return False
    try:
        return kind_of(base64.b64decode(_padded(head))) in _FILMS
    except (binascii.Error, Refused):
        return False


def film_bytes(text: str) -> bytes:
    """The bytes of a text for which `is_film` holds.

    Raises
    ------
    Refused
        `file_unreadable`: the base64 is damaged, or the data URL is written otherwise.
    """
    url = _URL.match(text)
    if url and not url[0].endswith(";base64,"):
        raise Refused("file_unreadable", "", "the cell's data URL is not in base64")
    try:
        return base64.b64decode(_padded(text[url.end() if url else 0 :]), validate=True)
    except ValueError:
        raise Refused("file_unreadable", "", "the cell's base64 is damaged") from None


def _padded(text: str) -> str:
    """Base64 without blanks, and with the signs at its end that some programs leave out."""
    letters = "".join(text.split())
    return letters + "=" * (-len(letters) % 4)
