"""The examples of the grammar's rows: each is read as its row says, and otherwise without the row."""

from __future__ import annotations

from collections.abc import Iterator

from docphim.language.fact import Fact
from docphim.language.facts import sentences
from docphim.language.lexicon import LANGUAGES, load_lexicon
from docphim.language.read.rows import Row
from docphim.language.read.sentence import facts_by
from docphim.language.read.tables import Grammar, Table, load_grammar
from docphim.language.shorthand import shorthand


def read(text: str, language: str, grammar: Grammar) -> list[str]:
    """The facts of a text in shorthand, read by these tables."""
    lexicon = load_lexicon(language)
    return [
        shorthand(Fact(sentence[first:last], first, last, *values))
        for _, sentence, _ in sentences(text, language)
        for first, last, values in facts_by(sentence, lexicon, grammar)
    ]


def without(grammar: Grammar, table: str, row: Row) -> Grammar:
    """The tables, one row of one of them left out."""
    return {**grammar, table: Table(table, tuple(r for r in grammar[table].rows if r.name != row.name))}


def changes(text: str, language: str, table: str, row: Row) -> bool:
    """Whether a text is read otherwise without a row; where no other row fits, it is not read at all."""
    grammar = load_grammar(language)
    try:
        return read(text, language, without(grammar, table, row)) != read(text, language, grammar)
    except AssertionError:
        return True


def language_of(row: Row) -> str | None:
    """The language of a row's example: that of its file, or in common.yaml the one that it names."""
    return row.file if row.file in LANGUAGES else (row.example or {}).get("language")


def fault(table: str, row: Row) -> str | None:
    """What is wrong with a row's example; None where it has none, or where all is well."""
    language = language_of(row)
    if row.example is None:
        return None
    if language not in LANGUAGES:
        return f"its example's language is not one of {', '.join(LANGUAGES)}"
    text, expected = row.example["text"], list(row.example["facts"])
    facts = read(text, language, load_grammar(language))
    if facts != expected:
        return f"its example is read as {facts}, not as {expected}"
    return None if changes(text, language, table, row) else "its example is read the same without it"


def rows() -> Iterator[tuple[str, Row]]:
    """Every row of every language with its table; those of all languages once."""
    files: set[tuple[str, str]] = set()
    for language in LANGUAGES:
        for table in load_grammar(language).values():
            for row in table.rows:
                if (row.file, row.name) not in files:
                    files.add((row.file, row.name))
                    yield table.name, row


def faults() -> list[str]:
    """Every row whose example does not hold, and why: `grammar/vi.yaml: place: p.cue: …`.

    Raises
    ------
    UsageError
        The tables cannot be read at all.
    """
    return [f"grammar/{row.file}.yaml: {table}: {row.name}: {why}" for table, row in rows() if (why := fault(table, row))]
