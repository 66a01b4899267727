"""Reads a sentence as facts: items → segments → clauses → what holds for each → who lends a place → facts."""

from __future__ import annotations

import functools
from dataclasses import fields
from operator import attrgetter
from typing import Any

from docphim.language.fact import Fact
from docphim.language.lexicon import Lexicon
from docphim.language.read.amounts import Draft
from docphim.language.read.attach import attach
from docphim.language.read.chunk import Sentence
from docphim.language.read.chunks import chunk
from docphim.language.read.lexer import lex
from docphim.language.read.project import project
from docphim.language.read.scope import scopes
from docphim.language.read.share import loans
from docphim.language.read.tables import load_grammar

#: The words of a fact, where they begin and end in their sentence, and the fields of `Fact` after these.
Read = tuple[str, int, int, tuple[Any, ...]]
_VALUES = attrgetter(*[f.name for f in fields(Fact)][3:])


@functools.lru_cache(maxsize=50_000)
def read_sentence(sentence: str, lexicon: Lexicon) -> tuple[Read, ...]:
    """The facts of a sentence; offsets are within it.  Reports say the same sentences again and again."""
    return tuple([(sentence[begin:end], begin, end, _VALUES(draft)) for begin, end, draft in drafts(sentence, lexicon)])


def drafts(text: str, lexicon: Lexicon) -> list[tuple[int, int, Draft]]:
    """Where the words of each fact begin and end in the sentence, and the fact with the rules that made it."""
    grammar = load_grammar(lexicon.language)
    listed = []
    for items, tokens in lex(text, lexicon):
        sentence = Sentence(items, lexicon, grammar)
        clauses = attach(chunk(sentence), sentence)
        held = scopes(clauses, sentence)
        facts = project(clauses, held, loans(clauses, held, sentence), sentence)
        listed += [(tokens[fact.begin].start(), tokens[fact.end - 1].end(), fact) for fact in facts]
    return listed
