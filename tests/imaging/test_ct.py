"""A chest CT is prepared on one grid in HU whatever its file; what is no chest in HU is refused with what was seen."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from chest_volumes import (
    COARSE,
    PLACED,
    SAME_GRID,
    SPACING,
    abdomen,
    body,
    chest,
    crop,
    head,
    nifti,
    noisy,
    opened,
    orientations,
    round_view,
    write,
)
from PIL import Image

from docphim import files
from docphim.errors import Refused
from docphim.imaging import ct, store
from docphim.imaging.convert import convert
from docphim.imaging.frames import draw
from docphim.imaging.inspect import inspect
from docphim.imaging.space import resample
from docphim.study import Row


def prepared(location: str, **settings: Any) -> tuple[np.ndarray, Row]:
    """The whole volume, and what is known of it after the last slice."""
    stream, facts = ct.prepare(location, ct.Settings.model_validate(settings), "")
    array = np.empty(stream.shape, stream.dtype)
    for number, plane in stream.slices:
        array[number] = plane
    return array, facts


def test_a_marker_in_the_left_lung_lies_where_it_must_in_all_48_orientations(tmp_path: Path) -> None:
    volumes = []
    for array, affine in orientations(chest()):
        data = nib.Nifti1Image(np.rint(array).astype(np.int16), np.diag([-1.0, -1, 1, 1]) @ affine).to_bytes()
        volume, facts = prepared(write(tmp_path / "a.nii", data), **SAME_GRID)
        volumes.append(volume.tobytes())
        assert facts["affine"] == PLACED.tolist()
    assert len(volumes) == 48 and len(set(volumes)) == 1
    # slice 0 the head, row 0 the front, column 0 the patient's right: the left lung is at the right of the picture
    np.testing.assert_array_equal(np.argwhere(volume == 700), [[3, 12, 22]])
    # and so a model sees it: bone, in blue, has one brightest place
    row = {"study": "s", "modality": "ct", "path": "v.b2nd"}
    meta = store.write(tmp_path / "v.b2nd", volume, {"shape": list(volume.shape), "spacing": facts["spacing"]})
    files.write_jsonl(tmp_path / "prepared" / "index.jsonl", [row | meta])
    settings = ct.Settings.model_validate({"show": {"count": 12, "windows": ["lung", "soft", "bone"]}})
    (media,) = ct.media("s", [row], settings)
    stack = draw(media, tmp_path, (32, 32))
    bone = stack.frames[..., 2]
    assert (media.kind, stack.slices, stack.step_mm) == ("video", tuple(range(12)), 20.0)
    np.testing.assert_array_equal(np.argwhere(bone == bone.max()), [[3, 12, 22]])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (chest() - 1024, "twice"),
        (chest() + 1024, "before rescaling"),
        ((chest() + 1000) / 2000, "to 0…1"),
        (np.clip((chest() + 1000) / 1400, -1, 1) * 2 - 1, "to 0…1"),
        (np.clip((chest() + 1000) / 1400 * 255, 0, 255), "8 bits"),
        (chest() / 2, "air"),
        (chest() * 2, "below"),
        (-chest(), ""),
        (chest() * 10, ""),
        ((chest() > -500) * 1.0, "to 0…1"),
        (np.where(round_view(-9999) == -9999, -2000, chest() + 1024), ""),
        (np.where(round_view(-9999) == -9999, -3024, chest() - 1024), ""),
        (np.full((12, 32, 32), -1000), ""),
        (np.full((12, 32, 32), 40), ""),
        (np.clip(chest(), -160, 240), ""),
        (np.abs(chest()) / 4, ""),
        (np.clip(chest(), -1000, 1000) + 1000, ""),
        (chest() - 300, ""),
        (chest() + 200, "the lowest values lie about -8"),
        (np.where(chest() > -500, chest() + 200, chest()), "fat and soft tissue"),
        (np.clip(chest(), -500, 500), "-500"),
        ((chest() + 1000) / 2, ""),
        (np.where(chest() < -900, 3095, chest()), ""),  # 12 bits that ran over
        (chest() + 50, "air around the body has -9"),
        (chest() + 100, "air around the body has -9"),
        (chest() - 60, "air around the body has -10"),
        (chest() * 0.9, "air around the body has -9"),
        (chest() * 0.85, ""),
        (noisy(60) + 70, "air around the body"),
        (noisy(60) * 0.88, "air around the body"),
        (chest() + 100 * (np.arange(12) > 5)[:, None, None], "in 6 of 12 slices"),
        (chest() + 100 * (np.arange(12) % 2)[:, None, None], "in 6 of 12 slices"),
        (round_view(0), "corners of most slices hold 0"),
        (round_view(-500), "corners"),
        (round_view(3071), ""),
        (np.where(round_view(-9999) == -9999, -2000, chest() + 80), "air around the body has -9"),
    ],
)  # fmt: skip
def test_what_is_not_in_hu_is_refused_with_what_was_seen(tmp_path: Path, values: np.ndarray, told: str) -> None:
    with pytest.raises(Refused) as refusal:
        prepared(write(tmp_path / "a.nii", nifti(values, dtype=np.float32)), **COARSE)
    assert (refusal.value.reason, told in refusal.value.why) == ("not_hu", True), refusal.value.why


@pytest.mark.parametrize("values", [head(), abdomen(), body(), body(0)])
def test_what_shows_no_lung_is_no_chest(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(Refused, match="body_part_out_of_scope"):
        prepared(write(tmp_path / "a.nii", nifti(values)), **SAME_GRID)


@pytest.mark.parametrize(
    ("values", "padding"),
    [
        (chest(), []),
        (round_view(-1024), []),
        (round_view(-2000), [-2000]),
        (round_view(-2048), [-2048]),
        (round_view(-3024), [-3024]),
        (round_view(-8192), [-8192]),
        (crop(), []),
        (np.clip(chest(), -1000, 1000), []),
        (np.clip(chest(), -1024, 3071), []),
        (noisy(60), []),
        (np.clip(noisy(90), -1024, 3071), []),
        (chest() - 24, []),
        (chest() + 20, []),
        (opened(chest(), "tracheostomy"), []),
        (opened(chest(), "joined"), []),
        (opened(chest(), "blank5"), []),
        (opened(chest(), "blank0"), []),
    ],
)  # fmt: skip
def test_a_chest_in_hu_goes_through_whatever_its_padding(tmp_path: Path, values: np.ndarray, padding: list[int]) -> None:
    volume, facts = prepared(write(tmp_path / "a.nii", nifti(values)), **SAME_GRID)
    assert facts["how"].get("padding", []) == padding
    assert (volume.dtype, facts["unit"]) == (np.int16, "HU")
    assert -1000 <= volume.min() < -900 and 500 < volume.max() <= 1000


@pytest.mark.parametrize(
    ("values", "cut"),
    [
        (chest(), []),
        (chest(top=-2), ["top"]),
        (chest(bottom=2), ["bottom"]),
        (chest(top=-2, bottom=2), ["top", "bottom"]),
        (chest(top=-2, bottom=-0.5), ["top"]),  # an abdomen that shows the bases of the lungs
        (crop(), ["top", "bottom", "front", "back", "right", "left"]),
    ],
)
def test_lungs_that_are_cut_off_are_recorded(tmp_path: Path, values: np.ndarray, cut: list[str]) -> None:
    _, facts = prepared(write(tmp_path / "a.nii", nifti(values)), **SAME_GRID)
    assert facts["how"]["quality"]["lungs_cut"] == cut


@pytest.mark.parametrize("way", ["tracheostomy", "joined", "blank5", "blank9"])
def test_lungs_open_to_the_air_are_lungs_still(tmp_path: Path, way: str) -> None:
    litres = []
    for values in (chest(), opened(chest(), way)):
        _, facts = prepared(write(tmp_path / "a.nii", nifti(values)), **SAME_GRID)
        litres.append(facts["how"]["quality"]["lungs_litres"])
    assert litres[1] == pytest.approx(litres[0], rel=0.25)


def test_lungs_larger_than_anybodys_are_no_geometry(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no_geometry.*litres"):
        prepared(write(tmp_path / "a.nii", nifti(chest(), np.diag([2.0, 2.0, 2.0, 1]) @ PLACED)), **COARSE)


def test_every_way_of_storing_the_same_values_gives_the_same_volume(tmp_path: Path) -> None:
    values = np.rint(np.clip(chest(), -1024, 3000))
    expected, _ = prepared(write(tmp_path / "a.nii", nifti(values)), **COARSE)
    for data in (
        gzip.compress(nifti(values)),
        nifti(values, dtype=np.float64),
        nifti(values, dtype=">i2"),
        nifti(values, dtype=np.int32),
        nifti(values + 1024, dtype=np.uint16, scl_slope=1, scl_inter=-1024),
        nifti((values + 1024) * 2, dtype=np.uint16, scl_slope=0.5, scl_inter=-1024),
    ):
        volume, _ = prepared(write(tmp_path / "a.nii", data), **COARSE)
        np.testing.assert_array_equal(volume, expected)


def test_small_integers_are_no_hu_and_end_no_worker(tmp_path: Path) -> None:
    for dtype, values in ((np.int8, chest() / 10), (np.uint8, np.clip(chest() / 8 + 125, 0, 255))):
        with pytest.raises(Refused, match="not_hu"):
            prepared(write(tmp_path / "a.nii", nifti(values, dtype=dtype)), **SAME_GRID)


def test_what_stands_behind_the_header_is_passed_over(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.rint(chest()).astype(np.int16).transpose(2, 1, 0), np.diag([-1.0, -1, 1, 1]) @ PLACED)
    expected, _ = prepared(write(tmp_path / "a.nii", image.to_bytes()), **SAME_GRID)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 2000))
    for data in (image.to_bytes(), gzip.compress(image.to_bytes()[:700]) + gzip.compress(image.to_bytes()[700:])):
        np.testing.assert_array_equal(prepared(write(tmp_path / "a.nii", data), **SAME_GRID)[0], expected)


@pytest.mark.parametrize(("degrees", "refused"), [(5, False), (20, False), (35, True)])
def test_people_lie_askew_and_oblique_reformats_are_no_scan(tmp_path: Path, degrees: float, refused: bool) -> None:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]) @ PLACED
    location = write(tmp_path / "a.nii", nifti(chest(), turned))
    if refused:
        with pytest.raises(Refused, match="view_out_of_scope"):
            prepared(location, **SAME_GRID)
    else:
        assert len(prepared(location, **SAME_GRID)[0]) == 12


def test_the_published_values_come_within_one_hu(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    values = np.rint(np.clip(chest(), -1024, 3000))
    target = (15.0, 7.0, 12.0)
    volume, facts = prepared(write(tmp_path / "a.nii", nifti(values)), spacing=target, published=True)
    size = [int(n * s / t) for n, s, t in zip(values.shape, SPACING, target, strict=True)]
    clipped = torch.from_numpy(np.clip(values, -1000, 1000))[None, None]
    expected = torch.nn.functional.interpolate(clipped, size=size, mode="trilinear", align_corners=False)[0, 0].numpy()
    assert np.abs(volume - expected).max() <= 1
    assert facts["spacing"] == pytest.approx([n * s / m for n, s, m in zip(values.shape, SPACING, size, strict=True)], abs=1e-5)


def test_a_coarser_grid_does_not_show_a_fine_pattern_as_a_false_one(tmp_path: Path) -> None:
    kept = []
    for pattern in (1.2, 3.0):  # mm
        columns = np.arange(300) * 0.34
        wave = 100 * np.sin(2 * np.pi * columns / pattern)
        values = np.zeros((3, 40, 300)) + wave
        grid = [resample.axis(3, 1.5, 1.5), resample.axis(40, 0.34, 0.75), resample.axis(300, 0.34, 0.75)]
        (plane, *_) = [plane for _, plane in resample.resampled(iter(values.astype(np.int16)), *grid)]
        kept.append(float(np.sqrt(2) * plane[5:-5, 5:-5].std()) / 100)
    assert kept[0] <= 0.25 and kept[1] >= 0.8


def test_a_nifti_is_hu_where_its_values_are_those_of_a_chest(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(chest()))
    row = inspect(path)
    assert (row["modality"], row["unit"], row["refused"]) == ("CT", "HU", [])
    assert (row["shape"], row["quality"]["lungs_cut"], row["quality"]["lungs_litres"] > 1) == ([12, 32, 32], [], True)
    for name in ("a.b2nd", "a.npy", "a.nii.gz", "a.png"):
        assert convert(path, tmp_path / name)["unit"] == "HU"
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), store.read(tmp_path / "a.b2nd"))
    shown = np.asarray(Image.open(tmp_path / "a.png"))
    assert shown.shape == (2 * 32, 5 * 32)
    # the fourth of ten slices is the one with the marker, in the left lung: at the right
    assert shown[12, 2 * 32 + 22] == 255 and shown[12, 2 * 32 + 9] < 60


@pytest.mark.parametrize(
    ("values", "modality", "reason"),
    [
        (chest() + 1024, "ct", "not_hu"),
        (chest() + 1024, None, "unit_unknown"),
        (chest(), "pet", "unit_unknown"),
        ((chest() > 0) * 1.0, "ct", "not_hu"),
    ],
)
def test_what_is_in_no_unit_is_not_converted(tmp_path: Path, values: np.ndarray, modality: str | None, reason: str) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(values))
    with pytest.raises(Refused) as refusal:
        convert(path, tmp_path / "a.npy", modality)
    assert (refusal.value.reason, refusal.value.where) == (reason, "a.nii")
    assert [row["reason"] for row in inspect(path)["refused"]] == ([] if modality == "pet" else ["unit_unknown"])


def test_a_field_of_view_that_no_body_fits_is_no_geometry(tmp_path: Path) -> None:
    for factor in (0.1, 10):
        with pytest.raises(Refused, match="no_geometry"):
            prepared(write(tmp_path / "a.nii", nifti(chest(), np.diag([factor] * 3 + [1]) @ PLACED)), **COARSE)
