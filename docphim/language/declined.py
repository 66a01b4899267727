"""Whether a draft declines to answer: "Tôi không thể đọc phim này.", "As an AI, I can't interpret medical images."

What it says in words, in either language, whatever language was asked for; the phrases stand in declined.yaml.  A report
that cannot exclude, see or judge one thing declines nothing.  What has not a word of a report and speaks of itself or to its
reader declines: "I would rather not."
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from docphim.language.normalize import clean
from docphim.package_data import packaged

if TYPE_CHECKING:
    from docphim.language.typed import Cut, Flags

Declined = Literal["no", "first", "wholly"]

#: Words that begin a clause of its own: "I can't diagnose, but the lungs are clear".
_CLAUSE = re.compile(
    r"[,:]?\s+(?:but|however|though|nevertheless|still|nhưng|tuy nhiên|tuy vậy|song|dù vậy)\b[,:]?\s*|(?<=[.!?;:])\s+|\n"
)
_NEAR, _FAR = r"[^.;!?\n]{0,40}?", r"[^.;!?\n]{0,60}?"
_WORD = re.compile(r"[\w']+")
#: What the lexicon reads in a clause that is of one thing and not of the film.
_NAMED = frozenset(("anatomy", "finding", "location"))
#: The lists of declined.yaml of which every text that declines holds a phrase.
_SIGNS = ("cannot", "unreadable", "unseen", "failed", "phrases", "persons")
_APOSTROPHES = "’‘´`"
#: Of so many words it is remembered how they read.
_REMEMBERED = 100_000


def declined(text: str, reference: str = "") -> Declined:
    """Whether a draft declines: not at all, at first and then describes the image, or wholly.

    A disclaimer after a description declines nothing: what it follows was an answer.  Nor does a draft whose `reference` says
    that the film cannot be read: there that is the answer.

    Examples
    --------
    >>> declined("I'm sorry, I can't provide a medical interpretation.")
    'wholly'
    >>> declined("Tôi không thể đọc phim này. Tuy nhiên, bóng tim to.")
    'first'
    >>> declined("Không thể loại trừ tràn dịch màng phổi trái.")
    'no'
    >>> declined("Phim quá mờ để đọc.", "Phim mờ, không đọc được.")
    'no'
    """
    return "no" if (state := _state(text)) == "no" or _state(reference) != "no" else state


def may_decline(texts: Cut) -> Flags:
    """Which of some texts, cut at their blanks, hold the beginning of a phrase that a decline needs; most hold none."""
    phrases = [sign.split() for signs in _signs().values() for sign in signs]
    return texts.finer(lambda typed: _WORDS[typed].split()).holds(phrases)


def _state(text: str) -> Declined:
    if not _may_decline(text):
        return "no"
    plain = _plain(text)
    if _any(plain, "refuses") or _any(plain, "unread"):
        declines = False
        for clause in _clauses(text):
            if _any(clause, "refuses") or (_any(clause, "unread") and not _any(clause, "earlier") and not _names(clause)):
                declines = True
            elif not _any(clause, "aside") and _describes(clause):
                return "first" if declines else "no"
        if declines:
            return "wholly"
    return "wholly" if _speaks_alone(plain) else "no"


def _speaks_alone(plain: str) -> bool:
    """Whether a text speaks of its writer or to its reader, and is otherwise silent: no report's word, nothing of the body."""
    speaks = _any(_pattern("impersonal").sub(" ", plain), "persons")
    return speaks and not _any(plain, "reports") and not _describes(plain) and not _names(plain)


def _plain(text: str) -> str:
    """NFC, lower case, one apostrophe, one blank; the tone's place is left, for no phrase has a tone that may stand in two."""
    text = clean(text).lower()
    for curly in _APOSTROPHES:
        text = text.replace(curly, "'")
    return " ".join(text.split())


def _clauses(text: str) -> Iterator[str]:
    from docphim.language.sections import sentences  # here, so that scores start without YAML

    for sentence in sentences(text):
        yield from (clause for part in _CLAUSE.split(sentence) if (clause := _plain(part)))


def _any(clause: str, what: str) -> bool:
    return bool(_pattern(what).search(clause))


def _describes(clause: str) -> bool:
    """Whether a clause says something of an image: the lexicon of either language reads a finding or a state in it."""
    from docphim.language.facts import LANGUAGES, facts  # here: only a text that declines is read

    return any(fact.finding or fact.state for language in LANGUAGES for fact in facts(clause, language))


def _names(clause: str) -> bool:
    """Whether a clause names a finding or a part of the body, beside what film it is and how blurred ("phim phổi quá mờ")."""
    from docphim.language.items import items, tokenize  # here, as the facts
    from docphim.language.lexicon import LANGUAGES, load_lexicon

    left = _pattern("of_film").sub(" ", clause)
    lexicons = [load_lexicon(language) for language in LANGUAGES]
    return any(item.kind in _NAMED for lexicon in lexicons for item in items(tokenize(left, lexicon)[0], lexicon))


class _Words(dict[str, str]):
    """What stands between two blanks as plain words, "[đọc]," as "đọc"; each is looked at once: reports use the same few."""

    def __missing__(self, typed: str) -> str:
        words = " ".join(_WORD.findall(_plain(typed)))
        if len(self) < _REMEMBERED:
            self[typed] = words
        return words


_WORDS = _Words()


def _may_decline(text: str) -> bool:
    """Whether a text holds the beginning of any phrase that a decline needs: most hold none, and are not searched."""
    words, signs = " ".join(map(_WORDS.__getitem__, text.split())).split(), _signs()
    ends = signs.keys() & words
    spaced = f" {' '.join(words)} " if ends else ""
    return any(sign in spaced for word in ends for sign in signs[word])


@functools.cache
def _signs() -> dict[str, list[str]]:
    """The first three words of every phrase of which one stands in every text that declines, between blanks, by their last.

    The last is rarer in reports than the first: "thể" of "không thể".
    """
    signs: dict[str, list[str]] = {}
    for table in _tables().values():
        for words in (_WORD.findall(_plain(phrase))[:3] for name in _SIGNS for phrase in table[name]):
            signs.setdefault(words[-1], []).append(f" {' '.join(words)} ")
    return signs


@functools.cache
def _pattern(what: str) -> re.Pattern[str]:
    """What refuses, leaves a film unread, comes aside, tells of a film, or speaks of persons, in any language."""
    ways = {"refuses": _refuses, "unread": _unread}
    tables = _tables().values()
    return re.compile("|".join(ways[what](table) if what in ways else _one_of(table[what]) for table in tables))


@functools.cache
def _tables() -> dict[str, dict[str, Any]]:
    """The phrases by language."""
    tables: dict[str, dict[str, Any]] = packaged(Path(__file__).with_suffix(".yaml"))
    return tables


def _refuses(table: dict[str, Any]) -> str:
    """Who declines, and what: this is a refusal whatever else its clause names."""
    who, cannot, act, serve, phrases = (_one_of(table[name]) for name in ("who", "cannot", "act", "serve", "phrases"))
    ways = [
        phrases,
        f"{who}{_FAR}{cannot}{_NEAR}{act}",
        rf"{who}\s+{cannot}(?:\s+ạ)?\W*$",
        rf"(?:^|,\s*){cannot}\s+(?:to\s+)?{serve}",
    ]
    return "|".join(ways)


def _unread(table: dict[str, Any]) -> str:
    """A film that is not read or seen: a refusal only where its clause names nothing in the film."""
    cannot, act, failed, judge, film, image = (
        _one_of(table[name]) for name in ("cannot", "act", "failed", "judge", "film", "image")
    )
    unreadable, unseen = _one_of(table["unreadable"]), _one_of(table["unseen"])
    # What is seen "on the film" is of the film; what is read "the film" is the film itself.
    whole = rf"(?<!trên )(?<!on )(?<!in )(?:{film}|{image})"
    ways = [
        unseen,
        f"(?:{cannot}{_NEAR}{act}|{failed}){_NEAR}{whole}",
        # A bare "hình ảnh" goes on: "không thể xác định hình ảnh đông đặc".
        rf"{cannot}\s+(?:to\s+)?{judge}\s+(?:{film}|{image}(?=\W*$))",
        f"(?:{film}|{image}){_NEAR}{unreadable}",
    ]
    return "|".join(ways)


def _one_of(phrases: Iterable[str]) -> str:
    words = sorted((_plain(phrase) for phrase in phrases), key=len, reverse=True)
    return rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)"
