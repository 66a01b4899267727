"""The phantom's CT: tissues in HU, the body the right way round, lesions where truth says, files that read back as written."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from pydicom import dcmread
from scipy import ndimage

from docphim.imaging.io import nifti, series
from docphim.language.labels import label_names, read_labels
from docphim.phantom.body import make_body
from docphim.phantom.ct import space
from docphim.phantom.ct.names import CT_RATE, SIDED, ct_rate_labels, truth_labels, truth_names
from docphim.phantom.ct.places import places
from docphim.phantom.ct.scan import Scan, scan
from docphim.phantom.ct.write import write_nifti, write_series
from docphim.phantom.film import grids, render, rng_of
from docphim.phantom.patient import Patient, sample_patient
from docphim.phantom.reports import LANGUAGES, compose, template
from docphim.study import Finding

SIZE, STEP = 112, 6.0


def patient(*findings: Finding, seed: int = 5, sex: str = "M") -> Patient:
    return Patient("PT000001", sex, 60, "PA", seed, findings)  # type: ignore[arg-type]


@functools.cache
def taken(*findings: Finding, sex: str = "M", phase: str = "native", kernel: str = "smooth") -> Scan:
    return scan(patient(*findings, sex=sex), SIZE, STEP, phase=phase, kernel=kernel, masks=True)


def at(made: Scan, x: float, y: float, z: float, sex: str = "M") -> float:
    """Median HU around a place in standard millimetres."""
    scale = make_body(patient(sex=sex)).scale
    voxel = np.linalg.inv(made.affine) @ [x * scale[0], -y * scale[1], -z * scale[2], 1]
    i, j, k = (round(v) for v in voxel[:3])
    return float(np.median(made.volume[k, j - 1 : j + 2, i - 1 : i + 2]))


@pytest.mark.parametrize(
    ("what", "place", "low", "high"),
    [
        ("trachea", (-1, -4, 30), -1050, -880),
        ("right lung", (-85, 20, 150), -900, -780),
        ("left lung", (85, -30, 130), -900, -780),
        ("liver", (-80, 10, 285), 45, 70),
        ("aorta", (15, -37, 150), 30, 52),
        ("heart", (20, 20, 190), 32, 60),
        ("vertebra", (0, -62, 161), 110, 420),
        ("air in front", (0, 150, 150), -1050, -960),
    ],
)
def test_tissues_have_their_hounsfield_units(what: str, place: tuple[float, float, float], low: float, high: float) -> None:
    assert low <= at(taken(), *place) <= high


@pytest.mark.parametrize("kernel", ["smooth", "sharp"])
def test_a_sharp_kernel_is_noisier(kernel: str) -> None:
    noise = taken(kernel=kernel).volume[10:40, 2:12, 2:20].std()
    assert (noise > 10) == (kernel == "sharp") and noise > 3


@pytest.mark.parametrize(("phase", "low", "high"), [("native", 30, 52), ("arterial", 280, 380), ("venous", 130, 190)])
def test_contrast_changes_what_blood_measures(phase: str, low: float, high: float) -> None:
    assert low <= at(taken(phase=phase), 15, -37, 150) <= high


def test_the_body_lies_as_the_affine_says() -> None:
    made = taken(sex="F")
    solid = made.volume > -300
    middle = made.volume.shape[2] // 2
    lungs = [k for k in range(len(solid)) if (made.volume[k, 30:80, 20:90] < -700).mean() > 0.3]
    assert lungs[0] < len(solid) / 4  # the top comes first
    bottom = made.volume[-2, 35:75]
    assert (bottom[:, :middle] > 40).sum() > 1.3 * (bottom[:, middle:] > 40).sum()  # the liver in the columns of the right
    breasts = solid[lungs[len(lungs) // 2]].any(axis=1).argmax()
    assert breasts < solid[4].any(axis=1).argmax()  # which lie in front, in the first rows
    heart = made.volume[int(0.65 * len(solid)), 25:60]
    assert (heart[:, middle:] > 0).sum() > 1.2 * (heart[:, :middle] > 0).sum()  # the apex to the left
    assert made.affine[0, 0] > 0 and made.affine[1, 1] > 0 and made.affine[2, 2] < 0


#: What a lesion is made of: the median of its voxels, HU.
INSIDE = {
    "effusion": (0, 20),
    "consolidation": (0, 60),
    "ground_glass": (-700, -300),
    "nodule": (-200, 60),
    "mass": (10, 50),
    "emphysema": (-1024, -950),
    "atelectasis": (10, 70),
    "pericardial_effusion": (-10, 30),
    "lymphadenopathy": (20, 60),
    "mosaic": (-800, -550),
    "hiatal_hernia": (-990, 60),
    "fibrosis": (-780, 60),
    "bronchiectasis": (-1000, -300),
    "coronary_calcification": (130, 3071),
    "aortic_calcification": (130, 3071),
    "sternal_wires": (60, 3071),
    "central_line": (130, 3071),
    "chest_drain": (-500, 500),
}
SIDES = {name: ("right", "left") if name in (*SIDED, "chest_drain") else (None,) for name in INSIDE}


@pytest.mark.parametrize(("name", "side"), [(name, side) for name, sides in SIDES.items() for side in sides])
def test_a_lesion_is_made_of_its_tissue_and_lies_on_its_side(name: str, side: Literal["right", "left"] | None) -> None:
    size = {"nodule": 18.0, "mass": 45.0, "lymphadenopathy": 24.0}.get(name)
    zone = {"atelectasis": "lower", "fibrosis": "upper", "bronchiectasis": "lower"}.get(name, "upper")
    made = taken(Finding(name, side, zone, "severe", size))
    key = f"{name}_{side}" if side else name
    mask, (lesion,) = made.masks[key], made.lesions
    low, high = INSIDE[name]
    assert low <= np.median(made.volume[mask]) <= high
    assert all(f.visible for f in made.findings) and mask.shape == made.volume.shape
    assert lesion["z_mm"][1] <= lesion["center_mm"][2] <= lesion["z_mm"][0]
    assert lesion["slices"] == [int(i) for i in np.flatnonzero(mask.any(axis=(1, 2)))[[0, -1]]]
    if side:
        columns = np.nonzero(mask)[2] - (made.volume.shape[2] - 1) / 2
        assert ((columns < 3) if side == "right" else (columns > -3)).mean() > 0.98
        assert (lesion["center_mm"][0] > 0) == (side == "left")


def test_a_lesion_lies_where_the_film_has_it() -> None:
    who = patient(Finding("nodule", "right", "middle", None, 20.0), Finding("consolidation", "left", "upper", "severe"))
    body = make_body(who)
    nodule, patch = places(who, body)
    film = render(who, 512)
    coarse, _, _, doublings = grids(body, 512, rng_of(who, "film"))
    assert doublings == 0
    for lesion, name in ((nodule, "nodule_right"), (patch, "consolidation_left")):
        top, left, bottom, right = film.masks[name]
        assert float(coarse.x[0, (left + right) // 2]) == pytest.approx(lesion.centre[0], abs=9)
        assert float(coarse.z[(top + bottom) // 2, 0]) == pytest.approx(lesion.centre[2], abs=9)


def test_a_nodule_measures_what_truth_says_and_a_small_one_may_lie_between_slices() -> None:
    found = Finding("nodule", "left", "upper", None, 24.0)
    made = scan(patient(found), 160, 3.0, masks=True)
    voxels = made.masks["nodule_left"].sum() * np.prod(made.spacing)
    assert (6 * voxels / np.pi) ** (1 / 3) == pytest.approx(24, abs=2)
    small = Finding("nodule", "left", "upper", None, 3.0)
    assert not all(scan(patient(small, seed=seed), 64, 12.0).findings[0].visible for seed in range(4))


def test_what_lies_in_fluid_is_not_stated_and_no_vessel_runs_there() -> None:
    fluid, small = Finding("effusion", "right", None, "severe"), Finding("nodule", "right", "lower", None, 16.0)
    alone = [scan(patient(small, seed=seed), SIZE, 8.0).findings[0].visible for seed in range(4)]
    beside = [scan(patient(fluid, small, seed=seed), SIZE, 8.0).findings[1].visible for seed in range(4)]
    assert all(alone) and not all(beside)
    native, venous = taken(fluid), taken(fluid, phase="venous")
    inside = ndimage.binary_erosion(native.masks["effusion_right"], np.ones((1, 3, 3)))
    enhanced = np.abs(venous.volume[inside].astype(int) - native.volume[inside]) > 5
    assert inside.sum() > 5000 and enhanced.mean() < 0.003


def test_the_same_patient_is_the_same_on_every_grid_and_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    who = sample_patient(4, 3, "ct_paper")
    one, fine = scan(who, 64, 8.0), scan(who, 112, 5.0)
    monkeypatch.setattr(space, "SLAB", 9000)  # however many slices are painted at once
    two = scan(who, 64, 8.0)
    assert (one.volume == two.volume).all() and one.lesions == two.lesions
    middles = {row["name"]: row["center_mm"] for row in one.lesions}
    for row in fine.lesions:
        if row["name"] in middles and row["lobe"]:
            assert np.abs(np.subtract(row["center_mm"], middles[row["name"]])).max() < 9


@pytest.mark.parametrize("phase", ["native", "venous"])
def test_a_series_reads_back_as_it_was_scanned(phase: str, tmp_path: Path) -> None:
    who = sample_patient(1, 2, "ct_paper")  # whose number, 000001, looks like the number of a slice
    made = scan(who, 64, 9.0, phase=phase)
    write_series(tmp_path, made, who)
    paths = sorted(tmp_path.iterdir())
    volume = series.read(paths)
    assert (volume.array == made.volume).all() and volume.unit == "HU"
    assert np.allclose(volume.affine, made.affine, atol=1e-3) and np.allclose(volume.spacing, made.spacing, atol=1e-5)
    headers = [dcmread(path, stop_before_pixels=True) for path in paths]
    assert len({h.SOPInstanceUID for h in headers}) == len(headers) == len(made.volume)
    assert all(h.file_meta.MediaStorageSOPInstanceUID == h.SOPInstanceUID for h in headers)
    assert {str(h.PatientID) for h in headers} == {who.id} and [int(h.InstanceNumber) for h in headers] != sorted(
        int(h.InstanceNumber) for h in headers
    )
    assert all(("ContrastBolusAgent" in h) == (phase == "venous") for h in headers)


def test_a_nifti_file_reads_back_as_it_was_scanned(tmp_path: Path) -> None:
    made = scan(patient(), 64, 9.0)
    write_nifti(tmp_path / "ct.nii.gz", made.volume, made.affine)
    volume = nifti.read(tmp_path / "ct.nii.gz")
    assert (volume.array == made.volume).all() and volume.affine is not None
    assert np.allclose(volume.affine, made.affine, atol=1e-3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_has_its_words_and_its_region_an_order(language: str) -> None:
    words = template(language, "ct")
    assert set(words["findings"]) == set(words["impression"]["findings"]) == set(words["impression"]["order"]) == set(CT_RATE)
    regions = {entry["region"] for part in ("findings", "normal") for entry in words[part].values()}
    assert all(regions == set(order) for order in words["orders"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", ["ct_paper", "ct_demo", "paper"])
def test_reports_are_read_as_the_truth_they_were_written_from(language: str, profile: str) -> None:
    labels = label_names("ct_rate")
    for index in range(12):
        who = sample_patient(index, 31, profile)
        shown = [f for n, f in enumerate(who.findings) if n != 1]
        hidden = [Finding(f.name, f.side, f.zone, f.severity, f.size_mm, visible=False) for f in who.findings[1:2]]
        truth = truth_labels(shown)
        for text in compose(who, [*shown, *hidden], None, language, index, profile, "ct").values():
            read = read_labels(text, language, "ct_rate")
            asked = ct_rate_labels({f.name for f in shown}, labels)
            assert {name: int(state == "positive") for name, state in read.items()} == asked, text
            named = read_labels(text, language, "phantom_ct")
            assert {name: int(named[name] in ("positive", "uncertain")) for name in truth} == truth, text


def test_truth_has_a_name_for_every_finding_and_side() -> None:
    assert set(truth_names()) == set(label_names("phantom_ct"))
    assert set(CT_RATE.values()) - {None} == set(label_names("ct_rate"))
    both = truth_labels([Finding("effusion", "both"), Finding("emphysema"), Finding("nodule", "left", visible=False)])
    assert [name for name, value in both.items() if value] == ["emphysema", "effusion_right", "effusion_left"]
