"""Reads a sentence as facts: items → segments → clauses → what holds for each → who lends a place → facts."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from re import Match
from typing import Any

from docphim.language.fact import Fact
from docphim.language.item import Item
from docphim.language.lexicon import Lexicon
from docphim.language.read.amounts import Draft
from docphim.language.read.attach import attach
from docphim.language.read.chunk import Sentence
from docphim.language.read.chunks import chunk
from docphim.language.read.lexer import lex
from docphim.language.read.project import project
from docphim.language.read.scope import scopes
from docphim.language.read.share import loans
from docphim.language.read.tables import Grammar, load_grammar

#: The words of a fact, where they begin and end in their sentence, and the fields of `Fact` after these.
Read = tuple[str, int, int, tuple[Any, ...]]
_VALUES = attrgetter(*[f.name for f in fields(Fact)][3:])


@functools.lru_cache(maxsize=50_000)
def read_sentence(sentence: str, lexicon: Lexicon) -> tuple[Read, ...]:
    """The facts of a sentence; offsets are within it.  Reports say the same sentences again and again."""
    return tuple(facts_by(sentence, lexicon, load_grammar(lexicon.language)))


def facts_by(sentence: str, lexicon: Lexicon, grammar: Grammar) -> list[Read]:
    """The facts of a sentence, read by these tables."""
    listed = []
    for _, tokens, drafts in stretches(sentence, lexicon, grammar):
        for draft in drafts:
            begin, end = tokens[draft.begin].start(), tokens[draft.end - 1].end()
            listed.append((sentence[begin:end], begin, end, _VALUES(draft)))
    return listed


def stretches(
    text: str, lexicon: Lexicon, grammar: Grammar
) -> Iterator[tuple[Sequence[Item], Sequence[Match[str]], list[Draft]]]:
    """Items, tokens, and facts with the rules that made them; of all but the longest sentences there is one stretch."""
    for items, tokens in lex(text, lexicon):
        sentence = Sentence(items, lexicon, grammar)
        clauses = attach(chunk(sentence), sentence)
        held = scopes(clauses, sentence)
        yield items, tokens, project(clauses, held, loans(clauses, held, sentence), sentence)
