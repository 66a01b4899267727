"""The phantom's labels: one row per thing that a film report can say, in Vietnamese and English."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docphim.errors import UsageError
from docphim.language.labels import label_names, read_labels

LABELS = label_names("phantom")
SIGNS = {"+": "positive", "-": "negative", "?": "uncertain"}


def expected(row: str) -> dict[str, str]:
    """`+effusion_right -mass` → states; a base name of a sided label stands for both sides."""
    states = {}
    for word in row.split():
        sided = [label for label in LABELS if label in (f"{word[1:]}_right", f"{word[1:]}_left")]
        states |= dict.fromkeys(sided or [word[1:]], SIGNS[word[0]])
    return states


def read(text: str, language: str) -> dict[str, str]:
    return {label: state for label, state in read_labels(text, language).items() if state != "unmentioned"}


VIETNAMESE = [
    # the heart
    ("Bóng tim to.", "+cardiomegaly"),
    ("Bóng mờ tim không to.", "-cardiomegaly"),
    ("Bóng tim hơi to", "+cardiomegaly"),
    ("Bóng tim to hơn bình thường", "+cardiomegaly"),
    ("Bóng tim không to, chỉ số tim/ngực < 0,5", "-cardiomegaly"),
    ("Chỉ số tim lồng ngực > 0,5.", "+cardiomegaly"),
    ("Chỉ số tim ngực khoảng 0,58", "+cardiomegaly"),
    ("Chỉ số tim - ngực 48%", "-cardiomegaly"),
    ("Chỉ số tim/ngực > 1/2", "+cardiomegaly"),
    ("Chỉ số tim ngực không vượt quá 0,5", "-cardiomegaly"),
    ("Bóng tim trong giới hạn bình thường", "-cardiomegaly"),
    ("Bóng tim bình thường rốn phổi hai bên đậm", "-cardiomegaly +hilar_prominence"),
    ("Không thấy tràn dịch màng phổi, bóng tim to", "-effusion +cardiomegaly"),
    # effusion and its signs
    ("Tràn dịch màng phổi trái lượng ít", "+effusion_left"),
    ("Góc sườn hoành phải tù, bên trái nhọn", "+effusion_right -effusion_left"),
    ("Góc sườn hoành hai bên nhọn", "-effusion"),
    ("Mất góc sườn hoành trái", "+effusion_left"),
    ("Hai góc sườn hoành nhọn", "-effusion"),
    ("Tràn dịch màng ngoài tim", ""),
    ("Tràn dịch màng phổi (P)", "+effusion_right"),
    ("Tràn dịch màng phổi.", "?effusion"),
    ("Góc sườn hoành trái tù. Kết luận: Tràn dịch màng phổi.", "+effusion_left"),
    # negation and its scope
    ("Không thấy tràn dịch, tràn khí màng phổi", "-effusion -pneumothorax"),
    ("Không thấy tràn dịch, tràn khí màng phổi hai bên", "-effusion -pneumothorax"),
    ("Không thấy tràn dịch hay tràn khí màng phổi", "-effusion -pneumothorax"),
    ("Không thấy tràn dịch - tràn khí màng phổi", "-effusion -pneumothorax"),
    ("Không thấy tràn dịch và tràn khí màng phổi.", "-effusion -pneumothorax"),
    ("Không thấy khối, dày nhẹ tổ chức kẽ đáy phổi", "-mass +interstitial"),
    ("không thấy hình đông đặc góc sườn hoành hai bên sáng", "-consolidation -effusion"),
    ("Đám mờ không đồng nhất phổi phải", "+consolidation_right"),
    ("Phổi phải: không thấy nốt, khối, đông đặc thùy dưới", "-nodule_right -mass_right +consolidation_right"),
    ("Không thấy giãn phế quản, tràn dịch màng phổi", "-effusion"),
    ("Tràn khí màng phổi: không", "-pneumothorax"),
    ("Không thấy tràn khí nhưng có tràn dịch màng phổi trái", "-pneumothorax +effusion_left"),
    ("Tràn khí dưới da thành ngực phải", ""),
    # hedges
    ("Theo dõi viêm phổi phải", "?consolidation_right"),
    ("Đề nghị theo dõi. Đông đặc phổi trái", "+consolidation_left"),
    ("Không loại trừ tràn dịch màng phổi trái", "?effusion_left"),
    ("Nghĩ đến tổn thương phổi kẽ", "?interstitial"),
    ("Đám mờ nhẹ đáy phổi trái nghi do viêm", "+consolidation_left"),
    ("Phổi phải nghi ngờ có hình mờ", "?consolidation_right"),
    # sides
    ("Đông đặc thùy dưới phổi trái", "+consolidation_left"),
    ("Phổi phải: đông đặc thùy dưới, tràn dịch màng phổi lượng ít", "+consolidation_right +effusion_right"),
    ("Phổi phải có nốt mờ, phổi trái có khối mờ", "+nodule_right +mass_left"),
    ("Đông đặc thùy trên phổi phải và thùy dưới phổi trái", "+consolidation"),
    ("Tràn dịch màng phổi phải và đẩy trung thất sang trái", "+effusion_right"),
    ("Thâm nhiễm hai phổi", "+consolidation"),
    ("Tràn dịch màng phổi lượng nhiều, trung thất lệch trái", "?effusion"),
    ("Nốt mờ đường kính 10 mm, ở thùy trên phổi trái", "+nodule_left"),
    ("Tràn dịch màng phổi phải và đông đặc phổi trái", "+effusion_right +consolidation_left"),
    # the rest
    ("Quai động mạch chủ vồng, vôi hóa.", "+aortic_unfolding +aortic_calcification"),
    ("Vôi hóa thành quai động mạch chủ.", "+aortic_calcification"),
    ("Động mạch chủ không vôi hóa", "-aortic_calcification"),
    ("Gãy cung sau xương sườn V, VI bên phải", "+rib_fracture_right"),
    ("Gãy xương sườn VI, VII, VIII bên phải", "+rib_fracture_right"),
    ("Không thấy gãy xương sườn", "-rib_fracture"),
    ("Gãy xương đòn trái", ""),
    ("Rốn phổi phải đậm", "+hilar_prominence_right"),
    ("Rốn phổi hai bên không to", "-hilar_prominence"),
    ("Dày tổ chức kẽ rải rác hai phổi", "+interstitial"),
    ("Hình ảnh mờ dạng lưới nốt hai đáy phổi", "+interstitial"),
    ("Lồng ngực cân đối. Khí quản ở giữa.", ""),
]
ENGLISH = [
    ("The heart is enlarged.", "+cardiomegaly"),
    ("Heart size is normal.", "-cardiomegaly"),
    ("The cardiac silhouette is not enlarged.", "-cardiomegaly"),
    ("Cardiothoracic ratio of 0.56", "+cardiomegaly"),
    ("The cardiothoracic ratio is less than 0.5.", "-cardiomegaly"),
    ("No pleural effusion or pneumothorax.", "-effusion -pneumothorax"),
    ("No focal consolidation, large effusion or pneumothorax.", "-consolidation -effusion -pneumothorax"),
    ("No pneumothorax, small left pleural effusion.", "-pneumothorax +effusion_left"),
    ("Small left pleural effusion and consolidation in the right lower lobe.", "+effusion_left +consolidation_right"),
    ("Effusion on the right and consolidation on the left.", "+effusion_right +consolidation_left"),
    ("Blunting of the right costophrenic angle.", "+effusion_right"),
    ("The costophrenic angles are sharp.", "-effusion"),
    ("Bilateral pleural effusions.", "+effusion"),
    ("Possible pneumonia in the left base.", "?consolidation_left"),
    ("Pneumothorax is not seen.", "-pneumothorax"),
    ("Tortuous and calcified thoracic aorta.", "+aortic_unfolding +aortic_calcification"),
    ("Fracture of the left sixth rib.", "+rib_fracture_left"),
    ("Hila are unremarkable.", "-hilar_prominence"),
    ("Diffuse reticular opacities in both lungs.", "+interstitial"),
    ("A 15 mm nodule in the right upper lobe.", "+nodule_right"),
    ("Heart is not enlarged and there is a left lung mass.", "-cardiomegaly +mass_left"),
    ("Pericardial effusion.", ""),
]


@pytest.mark.parametrize(("text", "states"), VIETNAMESE)
def test_vietnamese_sentence(text, states):
    assert read(text, "vi") == expected(states)


@pytest.mark.parametrize(("text", "states"), ENGLISH)
def test_english_sentence(text, states):
    assert read(text, "en") == expected(states)


def test_every_label_has_a_state_whatever_the_text():
    assert list(read_labels("", "vi")) == list(LABELS)
    assert set(read_labels("", "en").values()) == {"unmentioned"}


def test_a_language_without_lexicon_names_those_there_are():
    with pytest.raises(UsageError, match="'zh' is not one of vi, en"):
        read_labels("双肺", "zh")


def flip(states: dict[str, str]) -> dict[str, str]:
    swap = {"right": "left", "left": "right"}
    return {re.sub("(right|left)$", lambda m: swap[m[0]], label): state for label, state in states.items()}


@pytest.mark.parametrize("text", [text for text, _ in VIETNAMESE if "(P)" not in text])
def test_swapping_left_and_right_in_the_text_swaps_them_in_the_labels(text):
    swap = {"phải": "trái", "trái": "phải"}
    assert read(re.sub("phải|trái", lambda m: swap[m[0]], text), "vi") == flip(read(text, "vi"))


WORDS = st.sampled_from(["không", "thấy", "tim", "to", ",", "phải", "nốt", "(", "0,5", "quai", "\n", "chỉ số tim ngực", "1/0"])


@settings(max_examples=50, deadline=None)
@given(st.lists(WORDS))
def test_any_order_of_words_is_read_without_fault(words):
    assert set(read_labels(" ".join(words), "vi").values()) <= {"positive", "negative", "uncertain", "unmentioned"}
