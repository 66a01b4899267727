"""terminal: what a run and `docphim score` print fits a terminal of 80 columns and pastes well."""

from docphim import terminal

KEYS = ("rougeL", "bleu4")
SIGNATURE = "docphim:rougeL|mean|refs:1|norm:nfc+tone-old|case:lower|tok:syllable|punct:drop|f:1|stem:no|empty:0|n:220"


def scores(value=87.65, few=False, **more):
    ends = {"low": None, "high": None} if few else {"low": value - 10, "high": value + 10}
    return {key: {"value": value, **ends, "n": 220, "signature": SIGNATURE, **more} for key in KEYS}


def task(few=False):
    rates = {"tpr": 0.5, "fpr": 0.25, "j": -0.25, "low": None if few else -1.0, "high": None if few else -0.01}
    floors = ("constant", "random", "nearest", "metadata")
    return {
        "scores": scores(few=few),
        "ceiling": scores(few=few),
        "floors": {floor: scores(few=few) for floor in floors},
        "lead": {floor: scores(-12.34, few=few) for floor in floors},
        "reliance": {image: scores(few=few, drop=scores(23.4, few=few)["bleu4"]) for image in ("noise", "blank", "other")},
        "image_gain": {"value": 12.5, "low": 11.0, "high": 14.0, "n": 220},
        "counts": {"predictions": 220, "cut": 3, "empty": 0},
        "by_finding": {"hilar_prominence (side)": {"own": rates, "other": rates}, "cardiomegaly": {"own": rates}},
    }


def test_a_headline_fits_eighty_columns_and_ends_no_line_in_blanks():
    lines = terminal.headline("dialogue/test/generated", task()).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    assert lines[0] == "dialogue/test/generated: 220 reports, 3 cut"


def test_a_headline_shows_each_floor_and_wrong_film_with_the_lead_over_it():
    lines = terminal.headline("findings/test", task()).splitlines()
    row = next(line for line in lines if line.startswith("floor: nearest"))
    assert row.split()[2:6] == ["87.7", "-12.3", "[-22.3,", "-2.3]"]
    row = next(line for line in lines if line.startswith("shown other"))
    assert row.split()[2:6] == ["87.7", "+23.4", "[13.4,", "33.4]"]
    assert "image gain 12.50 [11.00, 14.00] nats a report" in lines
    assert next(line for line in lines if line.startswith("cardiomegaly")).endswith("–")


def test_without_intervals_the_headline_has_no_brackets():
    text = terminal.headline("findings/test", task(few=True) | {"image_gain": None})
    assert "[" not in text and "floor: constant" in text and "-12.3" in text


def test_scores_are_printed_with_their_signature_unbroken(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    terminal.score_table({"scores": scores(), "counts": {"pairs": 220, "missing": 1}, "named": {"missing": ["a", "b"]}})
    said = capsys.readouterr().out.splitlines()
    assert "rougeL  87.65  [77.65, 97.65]" in said and f"  {SIGNATURE}" in said
    assert "  missing: a, b" in said
