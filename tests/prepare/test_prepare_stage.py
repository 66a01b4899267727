"""The stage: every film prepared or refused with a reason; the same bytes for any number of workers and after any kill."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chest_films import compressed, film, picture, stored
from chest_films import dataset as dataset_of
from pydicom.uid import JPEGLSLossless

from docphim import files, records
from docphim import workers as pool
from docphim.errors import Refused
from docphim.imaging import store, unchecked
from docphim.imaging.film import film_from
from docphim.imaging.xray import Settings
from docphim.prepare import groups, prepare
from docphim.prepare.jobs import Job, prepare_series

FILMS = {"xray": {"long_side": 120}}
SETTINGS = {"xray": Settings(long_side=100)}


def written(dataset: Path) -> dict[str, bytes]:
    """Everything the stage has written, by name."""
    found = {f"prepared/{p.name}": p.read_bytes() for p in (dataset / "prepared").iterdir()}
    return found | {"rejected.jsonl": (dataset / "rejected.jsonl").read_bytes()}


def index(dataset: Path) -> list[dict[str, object]]:
    return list(files.read_jsonl(dataset / "prepared" / "index.jsonl"))


def rejected(dataset: Path) -> list[tuple[str, str]]:
    return [(r["study"], r["reason"]) for r in files.read_jsonl(dataset / "rejected.jsonl")]


@pytest.fixture
def films(tmp_path: Path) -> dict[str, str]:
    """Good films and bad ones, by series id."""
    contents = {
        "a": film(12, PixelSpacing=[0.2, 0.2], ViewPosition="PA"),
        "b": b"",
        "c": picture(stored(8)),
        "d": film(12, ViewPosition="LL"),
        "e": film(12, PhotometricInterpretation="MONOCHROME1"),
        "f": b"junk",
    }
    for name, data in contents.items():
        (tmp_path / f"Nguyen Van {name}.dcm").write_bytes(data)
    return {name: str(tmp_path / f"Nguyen Van {name}.dcm") for name in contents} | {"g": str(tmp_path / "absent.dcm")}


@pytest.fixture
def shard(tmp_path: Path) -> dict[str, str]:
    """A parquet shard of 3 row groups, as ViX-Ray has it, in an order that is not its own."""
    cells = [picture(np.roll(stored(8), i - 25, axis=0)) for i in range(50)]
    cells[7] = b"junk"
    table = pa.table({"image": [{"bytes": c, "path": f"{i}.png"} for i, c in enumerate(cells)], "findings": ["x"] * 50})
    path = tmp_path / "shard-00000.parquet"
    pq.write_table(table, path, row_group_size=20)
    order = sorted(range(50), key=lambda i: (i * 37) % 50)
    return {f"r{i:02}": f"parquet:{path}#image/{i // 20}/{i % 20}" for i in order}


def test_films_become_files_rows_and_thumbnails(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset(films)
    prepare(dataset, settings=FILMS, workers=1)
    rows = index(dataset)
    assert [r["series"] for r in rows] == ["a", "c", "e"]
    first = rows[0]
    assert {k: first[k] for k in ("study", "path", "shape", "spacing", "unit", "view")} == {
        "study": "study-a",
        "path": "prepared/a.b2nd",
        "shape": [120, 100],
        "spacing": [0.4, 0.4],
        "unit": "display",
        "view": "PA",
    }
    expected = film_from(Path(films["a"]).read_bytes(), 120)
    pixels = store.read(dataset / "prepared" / "a.b2nd")
    np.testing.assert_array_equal(pixels, expected.pixels)
    assert first["how"] == json.loads(json.dumps(expected.how))
    assert first["sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()
    thumbs = np.load(dataset / "prepared" / "thumbs-xray.npy")
    assert (thumbs.shape, thumbs.dtype) == ((3, 32, 32), np.float32)
    assert thumbs[0].mean() == pytest.approx(pixels.mean() / 65535, abs=0.01)
    assert (dataset / "prepared").stat().st_mode & 0o077 == 0


def test_a_decoder_in_a_process_of_its_own_works_below_workers_too(make_dataset, tmp_path: Path) -> None:
    good = compressed(dataset_of(stored(12), 12), JPEGLSLossless)
    for name, data in {"a": good, "b": good[:-3000], "c": good}.items():
        (tmp_path / f"{name}.dcm").write_bytes(data)
    dataset = make_dataset({name: str(tmp_path / f"{name}.dcm") for name in "abc"})
    prepare(dataset, settings=FILMS, workers=2)
    assert [row["series"] for row in index(dataset)] == ["a", "c"]
    assert rejected(dataset) == [("study-b", "file_truncated")]


def test_films_whose_pixels_tell_nothing_are_let_in_listed_and_counted(make_dataset, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(stored(8)))
    (tmp_path / "b.png").write_bytes(picture(np.random.default_rng(0).integers(0, 255, (200, 200)).astype(np.uint8)))
    dataset = make_dataset({name: str(tmp_path / f"{name}.png") for name in "ab"})
    prepare(dataset, settings=FILMS, workers=1)
    rows = index(dataset)
    assert [row["how"]["unchecked"] for row in rows] == [[], ["polarity", "position"]]
    assert unchecked.unchecked(rows) == {"films": 1, "polarity": 1, "position": 1, "studies": ["study-b"]}
    assert unchecked.line(rows) == "unchecked by their pixels: 1 films (polarity 1, position 1)"
    assert unchecked.line(rows[:1]) == ""


def test_refusals_are_rows_without_names_and_replace_earlier_ones(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset(films)
    ingest = {"study": "other", "stage": "ingest", "reason": "report_missing", "why": "w"}
    files.write_jsonl(dataset / "rejected.jsonl", [ingest])
    for _ in range(2):
        prepare(dataset, settings=FILMS, workers=1)
        assert rejected(dataset) == [
            ("other", "report_missing"),
            ("study-b", "file_empty"),
            ("study-d", "view_out_of_scope"),
            ("study-f", "file_unreadable"),
            ("study-g", "file_missing"),
        ]
    everything = b"".join(written(dataset).values())
    assert b"Nguy" not in everything
    assert str(dataset.parent).encode() not in everything


def test_the_source_states_the_view_where_the_header_is_silent(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset({k: films[k] for k in ("a", "c", "e")}, views={"a": "AP", "c": "AP"})
    prepare(dataset, settings=FILMS, workers=1)
    assert [r["view"] for r in index(dataset)] == ["PA", "AP", "unknown"]


def test_any_number_of_workers_writes_the_same_bytes(make_dataset, films: dict[str, str], shard: dict[str, str]) -> None:
    results = []
    for workers in (1, 2):
        dataset = make_dataset({**films, **shard}, f"with-{workers}")
        prepare(dataset, settings=FILMS, workers=workers)
        results.append(written(dataset))
    assert results[0] == results[1]
    assert len(results[0]) == 3 + 49 + 3
    assert b'"study": "study-r07"' in results[0]["rejected.jsonl"]


def test_rows_of_a_parquet_group_stay_together_and_in_order(shard: dict[str, str]) -> None:
    jobs = [Job("s", series, location, "p", "unknown") for series, location in shard.items()]
    shared = groups([Job("s", "x", "/a.dcm", "p", "unknown"), *jobs])
    assert [[j.series for j in group] for group in shared] == [
        ["x"],
        [f"r{i:02}" for i in range(20)],
        [f"r{i:02}" for i in range(20, 40)],
        [f"r{i:02}" for i in range(40, 50)],
    ]


SLOW = """
import sys, time
from pathlib import Path
from docphim.prepare import jobs, prepare
real = jobs.prepare_series
def slow(*args):
    time.sleep(0.1)
    return real(*args)
jobs.prepare_series = slow
if __name__ == "__main__":
    prepare(Path(sys.argv[1]), settings={"xray": {"long_side": 120}}, workers=int(sys.argv[2]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_is_taken_up(make_dataset, shard: dict[str, str], tmp_path: Path, workers: int) -> None:
    whole = make_dataset(shard, "whole")
    prepare(whole, settings=FILMS, workers=1)
    dataset = make_dataset(shard, "killed")
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(tmp_path / "slow.py"), str(dataset), str(workers)], process_group=0) as process:
        deadline = time.monotonic() + 60
        while len(list((dataset / "prepared").glob("r*.b2nd"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        children = [int(p) for p in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        os.kill(process.pid, signal.SIGKILL)
    assert not (dataset / "prepared" / "index.jsonl").exists()
    done = {p.name: p.stat().st_ino for p in (dataset / "prepared").glob("r*.b2nd")}
    assert 5 <= len(done) < 49
    for child in children:  # no worker outlives its parent
        while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    (dataset / "prepared" / ".r99.b2nd.123.part").write_bytes(b"half")
    prepare(dataset, settings=FILMS, workers=1)
    assert written(dataset) == written(whole)
    assert {p.name: p.stat().st_ino for p in (dataset / "prepared").glob("r*.b2nd")}.items() >= done.items()


def test_a_damaged_or_differently_made_file_is_made_again(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset(films)
    prepare(dataset, settings=FILMS, workers=1)
    expected = written(dataset)
    (dataset / "prepared" / "a.b2nd").write_bytes(expected["prepared/a.b2nd"][:-50])
    flipped = bytearray(expected["prepared/c.b2nd"])
    flipped[len(flipped) // 2] ^= 1
    (dataset / "prepared" / "c.b2nd").write_bytes(flipped)
    prepare(dataset, settings=FILMS, workers=1)
    assert written(dataset) == expected
    prepare(dataset, settings={"xray": {"long_side": 72}}, workers=1)
    assert [r["shape"] for r in index(dataset)] == [[72, 60]] * 3


def test_what_left_the_dataset_leaves_the_folder(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset(films)
    prepare(dataset, settings=FILMS, workers=1)
    make_dataset({k: films[k] for k in ("a", "b")})
    prepare(dataset, settings=FILMS, workers=1)
    assert sorted(written(dataset)) == ["prepared/a.b2nd", "prepared/index.jsonl", "prepared/thumbs-xray.npy", "rejected.jsonl"]


CRASHING = """
import ctypes, sys
from pathlib import Path
from docphim.prepare import jobs, prepare
real = jobs.prepare_series
def crash(job, dataset, settings):
    if job.series in sys.argv[2:]:
        ctypes.string_at(0)
    return real(job, dataset, settings)
jobs.prepare_series = crash
if __name__ == "__main__":
    prepare(Path(sys.argv[1]), settings={"xray": {"long_side": 120}}, workers=2)
"""


def test_a_film_that_crashes_its_decoder_costs_itself_only(make_dataset, shard: dict[str, str], tmp_path: Path) -> None:
    dataset = make_dataset(shard)
    (tmp_path / "crashing.py").write_text(CRASHING, encoding="utf-8")
    subprocess.run([sys.executable, str(tmp_path / "crashing.py"), str(dataset), "r43"], check=True, timeout=100)
    assert sorted(rejected(dataset)) == [
        ("study-r07", "file_unreadable"),
        ("study-r43", "pixels_undecodable"),
    ]
    assert len(index(dataset)) == 48


def test_workers_that_cannot_start_are_no_fault_of_the_films(
    make_dataset, films: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "begin", _exit)
    with pytest.raises(Refused, match="cannot be started"):
        prepare(make_dataset(films), settings=FILMS, workers=2)


def test_the_sums_that_prepare_remembers_are_those_of_its_files(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset(films)
    prepare(dataset, settings=FILMS, workers=1)
    remembered = records.read_stage(dataset / records.SUMS)
    assert {f"prepared/{path.name}" for path in (dataset / "prepared").glob("*.b2nd")} == {*remembered} - {"seal"}
    assert all(list(records.summed(dataset / name)) == entry for name, entry in remembered.items())


def _exit(_: object) -> None:
    os._exit(3)


def test_a_full_disk_stops_the_stage(make_dataset, films: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_dataset(films)

    def full(*_: object) -> None:
        raise Refused("disk_full", "", "the disk is full")

    monkeypatch.setattr("docphim.prepare.jobs.atomic", full)
    with pytest.raises(Refused) as refusal:
        prepare(dataset, settings=FILMS, workers=1)
    assert refusal.value.reason == "disk_full"
    assert not (dataset / "prepared" / "index.jsonl").exists()


def test_films_that_were_exchanged_are_prepared_again(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset(films)
    prepare(dataset, settings=FILMS, workers=1)
    before = written(dataset)
    one, other = (dataset / "prepared" / f"{name}.b2nd" for name in "ae")
    one.rename(dataset / "kept")
    other.rename(one)
    (dataset / "kept").rename(other)
    prepare(dataset, settings=FILMS, workers=1)
    assert written(dataset) == before


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(errno.EACCES, "Nguyen"), "folder_unusable: series a: this user may not read or write it"),
        (OSError(errno.EIO, "Nguyen"), "folder_unusable: series a: the disk cannot read or write it"),
        (OSError(errno.EMFILE, "Nguyen"), "folder_unusable: series a: too many files are open"),
        (OSError(errno.ESTALE, "Nguyen"), "folder_unusable: series a: the network folder is gone"),
        (MemoryError("Nguyen"), "memory_full: series a: this machine has not enough memory"),
    ],
)
@pytest.mark.parametrize("call", ["docphim.imaging.io.locations.Path.read_bytes", "docphim.imaging.io.locations._size"])
def test_a_film_that_this_machine_cannot_read_is_not_to_blame(
    make_dataset, films: dict[str, str], monkeypatch: pytest.MonkeyPatch, error: Exception, line: str, call: str
) -> None:
    undisturbed = make_dataset(films, "undisturbed")
    prepare(undisturbed, settings=FILMS, workers=1)
    dataset = make_dataset(films)
    with monkeypatch.context() as patched, pytest.raises(Refused) as refusal:
        patched.setattr(call, failing(error))
        prepare(dataset, settings=FILMS, workers=1)
    assert str(refusal.value).startswith(line)
    assert "Nguyen" not in str(refusal.value)
    assert not (dataset / "rejected.jsonl").exists() and not (dataset / "prepared" / "index.jsonl").exists()
    prepare(dataset, settings=FILMS, workers=1)
    assert written(dataset) == written(undisturbed)


@pytest.mark.parametrize(
    ("call", "code"),
    [("os.fsync", errno.EIO), ("pathlib.Path.replace", errno.EROFS), ("pathlib.Path.replace", errno.ENOENT)],
)
def test_a_place_that_cannot_be_written_stops_the_stage_and_is_named(
    make_dataset, films: dict[str, str], monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    dataset = make_dataset(films)
    with monkeypatch.context() as patched, pytest.raises(OSError, match=os.strerror(code)) as stopped:
        patched.setattr(call, failing(OSError(code, os.strerror(code))))
        prepare(dataset, settings=FILMS, workers=1)
    assert stopped.value.filename == str(dataset / "prepared" / "a.b2nd")
    assert not (dataset / "rejected.jsonl").exists()
    prepare(dataset, settings=FILMS, workers=1)
    assert len(index(dataset)) == 3


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_too_few_files_that_may_be_open_stop_the_stage(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset(films)
    code = """
import resource, sys
from pathlib import Path
import docphim.imaging.xray
from docphim.prepare import jobs, prepare

def starved(*arguments, real=jobs.prepare_series):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 64))
    try:
        return real(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

jobs.prepare_series = starved
try:
    prepare(Path(sys.argv[1]), settings={"xray": {"long_side": 120}}, workers=1)
except Exception as error:
    print(type(error).__name__, error)
"""
    answer = subprocess.run([sys.executable, "-c", code, str(dataset)], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("Refused folder_unusable: series a: too many files are open"), answer.stdout
    assert not (dataset / "rejected.jsonl").exists()


def test_a_fault_of_ours_costs_one_film_and_shows_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(location: str, long_side: int) -> None:
        raise KeyError(location)

    monkeypatch.setattr("docphim.imaging.film.read_film", broken)
    outcome = prepare_series(Job("s", "x", "/secret/Nguyen.dcm", "prepared/x.b2nd", "PA"), tmp_path, SETTINGS)
    assert (outcome.reason, outcome.why) == ("file_unreadable", "reading the pixels failed (KeyError)")


def test_a_modality_that_no_module_prepares_is_refused(tmp_path: Path) -> None:
    outcome = prepare_series(Job("s", "x", "/secret/Nguyen.dcm", "prepared/x.b2nd", "unknown", "mr"), tmp_path, SETTINGS)
    assert (outcome.reason, outcome.why) == ("modality_unsupported", "this run prepares xray")


@pytest.mark.parametrize("name", ["studies.jsonl", "private.csv"])
def test_without_ingest_there_is_nothing_to_prepare(make_dataset, films: dict[str, str], name: str) -> None:
    dataset = make_dataset(films)
    (dataset / name).unlink()
    with pytest.raises(Refused) as refusal:
        prepare(dataset, settings=FILMS, workers=1)
    assert (refusal.value.reason, refusal.value.where) == ("file_missing", name)


def test_a_dataset_without_a_usable_film_has_an_empty_index(make_dataset, films: dict[str, str]) -> None:
    dataset = make_dataset({"b": films["b"]})
    prepare(dataset, settings=FILMS, workers=1)
    assert index(dataset) == []
    assert list((dataset / "prepared").glob("thumbs-*")) == []
