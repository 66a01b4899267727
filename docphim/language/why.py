"""Why a fact was read: what was decided of it, from which words, by which row of the grammar (`docphim facts --why`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from re import Match
from typing import Any

from docphim.language.fact import Fact
from docphim.language.facts import facts_of, sentences
from docphim.language.item import Item
from docphim.language.lexicon import load_lexicon
from docphim.language.read.amounts import Draft
from docphim.language.read.chunk import JOINING, Clause
from docphim.language.read.rows import Row
from docphim.language.read.sentence import of_stretch, stretches
from docphim.language.read.tables import load_grammar
from docphim.package_data import packaged

_VERBS = Path(__file__).parent / "read" / "verbs.yaml"
#: Fields of a fact that rows decide.
_FIELDS = ("anatomy", "side", "location")


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was decided of a fact.

    Parameters
    ----------
    what : str
        `anatomy`, `side`, `location`, `place`, `segment` (a part of the sentence without finding or state), `lent` (a place
        taken over in a list), `denied`, `hedge`, `affirmed` or `change`.
    value : str
        What the field is set to; empty where `what` is no field.
    words : str
        The words that decided it; empty where they are the fact's.
    verb : str
        What these words, or the row, do, in plain words.
    rule : str
        The row's id; empty where the words decide by themselves.
    because : str
        What the row is for.
    example : str
        The row's example.
    asked : tuple of str
        What the row asked, each answered yes, or after `not:` no.
    """

    what: str
    value: str
    words: str
    verb: str
    rule: str
    because: str
    example: str
    asked: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """The reason as JSON."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """The reason in one line.

        >>> Reason("denied", "", "không thấy", "still holds here", "s.list", "a list goes on", "").sentence
        'denied: «không thấy» still holds here (s.list: a list goes on)'
        """
        quoted = f"«{self.words}»" if self.words else ""
        parts = [f"{self.verb},", quoted] if self.what in _FIELDS else [quoted, self.verb]
        line = " ".join(part for part in parts if part).rstrip(",")
        rule = f" ({': '.join(part for part in (self.rule, self.because) if part)})" if self.rule else ""
        return f"{' '.join([self.what, self.value]).strip()}: {line}{rule}"

    @property
    def trivial(self) -> bool:
        """Whether it only says that nothing is said."""
        return self.what in _FIELDS and not self.value


def explain(text: str, language: str) -> list[tuple[Fact, list[Reason]]]:
    """The facts of a report, each with what made it so, in the order in which it was decided.

    Each sentence is read as a whole; `facts` reads parts of it that stand alone by themselves, which comes to the same.

    Raises
    ------
    UsageError
        There is no lexicon for the language, or its grammar cannot be read.
    """
    lexicon, grammar = load_lexicon(language), load_grammar(language)
    rows = {row.name: (name, row) for name, table in grammar.items() for row in table.rows}
    explained: list[tuple[Fact, list[Reason]]] = []
    for sentence in sentences(text, language):
        for items, tokens, drafts in stretches(sentence.text, lexicon, grammar):
            words = Words(sentence.text, items, tokens)
            read = facts_of(sentence, [(0, of_stretch(items, tokens, drafts, lexicon))])
            explained += [(fact, list(_reasons(draft, words, rows))) for fact, draft in zip(read, drafts, strict=True)]
    return explained


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a stretch of a sentence: its text, items and tokens."""

    text: str
    items: Sequence[Item]
    tokens: Sequence[Match[str]]

    def of(self, source: Any) -> str:
        """The words of a phrase, segment, clause or item; of None, none."""
        items = [source] if isinstance(source, Item) else []
        if isinstance(source, Clause):
            items = [item for item in source.items if item.kind not in JOINING]
        elif source is not None and not items:
            items = list(self.items[source.first : source.last])
        if not items:
            return ""
        begin, end = min(item.start for item in items), max(item.end for item in items)
        return self.text[self.tokens[begin].start() : self.tokens[end - 1].end()]


def _reasons(draft: Draft, words: Words, rows: Mapping[str, tuple[str, Row]]) -> Iterator[Reason]:
    verbs = packaged(_VERBS)
    for what, name, source in draft.why:
        value = getattr(draft, what) if what in _FIELDS else ""
        shown = " ".join(value) if isinstance(value, tuple) else value or ""
        if not name:
            yield Reason(what, shown, words.of(source), verbs["cue"][what], "", "", "")
            continue
        table, row = rows[name]
        by_itself = what in _FIELDS and row.do not in ("topic", "header")
        example = row.example["text"] if row.example else ""
        where = "" if by_itself else words.of(source)
        yield Reason(what, shown, where, verbs[table][row.do], name, row.why, example, _asked(row))


def _asked(row: Row) -> tuple[str, ...]:
    """What a row asks, in the words of its atoms."""
    barred = [f"not: {(atom.__doc__ or '').strip()}" for atom in row.bars]
    return (*((atom.__doc__ or "").strip() for atom in row.needs), *barred)
