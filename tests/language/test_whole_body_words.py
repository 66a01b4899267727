"""Words of whole-body reports: organs from head to foot, node levels and stations, devices, operations, abbreviations."""

import pytest
from test_facts import said

from docphim.language.accents import accented
from docphim.language.facts import facts
from docphim.language.lexicon import load_lexicon

VIETNAMESE = [
    ("Hạch cổ nhóm III bên trái.", ["neck lymph_node + left level_3"]),
    ("Hạch cổ hai bên nhóm IIA, VB.", ["neck lymph_node + both level_2a level_5b"]),
    ("Hạch cổ trái nhóm II-IV kích thước 12 mm.", ["neck lymph_node + left level_2 level_3 level_4 12mm"]),
    ("Hạch nhóm IB bên phải.", ["neck lymph_node + right level_1b"]),
    ("Hạch trung thất nhóm 4R, 7, 10L.", ["mediastinum lymph_node + station_10l station_4r station_7"]),
    ("Hạch cổ nhóm 2 bên phải.", ["neck lymph_node + right level_2"]),
    ("Hạch nhóm VI.", ["neck lymph_node + level_6"]),
    ("Amydal phải to.", ["tonsil enlarged abnormal right"]),
    ("Khối amidan trái.", ["tonsil mass + left"]),
    ("U rìa lưỡi trái.", ["tongue tumor + left"]),
    ("Dày thành hố Rosenmuller bên phải.", ["nasopharynx thickening + right rosenmuller_fossa"]),
    ("Tổn thương xương hàm dưới bên trái.", ["mandible lesion + left"]),
    ("Khối sàn miệng bên phải.", ["oral_cavity mass + right"]),
    ("U xoang lê trái.", ["hypopharynx tumor + left"]),
    ("Khối sụn nắp thanh môn.", ["larynx mass +"]),
    ("Khối cơ ức đòn chũm trái.", ["muscle mass + left"]),
    ("Quá sản tuyến ức.", ["thymus hyperplasia +"]),
    ("Ung thư nguyên phát ở phổi phải.", ["lung cancer + right ~primary"]),
    ("Tim bt.", ["heart normal normal"]),
    ("Gan, lách trong giới hạn bt.", ["liver normal normal", "spleen normal normal"]),
    ("Khối hang vị dạ dày.", ["stomach mass +"]),
    ("Dày thành manh tràng.", ["colon thickening +"]),
    ("Huyết khối tĩnh mạch cửa.", ["portal_vein thrombus +"]),
    ("Nốt mạc nối lớn.", ["peritoneum nodule +"]),
    ("Nốt tinh hoàn phải.", ["testis nodule + right"]),
    ("Khối âm đạo.", ["vagina mass +"]),
    ("Tiêu xương chày phải.", ["tibia osteolysis + right"]),
    ("Đặc xương xương cùng.", ["sacrum bone_sclerosis +"]),
    ("Tràn dịch khớp gối trái.", ["knee effusion + left"]),
    ("Thoái hóa khớp háng hai bên.", ["hip degenerative_change + both"]),
    ("Nốt tuyến cận giáp phải.", ["parathyroid nodule + right"]),
    ("Dày niêm mạc hốc mũi trái.", ["nasal_cavity thickening + left"]),
    ("Khối hốc mắt phải.", ["orbit mass + right"]),
    ("Nhồi máu phổi thùy dưới phải.", ["pulmonary_artery embolism + right lower_lobe"]),
    ("Thuyên tắc động mạch phổi trái.", ["pulmonary_artery embolism + left"]),
    ("Huyết khối trong lòng động mạch phổi phải.", ["pulmonary_artery embolism + right"]),
    ("Hạch nách hai bên còn rốn hạch.", ["axilla lymph_node + both ~fatty_hilum"]),
    ("Hạch bẹn phải còn cấu trúc rốn mỡ.", ["inguinal_region lymph_node + right ~fatty_hilum"]),
    ("Trên cửa sổ phổi không thấy nốt.", ["lung nodule -"]),
    ("Các lát cắt qua đáy phổi không thấy đông đặc.", ["lung consolidation - base"]),
    ("TD viêm phổi.", ["lung pneumonia + possible"]),
    ("TD lao phổi.", ["lung tuberculosis + possible"]),
    ("TD màng phổi phải.", ["pleura effusion + right"]),
    ("TD màng tim lượng ít.", ["pericardium effusion + mild"]),
    ("TD phổi phải.", ["lung + right ~td"]),
    ("2 phổi sáng.", ["lung clear normal both"]),
    ("Tràn dịch màng phổi 2 bên.", ["pleura effusion + both"]),
    ("Nốt mờ 2 đỉnh phổi.", ["lung nodule + both apex"]),
    ("Dày màng phổi hai bên, không kèm tràn dịch.", ["pleura thickening + both", "pleura effusion -"]),
    ("Bóng tim khong to.", ["heart enlarged normal"]),
    ("Tràn dịch màng phổi phai lượng ít.", ["pleura effusion + right mild"]),
    ("Hậu môn nhân tạo hố chậu trái.", ["pelvis stoma + left"]),
    ("Sonde tiểu trong bàng quang.", ["bladder support_device +"]),
    ("Khớp háng phải nhân tạo.", ["hip implant + right"]),
    ("Hạch sau họng bên trái.", ["neck lymph_node + left retropharyngeal"]),
    ("Hạch dưới hàm hai bên.", ["neck lymph_node + both submandibular"]),
    ("Chướng hơi các quai ruột.", ["bowel distended abnormal"]),
    ("Lồng ngực hình thùng.", ["chest deformed abnormal"]),
    ("Hạch dạng phản ứng vùng cổ hai bên.", ["neck lymph_node + both ~reactive"]),
    ("Không thấy khác biệt của nốt phổi phải.", ["lung nodule + right unchanged"]),
    ("Thâm nhiễm mỡ quanh tụy.", ["abdomen fat_stranding + peripancreatic"]),
]

ENGLISH = [
    ("Left neck level IIa/III nodes.", ["neck lymph_node + left level_2a level_3"]),
    ("Enlarged right level II lymph node.", ["neck lymphadenopathy + right level_2"]),
    ("Lymph nodes at stations 4R and 7.", ["lymph_node lymph_node + station_4r station_7"]),
    ("Cervical level 5B lymph node on the left.", ["neck lymph_node + left level_5b"]),
    ("Omental implants.", ["peritoneum metastasis +"]),
    ("Peritoneal carcinomatosis.", ["peritoneum metastasis +"]),
    ("Right tonsillar mass.", ["tonsil mass + right"]),
    ("Mass at the base of the tongue.", ["tongue mass +"]),
    ("Lytic lesion in the left mandible.", ["mandible osteolysis + left"]),
    ("Thickening of the left pyriform sinus.", ["hypopharynx thickening + left"]),
    ("Nodule in the right parotid gland.", ["salivary_gland nodule + right"]),
    ("Portal vein thrombosis.", ["portal_vein thrombus +"]),
    ("Sclerotic lesion in the right iliac bone.", ["pelvic_bone bone_sclerosis + right"]),
    ("Knee joint effusion on the left.", ["knee effusion + left"]),
    ("Sacral metastasis.", ["sacrum metastasis +"]),
    ("Right testicular mass.", ["testis mass + right"]),
    ("Barrel chest.", ["chest deformed abnormal"]),
    ("Foley catheter in the bladder.", ["bladder support_device +"]),
    ("Fractures of the left third and fourth ribs.", ["rib fracture + left rib_3 rib_4"]),
    ("Fracture of the right 5th rib.", ["rib fracture + right rib_5"]),
    ("Fractures of the 3rd-6th left ribs.", ["rib fracture + left rib_3 rib_4 rib_5 rib_6"]),
    ("No difference in the right lung nodule.", ["lung nodule + right unchanged"]),
    ("Brown fat uptake in the neck.", ["neck physiologic_uptake +"]),
    ("Mass in the gastric antrum.", ["stomach mass +"]),
    ("Retropharyngeal lymph node on the right.", ["neck lymph_node + right retropharyngeal"]),
    ("Hip prosthesis on the right.", ["hip implant + right"]),
    ("Colostomy in the left lower quadrant.", ["? stoma + left lower"]),
]


@pytest.mark.parametrize(("text", "expected"), VIETNAMESE)
def test_vietnamese_word_is_read(text, expected):
    assert [said(fact) for fact in facts(text, "vi")] == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english_word_is_read(text, expected):
    assert [said(fact) for fact in facts(text, "en")] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bóng tim khong to", "Bóng tim không to"),
        ("Màng phổi Phai dày, mờ đáy phoi trai", "Màng phổi Phải dày, mờ đáy phổi trái"),
        ("KHONG thấy đám mờ", "KHÔNG thấy đám mờ"),
        ("bong tim khong to", "bong tim khong to"),  # nothing else bears an accent: it is not guessed
        ("", ""),
    ],
)
def test_accents_are_given_back_to_cues_where_the_text_has_others(text, expected):
    assert accented(text, load_lexicon("vi")) == expected


def test_no_accents_are_given_to_english():
    assert accented("the phai is trái", load_lexicon("en")) == "the phai is trái"
