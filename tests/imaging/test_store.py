"""Prepared files come back whole, have equal bytes for equal input, and damage is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.b2nd"
    store.write(path, np.random.default_rng(0).integers(0, 60000, (90, 70)).astype(np.uint16), META)
    whole = path.read_bytes()
    for end in range(1, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(Refused):
            store.read_both(path)
