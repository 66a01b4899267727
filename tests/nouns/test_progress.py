"""progress: off a terminal a plain line now and then, and nothing that stops the work."""

import sys

import pytest

from docphim import progress


@pytest.mark.parametrize(
    ("done", "total", "seconds", "line"),
    [
        (120, 1760, 60, "prepare: 120 of 1760, 2.0/s, 14 min left"),
        (10, 20, 10, "prepare: 10 of 20, 1.0/s, 10 s left"),
        (1, 20_000, 1, "prepare: 1 of 20000, 1.0/s, 5.6 h left"),
        (5, None, 10, "prepare: 5, 0.5/s"),
    ],
)
def test_a_line_says_how_many_how_fast_and_how_long(done, total, seconds, line):
    assert progress.line("prepare", done, total, seconds) == line


@pytest.mark.parametrize(("every", "lines"), [(0, 3), (1000, 0)])
def test_off_a_terminal_a_line_comes_every_while(monkeypatch, capsys, every, lines):
    monkeypatch.setattr(progress, "EVERY", every)
    assert list(progress.bar("abc", 3, "letters")) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("letters: ") == lines
    if lines:
        assert printed.err.startswith("letters: 1 of 3, ")


def test_without_stderr_the_work_goes_on(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress.bar("abc", 3, "letters")) == ["a", "b", "c"]
