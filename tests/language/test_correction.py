"""docs/lexicon.md shows a radiologist's corrections step by step: they are made on a copy of the files, and do what it says."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from docphim import cli
from docphim.language import examples, lexicon
from docphim.language.read import tables
from docphim.language.read.sentence import read_sentence
from docphim.metrics import weighing, weights
from docphim.package_data import packaged

DOCUMENT = Path(__file__).parents[2] / "docs" / "lexicon.md"
CACHES = (packaged, lexicon.load_lexicon, tables.load_grammar, read_sentence, weights.weights)


def steps() -> list[tuple[str, str]]:
    """The blocks of the section, in order: what they hold (`yaml`, `console`) and their text."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.search(r"^## A correction, step by step\n(.*?)^## ", text, re.S | re.M)
    return re.findall(r"^```(\w+)\n(.*?)^```", section[1], re.S | re.M)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A copy of the lexicon, the grammar and the weights, read in place of these."""
    (tmp_path / "metrics").mkdir()
    monkeypatch.setattr(weights, "TABLE", Path(shutil.copy(weights.TABLE, tmp_path / "metrics")))
    for module in (lexicon, tables):
        shutil.copytree(module.FOLDER, tmp_path / module.FOLDER.name)
        monkeypatch.setattr(module, "FOLDER", tmp_path / module.FOLDER.name)
    forget()
    yield tmp_path
    forget()


def forget():
    for cache in CACHES:
        cache.cache_clear()


def write(files, text):
    """Put a block's lines into the file that it names, right below the section that it names."""
    place, section, *lines = text.splitlines()
    path = files / place.removeprefix("# ")
    before = path.read_text(encoding="utf-8")
    assert f"\n{section}\n" in before
    path.write_text(before.replace(f"\n{section}\n", "\n" + "\n".join([section, *lines]) + "\n", 1), encoding="utf-8")
    forget()


def holds(printed, shown):
    """Whether printed lines are as a document shows them, where `…` stands for anything."""
    shown = "".join(re.escape(part) if part != "…" else ".*" for part in re.split("(…)", shown))
    return re.fullmatch(shown + r"\s*", printed, re.S) is not None


def test_each_step_does_what_the_document_says(files, capsys):
    done = []
    for kind, text in steps():
        if kind == "yaml":
            write(files, text)
        else:
            command, _, shown = text.partition("\n")
            cli.app(shlex.split(command)[2:], standalone_mode=False)
            printed = capsys.readouterr().out
            assert holds(printed, shown), printed
        done.append(kind)
    assert done == ["console", "yaml", "console"] * 3
    assert [fault for fault in examples.faults() if "s.seen" in fault] == []
    assert weighing.faults() == []


def test_what_a_document_shows_is_compared_line_by_line():
    assert holds("a\nb\nc d\n", "a\n…\nc …\n") and holds("a\n", "a\n")
    assert not holds("a\nb\n", "a\n") and not holds("b\n", "a\n")
