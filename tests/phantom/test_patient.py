"""Patients: deterministic, in the proportions of prevalence.yaml, with findings that can lie together."""

from collections import Counter
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.errors import UsageError
from docphim.phantom.patient import LABELS, Patient, labels_of, profiles, sample_patient
from docphim.study import Finding

PAPER = [sample_patient(i, 7, "paper") for i in range(1500)]
DEMO = [sample_patient(i, 7, "demo") for i in range(1500)]


def share(patients: list[Patient], label: str) -> float:
    return mean(labels_of(p.findings)[label] for p in patients)


def correlation(xs: list[float], ys: list[float]) -> float:
    mx, my = mean(xs), mean(ys)
    cov = mean((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    return cov / (mean((x - mx) ** 2 for x in xs) * mean((y - my) ** 2 for y in ys)) ** 0.5


def test_equal_arguments_give_the_same_patient_and_other_ones_another() -> None:
    assert sample_patient(5, 1, "paper") == sample_patient(5, 1, "paper")
    bodies = {sample_patient(i, seed, profile).seed for i in range(20) for seed in (0, 1) for profile in ("paper", "demo")}
    assert len(bodies) == 80


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'papr' is not one of paper, demo"):
        sample_patient(0, 0, "papr")


@pytest.mark.parametrize("profile", ["paper", "demo"])
@given(index=st.integers(0, 10**6), seed=st.integers(0, 10**6))
def test_every_finding_is_one_the_film_can_show(profile: str, index: int, seed: int) -> None:
    patient = sample_patient(index, seed, profile)
    assert patient.sex in "FM" and patient.view in ("PA", "AP") and 20 <= patient.age <= 105
    for f in patient.findings:
        assert {f.name, f"{f.name}_left", f"{f.name}_right"} & set(LABELS)
        assert f.severity in (None, "mild", "moderate", "severe") and f.visible
        sided = f"{f.name}_right" in LABELS
        assert (f.side in ("left", "right", "both")) if sided else f.side in (None, "both")
        if f.name == "rib_fracture":
            rib, arc = (f.zone or "").split("/")
            assert rib in {f"rib{n}" for n in range(3, 10)} and arc in ("anterior", "lateral", "posterior")
        else:
            assert f.zone in (None, "upper", "middle", "lower")
        low, high = {"nodule": (8, 30), "mass": (30.5, 120)}.get(f.name, (0, 0))
        assert (f.size_mm is None) if not high else low <= (f.size_mm or 0) <= high


def test_the_paper_profile_is_old_mostly_normal_and_sometimes_seen_twice() -> None:
    assert 67 <= mean(p.age for p in PAPER) <= 71
    assert 0.10 <= mean(p.view == "AP" for p in PAPER) <= 0.20
    values = [v for p in PAPER for v in labels_of(p.findings).values()]
    assert mean(values) < 0.12
    assert all(share(PAPER, label) > 0 for label in LABELS)
    visits = Counter(p.id for p in PAPER)
    assert set(visits.values()) == {1, 2} and 0.04 <= sum(n == 2 for n in visits.values()) / len(PAPER) <= 0.12


def test_a_second_study_keeps_who_the_patient_is_and_what_is_chronic() -> None:
    chronic = {name for name, how in profiles()["paper"]["findings"].items() if how.get("chronic")}
    pairs = [(a, b) for a, b in pairwise(PAPER) if a.id == b.id]
    assert len(pairs) > 50
    for a, b in pairs:
        assert (a.sex, a.seed != b.seed) == (b.sex, True) and 0 <= b.age - a.age <= 2
        assert {f for f in a.findings if f.name in chronic} <= set(b.findings)


@pytest.mark.parametrize(
    ("more", "given"),
    [
        ("effusion", "cardiomegaly"),
        ("effusion", "consolidation"),
        ("aortic_calcification", "aortic_unfolding"),
        ("pneumothorax", "rib_fracture"),
    ],
)
def test_findings_keep_the_company_they_keep_in_life(more: str, given: str) -> None:
    def has(p: Patient, name: str) -> bool:
        return any(f.name == name for f in p.findings)

    beside = mean(has(p, more) for p in PAPER if has(p, given))
    alone = mean(has(p, more) for p in PAPER if not has(p, given))
    assert beside > 1.5 * alone


def test_a_broken_rib_lets_air_in_on_its_own_side_and_air_and_fluid_never_share_one() -> None:
    same = [
        f.side == next(g.side for g in p.findings if g.name == "rib_fracture")
        for p in PAPER
        for f in p.findings
        if f.name == "pneumothorax" and any(g.name == "rib_fracture" for g in p.findings)
    ]
    assert same and mean(same) > 0.6
    for p in PAPER:
        labels = labels_of(p.findings)
        for side in ("left", "right"):
            assert not (labels[f"pneumothorax_{side}"] and labels[f"effusion_{side}"])


def test_the_demo_has_four_large_findings_each_in_half_the_films() -> None:
    assert {f.name for p in DEMO for f in p.findings} == {"cardiomegaly", "aortic_unfolding", "consolidation", "effusion"}
    assert {f.severity for p in DEMO for f in p.findings} == {"moderate", "severe"}
    assert {p.view for p in DEMO} == {"PA"} and len({p.id for p in DEMO}) == len(DEMO)
    for name in ("cardiomegaly", "aortic_unfolding", "consolidation", "effusion"):
        assert 0.40 <= mean(any(f.name == name for f in p.findings) for p in DEMO) <= 0.50
    for label in ("effusion_left", "effusion_right", "consolidation_left", "consolidation_right"):
        assert 0.18 <= share(DEMO, label) <= 0.28


def test_in_the_demo_nothing_but_the_film_tells_the_findings() -> None:
    known = {"age": [float(p.age) for p in DEMO], "sex": [float(p.sex == "F") for p in DEMO]}
    labels = (
        "cardiomegaly",
        "aortic_unfolding",
        "effusion_left",
        "effusion_right",
        "consolidation_left",
        "consolidation_right",
    )
    columns = {name: [float(labels_of(p.findings)[name]) for p in DEMO] for name in labels}
    for name, column in columns.items():
        others = {**known, **{n: c for n, c in columns.items() if n.rsplit("_", 1)[0] != name.rsplit("_", 1)[0]}}
        assert all(abs(correlation(column, other)) < 0.1 for other in others.values()), name


@pytest.mark.parametrize(
    ("finding", "positive"),
    [
        (Finding("cardiomegaly"), {"cardiomegaly"}),
        (Finding("effusion", "left"), {"effusion_left"}),
        (Finding("effusion", "both"), {"effusion_left", "effusion_right"}),
        (Finding("interstitial", "both"), {"interstitial"}),
        (Finding("nodule", "right", visible=False), set()),
    ],
)
def test_labels_name_every_side_and_only_what_is_visible(finding: Finding, positive: set[str]) -> None:
    labels = labels_of([finding])
    assert list(labels) == list(LABELS)
    assert {name for name, value in labels.items() if value} == positive
