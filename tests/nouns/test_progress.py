"""progress: off a terminal a plain line now and then, and nothing that stops the work."""

import io
import itertools
import sys
import time

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


def until_printed(capsys, words):
    """An iterator whose one item lasts until the words stand on stderr."""
    printed = ""
    while words not in printed:
        printed += capsys.readouterr().err
        time.sleep(0.001)
    yield "a"


def test_off_a_terminal_a_line_comes_every_while_also_while_one_item_is_long(monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0.001)
    with progress.busy("loading"):
        assert list(until_printed(capsys, "loading: under way for 0 s\n"))
    letters = itertools.chain("a", until_printed(capsys, "letters: 1 of 3, "))
    assert list(progress.bar(letters, 3, "letters")) == ["a", "a"]


def test_what_is_short_says_nothing(capsys):
    assert list(progress.bar("abc", 3, "letters")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    """Stands for a terminal."""

    def isatty(self):
        return True


def test_on_a_terminal_a_bar_comes_also_while_one_item_is_long_and_no_second_one_inside_it(monkeypatch):
    monkeypatch.setattr(progress, "FIRST", 0.001)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    for _ in range(2):
        with progress.busy("letters"), progress.busy("loading"):
            while "letters" not in terminal.getvalue():
                time.sleep(0.001)
        assert "loading" not in terminal.getvalue()
        terminal.truncate(0)


def test_without_stderr_the_work_goes_on(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress.bar("abc", 3, "letters")) == ["a", "b", "c"]
