"""STAGE.json and the sums of what stages wrote: what is changed is named, and what need not be is not read again."""

import json
import os

import pytest

from docphim import files, records
from docphim.errors import Refused


def stage(folder, **changes):
    """A stage that read in.txt and wrote out.txt and a folder of pixels; its record, as STAGE.json keeps it."""
    (folder / "in.txt").write_text("1", encoding="utf-8")
    (folder / "out").mkdir()
    for name in ("out.txt", "out/index.jsonl", "out/a.b2nd"):
        (folder / name).write_text("2", encoding="utf-8")
    record = records.stage_record(1, {"a": 1}, {"in": folder / "in.txt"})
    records.write_stage(folder / "stage.json", {**record, "written": records.written(folder, ["out.txt", "out"])})
    return record


def test_a_stage_is_done_with_the_same_settings_and_inputs(tmp_path):
    record = stage(tmp_path)
    assert records.stage_done(tmp_path / "stage.json", record)
    assert not records.stage_done(tmp_path / "stage.json", {**record, "settings": {"a": 2}})
    (tmp_path / "in.txt").write_text("changed", encoding="utf-8")
    assert not records.stage_done(tmp_path / "stage.json", records.stage_record(1, {"a": 1}, {"in": tmp_path / "in.txt"}))


@pytest.mark.parametrize("size", [0, 1 << 30])
@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("out.txt", "3", "out.txt"),
        ("out.txt", None, "out.txt"),
        ("out/index.jsonl", "3", "out/index.jsonl"),
        ("out/a.b2nd", None, "out/a.b2nd"),
        ("out/a.b2nd", "22", "out/a.b2nd"),
        ("out/a.b2nd", "3", "out/a.b2nd"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_named_and_the_stage_is_done_no_more(
    tmp_path, monkeypatch, name, text, wrong, size
):
    monkeypatch.setattr(records, "LARGE", size)
    record = stage(tmp_path)
    records.check_written(tmp_path, "stage")
    (tmp_path / name).unlink(missing_ok=True)
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert records.damaged(tmp_path, records.read_stage(tmp_path / "stage.json")) == [wrong]
    assert not records.stage_done(tmp_path / "stage.json", record)
    other = "out" if wrong == "out.txt" else "out.txt"
    records.check_written(tmp_path, "stage", other)
    for names in ((), ("out.txt", "out")):
        with pytest.raises(Refused, match="file_changed") as refusal:
            records.check_written(tmp_path, "stage", *names)
        assert refusal.value.where == f"{tmp_path.name}/{wrong}"


def test_a_file_that_the_stage_did_not_write_is_none_of_its(tmp_path):
    stage(tmp_path)
    (tmp_path / "more.txt").write_text("2", encoding="utf-8")
    with pytest.raises(Refused, match="file_changed"):
        records.check_written(tmp_path, "stage", "more.txt")


def test_every_flipped_bit_of_the_record_itself_is_noticed(tmp_path):
    record = stage(tmp_path)
    path = tmp_path / "stage.json"
    good = path.read_bytes()
    for at in range(0, len(good), 7):
        flipped = bytearray(good)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        if records.read_stage(path) is not None:  # white space between values says nothing
            assert json.loads(flipped) == json.loads(good)
        else:
            assert not records.stage_done(path, record)
            with pytest.raises(Refused, match=r"file_changed.*stage\.json"):
                records.check_written(tmp_path, "stage")


def test_each_stage_answers_for_its_rows_of_a_file_that_several_write(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"stage": name, "n": n} for name in ("one", "two") for n in range(2)]
    files.write_jsonl(path, rows)
    sums = records.written(tmp_path, ["rows.jsonl?stage=one", "rows.jsonl?stage=two"])
    files.write_jsonl(path, [*rows[:2], {"stage": "two", "n": 9}])
    assert records.damaged(tmp_path, {"written": sums}) == ["rows.jsonl?stage=two"]
    path.write_bytes(path.read_bytes().replace(b'"n": 1', b'"n"; 1', 1))
    assert records.damaged(tmp_path, {"written": sums}) == list(sums)
    records.drop_rows(path, "two")
    assert list(files.read_jsonl(path)) == rows[:1]


def test_a_large_file_is_hashed_once_a_command_and_says_how_far_it_is(tmp_path, monkeypatch, capsys):
    (tmp_path / "model").write_bytes(b"ab" * 500)
    expected = files.sha256(tmp_path / "model")
    for module in (files, records):
        monkeypatch.setattr(module, "LARGE", 10)
    monkeypatch.setattr(files, "_BLOCK", 7)
    titles = []
    monkeypatch.setattr(files, "bar", lambda items, total, title: titles.append((total, title)) or items)
    assert [records.digest(tmp_path, "model") for _ in range(2)] == [expected] * 2
    assert titles == [(143, "hashes, MiB")]
    (tmp_path / "model").write_bytes(b"ac" * 500 + b"!")
    assert records.digest(tmp_path, "model") != expected


def read(monkeypatch):
    """The names of the files whose bytes are hashed from now on."""
    names = []
    monkeypatch.setattr(records, "sha256", lambda path: names.append(path.name) or files.sha256(path))
    return names


def checkpoint(folder):
    part = folder / "checkpoints" / "checkpoint-1"
    part.mkdir(parents=True)
    for name in ("manifest.json", "weights", "film.b2nd"):
        (part / name).write_text("abc", encoding="utf-8")
    return part


def test_what_is_checked_on_use_is_hashed_again_only_where_its_size_or_time_has_changed(tmp_path, monkeypatch):
    part = checkpoint(tmp_path)
    record = {"written": records.written(tmp_path, ["checkpoints"])}
    assert {name.rpartition("/")[2] for name in record["written"]} == {"manifest.json", "weights", "film.b2nd"}
    names = read(monkeypatch)
    assert records.damaged(tmp_path, record) == []
    assert names == ["manifest.json"]
    os.utime(part / "weights", (1, 1))
    assert [records.damaged(tmp_path, record) for _ in range(2)] == [[], []]
    assert sorted(names[1:]) == ["manifest.json", "manifest.json", "weights"]


@pytest.mark.parametrize("name", ["weights", "film.b2nd", "manifest.json"])
@pytest.mark.parametrize("text", ["abd", None])
def test_one_changed_letter_of_what_is_checked_on_use_is_named_and_so_is_a_missing_file(tmp_path, name, text):
    part = checkpoint(tmp_path)
    record = {"written": records.written(tmp_path, ["checkpoints"])}
    (part / name).unlink()
    if text:
        (part / name).write_text(text, encoding="utf-8")
    assert [records.damaged(tmp_path, record) for _ in range(2)] == [[f"checkpoints/checkpoint-1/{name}"]] * 2
    (part / name).write_text("abc", encoding="utf-8")
    assert records.damaged(tmp_path, record) == []


def test_remembered_sums_save_reading_and_damaged_notes_of_them_are_left_unused(tmp_path, monkeypatch):
    part = checkpoint(tmp_path)
    records.remember(tmp_path, {"checkpoints/checkpoint-1/weights": records.summed(part / "weights")})
    names = read(monkeypatch)
    record = {"written": records.written(tmp_path, ["checkpoints"])}
    assert sorted(names) == ["film.b2nd", "manifest.json"]
    notes = tmp_path / records.SUMS
    notes.write_text(notes.read_text(encoding="utf-8").replace('"weights', '"weight', 1).replace("1", "2"), encoding="utf-8")
    assert records.damaged(tmp_path, record) == []
    (part / "weights").unlink()
    assert records.damaged(tmp_path, record) == ["checkpoints/checkpoint-1/weights"]
    records.remember(tmp_path, {})
    assert "weights" not in notes.read_text(encoding="utf-8")


def test_sums_of_a_folder_that_cannot_be_written_are_computed_each_time(tmp_path, monkeypatch):
    checkpoint(tmp_path)
    record = {"written": records.written(tmp_path, ["checkpoints"])}
    (tmp_path / records.SUMS).unlink()
    (tmp_path / records.SUMS).mkdir()
    names = read(monkeypatch)
    assert [records.damaged(tmp_path, record) for _ in range(2)] == [[], []]
    assert names.count("weights") == 2


def test_a_change_that_keeps_a_files_time_is_doubted_once_an_opener_has_named_it(tmp_path):
    part = checkpoint(tmp_path)
    record = {"written": records.written(tmp_path, ["checkpoints"])}
    before = (part / "weights").stat()
    (part / "weights").write_text("abd", encoding="utf-8")
    os.utime(part / "weights", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert records.damaged(tmp_path, record) == [], "size and time are all that is looked at"
    with pytest.raises(Refused), records.doubting(tmp_path):
        raise Refused("empty_dataset")
    assert records.damaged(tmp_path, record) == []
    with pytest.raises(Refused), records.doubting(tmp_path):
        raise Refused("file_changed", "weights")
    assert records.damaged(tmp_path, record) == ["checkpoints/checkpoint-1/weights"]


def test_what_changes_after_it_was_summed_is_read_again(tmp_path):
    part = checkpoint(tmp_path)
    record = {"written": records.written(tmp_path, ["checkpoints"])}
    early = records.summed(part / "weights")
    (part / "weights").write_text("changed", encoding="utf-8")
    records.remember(tmp_path, {"checkpoints/checkpoint-1/weights": early})
    assert records.damaged(tmp_path, record) == ["checkpoints/checkpoint-1/weights"]
