"""Candidates on phantom bodies: lesions are found and measured as truth has them, organs are left out by a rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from docphim.cli import app
from docphim.errors import Refused
from docphim.imaging.candidate_size import size
from docphim.imaging.candidates import Candidates, Rule, find, region_of
from docphim.imaging.hot_spots import spots
from docphim.imaging.space.physiologic import RULES, Place, physiologic
from docphim.ingest.phantom_pet import write
from docphim.phantom.pet.study import Taken, take


@pytest.fixture(scope="module")
def body() -> Taken:
    return take(1, 5, "pet_paper", size=128, step_mm=4.0, field_mm=500.0, seams=False)


@pytest.fixture(scope="module")
def seen(body: Taken) -> Candidates:
    return look(body)


def look(body: Taken, by: str = "max", *, ct: bool = True) -> Candidates:
    assert body.transmission is not None
    spacing = body.emission.space.spacing
    return find(body.emission.volume, spacing, Rule(by=by), ct=body.transmission.volume if ct else None)


def at_lesions(body: Taken, where: Candidates) -> Iterator[tuple[str, float, dict]]:
    """Each lesion with the candidate whose highest voxel lies in its mask."""
    for lesion in body.emission.lesions:
        assert lesion.mask is not None
        for row in where.candidates:
            at = [n - f for n, f in zip(row["at"].values(), lesion.first, strict=True)]
            if all(0 <= n < size for n, size in zip(at, lesion.mask.shape, strict=True)) and lesion.mask[tuple(at)]:
                yield lesion.key, lesion.suv_max, row


def test_lesions_are_candidates_with_the_suv_of_their_truth_at_the_voxel_that_is_named(body: Taken, seen: Candidates) -> None:
    listed = {name: (suv, row) for name, suv, row in at_lesions(body, seen)}
    assert {"lung_mass_left", "hilar_node_right"} <= set(listed)
    for suv, row in listed.values():
        assert row["suv_max"] == pytest.approx(suv, abs=1e-3)
        assert float(body.emission.volume[tuple(row["at"].values())]) == pytest.approx(row["suv_max"], abs=1e-3)
        assert row["suv_peak"] <= row["suv_max"] and row["suv_mean"] <= row["suv_max"]
    mass = listed["lung_mass_left"][1]
    assert (mass["region"], mass["side"], mass["lung"]) == ("chest", "left", True)
    assert mass["size_mm"][0] == pytest.approx(60, rel=0.2)
    lesion = body.emission.lesions[0]
    assert mass["ml"] == pytest.approx(float(lesion.mask.sum()) * np.prod(body.emission.space.spacing) / 1000, rel=0.4)


def test_organs_are_left_out_by_the_rule_of_their_name_and_every_place_is_accounted_for(body: Taken, seen: Candidates) -> None:
    rules = [row["rule"] for row in seen.left_out]
    assert {"brain", "kidneys", "bladder", "heart", "bowel"} <= set(rules) <= set(RULES)
    assert len(seen.candidates) <= 5
    highest = max(seen.left_out, key=lambda row: row["suv_max"])
    assert (highest["rule"], highest["suv_max"]) == ("brain", pytest.approx(float(body.emission.volume.max()), abs=1e-3))


def test_the_liver_is_the_threshold_where_a_ct_shows_it_and_else_a_refusal(body: Taken) -> None:
    by_liver = look(body, "liver")
    assert 3.0 < by_liver.least < 5  # 1.5 times 1.9 to 2.6, and noise
    assert all(row["suv_max"] >= by_liver.least for row in by_liver.candidates)
    with pytest.raises(Refused) as refusal:
        look(body, "liver", ct=False)
    assert (refusal.value.reason, "no CT" in refusal.value.why) == ("liver_missing", True)


def test_a_region_is_that_whose_middle_is_nearest_where_two_share_a_slice() -> None:
    regions = {"head_neck": [0, 40], "chest": [30, 100], "flags": []}
    assert [region_of(n, regions) for n in (10, 32, 38, 90, 120)] == ["head_neck", "head_neck", "chest", "chest", ""]


def test_size_is_that_of_the_ct_where_lung_shows_a_border_and_of_the_pet_where_none_does() -> None:
    pet, ct = np.full((9, 40, 40), 0.5, np.float32), np.full((9, 40, 40), -850, np.int16)
    rows, columns = np.indices((40, 40))
    inside = ((rows - 20) / 6) ** 2 + ((columns - 20) / 4) ** 2 <= 1
    pet[3:6, inside], ct[3:6, inside] = 8.0, 40
    (spot,) = spots(pet, 2.5)
    spacing = (4.0, 4.0, 4.0)
    measured = size(spot, pet, ct, spacing)
    assert measured["size_on"] == "ct" and measured["size_mm"] == pytest.approx([50, 34], abs=4)
    ct[:, :, 20:] = 40  # it grows from a wall
    assert size(spot, pet, ct, spacing) == size(spot, pet, None, spacing) | {"size_on": "pet"}


USUAL = {"mm": (500.0, 200.0, 250.0), "size": (20.0, 20.0, 20.0), "suv_max": 6.0, "suv_peak": 5.0, "suv_mean": 3.5, "ml": 4.0}
USUAL |= {"height": 0.3, "side": 80.0, "depth": 0.5, "around": 0.8, "mirrored": 0.8, "lung": 0.6, "bone": 0.0}
BLADDER = {"height": 1.0, "side": 0.0, "mm": (700.0, 200.0, 250.0)}
KIDNEY = {"height": 0.65, "side": 60.0, "depth": 0.7}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ([{}], [None]),
        ([{"around": 4.0}], ["flat"]),
        ([{"in_brain": True}], ["brain"]),
        ([BLADDER | {"suv_max": 30.0}, BLADDER | {"side": 20.0}], ["bladder", None]),
        ([KIDNEY, KIDNEY | {"side": -60.0}], ["kidneys", "kidneys"]),
        ([KIDNEY], [None]),  # one alone is not told from a tumour
        ([KIDNEY, KIDNEY | {"side": -60.0, "mm": (600.0, 200.0, 130.0)}], [None, None]),
        ([{"height": 0.8, "side": 30.0, "depth": 0.5, "size": (40.0, 12.0, 12.0)}], ["ureters"]),
        ([{"height": 0.8, "side": 30.0, "depth": 0.5, "size": (14.0, 12.0, 12.0)}], [None]),  # a node
        ([{"height": 0.37, "side": 50.0, "ml": 90.0, "lung": 0.2}], ["heart"]),
        ([{"height": 0.37, "side": 50.0, "ml": 90.0, "lung": 0.7}], [None]),  # a mass amid lung
        ([{"height": 0.8, "side": 90.0, "depth": 0.4, "suv_max": 4.0}], ["bowel"]),
        ([{"height": 0.8, "side": 90.0, "depth": 0.4, "suv_max": 4.0, "bone": 0.6}], [None]),
        ([{"height": 0.8, "side": 90.0, "depth": 0.4, "suv_max": 9.0}], [None]),
        ([{"height": 0.95, "side": 5.0, "depth": 0.8, "suv_max": 4.0}], ["pelvis"]),
        ([{"height": -0.1, "side": 40.0, "mirrored": 5.0}], ["mirrored"]),
        ([{"height": -0.1, "side": 40.0, "mirrored": 2.0}], [None]),
        ([{"height": -0.05, "side": 3.0, "depth": 0.3}], ["midline"]),
        ([{"height": 1.15, "side": 15.0, "depth": 0.2, "suv_max": 3.0}], ["genitals"]),
        ([{"height": 1.15, "side": 15.0, "depth": 0.2, "suv_max": 7.2, "bone": 0.5}], [None]),  # a tumour of the thigh
        ([{"beside": True, "size": (40.0, 6.0, 6.0)}], ["vein"]),
        ([{"height": 0.5, "side": -90.0, "suv_max": 3.2, "suv_peak": 3.0, "suv_mean": 2.7, "ml": 400.0}], ["liver"]),
    ],
)
def test_each_rule_takes_what_its_words_say_and_no_more(changes: list[dict], names: list[str | None]) -> None:
    frame = SimpleNamespace(bladder=(680.0, 720.0))
    taken = physiologic([Place(**USUAL | change) for change in changes], frame)  # type: ignore[arg-type]
    assert [taken.get(n) for n in range(len(changes))] == names


def test_every_rule_says_by_what_it_goes() -> None:
    assert all(len(rule.__doc__ or "") > 60 for rule in RULES.values())


def test_the_command_lists_and_draws_them(tmp_path: Path) -> None:
    write(
        tmp_path / "in",
        4,
        seed=5,
        profile="pet_demo",
        size=72,
        step_mm=8.0,
        ct_size=None,
        field_mm=None,
        bed_seams=False,
        with_ct=True,
        masks=False,
    )
    truth = json.loads((tmp_path / "in" / "truth.json").read_text())
    out = tmp_path / "out.png"
    shown = CliRunner().invoke(app, ["candidates", str(tmp_path / "in"), "--picture", str(out), "--json"])
    assert shown.exit_code == 0
    (row,) = json.loads(shown.stdout)["series"]
    assert (row["by"], row["least"], row["ct"]) == ("max", 2.5, "used")
    values = [one["suv_max"] for one in row["candidates"]]
    assert truth["lesions"]
    missed = [
        one["name"] for one in truth["lesions"] if not any(value == pytest.approx(one["suv_max"], rel=0.01) for value in values)
    ]
    assert missed == []
    assert all(len(one["mm"]) == 3 for one in row["candidates"])
    picture = np.asarray(Image.open(out))
    assert ((picture[..., 0] > 200) & (picture[..., 1] < 60)).sum() > 100  # rings
    assert out.stat().st_mode & 0o777 == 0o600
    words = CliRunner().invoke(app, ["candidates", str(tmp_path / "in" / "pet")]).stdout
    assert "CT: no CT" in words and "left out: " in words
    for wrong, code in ((["--by", "heat"], 2), (["--picture", "a.gif"], 2)):
        assert isinstance(CliRunner().invoke(app, ["candidates", str(tmp_path / "in"), *wrong]).exception, Exception), code
