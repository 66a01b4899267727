"""One meaning, one fact: every row of same.yaml is needed by its example, and nothing abnormal is covered by what is well."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.language import same
from docphim.language.alike import alike, fault
from docphim.language.conditions import condition, is_well, regions
from docphim.language.fact import KNOWN, Fact
from docphim.language.facts import facts
from docphim.language.same_rows import SECTIONS, TABLE
from docphim.package_data import packaged

TABLE = packaged(TABLE)
ROWS = {name: (section, row) for section in SECTIONS for name, row in TABLE[section].items()}
#: What the table must hold; a row that is taken away is missed here.
NAMES = {
    *("absent_both", "air_cyst", "airspace", "airspace_words", "airspaces", "airway", "angle", "any_device"),
    *("aorta_unfolded", "aortic_arc", "avid", "avid_node", "avid_node_suv", "blunted_angle", "bone_defect"),
    *("breathing_tube", "bronchial_wall", "brown_fat", "cardiac_opacity", "clear_lung", "cold_node", "cold_node_at"),
    *("collapsed_lung", "collecting_system", "crazy_paving", "curved_spine", "denied_words", "device_in_place"),
    *("diffuse_both", "edema_of_interstitium", "edema_opacity", "enhancing", "fatty_liver", "feeding_tube"),
    *("fixed_spine", "fluid_at_angle", "fluid_in_abdomen", "fluid_in_joint", "free_air", "free_gas", "full_interstitium"),
    *("full_veins", "great_vessel_wall", "grown", "growth", "heart_bulging", "heart_dilated", "heart_not_dilated"),
    *("heart_obscured", "heart_widened", "hidden_diaphragm", "hilar_opacity", "hydropneumothorax", "hyperlucent_lungs"),
    *("hypodense", "infection", "interstitial", "large_adrenal", "large_gland", "large_hilum", "large_hilum_node"),
    *("large_node", "lesion", "lesion_of_uptake", "level_of_fluid", "line_tip", "lost_angle", "lost_vertebra"),
    *("lost_volume", "low_vertebra", "lower_zone", "lung_density", "lung_infarct", "lung_infection", "lung_scar"),
    *("lung_shift", "lytic", "mass_named", "mass_of_tumor", "mediastinal_sides", "mediastinal_station", "miliary"),
    *("moved_fracture", "moved_up", "no_node", "no_uptake", "node_at_hilum", "node_metastasis", "node_named"),
    *("node_of_mesentery", "normal_both", "normal_umbrella", "normal_words", "not_seen", "not_shifted", "numbered_level"),
    *("numbered_station", "opacity", "opaque_side", "operation", "organ", "part_of_spine", "pathological_node"),
    *("pattern", "perforation", "pleural_adhesion", "pneumonia", "pulled_hilum", "pulmonary_arc", "pulmonary_thrombus"),
    *("pulmonary_trunk", "pushed", "response_score", "shrunk", "shrunken_brain", "sinus_mucosa", "small_growth"),
    *("small_lung", "soft_tissue_of_chest", "spread", "squeezed", "stanford", "station_elsewhere", "suspected"),
    *("systemic", "taken_out", "thick_adrenal", "thick_interstitium", "thick_markings", "thick_septum", "thin_bone"),
    *("thoracic_aorta", "trapped_air", "tumor_word", "upper_zone", "uptake", "vessel_calcium", "vessels"),
    *("vessels_congested", "vessels_full", "vessels_not_full", "volume_loss", "wedge", "whole_body", "whole_collapse"),
    *("wide_bronchus", "wide_by_size", "wide_hilum", "wide_mediastinum", "wide_vessel", "worn_vertebrae"),
    *("central_on_film", "dark_lung", "fluid_in_lung", "lung_inflammation", "node_as_it_should_be"),
    "collapse",
    *("polyserositis", "pulled_organ", "uncounted_disease"),
}


def test_the_table_holds_these_rows():
    assert set(ROWS) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_row_makes_its_example_one_and_is_needed_for_it(name):
    section, row = ROWS[name]
    assert fault(section, name, row) is None and row["why"]


@pytest.mark.parametrize("name", [name for name, (_, row) in ROWS.items() if row.get("modality") == "xray"])
def test_what_holds_on_films_does_not_hold_elsewhere(name):
    for modality in ("ct", "pet", None):
        assert not alike(*ROWS[name][1]["example"], modality=modality)


DIFFERENT = [
    ("Tràn dịch màng phổi phải.", "Tràn dịch màng phổi trái."),
    ("Tràn dịch màng phổi hai bên.", "Tràn dịch màng phổi phải."),
    ("Tràn dịch màng phổi phải.", "Không tràn dịch màng phổi phải."),
    ("Đám mờ vùng giữa phổi phải.", "Đám mờ thùy giữa phổi phải."),
    ("Đám mờ thùy trên phổi phải.", "Đám mờ thùy dưới phổi phải."),
    ("Phình động mạch chủ.", "Động mạch chủ kéo dài."),
    ("Hai phổi sáng.", "Nốt mờ thùy trên phổi phải."),
    ("Hai phổi sáng.", "Không tràn khí màng phổi."),
    ("Không thấy bất thường xương.", "Gãy xương sườn 5 bên phải."),
    ("Góc sườn hoành phải tù.", "Tràn dịch màng phổi phải."),
    ("Góc sườn hoành trái tù. Tràn dịch màng phổi phải.", "Tràn dịch màng phổi phải."),
    ("Tràn dịch màng phổi phải lượng ít.", "Tràn dịch màng phổi phải lượng nhiều."),
    ("Theo dõi viêm phổi.", "Viêm phổi."),
    ("Nốt phổi phải 5 mm. Nốt phổi phải 8 mm.", "Nốt phổi phải 8 mm."),
    ("Đáp ứng chuyển hóa một phần.", "Đáp ứng chuyển hóa hoàn toàn."),
    ("Hạch rốn phổi phải 6 mm.", "Hạch rốn phổi phải to 6 mm."),
    ("Hạch cổ phải tăng nhẹ chuyển hóa FDG.", "Hạch cổ phải to."),
    ("U phổi trái 46 mm. Nốt phổi trái 8 mm.", "U phổi trái 46 mm."),
    ("Khối gan phải 46 mm. Khối gan trái 12 mm. Di căn gan.", "Di căn gan phải 46 mm."),
    ("Nhiều nốt phổi phải. Nốt thùy trên phổi phải 9 mm.", "Nốt thùy trên phổi phải 9 mm."),
    ("Không thấy bất thường trung thất.", "Không có catheter ở trung thất."),
    ("Tim không to.", "Không có máy tạo nhịp."),
    ("Hạch nách trái 18 mm. Vài hạch nách trái.", "Hạch nách trái 18 mm."),
    ("Khối thùy trên phổi phải. Hạch rốn phổi cùng bên 16 mm.", "Khối thùy trên phổi phải. Hạch rốn phổi trái 16 mm."),
    ("Đám mờ thùy trên phổi phải.", "Đám mờ đáy phổi phải."),
    ("Tràn dịch màng phổi phải. Hạch rốn phổi cùng bên.", "Tràn dịch màng phổi phải. Hạch rốn phổi đối diện."),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
@pytest.mark.parametrize("modality", ["xray", None])
def test_what_differs_for_a_radiologist_stays_different(one, other, modality):
    assert not alike(one, other, modality=modality, covering=True)


WIDE = [
    ("Tràn dịch màng phổi hai bên.", "Tràn dịch màng phổi phải. Tràn dịch màng phổi trái."),
    ("Đông đặc thùy trên và thùy dưới phổi phải.", "Đông đặc thùy trên phổi phải. Đông đặc thùy dưới phổi phải."),
    ("Hạch trung thất nhóm 4R, 7.", "Hạch trung thất nhóm 4R. Hạch trung thất nhóm 7."),
    ("Không thấy bất thường trung thất.", "Trung thất không rộng. Tim không to. Không tràn dịch màng ngoài tim."),
    ("Khí quản thông thoáng.", "Khí quản không hẹp."),
    ("Không thấy hạch to.", "Không thấy hạch to trung thất. Không thấy hạch to rốn phổi hai bên."),
    ("Hai phổi sáng.", "Không thấy đông đặc, không thấy nốt mờ ở hai phổi."),
    ("Tràn dịch màng phổi phải. Tràn dịch màng phổi phải.", "Tràn dịch màng phổi phải."),
    ("Nốt thùy trên phổi phải 9 mm. Kết luận: nốt phổi phải.", "Nốt thùy trên phổi phải 9 mm."),
    ("Gãy xương sườn 5, 6 bên trái. Kết luận: gãy xương sườn trái.", "Gãy xương sườn 5, 6 bên trái."),
    ("Khối thùy trên phổi phải 46 mm, SUVmax 14. Kết luận: ung thư phổi.", "Ung thư thùy trên phổi phải 46 mm, SUVmax 14."),
    ("Tràn dịch màng phổi phải. Tràn dịch màng phổi phải lượng nhiều.", "Tràn dịch màng phổi phải lượng nhiều."),
    ("Gãy xương sườn. Gãy cung sau xương sườn V bên trái.", "Gãy cung sau xương sườn V bên trái."),
    ("Đông đặc thùy giữa và thùy lưỡi phổi phải.", "Đông đặc thùy giữa phổi phải. Đông đặc thùy lưỡi phổi trái."),
    ("Khối thùy trên phổi phải. Hạch rốn phổi cùng bên 16 mm.", "Khối thùy trên phổi phải. Hạch rốn phổi phải 16 mm."),
    ("Tràn khí màng phổi trái. Trung thất lệch về phía đối diện.", "Tràn khí màng phổi trái. Trung thất lệch sang phải."),
    ("Hạch trung thất cạnh khí quản phải 4R 16 mm.", "Hạch trung thất nhóm 4R 16 mm."),
    (
        "Tiêu xương sườn 6 trái, tiêu xương cánh chậu phải. Di căn xương.",
        "Di căn xương sườn 6 trái. Di căn xương cánh chậu phải.",
    ),
]


@pytest.mark.parametrize(("one", "other"), WIDE)
def test_one_statement_answers_for_several_in_both_directions(one, other):
    assert alike(one, other, covering=True) and alike(other, one, covering=True)


REFERRALS = [
    ("Ung thư vú trái sau mổ, theo dõi tái phát.", "vi", True),
    ("U lympho không Hodgkin, đánh giá trước điều trị.", "vi", True),
    ("FDG PET/CT for staging of esophageal cancer.", "en", True),
    ("Ung thư phổi phải sau điều trị, khối 46 mm.", "vi", False),
    ("Khối u phổi phải tái phát sau mổ.", "vi", False),
    ("Theo dõi di căn gan.", "vi", False),
    ("Ung thư phổi phải di căn gan.", "vi", False),
    ("Liver metastases after chemotherapy.", "en", False),
    ("Không thấy ung thư tái phát sau mổ.", "vi", False),
]


@pytest.mark.parametrize(("sentence", "language", "known"), REFERRALS)
def test_what_a_scan_was_asked_for_was_known_before_it(sentence, language, known):
    assert [KNOWN in fact.leftover for fact in facts(sentence, language)].count(True) == (
        len(facts(sentence, language)) if known else 0
    )


def test_a_disease_that_was_known_before_takes_no_sign():
    listed = facts("Ung thư thực quản, trước điều trị. Khối thực quản 48 mm.", "vi")
    assert [(fact.finding, fact.size_mm) for fact in same.canonical(listed)] == [("cancer", ()), ("mass", (48.0,))]


ANY = st.builds(
    Fact,
    text=st.just(""),
    start=st.just(0),
    end=st.just(0),
    anatomy=st.sampled_from([None, "lung", "pleura", "heart", "aorta", "bone", "rib", "costophrenic_angle", "lymph_node"]),
    finding=st.sampled_from([None, "effusion", "nodule", "opacity", "consolidation", "fracture", "lymph_node", "fdg_uptake"]),
    state=st.sampled_from([None, "clear", "enlarged", "blunted", "bulging"]),
    polarity=st.sampled_from(["present", "absent", "normal", "abnormal"]),
    side=st.sampled_from([None, "right", "left", "both"]),
    location=st.sampled_from([(), ("upper_zone",), ("mid_zone",), ("lower_lobe", "upper_lobe"), ("rib_3", "rib_4")]),
    size_mm=st.sampled_from([(), (5.0,), (30.0, 20.0)]),
)
MODALITY = st.sampled_from([None, "xray", "ct", "pet"])


@given(st.lists(ANY, max_size=5), MODALITY)
def test_what_is_in_one_form_stays_as_it_is(listed, modality):
    once = same.canonical(listed, modality)
    assert [fact.strict for fact in same.canonical(once, modality)] == [fact.strict for fact in once]
    assert len({fact.strict for fact in once}) == len(once)


@given(ANY, ANY)
def test_nothing_abnormal_is_ever_covered(wide, narrow):
    if same.covers(wide, narrow):
        assert is_well(wide) and is_well(narrow)


@given(ANY, MODALITY)
def test_one_form_keeps_whether_a_fact_is_well_and_on_which_side(fact, modality):
    for part in same.parts(fact, modality):
        assert is_well(part) == is_well(fact)
        if not is_well(fact) and part.side:
            assert part.side in ("right", "left") and fact.side in (part.side, "both")


def test_a_sign_gives_its_size_and_suv_to_its_cause():
    cause = Fact("", 0, 0, "lung", finding="nodule", side="right")
    sign = replace(cause, finding="fdg_uptake", suv=5.2, size_mm=(9.0,))
    assert same.canonical([sign, cause]) == [replace(cause, suv=5.2, size_mm=(9.0,))]


@pytest.mark.parametrize("row", [{"colour": "red"}, {"finding": "no_such_thing"}, {"location": ["upper_lobe", "nowhere"]}])
def test_a_condition_on_what_there_is_not_is_refused(row):
    with pytest.raises(ValueError, match="condition asks for"):
        condition(row)


def test_what_lies_in_what():
    assert regions("heart_valve") == ("heart_valve", "heart", "mediastinum", "chest")
    fact = Fact("", 0, 0, "pericardium", finding="effusion", size_mm=(4.0, 12.0))
    assert condition({"within": "mediastinum", "size_mm": {"at_least": 10, "below": 13}})(fact)
    assert not condition({"size_mm": {"below": 12}})(fact) and not condition({"suv": {"below": 12}})(fact)
