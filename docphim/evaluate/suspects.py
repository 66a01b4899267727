"""Which of the texts that are scored are not what they are taken for: named in a line of the log, and scored all the same."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from docphim.errors import printable
from docphim.language.suspect import Suspicion, doubt, suspicions

logger = logging.getLogger("docphim")


def suspects(ids: Sequence[str], references: Sequence[str], predictions: Sequence[str], language: str) -> list[dict[str, str]]:
    """Texts in another language or encoding, with control characters, markup or tables, named in one line of the log.

    Returns
    -------
    list of dict
        The pair's id, which text of it (`reference`, `prediction`), and `why`.
    """
    rows: list[dict[str, str]] = []
    doubted: dict[Suspicion, list[str]] = {}
    for side, texts in (("reference", references), ("prediction", predictions)):
        for id_, text in zip(ids, texts, strict=True):
            for why in suspicions(text, language):
                rows.append({"id": id_, "text": side, "why": why})
                doubted.setdefault(why, []).append(id_)
    if rows:
        logger.warning("%s", printable(doubt(doubted, len(references) + len(predictions))))
    return rows
