"""What a radiologist may get wrong in weights.yaml or same.yaml is named in one line, by row."""

import pytest

from docphim import doctor
from docphim.language import alike, same_rows
from docphim.language.same import rows
from docphim.metrics import weighing
from docphim.metrics import weights as table_of_weights
from docphim.package_data import packaged

FIRST = "\nrows:\n"
ROW = FIRST + "  - {{when: {when}, is: {level}, source: mine, example: {example}}}\n"
FORM = "\nforms:\n  mine: {{left: {left}, right: {right}, why: x, example: [{one}, {other}]}}\n"


def row(when, level="urgent", example="Tràn dịch màng phổi trái lượng nhiều."):
    return FIRST, ROW.format(when=when, level=level, example=example)


def form(left, right, one="Hang phổi phải.", other="Nang phổi phải."):
    return "\nforms:\n", FORM.format(left=left, right=right, one=one, other=other)


WEIGHTS = [
    (
        row("{finding: efusion}"),
        "a condition asks for finding 'efusion', which has no line in concepts.yaml",
    ),
    (row("{organ: pleura}"), "a condition asks for 'organ', which is no field of a fact"),
    (row("{finding: effusion}", "critical"), "'critical' is not one of urgent, actionable, non_actionable, benign"),
    (row("5"), "no condition on a fact"),
    (row("{}"), "a condition asks for nothing"),
    (row("{finding: mass}"), "rows: «Tràn dịch màng phổi trái lượng nhiều.»: it does not hold for its example"),
    (
        row("{finding: effusion, severity: severe}"),
        "it contradicts the row of «Tràn dịch màng phổi trái lượng nhiều.»",
    ),
    (row("{finding: effusion}"), "it is never reached: the row of «Tràn dịch màng phổi trái lượng nhiều.»"),
    ((FIRST, "\nrows:\n  - {when: {finding: mass}, is: urgent, example: x}\n"), "rows: «x»: it has no source"),
    ((FIRST, "\nrows:\n  - {wen: {finding: mass}, is: urgent, source: s, example: x}\n"), "rows: «x»: it has no when"),
    ((FIRST, "\nrows:\n  - effusion\n"), "rows: «effusion»: it is no row"),
    (("  miss: 1 ", "  mis: 1 "), "costs: it has no miss"),
    (("  miss: 1 ", "  miss: much "), "costs: miss is no number of 0 or more"),
    (("[atelectasis, volume_loss, collapsed]", "[atelectasis, opacity]"), "kin: 'opacity' is of two families"),
    (("[atelectasis, volume_loss, collapsed]", "[atelectasis, colapsed]"), "kin: 'colapsed' has no line in concepts.yaml"),
    (
        ('example: "Tràn khí màng phổi phải, tràn khí dưới da."', "example: Tràn khí dưới da."),
        "follows: «Tràn khí dưới da.»: nothing in its example follows by it",
    ),
    (("\nrows:", "\nrows: []\nrows:"), "metrics/weights.yaml: rows stands twice"),
]
SAME = [
    (form("{finding: cavity}", "{finding: bleb}"), "forms: mine: a condition asks for finding 'bleb', which has no line in"),
    (form("{finding: cavty}", "{finding: cyst}"), "forms: mine: a condition asks for finding 'cavty', which has no line in"),
    (form("{finding: cavity}", "cyst"), "forms: mine: its right side is no fields of a fact"),
    (form("{finding: mass}", "{finding: cyst}"), "forms: mine: its example does not say the same"),
    (
        form("{finding: mass}", "{finding: cyst}", "Hang phổi phải.", "Hang phổi phải."),
        "forms: mine: its example says the same without it",
    ),
    (("\nforms:\n", "\nforms:\n  mine: {left: {finding: mass}, why: x, example: [a, b]}\n"), "forms: mine: it has no right"),
    (("    same: anatomy\n", "    same: organ\n"), "same: anatomy is all that it may say"),
    (("    place: true\n", "    plase: true\n"), "'plase' is not one of"),
]


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """One of the tables, with a text of it exchanged."""
    caches = (packaged, table_of_weights.weights, rows)

    def edit(module, old, new):
        text = module.TABLE.read_text(encoding="utf-8")
        assert old in text
        folder = tmp_path / module.TABLE.parent.name
        folder.mkdir()
        (folder / module.TABLE.name).write_text(text.replace(old, new, 1), encoding="utf-8")
        monkeypatch.setattr(module, "TABLE", folder / module.TABLE.name)
        for cache in caches:
            cache.cache_clear()

    yield edit
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize(
    ("table", "other", "edit", "named"),
    [*((table_of_weights, alike, *case) for case in WEIGHTS), *((same_rows, weighing, *case) for case in SAME)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_in_a_table_is_named(edited, monkeypatch, table, other, edit, named):
    edited(table, *edit)
    monkeypatch.setattr("docphim.language.examples.faults", list)
    monkeypatch.setattr(other, "faults", list)
    monkeypatch.setattr("docphim.language.lexicon.shadowed", lambda language: [])
    assert any(named in fault for fault in doctor._reading())
