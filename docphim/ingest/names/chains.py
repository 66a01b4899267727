"""Chains of titles and roles of those who sign: `PGS.TS.BS. Trưởng khoa`, `BS CĐHA`, `Electronically signed by`."""

from __future__ import annotations

import re

from docphim.ingest.names.page import Page
from docphim.ingest.names.words import bare, listed, phrases

#: Between the words of a chain: BS.CKII, TS/BS, ThS - BSNT.
LINK = re.compile(r"[^\S\n]*[.,/&:()-]{0,2}[^\S\n]*")


_ENGLISH = frozenset(["the", "and"])


def chain_end(page: Page, word: int) -> int:
    """The number of the word behind a chain of titles and roles that begins with a word; the word itself where none begins."""
    if page.bares[word] not in phrases("signers", "degrees"):
        return word
    if word not in page.chains:
        page.chains[word] = _chain_end(page, word)
    return page.chains[word]


def _chain_end(page: Page, word: int) -> int:
    last = _phrase_end(page, word, "signers", "degrees")
    if last == word:
        return word
    return _rest(page, last)


def _rest(page: Page, word: int) -> int:
    """Where a chain ends that goes on with a word; kept for each of its words, so that long chains are read once."""
    links = []
    while word not in page.chain_rests and word < len(page.words) and LINK.fullmatch(page.gap(word - 1)):
        longer = max(_phrase_end(page, word, "signers", "degrees"), _phrase_end(page, word, "roles"))
        if longer == word:
            break
        links.append(word)
        word = longer
    end = page.chain_rests.get(word, word)
    page.chain_rests |= dict.fromkeys(links, end)
    return end


def _phrase_end(page: Page, word: int, *names: str) -> int:
    for phrase in phrases(*names).get(page.bares[word], ()):
        last = word + len(phrase)
        # A role is spelled out: "BS Chinh" is no "BS chính" where accents are typed.
        spelled = names != ("roles",) or page.unaccented or " ".join(page.lows[word:last]) in listed("roles")
        if names == ("roles",) and _is_a_name(page, word, last):
            continue
        if tuple(page.bares[word:last]) == phrase and spelled and _same_words(page, word, last):
            return last
    return word


def _is_a_name(page: Page, word: int, last: int) -> bool:
    """Whether a role's only word is a given name here: "Đã báo bác sĩ Khoa."; or an English one, in a Vietnamese report."""
    if last - word > 1:
        return False
    given = page.lows[word] in (bare("givens") if page.unaccented else listed("givens"))
    apart = not page.blank(word) or not (page.capital(word + 1) or page.flat(page.words[word][0]))
    return (given and page.capital(word) and apart) or (page.language == "vi" and page.lows[word] in _ENGLISH)


def _same_words(page: Page, first: int, last: int) -> bool:
    return all(page.gap(word).strip() in ("", "-", ".") and "\n" not in page.gap(word) for word in range(first, last - 1))
