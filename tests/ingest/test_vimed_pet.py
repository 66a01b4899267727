"""ViMed-PET as mirrored: rows joined by the report's path, sections and regions of the JSON, the paper's split, the traps."""

import json

import pytest
from films import Ingested
from hypothesis import given, reject
from hypothesis import strategies as st
from vimed_tree import REGIONS, Tree, report

from docphim.errors import Refused, UsageError
from docphim.imaging.io.locations import Key, Pair, parse
from docphim.ingest import check, fingerprint, vimed_reports, vimed_tables
from docphim.language.normalize import clean
from docphim.language.regions import region_texts
from docphim.language.sections import tidy


def ingested(tmp_path, by_source=True, language="vi", **options):
    return Ingested(tmp_path, kind="vimed_pet", split_by_source=by_source, language=language, **options)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "source")


def test_a_row_becomes_a_study_of_two_volumes_without_units(tmp_path, tree):
    row = tree.add(7)
    tree.write()
    got = ingested(tmp_path)
    (study,) = got.studies
    assert (study["id"], study["patient"], study["sex"], study["date"], study["split"]) == (
        "PETCT2017-THANG_9-day_8_patient_7",
        "2017-patient_7",
        "F",
        "2017",
        "train",
    )
    assert study["body"] == {"height_m": 1.6, "weight_kg": 52.0}
    assert [(s["id"], s["modality"], s["unit"]) for s in study["series"]] == [
        (f"{study['id']}-pet", "pet", "none"),
        (f"{study['id']}-ct", "pet_ct", "HU"),
    ]
    pet, ct = (parse(line["location"]) for line in got.private)
    assert pet == Key(str(tree.root / row["pet_path"]), "data")
    assert ct == Pair(str(Key(str(tree.root / row["ct_path"]), "data")), str(pet))
    assert {line["original_id"] for line in got.private} == {row["report_path"]}


@pytest.mark.parametrize("number", ['"7,2"', "7.2", "7.20", "12"])
def test_a_number_under_a_key_is_text_as_it_is_written(tmp_path, number):
    path = tmp_path / "report.json"
    path.write_text(
        f'{{"Mô tả hình ảnh": {{"Lồng ngực": {{"Nốt phổi phải": "12 mm", "SUVmax": {number}}}}}}}', encoding="utf-8"
    )
    text = vimed_reports.sections(vimed_reports.read(path, "vi"))["findings"]
    assert text == "Lồng ngực: Nốt phổi phải: 12 mm\nSUVmax: " + number.strip('"')


@pytest.mark.parametrize("number", ["NaN", "Infinity", "07", "7,2"])
def test_what_is_no_number_of_json_is_refused(tmp_path, number):
    path = tmp_path / "report.json"
    path.write_text(f'{{"Mô tả hình ảnh": {{"SUVmax": {number}}}}}', encoding="utf-8")
    with pytest.raises(Refused, match="file_unreadable"):
        vimed_reports.read(path, "vi")


def test_the_report_keeps_its_findings_whole_and_each_region_beside_them(tmp_path, tree):
    tree.add(1, said=report(**{"Bệnh sử lâm sàng": "Ho kéo dài.", "Chỉ định": "Đánh giá giai đoạn."}))
    tree.write()
    sections = ingested(tmp_path).studies[0]["report"]["sections"]
    assert sections["findings"] == "\n".join(f"{key}: {text}" for key, text in REGIONS.items())
    names = ("head_neck", "chest", "abdomen_pelvis", "musculoskeletal")
    assert region_texts(sections) == dict(zip(names, REGIONS.values(), strict=True))
    assert (sections["history"], sections["indication"]) == ("Ho kéo dài.", "Đánh giá giai đoạn.")
    assert sections["impression"] == "Theo dõi u phổi phải."


def test_the_english_reports_are_read_where_the_recipe_is_english(tmp_path, tree):
    tree.add(1)
    tree.write()
    sections = ingested(tmp_path, language="en").studies[0]["report"]["sections"]
    assert sections["findings.chest"].startswith("Nodule of the right upper lobe")
    assert sections["findings"].startswith("Head - Neck: No cervical node.")


FLAT = "Đầu - cổ: Không thấy hạch.\nLồng ngực: Nốt phổi phải."
SPELLINGS = {
    "findings as one text": ({"Mô tả hình ảnh": FLAT, "Nhận định kết quả": "U phổi."}, "findings.chest", "Nốt phổi phải."),
    "regions without a heading above": (
        {"Đầu cổ": "Không thấy hạch.", "Lồng ngực": "Nốt phổi phải.", "Kết luận": "U phổi."},
        "findings.chest",
        "Nốt phổi phải.",
    ),
    "capitals, colons, other dashes": (
        {"MÔ TẢ HÌNH ẢNH:": {"Ổ BỤNG – KHUNG CHẬU": "Gan to."}, "KẾT LUẬN:": "Gan to."},
        "findings.abdomen_pelvis",
        "Gan to.",
    ),
    "lists of sentences": ({"Mô tả hình ảnh": {"Ngực": ["Tim to.", "Phổi sáng."]}}, "findings.chest", "Tim to.\nPhổi sáng."),
    "the impression among the findings": (
        {"Mô tả hình ảnh": {"Lồng ngực": "Tim to.", "Kết luận": "Tim to."}},
        "impression",
        "Tim to.",
    ),
    "a diagnosis below the findings": ({"Mô tả": "Tim to.", "Chẩn đoán": "Suy tim."}, "impression", "Suy tim."),
    "a diagnosis above the findings": ({"Chẩn đoán": "Suy tim.", "Mô tả": "Tim to."}, "indication", "Suy tim."),
    "one text without keys": ("Mô tả hình ảnh: Tim to.\nNhận định kết quả: Suy tim.", "impression", "Suy tim."),
    "blanks and letters apart": (
        {"Mô tả hình ảnh": {"Lồng ngực": " Tim  to.\n\n Phổi sáng. "}},
        "findings.chest",
        "Tim to.\nPhổi sáng.",
    ),
}


@pytest.mark.parametrize(("said", "section", "expected"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_other_spellings_of_the_keys_open_the_same_sections(tmp_path, tree, said, section, expected):
    tree.add(1, said=said)
    tree.write()
    assert ingested(tmp_path).studies[0]["report"]["sections"][section] == expected


def test_what_stands_under_an_unknown_key_is_set_aside_and_counted(tmp_path, tree):
    tree.add(1, said=report(**{"Ghi chú nội bộ": "Đã gọi điện."}))
    tree.write()
    got = ingested(tmp_path)
    assert got.studies[0]["report"]["left_out"] == {"unknown_key": ["Ghi chú nội bộ: Đã gọi điện."]}
    assert "Đã gọi điện" not in str(got.studies[0]["report"]["sections"])
    assert got.notes["counts"]["reports_with_unknown_keys"] == 1


def test_an_unknown_part_of_the_findings_stays_in_them(tmp_path, tree):
    tree.add(1, said={"Mô tả hình ảnh": {"Lồng ngực": "Tim to.", "Kết quả khác": "Không."}})
    tree.write()
    sections = ingested(tmp_path).studies[0]["report"]["sections"]
    assert sections["findings"] == "Lồng ngực: Tim to.\nKết quả khác: Không."
    assert region_texts(sections) == {"chest": "Tim to."}


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=30).map(lambda t: tidy(clean(t)))
TEXT = st.one_of(WORDS, st.sampled_from(["Ngực: tim to.", "Kết luận: u phổi.", "SUVmax: 3,1 và 4,5.", "Gan – lách không to"]))


@given(st.dictionaries(st.sampled_from([*REGIONS, "Phần khác"]), TEXT, max_size=5), TEXT)
def test_a_report_is_reassembled_unchanged(regions, impression):
    """Each key with its text, in the order of the file, is the findings; each region has its own text and nothing more."""
    try:
        pieces = list(vimed_reports._of_object({"Mô tả hình ảnh": regions, "Nhận định kết quả": impression}))
    except Refused:
        reject()  # letters of another encoding
    sections = vimed_reports.sections([piece for piece in pieces if piece.text])
    texts = {key: tidied for key, text in regions.items() if (tidied := vimed_reports._text(text))}
    assert sections.get("findings", "") == "\n".join(f"{key}: {text}" for key, text in texts.items())
    known = [texts[key] for key in texts if key in REGIONS]
    if known:
        assert list(region_texts(sections).values()) == known
    assert sections.get("impression", "") == vimed_reports._text(impression)


@pytest.mark.parametrize(
    ("year", "month", "split"),
    [
        (2017, 10, "train"),
        (2017, 11, "val"),
        (2019, 12, "test"),
        (2018, 9, "train"),
        (2018, 10, "val"),
        (2018, 11, "test"),
        (2023, 1, "train"),
        (2023, 10, "val"),
        (2023, 12, "test"),
        (2020, 3, None),
        (2017, 13, None),
    ],
)
def test_the_papers_split_follows_the_month(tmp_path, tree, year, month, split):
    tree.add(1, year, month)
    tree.write()
    assert ingested(tmp_path).studies[0]["split"] == split


def test_no_split_is_given_where_the_recipe_draws_it(tmp_path, tree):
    tree.add(1)
    tree.write()
    assert ingested(tmp_path, by_source=False).studies[0]["split"] is None


def test_names_begin_anew_each_year_and_one_that_comes_twice_in_a_year_is_one_patient(tmp_path, tree):
    tree.add(5, 2017, 9)
    tree.add(5, 2018, 9)
    tree.add(5, 2017, 12)  # the same name and year: the same person, now in another split
    tree.write()
    got = ingested(tmp_path)
    assert [study["patient"] for study in got.studies] == ["2017-patient_5", "2017-patient_5", "2018-patient_5"]
    assert got.notes["counts"]["patients_repeated"] == got.notes["counts"]["patients_in_two_splits"] == 1


def test_a_year_that_its_paths_deny_is_no_year(tmp_path, tree):
    tree.add(5, 2017, 9, year="2018")
    tree.write()
    (study,) = ingested(tmp_path).studies
    assert (study["date"], study["split"], study["patient"]) == (None, None, study["id"])


def test_the_number_of_a_patient_is_no_year(tmp_path, tree):
    tree.add(2018, 2017, 9)
    tree.write()
    (study,) = ingested(tmp_path).studies
    assert (study["date"], study["split"], study["patient"]) == ("2017", "train", "2017-patient_2018")


MEASURES = {
    "as usual": ("1.6", "52.0", {"height_m": 1.6, "weight_kg": 52.0}, None),
    "a small child": ("0.85", "12", {"height_m": 0.85, "weight_kg": 12.0}, None),
    "a decimal comma": ("1,65", "52,5", {"height_m": 1.65, "weight_kg": 52.5}, "decimal_commas"),
    "0.9 m of an adult": ("0.9", "60", None, "height_and_weight_implausible"),
    "centimetres": ("175", "60", {"weight_kg": 60.0}, "height_implausible"),
    "grams": ("1.6", "52000", {"height_m": 1.6}, "weight_implausible"),
    "zero": ("0", "0", None, "weight_implausible"),
    "nothing": ("", "nan", None, None),
    "words": ("1m6", "?", None, "height_implausible"),
}


@pytest.mark.parametrize(("height", "weight", "expected", "counted"), MEASURES.values(), ids=MEASURES.keys())
def test_a_measure_that_cannot_be_a_bodys_is_left_out_and_counted(tmp_path, tree, height, weight, expected, counted):
    tree.add(1, height=height, weight=weight)
    tree.write()
    got = ingested(tmp_path)
    assert got.studies[0].get("body") == expected
    flags = {name for name, n in got.notes["counts"].items() if n and ("implausible" in name or "commas" in name)}
    assert (counted in flags) if counted else not flags


FAULTS = {
    "no report": ({"said": b""}, "report_missing"),
    "no path of a report": ({"report_path": ""}, "report_missing"),
    "no JSON": ({"said": b"{'M"}, "file_unreadable"),
    "not UTF-8": ({"said": json.dumps({"Kết luận": "U phổi."}, ensure_ascii=False).encode("utf-16")}, "file_unreadable"),
    "a list": ({"said": ["Tim to."]}, "report_empty"),
    "no sections": ({"said": {"ho_ten": "x", "ket_noi": "y"}}, "report_headings"),
    "sections without text": ({"said": {"Mô tả hình ảnh": {}, "Nhận định kết quả": "-"}}, "report_empty"),
    "lost letters": ({"said": report(**{"Nhận định kết quả": "Theo d�i u ph�i ph�i, h�ch r�n ph�i"})}, "report_encoding"),
    "no PET": ({"pet_path": "PETCT2017/THANG 9/PET/gone.npz"}, "pet_missing"),
    "no volumes": ({"volumes": False}, "pet_missing"),
    "no CT": ({"ct_path": ""}, "ct_missing"),
    "the CT of another patient": ({"ct_path": "PETCT2017/THANG 9/CT/day_3_patient_9.npz"}, "study_mixed_patients"),
    "two texts under one key": ({"said": '{"Mô tả": {"Ngực": "Nốt.", "Ngực": "Tim to."}}'.encode()}, "file_unreadable"),
    "a path that leads out": ({"pet_path": "../../secret.npz"}, "unsafe_path"),
    "an absolute path": ({"report_path": "/etc/hostname"}, "unsafe_path"),
}


@pytest.mark.parametrize(("changes", "reason"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_wrong_costs_its_study_and_no_other(tmp_path, tree, changes, reason):
    tree.add(1)
    tree.add(2, **changes)
    tree.write()
    got = ingested(tmp_path)
    assert len(got.studies) == 1 and got.reasons == [reason]


def test_a_report_without_an_impression_is_kept_for_the_findings(tmp_path, tree):
    tree.add(1, said=report(**{"Nhận định kết quả": None}))
    tree.add(2, said={"Nhận định kết quả": "Theo dõi u phổi."})
    tree.write()
    sections = [study["report"]["sections"] for study in ingested(tmp_path).studies]
    assert ["impression" in s for s in sections] == [False, True] and ["findings" in s for s in sections] == [True, False]


def test_rows_that_differ_about_one_report_and_studies_of_one_pet_are_refused(tmp_path, tree):
    first = tree.add(1)
    tree.rows.append({**first, "sex": "M", "weight": "80"})
    tree.add(2)
    tree.add(3, pet_path=tree.rows[-1]["pet_path"])
    tree.add(4)
    tree.rows.append(dict(tree.rows[-1]))  # the very same row once more
    tree.write()
    got = ingested(tmp_path)
    assert [study["patient"] for study in got.studies] == ["2017-patient_4"]
    assert got.reasons == ["report_ambiguous", "report_duplicate", "report_duplicate"]
    assert got.notes["counts"]["rows_repeated"] == 1


def test_a_ct_that_two_studies_name_is_of_neither(tmp_path, tree):
    tree.add(1)
    first = tree.add(2, name="patient_2")
    tree.add(3, ct_path=first["ct_path"].replace("/", "\\"))
    tree.write()
    got = ingested(tmp_path)
    assert [study["patient"] for study in got.studies] == ["2017-patient_1"]
    assert got.reasons == ["report_duplicate", "report_duplicate"]
    assert len(ingested(tmp_path / "alone", path=str(tree.root), ct=False).studies) == 3


def test_a_decimal_comma_that_breaks_its_row_costs_that_row(tmp_path, tree):
    tree.add(1)
    tree.add(2)
    table = tree.write() / "metadata.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("patient_2,M,1.6,", "patient_2,M,1,6,"), encoding="utf-8")
    got = ingested(tmp_path)
    assert len(got.studies) == 1 and got.reasons == ["row_unreadable"]


def test_comparisons_are_kept_unless_the_recipe_leaves_them_out(tmp_path, tree):
    tree.add(1, said=report(**{"Lồng ngực": "Nốt phổi phải 12 mm. So với phim cũ: nốt to hơn."}))
    tree.write()
    kept = ingested(tmp_path / "a", path=str(tree.root))
    assert "So với phim cũ" in kept.studies[0]["report"]["sections"]["findings"]
    left = ingested(tmp_path / "b", path=str(tree.root), comparisons="leave_out").studies[0]["report"]
    assert left["sections"]["findings.chest"] == "Nốt phổi phải 12 mm."
    assert "So với" not in left["sections"]["findings"] and left["left_out"]["comparison"] == ["So với phim cũ: nốt to hơn."]


def test_people_are_taken_out_where_the_recipe_says_so(tmp_path, tree):
    tree.add(1, said=report(**{"Lồng ngực": "Bệnh nhân Lê Thị Hoa, nốt phổi phải 12 mm."}))
    tree.write()
    got = ingested(tmp_path, deidentify=True)
    assert "Hoa" not in json.dumps(got.studies, ensure_ascii=False) and got.notes["counts"]["people_names"]


def test_pet_alone_is_read_without_asking_for_a_ct(tmp_path, tree):
    tree.add(1, ct_path="")
    tree.write(tuple(c for c in tree.rows[0] if c != "ct_path"))
    assert [s["modality"] for s in ingested(tmp_path, ct=False).studies[0]["series"]] == ["pet"]


def test_a_folder_or_table_that_is_not_there_is_named(tmp_path, tree):
    with pytest.raises(Refused, match=r"file_missing: source\.path"):
        ingested(tmp_path, path=str(tmp_path / "gone"))
    tree.add(1)
    tree.write(("name", "pet_path", "ct_path"))
    with pytest.raises(UsageError, match=r"metadata\.csv has no column report_path"):
        ingested(tmp_path)
    (tree.root / "metadata.csv").unlink()
    with pytest.raises(Refused, match=r"no metadata\.csv lies there"):
        ingested(tmp_path)


def test_the_key_follows_the_files_that_the_table_names(tmp_path, tree):
    tree.add(1)
    options = check("vimed_pet", {"path": str(tree.write())})
    first = fingerprint("vimed_pet", {"path": str(tree.root)})
    (tree.root / "README.md").write_text("beside")
    assert fingerprint("vimed_pet", {"path": str(tree.root)}) == first and options.needs == {"ct": "pet_ct"}
    (tree.root / tree.rows[0]["report_path"]).write_text(json.dumps(report(**{"Lồng ngực": "Tim to."})))
    assert fingerprint("vimed_pet", {"path": str(tree.root)}) != first


@given(st.text(max_size=12))
def test_a_number_is_read_with_a_point_or_a_comma_or_not_at_all(cell):
    value = vimed_tables.number(cell)
    assert value is None or (value == float(cell.replace(",", ".")) and 0 <= value < 1000)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("day_8_patient_8.json", "study_mixed_patients"), ("day_8_patient_07.json", None), ("report.json", None)],
)
def test_a_report_of_another_patient_than_the_pet_s_is_refused(tmp_path, tree, name, reason):
    tree.add(9)
    row = tree.add(7)
    folder, _, old = row["report_path"].rpartition("/")
    (tree.root / folder / old).rename(tree.root / folder / name)
    tree.rows[1]["report_path"] = f"{folder}/{name}"
    tree.write()
    got = ingested(tmp_path)
    assert [line["reason"] for line in got.rejected] == ([reason] if reason else [])
