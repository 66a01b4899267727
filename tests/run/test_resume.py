"""resume: a stage runs once, again after a change, goes on after a kill."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docphim import files, resume
from docphim.errors import Refused, UsageError
from docphim.recipe import load
from docphim.stage import Stage
from docphim.way import stages

CALLS: list[dict] = []
ERRORS = {"fail": RuntimeError("in the middle"), "refuse": Refused("too_long"), "interrupt": KeyboardInterrupt()}


def upper(source: Path, target: Path, *, mark: str, workers: int = 1) -> None:
    """A stage for the tests: append the source in capitals, so that a rerun over leftovers would show."""
    CALLS.append({"mark": mark, "workers": workers})
    with open(target, "a", encoding="utf-8") as handle:
        handle.write(source.read_text(encoding="utf-8").upper() + mark)
    if mark in ERRORS:
        raise ERRORS[mark]


def add_row(source: Path, target: Path, *, mark: str, workers: int = 1) -> None:
    """A stage that adds a row to a file that others write too."""
    rows = target.with_name("rows.jsonl")
    files.write_jsonl(rows, [*files.read_jsonl(rows), {"stage": "upper", "mark": mark}])
    upper(source, target, mark=mark)


def out(folder: Path) -> str:
    return (folder / "out.txt").read_text(encoding="utf-8")


def sides(folder: Path) -> list[str]:
    """What stands aside: nothing, once a stage is whole."""
    return [p.name for p in folder.iterdir() if p.is_dir() and p.name.startswith(".")]


def everything(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def stage(tmp_path):
    CALLS.clear()
    (tmp_path / "in.txt").write_text("a", encoding="utf-8")

    def make(mark="!", workers=1, version=1):
        return Stage(
            name="upper",
            call=f"{__name__}:upper",
            arguments=(tmp_path / "in.txt", tmp_path / "out.txt"),
            settings={"mark": mark},
            unrecorded={"workers": workers},
            inputs={"in": tmp_path / "in.txt"},
            folder=tmp_path,
            outputs=["out.txt"],
            version=version,
        )

    return make


def test_a_stage_runs_once(stage, tmp_path):
    for workers in (1, 2):
        resume.do(stage(workers=workers))
    assert len(CALLS) == 1 and (tmp_path / "out.txt").read_text(encoding="utf-8") == "A!"


def test_what_a_stage_had_not_written_is_no_reason_to_do_it_again(stage, tmp_path, caplog):
    caplog.set_level("INFO", "docphim")

    def optional(mark):
        return dataclasses.replace(stage(mark), outputs=["out.txt", "extra.html"])

    for mark in ("!", "?"):
        resume.do(optional(mark))
    assert "replaced: settings.mark has changed\n" in caplog.text
    (tmp_path / "out.txt").unlink()
    resume.do(optional("."))
    assert "replaced: settings.mark has changed, out.txt is not there\n" in caplog.text


WHY = {"settings": "settings.mark has changed", "version": "version has changed", "input": "inputs.in has changed"}


@pytest.mark.parametrize("change", WHY)
def test_a_change_redoes_it_over_a_clean_place_and_says_why(stage, tmp_path, change, caplog):
    caplog.set_level("INFO", "docphim")
    resume.do(stage())
    assert "done again" not in caplog.text
    if change == "input":
        (tmp_path / "in.txt").write_text("b", encoding="utf-8")
    assert resume.do(stage(mark="?" if change == "settings" else "!", version=2 if change == "version" else 1))
    expected = {"settings": "A?", "input": "B!"}.get(change, "A!")
    assert len(CALLS) == 2 and out(tmp_path) == expected
    assert f"upper: done again, and what it had made is replaced: {WHY[change]}\n" in caplog.text
    assert not sides(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_an_output_that_is_not_what_was_written_is_made_again_and_named(stage, tmp_path, damage, caplog):
    resume.do(stage())
    if damage == "missing":
        (tmp_path / "out.txt").unlink()
    else:
        (tmp_path / "out.txt").write_text("A?", encoding="utf-8")
    assert resume.do(stage()) and out(tmp_path) == "A!" and stage().done
    assert "upper: out.txt is " in caplog.text and not sides(tmp_path)


@pytest.mark.parametrize("name", ["upper.json", ".upper.started.json"])
def test_a_damaged_record_costs_no_output(stage, tmp_path, name):
    resume.do(stage())
    record = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(record.replace(b"!", b"?"))
    (tmp_path / "out.txt").write_text("A!", encoding="utf-8")
    resume.do(stage())
    assert stage().done and out(tmp_path).startswith("A!"), "it went on over what there was"


@pytest.mark.parametrize("error", ["fail", "refuse", "interrupt"])
def test_what_was_made_before_stands_again_when_its_successor_fails_and_the_unfinished_is_gone_on_with(stage, tmp_path, error):
    resume.do(stage())
    before = everything(tmp_path)
    with pytest.raises((RuntimeError, Refused, KeyboardInterrupt)):
        resume.do(stage(mark=error))
    assert stage().done
    assert {name: text for name, text in everything(tmp_path).items() if "/" not in name} == before
    assert not resume.do(stage()), "the old recipe finds its work done"
    with pytest.raises((RuntimeError, Refused, KeyboardInterrupt)):
        resume.do(stage(mark=error))
    assert out(tmp_path) == "A!" and out(tmp_path / ".new-upper") == f"A{error}A{error}"
    resume.do(stage(mark="?"))
    assert out(tmp_path) == "A?" and not sides(tmp_path)


def test_rows_of_other_stages_stay_and_its_own_come_back_when_it_fails(stage, tmp_path):
    rows = [{"stage": "first", "n": 1}]
    files.write_jsonl(tmp_path / "rows.jsonl", rows)
    shared = {"call": f"{__name__}:add_row", "outputs": ["out.txt", "rows.jsonl?stage=upper"]}
    resume.do(dataclasses.replace(stage(), **shared))
    with pytest.raises(RuntimeError):
        resume.do(dataclasses.replace(stage(mark="fail"), **shared))
    assert list(files.read_jsonl(tmp_path / "rows.jsonl")) == [*rows, {"stage": "upper", "mark": "!"}]
    resume.do(dataclasses.replace(stage(mark="?"), **shared))
    assert list(files.read_jsonl(tmp_path / "rows.jsonl")) == [*rows, {"stage": "upper", "mark": "?"}]


def test_a_damaged_row_is_dropped_and_written_again(stage, tmp_path):
    row = dataclasses.replace(stage(), call=f"{__name__}:add_row", outputs=["out.txt", "rows.jsonl?stage=upper"])
    resume.do(row)
    good = (tmp_path / "rows.jsonl").read_bytes()
    (tmp_path / "rows.jsonl").write_bytes(good.replace(b":", b";", 1))
    resume.do(row)
    assert (tmp_path / "rows.jsonl").read_bytes() == good


def test_damage_beside_the_outputs_is_named_set_aside_and_costs_no_second_run(stage, tmp_path, caplog):
    logging = dataclasses.replace(stage(), beside=["log.txt"])
    (tmp_path / "log.txt").write_text("fine", encoding="utf-8")
    resume.do(logging)
    (tmp_path / "log.txt").write_text("fime", encoding="utf-8")
    assert not resume.do(logging) and "upper: log.txt is not what was written" in caplog.text
    assert not (tmp_path / "log.txt").exists() and (tmp_path / "log.txt.damaged").exists() and len(CALLS) == 1


@pytest.mark.parametrize(("mending", "left"), [(False, "A!"), (True, "damagedA!")])
def test_a_damaged_file_is_left_to_a_stage_that_mends_by_itself_and_is_out_of_the_way_of_another(
    stage, tmp_path, mending, left
):
    upper = dataclasses.replace(stage(), mending=mending)
    resume.do(upper)
    (tmp_path / "out.txt").write_text("damaged", encoding="utf-8")
    resume.do(upper)
    assert out(tmp_path) == left, "the stage of this test appends to what it left"


def fold(source: Path, target: Path) -> None:
    """A stage that makes a file of each letter of its source; a letter whose file is there already is taken as it is."""
    target.mkdir(exist_ok=True)
    for letter in source.read_text(encoding="utf-8"):
        if not (target / letter).exists():
            (target / letter).write_text(letter, encoding="utf-8")


@pytest.fixture
def folding(stage, tmp_path):
    (tmp_path / "letters.txt").write_text("abc", encoding="utf-8")
    places = (tmp_path / "letters.txt", tmp_path / "out")
    return dataclasses.replace(
        stage(),
        call=f"{__name__}:fold",
        arguments=places,
        settings={},
        unrecorded={},
        inputs={},
        outputs=["out"],
        selective=True,
    )


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_damaged_file_whose_source_is_gone_stops_the_run_until_the_source_is_back(folding, tmp_path, damage):
    source, target = folding.arguments
    resume.do(folding)
    (target / "b").unlink()
    if damage == "flipped":
        (target / "b").write_text("B", encoding="utf-8")
    source.write_text("ac", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(Refused, match="file_changed") as refusal:
            resume.do(folding)
        assert refusal.value.where == f"{tmp_path.name}/out/b" and not folding.done
    source.write_text("abc", encoding="utf-8")
    assert resume.do(folding) and folding.done and not sides(tmp_path)
    assert (target / "b").read_text(encoding="utf-8") == "b"


def test_a_damaged_file_that_other_settings_do_not_make_stops_nothing(folding, tmp_path):
    source, target = folding.arguments
    resume.do(folding)
    (target / "b").unlink()
    source.write_text("ac", encoding="utf-8")
    with pytest.raises(Refused, match="file_changed"):
        resume.do(folding)
    assert resume.do(dataclasses.replace(folding, version=2)) and not sides(tmp_path)
    assert sorted(path.name for path in target.iterdir()) == ["a", "c"]


def test_a_damaged_file_is_missed_also_after_other_settings_have_failed(folding, stage, tmp_path):
    source, target = folding.arguments
    resume.do(folding)
    (target / "b").unlink()
    source.write_text("ac", encoding="utf-8")
    with pytest.raises(Refused, match="file_changed"):
        resume.do(folding)
    with pytest.raises(RuntimeError):
        resume.do(dataclasses.replace(stage("fail"), outputs=["out"]))
    with pytest.raises(Refused, match="file_changed"):
        resume.do(folding)
    source.write_text("abc", encoding="utf-8")
    assert resume.do(folding) and not sides(tmp_path) and (target / "b").exists()


def test_many_damaged_files_are_counted_and_the_first_are_named(folding, caplog):
    source, target = folding.arguments
    source.write_text("abcdefghij", encoding="utf-8")
    resume.do(folding)
    for path in target.iterdir():
        path.unlink()
    resume.do(folding)
    lines = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == resume.NAMED + 1 and lines[-1] == f"upper: and {10 - resume.NAMED} more files"


def test_an_interrupted_stage_is_not_done_and_keeps_what_it_had(stage, tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError):
            resume.do(stage(mark="fail"))
        assert not stage(mark="fail").done
    assert out(tmp_path) == "AfailAfail"


def test_what_other_settings_left_half_done_is_replaced(stage, tmp_path):
    with pytest.raises(RuntimeError):
        resume.do(stage(mark="fail"))
    resume.do(stage())
    assert out(tmp_path) == "A!" and not sides(tmp_path)


@pytest.mark.parametrize("changed", [True, False])
def test_a_later_stage_counts_as_done_no_more_when_what_it_read_has_changed(stage, tmp_path, changed):
    first = stage()
    read, wrote = tmp_path / "out.txt", tmp_path / "b.txt"
    later = dataclasses.replace(first, name="after", arguments=(read, wrote), inputs={"out": read}, outputs=["b.txt"])
    for each in (first, later):
        resume.do(each)
    (tmp_path / "out.txt").unlink()
    if changed:
        (tmp_path / "in.txt").write_text("b", encoding="utf-8")
    resume.do(stage(), later=[later])
    assert later.ended.exists() != changed
    assert resume.do(later) == changed and wrote.read_text(encoding="utf-8") == ("B!!" if changed else "A!!")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("scenario", ["first", "again", "failing", "healing", "returning"])
def test_a_kill_at_any_file_operation_loses_nothing_and_the_same_command_finishes(tmp_path, scenario):
    script = Path(__file__).with_name("kill_every_operation.py")
    answer = subprocess.run([sys.executable, script, tmp_path, scenario], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) >= 10


def test_temporary_files_of_a_killed_writer_are_swept(stage, tmp_path):
    (tmp_path / ".out.txt.123.part").write_text("half", encoding="utf-8")
    resume.do(stage())
    assert not list(tmp_path.glob(".*.part"))


def test_a_stage_whose_forerunner_is_missing_names_the_command(stage):
    with pytest.raises(UsageError, match="run `docphim upper` first"):
        resume.require_done(stage(), "train")


@pytest.mark.parametrize(
    ("language", "read"), [("vi", {"lexicon/vi.yaml", "labels/vindr.yaml", "read/sentence.py"}), ("zh", set())]
)
def test_a_corrected_word_table_or_rule_evaluates_a_run_again(tmp_path, language, read):
    recipe = load("demo", [f"evaluate.language={language}"])
    evaluate = next(stage for stage in stages(recipe, tmp_path, tmp_path) if stage.name == "evaluate")
    names = {name for name in evaluate.inputs if name.endswith((".yaml", ".py"))}
    assert read <= names if read else not names
    assert all(evaluate.inputs[name].is_file() for name in names)
