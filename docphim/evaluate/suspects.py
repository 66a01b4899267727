"""Which of the texts that are scored are not what they are taken for: named in a line of the log, and scored all the same."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence

from docphim.errors import printable
from docphim.language.suspect import Suspicion, doubt, may_be_suspect, suspicions
from docphim.language.typed import Cut, typed

logger = logging.getLogger("docphim")


def suspects(
    ids: Sequence[str], references: Sequence[str], predictions: Sequence[str], language: str, words: Cut | None = None
) -> list[dict[str, str]]:
    """Texts in another language or encoding, with control characters, markup or tables, named in one line of the log.

    Parameters
    ----------
    words : Cut, optional
        All references, then all predictions, cut at their blanks, where that is done already.

    Returns
    -------
    list of dict
        The pair's id, which text of it (`reference`, `prediction`), and `why`.
    """
    texts = [*references, *predictions]
    sides = ["reference"] * len(references) + ["prediction"] * len(predictions)
    maybe = may_be_suspect(texts, typed(texts) if words is None else words, language)
    rows: list[dict[str, str]] = []
    doubted: dict[Suspicion, list[str]] = {}
    for id_, side, text in itertools.compress(zip([*ids, *ids], sides, texts, strict=True), maybe):
        for why in suspicions(text, language):
            rows.append({"id": id_, "text": side, "why": why})
            doubted.setdefault(why, []).append(id_)
    if rows:
        logger.warning("%s", printable(doubt(doubted, len(texts))))
    return rows
