"""The words of questions and of their short answers, of questions.yaml and of the words in which lesions are written."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from docphim.files import seed_of
from docphim.language.fact import Fact
from docphim.language.lesion_text import decimal, piece
from docphim.language.normalize import normalize
from docphim.package_data import packaged
from docphim.study import Answer, Lesion, Message, Row, to_row


@functools.cache
def table() -> Mapping[str, Any]:
    """questions.yaml."""
    read: Mapping[str, Any] = packaged(Path(__file__).with_name("questions.yaml"))
    return read


@dataclass(frozen=True)
class Question:
    """One question that a report answers; its words, and what of the report answers it, are written when they are wanted.

    `kind` is whose wordings it has in questions.yaml, `slots` what they are filled with, `words` the answer without its stop,
    `answer` the typed one without its origin, `things` the facts or lesion records that it was read from.
    """

    kind: str
    language: str
    slots: Mapping[str, str]
    words: str
    answer: Answer
    things: Sequence[Any]
    seed: object

    @property
    def asks(self) -> str:
        """Its name, whatever its words: `side:effusion/pleura`."""
        return self.answer.asks or ""

    @property
    def text(self) -> str:
        """The question."""
        return asked(self.kind, self.language, (self.seed, self.asks), **self.slots)

    @property
    def reply(self) -> str:
        """The short answer."""
        return f"{self.words[:1].upper()}{self.words[1:]}."

    @property
    def typed(self) -> Answer:
        """The answer with what it was read from, `{"fact": …}` or `{"lesion": …}`, of a comparison `{"lesions": […]}`."""
        rows = [row_of(thing) for thing in self.things]
        name = "fact" if isinstance(self.things[0], Fact) else "lesion"
        return replace(self.answer, origin={name: rows[0]} if len(rows) == 1 else {f"{name}s": rows})

    @property
    def turn(self) -> tuple[str, Message]:
        """The question, and the message that answers it."""
        return self.text, Message("assistant", self.reply, "template", self.typed)

    @property
    def leaks(self) -> bool:
        """Whether what it asks about is named with its answer: "left ventricle" where the side is asked for."""
        if self.answer.kind != "choice" or self.kind.startswith("compare"):
            return False
        return _plain(self.words) in _plain(" ".join(self.slots.values()))


_plain = functools.cache(normalize)


def row_of(thing: Any) -> Row:
    """A fact or a lesion record as JSON, without what it says nothing of."""
    row = ((f.name, getattr(thing, f.name)) for f in fields(thing) if f.name not in ("v", "measures"))
    stated = {name: value for name, value in row if value not in (None, "", [], ())}
    return {
        name: [to_row(v) if is_dataclass(v) else v for v in value] if isinstance(value, (list, tuple)) else value
        for name, value in stated.items()
    }


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
    written = "" if number is None else decimal(number, language)
    return str(table()[language]["answers"][name]).format(written)


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
