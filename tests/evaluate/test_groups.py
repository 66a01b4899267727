"""Scores of parts of the studies: by operation, contrast and number of findings, each with what another's image costs."""

import functools

import pytest

from docphim.evaluate.by_study import System
from docphim.evaluate.groups import Case, by_group, findings, operated, phase
from docphim.language.facts import facts
from docphim.language.technique import phase_of
from docphim.metrics.measure import measure, scored
from docphim.metrics.pairs import Pairs
from docphim.study import Prediction, Report, Study

TECHNIQUES = [
    ("Non-contrast images were taken in the axial plane with a section thickness of 1.5 mm.", "native"),
    ("1.5 mm thick sections were taken before and after IV contrast agent administration.", "contrast"),
    ("Before IV contrast material was given, axial plane images were taken.", "native"),
    ("Contrast-enhanced CT of the thorax in the portal venous phase.", "contrast"),
    ("HRCT, supine and prone, no contrast medium was administered.", "native"),
    ("CT pulmonary angiography after 60 ml of iohexol.", "contrast"),
    ("Sections were taken with a multidetector CT scanner; IV contrast material was not given.", "native"),
    ("Plain CT of the thorax.", "native"),
    ("MDCT, contrast: none.", "native"),
    ("Axial sections of 3 mm thickness were taken.", None),
    ("Chụp CLVT lồng ngực trước và sau tiêm thuốc cản quang tĩnh mạch.", "contrast"),
    ("CLVT ngực liều thấp, không thuốc.", "native"),
    ("CHỤP CLVT NGỰC KHÔNG CẢN QUANG", "native"),
    ("Tiêm 80 ml Ultravist 300 qua tĩnh mạch, tốc độ 3 ml/s.", "contrast"),
    ("Chụp cắt lớp vi tính ngực, độ dày 1 mm, cửa sổ phổi và trung thất.", None),
    ("CT chest, contrast not used.", "native"),
    ("The patient refused contrast.", "native"),
    ("Contrast medium was not administered.", "native"),
    ("IV contrast declined by the patient.", "native"),
    ("Oral contrast was not used; IV contrast was given.", "contrast"),
    ("Bệnh nhân từ chối tiêm thuốc cản quang.", "native"),
    ("Cản quang: không.", "native"),
    ("Chụp trước tiêm.", "native"),
    ("Thuốc cản quang không được sử dụng.", "native"),
    ("Intravenous contrast withheld because of renal failure.", "native"),
    ("Chụp trước và sau tiêm thuốc.", "contrast"),
    ("Chống chỉ định thuốc cản quang.", "native"),
    ("Contrast agent was injected at 3 ml/s.", "contrast"),
    ("No IV contrast.", "native"),
]


@pytest.mark.parametrize(("technique", "expected"), TECHNIQUES)
def test_a_technique_says_whether_contrast_was_given(technique, expected):
    assert phase_of(technique) == expected


def case(report="", technique="", truth=None, series=(), label_set="ct_rate"):
    study = Study("s", "p", None, None, None, [], Report("en", {"technique": technique}), None, None, "test", truth)
    return Case(study, series, facts(report, "en"), label_set)


@pytest.mark.parametrize(
    ("of", "group", "expected"),
    [
        (operated, case("Sternotomy wires. Heart size is normal."), "yes"),
        (operated, case("No surgical clips. Heart size is normal."), "no"),
        (operated, case("Postoperative changes in the right upper lobe."), "yes"),
        (operated, case("Sternotomy wires.", truth={"post_operative": False}), "no"),
        (phase, case(technique="Plain CT."), "native"),
        (phase, case(technique="Plain CT.", series=[{"how": {"series": {"phase": "contrast"}}}]), "contrast"),
        (phase, case(truth={"phase": "venous"}, series=[{"how": {"series": {"phase": "unknown"}}}]), "contrast"),
        (phase, case(series=[{}]), None),
        (findings, case("Lungs are clear."), "0"),
        (findings, case("Pleural effusion on the right. Cardiomegaly. Emphysema."), "3-5"),
        (findings, case("Cardiomegaly.", label_set=None), None),
    ],
)
def test_each_case_is_of_one_group_or_none(of, group, expected):
    assert of(group) == expected


def system(name, references, texts):
    measured = measure(
        Pairs(references, texts, "en"), [f"p{i}" for i in range(len(texts))], resamples=100, seed=1, names=["rouge"]
    )
    rows = enumerate(zip(texts, references, strict=True))
    drafts = [
        Prediction(f"e{i}", 0, "none", name, None, f"s{i}", f"p{i}", "findings", text, reference, "stop", "m")
        for i, (text, reference) in rows
    ]
    return System(name, measured, drafts)


def test_groups_have_the_scores_of_their_own_reports_and_what_another_image_costs_them():
    references = ["Cardiomegaly.", "Sternotomy wires."] * 20
    right = [text if i % 2 else "Emphysema." for i, text in enumerate(references)]
    cases = {f"e{i}": case(text) for i, text in enumerate(references)}
    score = functools.partial(scored, resamples=100, seed=1)
    groups = by_group(cases, system("own", references, right), system("other", references, ["Emphysema."] * 40), score)
    assert list(groups) == ["operated"], "no phase is known, and all have one finding"
    scores = {group: table["rougeL"] for group, table in groups["operated"].items()}
    assert {group: (s.value, s.n, s.drop.value) for group, s in scores.items()} == {"no": (0, 20, 0), "yes": (100, 20, 100)}
    assert by_group(dict(list(cases.items())[:8]), system("own", references, right), None, score) == {}, (
        "too few for two groups"
    )
