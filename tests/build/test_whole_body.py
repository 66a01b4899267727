"""The table of PET: volumes and pairs, values only where there is a unit, how reports speak of uptake, percentiles."""

import numpy as np
import pytest

from docphim.build.stats_text import tables
from docphim.build.whole_body import spread, whole_body
from docphim.language.facts import facts


def row(study, modality, unit="SUV", slices=10, **how):
    spacing = [3.0, 4.0, 4.0] if unit != "none" else None
    return {"study": study, "modality": modality, "unit": unit, "shape": [slices, 8, 8], "spacing": spacing, "how": how}


def syllables(text):
    return len(text.split())


def table(index, *texts):
    read = [{name: facts(text, "vi") for name, text in report.items()} for report in texts]
    return whole_body(index, texts, syllables, read)


INDEX = [
    row("a", "pet", slices=10, suv_max=4.5, uptake_minutes=61.0),
    row("a", "pet_ct", unit="HU"),
    row("b", "pet", slices=30, suv_max=66.52),
]


def test_slices_with_a_ct_are_pairs_and_values_are_those_of_the_volumes():
    of = table(INDEX, {"findings": "Nốt phổi."})
    assert (of["volumes"], of["units"], of["slices"]) == ({"pet": 2, "pet_ct": 1}, {"SUV": 2}, {"all": 40, "pairs": 10})
    assert (of["suv_max"]["n"], of["suv_max"]["max"], of["uptake_minutes"]["n"]) == (2, 66.52, 1)
    assert (of["slices_a_study"]["p50"], of["step_mm"]["p50"]) == (20, 3)


def test_of_a_pet_without_a_unit_nothing_is_said_in_suv_or_mm():
    of = table([row("a", "pet", unit="none", suv_max=12000)], {"findings": "Nốt phổi."})
    assert of["units"] == {"none": 1} and of["step_mm"] is None and of["suv_max"] is None
    assert of["slices_a_study"]["n"] == 1


def test_films_have_no_table_of_pet():
    assert table([row("a", "xray", unit="display")], {"findings": "Tim to."}) is None


SPOKEN = {
    "increased": ("Nốt phổi phải tăng chuyển hóa FDG (SUVmax: 6,2).", {"present": 1}, [6.2]),
    "by its grade": ("Hạch trung thất tăng nhẹ chuyển hóa FDG.", {"mild": 1}, []),
    "denied": ("Không thấy tổn thương tăng chuyển hóa FDG bất thường.", {"absent": 1}, []),
    "physiologic": ("Tăng chuyển hóa FDG sinh lý ở não.", {"physiologic": 1}, []),
    "once a report": (
        "Nốt phổi phải tăng chuyển hóa FDG. Khối gan tăng chuyển hóa FDG, SUVmax 7,5. Hạch cổ phải SUVmax 3,1.",
        {"present": 1},
        [7.5, 3.1],
    ),
    "not at all": ("Tim không to.", {}, []),
}


@pytest.mark.parametrize(("text", "uptake", "stated"), SPOKEN.values(), ids=SPOKEN)
def test_reports_are_counted_by_how_they_speak_of_uptake(text, uptake, stated):
    of = table(INDEX, {"findings": text, "impression": "Nốt phổi phải tăng chuyển hóa FDG, SUVmax 6,2."})
    assert of["uptake"] == uptake
    assert of["suv_a_report"]["max"] == len(stated)
    assert (of["suv_stated"] or {"n": 0})["n"] == len(stated) and (of["suv_stated"] or {"max": 0})["max"] == max(
        stated, default=0
    )


def test_an_impression_counts_where_there_are_no_findings():
    assert table(INDEX, {"impression": "U phổi phải, SUVmax 6,2."})["suv_a_report"]["max"] == 1


def test_lengths_are_counted_by_section_with_percentiles():
    of = table(INDEX, *({"findings": "a " * n, "findings.chest": "a"} for n in range(1, 102)))
    assert of["lengths"]["findings"] == {"n": 101, "min": 1, "p5": 6, "p50": 51, "p95": 96, "max": 101, "mean": 51}
    assert of["lengths"]["findings.chest"]["n"] == 101


def test_without_a_lexicon_reports_are_not_read():
    of = whole_body(INDEX, [{"findings": "x"}], syllables, None)
    assert of["uptake"] is of["suv_a_report"] is of["suv_stated"] is None and of["lengths"]


def test_a_spread_of_nothing_is_none_and_of_numbers_is_numpys():
    assert spread([]) is spread([None]) is None
    numbers = [3.0, 1.0, 10.0, 4.0]
    of = spread([*numbers, None])
    assert (of["n"], of["p5"], of["mean"]) == (4, round(float(np.percentile(numbers, 5)), 2), 4.5)


def test_the_terminal_shows_the_table_of_pet():
    nothing = {"anatomy": None, "studies": {"train": 2}, "sexes": {}, "lengths": {}, "ages": {"min": None, "unknown": 2}}
    stats = nothing | {"duplicates": {}, "leaks": {}, "pet": table(INDEX, {"findings": SPOKEN["increased"][0]})}
    text = tables(stats, "vi")
    assert "2 PET (2 in SUV), 1 CT; 40 slices, 10 of them with the CT's" in text
    assert "SUVmax stated" in text and "reports by how they speak of uptake: present 1" in text
    bare = stats | {"pet": table([row("a", "pet", unit="none")], {"findings": "Nốt phổi."})}
    assert "1 PET (1 without a unit), 0 CT" in tables(bare, "vi") and "step, mm" not in tables(bare, "vi")
