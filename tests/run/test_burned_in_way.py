"""Burned-in text on the way: a missing library stops it before anything is made; unchecked films are never silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from docphim import counts, doctor, files, recipe, run, terminal
from docphim.errors import UsageError
from docphim.imaging import burned_in


def made(tmp_path: Path, rule: str) -> recipe.Recipe:
    values: dict[str, Any] = {
        "name": "own",
        "source": {"kind": "phantom", "studies": 4, "size": 128},
        "prepare": {"burned_in": rule},
    }
    values |= {"model": {"family": "qwen_vl"}, "data": str(tmp_path / "data"), "runs": str(tmp_path / "runs")}
    return recipe.validated(recipe.Recipe, values, "")


@pytest.mark.parametrize("rule", ["keep", "mask", "refuse"])
def test_a_missing_library_stops_a_run_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str):
    monkeypatch.setattr(burned_in, "PACKAGES", ("no_such_reader",))
    with pytest.raises(UsageError, match=r"burned_in needs no_such_reader.*pip install 'docphim\[ocr\]'"):
        run.run(made(tmp_path, rule), until="prepare")
    assert not list(tmp_path.rglob("*.jsonl"))
    assert "no_such_reader" in doctor.needs(made(tmp_path, rule))["checks"]["packages"]


def test_without_the_check_no_library_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(burned_in, "PACKAGES", ("no_such_reader",))
    assert "no_such_reader" not in doctor.needs(made(tmp_path, "off"))["checks"]["packages"]


def dataset(folder: Path, truth: dict[str, Any] | None) -> Path:
    files.write_jsonl(folder / "studies.jsonl", [{"id": "a", "truth": truth}])
    files.write_jsonl(folder / "prepared" / "index.jsonl", [{"study": "a", "modality": "xray", "how": {}}])
    return folder


def test_films_that_nobody_looked_through_are_counted_and_phantoms_are_not(tmp_path: Path):
    assert counts.of_films(dataset(tmp_path / "own", None)) == ["burned-in text: 1 films not looked through"]
    assert counts.of_films(dataset(tmp_path / "phantoms", {"findings": []})) == []


def test_drafts_say_so_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    dataset(tmp_path / "work", None)
    terminal.after_draft(tmp_path)
    assert "burned-in text: 1 films not looked through" in capsys.readouterr().err
