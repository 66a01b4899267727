"""stats: a dataset's tables from phantom reports, with a contradiction and duplicates planted, and as text for people."""

import numpy as np
import pytest

from docphim.build import build
from docphim.build.stats import dataset_stats
from docphim.build.stats_text import named, tables
from docphim.errors import UsageError
from docphim.files import read_json, read_jsonl, write_jsonl
from docphim.language.terms import term
from docphim.phantom.patient import sample_patient
from docphim.phantom.reports import compose
from docphim.study import Report, Series, Study, to_row

SETTINGS = {
    "tasks": ["findings"],
    "prompts": "docphim",
    "split_by": "source",
    "fractions": (0.6, 0.2, 0.2),
    "seed": 0,
    "settings": {"xray": {}},
}
FLAT = {"findings": "Bóng tim không to.", "impression": "Hiện tại chưa thấy bất thường."}


def study(n, sections=None, split="train", age=60, sex="F", language="vi", pixels=None):
    report = Report(language, FLAT if sections is None else sections)
    series = [Series(f"f{n:03}", "xray", f"prepared/{pixels or n}.b2nd", view="PA")]
    return Study(f"s{n:03}", f"p{n:03}", sex, age, None, series, report, None, split, "test")


def made(folder, studies, language="vi"):
    """A built dataset of these studies, without films: the index says what their pixels are."""
    write_jsonl(folder / "studies.jsonl", map(to_row, studies))
    index = [
        {"study": s.id, "series": f.id, "modality": f.modality, "path": f.path, "view": f.view, "sha256": f.path}
        for s in studies
        for f in s.series
    ]
    write_jsonl(folder / "prepared" / "index.jsonl", index)
    np.save(folder / "prepared" / "thumbs-xray.npy", np.random.default_rng(0).random((len(index), 32, 32), np.float32))
    build(folder, language=language, **SETTINGS)
    return read_json(folder / "stats.json")


def phantoms(count, language="vi"):
    for n in range(count):
        patient = sample_patient(n, 21, "paper")
        sections = compose(patient, patient.findings, None, language, n)
        split = ("train", "train", "val", "test")[n % 4]
        yield study(n, sections, split, age=patient.age, sex=patient.sex, language=language)


@pytest.mark.parametrize(
    ("language", "side", "polarity"),
    [
        ("vi", ("Tràn dịch màng phổi phải.", "Tràn dịch màng phổi trái."), ("Bóng tim to.", "Bóng tim không to.")),
        ("en", ("Right pleural effusion.", "Left pleural effusion."), ("Cardiomegaly.", "The heart is not enlarged.")),
    ],
)
def test_planted_contradictions_are_the_only_ones_found_among_phantoms(tmp_path, language, side, polarity):
    planted = [
        study(900 + n, dict(zip(("findings", "impression"), said, strict=True)), "test", language=language)
        for n, said in enumerate((side, polarity))
    ]
    found = made(tmp_path, [*phantoms(40, language), *planted], language)["contradictions"]
    assert (found["side"], found["polarity"]) == (1, 1)
    assert [(row["study"], row["split"], row["kind"]) for row in found["studies"]] == [
        ("s900", "test", "side"),
        ("s901", "test", "polarity"),
    ]
    assert [found["studies"][0][section] + "." for section in ("findings", "impression")] == list(side)


def test_lengths_are_told_by_split_and_section_in_syllables(tmp_path):
    found = made(
        tmp_path,
        [
            study(0, {"findings": "Bóng tim to.", "impression": ""}),
            study(1, {"findings": "Bóng tim không to, phổi sáng.", "impression": "Bình thường."}),
            study(2, split="test"),
        ],
    )
    assert found["lengths"]["train"] == {
        "findings": {"syllables": {"min": 3, "mean": 4.5, "max": 6}, "words": None, "reports": 2},
        "impression": {"syllables": {"min": 2, "mean": 2.0, "max": 2}, "words": None, "reports": 1},
    }
    assert list(found["lengths"]) == ["train", "test"] and found["studies"] == {"train": 2, "val": 0, "test": 1}


def test_ages_go_by_decades_and_what_is_unknown_is_counted(tmp_path):
    people = [(61, "F"), (69, "M"), (82, None), (None, "M"), (101, "F")]
    found = made(tmp_path, [study(n, age=age, sex=sex) for n, (age, sex) in enumerate(people)])
    assert found["ages"]["histogram"] == [[60, 2], [70, 0], [80, 1], [90, 0], [100, 1]]
    assert {key: found["ages"][key] for key in ("min", "mean", "max", "unknown")} == {
        "min": 61,
        "mean": 78.25,
        "max": 101,
        "unknown": 1,
    }
    assert found["sexes"] == {"F": 2, "M": 2, "unknown": 1}


def test_without_ages_there_is_no_mean(tmp_path):
    found = made(tmp_path, [study(0, age=None), study(1, age=None)])
    assert found["ages"] == {"histogram": [], "min": None, "mean": None, "max": None, "unknown": 2}
    assert "age: unknown of 2" in tables(found, "vi")


def test_anatomy_and_diagnoses_count_reports_each_once_and_not_what_is_denied_or_doubted(tmp_path):
    texts = [
        ("Tràn dịch màng phổi phải lượng vừa. Bóng tim to.", "Tràn dịch màng phổi phải. Bóng tim to."),
        ("Tràn dịch màng phổi trái lượng vừa. Gãy xương sườn V bên phải.", "Theo dõi viêm phổi."),
        ("Không thấy tràn dịch màng phổi. Bóng tim không to.", "Không loại trừ lao phổi. Tràn dịch màng ngoài tim."),
    ]
    found = made(tmp_path, [study(n, {"findings": f, "impression": i}) for n, (f, i) in enumerate(texts)])
    counted = dict(found["anatomy"])
    assert counted["pleura"] == 3 and counted["heart"] == 2 and counted["rib"] == 1
    assert found["diagnoses"] == [
        ["effusion", "moderate", 2],
        ["heart/enlarged", None, 1],
        ["pericardium/effusion", None, 1],
        ["pneumonia", None, 1],
        ["rib/fracture", None, 1],
    ]


def test_equal_reports_and_pixels_are_grouped_and_those_across_splits_counted_apart(tmp_path):
    same = {"findings": "Bóng tim to.", "impression": "Tim to."}
    studies = [
        study(0, same),
        study(1, {"findings": " BÓNG tim  to.", "impression": "Tim to."}),
        study(2, same, "test", pixels="x"),
        study(3, {"findings": "Phổi sáng."}, pixels="x"),
        study(4, {"findings": "Tim đều."}),
        study(5, {"findings": "Tim đều."}),
    ]
    found = made(tmp_path, studies)
    assert found["duplicates"]["report"] == {
        "groups": 2,
        "studies": 5,
        "largest": 3,
        "across_splits": {"groups": 1, "studies": 3},
    }
    assert found["duplicates"]["pixels"] == {
        "groups": 1,
        "studies": 2,
        "largest": 2,
        "across_splits": {"groups": 1, "studies": 2},
    }
    assert found["leaks"]["report"] == {"groups": 1, "studies": 3} and found["leaks"]["similar"] == {"pairs": 0}


def test_a_language_without_a_lexicon_leaves_the_facts_out(tmp_path):
    made(tmp_path, list(phantoms(4)))
    found = dataset_stats(tmp_path, "zh")
    assert found["anatomy"] is found["diagnoses"] is found["contradictions"] is None
    assert found["lengths"]["train"]["findings"]["reports"] == 2
    assert "no lexicon for zh" in tables(found, "zh")


def test_words_are_counted_on_demand(tmp_path):
    pytest.importorskip("underthesea")
    made(tmp_path, list(phantoms(4)))
    row = dataset_stats(tmp_path, "vi", words=True)["lengths"]["train"]["findings"]
    assert 0 < row["words"]["mean"] < row["syllables"]["mean"]
    with pytest.raises(UsageError, match="is for vi"):
        dataset_stats(tmp_path, "en", words=True)


def test_the_same_dataset_gives_the_same_bytes(tmp_path):
    made(tmp_path, list(phantoms(30)))
    before = (tmp_path / "stats.json").read_bytes()
    made(tmp_path, list(phantoms(30)))
    assert (tmp_path / "stats.json").read_bytes() == before


@pytest.mark.parametrize("language", ["vi", "en"])
def test_tables_fit_a_hundred_columns_and_name_things_in_the_reports_language(tmp_path, language):
    found = made(tmp_path, list(phantoms(40, language)), language)
    row = {"split": "train", "kind": "side", "findings": "…", "impression": "…"}
    rows = [{"study": f"{n:016x}", **row} for n in range(20)]
    found["contradictions"] = {"side": 12, "polarity": 8, "studies": rows}
    for row in found["lengths"]["train"].values():
        row["words"] = row["syllables"]
    lines = tables(found, language).splitlines()
    assert max(map(len, lines)) <= 100 and all(line == line.rstrip() for line in lines)
    heart = next(line for line in lines if line.endswith("  heart"))
    assert heart.startswith({"vi": "tim ", "en": "heart "}[language])
    assert "  and 10 more; --json shows what the first of them say" in lines


@pytest.mark.parametrize(
    ("language", "name", "said"),
    [
        ("vi", "effusion", "tràn dịch"),
        ("vi", "pericardium/effusion", "tràn dịch màng ngoài tim"),
        ("vi", "heart/enlarged", "tim to"),
        ("vi", "rib/fracture", "gãy xương sườn"),
        ("en", "heart/enlarged", "enlarged heart"),
        ("en", "rib/fracture", "rib fracture"),
        ("zh", "rib/fracture", "rib/fracture"),
    ],
)
def test_a_diagnosis_is_named_in_the_order_of_the_language(language, name, said):
    assert named(name, language) == said


def test_a_concept_without_words_keeps_its_name():
    assert term("no_such_thing", "anatomy", "vi") == "no such thing"
    assert term("costophrenic_angle", "anatomy", "vi") == "góc sườn hoành"
    assert term("opacified", "states", "vi") == "mờ", "a word that means a state of certain anatomy only"
    assert term("opacified", "findings", "vi") == "opacified"


def test_volumes_have_a_table_of_their_own_and_what_is_said_by_habit_is_counted(tmp_path):
    assert "volumes" not in made(tmp_path / "films", [study(n) for n in range(4)])
    rare = {"findings": "Nốt mờ đỉnh phổi phải.", "impression": "Hiện tại chưa thấy bất thường."}
    studies = [study(n, rare if n == 0 else None, ("train", "val", "test")[n % 3]) for n in range(6)]
    made(tmp_path, studies)
    index = list(read_jsonl(tmp_path / "prepared" / "index.jsonl"))
    for n, row in enumerate(index):
        quality = {"hu": {"50": -700}, "air": 0.3, "lungs_litres": 1.0 + n, "lungs_share": 0.2, "lungs_cut": ["top"] * (n < 2)}
        row["how"] = {"shape": [40 + n, 512, 512], "spacing": [1.25, 0.7, 0.7], "quality": quality}
        row["how"] |= {"kernel": "B30f"} if n else {}
    write_jsonl(tmp_path / "prepared" / "index.jsonl", index)
    stats = dataset_stats(tmp_path, "vi")
    volumes = stats["volumes"]
    assert (volumes["kernels"], volumes["lungs_cut"]) == ({"B30f": 5, "unknown": 1}, {"top": 2})
    assert volumes["lungs_litres"] == {"min": 1.0, "mean": 3.5, "max": 6.0}
    assert [row["shape"][0] for row in volumes["each"]] == [40, 41, 42, 43, 44, 45]
    # five times 4 and six times 6 syllables of habit, and 5 that are said once
    assert volumes["often"] == round((5 * 4 + 6 * 6) / (5 * 4 + 6 * 6 + 5), 3)
    text = tables(stats, "vi")
    assert (
        "6 volumes; kernels: B30f 5, unknown 1\nlungs cut off: top 2" in text
        and "said five times or more: 92% of the text" in text
    )
