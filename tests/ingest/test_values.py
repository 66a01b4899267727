"""What cells and headers say of age, sex, view, split and date."""

import pytest

from docphim.ingest.values import age_between, age_of, day_of, sex_of, split_of, view_of, year_of

TABLE = [
    (age_of, "72", 72),
    (age_of, "72.0", 72),
    (age_of, "072Y", 72),
    (age_of, "72 tuổi", 72),
    (age_of, "006M", 0),
    (age_of, "030M", 2),
    (age_of, "5 tháng", 0),
    (age_of, "010D", 0),
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
    ("birth", "day", "age"),
    [("19510203", "20230312", 72), ("19510313", "20230312", 71), ("", "20230312", None), ("20300101", "20230312", None)],
)
def test_age_from_two_dates(birth, day, age):
    assert age_between(birth, day) == age
