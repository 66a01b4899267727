"""A report otherwise laid out, ordered or cut: taken only where it says the same when it is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.language.alter import layouts, meaning, relaid, reordered, same, sentence_spans, without
from docphim.language.normalize import clean
from docphim.language.regions import parts

WHOLE = (
    "Đầu - cổ: Không thấy hạch cổ tăng hấp thu FDG.\n"
    "Lồng ngực: Khối thùy trên phổi trái kích thước 24 mm, SUVmax 6,2. Không thấy hạch trung thất tăng hấp thu FDG. "
    "Nốt thùy dưới phổi phải, không tăng hấp thu FDG.\n"
    "Ổ bụng - khung chậu: Gan không thấy tổn thương. Lách không to."
)
FILM = "Bóng tim không to. Tràn dịch màng phổi phải lượng vừa. Hai phổi sáng đều. Quai động mạch chủ vôi hóa."
#: Alone each says something else than behind the one before it.
LEANING = "Khối thùy trên phổi trái kích thước 24 mm. Tổn thương này có SUVmax 8,1."


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([WHOLE, FILM, LEANING]))
def test_whatever_the_order_the_facts_and_lesions_are_the_same(seed, text):
    made, reason = reordered(text, "vi", seed)
    assert meaning(made, "vi") == meaning(text, "vi")
    assert (made == text) is bool(reason)
    assert sorted(made[a:b] for a, b in sentence_spans(made)) == sorted(text[a:b] for a, b in sentence_spans(text))
    assert [part.region for part in parts(made)] == [part.region for part in parts(text)]
    assert reordered(text, "vi", seed) == (made, reason)


def test_sentences_stay_under_their_region():
    for seed in range(10):
        made, _ = reordered(WHOLE, "vi", seed)
        assert [sorted(line.split(": ")[1].rstrip(".").split(". ")) for line in made.split("\n")] == [
            sorted(line.split(": ")[1].rstrip(".").split(". ")) for line in WHOLE.split("\n")
        ]
    assert len({reordered(WHOLE, "vi", seed)[0] for seed in range(20)}) > 5


def test_an_order_in_which_a_sentence_means_something_else_is_not_taken():
    reasons = {reordered(LEANING, "vi", seed)[1] for seed in range(8)}
    assert reasons == {"nothing_to_order", "meaning_changed"}


@pytest.mark.parametrize(
    "text", ["Bóng tim không to.", "", "1. Bóng tim không to. 2. Hai phổi sáng.", "Tim to; phổi sáng; xương đều"]
)
def test_what_is_counted_or_listed_keeps_its_order(text):
    assert all(reordered(text, "vi", seed) == (text, "nothing_to_order") for seed in range(6))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_another_layout_says_the_same_of_the_same_regions(seed):
    made, reason = relaid(WHOLE, "vi", seed)
    assert same(made, WHOLE, "vi") and (made == WHOLE) is bool(reason)
    assert [part.region for part in parts(clean(made))] == [part.region for part in parts(WHOLE)]


def test_layouts_differ_and_a_text_without_regions_has_none():
    assert len({relaid(WHOLE, "vi", seed)[0] for seed in range(20)}) > 10
    assert relaid(FILM, "vi", 0) == (FILM, "no_regions")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_heading_in_every_layout_is_read_as_its_region(language):
    table, nothing = layouts(), {"vi": "Không thấy hạch.", "en": "No enlarged nodes."}[language]
    listed = table["headings"][language]
    for region, wordings in listed.items():
        for wording in wordings:
            for layout in table["layouts"]:
                heads = {name: wording if name == region else words[0] for name, words in listed.items()}
                text = "\n".join(layout.format(heading=head, text=nothing) for head in heads.values())
                assert [part.region for part in parts(text)] == list(listed), (wording, layout)


def test_a_cut_says_all_the_rest_and_an_empty_region_loses_its_heading():
    spans = sentence_spans(WHOLE)
    words = [WHOLE[a:b] for a, b in spans]
    for n, span in enumerate(spans):
        left = without(WHOLE, [span], "vi")
        assert left is not None and words[n] not in left and all(other in left for other in words if other != words[n])
    assert "Đầu - cổ" not in without(WHOLE, [spans[0]], "vi")
    assert without(WHOLE, spans, "vi") == ""
    assert without(WHOLE, [], "vi") == WHOLE


def test_a_cut_that_makes_the_rest_mean_something_else_is_refused():
    first = sentence_spans(LEANING)[0]
    assert without(LEANING, [first], "vi") is None
