"""Projections stand beside a volume's slices: read without them, checked like them, drawn before them in inverted grey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docphim import files
from docphim.errors import Refused
from docphim.imaging import mip, store
from docphim.imaging.frames import draw
from docphim.imaging.mip import Mips
from docphim.imaging.store import Stream
from docphim.study import Media

#: 24 slices 4 mm apart of 30 x 20 voxels of 2 mm: SUV 1 all over, a lesion of 10 at the top, on the patient's left, in front.
VOLUME = np.ones((24, 30, 20), np.float32)
VOLUME[1:5, 3:7, 14:18] = 10


def streamed(order: list[int] | None = None) -> Stream:
    mips = Mips(VOLUME.shape)

    def slices() -> Any:
        for number in order or range(len(VOLUME)):
            mips.take(number, VOLUME[number])
            yield number, VOLUME[number]

    return Stream(VOLUME.shape, VOLUME.dtype, slices(), mips.pictures)


def written(path: Path, stream: Stream, **meta: Any) -> store.Prepared:
    blocks, row = store.packed(store.compressed(stream), {"shape": list(VOLUME.shape), "spacing": [4.0, 2.0, 2.0], **meta})
    with files.atomic(path, "wb") as handle:
        handle.writelines(blocks)
    files.write_jsonl(path.parent / "index.jsonl", [{"path": f"prepared/{path.name}", **row}])
    return store.open_prepared(path)


def test_projections_are_read_without_the_slices_and_do_not_depend_on_their_order(tmp_path: Path) -> None:
    path = tmp_path / "prepared" / "v.b2nd"
    file = written(path, streamed())
    whole = path.read_bytes()
    offset, length, _ = file.places[3]
    path.write_bytes(whole[:offset] + bytes(length) + whole[offset + length :])  # a spoilt slice is not looked at
    np.testing.assert_array_equal(file.beside(mip.CORONAL), VOLUME.max(1))
    np.testing.assert_array_equal(file.beside(mip.SAGITTAL), VOLUME.max(2))
    with pytest.raises(Refused, match=r"pixels_missing.*mip_axial"):
        file.beside("mip_axial")
    written(path, streamed(list(range(len(VOLUME)))[::-1]))
    assert path.read_bytes() == whole


def test_a_changed_projection_is_noticed_where_it_is_shown_and_where_a_run_takes_the_file_up(tmp_path: Path) -> None:
    path = tmp_path / "prepared" / "v.b2nd"
    file = written(path, streamed())
    whole = bytearray(path.read_bytes())
    whole[file.pictures[mip.SAGITTAL]["place"][0] + 5] ^= 1
    path.write_bytes(whole)
    file.beside(mip.CORONAL)
    np.testing.assert_array_equal(store.read(path), VOLUME)
    for read in (lambda: file.beside(mip.SAGITTAL), lambda: store.open_whole(path)):
        with pytest.raises(Refused, match="file_changed"):
            read()


def entry(**frames: Any) -> Media:
    return Media("s", "video", {"pet": "prepared/v.b2nd"}, "axial", None, frames, [["pet", 0.0, 10.0]])


def test_both_come_first_in_square_pixels_with_what_takes_up_most_in_black(tmp_path: Path) -> None:
    written(tmp_path / "prepared" / "v.b2nd", streamed())
    stack = draw(entry(count=2, mips=True), tmp_path, (96, 96))
    assert (stack.frames.shape, stack.slices, stack.mips, stack.step_mm) == ((4, 96, 96, 3), (6, 18), 2, 48.0)
    coronal, sagittal, first, _ = stack.frames
    assert (coronal == coronal[..., :1]).all()
    # 96 mm down and 40 across, 60 from front to back: letterboxed in black; 1 of 10 is nearly white
    assert [np.flatnonzero((frame[90] > 200).all(1)).tolist() for frame in (coronal, sagittal)] == [
        list(range(28, 68)),
        list(range(18, 78)),
    ]
    lesion = np.argwhere(coronal[:, 30:66, 0] < 5) + np.array([0, 30])
    assert lesion.min(0).tolist() == [5, 57] and lesion.max(0).tolist() == [18, 62]  # on the viewer's right, the patient's left
    lesion = np.argwhere(sagittal[:, 20:76, 0] < 5) + np.array([0, 20])
    assert lesion.min(0).tolist() == [5, 25] and lesion.max(0).tolist() == [18, 30]  # in front
    np.testing.assert_array_equal(stack.frames[2:], draw(entry(count=2), tmp_path, (96, 96)).frames)
    assert 20 < first[48, 48, 0] < 30


def test_the_wrong_images_of_a_stack_with_projections_are_as_long(tmp_path: Path) -> None:
    written(tmp_path / "prepared" / "v.b2nd", streamed())
    own, noise, blank = (
        draw(entry(count=2, mips=True), tmp_path, (96, 96), image, seed=3) for image in ("own", "noise", "blank")
    )
    assert own.frames.shape == noise.frames.shape == blank.frames.shape and noise.mips == blank.mips == 2
    assert (blank.frames == 128).all() and (noise.frames[0] != noise.frames[1]).any()
    assert noise.frames[0].mean() > 170 > 60 > noise.frames[2].mean()  # each as grey as what it stands for
    np.testing.assert_array_equal(noise.frames[2:], draw(entry(count=2), tmp_path, (96, 96), "noise", seed=3).frames)


def test_a_volume_whose_spacing_nobody_knows_is_projected_voxel_by_voxel(tmp_path: Path) -> None:
    written(tmp_path / "prepared" / "v.b2nd", streamed(), spacing=None)
    coronal = draw(entry(count=2, mips=True), tmp_path, (96, 96)).frames[0]
    assert np.flatnonzero((coronal[90] > 200).all(1)).tolist() == list(range(8, 88))  # 24 x 20
