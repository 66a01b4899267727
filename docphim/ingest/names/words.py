"""The tables of words.yaml and of the lexicon, as sets to look words up in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from docphim.ingest.names.letters import folded
from docphim.language.normalize import normalize
from docphim.package_data import packaged

_LETTERS = re.compile(r"[^\W\d_]+")
#: Words in a label or a title at most.
LONGEST = 6


def table(name: str) -> Any:
    """An entry of words.yaml."""
    return packaged(Path(__file__).with_name("words.yaml"))[name]


@cache
def listed(name: str) -> frozenset[str]:
    """The words of a list of words.yaml."""
    return frozenset(table(name))


@cache
def bare(name: str) -> frozenset[str]:
    """The words of a list without accents."""
    return frozenset(folded(word) for word in table(name))


@cache
def vocabulary(language: str, accented: bool) -> frozenset[str]:
    """Words of reports: those of the lexicon and of words.yaml; without accents where the report was typed without any."""
    from docphim.language.lexicon import load_lexicon  # here: the way of imports stays short

    words = {part for word in _branches(load_lexicon(language).tree) for part in _LETTERS.findall(word)}
    words |= {normalize(word) for word in table("words")[language].split()} | set(table("words")[language].split())
    return frozenset(words if accented else map(folded, words))


@cache
def terms() -> frozenset[tuple[str, str]]:
    """The first two words of each Vietnamese term of the lexicon: ("giãn", "phế"), of giãn phế quản."""
    from docphim.language.lexicon import load_lexicon  # here: the way of imports stays short

    return frozenset((first, second) for first, below in load_lexicon("vi").tree.items() for second in below if second)


def _branches(tree: Any) -> Iterable[str]:
    for word, below in tree.items():
        if word:
            yield word
            if isinstance(below, dict):
                yield from _branches(below)


@cache
def compounds(accented: bool) -> frozenset[tuple[str, str]]:
    """Pairs of words that belong together: ("trung", "thất")."""
    pairs = {(first, second) for first, seconds in table("compounds").items() for second in seconds}
    pairs |= {tuple(place.split()[:2]) for place in table("places") if " " in place}
    return frozenset(pairs if accented else ((folded(a), folded(b)) for a, b in pairs))


@cache
def labels() -> dict[tuple[str, ...], str]:
    """Words of a label (with accents, and without) → kind; `heading` is a section's, `signer` whoever signs."""
    from docphim.language.headings import heading_names  # here: the way of imports stays short

    kinds: dict[tuple[str, ...], str] = {}
    accented_only = set(table("accented_only"))
    entries = [(heading, "heading") for heading in heading_names()]
    entries += [(label, kind) for kind, values in table("labels").items() for label in values]
    for label, kind in entries:
        kinds[parts(label)] = kind
        if label not in accented_only:
            kinds.setdefault(parts(folded(label)), kind)
    return kinds


@cache
def last_words_of_labels() -> frozenset[str]:
    """The word before the colon, of each label."""
    return frozenset(label[-1] for label in labels() if label)


def parts(phrase: str) -> tuple[str, ...]:
    """Its words."""
    return tuple(_LETTERS.findall(phrase))


@cache
def phrases(*names: str) -> dict[str, list[tuple[str, ...]]]:
    """First word → phrases of the lists that begin with it, without accents, the longest first."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for name in names:
        for phrase in table(name):
            words = tuple(re.findall(r"\w+", folded(phrase)))
            by_first.setdefault(words[0], []).append(words)
    return {first: sorted(set(values), key=len, reverse=True) for first, values in by_first.items()}


@cache
def address_words(kind: str, spelling: str) -> frozenset[str]:
    """Words of addresses: `strong` (nothing else has them), `words`, or the `first` word of each of these.

    `spelling` is `accented`, `bare`, or `plain`: without accents, and only those that are no other words then.
    """
    words = table("address")["words" if kind == "first" else kind]
    if spelling != "accented":
        # Without accents these are words of reports: tổ and to, quận and quản, xã and xa, ấp and áp.
        words = [folded(word) for word in words if spelling == "bare" or word not in table("accented_addresses")]
    return frozenset(word.split()[0] for word in words) if kind == "first" else frozenset(words)


@cache
def continuations(name: str, accented: bool) -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    """Single words of a list, and pairs of words; without accents where the report was typed without any."""
    phrases_of_it = [parts(phrase if accented else folded(phrase)) for phrase in table(name)]
    return frozenset(p[0] for p in phrases_of_it if len(p) == 1), frozenset(p for p in phrases_of_it if len(p) == 2)
