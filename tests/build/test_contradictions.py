"""contradictions: what an impression denies or moves to the other side is found, and what only sounds like it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.build.contradictions import contradictions
from docphim.language.facts import facts


def kinds(findings, impression, language):
    return sorted({c.kind for c in contradictions(facts(findings, language), facts(impression, language))})


@pytest.mark.parametrize(
    ("findings", "impression", "expected"),
    [
        ("Tràn dịch màng phổi phải lượng vừa.", "Tràn dịch màng phổi trái.", ["side"]),
        ("Góc sườn hoành phải tù.", "Góc sườn hoành trái tù.", ["side"]),
        ("Gãy cung sau xương sườn V bên phải.", "Gãy xương sườn bên trái.", ["side"]),
        ("Đám mờ đông đặc vùng trên phổi phải.", "Đông đặc thùy trên phổi trái.", ["side"]),
        ("Tràn dịch màng phổi phải, màng phổi trái không có dịch. Không tràn khí.", "Tràn khí màng phổi trái.", ["polarity"]),
        ("Bóng tim không to.", "Bóng tim to.", ["polarity"]),
        ("Bóng tim to.", "Bóng tim không to.", ["polarity"]),
        ("Tim bình thường.", "Bóng tim to.", ["polarity"]),
        ("Không thấy tràn dịch màng phổi.", "Tràn dịch màng phổi phải lượng ít.", ["polarity"]),
        ("Không thấy tràn dịch màng phổi hai bên.", "Tràn dịch màng phổi phải.", ["polarity"]),
        ("Tràn dịch màng phổi phải. Màng phổi trái không tràn dịch.", "Tràn dịch màng phổi trái.", ["polarity", "side"]),
        ("Hai góc sườn hoành nhọn.", "Góc sườn hoành phải tù.", ["polarity"]),
        ("Phổi hai bên sáng.", "Phổi phải kém sáng.", ["polarity"]),
    ],
)
def test_what_contradicts_in_vietnamese_is_found(findings, impression, expected):
    assert kinds(findings, impression, "vi") == expected


@pytest.mark.parametrize(
    ("findings", "impression", "expected"),
    [
        ("Moderate right pleural effusion.", "Left pleural effusion.", ["side"]),
        ("There is consolidation in the left lower lobe.", "Right lower lobe consolidation.", ["side"]),
        ("The heart is not enlarged.", "Cardiomegaly.", ["polarity"]),
        ("No pneumothorax.", "Small right pneumothorax.", ["polarity"]),
        ("Right pneumothorax.", "No pneumothorax.", ["polarity"]),
        ("The costophrenic angles are sharp.", "Blunted left costophrenic angle.", ["polarity"]),
    ],
)
def test_what_contradicts_in_english_is_found(findings, impression, expected):
    assert kinds(findings, impression, "en") == expected


@pytest.mark.parametrize(
    ("findings", "impression", "language"),
    [
        ("Tràn dịch màng phổi phải.", "Hiện tại chưa thấy bất thường trên phim X-quang ngực thẳng.", "vi"),
        ("Không thấy tổn thương nhu mô phổi.", "Tổn thương phổi kẽ.", "vi"),
        ("Không thấy tổn thương phổi.", "Tổn thương phổi phải.", "vi"),
        ("Không thấy đám mờ phổi trái.", "Đám mờ phổi phải.", "vi"),
        ("Không thấy nốt vùng đỉnh phổi phải.", "Nốt thùy dưới phổi phải.", "vi"),
        ("Đông đặc thùy trên phổi phải. Nhu mô phổi còn lại không thấy đông đặc.", "Đông đặc thùy trên phổi phải.", "vi"),
        ("Bóng rốn phổi phải to, bên trái bình thường.", "Rốn phổi phải tăng đậm.", "vi"),
        ("Không thấy viêm phổi.", "Theo dõi viêm phổi phải.", "vi"),
        ("Không loại trừ tràn dịch màng phổi trái.", "Không thấy tràn dịch màng phổi.", "vi"),
        ("Tràn dịch màng phổi hai bên.", "Tràn dịch màng phổi phải.", "vi"),
        ("Tràn dịch màng phổi phải. Tràn dịch màng phổi trái lượng ít.", "Tràn dịch màng phổi trái.", "vi"),
        ("Nốt thùy trên phổi phải.", "Nốt thùy dưới phổi trái.", "vi"),
        ("Không tràn dịch màng phổi lượng nhiều.", "Tràn dịch màng phổi phải lượng ít.", "vi"),
        ("Không thấy tràn khí màng phổi.", "Tràn dịch màng phổi phải.", "vi"),
        ("No acute fracture.", "Old rib fracture on the left.", "en"),
        ("No interval development of consolidation.", "Right upper lobe consolidation.", "en"),
        ("No new consolidation.", "Right upper lobe consolidation.", "en"),
        ("Paratracheal node 6 mm.", "No other node.", "en"),
        ("Không thấy nốt khác ở phổi phải.", "Nốt phổi phải.", "vi"),
        ("No enlarged mediastinal lymph nodes.", "Small mediastinal lymph nodes.", "en"),
        ("Right pleural effusion. No left pleural effusion.", "Right pleural effusion.", "en"),
        ("Right pleural effusion.", "No acute cardiopulmonary abnormality.", "en"),
        ("Right pleural effusion.", "No left pleural effusion.", "en"),
        ("Cardiomegaly.", "No pericardial effusion.", "en"),
        ("", "Cardiomegaly.", "en"),
        ("Cardiomegaly.", "", "en"),
    ],
)
def test_what_only_sounds_like_a_contradiction_is_none(findings, impression, language):
    assert kinds(findings, impression, language) == []


@pytest.mark.parametrize("language", ["vi", "en"])
def test_reports_of_one_truth_never_contradict_themselves_and_a_swapped_side_is_mostly_seen(language):
    from docphim.phantom.patient import sample_patient
    from docphim.phantom.reports import compose

    swapped = {"phải": "trái", "trái": "phải", "right": "left", "left": "right"}
    one_sided = seen = 0
    for i in range(120):
        patient = sample_patient(i, 21, "paper")
        report = compose(patient, patient.findings, None, language, i)
        findings, impression = (facts(report[section], language) for section in ("findings", "impression"))
        assert contradictions(findings, impression) == []
        if any(fact.side in ("right", "left") and fact.finding for fact in impression):
            other = " ".join(swapped.get(word.strip(".,;").lower(), word) for word in report["impression"].split(" "))
            one_sided += 1
            seen += any(c.kind == "side" for c in contradictions(findings, facts(other, language)))
    assert one_sided > 20 and seen > 0.6 * one_sided


WORDS = st.sampled_from(
    ["tràn dịch màng phổi", "không thấy", "phải", "trái", "hai bên", "bóng tim to", "đông đặc", "nhiều", "theo dõi", ".", ","]
)
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)


@given(text=TEXTS)
def test_a_report_never_contradicts_an_impression_of_the_same_words(text):
    assert contradictions(facts(text, "vi"), facts(text, "vi")) == []


@given(findings=TEXTS, impression=TEXTS)
def test_findings_and_impression_may_change_places(findings, impression):
    assert kinds(findings, impression, "vi") == kinds(impression, findings, "vi")


def test_endless_sections_are_compared_in_no_time():
    long = facts(". ".join(f"Nốt {n} mm phổi phải" for n in range(3000)), "vi")
    other = facts(". ".join(f"Không thấy nốt {n} mm phổi phải" for n in range(3000)), "vi")
    assert len(contradictions(long, other)) <= 2 * 200**2
