"""Who lends a place: a finding in a list takes over the place that the list names at its end (table `share`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docphim.language.read.atoms.share import ShareView
from docphim.language.read.chunk import Clause, Loan, Scope, Sentence


def loans(clauses: Sequence[Clause], held: Sequence[Scope], sentence: Sentence) -> list[Loan | None]:
    """For each clause the one that lends it a place."""
    listed: list[Loan | None] = [None] * len(clauses)
    for n in range(len(clauses) - 2, -1, -1):
        clause, after = clauses[n], clauses[n + 1]
        if clause.at is None or after.at is None:
            continue
        table = clause.lends or _narrowed(clause, sentence)
        if table.always == "stop":
            continue
        loan = listed[n + 1]
        lender = loan.lender if loan else n + 1
        around = (clauses[n - 1] if n else None, clause, after)
        view = ShareView(around, clauses[lender], (held[n].denied, held[n + 1].denied), sentence.lexicon)
        row = table.decide(view)
        if row.do != "stop":
            listed[n] = Loan(lender, row.do, row.name)
    return listed


def may_lend(clauses: Sequence[Clause], sentence: Sentence) -> bool:
    """Whether any of some clauses may take over the place of one behind it."""
    return any(clause.at and (clause.lends or _narrowed(clause, sentence)).always != "stop" for clause in clauses)


def _narrowed(clause: Clause, sentence: Sentence) -> Any:
    """The rows that may fit a clause whatever its neighbours are, kept with it: of one that names its place, none lends."""
    view = ShareView((None, clause, clause), clause, (False, False), sentence.lexicon)
    clause.lends = table = sentence.grammar["share"].narrowed(view, ShareView.ITSELF)
    return table
