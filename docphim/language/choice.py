"""Which of several meanings of a phrase fits what stands beside it: "nhiều" counts before a finding and grades after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from docphim.language import numbers
from docphim.language.item import Item, Term
from docphim.language.phrases import END, longest, organ_at

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

#: What a finding, or a state, is that stands as an adjective before another finding.
_DESCRIBING = {"finding": ("descriptor",), "state": ("severity", "descriptor")}
#: Kinds of words between an adjective and its noun.
_ADJECTIVAL = frozenset(("anatomy", "side", "location", "part", "severity", "descriptor"))
_STOPS = frozenset(("comma", "end", "colon", "close", "finding"))
#: Kinds of word that only describe what stands beside them.
_DESCRIPTIONS = frozenset(("severity", "descriptor", "location"))
#: Kinds of word that may stand between a finding and how it has changed.
_BETWEEN = frozenset(
    ("anatomy", "part", "side", "location", "severity", "descriptor", "count", "size", "measure", "of", "change")
)
#: Kinds of word that name what a word behind a comma is said of.
_NAMED = frozenset(("finding", "anatomy", "location", "part", "state", "side"))
#: Kinds of word behind which something is said anew.
_BEGINS = frozenset(("comma", "end", "colon", "and"))
#: Words between an ordinal and its noun.
_ADJECTIVES = 4
#: Words between a measured quantity and its number: "density of approximately".
_TO_NUMBER = 5
#: Signs at which a part of a sentence ends.
_ENDS = frozenset(",:()")


def of_several(meant: Mapping[str, Term], end: int, words: Sequence[str], before: Sequence[Item], lexicon: Lexicon) -> Term:
    """The meaning that fits here: "nhiều" counts before a finding and grades after it, "lớn" is a state only of something."""
    terms = {kind: term for kind, term in meant.items() if leads(term, words, end, lexicon)}
    kind = next(iter(terms))
    following = next_meanings(words, end, lexicon.tree)
    if "count" in terms and "finding" in following:
        # "nhiều nốt" are several, "nhiều dịch" is much
        return terms["severity" if following["finding"].name in lexicon.amounts and "severity" in terms else "count"]
    if "severity" in terms and "count" in terms:
        return terms["severity"]
    if kind in ("state", "finding") and "change" in terms and _changes(before, following, words, end, lexicon):
        return terms["state" if _of_nodes(terms, before, lexicon) else "change"]
    bounds = "descriptor" in terms and terms["descriptor"].name in lexicon.margins
    if kind in ("state", "finding") and lexicon.modifiers_after and bounds and _is_placed(before, following):
        return terms["descriptor"]
    if kind == "finding" and _is_cause(before, following, lexicon):
        return terms[kind]
    if "ignored" in terms and _of_hounsfield(words, end):
        return terms["ignored"]  # "a nodule with a density of -8 HU"
    organ = _organ_beside(before, words, end, lexicon)
    kind = _by_company(kind, terms, before, following, organ, lexicon)
    if kind in _DESCRIBING and _leads_to_finding(words, end, lexicon):
        kind = next((other for other in _DESCRIBING[kind] if other in terms), kind)
    return terms[kind]


def _changes(before: Sequence[Item], following: Mapping[str, Term], words: Sequence[str], end: int, lexicon: Lexicon) -> bool:
    """Whether a word says how the finding behind it has changed, or the one before it, or one side of that.

    "Giảm tràn dịch màng phổi phải", "decreased left effusion"; "tràn dịch màng phổi phải giảm", "…, the right decreased".
    """
    begins = not before or before[-1].kind in _BEGINS
    if lexicon.modifiers_after:
        return (begins and "finding" in following) or _is_placed(before, following)
    if begins and (ahead := _finding_ahead(words, end, lexicon)):
        return ahead not in lexicon.evidence  # "increased marrow activity" is no change
    sided = bool(before) and before[-1].kind == "side" and following.keys().isdisjoint(("finding", "anatomy", "location"))
    if begins and _of_side(words, end, lexicon):
        return _is_placed(before[:-1], following)
    # "left effusion, decreased", but "effusion, decreased lung volumes"
    apart = bool(before) and before[-1].kind == "comma" and following.keys().isdisjoint(_NAMED)
    return (sided or apart) and _is_placed(before, following)


def _of_nodes(terms: Mapping[str, Term], before: Sequence[Item], lexicon: Lexicon) -> bool:
    """Whether a word says how nodes are, and not how they have changed: enlarged nodes are lymphadenopathy.

    "Hạch nách phải tăng kích thước", but "hạch nách hai bên, bên trái tăng kích thước".
    """
    thing = next((item.name for item in reversed(before) if item.kind == "finding"), "")
    apart = [item.kind for item in before[-2:]] == ["comma", "side"]
    return "state" in terms and (thing, terms["state"].name) in lexicon.fuse and not apart


def _of_side(words: Sequence[str], i: int, lexicon: Lexicon) -> bool:
    """Whether a preposition and a side follow, and nothing else before the next sign or "and": "… on the right"."""
    terms: Mapping[str, Term] = {}
    while i < len(words):
        i, meanings = longest(words, i, lexicon.tree)
        terms = meanings.terms if meanings else {}
        if terms.keys().isdisjoint(("of", "ignored")):
            break
    return "side" in terms and (i == len(words) or words[i] in _ENDS or words[i] == "and")


def _is_cause(before: Sequence[Item], following: Mapping[str, Term], lexicon: Lexicon) -> bool:
    """Whether an adjective behind a hedge says what a thing may be, and not how it looks: "…, probably fibrotic"."""
    return bool(before) and before[-1].kind == "certainty" and "finding" not in following and not lexicon.modifiers_after


def leads(term: Term, words: Sequence[str], end: int, lexicon: Lexicon) -> bool:
    """Whether what a word has to stand before to mean this follows: "TD" before a disease, "phổi trong" before a stop."""
    if not term.before:
        return True
    if "stop" in term.before and (end == len(words) or words[end] in _ENDS):
        return True
    if "location" in term.before and ordinal(words, end, lexicon) is not None:
        return True
    return not next_meanings(words, end, lexicon.tree).keys().isdisjoint(term.before)


def next_meanings(words: Sequence[str], i: int, tree: Mapping[str, Any]) -> Mapping[str, Term]:
    """The meanings of what follows, past words that say nothing: "nhiều đám đông đặc"."""
    while i < len(words):
        i, meanings = longest(words, i, tree)
        if meanings is None or meanings.only is None or meanings.only.kind != "ignored":
            return meanings.terms if meanings else {}
    return {}


def not_of(term: Term, before: Sequence[Item], words: Sequence[str], end: int, lexicon: Lexicon) -> bool:
    """Whether a word that is a state of some organs stands before a finding of another: "increased marrow activity"."""
    if lexicon.modifiers_after or not _leads_to_finding(words, end, lexicon):
        return False
    return _organ_beside(before, words, end, lexicon) not in term.states


def _leads_to_finding(words: Sequence[str], i: int, lexicon: Lexicon) -> bool:
    """Whether an adjective stands before a finding and its place: "displaced left rib fracture", but not "lytic rib lesion"."""
    if lexicon.modifiers_after:
        return False
    return _finding_ahead(words, i, lexicon) not in ("", *lexicon.general)


def _finding_ahead(words: Sequence[str], i: int, lexicon: Lexicon) -> str:
    """The finding that follows with no more than adjectives and its place before it, or nothing."""
    while i < len(words):
        i, meanings = longest(words, i, lexicon.tree)
        terms = meanings.terms if meanings else {}
        if "finding" in terms and _ADJECTIVAL.isdisjoint(terms):
            return terms["finding"].name
        if terms.keys().isdisjoint(_ADJECTIVAL):
            return ""
    return ""


def _organ_beside(before: Sequence[Item], words: Sequence[str], end: int, lexicon: Lexicon) -> str:
    """The organ that a word is said of: the last before it in its part of the sentence, else the one that follows."""
    stop = next((n for n in range(len(before) - 1, -1, -1) if before[n].kind in _STOPS), -1)
    named = next((b.name for b in reversed(before[stop + 1 :]) if b.kind == "anatomy" and b.name), "")
    return named or organ_at(words, end, lexicon.tree)[1]


def _by_company(
    kind: str, terms: Mapping[str, Term], before: Sequence[Item], following: Mapping[str, Term], organ: str, lexicon: Lexicon
) -> str:
    """The meaning of a word that is a finding or a state of an anatomy, and only describes beside a finding."""
    if "ignored" in terms and _says_nothing(terms[kind], before, organ, lexicon):
        return "ignored"
    after_noun = lexicon.modifiers_after
    near = next((b for b in reversed(before) if b.kind in ("anatomy", "finding", "comma")), None)
    if kind == "finding" and "descriptor" in terms and before and before[-1].kind == "state":
        return "descriptor"  # "không to bất thường"
    last = near.kind if near else ""
    others = [k for k in terms if k in _DESCRIPTIONS]
    if kind == "finding" and "state" in terms:
        states = terms["state"].states
        names = {near.name if near else "", following["anatomy"].name if "anatomy" in following else "", organ}
        if names & set(states) or (not states and last == "anatomy"):
            return "state"
        return kind
    organ_leads = "anatomy" in following or (not after_noun and organ in lexicon.anatomy)  # "prominent right hilum"
    if last == "comma" and not organ_leads and any(b.kind == "finding" for b in before):
        last = "finding"
    describes = last == "finding" or (not after_noun and "finding" in following) or not (last or organ_leads)
    if kind == "state" and others and describes:
        return others[0]
    if kind == "finding" and others and (last == "finding" or (not after_noun and "finding" in following)):
        return others[0]
    return kind


def _is_placed(before: Sequence[Item], following: Mapping[str, Term]) -> bool:
    """Whether the last thing before is a finding, maybe with its place and grade: "tràn dịch màng phổi phải giảm"."""
    organ = "anatomy" in following
    for item in reversed(before):
        if item.kind not in _BETWEEN and (item.kind != "comma" or organ):
            return item.kind == "finding"
        organ = organ or item.kind == "anatomy"
    return False


def _says_nothing(term: Term, before: Sequence[Item], organ: str, lexicon: Lexicon) -> bool:
    """Whether a word that may be a finding is none here.

    "liver density is normal": a density is a finding in the chest alone; "không to bất thường" says no more than "không to".
    """
    if term.kind == "state" and term.states:  # "vòm hoành rõ" is sharp, "nốt rõ" says no more than "nốt"
        near = next((item for item in reversed(before) if item.kind not in ("side", "affirm", "negation")), None)
        return near is None or near.name not in term.states
    if term.name in lexicon.general:
        return bool(before) and before[-1].kind == "state"
    return term.kind == "finding" and organ in lexicon.anatomy and not lexicon.within(organ, "chest")


def _of_hounsfield(words: Sequence[str], i: int) -> bool:
    """Whether the number that follows is one in HU: a density of so many HU is what was measured, and no finding of its own."""
    first = next(
        (n for n, word in enumerate(words[i : i + _TO_NUMBER], i) if word in _ENDS or numbers.is_number(word)), len(words)
    )
    if first > i and words[first - 1] in numbers.MINUS:
        first -= 1
    number = numbers.quantity(words, first)
    return number is not None and number.kind == "hu"


def ordinal(words: Sequence[str], i: int, lexicon: Lexicon) -> Item | None:
    """ "third and fourth left ribs", "3rd-6th ribs": ordinals before the word whose numerals they are."""
    if not lexicon.ordinals:
        return None
    end, names = numbers.ordinals(words, i, lexicon.ordinals)
    if not names:
        return None
    ahead = end
    while ahead < min(end + _ADJECTIVES, len(words)):
        meaning = lexicon.tree.get(words[ahead], {}).get(END)
        if meaning is None or "finding" in meaning.terms:
            return None
        if "numbered" in meaning.terms and meaning.terms["numbered"].name == "rib":
            return Item("location", "", i, end, locations=names)
        ahead += 1
    return None
