"""The phantom's PET/CT: uptake in SUV, lesions as set, two scans of one body, headers that give SUV back, reports of it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from docphim.files import read_json
from docphim.imaging.io import series
from docphim.imaging.io.locations import Pair, SeriesFiles, parse
from docphim.imaging.units import measured
from docphim.ingest import phantom_pet
from docphim.ingest.phantom import Options
from docphim.language.labels import label_names, read_labels
from docphim.language.lesions import lesions_of
from docphim.phantom.body import make_body
from docphim.phantom.patient import Patient, profile_of, sample_patient
from docphim.phantom.pet import emission, transmission, truth
from docphim.phantom.pet.emission import Emission
from docphim.phantom.pet.lesions import Placed, sites
from docphim.phantom.pet.places import places
from docphim.phantom.pet.reports import REGIONS, compose, template
from docphim.phantom.pet.space import beds, ct_space, pet_space
from docphim.phantom.pet.study import Taken, landmarks, take
from docphim.phantom.pet.tissues import uptake
from docphim.phantom.pet.transmission import Transmission
from docphim.phantom.reports import LANGUAGES
from docphim.study import Finding, Lesion, from_row, to_row

SIZE, STEP, FIELD = 72, 8.0, 500.0
OPTIONS: dict[str, Any] = {
    "seed": 5,
    "profile": "pet_demo",
    "size": 64,
    "step_mm": 10.0,
    "ct_size": None,
    "field_mm": 480.0,
    "bed_seams": True,
    "with_ct": True,
    "masks": True,
}


def patient(*findings: Finding, seed: int = 5, sex: str = "M") -> Patient:
    return Patient("PT000001", sex, 60, "AP", seed, findings)  # type: ignore[arg-type]


@functools.cache
def emitted(*findings: Finding, sex: str = "M", seed: int = 5, arms: str = "up", warm: bool = True) -> Emission:
    who = patient(*findings, sex=sex, seed=seed)
    body = make_body(who)
    grid = pet_space(who, body, SIZE, STEP, FIELD, True)
    return emission.scan(who, body, grid, places(who, body, "pet_paper"), arms, warm)


@functools.cache
def transmitted(*findings: Finding, sex: str = "M", seed: int = 5, arms: str = "up") -> Transmission:
    who = patient(*findings, sex=sex, seed=seed)
    body = make_body(who)
    grid = ct_space(who, body, SIZE, STEP, FIELD)
    return transmission.scan(who, body, grid, places(who, body, "pet_paper"), arms)


def around(volume: np.ndarray, space: Any, x: float, y: float, z: float) -> float:
    """Median around a place in standard millimetres."""
    k, j, i = (int(np.abs(axis - v).argmin()) for axis, v in ((space.z, z), (space.y, y), (space.x, x)))
    return float(np.median(volume[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2]))


@pytest.mark.parametrize(
    ("what", "place", "low", "high"),
    [
        ("liver", (-85, 0, 285), 1.65, 2.8),
        ("lung", (-85, 10, 130), 0.3, 0.7),
        ("blood", (14, -36, 200), 1.2, 2.1),
        ("spleen", (96, -42, 280), 1.2, 2.7),
        ("bladder", (0, 27, 522), 6, 60),
        ("muscle of the thigh", (70, -20, 700), 0.4, 0.95),
        ("fat of the flank", (158, 0, 420), 0.1, 0.62),
        ("beside the body", (0, 140, 100), 0, 0.12),
    ],
)
@pytest.mark.parametrize("seed", [5, 6])
def test_tissues_take_up_what_they_usually_do(
    what: str, place: tuple[float, float, float], low: float, high: float, seed: int
) -> None:
    made = emitted(seed=seed)
    assert low <= around(made.volume, made.space, *place) <= high


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_the_brain_is_the_brightest_organ_but_for_urine(seed: int) -> None:
    made = emitted(seed=seed)
    space = made.space
    z, y, x = np.ix_(space.z, space.y, space.x)
    brain = (x / 64) ** 2 + ((y - 6) / 84) ** 2 + ((z + 196) / 66) ** 2 < 0.9
    assert 7 < made.volume[brain].mean() < 12


def test_uptake_differs_between_patients_within_its_bounds() -> None:
    drawn = [uptake(patient(seed=seed)) for seed in range(60)]
    bounds = {"brain": (8, 12), "liver": (1.9, 2.6), "blood": (1.45, 2), "myocardium": (1.5, 10), "bladder": (10, 60)}
    for tissue, (low, high) in bounds.items():
        values = [one[tissue] for one in drawn]
        assert low <= min(values) < max(values) <= high and np.std(values) > 0.02 * np.mean(values)
    assert all(one["spleen"] <= one["liver"] for one in drawn)


@pytest.mark.parametrize(
    ("place", "low", "high"),
    [
        ((-85, 10, 130), -950, -700),
        ((-85, 0, 285), 40, 75),
        ((40, 30, -215), 20, 50),
        ((118, -2, 660), 150, 900),
        ((70, -20, 700), 35, 70),
        ((0, 140, 100), -1024, -950),
    ],
    ids=["lung", "liver", "brain", "femur", "muscle", "air"],
)
def test_the_ct_has_the_same_organs_in_hounsfield_units(place: tuple[float, float, float], low: float, high: float) -> None:
    made = transmitted()
    assert low <= around(made.volume, made.space, *place) <= high


def test_landmarks_are_where_the_scan_has_them() -> None:
    made = scanned(1)
    at = landmarks(made)
    assert list(at.values()) == sorted(at.values())
    volume = made.emission.clean
    hot = int(volume[at["dome"] :].max(axis=(1, 2)).argmax()) + at["dome"]
    assert abs(hot - at["bladder"]) <= 2
    middle = volume[:, :, volume.shape[2] // 2].max(axis=1)
    assert middle[at["crotch"] - 2] > 0.3 > middle[at["crotch"] + 2]


@pytest.mark.parametrize("arms", ["up", "down"])
@pytest.mark.parametrize("sex", ["M", "F"])
def test_both_scans_show_one_outline(arms: str, sex: str) -> None:
    pet, ct = emitted(sex=sex, arms=arms), transmitted(sex=sex, arms=arms)
    a, b = pet.clean > 0.12, ct.volume > -300
    inside = np.maximum.accumulate(b, axis=2) & np.maximum.accumulate(b[:, :, ::-1], axis=2)[:, :, ::-1]  # lungs filled
    shared = 2 * (a & inside).sum() / (a.sum() + inside.sum())
    assert pet.volume.shape == ct.volume.shape and shared > 0.9


def test_the_body_lies_as_the_affine_says() -> None:
    made = emitted()
    assert made.space.affine[0, 0] > 0 and made.space.affine[1, 1] > 0 and made.space.affine[2, 2] < 0
    middle = SIZE // 2
    height = int(np.abs(made.space.z - 290).argmin())
    liver = made.volume[height] > 1.7
    assert liver[:, :middle].sum() > 1.3 * liver[:, middle:].sum()  # the patient's right is in the first columns
    assert made.volume[:8].max() > 6 and made.volume[-8:].max() < 4  # the brain comes first
    bladder = made.volume[int(np.abs(made.space.z - 522).argmin())]
    rows = np.argwhere(bladder > bladder.max() / 2)[:, 0]
    body = np.flatnonzero((bladder > 0.3).any(axis=1))
    assert rows.mean() < body.mean()  # the bladder lies in front, in the first rows


def test_arms_lie_above_the_head_or_beside_the_body() -> None:
    up, down = emitted(arms="up"), emitted(arms="down")
    x = np.abs(up.space.x)
    head, belly = (int(np.abs(up.space.z - z).argmin()) for z in (-150, 330))
    beside = x > 175
    assert up.clean[head][:, beside].max() > 0.4 > down.clean[head][:, beside].max()
    assert down.clean[belly][:, x > 195].max() > 0.4 > up.clean[belly][:, x > 195].max()


def test_brown_fat_takes_up_fdg_where_it_is_told() -> None:
    warm, cold = emitted(warm=True), emitted(warm=False)
    height = int(np.abs(warm.space.z + 18).argmin())
    assert cold.clean[height].max() > 1.8 * warm.clean[height].max()


def test_a_patient_with_brown_fat_is_scanned_with_it() -> None:
    made = take(10, 9, "pet_paper", size=64, step_mm=12.0, field_mm=500.0, ct=False)
    space = made.emission.space
    beside = np.abs(np.abs(space.x) - 60) < 20
    shoulders = made.emission.clean[np.abs(space.z + 18) < 14][:, :, beside]
    assert made.signs == {"brown_fat"} and shoulders.max() > 1.8


def lesion(name: str, severity: str = "high", side: str | None = "left", size: float = 36) -> Finding:
    zones = profile_of("pet_paper")["findings"][name].get("zone", {None: 1})
    sided = "side" in profile_of("pet_paper")["findings"][name]
    return Finding(name, side if sided else None, next(iter(zones)), severity, size)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "side"), [(name, ("left", "right")[n % 2]) for n, name in enumerate(sites())])
def test_a_lesion_has_the_suvmax_that_was_set_in_its_mask_on_its_side(name: str, side: str) -> None:
    made = emitted(lesion(name, side=side))
    first = made.lesions[0]
    assert first.mask is not None and first.seen
    here = tuple(slice(a, a + n) for a, n in zip(first.first, first.mask.shape, strict=True))
    assert first.suv_max == pytest.approx(first.target, rel=0.02) or first.suv_max > first.target > first.around
    assert made.clean[here][first.mask].max() == pytest.approx(first.suv_max, abs=1e-4)
    assert made.volume[here][first.mask].max() == pytest.approx(first.suv_max, abs=1e-4)
    columns = np.argwhere(first.mask)[:, 2] + first.first[2]
    if first.finding.side:
        assert (made.space.x[columns].mean() > 0) == (side == "left")


@pytest.mark.parametrize("name", ["lung_nodule", "lung_mass", "liver_lesion", "thigh_mass"])
def test_the_ct_shows_a_lesion_where_the_pet_has_it(name: str) -> None:
    finding = lesion(name, size=48)
    made = emitted(finding)
    place = made.lesions[0].centre
    ct, bare = transmitted(finding), transmitted()
    assert abs(around(ct.volume, ct.space, *place) - sites()[name]["hu"]) < 25
    assert abs(around(bare.volume, bare.space, *place) - sites()[name]["hu"]) > (10 if name != "thigh_mass" else -1)


def test_a_lesion_without_uptake_is_seen_on_ct_alone_and_has_no_suv() -> None:
    made = emitted(lesion("lung_nodule", "none", size=24))
    first = made.lesions[0]
    assert first.target is None and first.suv_max < 1.2 and first.seen
    assert truth.record([first])["suv"] == [] and truth.record([first])["uptake"] == "none"


def test_small_lesions_lose_signal_to_the_blur_but_not_their_suvmax() -> None:
    made = emitted(lesion("lung_nodule", size=7))
    first = made.lesions[0]
    assert first.suv_max == pytest.approx(first.target, rel=0.02)
    z, y, x = (int(v) for v in np.argwhere(made.clean == np.float32(first.suv_max))[0])
    assert made.clean[z, y, x + 2] < 0.7 * first.suv_max


@pytest.mark.parametrize("seams", [True, False])
def test_steps_are_uneven_where_beds_meet(seams: bool) -> None:
    who = patient()
    body = make_body(who)
    space = pet_space(who, body, 64, 3.27, None, seams)
    steps = np.round(np.diff(space.z.astype(float)) * body.scale[2], 2)
    values, counts = np.unique(steps, return_counts=True)
    met = int(beds(space.z.size, 3.27)[-1])
    assert values.tolist() == ([3.19, 3.27, 3.29] if seams else [3.27])
    assert not seams or (counts[0] == 1 and counts[2] == met - 1)


@functools.cache
def scanned(index: int) -> Taken:
    return take(index, 5, "pet_demo", size=64, step_mm=10.0, field_mm=480.0)


def by_scanner(scanner: str) -> int:
    return next(i for i in range(20) if scanned(i).visit.scanner == scanner and scanned(i).emission.lesions)


def files(folder: Path) -> SeriesFiles:
    return SeriesFiles(str(folder), tuple(sorted(p.name for p in folder.iterdir())))


@pytest.mark.parametrize(("scanner", "rule"), [("siemens", "series_time"), ("ge", "ge_private")])
def test_written_headers_give_the_suv_back(scanner: str, rule: str, tmp_path: Path) -> None:
    index = by_scanner(scanner)
    phantom_pet.write(tmp_path / "PH", index, **OPTIONS)
    made, place = scanned(index), files(tmp_path / "PH" / "pet")
    answer = measured.measure(place)
    assert answer["rule"] == rule and answer["flags"] == [] and answer["other_rules"] == {}
    assert answer["factor"] == pytest.approx(made.visit.factor, rel=1e-6) and 55 <= answer["uptake_minutes"] <= 75
    assert answer["balance"] == "checked" and 0.6 <= answer["suv_mean"] <= 1.2
    assert abs(answer["litres"] / made.visit.weight - 0.88) < 0.06  # what lies below the thighs is not in view
    volume = measured.volume(place).array
    step = made.emission.volume.max(axis=(1, 2), keepdims=True) / 32767
    assert np.all(np.abs(volume - made.emission.volume) <= 0.51 * step + 1e-5)
    headers = [dcmread(path, stop_before_pixels=True) for path in place.paths]
    assert len({str(h.RescaleSlope) for h in headers}) > len(headers) // 2
    assert len({h.SOPInstanceUID for h in headers}) == len({h.ImageIndex for h in headers}) == len(headers)
    known = read_json(tmp_path / "PH" / "truth.json")
    for row, one in zip(known["lesions"], made.emission.lesions, strict=True):
        assert one.mask is not None
        here = volume[tuple(slice(a, a + n) for a, n in zip(one.first, one.mask.shape, strict=True))]
        assert here[one.mask].max() == pytest.approx(row["suv_max"], abs=float(step.max()))
        assert (tmp_path / "PH" / f"mask.{row['mask']}.nii.gz").exists()


def test_both_series_are_of_one_study_and_place(tmp_path: Path) -> None:
    phantom_pet.write(tmp_path / "PH", 0, **OPTIONS | {"ct_size": 96})
    pet, ct = ([dcmread(p) for p in files(tmp_path / "PH" / kind).paths] for kind in ("pet", "ct"))
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "StudyDate"):
        assert len({getattr(h, keyword) for h in pet + ct}) == 1
    assert {h.SeriesInstanceUID for h in pet}.isdisjoint({h.SeriesInstanceUID for h in ct})
    assert {h.Modality for h in pet} == {"PT"} and {h.Modality for h in ct} == {"CT"}
    assert {h.PatientSize for h in pet} == {h.PatientSize for h in ct} and pet[0].PatientWeight > 30
    whole = series.read(files(tmp_path / "PH" / "ct"))
    made = take(0, 5, "pet_demo", size=64, step_mm=10.0, field_mm=480.0, ct_size=96).transmission
    assert made is not None and np.array_equal(whole.array, made.volume)


def shown(profile: str, index: int, seed: int = 3) -> tuple[Patient, list[Placed]]:
    """A patient with lesions as if the scan had shown them all, at the SUVmax they were to have."""
    who = sample_patient(index, seed, profile)
    one = np.ones((1, 1, 1), bool)
    placed = places(who, make_body(who), profile)
    return who, [replace(p, suv_max=p.target or 0.8, around=1.0, mask=one) for p in placed]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", ["pet_demo", "pet_paper"])
def test_reports_are_read_as_the_truth_they_were_written_from(language: str, profile: str) -> None:
    for index in range(12):
        who, lesions = shown(profile, index)
        labels = truth.labels_of(lesions)
        for text in compose(who, lesions, language, index, profile).values():
            read = read_labels(text, language, "phantom_pet")
            assert {name: int(state in ("positive", "uncertain")) for name, state in read.items()} == labels, text


#: What a record holds besides its text and the nature, which stands in the impression.
STATED = ("type", "organ", "side", "location", "station", "extent", "count", "size_mm", "size_of", "size_relation", "shape")


@pytest.mark.parametrize("language", LANGUAGES)
def test_findings_are_read_as_the_records_they_were_written_from(language: str) -> None:
    for index in range(14):
        who, lesions = shown("pet_paper", index)
        text = compose(who, lesions, language, index, "pet_paper")["findings"]
        read = [to_row(one) for one in lesions_of(text, language)]
        for record in (truth.record(group) for group in truth.kinds(lesions)):
            keys = (*STATED, "suv", "uptake", "invasion", "change")
            assert {key: record[key] for key in keys} in [{key: one[key] for key in keys} for one in read], text


def test_a_record_has_the_fields_of_the_noun() -> None:
    _, lesions = shown("pet_paper", 5)
    assert all(from_row(Lesion, truth.record(group)).v == 1 for group in truth.kinds(lesions))


def test_what_the_scan_does_not_show_goes_unsaid() -> None:
    who, lesions = shown("pet_demo", 1)
    hidden = [replace(p, suv_max=0.5, around=1.0, mask=np.zeros((1, 1, 1), bool)) for p in lesions]
    assert lesions and not any(truth.labels_of(hidden).values()) and truth.labels_of(lesions) != truth.labels_of(hidden)
    assert compose(who, hidden, "vi", 0, "pet_demo") == compose(who, [], "vi", 0, "pet_demo")
    assert not any(f.visible for f in truth.findings_of(who.findings, hidden))


@pytest.mark.parametrize("language", LANGUAGES)
def test_reports_state_sizes_and_suvmax_as_measured_region_by_region(language: str) -> None:
    for index in range(8):
        who, lesions = shown("pet_paper", index)
        findings = compose(who, lesions, language, 0, "pet_paper")["findings"]
        assert len(findings.split("\n")) == len(REGIONS)
        for group in truth.kinds(lesions):
            record, region = truth.record(group), sites()[group[0].site]["region"]
            line = findings.split("\n")[REGIONS.index(region)]
            for suv in record["suv"]:
                assert str(suv["high"]).replace(".", template(language)["words"]["decimal"]) in line
            assert all(str(mm) in line for mm in record["size_mm"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_profile_that_measures_nothing_states_no_number_and_is_read_as_the_same_lesions(language: str) -> None:
    for index in range(8):
        who, lesions = shown("pet_demo", index)
        text = compose(who, lesions, language, 0, "pet_demo")["findings"]
        assert not any(char.isdigit() for char in text) and "SUV" not in text and " mm" not in text
        assert not any(mark in text for mark in "[]{}") and "  " not in text and " ," not in text
        keys = [key for key in (*STATED, "uptake", "invasion", "change") if not key.startswith("size")]
        read = [to_row(one) for one in lesions_of(text, language)]
        for record in map(truth.record, truth.kinds(lesions)):
            assert {key: record[key] for key in keys} in [{key: one[key] for key in keys} for one in read], text


def test_reports_are_as_long_as_real_ones_and_short_for_the_demo() -> None:
    counts = {p: [len(" ".join(compose(*shown(p, i), "vi", 0, p).values()).split()) for i in range(40)] for p in PROFILES}
    assert 320 < np.mean(counts["pet_paper"]) < 430 and np.mean(counts["pet_demo"]) < 170


PROFILES = ("pet_paper", "pet_demo")


def test_another_seed_words_the_same_truth_otherwise_and_signs_are_stated() -> None:
    who, lesions = shown("pet_paper", 2)
    first, again, other = (compose(who, lesions, "vi", seed, "pet_paper") for seed in (0, 0, 1))
    assert first == again != other
    cold = compose(who, [], "vi", 0, "pet_paper", frozenset({"brown_fat"}))
    assert "mỡ nâu" in cold["findings"].lower() and "mỡ nâu" not in str(first).lower()


def test_tables_agree() -> None:
    assert set(truth.names()) == set(label_names("phantom_pet")) and set(truth.names().values()) == set(REGIONS)
    for language in LANGUAGES:
        words = template(language)
        assert set(words["sites"]) == set(words["impression"]["order"]) == set(sites())
        assert set(words["headings"]) == set(words["normal"]) == set(REGIONS)
        named = {name for rows in words["normal"].values() for row in rows for name in row.get("unless", ())}
        assert named <= set(sites())
    for profile in PROFILES:
        for name, how in profile_of(profile)["findings"].items():
            zones = sites()[name].get("at", sites()[name].get("vertebra", {}))
            assert set(how.get("zone", {})) <= set(zones) or sites()[name].get("lung")
            assert {s for s in how["severity"] if s != "none"} == set(how["suv"])


def test_demo_findings_are_common_and_independent() -> None:
    drawn = [sample_patient(i, 1, "pet_demo") for i in range(400)]
    names = list(profile_of("pet_demo")["findings"])
    table = np.array([[any(f.name == name for f in who.findings) for name in names] for who in drawn], float)
    assert np.all(np.abs(table.mean(axis=0) - 0.46) < 0.08)
    assert np.abs(np.corrcoef(table.T) - np.eye(len(names))).max() < 0.15


def test_a_written_study_is_read_as_two_series_of_one_patient(tmp_path: Path) -> None:
    phantom_pet.write(tmp_path / "PH000003", 3, **OPTIONS)
    item: Any = phantom_pet.study(tmp_path / "PH000003", "vi")
    pet, ct = item.study.series
    assert (pet.id, pet.modality, pet.unit) == ("PH000003-pet", "pet", "SUV")
    assert (ct.id, ct.modality, ct.unit) == ("PH000003-ct", "pet_ct", "HU")
    pair = parse(item.locations[ct.id])
    assert isinstance(pair, Pair) and pair.grid == item.locations[pet.id] and "/ct" in pair.volume and "/pet" in pair.grid
    assert {f"findings.{region}" for region in REGIONS} <= set(item.study.report.sections)
    known = item.study.truth
    assert known["label_set"] == "phantom_pet" and set(known["regions"]) == set(REGIONS)
    assert {name for row in known["regions"].values() for name in row} == set(known["labels"])
    assert len(known["records"]) == sum(f["visible"] for f in known["findings"])
    (tmp_path / "PH000003" / "truth.json").unlink()
    assert phantom_pet.study(tmp_path / "PH000003", "vi").reason == "file_unreadable"  # type: ignore[union-attr]


def test_a_pet_alone_is_one_series(tmp_path: Path) -> None:
    phantom_pet.write(tmp_path / "PH", 1, **OPTIONS | {"with_ct": False, "masks": False})
    item: Any = phantom_pet.study(tmp_path / "PH", "en")
    assert [s.modality for s in item.study.series] == ["pet"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"modality": "pet", "profile": "ct_demo"}, "profile"),
        ({"modality": "ct", "profile": "pet_demo"}, "profile"),
        ({"modality": "pet", "profile": "pet_demo", "size": 900}, "size"),
    ],
)
def test_options_that_do_not_go_together_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**keys)


def test_a_pet_is_smaller_than_a_film_where_nothing_is_told() -> None:
    options = Options(modality="pet", profile="pet_paper")
    assert (options.size, options.step_mm) == (200, 3.27)
