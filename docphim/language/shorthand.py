"""A fact in one line, as the examples of the grammar and the tests write it: `lung nodule + right upper_lobe 12mm`."""

from __future__ import annotations

from docphim.language.fact import Fact

#: Whether a finding is there, in a sign.
_SIGNS = {"present": "+", "absent": "-"}


def shorthand(fact: Fact) -> str:
    """All that a fact says, but for the words that it was read from.

    >>> from docphim.language.facts import facts
    >>> [shorthand(fact) for fact in facts("Vài nốt vôi hóa thùy trên phổi phải.", "vi")]
    ['lung nodule + right upper_lobe few ~calcified']
    """
    words = [fact.anatomy or "?", *(f".{x}" for x in [fact.part] if x), *(x for x in (fact.finding, fact.state) if x)]
    words += [_SIGNS.get(fact.polarity, fact.polarity), *(x for x in [fact.side] if x), *fact.location]
    words += [x for x in (fact.count, fact.severity) if x]
    words += ["x".join(f"{x:g}" for x in fact.size_mm) + "mm"] if fact.size_mm else []
    words += [f"suv{fact.suv:g}"] if fact.suv is not None else []
    words += [fact.certainty] if fact.certainty != "certain" else []
    words += [fact.change] if fact.change else []
    return " ".join([*words, *(f"~{x}" for x in fact.leftover)])
