"""What may be a name and was not understood: words behind titles, rests of names, lines like signatures.

Where a title is followed by a word that is both a name and a word of reports ("KTV Chấn", "ÔNG XEN ĐÃ MỔ"), rules cannot tell.
Such a report stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from docphim.ingest.names.behind import goes_on, title_case
from docphim.ingest.names.chains import chain_end
from docphim.ingest.names.labels import begins_a_label
from docphim.ingest.names.lines import doubtful_lines
from docphim.ingest.names.page import Page, Span
from docphim.ingest.names.person import in_compound, is_family, is_in, is_word, nameish, of_reports
from docphim.ingest.names.plain import doubtful_in_one_case
from docphim.ingest.names.slots import doubtful_slots
from docphim.ingest.names.titles import is_title
from docphim.ingest.names.words import listed


def doubtful(page: Page, spans: Iterable[Span]) -> bool:
    """Whether a text still seems to name somebody when its spans are gone.

    Parameters
    ----------
    page : Page
        The text as it was, before anything is taken out.
    spans : iterable of Span
        What is taken out, `merged`.
    """
    ends = _ends(page, spans)
    return (
        bool(page.unsure)
        or any(_before_a_name(page, word, ends) for word in ends)
        or any(_holds_a_finding(page, word, ends) for word in ends)
        or any(_rest_of_a_name(page, end, ends) or _took_too_much(page, end, ends) for end in set(ends.values()))
        or doubtful_slots(page, ends)
        or doubtful_lines(page, ends)
        or doubtful_in_one_case(page, ends)
    )


def _ends(page: Page, spans: Iterable[Span]) -> dict[int, int]:
    """Word that is taken out → the number of the word behind its span."""
    ends: dict[int, int] = {}
    for span in spans:
        behind = page.word_at(span.end)
        ends |= dict.fromkeys(range(page.word_at(span.start), behind), behind if span.kind == "name" else -1)
    return ends


def _rest_of_a_name(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether the word behind a name that is taken out may belong to it: "BN SÙNG THANH [KHO] ĐAU NGỰC"."""
    if not 0 < word < len(page.words) or word in ends or begins_a_label(page, word):
        return False
    if page.blank(word - 1):
        return _goes_with_a_name(page, word, ends)
    return page.gap(word - 1).strip() in ("/", "+") and not _another_word(page, word)  # "bs hoa/siên"


def _goes_with_a_name(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    flat = page.flat(page.words[word][0])
    verb_follows = page.blank(word) and goes_on(page, word + 1, "behind_people")
    if verb_follows and in_compound(page, word):
        return page.capital(word) or flat  # "BN LÊ ĐỨC DŨNG [LAN] VÀO VIỆN"
    if flat and _ends_here(page, word, ends):
        return True
    if _another_word(page, word):
        return False
    if flat:
        return page.language == "vi" or not of_reports(page, word)
    if not page.capital(word):
        return False
    between = page.blank(word) and ends.get(word + 1, 0) > 0
    # "BN Hoàng Kim [Nang] ngày …" is no sentence that begins with "Nang".
    return between or verb_follows or (nameish(page, word) and not is_word(page, word, "openers"))


def _ends_here(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether a line ends behind two words that follow a name: "ĐẶNG GIA [LONG AN]", "NGO [THE BICH]"."""
    if not page.blank(word) or page.blank(word + 1):
        return False
    family_alone = ends.get(word - 2) != word and is_family(page, word - 1)
    return in_compound(page, word) or (family_alone and nameish(page, word + 1))


def _another_word(page: Page, word: int) -> bool:
    """Whether something else begins behind a name: what reports go on with, a title, a role."""
    female = page.unaccented and page.lows[word] == "nu" and title_case(page, word)  # Nữ, or a name: Nụ
    ends_well = page.blank(word) or page.lows[word] in listed("endings")
    if ends_well and not female and any(goes_on(page, word, kind) for kind in ("behind_people", "behind_doctors")):
        return True
    role = is_in(page, word, "roles") and page.lows[word] != "the"  # "CON ÔNG MẪN BẢO [THE]"
    if page.words[word][1] - page.words[word][0] < 2 or role or chain_end(page, word) > word:
        return True
    return is_title(page, word) and not title_case(page, word)


def _took_too_much(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether the last word of a name may begin a sentence that goes on: "HỌ TÊN: Y BHĂM NIÊ [TIM], PHỔI BÌNH THƯỜNG"."""
    last = word - 1
    if not 1 < word < len(page.words) or page.gap(last).strip(" ") not in ("", ",") or goes_on(page, word, "behind_people"):
        return False
    opens = is_word(page, last, "openers") and not is_in(page, last - 1, "inner")
    goes_further = page.flat(page.words[word][0]) or not page.capital(word)
    return opens and goes_further and ends.get(last - 1) == word


def _holds_a_finding(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether two words of reports, of which no name has the first, stand in what was taken for one: "BN Hải [Tim To]"."""
    if (
        page.unaccented
        or page.language != "vi"
        or ends[word] <= word + 1
        or ends.get(word + 1) != ends[word]
        or not page.blank(word)
    ):
        return False
    opens = is_word(page, word, "openers") and page.capital(word) and page.capital(word + 1)
    inside = ends.get(word - 1) == ends[word]  # somebody's first word may be Ho, too
    known = inside and of_reports(page, word + 1)
    return opens and not nameish(page, word) and (known or not nameish(page, word + 1))


def _before_a_name(page: Page, word: int, ends: Mapping[int, int]) -> bool:
    """Whether a family name was left before a name that is taken out of a line of one case: "[ĐẶNG] TRẦN HỒNG HOA"."""
    before = word - 1
    if before < 0 or before in ends or ends[word] < 0 or not page.blank(before) or not page.flat(page.words[word][0]):
        return False
    opens = before == 0 or not page.blank(before - 1)
    return is_family(page, before) and (opens or not of_reports(page, before)) and not goes_on(page, before, "behind_people")
