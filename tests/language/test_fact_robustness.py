"""Text that no report holds is read to its end, and what is said in it is still read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.language import parts
from docphim.language.facts import LANGUAGES, facts
from docphim.language.grammar import Clause
from docphim.language.lexicon import load_lexicon

EFFUSION = {"vi": "tràn dịch màng phổi phải", "en": "right pleural effusion"}

NONSENSE = {
    "no stops": "abc xyz " * 30_000,
    "nested brackets": "(" * 10_000 + ")" * 10_000,
    "open brackets with words": "(xyz " * 10_000,
    "commas": "," * 200_000,
    "commas and blanks": ", " * 100_000,
    "digits with commas": "12,34," * 30_000,
    "one long number": "7" * 200_000,
    "numbers with stops": "1.1" * 60_000,
    "hyphens": "a-" * 100_000 + "a",
    "blanks": " " * 500_000,
    "line ends": "\r\n" * 200_000,
    "marks without letters": "\u0301" * 100_000,
    "letters without blanks": "a" * 500_000,
    "ribs": "xương sườn I, II, III, IV, " * 5_000,
    "questions": "nốt? " * 20_000,
    "colons": "phổi: " * 20_000,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_finding_on_the_line_after_nonsense_is_read(language, nonsense):
    """The nonsense has an end, has no facts with offsets outside of it, and does not reach into the next line."""
    before = NONSENSE[nonsense] + "\n"
    read = facts(before + EFFUSION[language], language)
    (effusion,) = [fact for fact in read if fact.start >= len(before)]
    assert (effusion.finding, effusion.polarity, effusion.side) == ("effusion", "present", "right")
    assert effusion.text == EFFUSION[language]
    assert all(0 <= fact.start < fact.end < len(before) for fact in read[:-1])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_said_ten_thousand_times_without_a_stop_is_read_each_time(language):
    read = facts(f"{EFFUSION[language]}, " * 10_000, language)
    # a stretch of 400 words may end within a phrase
    assert sum((fact.finding, fact.side, fact.text) == ("effusion", "right", EFFUSION[language]) for fact in read) > 9_700
    assert len(read) < 10_300


PARTS = {
    "vi": [
        *("bóng tim to", "không thấy nốt", "đông đặc", "tràn dịch màng phổi phải", "trái lượng nhiều", "không thấy trái"),
        *(
            "phổi phải",
            "nốt 5 mm",
            "xương sườn V gãy",
            "VI",
            "chỉ số tim ngực",
            "0,6",
            "tăng hấp thu",
            "bất thường",
            "dày thành",
        ),
        *(
            "giãn nhẹ phế quản",
            "nhưng phổi sáng",
            "hoặc khối",
            "theo dõi viêm phổi",
            "không",
            "hạch to",
            "mờ",
            "tù",
            "(nhẹ)",
            "to",
        ),
        *("nhiều đám mờ", "nhiều", "đề nghị chụp lại", "rốn phổi đậm hai bên", "lớn", "khối lớn", "xyz", "âm tính", "S6 xẹp"),
    ],
    "en": [
        *(
            "no effusion",
            "nodule",
            "right pleural effusion",
            "heart is enlarged",
            "axillary",
            "hilar lymph nodes",
            "not observed",
        ),
        *("no uptake was detected", "in the mediastinal lymph nodes", "5 mm", "left", "or mass", "but atelectasis is seen"),
        *("no mediastinal", "normal", "size", "rib 4 fractured", "5", "unchanged", "probably pneumonia", "large", "xyz"),
    ],
}


def described(clause: Clause) -> tuple[object, ...]:
    """All of a clause but at which tokens its items stand, which for a part are counted from its beginning."""
    names = [(item.kind, item.name, item.values, item.locations, item.term) for item in clause.items]
    return names, clause.at, clause.link, clause.bracket, clause.either, clause.kinds, clause.begin, clause.end


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_parts_read_before_say_what_their_sentence_says_as_a_whole(language, data):
    """A sentence is put together of parts that were read alone only where this makes no difference."""
    chosen = data.draw(st.lists(st.sampled_from(PARTS[language]), min_size=1, max_size=5))
    sentence, lexicon = ", ".join(chosen), load_lexicon(language)
    together, whole = (list(read(sentence, lexicon)) for read in (parts.by_commas, parts.as_a_whole))
    assert [[described(clause) for clause in found] for found in together] == [[described(c) for c in found] for found in whole]
