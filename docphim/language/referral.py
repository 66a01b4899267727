"""Sentences that say why a scan was asked for: "Ung thư vú trái sau mổ, theo dõi tái phát."

The disease that such a sentence names was known before, and is said so (`known` beside it): a draft that does not repeat it
has missed nothing.  The words stand in sections.yaml (`requests`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from docphim.language.fact import KNOWN, Fact
from docphim.language.sections import known_before, listed_patterns

#: Diseases for which a patient comes back to be scanned, and what is looked for then.
_DISEASES, _LOOKED_FOR = frozenset(("cancer", "tumor", "lymphoma")), frozenset(("recurrence", "metastasis"))
_NAMES = [f.name for f in fields(Fact)][3:]
_FINDING, _STATE, _POLARITY, _CERTAINTY, _CHANGE, _MEASURES, _LEFTOVER = (
    _NAMES.index(name) for name in ("finding", "state", "polarity", "certainty", "change", "measures", "leftover")
)


def may_ask(sentence: str) -> bool:
    """Whether a sentence speaks of what was done before, or of why the scan was asked for."""
    return _asked().search(sentence.lower()) is not None


def is_referral(values: Iterable[tuple[Any, ...]]) -> bool:
    """Whether a sentence that may ask says nothing that only the scan can have shown, and names a disease of its own.

    Parameters
    ----------
    values : iterable of tuple
        The fields of its facts from `anatomy` on, in the order of `Fact`.
    """
    stated = [fact for fact in values if fact[_FINDING] or fact[_STATE]]
    return any(fact[_FINDING] in _DISEASES for fact in stated) and all(map(_before, stated))


def _before(fact: Sequence[Any]) -> bool:
    """Whether what a fact says may have been known, or asked, before the scan."""
    asked = fact[_FINDING] not in _LOOKED_FOR or fact[_CERTAINTY] != "certain"
    there = fact[_POLARITY] == "present" and not (fact[_MEASURES] or fact[_CHANGE])
    return fact[_FINDING] in known_before() and asked and there


def as_known(values: Sequence[Any]) -> tuple[Any, ...]:
    """The fields of a fact with `known` among the words beside it."""
    leftover = tuple(sorted({*values[_LEFTOVER], KNOWN}))
    return (*values[:_LEFTOVER], leftover, *values[_LEFTOVER + 1 :])


@cache
def _asked() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(listed_patterns('requests'))})(?!\w)")
