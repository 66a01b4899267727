"""files: atomic writes, JSONL that survives a kill, content keys, STAGE.json."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim import files
from docphim.errors import Refused, UsageError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_atomic_write_leaves_the_old_file_and_no_other_after_an_error(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), files.atomic(target) as handle:
        handle.write("half")
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_refused_and_nothing_is_left(tmp_path, code):
    with pytest.raises(Refused, match="disk_full"), files.atomic(tmp_path / "a.txt"):
        raise OSError(code, "no space")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device without space")
def test_appending_to_a_device_without_space_is_refused(tmp_path):
    appender = files.Appender(tmp_path / "a.jsonl")
    appender._handle.close()
    appender._handle = open("/dev/full", "ab", buffering=0)  # noqa: SIM115
    with pytest.raises(Refused, match="disk_full"):
        appender.write([{"a": 1}])
    appender.close()


@given(rows=st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=5))
def test_jsonl_round_trip_keeps_every_row(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    assert files.write_jsonl(path, rows) == len(rows)
    assert list(files.read_jsonl(path)) == rows


@pytest.mark.parametrize("tail", ['{"id": 2, "te', '{"id": 2', "{"])
def test_a_last_line_cut_by_a_kill_is_left_out_and_overwritten(tmp_path, tail):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1}\n' + tail, encoding="utf-8")
    assert list(files.read_jsonl(path)) == [{"id": 1}]
    with files.Appender(path) as appender:
        appender.write([{"id": 3}])
    assert list(files.read_jsonl(path)) == [{"id": 1}, {"id": 3}]


def test_a_last_line_cut_in_the_middle_of_a_letter_is_left_out_too(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes('\ufeff{"id": 1}\n{"id": 2, "text": "Phổ'.encode()[:-1])
    assert list(files.read_jsonl(path)) == [{"id": 1}]


def test_a_broken_line_in_the_middle_is_refused_by_its_number(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1}\n{"id":\n{"id": 3}\n', encoding="utf-8")
    with pytest.raises(Refused, match="line 2"):
        list(files.read_jsonl(path))


def test_a_killed_writer_leaves_whole_rows_only(tmp_path):
    path = tmp_path / "rows.jsonl"
    code = (
        "import sys; from pathlib import Path; from docphim.files import Appender\n"
        "a = Appender(Path(sys.argv[1])); i = 0\n"
        "while True: a.write([{'id': i, 'text': 'x' * 5000}]); i += 1"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)])
    while not path.exists() or path.stat().st_size < 100_000:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    files.Appender(path).close()
    ids = [row["id"] for row in files.read_jsonl(path)]
    assert ids == list(range(len(ids))) and len(ids) > 10


def test_content_key_forgets_key_order_and_nothing_else():
    assert files.content_key({"a": 1, "b": 2}) == files.content_key({"b": 2, "a": 1})
    assert files.content_key({"a": 1}) != files.content_key({"a": "1"})


def test_seed_of_is_the_same_everywhere_and_separates_its_parts():
    assert files.seed_of("a", 1) == 0x41CF08D210E9B85F
    assert files.seed_of("ab", "c") != files.seed_of("a", "bc")


def test_private_folder_is_open_to_its_owner_only(tmp_path):
    assert files.private_folder(tmp_path / "new" / "run").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize(("before", "after"), [(0o755, 0o700), (0o700, 0o700), (0o555, 0o500), (0o500, 0o500)])
def test_a_private_folder_is_closed_to_others_and_never_opened_to_its_owner(tmp_path, before, after):
    tmp_path.chmod(before)
    assert files.private_folder(tmp_path).stat().st_mode & 0o777 == after
    tmp_path.chmod(0o700)


HOLD = (
    "import sys; from pathlib import Path; from docphim.files import locked\n"
    "with locked(Path(sys.argv[1]), sys.argv[2]): print('held', flush=True); input()"
)


def holder(folder, process=""):
    pipe = subprocess.PIPE
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), process], stdin=pipe, stdout=pipe, text=True)
    assert other.stdout.readline() == "held\n"
    return other


@pytest.mark.parametrize("process", ["", "rank1"])
def test_a_folder_is_written_by_one_command_and_its_helpers_and_the_lock_dies_with_them(tmp_path, process, monkeypatch):
    monkeypatch.setattr(files, "_PARTING", 0.1)
    other = holder(tmp_path, process)
    with pytest.raises(UsageError, match="another process"), files.locked(tmp_path):
        pass
    other.kill()
    other.communicate()
    with files.locked(tmp_path), files.locked(tmp_path, "rank1"):
        pass


def test_who_waits_for_a_folder_says_so_and_goes_on_when_it_is_free(tmp_path, caplog):
    caplog.set_level("INFO", "docphim")
    other = holder(tmp_path)
    threading.Timer(0.3, other.communicate, ["\n"]).start()
    with files.locked(tmp_path, wait=True):
        pass
    assert "waiting for it" in caplog.text and other.wait() == 0


def test_a_folder_that_cannot_be_locked_is_no_other_process(tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(OSError), files.locked(tmp_path / "file"):
        pass
