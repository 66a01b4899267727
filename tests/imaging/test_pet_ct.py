"""The CT of a PET/CT lies on the grid of its PET, voxel by voxel where the patient was; what is no pair is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import bodies
import numpy as np
import pytest
from ct_series import Change, setting
from hypothesis import given, settings
from hypothesis import strategies as st
from petct_files import COLUMNS, CT_HEIGHTS, PET_HEIGHTS, ROWS, WHOLE_CT, WHOLE_PET, series_in, write_ct, write_pet
from scipy import ndimage
from test_pet import other, whole

from docphim import files
from docphim.build.media import check_together, media_of
from docphim.errors import Refused, UsageError
from docphim.imaging import pet, pet_ct, settings_of, store
from docphim.imaging.frames import draw
from docphim.imaging.io import locations
from docphim.imaging.io.locations import pair
from docphim.imaging.io.planes import Planes
from docphim.imaging.io.volume import turn_of
from docphim.imaging.space import petct
from docphim.study import Row


def prepared(location: str, **asked: Any) -> tuple[np.ndarray, Row]:
    stream, facts = pet_ct.prepare(location, pet_ct.Settings.model_validate(asked), "")
    return whole(stream), facts  # type: ignore[arg-type]


@pytest.mark.parametrize("backwards", [False, True])
def test_the_ct_lies_on_the_pet_where_the_patient_was_and_padding_beyond_it(tmp_path: Path, backwards: bool) -> None:
    heights = CT_HEIGHTS[2:]
    pet_place = write_pet(tmp_path / "pet")
    ct_place = write_ct(tmp_path / "ct", heights=heights[::-1] if backwards else heights)
    array, facts = prepared(pair(ct_place, pet_place), antialias=False)
    stream, of_pet = pet.prepare(pet_place, pet.Settings(), "")
    assert (array.shape, array.dtype) == (stream.shape, np.int16)
    assert all(facts[name] == of_pet[name] for name in ("spacing", "affine", "frame_of_reference"))
    covered = heights[0] - 2 <= PET_HEIGHTS
    outside = np.ones(array.shape, bool)
    outside[np.ix_(covered, range(ROWS.start, ROWS.stop), range(COLUMNS.start, COLUMNS.stop))] = False
    assert (array[outside] == -1024).all() and (array[~outside] > -1024).mean() > 0.9
    for number in np.flatnonzero(covered):
        at = (PET_HEIGHTS[number] - CT_HEIGHTS[0]) / 4  # on one of its slices, or halfway between two
        planes = [np.maximum(np.rint(bodies.ct(CT_HEIGHTS[int(n)])), -1024) for n in (np.floor(at), np.ceil(at))]
        np.testing.assert_allclose(array[number][ROWS, COLUMNS], np.mean(planes, 0)[ROWS, COLUMNS], atol=0.51)
    assert facts["how"]["overlap"] == pytest.approx(covered.mean(), abs=1e-4) and not covered.all()
    assert facts["how"]["series"] == {"of": 1, "kernel": "unknown", "phase": "unknown"}
    assert facts["how"]["regions"]["from"] == "ct"


def _grid(shape: tuple[int, int, int], steps: tuple[float, float, float], corner: tuple[float, float, float]) -> Planes:
    """An upright grid, the top plane first: from (plane, row, column) to mm."""
    z, y, x = steps
    affine = np.array([[0, 0, x, corner[2]], [0, y, 0, corner[1]], [-z, 0, 0, corner[0]], [0, 0, 0, 1.0]])
    return Planes(shape, np.dtype(np.float32), affine, lambda: iter(()), "f")


def _millimetres(grid: Planes) -> np.ndarray:
    """(3, z, y, x): where each voxel's middle is."""
    numbers = np.indices(grid.shape).reshape(3, -1)
    return (grid.affine @ [*numbers, np.ones(numbers.shape[1])])[:3].reshape(3, *grid.shape)


_STEP = st.floats(0.7, 6)


@settings(max_examples=30, deadline=None)
@given(
    ct=st.tuples(_STEP, _STEP, _STEP),
    of_pet=st.tuples(_STEP, _STEP, _STEP),
    shift=st.tuples(st.floats(-1, 1), st.floats(-9, 9), st.floats(-9, 9)),
    slope=st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3)),
    filtered=st.booleans(),
    backwards=st.booleans(),
)
def test_what_rises_evenly_in_the_patient_rises_as_evenly_on_the_pet(
    ct: tuple[float, float, float],
    of_pet: tuple[float, float, float],
    shift: tuple[float, float, float],
    slope: tuple[float, float, float],
    filtered: bool,
    backwards: bool,
) -> None:
    lengths = [24.0, 30.0, 36.0]
    shapes = [
        tuple(max(8, round(length / step)) for length, step in zip(lengths, steps, strict=True)) for steps in (ct, of_pet)
    ]
    volume = _grid(shapes[0], ct, (ct[0] * shapes[0][0] / 2, -ct[1] * shapes[0][1] / 2, -ct[2] * shapes[0][2] / 2))
    corner = [sign * n * s / 2 + d for sign, n, s, d in zip((1, -1, -1), shapes[1], of_pet, shift, strict=True)]
    grid = _grid(shapes[1], of_pet, (corner[0], corner[1], corner[2]))
    turns = [turn_of(planes.shape, planes.affine) for planes in (volume, grid)]
    try:
        laid = petct.laid(volume, turns[0], grid, turns[1], filtered=filtered)
    except Refused as refusal:
        assert refusal.reason == "overlap_missing"
        return
    values = np.tensordot(slope, _millimetres(volume), 1).astype(np.float32)
    expected = np.tensordot(slope, _millimetres(grid), 1)
    out = np.full(grid.shape, np.nan)
    for number, plane in laid.slices(iter(values[:: -1 if backwards else 1]), backwards=backwards):
        out[number] = plane
    assert not np.isnan(out).any()
    inside = [_whole_support(axis) for axis in (laid.depth, laid.rows, laid.columns)]
    # a triangle over whole voxels does not weigh evenly about a middle that lies between them: by 0.0857 of a voxel at most,
    # where the new step is 1.2 old ones
    off = 2e-3 + 0.086 * filtered * sum(abs(rise) * step for rise, step in zip(slope[::-1], ct, strict=True))
    np.testing.assert_allclose(out[np.ix_(*inside)], expected[np.ix_(*inside)], atol=off)
    beyond = [[n for n in range(axis.new) if n not in axis.inside] for axis in (laid.depth, laid.rows, laid.columns)]
    for axis, numbers in enumerate(beyond):
        np.testing.assert_allclose(out.take(numbers, axis), petct.PADDING, atol=1e-3)


def _whole_support(axis: petct.Axis) -> list[int]:
    """Samples whose weights are not cut off at an end of the CT."""
    reach = max(axis.step, 1.0) if axis.filtered else 1.0
    centres = [(n, axis.start + (n + 0.5) * axis.step) for n in axis.inside]
    return [n for n, centre in centres if reach <= centre <= axis.old - reach]


def test_without_a_filter_it_is_the_linear_interpolation_of_scipy() -> None:
    rng = np.random.default_rng(0)
    volume, grid = _grid((30, 40, 44), (2.5, 1.2, 1.2), (0, 0, 0)), _grid((20, 12, 13), (3.27, 4.1, 4.1), (-1.1, -3, 2))
    turns = [turn_of(planes.shape, planes.affine) for planes in (volume, grid)]
    values = rng.normal(0, 300, volume.shape).astype(np.float32)
    laid = petct.laid(volume, turns[0], grid, turns[1], filtered=False)
    out = np.stack([plane for _, plane in sorted(laid.slices(iter(values), backwards=False), key=lambda item: item[0])])
    numbers = np.linalg.solve(volume.affine, [*_millimetres(grid).reshape(3, -1), np.ones(out.size)])[:3]
    expected = ndimage.map_coordinates(values, numbers, order=1, mode="nearest").reshape(out.shape)
    edge = (numbers > -0.5).all(0) & (numbers < np.array(volume.shape)[:, None] - 0.5).all(0)
    np.testing.assert_allclose(out[edge.reshape(out.shape)], expected[edge.reshape(out.shape)], atol=0.01)
    assert edge.mean() > 0.5 and (out[~edge.reshape(out.shape)] == petct.PADDING).all()


def turned(degrees: float) -> Change:
    """The patient's table turned about the long axis between the scans."""
    angle = np.radians(degrees)
    row, column = [np.cos(angle), np.sin(angle), 0.0], [-np.sin(angle), np.cos(angle), 0.0]
    return setting(ImageOrientationPatient=[*row, *column])


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (setting(PatientID="0043"), "study_mixed_patients", "numbers of a patient"),
        (setting(PatientName="Trần^Văn Khác"), "study_mixed_patients", "names of a patient"),
        (setting(StudyInstanceUID="1.9"), "series_mixed", "studies"),
        (setting(FrameOfReferenceUID="1.9"), "frame_of_reference_differs", "frames of reference"),
        (setting(FrameOfReferenceUID=None), "frame_of_reference_differs", "frames of reference"),
        (lambda ds, n: ds if n > 12 else None, "overlap_missing", "of the PET's slices"),
        (setting(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "ct_missing", "scout"),
        (setting(Modality="MR"), "ct_missing", "MR"),
        (turned(4), "shape_differs", "4.0 degrees"),
        (
            lambda ds, n: setting(ImagePositionPatient=[400, 400, ds.ImagePositionPatient[2]])(ds, n),
            "overlap_missing",
            "lies in",
        ),
        (setting(RescaleIntercept=-2048), "not_hu", "below air"),
        (lambda ds, n: None if n == 30 else ds, "slices_missing", "apart"),
        (setting(PatientPosition="HFP"), None, ""),
    ],
)
def test_what_is_no_pair_is_refused_by_reason(tmp_path: Path, change: Change, reason: str | None, words: str) -> None:
    location = pair(write_ct(tmp_path / "ct", change), write_pet(tmp_path / "pet"))
    if reason is None:
        prepared(location)
        return
    with pytest.raises(Refused) as refusal:
        prepared(location)
    assert (refusal.value.reason, refusal.value.where) == (reason, "")
    assert words in refusal.value.why


@pytest.mark.parametrize(("location", "reason"), [(pair("", "x"), "ct_missing"), (pair("x", ""), "pet_missing")])
def test_half_a_pair_is_refused_as_what_is_not_there(location: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        prepared(location)


def test_names_that_differ_in_accents_alone_are_one_patient(tmp_path: Path) -> None:
    prepared(pair(write_ct(tmp_path / "ct", setting(PatientName="NGUYEN^VAN THU^")), write_pet(tmp_path / "pet")))


def test_of_several_cts_the_one_that_belongs_to_the_pet_is_laid_on_it(tmp_path: Path) -> None:
    place = write_pet(tmp_path / "pet")
    alone, _ = prepared(pair(write_ct(tmp_path / "ct" / "a", setting(ConvolutionKernel="B30f")), place))
    write_ct(tmp_path / "ct" / "b", other("1.3", FrameOfReferenceUID="1.9", SeriesNumber=1))
    write_ct(tmp_path / "ct" / "c", other("1.4", lambda ds, n: ds if n < 30 else None, SeriesNumber=1))
    write_ct(tmp_path / "ct" / "d", other("1.5", ConvolutionKernel="B70f", SeriesNumber=1))
    array, facts = prepared(pair(series_in(tmp_path / "ct"), place))
    np.testing.assert_array_equal(array, alone)
    assert facts["how"]["series"]["kernel"] == "soft"
    assert facts["how"]["series"]["passed_over"] == {"frame_of_reference_differs": 1, "overlap_missing": 1}
    sharp, _ = prepared(pair(series_in(tmp_path / "ct"), place), ct={"kernel": "sharp"})
    np.testing.assert_array_equal(sharp, alone)  # the same body
    with pytest.raises(Refused, match="volume_missing"):
        prepared(pair(series_in(tmp_path / "ct"), place), ct={"thickness": 1})


def test_metal_and_padding_keep_their_places(tmp_path: Path) -> None:
    def change(ds: Any, number: int) -> Any:
        values = np.frombuffer(ds.PixelData, np.uint16).reshape(ds.Rows, ds.Columns).astype(np.int32) - 1024
        values[:3] = -3024  # outside the scanner's field
        values[30, 30] = 30000
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation, ds.RescaleIntercept = 16, 15, 1, 0
        ds.PixelData = values.astype(np.int16).tobytes()
        return ds

    array, facts = prepared(pair(write_ct(tmp_path / "ct", change), write_pet(tmp_path / "pet")))
    assert (array[1:-1, ROWS.start : ROWS.start + 3] == -1024).all()
    assert (array[1:-1, ROWS.start + 30, COLUMNS.start + 30] == 30000).all()
    assert facts["how"]["padding"] == [-3024]


def _backwards(ds: Any, number: int) -> Any:
    """The rows of a slice from the back to the front, under a header that says the other way."""
    ds.PixelData = np.frombuffer(ds.PixelData, np.uint16).reshape(ds.Rows, ds.Columns)[::-1].tobytes()
    return ds


@pytest.mark.parametrize("regions", [{"regions": "measured"}, {"regions": "published", "chest_ends": 0.5}])
def test_a_ct_turned_front_to_back_is_refused_however_its_regions_are_told_apart(tmp_path: Path, regions: Row) -> None:
    location = pair(write_ct(tmp_path / "ct", _backwards, WHOLE_CT), write_pet(tmp_path / "pet", heights=WHOLE_PET))
    with pytest.raises(Refused, match="ct_flipped"):
        prepared(location, **regions)


def test_arrays_are_laid_together_where_the_recipe_vouches_for_them_alone(tmp_path: Path) -> None:
    heights = np.arange(260.0, 545, 12)
    hu = np.stack([np.rint(bodies.ct(h)) for h in heights]).astype(np.int16)
    np.savez(tmp_path / "ct.npz", data=hu.repeat(2, 1).repeat(2, 2))
    np.savez(tmp_path / "pet.npz", data=np.stack([bodies.pet(h) * 3000 for h in heights]).astype(np.int16))
    location = pair(f"npz:{tmp_path}/ct.npz#data", f"npz:{tmp_path}/pet.npz#data")
    with pytest.raises(Refused, match=r"no_geometry.*same_field"):
        prepared(location)
    array, facts = prepared(location, arrays="same_field", antialias=False)
    np.testing.assert_array_equal(array, np.maximum(hu, -1024))
    assert (facts["unit"], facts["spacing"], facts["how"]["arrays"]) == ("HU", None, "same_field")
    rows = [_stored(tmp_path, "pet", location), _stored(tmp_path, "pet_ct", location, pet_ct={"arrays": "same_field"})]
    channels = [["ct", "soft"], ["pet", 0, 32767]]
    (entry,) = media_of("s", rows, settings_of({"pet": {"show": {"channels": channels, "count": 3}}, "pet_ct": {}}))
    stack = draw(entry, tmp_path, (72, 84))
    assert stack.frames.shape == (5, 72, 84, 3) and (stack.step_mm, stack.mips) == (None, 2)
    with pytest.raises(UsageError, match="no unit"):
        media_of("s", rows, settings_of({"pet": {}, "pet_ct": {}}))
    np.savez(tmp_path / "pet.npz", data=np.zeros((5, 72, 84), np.int16))
    with pytest.raises(Refused, match="shape_differs"):
        prepared(location, arrays="same_field")


def _stored(dataset: Path, modality: str, location: str, **sections: Any) -> Row:
    """Prepare a volume as the stage does; its row."""
    place = location if modality == "pet_ct" else locations.parse(location).grid
    module = {"pet": pet, "pet_ct": pet_ct}[modality]
    stream, facts = module.prepare(place, module.Settings.model_validate(sections.get(modality, {})), "")
    packed = store.compressed(stream)
    blocks, meta = store.packed(packed, {"shape": list(stream.shape), **facts})
    path = f"prepared/{modality}.b2nd"
    with files.atomic(dataset / path, "wb") as handle:
        handle.writelines(blocks)
    row = {"study": "s", "series": f"s-{modality}", "modality": modality, "path": path, **meta}
    index = dataset / "prepared" / "index.jsonl"
    files.write_jsonl(index, [*(r for r in files.read_jsonl(index) if r["path"] != path), row])
    return row


def test_a_model_sees_the_ct_and_the_pet_of_a_slice_in_one_frame_after_the_projections(tmp_path: Path) -> None:
    location = pair(
        write_ct(tmp_path / "ct", heights=WHOLE_CT, arms="down"), write_pet(tmp_path / "pet", heights=WHOLE_PET, arms="down")
    )
    rows = [_stored(tmp_path, name, location) for name in ("pet", "pet_ct")]
    (entry,) = media_of("s", rows, settings_of({"pet": {"show": {"count": 4}}, "pet_ct": {}}))
    assert list(entry.volumes) == ["pet", "ct"]
    assert entry.channels == [["ct", -160, 240], ["ct", -1000, 400], ["pet", 0, 10]]
    stack = draw(entry, tmp_path, (90, 90))
    assert (stack.frames.shape, stack.mips, stack.step_mm) == ((6, 90, 90, 3), 2, 280.0)
    # in the projections the brain is black at the top and the bladder low down, and the picture is as tall as the body
    coronal = stack.frames[0, :, 27:63, 0]
    dark = np.argwhere(coronal < 60)
    assert dark[:, 0].min() < 8 and 64 <= dark[dark[:, 0] > 45, 0].min() <= 68
    assert (stack.frames[:2, :, :5] == 0).all()  # letterboxed: 432 mm across, 1122 mm down
    # head and chest: in the second the lungs are dark in soft tissue, grey in the window of lung, and take up little
    soft, lung, suv = (stack.frames[3, :, :, n] for n in range(3))
    at = (50, 27)
    assert soft[at] == 0 and 15 < lung[at] < 60 and suv[at] < 25
    region = dataclasses.replace(entry, frames={"count": 4, "within": [0, 30]})
    assert draw(region, tmp_path, (90, 90)).slices == (3, 11, 19, 27)


def test_a_study_without_its_partner_is_refused_as_a_whole_and_a_pet_alone_is_shown_where_no_ct_is_asked_for() -> None:
    both, alone = settings_of({"pet": {}, "pet_ct": {}}), settings_of({"pet": {}})
    with pytest.raises(Refused, match="ct_missing"):
        check_together({"pet"}, both, [])
    with pytest.raises(Refused, match=r"pet_missing.*\(suv_unknown\)"):
        check_together({"pet_ct"}, both, [{"reason": "suv_unknown"}])
    check_together({"pet", "pet_ct"}, both, [])
    check_together({"pet"}, alone, [])
    check_together({"xray"}, both, [])  # a film of another study of the dataset
