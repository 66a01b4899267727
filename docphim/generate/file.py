"""Backend `file`: drafts that were made elsewhere, for the same floors, intervals and tables.

JSON lines, or CSV or TSV, of `id`, `text` and, where they differ from what stands in brackets, `turn` (0), `context`
(none) and `image` (own): {"id": "1a2b-findings", "text": "Bóng tim không to."}.  `id` is the example's in examples/*.jsonl.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from docphim.errors import Refused
from docphim.generate.backend import Prompt
from docphim.generate.plan import Key
from docphim.lines import rows
from docphim.study import Context, Image, Row

#: So many ids are named where the file does not fit the dataset.
NAMED = 5
#: What the file is called in a refusal.
_NAME = "generate.drafts"
#: What a row may leave out.
_USUAL: Row = {"turn": 0, "context": "none", "image": "own"}
_WORDS: dict[str, tuple[str, ...]] = {"context": get_args(Context), "image": get_args(Image)}


class Backend:
    """The drafts of a file (see `docphim.generate.backend.Backend`); they depend on nothing, and no film is drawn for them."""

    each_alone: ClassVar[bool] = True
    tells_likelihood: ClassVar[bool] = False
    concurrency = 1
    size = (0, 0)

    def __init__(
        self, run: Path, *, drafts: str, allow: Collection[str] = (), model: str | None = None, blind: bool = False, **_: Any
    ) -> None:
        self.name, self.allow, self.blind = model or "file", frozenset(allow), blind
        self.path = Path(drafts).expanduser()
        self.texts, self.duplicates = read_drafts(self.path)

    def expect(self, keys: Iterable[Key]) -> None:
        """Make sure that the file has a draft for all that will be asked, and no other.

        Raises
        ------
        Refused
            `pairs_incomplete`, with the first ids of each fault that is not allowed.
        """
        wanted = dict.fromkeys(keys)
        faults = {
            "missing": [key for key in wanted if key not in self.texts],
            "extra": [key for key in self.texts if key not in wanted],
            "duplicates": self.duplicates,
        }
        stopping = {fault: rows for fault, rows in faults.items() if rows and fault not in self.allow}
        if stopping:
            reports = "; ".join(f"{len(rows)} {fault} ({_some(rows)})" for fault, rows in stopping.items())
            allowed = ", ".join([*sorted(self.allow), *stopping])
            raise Refused("pairs_incomplete", _NAME, f"{reports}; to go on all the same: generate.allow: [{allowed}]")

    def answer(self, prompts: list[Prompt]) -> list[tuple[str, Literal["stop", "failed"]]]:
        """The draft of each prompt; one that the file lacks has failed."""
        texts = [self.texts.get(prompt.key) for prompt in prompts]
        return [("", "failed") if text is None else (text, "stop") for text in texts]

    def likelihood(self, prompts: list[Prompt]) -> None:
        """A text does not say how likely another was."""

    def close(self) -> None:
        """Nothing is held open."""


def _some(keys: Collection[Key]) -> str:
    names = [" ".join(str(part) for part in key if part not in (0, "none", "own")) for key in list(keys)[:NAMED]]
    return ", ".join(names) + (", …" if len(keys) > NAMED else "")


def read_drafts(path: Path) -> tuple[dict[Key, str], list[Key]]:
    """Drafts by (id, turn, context, image), the first of several with one key; and the keys that stand twice.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number.
    """
    texts: dict[Key, str] = {}
    duplicates: list[Key] = []
    for number, row in rows(path, _NAME):
        key, text = _draft(row, number)
        if key in texts:
            duplicates.append(key)
        texts.setdefault(key, text)
    return texts, duplicates


def _draft(row: Any, number: int) -> tuple[Key, str]:
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not isinstance(row.get("text"), str):
        raise _unreadable(number, "has no 'id' or 'text', or one that is no text")
    values = {name: usual if row.get(name) in (None, "") else row[name] for name, usual in _USUAL.items()}
    for name, words in _WORDS.items():
        if values[name] not in words:
            raise _unreadable(number, f"has a {name!r} that is not one of {', '.join(words)}")
    turn = str(values["turn"])
    if not turn.isdecimal():
        raise _unreadable(number, "has a 'turn' that is no number from 0")
    return (row["id"], int(turn), values["context"], values["image"]), row["text"]


def _unreadable(number: int, why: str) -> Refused:
    return Refused("pairs_unreadable", _NAME, f"line {number} {why}")
