"""resume: a stage runs once, again after a change, goes on after a kill."""

import dataclasses
from pathlib import Path

import pytest

from docphim import resume
from docphim.errors import UsageError
from docphim.recipe import load
from docphim.resume import Stage
from docphim.run import stages

CALLS: list[dict] = []


def upper(source: Path, target: Path, *, mark: str, workers: int = 1) -> None:
    """A stage for the tests: append the source in capitals, so that a rerun over leftovers would show."""
    CALLS.append({"mark": mark, "workers": workers})
    with open(target, "a", encoding="utf-8") as handle:
        handle.write(source.read_text(encoding="utf-8").upper() + mark)
    if mark == "fail":
        raise RuntimeError("stopped in the middle")


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


WHY = {
    "settings": "settings.mark has changed",
    "version": "version has changed",
    "input": "inputs.in has changed",
    "output": "out.txt is not there",
}


@pytest.mark.parametrize("change", WHY)
def test_a_change_redoes_it_over_a_clean_place_and_says_why(stage, tmp_path, change, caplog):
    caplog.set_level("INFO", "docphim")
    resume.do(stage())
    assert "done again" not in caplog.text
    if change == "input":
        (tmp_path / "in.txt").write_text("b", encoding="utf-8")
    if change == "output":
        (tmp_path / "out.txt").unlink()
    resume.do(stage(mark="?" if change == "settings" else "!", version=2 if change == "version" else 1))
    expected = {"settings": "A?", "input": "B!"}.get(change, "A!")
    assert len(CALLS) == 2 and (tmp_path / "out.txt").read_text(encoding="utf-8") == expected
    assert f"upper: done again, and what it had made is replaced: {WHY[change]}\n" in caplog.text


def test_an_interrupted_stage_is_not_done_and_keeps_what_it_had(stage, tmp_path):
    with pytest.raises(RuntimeError):
        resume.do(stage(mark="fail"))
    assert not stage(mark="fail").done
    with pytest.raises(RuntimeError):
        resume.do(stage(mark="fail"))
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "AfailAfail"


def test_what_other_settings_left_half_done_is_removed(stage, tmp_path):
    with pytest.raises(RuntimeError):
        resume.do(stage(mark="fail"))
    resume.do(stage())
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "A!"


def test_what_comes_later_in_the_folder_is_done_no_more_when_a_stage_runs_again(stage, tmp_path):
    first = stage()
    later = dataclasses.replace(first, name="after", arguments=(tmp_path / "in.txt", tmp_path / "b.txt"), outputs=["b.txt"])
    elsewhere = dataclasses.replace(later, folder=tmp_path / "other", outputs=[])
    elsewhere.folder.mkdir()
    for each in (first, elsewhere, later):
        resume.do(each)
    (tmp_path / "out.txt").unlink()
    resume.do(first, later=[later, elsewhere])
    assert first.done and not later.done and elsewhere.done
    resume.do(later)
    assert later.done and (tmp_path / "b.txt").read_text(encoding="utf-8") == "A!A!", "it resumes over what it left"


def test_temporary_files_of_a_killed_writer_are_swept(stage, tmp_path):
    (tmp_path / ".out.txt.123.part").write_text("half", encoding="utf-8")
    resume.do(stage())
    assert not list(tmp_path.glob(".*.part"))


def test_a_stage_whose_forerunner_is_missing_names_the_command(stage):
    with pytest.raises(UsageError, match="run `docphim upper` first"):
        resume.require_done(stage(), "train")


@pytest.mark.parametrize(("language", "read"), [("vi", {"lexicon/vi.yaml", "labels/vindr.yaml", "reader.py"}), ("zh", set())])
def test_a_corrected_word_table_or_rule_evaluates_a_run_again(tmp_path, language, read):
    recipe = load("demo", [f"evaluate.language={language}"])
    evaluate = next(stage for stage in stages(recipe, tmp_path, tmp_path) if stage.name == "evaluate")
    names = {name for name in evaluate.inputs if name.endswith((".yaml", ".py"))}
    assert read <= names if read else not names
    assert all(evaluate.inputs[name].is_file() for name in names)
