"""The words of questions and of their short answers, of questions.yaml and of the words in which lesions are written."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docphim.files import seed_of
from docphim.language.lesion_text import piece
from docphim.package_data import packaged
from docphim.study import Lesion


@functools.cache
def table() -> Mapping[str, Any]:
    """questions.yaml."""
    read: Mapping[str, Any] = packaged(Path(__file__).with_name("questions.yaml"))
    return read


def asked(kind: str, language: str, seed: object, **slots: str) -> str:
    """A question of a kind in one of its wordings, which the seed draws.

    Examples
    --------
    >>> asked("suv", "en", 0, what="mass in the liver") in ("What is the SUVmax of the mass in the liver?",
    ...                                                      "How high is the SUVmax of the mass in the liver?")
    True
    """
    wordings = table()[language][kind]
    text = str(wordings[seed_of(seed, kind) % len(wordings)]).format(**slots)
    return text[:1].upper() + text[1:]


def answered(name: str, language: str, number: float | None = None) -> str:
    """What a short answer says: one of `answers` of questions.yaml, with a number as its language writes it; no full stop."""
    written = "" if number is None else f"{number:g}"
    return str(table()[language]["answers"][name]).format(written.replace(".", ",") if language == "vi" else written)


@functools.cache
def what(finding: str, organ: str | None, side: Any, language: str, location: tuple[str, ...] = ()) -> str:
    """A thing with its place: "khối phổi bên phải", "mass in the right lung"."""
    if finding == "lymph_node":
        named = table()["stations"].get(organ or "")
        stations = list(location) or ([named] if named else [])
        return piece(Lesion(finding, "lymph_node", side, station=stations), "what", language)
    return piece(Lesion(finding, organ, side, list(location)), "what", language)


@functools.cache
def place(organ: str | None, side: Any, language: str, location: tuple[str, ...] = ()) -> str:
    """Where: "phổi bên phải", "thùy trên phổi"; an organ alone may be called otherwise in questions.yaml."""
    if not side and not location and organ in table()["organs"][language]:
        return str(table()["organs"][language][organ])
    if organ in table()["organs"][language] and not location:
        sided = piece(Lesion("lesion", "lung", side), "place", language)
        return sided.replace(piece(Lesion("lesion", "lung"), "place", language), table()["organs"][language][organ])
    return piece(Lesion("lesion", organ, side, list(location)), "place", language)
