"""What cells and headers say of age, sex, view, split and date."""

import pytest

from docphim.ingest.values import age_in, age_of, day_of, sex_of, split_of, view_of, year_of

TABLE = [
    (age_of, "72", 72),
    (age_of, "72.0", 72),
    (age_of, "072Y", 72),
    (age_of, "72 tuổi", 72),
    (age_of, "006M", 0),
    (age_of, "030M", 2),
    (age_of, "5 tháng", 0),
    (age_of, "010D", 0),
    *[
        (age_of, text, 72)
        for text in ("72 tuoi", "72 Tuổi.", "72t", "72 y/o", "72 yrs old", "72,5", "72 ans", "72 năm", "tuổi: 72")
    ],
    *[(age_of, text, 0) for text in ("6 th", "6mos", "20 ngày tuổi", "2 tuần", "3 giờ", "12 giờ tuổi", "3 mois", "10 jours")],
    *[(age_of, text, 1) for text in ("18 tháng tuổi", "18 thang", "18M", "1 tuổi 6 tháng", "1y6m")],
    *[(age_of, text, None) for text in ("6T", "36t", "121", "123", "999Y", "70-75", ">90", "1956", "3/12", "7 2")],
    (age_of, "37T", 37),
    (age_of, "120", 120),
    (age_of, "172", None),
    (age_of, "-3", None),
    (age_of, "nam", None),
    (age_of, "", None),
    (sex_of, "Nam", "M"),
    (sex_of, "Nữ", "F"),
    (sex_of, "NỮ", "F"),
    (sex_of, "f", "F"),
    (sex_of, "Male", "M"),
    (sex_of, "O", None),
    (view_of, "PA", "PA"),
    (view_of, "Posterior  Anterior", "PA"),
    (view_of, "AP", "AP"),
    (view_of, "LL", "lateral"),
    (view_of, "nghiêng", "lateral"),
    (view_of, "", "unknown"),
    (split_of, "validation", "val"),
    (split_of, "Train", "train"),
    (split_of, "x", None),
    (day_of, "20230312", "20230312"),
    (day_of, "2023-03-12", "20230312"),
    (day_of, "12/3/2023", "20230312"),
    (day_of, "12/13/2023", ""),
    (day_of, "20231345", ""),
    (day_of, "31/02/2023", ""),
    (day_of, "08:30 05/03/2023", "20230305"),
    (day_of, "8h30 ngày 05/03/2023", "20230305"),
    (day_of, "8:30:15 AM 5/3/2023", "20230305"),
    (day_of, "8 giờ 30 phút ngày 05/03/2023", "20230305"),
    (day_of, "05.03.2023 lúc 8h", "20230305"),
    (day_of, "05/03/2023 08:30", "20230305"),
    (day_of, "2023-03-05T08:30:00", "20230305"),
    (day_of, "Ngày 05 tháng 03 năm 2023", "20230305"),
    (day_of, "44990", "20230305"),
    (day_of, "44990.354166", "20230305"),
    (day_of, "44990,5", "20230305"),
    (day_of, "12345", ""),
    (day_of, "449900", ""),
    (day_of, "08:30", ""),
    (year_of, "44990", "2023"),
    (year_of, "12/3/2023", "2023"),
    (year_of, "2020", "2020"),
    (year_of, "2020.0", "2020"),
    (year_of, "soon", None),
]


@pytest.mark.parametrize(("read", "text", "expected"), TABLE)
def test_what_a_cell_says(read, text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("stated", "birth", "day", "age"),
    [
        ("", "19510203", "20230312", 72),
        ("", "19510313", "20230312", 71),
        ("", "", "20230312", None),
        ("", "20300101", "20230312", None),
        ("", "1950", "20230312", 73),
        ("", "03/02/1951", "12/03/2023", 72),
        ("072Y", "", "", 72),
        ("072Y", "19510203", "20230312", 72),
        ("073Y", "19510203", "20230312", 73),
        ("071Y", "19510203", "20230312", 71),
        ("072Y", "1950", "20230312", 72),
        ("000Y", "19500101", "20230312", None),
        ("003Y", "19500101", "20230312", None),
        ("045Y", "19500101", "20230312", None),
        ("006M", "19500101", "20230312", None),
        ("006M", "20220901", "20230312", 0),
        ("000Y", "20220901", "20230312", 0),
        ("000Y", "", "20230312", None),
        ("045Y", "20300101", "20230312", None),
        ("045Y", "19000101", "20230312", 45),
        ("", "19000101", "20230312", None),
        ("123Y", "", "20230312", None),
        ("123Y", "19500101", "20230312", 73),
        ("1956", "", "20230312", 67),
        ("1956.0", "", "12/03/2023", 67),
        ("05/06/1956", "", "20230312", 66),
        ("1956", "", "", None),
        ("2030", "", "20230312", None),
    ],
)
def test_an_age_by_what_is_stated_and_by_the_birth(stated, birth, day, age):
    assert age_in(stated, birth, day) == age
