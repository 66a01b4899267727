"""What a report measures: kind, relation, range, unit, phase and reference of each number."""

import pytest

from docphim.language.facts import Measure, facts
from docphim.language.same import core


def spelled(measure: Measure) -> str:
    """All that a measure says, in one line: `suv_max = 3.1..5.2 early @liver`."""
    low, high = ("x".join(f"{value:g}" for value in end) for end in (measure.low, measure.high))
    number = low if low == high else f"{low}..{high}"
    around = (measure.kind, measure.relation, number, measure.unit, measure.phase or "")
    return " ".join([*filter(None, around), *(f"@{x}" for x in [measure.reference] if x)])


VIETNAMESE = [
    ("Nốt phổi phải SUVmax 5,2.", ["suv_max = 5.2"]),
    ("Nốt phổi phải SUVmax < 2,5.", ["suv_max < 2.5"]),
    ('Nốt phổi phải, "SUVmax": "7,2"', ["suv_max = 7.2"]),
    ("Nốt phổi phải, SUVmax: “7,2”", ["suv_max = 7.2"]),
    ("Hạch trung thất SUVmax: 3,1–5,2.", ["suv_max = 3.1..5.2"]),
    ("Hạch trung thất SUVmax từ 3,1 đến 5,2.", ["suv_max = 3.1..5.2"]),
    ("Khối phổi trái SUVmax ~ 12,4.", ["suv_max ~ 12.4"]),
    ("Khối phổi trái SUVpeak 3,9.", ["suv_peak = 3.9"]),
    ("Khối phổi trái SUVmax 5,1, SUVmean 3,2.", ["suv_max = 5.1", "suv_mean = 3.2"]),
    ("Hạch cổ trái SUVmax thì sớm 4,1, thì muộn 5,6.", ["suv_max = 4.1 early", "suv_max = 5.6 delayed"]),
    ("Hạch cổ phải tăng chuyển hóa FDG, SUVmax hạch 5,1 so với gan 2,4.", ["suv_max = 5.1", "suv_max = 2.4 @liver"]),
    (
        "Nốt phổi trái tăng chuyển hóa FDG (SUVmax 3,4 so với bể máu trung thất 1,8).",
        ["suv_max = 3.4", "suv_max = 1.8 @blood_pool"],
    ),
    ("Nốt phổi phải kích thước 12 x 14 mm.", ["size = 12x14 mm"]),
    ("Nốt phổi phải đường kính 1,2 cm.", ["size = 12 mm"]),
    ("Hai khối gan kích thước 28 x 18 mm và 24 x 30 mm.", ["size = 28x18 mm", "size = 24x30 mm"]),
    ("Nốt phổi trái dưới 5 mm.", ["size < 5 mm"]),
    ("Nốt phổi trái kích thước khoảng 8 mm.", ["size ~ 8 mm"]),
    ("Nốt phổi trái 5-6 mm.", ["size = 5..6 mm"]),
    ("Các hạch trung thất kích thước từ 8 đến 12 mm.", ["size = 8..12 mm"]),
    ("Hẹp thực quản đoạn dài khoảng 20 mm.", ["size ~ 20 mm"]),
    ("Khối thùy trên phổi phải cách carina 20 mm.", ["distance = 20 mm @carinal"]),
    ("Nang gan phải tỷ trọng 12 HU.", ["hu = 12 HU"]),
    ("Tổn thương mỡ tuyến thượng thận trái tỷ trọng -20 HU.", ["hu = -20 HU"]),
    ("Khối gan phải thì động mạch 85 HU, thì tĩnh mạch 60 HU.", ["hu = 85 HU arterial", "hu = 60 HU venous"]),
    ("Tràn dịch màng phổi phải khoảng 300 ml.", ["volume ~ 300 ml"]),
    ("Khối tuyến giáp thể tích 45 cm3.", ["volume = 45 ml"]),
    ("Vài nốt kích thước vài mm ở hai phổi.", []),
    ("Khối phổi phải kích thước lớn nhất 35 mm.", ["size = 35 mm"]),
    ("Nốt phổi phải > 10 mm.", ["size > 10 mm"]),
    ("Nốt phổi phải không quá 6 mm.", ["size ≤ 6 mm"]),
    ("Hạch nách trái SUVmax ≥ 4.", ["suv_max ≥ 4"]),
    ("Tăng chuyển hóa FDG ở dạ dày cao hơn gan.", ["suv > @liver"]),
    ("Hạch rốn phổi phải SUV max 6,8.", ["suv_max = 6.8"]),
    ("Khối tụy SUVmax: 7,2 (thì sớm) và 9,1 (thì muộn).", ["suv_max = 7.2 early", "suv_max = 9.1 delayed"]),
    ("Nốt gan SUV trung bình 3,4.", ["suv_mean = 3.4"]),
    ("Hạch nách phải SUVmax cao nhất 4,4.", ["suv_max = 4.4"]),
    ("Các hạch cổ SUVmax từ 2,1 - 3,8.", ["suv_max = 2.1..3.8"]),
    ("Nốt phổi trái tăng chuyển hóa FDG thấp hơn bể máu.", ["suv < @blood_pool"]),
    ("Nốt phổi trái tăng chuyển hóa FDG tương đương gan.", ["suv ~ @liver"]),
    ("Khối gan phải 4,5 x 3,2 cm.", ["size = 45x32 mm"]),
    ("Khối gan phải kích thước 45 x 32 x 50 mm.", ["size = 45x32x50 mm"]),
    ("Các nốt phổi kích thước 5, 7 và 9 mm.", ["size = 5 mm", "size = 7 mm", "size = 9 mm"]),
    ("Hạch lớn nhất có trục ngắn 11 mm.", ["size = 11 mm"]),
    ("Nốt phổi phải lớn hơn 8 mm.", ["size > 8 mm"]),
    ("Nốt tuyến giáp trái ≤ 5 mm.", ["size ≤ 5 mm"]),
    ("Thành thực quản dày 12 mm.", ["size = 12 mm"]),
    ("Khối phế quản gốc trái cách carina khoảng 15 mm.", ["distance ~ 15 mm @carinal"]),
    ("Nốt thận phải tỷ trọng khoảng 35 HU.", ["hu ~ 35 HU"]),
    ("Nang thận trái tỷ trọng 5 - 10 HU.", ["hu = 5..10 HU"]),
    ("Dịch màng phổi trái lượng khoảng 200 ml.", ["volume ~ 200 ml"]),
    ("Tuyến tiền liệt thể tích 60 cc.", ["volume = 60 ml"]),
    ("Hai nốt phổi phải 5 mm cách nhau 20 mm.", ["size = 5 mm", "distance = 20 mm"]),
    ("Nốt phổi phải SUVmax hạch 5,1 phổi.", ["suv_max = 5.1"]),
    ("SUVmax cao ở 2 nốt phổi phải.", []),
    ("Nốt phổi trái nhỏ hơn 5 mm.", ["size < 5 mm"]),
    ("Các nốt phổi phải 1, 2 và 3 cm.", ["size = 10 mm", "size = 20 mm", "size = 30 mm"]),
    ("Hạch trung thất Deauville 4.", ["deauville = 4"]),
    ("Hạch trung thất tăng chuyển hóa FDG, DS 4.", ["deauville = 4"]),
    ("Khối gan phải 45 x 38 mm (trước đây 60 mm).", ["size = 45x38 mm"]),
    ("Khối gan phải 45 mm, phim cũ 60 x 52 mm.", ["size = 45 mm"]),
    ("Khối gan phải 45 mm (so với 60 mm).", ["size = 45 mm"]),
    ("Khối gan phải 60 mm trước đây, hiện đo 45 mm.", ["size = 45 mm"]),
    ("Khối gan phải 60 mm, nay còn 45 mm.", ["size = 45 mm"]),
    ("Khối gan phải 45 mm từ 60 mm.", ["size = 45 mm"]),
    ("Hạch trung thất SUVmax 5,2 (trước đây 8,1).", ["suv_max = 5.2"]),
    ("Hạch trung thất 12 mm, SUVmax 3,1 (trước đây 28 mm, SUVmax 14,0).", ["size = 12 mm", "suv_max = 3.1"]),
    ("Nốt phổi phải đường kính trước sau 14 mm.", ["size = 14 mm"]),
]

ENGLISH = [
    ("Right lung nodule, SUVmax 5.2.", ["suv_max = 5.2"]),
    ("Left hilar node with SUV max of 4.1.", ["suv_max = 4.1"]),
    ("Liver lesion with SUVpeak 6.3 and SUVmean 4.", ["suv_peak = 6.3", "suv_mean = 4"]),
    ("Nodule with SUVmax less than 2.5.", ["suv_max < 2.5"]),
    ("Nodes with SUVmax between 3.1 and 5.2.", ["suv_max = 3.1..5.2"]),
    ("Right upper lobe mass with SUVmax 8.4 compared to liver 2.1.", ["suv_max = 8.4", "suv_max = 2.1 @liver"]),
    ("Nodule with early SUVmax 2.8 and delayed SUVmax 4.", ["suv_max = 2.8 early", "suv_max = 4 delayed"]),
    ("A 12 x 14 mm nodule in the right upper lobe.", ["size = 12x14 mm"]),
    ("Nodules up to 6 mm in the left lung.", ["size ≤ 6 mm"]),
    ("Nodule smaller than 5 mm in the left lung.", ["size < 5 mm"]),
    ("Mass located 2 cm from the carina.", ["distance = 20 mm @carinal"]),
    ("Renal cyst measuring 10 HU.", ["hu = 10 HU"]),
    ("Adrenal nodule of -5 HU.", ["hu = -5 HU"]),
    ("Pleural effusion of approximately 500 cc.", ["volume ~ 500 ml"]),
    ("Two nodules of 5 mm and 7 mm.", ["size = 5 mm", "size = 7 mm"]),
    ("Nodes measuring 8-10 mm.", ["size = 8..10 mm"]),
    ("Uptake greater than liver in the stomach.", ["suv > @liver"]),
    ("Arterial phase attenuation of 85 HU in the liver mass.", ["hu = 85 HU arterial"]),
    ("Right hilar node with maximum SUV 6.8.", ["suv_max = 6.8"]),
    ("SUVmax of the left lung mass is 11.3.", ["suv_max = 11.3"]),
    ("Hepatic lesion with SUVmax up to 7.5.", ["suv_max ≤ 7.5"]),
    ("Axillary nodes with SUVmax ranging from 2.1 to 3.8.", ["suv_max = 2.1..3.8"]),
    ("Splenic uptake is less than the liver.", ["suv < @liver"]),
    ("Node with SUVmax 2.8 (early) and 4.4 (delayed).", ["suv_max = 2.8 early", "suv_max = 4.4 delayed"]),
    ("Right adrenal nodule measuring 1.8 x 2.2 cm.", ["size = 18x22 mm"]),
    ("Nodule larger than 8 mm in the right lung.", ["size > 8 mm"]),
    ("Nodules of 3, 4 and 6 mm in both lungs.", ["size = 3 mm", "size = 4 mm", "size = 6 mm"]),
    ("Cyst with attenuation of 5-15 HU in the left kidney.", ["hu = 5..15 HU"]),
    ("Tumor 3 cm above the carina.", ["distance = 30 mm @carinal"]),
    ("Thyroid gland volume of 35 mL.", ["volume = 35 ml"]),
    ("Mediastinal node with a Deauville score of 2.", ["deauville = 2"]),
    ("Deauville category 3.", ["deauville = 3"]),
    ("Mediastinal uptake, Deauville score (DS) 3.", ["deauville = 3"]),
    ("Mediastinal uptake, DS 12.", []),  # there is no such score
    ("Liver mass of 31 x 24 mm, previously 45 x 38 mm.", ["size = 31x24 mm"]),
    ("Liver mass of 31 mm (prior 45 mm).", ["size = 31 mm"]),
    ("Liver mass of 31 mm, was 45 mm.", ["size = 31 mm"]),
    ("The liver mass was 31 mm.", ["size = 31 mm"]),
    ("Liver mass of 31 mm compared with 45 mm previously.", ["size = 31 mm"]),
    ("Liver mass, 45 mm on the prior CT and 31 mm now.", ["size = 31 mm"]),
    ("The liver mass decreased to 31 mm from 45 mm.", ["size = 31 mm"]),
    ("Interval decrease in the 45 mm liver mass, now 31 mm.", ["size = 31 mm"]),
    ("A 9 mm liver nodule, described previously, is stable.", ["size = 9 mm"]),
    ("Left hilar node with SUVmax 5.2, previously 8.1.", ["suv_max = 5.2"]),
]


#: Numbers behind an SUV that are something else's.
OTHERS = [
    ("vi", "Khối phổi phải SUVmax 6,2, T2N0M0.", ["suv_max = 6.2"]),
    ("vi", "Khối phổi phải SUVmax 6,2, cT2N1M1.", ["suv_max = 6.2"]),
    ("vi", "Khối phổi phải SUVmax 6,2 (lát cắt 120).", ["suv_max = 6.2"]),
    ("vi", "Khối phổi phải SUVmax 6,2, ảnh 134.", ["suv_max = 6.2"]),
    ("vi", "Khối phổi phải SUVmax 6,2 (series 4 image 134).", ["suv_max = 6.2"]),
    ("vi", "Khối phổi phải SUVmean 4,2, TLG 210.", ["suv_mean = 4.2"]),
    ("vi", "Hạch rốn phổi SUVmax 6,2, hạch 3 cái.", ["suv_max = 6.2"]),
    ("vi", "Khối phổi phải SUVmax tại phút 60 là 6,2, phút 120 là 8,1.", ["suv_max = 6.2", "suv_max = 8.1"]),
    (
        "vi",
        "Nốt phổi phải, SUVmax thì sớm (60 phút) 3,2, thì muộn (120 phút) 4,1.",
        ["suv_max = 3.2 early", "suv_max = 4.1 delayed"],
    ),
    ("vi", "Khối phổi phải SUVmax 6,2, trước điều trị 12,1.", ["suv_max = 6.2"]),
    ("vi", "Khối phổi phải SUVmax trước điều trị 12,1, sau điều trị 5,1.", ["suv_max = 5.1"]),
    ("vi", "Khối phổi phải SUVmax 6,2 (tháng 3/2017: 12,1).", ["suv_max = 6.2"]),
    ("vi", "Nốt phổi phải SUVmax 6,2, SUVmax gan 2,1.", ["suv_max = 6.2", "suv_max = 2.1 @liver"]),
    ("vi", "Nốt phổi phải SUVmax 6,2, SUVmax của gan 2,1.", ["suv_max = 6.2", "suv_max = 2.1 @liver"]),
    ("vi", "Nốt phổi phải SUVmax 6,2, cao hơn gan (SUVmax 2,1).", ["suv_max = 6.2", "suv_max = 2.1 @liver"]),
    ("vi", "Tổn thương gan SUVmax 9,1, SUVmax gan 6,2.", ["suv_max = 9.1", "suv_max = 6.2"]),
    ("vi", "Nốt phổi phải SUVmax/gan = 1,3.", []),
    ("vi", "Khối gan SUVmax 8,8, tỷ số u/nền gan 3,2.", ["suv_max = 8.8"]),
    ("vi", "Khối dạ dày, SUVmax 9,9, hạch cạnh 5,5.", ["suv_max = 9.9", "suv_max = 5.5"]),
    ("vi", "Hạch nách trái SUVmax 6,2 và 5,1.", ["suv_max = 6.2", "suv_max = 5.1"]),
    ("vi", "Di căn gan SUVmax 9,1, phổi 6,2, xương 7,3.", ["suv_max = 9.1", "suv_max = 6.2", "suv_max = 7.3"]),
    ("en", "Left lung nodule SUVmax 6.2 (image 120).", ["suv_max = 6.2"]),
    ("en", "Left lung nodule SUVmax 6.2, series 4 image 134.", ["suv_max = 6.2"]),
    ("en", "Left lung nodule SUVmax at 60 minutes 6.2, at 120 minutes 8.1.", ["suv_max = 6.2", "suv_max = 8.1"]),
    ("en", "Left lung nodule SUVmax 6.2, SUVmax of the liver 2.1.", ["suv_max = 6.2", "suv_max = 2.1 @liver"]),
    ("en", "Left lung nodule SUVmax 6.2, above the liver (SUVmax 2.1).", ["suv_max = 6.2", "suv_max = 2.1 @liver"]),
    ("en", "Left lung nodule SUVmax 6.2, pretreatment 12.1.", ["suv_max = 6.2"]),
    ("en", "Liver lesion SUVmax 8.8, tumor/liver ratio of 3.2.", ["suv_max = 8.8"]),
    ("en", "T2 vertebral lesion SUVmax 6.4, L3 lesion 5.5.", ["suv_max = 6.4", "suv_max = 5.5"]),
    ("en", "Nodes with SUVmax of 6.2, 5.1 and 4.0.", ["suv_max = 6.2", "suv_max = 5.1", "suv_max = 4"]),
]


def measures(text, language):
    """Every measure of a text once, in its order."""
    return list(dict.fromkeys(spelled(measure) for fact in facts(text, language) for measure in fact.measures))


@pytest.mark.parametrize(("text", "expected"), VIETNAMESE)
def test_vietnamese_measure(text, expected):
    assert measures(text, "vi") == expected


@pytest.mark.parametrize(("language", "text", "expected"), OTHERS)
def test_a_number_is_an_uptake_only_where_it_is_that_of_what_was_named(language, text, expected):
    assert measures(text, language) == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english_measure(text, expected):
    assert measures(text, "en") == expected


@pytest.mark.parametrize(
    ("text", "size", "suv"),
    [
        ("Nốt phổi phải 12 x 14 mm, SUVmax 5,2", (12, 14), 5.2),
        ("Nốt phổi phải SUVmax 3,1–5,2", (), 5.2),  # the higher of a range
        ("Nốt phổi phải SUVmax 4,1 thì sớm, 5,6 thì muộn", (), 4.1),  # of two phases the first
        ("Nốt phổi phải SUVpeak 3,9", (), None),  # another kind is no SUVmax
        ("Nốt phổi phải giảm kích thước từ 28 mm xuống 12 mm", (12,), None),  # what it has become
        ("Nốt phổi phải tăng từ 5 lên 9 mm", (9,), None),
        ("Nốt phổi phải SUVmax giảm từ 8 xuống 3", (), 3),
        ("Nốt phổi phải từ 3 đến 5 mm", (3, 5), None),
        ("Nốt phổi phải SUVmax 5,1 so với gan 2,4", (), 5.1),  # the liver's is not the lesion's
        ("Nốt phổi phải cách màng phổi 10 mm", (), None),  # a distance is no size
        ("Nốt phổi phải SUVmax thì muộn 5,6", (), None),
        ("Nang gan 12 HU", (), None),
        ("Dày màng phổi trái dài khoảng 35 mm", (35,), None),  # along which way it is, not how the pleura is
        ("Nốt phổi phải, tiêm 7,2 mCi lúc 60 phút", (), None),  # a dose and a time
    ],
)
def test_a_lesions_own_size_and_uptake_are_told_from_other_numbers(text, size, suv):
    (fact,) = facts(text, "vi")
    assert (fact.size_mm, fact.suv) == (size, suv)


def test_facts_that_differ_in_a_measure_differ_strictly():
    early, late = (facts(f"Nốt phổi phải SUVmax 4,1, thì muộn {number}", "vi")[0] for number in ("5,6", "3,2"))
    assert core(early) == core(late)
    assert early.strict != late.strict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Left adrenal nodule of 14 mm with a density of -8 HU.", ["nodule"]),
        ("Right renal cyst, 20 mm, density 5 HU.", ["cyst"]),
        ("Renal cyst with a mean density of about 12 HU.", ["cyst"]),
        ("A 5 mm density in the left lung.", ["density"]),
        ("A 5 mm density in the left lung, 40 HU.", ["density"]),
    ],
)
def test_a_density_of_so_many_hounsfield_units_is_no_finding_beside_the_one_measured(text, expected):
    assert [fact.finding for fact in facts(text, "en")] == expected
