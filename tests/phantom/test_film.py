"""The phantom's film: laterality, measures, findings and determinism."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from docphim.phantom import anatomy
from docphim.phantom.body import CTR, TABLES, make_body, rng_of
from docphim.phantom.film import Rendered, compose, develop, grids, measure_ctr, render
from docphim.phantom.lesions import Scene, effects
from docphim.phantom.patient import Patient
from docphim.study import Finding

SIZE = 256


def patient(*findings: Finding, seed: int = 5, sex: str = "M", view: str = "PA", age: int = 66) -> Patient:
    return Patient("p", sex, age, view, seed, findings)  # type: ignore[arg-type]


def fields(who: Patient, size: int = SIZE):
    body = make_body(who)
    coarse, _, _, _ = grids(body, size, rng_of(who, "film"))
    return body, coarse, anatomy.project(body, coarse)


def shot(*findings: Finding, **who) -> Rendered:
    return render(patient(*findings, **who), SIZE)


def halves(film: Rendered, top: float, bottom: float) -> tuple[float, float]:
    """Mean grey of the patient's right and left lung field between two shares of the film's height."""
    h, w = film.pixels.shape
    rows = film.pixels[int(top * h) : int(bottom * h)].astype(float)
    return rows[:, int(0.2 * w) : int(0.42 * w)].mean(), rows[:, int(0.58 * w) : int(0.8 * w)].mean()


@pytest.mark.parametrize("name", TABLES)
def test_no_border_of_an_organ_zigzags(name):
    heights, values = TABLES[name]
    steps = [step for step in np.sign(np.diff(values)) if step]
    assert (np.diff(heights) > 0).all() and (np.diff(steps) != 0).sum() <= 2


@pytest.mark.parametrize("sex", ["F", "M"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_apex_arch_and_stomach_lie_on_the_viewers_right_and_the_right_dome_is_higher(sex: str, seed: int) -> None:
    body, grid, soft = fields(patient(seed=seed, sex=sex))
    heart = np.flatnonzero((soft.core[grid.rows(115, body.dome_left)] > 1).any(axis=0))
    middle = int(np.abs(grid.x[0]).argmin())
    assert heart[-1] - middle > 1.3 * (middle - heart[0])
    knob_x, knob_z, _ = anatomy.knob_place(body)
    right, left = (soft.air[grid.window(s * knob_x - 3, s * knob_x + 3, knob_z - 4, knob_z + 4).at].mean() for s in (-1, 1))
    assert left < 0.85 * right
    gas = grid.window(60, 72, body.dome_left + 16, body.dome_left + 22).at
    mirror = grid.window(-72, -60, body.dome_left + 16, body.dome_left + 22).at
    pixels = develop(soft.line, rng_of(patient(seed=seed), "x")).astype(float)
    assert pixels[gas].mean() < 0.8 * pixels[mirror].mean()
    assert body.dome_right < body.dome_left


@pytest.mark.parametrize("severity", ["mild", "moderate", "severe", None])
@pytest.mark.parametrize("seed", range(4))
def test_the_ratio_measured_on_the_film_is_that_of_the_severity(severity: str | None, seed: int) -> None:
    found = () if severity is None else (Finding("cardiomegaly", severity=severity),)
    film = shot(*found, seed=seed, sex="FM"[seed % 2])
    low, high = {None: (0.35, 0.4999), "mild": (0.50, 0.55), "moderate": (0.55, 0.64), "severe": (0.63, 0.75)}[severity]
    assert low <= film.ctr <= high
    assert CTR[severity][0] - 0.01 <= film.ctr <= CTR[severity][1] + 0.01
    assert all(f.visible for f in film.findings)


def test_an_ap_film_has_no_ratio() -> None:
    assert shot(view="AP").ctr is None


def test_the_ratio_is_measured_and_not_copied() -> None:
    body, grid, soft = fields(patient())
    wide = anatomy.Soft(soft.line, soft.air, soft.right, soft.left, np.ones_like(soft.core) * 9)
    assert measure_ctr(body, wide, grid) > measure_ctr(body, soft, grid)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("severity", ["moderate", "severe"])
def test_an_effusion_whitens_the_base_of_its_own_side(side: str, severity: str) -> None:
    with_, without = shot(Finding("effusion", side, None, severity)), shot()
    changed = dict(zip(("right", "left"), np.subtract(halves(with_, 0.62, 0.72), halves(without, 0.62, 0.72)), strict=True))
    other = "left" if side == "right" else "right"
    assert changed[side] > 500 + changed[other]


def test_more_fluid_is_more_white_and_only_much_fluid_shifts_the_heart() -> None:
    white, shift = [], []
    for severity in ("mild", "moderate", "severe"):
        who = patient(Finding("effusion", "right", None, severity))
        white.append(halves(render(who, SIZE), 0.2, 0.75)[0])
        shift.append(make_body(who).shift)
    assert white == sorted(white) and white[2] > white[0] + 300
    assert shift[0] == shift[1] == 0 < shift[2]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(("zone", "top", "bottom"), [("upper", 0.2, 0.36), ("lower", 0.52, 0.68)])
def test_a_consolidation_is_denser_than_its_mirror_image(side: str, zone: str, top: float, bottom: float) -> None:
    film, plain = shot(Finding("consolidation", side, zone, "severe")), shot()
    right, left = np.subtract(halves(film, top, bottom), halves(plain, top, bottom))
    assert (right > left + 250) == (side == "right")
    assert abs(right - left) > 250


def test_beyond_the_pleural_line_there_is_air_and_no_vessel() -> None:
    who = patient(Finding("pneumothorax", "left", None, "severe"), seed=9)
    body, grid, soft = fields(who)
    scene = Scene(body, grid, grid, soft, np.ones(grid.shape, np.float32), rng_of(who, "lesions"))
    found = effects(scene, who.findings)
    # two films that differ in nothing but the vessels
    one, two = (compose(scene, found, 0, np.random.default_rng(seed)) for seed in (1, 2))
    vessels = np.abs(one - two)[found[0].at]
    path = soft.left[found[0].at] > 20
    beyond, inside = ndimage.binary_erosion(found[0].fade > 0.99, iterations=2) & path, (found[0].fade < 0.01) & path
    assert beyond.sum() > 1500 and inside.sum() > 1500
    assert vessels[beyond].max() < 1e-3 < vessels[inside].mean()
    assert (found[0].delta[beyond] < 0).all()


def test_what_lies_in_fluid_is_hidden_in_whatever_order_the_findings_are_named() -> None:
    fluid, dense = Finding("effusion", "right", None, "severe"), Finding("consolidation", "right", "lower", "severe")
    one, other = shot(fluid, dense), shot(dense, fluid)
    assert (one.pixels == other.pixels).all()


@pytest.mark.parametrize("size", [9.0, 20.0, 45.0])
def test_a_nodule_has_its_diameter_on_the_film(size: float) -> None:
    name = "nodule" if size <= 30 else "mass"
    who = patient(Finding(name, "right", "middle", None, size))
    film = render(who, 512)
    top, left, bottom, right = film.masks[f"{name}_right"]
    assert (bottom - top) * film.spacing[0] == pytest.approx(size, rel=0.2, abs=2.0)
    assert (top + bottom) / 2 > 0 and (left + right) / 2 < 0.5 * film.pixels.shape[1]


@pytest.mark.parametrize(
    ("finding", "size", "visible"),
    [
        (Finding("nodule", "left", "middle", None, 25.0), 512, True),
        (Finding("nodule", "left", "middle", None, 8.0), 64, False),
        (Finding("aortic_unfolding", severity="severe"), 112, True),
        (Finding("rib_fracture", "left", "rib6/posterior", "severe"), 512, True),
        (Finding("rib_fracture", "left", "rib6/posterior", "mild"), 64, False),
        (Finding("interstitial", "both", None, "severe"), 512, True),
        (Finding("effusion", "left", None, "moderate"), 112, True),
        (Finding("hilar_prominence", "right", None, "severe"), 256, True),
        (Finding("aortic_calcification", severity="severe"), 512, True),
    ],
)
def test_visible_depends_on_the_size_of_finding_and_film(finding: Finding, size: int, visible: bool) -> None:
    assert render(patient(finding), size).findings[0].visible is visible


def test_the_same_patient_gives_the_same_film_and_another_seed_another() -> None:
    found = (Finding("consolidation", "left", "lower", "moderate"), Finding("interstitial", "both", None, "mild"))
    first, again, other = (render(patient(*found, seed=s), SIZE) for s in (3, 3, 4))
    assert np.array_equal(first.pixels, again.pixels) and first.masks == again.masks
    assert first.pixels.shape != other.pixels.shape or not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("size", [64, 112, 300, 700])
def test_any_long_side_is_met_with_twelve_bits(size: int) -> None:
    film = render(patient(sex="F"), size)
    assert max(film.pixels.shape) == size and film.pixels.dtype == np.uint16 and film.pixels.max() <= 4095
    assert film.pixels.max() > 3300 and film.pixels.min() < 200


def test_findings_keep_their_order_and_sides_of_both_are_drawn_twice() -> None:
    found = (Finding("hilar_prominence", "both", None, "severe"), Finding("effusion", "left", None, "mild"))
    film = shot(*found)
    assert [f.name for f in film.findings] == ["hilar_prominence", "effusion"]
    assert len(film.masks) == 3


def test_the_film_is_the_projection_of_the_volume() -> None:
    body, grid, soft = fields(patient(), 96)
    y = np.arange(-118.0, 119.0, 2.0)
    volume = anatomy.voxels(body, grid, y)
    summed = (volume == anatomy.TISSUES.index("lung")).sum(axis=1) * 2.0 * body.scale[1]
    beside = np.abs(grid.x[0]) > 5
    assert np.abs(summed - soft.air)[:, beside].mean() < 3
    assert np.corrcoef(summed[:, beside].ravel(), soft.air[:, beside].ravel())[0, 1] > 0.99


def test_what_lies_inside_much_fluid_cannot_be_seen() -> None:
    film = shot(Finding("nodule", "right", "lower", None, 20.0), Finding("effusion", "right", None, "severe"))
    assert [(f.name, f.visible) for f in film.findings] == [("nodule", False), ("effusion", True)]
    assert shot(Finding("nodule", "right", "lower", None, 20.0)).findings[0].visible
