"""Prepared files come back whole, have equal bytes for equal input, and damage is said."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import blosc2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from docphim.errors import Refused
from docphim.imaging import store

KINDS = st.sampled_from([np.uint16, np.int16, np.float32])
META = {"view": "PA", "how": {"voi": "bảng"}, "spacing": None}


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        st.sampled_from([np.uint16, np.int16, np.float32]), array_shapes(min_dims=2, max_dims=3, max_side=70), fill=st.just(0)
    )
)
def test_pixels_come_back(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("store") / "a.b2nd"
    store.write(path, array, META)
    back = store.read(path)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert store.read_meta(path) == {**META, "sha256": store.digest_of(array)}


def test_any_process_writes_the_same_bytes(tmp_path: Path) -> None:
    code = """
import sys, numpy as np
from pathlib import Path
from docphim.imaging import store
film = (np.arange(300 * 200, dtype=np.uint64) * 2654435761 % 65521).astype(np.uint16).reshape(300, 200)
store.write(Path(sys.argv[1]), film, {"b": 1, "a": 2} if sys.argv[1].endswith("1.b2nd") else {"a": 2, "b": 1})
"""
    paths = [tmp_path / "1.b2nd", tmp_path / "2.b2nd"]
    for path in paths:
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.b2nd", "2.b2nd"]


@pytest.mark.parametrize(("data", "reason"), [(b"", "file_empty"), (b"junk" * 100, "file_unreadable"), (None, "file_missing")])
def test_what_is_no_prepared_file_is_refused(tmp_path: Path, data: bytes | None, reason: str) -> None:
    path = tmp_path / "a.b2nd"
    if data is not None:
        path.write_bytes(data)
    for read in (store.read, store.read_meta, store.read_both):
        with pytest.raises(Refused) as refusal:
            read(path)
        assert refusal.value.reason == reason


def test_a_machine_that_cannot_open_a_file_does_not_call_it_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    store.write(tmp_path / "a.b2nd", np.zeros((4, 4), np.uint16), META)
    monkeypatch.setattr("builtins.open", busy)
    with pytest.raises(Refused, match=r"folder_unusable: a\.b2nd: too many files are open"):
        store.read(tmp_path / "a.b2nd")


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.b2nd"
    store.write(path, np.random.default_rng(0).integers(0, 60000, (90, 70)).astype(np.uint16), META)
    whole = path.read_bytes()
    for end in range(1, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(Refused):
            store.read_both(path)


VOLUME = (np.random.default_rng(1).normal(0, 60, (6, 70, 50)) + np.linspace(-1000, 1000, 50)).astype(np.int16)
CONSTANT = np.repeat(np.arange(4, dtype=np.int16)[:, None, None], 40, axis=1).repeat(30, axis=2)


@pytest.mark.parametrize("array", [VOLUME, VOLUME[0].astype(np.uint16), CONSTANT], ids=["volume", "film", "constant slices"])
def test_a_flipped_bit_is_never_other_pixels(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "a.b2nd"
    meta = store.write(path, array, META)
    whole = path.read_bytes()
    bits = len(whole) * 8
    rng = np.random.default_rng(2)
    # the head of the frame, its trailer with the footer, and anywhere
    places = [*range(0, 600, 7), *range(bits - 1200, bits, 7), *rng.integers(0, bits, 400).tolist()]
    refused = 0
    for place in places:
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            pixels, again = store.read_both(path)
            lazy = store.read_slices(path, range(len(array) if array.ndim == 3 else 1))
        except Refused as refusal:
            assert refusal.reason in ("file_changed", "file_unreadable")
            refused += 1
            continue
        assert again == meta
        assert pixels.dtype == array.dtype
        np.testing.assert_array_equal(pixels, array)
        np.testing.assert_array_equal(lazy.reshape(array.shape), array)
    assert refused > 300


def test_slices_are_read_in_the_order_asked_for_and_no_other_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.b2nd"
    store.write(path, VOLUME, META)
    np.testing.assert_array_equal(store.read_slices(path, [4, 0, 4]), VOLUME[[4, 0, 4]])
    offset, length, _ = store.open_prepared(path).places[2]
    damaged = bytearray(path.read_bytes())
    damaged[offset + length // 2] ^= 255
    path.write_bytes(damaged)
    np.testing.assert_array_equal(store.read_slices(path, [1, 3]), VOLUME[[1, 3]])
    for read in (lambda: store.read_slices(path, [2]), lambda: store.read(path)):
        with pytest.raises(Refused) as refusal:
            read()
        assert refusal.value.reason == "file_changed"


@pytest.mark.parametrize("index", [-1, 6])
def test_a_slice_that_is_not_there_is_refused(tmp_path: Path, index: int) -> None:
    store.write(tmp_path / "a.b2nd", VOLUME, META)
    with pytest.raises(Refused) as refusal:
        store.read_slices(tmp_path / "a.b2nd", [index])
    assert refusal.value.reason == "slices_missing"


def test_any_blosc2_opens_a_prepared_file(tmp_path: Path) -> None:
    for name, array in {"volume": VOLUME, "constant": CONSTANT}.items():
        path = tmp_path / f"{name}.b2nd"
        store.write(path, array, META)
        opened = blosc2.open(str(path))
        np.testing.assert_array_equal(opened[...], array)
        assert json.loads(opened.schunk.vlmeta["docphim"])["view"] == "PA"
        assert opened.chunks[0] == 1


def test_the_digest_of_a_film_is_that_of_its_pixels(tmp_path: Path) -> None:
    film = VOLUME[0]
    assert store.write(tmp_path / "a.b2nd", film, {})["sha256"] == hashlib.sha256(film.tobytes()).hexdigest()
    assert store.digest_of(VOLUME[:2]) != store.digest_of(VOLUME[[1, 0]])


def test_a_compressed_block_has_the_same_rows_on_every_machine(tmp_path: Path) -> None:
    # blosc2 would choose by the size of the processor's cache.
    for shape, blocks in (((200, 50), (64, 50)), ((3, 200, 50), (1, 64, 50)), ((40, 50), (40, 50))):
        path = tmp_path / "a.b2nd"
        store.write(path, np.arange(np.prod(shape), dtype=np.uint16).reshape(shape), META)
        assert blosc2.open(str(path), mode="r").blocks == blocks
