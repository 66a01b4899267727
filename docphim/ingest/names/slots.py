"""Words behind titles that may be names: what reports go on with there is listed, and everything else raises doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from docphim.ingest.names.behind import goes_on, title_case
from docphim.ingest.names.chains import chain_end
from docphim.ingest.names.labels import begins_a_label, label_marks
from docphim.ingest.names.page import Page
from docphim.ingest.names.person import in_compound, is_family, is_in, is_word, of_reports
from docphim.ingest.names.titles import is_title, last_words
from docphim.ingest.names.words import bare, listed, phrases

_SLOT = re.compile(r"[^\S\n]*[.:]?[^\S\n]*[\"'“(]?")
_SENTENCE_ENDS = re.compile(r"[.!?;:,\n(]")
#: Words of addresses that are nothing else, with their accents.
_PLACES = frozenset(["xã", "huyện", "phường", "quận", "thôn", "ấp"])
#: Of the kin, those that are hardly other words without accents: ông, bà, cháu, chị.
_KIN = frozenset(["ong", "ba", "chau", "chi"])
#: Words behind a title among which a stranger's name is looked for.
_SOON = 4


def doubtful_slots(page: Page, ends: Mapping[int, int]) -> bool:
    """Whether a word behind a title may be a name and is not taken out.

    Parameters
    ----------
    ends : mapping
        The words that are taken out.
    """
    if any(word not in ends and _may_be_a_name(page, word, kind) for word, kind in _slots(page)):
        return True
    if any(_unread(page, start, value, ends) for kind, start, value in label_marks(page) if kind in ("name", "doctor")):
        return True
    if any(word not in ends and _names_a_place(page, word, ends) for word in page.among(_PLACES)):
        return True
    patients = bare("patients") if page.unaccented else listed("patients")
    return any(_stranger_in_a_clause(page, word, ends) for word in page.among(patients))


def _slots(page: Page) -> Iterator[tuple[int, str]]:
    """The words behind titles, where a name may stand, and what list of words.yaml says what else may."""
    chains = set(page.bare_among(phrases("signers", "degrees")))
    read = 0
    for word in sorted(chains | set(page.among(last_words(page.unaccented)))):
        if word < read:
            continue
        behind = chain_end(page, word) if word in chains else word
        if behind > word and not (behind == word + 1 and page.bares[word] in listed("other_titles")):
            if behind < len(page.words) and _leads_to_a_name(page, behind - 1):
                yield behind, "behind_doctors"
        elif behind == word and is_title(page, word) and _speaks_of_somebody(page, word):
            yield word + 1, "behind_people"
        read = behind


def _names_a_place(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether a name follows a word of addresses that was not understood: "ĐẾN TỪ XÃ HUNG CUNG", but not "bệnh viện quận"."""
    if not page.blank(word) or word + 1 in ends or (word > 0 and page.bares[word - 1] in ("vien", "te", "tuyen", "bv")):
        return False
    typed = page.capital(word + 1) or page.flat(page.words[word][0])
    return typed and not goes_on(page, word + 1, "behind_people")


def _unread(page: Page, start: int, value: int, ends: Mapping[int, int]) -> bool:
    """Whether a word stands behind a label of names that was not understood: "ho ten: mua ba oanh"."""
    word = page.word_at(value)
    if word >= len(page.words) or page.word_at(start) in ends or word in ends:
        return False
    alone = not page.text[value : page.words[word][0]].strip(" .<[\"'_")
    return alone and not goes_on(page, word, "behind_people") and (not of_reports(page, word) or is_family(page, word))


def _leads_to_a_name(page: Page, word: int) -> bool:
    """Whether only a blank or a colon stands behind a title; a full stop ends a sentence, but behind an abbreviation."""
    return bool(_SLOT.fullmatch(page.gap(word))) and (
        "." not in page.gap(word) or page.bares[word] in listed("abbreviated_titles")
    )


def _speaks_of_somebody(page: Page, word: int) -> bool:
    """Whether a title is followed by its slot, and is no other word: "cô đặc", "ống dẫn lưu" without accents."""
    if word + 1 >= len(page.words) or not _SLOT.fullmatch(page.gap(word)) or "." in page.gap(word):
        return False
    if is_word(page, word, "patients"):
        return page.bares[word] != "nhan" or page.bares[word - 1] == "benh"  # "chay than nhan tao"
    if not page.flat(page.words[word][0]):
        return title_case(page, word + 1) if page.unaccented else page.capital(word + 1)
    begins = word == 0 or bool(_SENTENCE_ENDS.search(page.gap(word - 1)))
    spoken_to = word > 0 and page.bares[word - 1] in bare("before_kin")
    if page.lows[word] in listed("kin") and not page.unaccented:
        return begins or spoken_to
    if spoken_to and not page.blank(word + 1) and (not page.unaccented or is_in(page, word + 1, "givens")):
        return True  # "theo lời cô Hậu, …"
    unlike = page.unaccented and page.bares[word] in _KIN and not of_reports(page, word + 1)
    return (begins or spoken_to) and (unlike or _does_something(page, word) or _in_two_parts(page, word + 1))


def _in_two_parts(page: Page, word: int) -> bool:
    """Whether a family name and a middle one follow: "ONG MUA BA OANH"."""
    if not page.blank(word) or not is_family(page, word) or not is_in(page, word + 1, "middles"):
        return False
    return not in_compound(page, word) and not in_compound(page, word + 1)


def _does_something(page: Page, title: int) -> bool:
    """Whether a verb follows the word behind a title: "CÔ CẢI XEM LẠI"."""
    word, following = title + 1, title + 2
    likely = not page.unaccented or page.bares[title] in _KIN or is_in(page, word, "givens") or not of_reports(page, word)
    if not page.blank(word) or not likely:
        return False
    if page.bares[following] in listed("deeds") or chain_end(page, following) > following:
        return True
    return not page.unaccented and goes_on(page, following, "behind_people")


def _stranger_in_a_clause(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether two words that no report has follow soon behind a patient's title: "bệnh nhân người Lào Somphet Vongkham"."""
    for following in range(word + 1, min(word + 1 + _SOON, len(page.words) - 1)):
        if not page.blank(following - 1):
            return False
        if page.blank(following) and all(w not in ends and _foreign(page, w) for w in (following, following + 1)):
            return True
    return False


def _foreign(page: Page, word: int) -> bool:
    typed = page.capital(word) or page.flat(page.words[word][0])
    return page.words[word][1] - page.words[word][0] > 2 and typed and not of_reports(page, word)


def _may_be_a_name(page: Page, word: int, kind: str) -> bool:
    """Whether a word behind a title is not what reports go on with there."""
    start, end = page.words[word]
    if page.gap(word).startswith(".") and end - start == 1 and kind == "behind_doctors" and page.flat(start):
        return True  # "bs v. p. bem"
    typed = page.flat(start) or page.capital(word)
    if page.lows[word] == "nam" and kind == "behind_people" and page.bares[word - 1] not in bare("patients"):
        return typed  # "bà Nam", but "BN nam"
    if end - start < 2 or page.lows[word] in listed("degrees") or goes_on(page, word, kind) or begins_a_label(page, word):
        return False
    if page.language == "en":
        doctor = page.lows[word - 1] in ("dr", "doctor")
        return (typed or doctor) and (doctor or not of_reports(page, word))
    return not of_reports(page, word) or _a_word_that_is_a_name(page, word, kind)


def _a_word_that_is_a_name(page: Page, word: int, kind: str) -> bool:
    """Whether a word of reports behind a title may be a name after all: "KTV Chấn", "BN XOAN"."""
    if chain_end(page, word) > word or (not page.capital(word) and is_title(page, word)):
        return False
    if page.flat(page.words[word][0]):
        return True
    if not page.capital(word):
        return kind == "behind_doctors" and is_in(page, word, "givens")
    return not _begins_a_sentence(page, word) and not _abbreviated(page, word)


def _begins_a_sentence(page: Page, word: int) -> bool:
    """Whether a sentence begins behind a title: "Đã báo BS. Tim to"."""
    opens = "." in page.gap(word - 1) and is_word(page, word, "openers")
    return opens and word + 1 < len(page.words) and not page.capital(word + 1)


def _abbreviated(page: Page, word: int) -> bool:
    """Whether a word is capitals without a vowel, such as TKMP."""
    start, end = page.words[word]
    return page.text[start:end].isupper() and not re.search("[aeiouy]", page.bares[word])
