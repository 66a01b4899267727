"""What words of a header mean: scope.yaml, and words compared without accents, capitals and punctuation."""

from __future__ import annotations

import functools
import re
import unicodedata
from pathlib import Path
from typing import Any

from docphim.package_data import packaged


def mended(value: str) -> str:
    """Text whose UTF-8 bytes were read as Latin-1, as happens where a PACS names no character set; other text as it is."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


@functools.cache
def table() -> dict[str, Any]:
    """scope.yaml."""
    return packaged(Path(__file__).with_name("scope.yaml"))


def bare(value: str) -> str:
    """Capitals without accents, signs as they are: 'Ngực C-' -> 'NGUC C-'."""
    parted = unicodedata.normalize("NFD", mended(value).replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in parted if not unicodedata.combining(c)).upper()


def plain(value: str) -> str:
    """Capitals without accents, words parted by single spaces: 'Ngực thẳng' -> 'NGUC THANG'."""
    return " ".join(re.findall(r"[A-Z0-9]+", bare(value)))


def has(words: str, phrase: str) -> bool:
    """Whether plain words hold a phrase, whole words of it: 'KHOP GOI PHAI' holds 'GOI' and not 'GO'."""
    return f" {phrase} " in f" {words} "


def without(words: str, phrases: list[str]) -> str:
    """Plain words without some phrases: 'CHEST C ARM' without 'C ARM' is 'CHEST'."""
    for phrase in phrases:
        words = f" {words} ".replace(f" {phrase} ", "  ").strip()
    return words


def names_chest(words: str) -> bool:
    """Whether words name the chest, outside phrases that hold such a word and mean another part (thoracic spine, thắt lưng)."""
    rest = without(words, table()["not_the_chest"])
    return any(word in rest for word in table()["chest"])


def meanings(words: str, names: dict[str, list[str]]) -> list[str]:
    """The names of which a spelling stands in plain words."""
    return [name for name, spellings in names.items() if any(has(words, spelling) for spelling in spellings)]
