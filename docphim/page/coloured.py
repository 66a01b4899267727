"""Facts laid back onto the texts they were read from: right, wrong (and in what), missing, hallucinated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from docphim.language.normalize import clean
from docphim.page.diff import LONGEST
from docphim.page.fact_words import reading
from docphim.page.words import Both

Row = dict[str, Any]
Kind = Literal[
    "right", "polarity", "side", "location", "severity", "number", "certainty", "change", "detail", "missing", "hallucinated"
]
#: The kinds of mistakes, the gravest first: where two facts share words, the words take the graver one's colour.
MISTAKES: tuple[Kind, ...] = (
    *("polarity", "side", "location", "severity", "number", "certainty", "change", "detail"),
    *("hallucinated", "missing"),
)
#: Kinds of which only one text says anything.
ALONE = ("missing", "hallucinated")
#: Said less closely, or with another degree of certainty: nothing that a reader would call wrong.
SLIGHT = ("certainty", "detail")
WRONG = tuple(kind for kind in MISTAKES if kind not in (*ALONE, *SLIGHT))


def abnormal(fact: Row) -> bool:
    """Whether a fact row says that something is there or abnormal, rather than absent or normal."""
    return fact.get("polarity") in ("present", "abnormal")


@dataclass(frozen=True, eq=False)
class Line:
    """One right, wrong, missing or hallucinated fact; `number` joins its places in the texts (mistakes first: 1, 2, …)."""

    kind: Kind
    number: int
    reference: Row | None
    draft: Row | None

    @property
    def grave(self) -> bool:
        """Whether it is wrong, or something abnormal that only one text says; a normal thing left unsaid need not be wrong."""
        return self.kind in WRONG or (self.kind in ALONE and abnormal(self.reference or self.draft or {}))

    @property
    def reference_says(self) -> Both | None:
        """The reference's fact in words."""
        return reading(self.reference) if self.reference else None

    @property
    def draft_says(self) -> Both | None:
        """The draft's fact in words."""
        return reading(self.draft) if self.draft else None


@dataclass(frozen=True)
class Piece:
    """A run of text and the lines whose facts were read from it, the gravest first; `ends` are the mistakes that end here."""

    text: str
    lines: tuple[Line, ...] = ()
    ends: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Coloured:
    """Both texts in pieces, and what there is to say of them.

    `lines` are the facts of the text shown, `counts` those of all by kind, `grave` the grave ones of them; `clipped` counts
    characters not shown, `score` is the report's own (0 … 100).
    """

    reference: list[Piece]
    draft: list[Piece]
    lines: list[Line]
    counts: Counter[str]
    grave: Counter[str]
    score: float
    clipped: tuple[int, int]

    @property
    def mistakes(self) -> list[Line]:
        """Wrong, missing and hallucinated facts by number."""
        return [line for line in self.lines if line.kind != "right"]

    @property
    def right(self) -> list[Line]:
        """Facts that both texts hold."""
        return [line for line in self.lines if line.kind == "right"]


def colour(row: Row, reference: str, draft: str) -> Coloured:
    """Lay a row of errors.jsonl onto the two texts it was read from.

    Parameters
    ----------
    row : dict
        `score`, `right`, `wrong`, `missing`, `hallucinated` and the facts of both texts, their offsets into the clean texts.
    """
    every = _lines(row)
    lines = [line for line in every if any(fact and fact["start"] < LONGEST for fact in (line.reference, line.draft))]
    texts = [clean(text) for text in (reference, draft)]
    return Coloured(
        _pieces(texts[0][:LONGEST], [(line.reference, line) for line in lines if line.reference]),
        _pieces(texts[1][:LONGEST], [(line.draft, line) for line in lines if line.draft]),
        lines,
        Counter(line.kind for line in every),
        Counter(line.kind for line in every if line.grave),
        row["score"],
        (max(0, len(texts[0]) - LONGEST), max(0, len(texts[1]) - LONGEST)),
    )


def _lines(row: Row) -> list[Line]:
    """Every fact of a row once: mistakes in the draft's order, what is missing in the reference's, then what is right."""
    reference, wrote = row["reference"], row["prediction"]
    mistakes: list[tuple[int, Kind, Row | None, Row]] = [(j, kind, reference[i], wrote[j]) for i, j, kind in row["wrong"]]
    mistakes += [(j, "hallucinated", None, wrote[j]) for j in row["hallucinated"]]
    lines = [Line(kind, number, ours, theirs) for number, (_, kind, ours, theirs) in enumerate(sorted(mistakes, key=_place), 1)]
    lines += [Line("missing", len(lines) + n, reference[i], None) for n, i in enumerate(sorted(row["missing"]), 1)]
    return lines + [Line("right", len(lines) + n, reference[i], wrote[j]) for n, (i, j) in enumerate(sorted(row["right"]), 1)]


def _place(line: tuple[int, Kind, Row | None, Row]) -> int:
    return line[0]


def _pieces(text: str, facts: list[tuple[Row, Line]]) -> list[Piece]:
    """Cut a text wherever a fact begins or ends."""
    begins: dict[int, list[Line]] = {}
    stops: dict[int, list[Line]] = {}
    for fact, line in facts:
        start, end = max(0, fact["start"]), min(len(text), fact["end"])
        if start < end:
            begins.setdefault(start, []).append(line)
            stops.setdefault(end, []).append(line)
    pieces, over = [], list[Line]()
    for start, end in pairwise(sorted({0, len(text), *begins, *stops})):
        over = [line for line in over if line not in stops.get(start, ())] + begins.get(start, [])
        ends = sorted((line for line in stops.get(end, ()) if line.kind != "right"), key=_gravity)
        pieces.append(Piece(text[start:end], tuple(sorted(over, key=_gravity)), tuple(ends)))
    return pieces


def _gravity(line: Line) -> tuple[int, int]:
    return (len(MISTAKES) if line.kind == "right" else MISTAKES.index(line.kind), line.number)
