"""terminal: what a run and `docphim score` print fits a terminal of 80 columns and pastes well."""

import pytest

from docphim import terminal
from docphim.language.fact import Fact
from docphim.scores import Reading, TaskScores
from docphim.study import from_row

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
        "counts": {"predictions": 220, "cut": 3, "empty": 0, "declined": 0},
        "by_finding": {"hilar_prominence (side)": {"own": rates, "other": rates}, "cardiomegaly": {"own": rates}},
    }


def headline(name, entry):
    return terminal.headline(name, from_row(TaskScores, entry))


def test_a_headline_fits_eighty_columns_and_ends_no_line_in_blanks():
    lines = headline("dialogue/test/generated", task()).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    assert lines[0] == "dialogue/test/generated: 220 reports, 3 cut, declined 0 of 220 (0 %)"


def test_a_headline_shows_each_floor_and_wrong_film_with_the_lead_over_it():
    lines = headline("findings/test", task()).splitlines()
    row = next(line for line in lines if line.startswith("floor: nearest"))
    assert row.split()[2:6] == ["87.7", "-12.3", "[-22.3,", "-2.3]"]
    row = next(line for line in lines if line.startswith("shown other"))
    assert row.split()[2:6] == ["87.7", "+23.4", "[13.4,", "33.4]"]
    assert "image gain 12.50 [11.00, 14.00] nats a report" in lines
    assert next(line for line in lines if line.startswith("cardiomegaly")).endswith("–")


def test_of_scans_alone_the_headline_speaks_of_scans(tmp_path):
    of = {"fact_f1": {"needs_image": True, "beats_floors": True}, "rougeL": {"needs_image": True, "beats_floors": True}}
    text = terminal.headline("findings/test", from_row(TaskScores, task() | {"reading": of}), "scan")
    assert "own scan leads by" in text and "J, own scan" in text and "it reads the scan." in text and "film" not in text
    index = tmp_path / "prepared" / "index.jsonl"
    index.parent.mkdir()
    for rows, name in (("ct",), "scan"), (("ct", "xray"), "film"), (("xray",), "film"):
        index.write_text("".join(f'{{"modality": "{m}"}}\n' for m in rows), encoding="utf-8")
        assert terminal.called(tmp_path) == name


def test_without_intervals_the_headline_has_no_brackets():
    text = headline("findings/test", task(few=True) | {"image_gain": None})
    assert "[" not in text and "floor: constant" in text and "-12.3" in text
    assert "fewer than 30 patients" in text
    assert "fewer than 30" not in headline("findings/test", task())


def test_many_faults_and_scores_at_the_ends_stay_within_eighty_columns():
    wide = {"value": -100.0, "low": -100.0, "high": -99.9}
    made = task() | {"scores": {key: row | {"value": 100.0, "low": 100.0, "high": 100.0} for key, row in scores().items()}}
    made["lead"] = {floor: dict.fromkeys(KEYS, wide) for floor in made["floors"]}
    made["counts"] = dict.fromkeys(
        ("predictions", "empty", "cut", "failed", "declined", "missing", "extra", "duplicates"), 1234
    )
    assert max(map(len, headline("dialogue/test/generated", made).splitlines())) <= 84
    facts = scores()["rougeL"]
    lines = headline("dialogue/test/generated", made | {"scores": {"fact_f1": facts}}).splitlines()
    assert max(map(len, lines)) <= 80 and lines[1].endswith("1234 duplicates, declined 1234 of 1234 (100 %)")


def test_what_rounds_to_nothing_has_no_sign():
    rates = {"tpr": 0.2, "fpr": 0.2, "j": -0.0004, "low": None, "high": None}
    text = headline("findings/test", task() | {"by_finding": {"cardiomegaly": {"own": rates}}})
    assert "-0.00" not in text


@pytest.mark.parametrize(
    ("state", "polarity", "said"),
    [
        ("enlarged", "normal", "heart not enlarged"),
        ("enlarged", "abnormal", "heart enlarged"),
        ("sharp", "abnormal", "heart not sharp"),
    ],
)
def test_a_state_that_is_denied_is_printed_with_not(state, polarity, said, capsys):
    terminal.facts([Fact("Bóng tim", 0, 8, anatomy="heart", state=state, polarity=polarity)], "vi")
    whether, _, rest = capsys.readouterr().out.splitlines()[1].partition(" ")
    assert whether == polarity and rest.strip().startswith(said)


def test_a_fact_of_many_words_goes_on_below_within_the_width_and_steers_no_terminal(capsys):
    text = "Nốt đặc thùy trên phổi trái kích thước 12 x 14 mm bờ tua gai " * 3 + "\x1b[31m\u202e"
    places = ("apex", "subpleural", "upper_lobe")
    fact = Fact(text, 0, len(text), anatomy="lung", finding="nodule", side="left", location=places)
    terminal.facts([fact], "vi")
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= terminal.WIDTH and len(said.splitlines()) > 3
    assert "\x1b" not in said and "\u202e" not in said
    terminal.facts([], "vi")
    assert capsys.readouterr().out == "no facts\n"


def test_scores_are_printed_with_the_signature_that_they_share_broken_at_its_bars_only(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    fields = SIGNATURE.split("|")[1:]
    both = scores() | {"rouge1": scores()["rougeL"] | {"signature": "|".join(["docphim:rouge1", *fields])}}
    terminal.score_table(
        {"scores": both, "counts": {"pairs": 220, "missing": 1, "declined": 11}, "named": {"missing": ["a", "b"]}}
    )
    said = capsys.readouterr().out.splitlines()
    assert "rougeL  87.65  [77.65, 97.65]" in said and "  missing: a, b" in said
    keys, *lines = said[said.index("signatures") + 1 :]
    assert keys.split()[:1] == ["rougeL"] and keys.split()[-1] == "rouge1"
    assert "".join(line.strip() for line in lines).startswith("|".join(["docphim:KEY", *fields]))
    assert all(line.endswith("|") for line in lines[:-1]) and max(map(len, said)) <= terminal.WIDTH


def test_where_no_score_has_an_interval_the_reason_is_said(capsys):
    row = scores()["rougeL"]
    terminal.score_table({"scores": {"rougeL": row | {"low": None, "high": None}}, "counts": {"pairs": 2, "declined": 0}})
    assert "no interval: there are fewer than 30 patients" in capsys.readouterr().out
    terminal.score_table({"scores": {"rougeL": row}, "counts": {"pairs": 220, "declined": 0}})
    assert "no interval" not in capsys.readouterr().out


def test_the_headline_puts_facts_first_and_says_what_the_floors_and_wrong_films_mean():
    facts = scores() | {"fact_f1": scores(50.0)["rougeL"]}
    said = {"fact_f1": {"needs_image": False, "beats_floors": True}}
    text = headline("findings/test", task() | {"scores": facts, "reading": said})
    assert text.splitlines()[2].split()[:2] == ["fact", "F1"] and "ROUGE-L" in text and "BLEU-4" not in text
    assert "fact F1: shown another patient's film it scores no lower, chance aside: nothing" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("needs", "beats", "said"),
    [
        (True, True, "it reads the film"),
        (True, False, "not every floor is clearly below it"),
        (False, False, "nothing shows that it reads the film"),
        (None, False, "Not every floor is clearly below it"),
        (True, None, "depends on the film"),
        (None, None, ""),
    ],
)
def test_a_reading_is_a_plain_sentence(needs, beats, said):
    assert said in terminal.reading(Reading(beats, needs))
    assert terminal.reading(None) == ""


def test_score_lists_facts_first_then_words_then_labels_and_leaves_the_rest_to_json(capsys):
    row = scores()["rougeL"]
    keys = ("rougeL", "vindr/macro_f1", "vindr/crg", "fact_f1", "fact_f1_macro")
    scored = {
        "scores": dict.fromkeys(keys, row),
        "counts": {"pairs": 2, "empty": 0, "declined": 0},
        "fact_errors": {"side": 2, "missing": 0, "hallucinated": 1},
        "coverage_words": {"reference": {"share": 98.765, "known": 1, "words": 2, "unknown": [["lạ", 7], ["xyz", 3]]}},
        "suspect": [{"id": "a", "text": "prediction", "why": "language"}],
    }
    terminal.score_table(scored)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[1:4]] == ["fact_f1", "rougeL", "vindr/macro_f1"]
    assert "facts: 2 wrong in side, 1 hallucinated" in said
    assert "the lexicon knows 98.8 % of the references' words; most often not: lạ 7, xyz 3" in said
    assert "suspect: prediction of a: another language than declared" in said
    assert "signatures (and 2 more scores with --json)" in said and "  empty: 0" not in said


def test_what_would_steer_the_terminal_is_shown_as_a_mark(capsys):
    evil = "a\x1b[2Jb\u202e"
    terminal.tree({evil: evil, "list": [{"where": evil}], "in": {evil: 1}})
    terminal.inspected({"refused": [{"reason": "file_unreadable", "where": evil, "why": evil}]})
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\u202e" not in printed and printed.count("a\ufffd[2Jb\ufffd") == 6


@pytest.mark.parametrize(("declined", "rate"), [(0, "0 of 40 (0 %)"), (3, "3 of 40 (7.5 %)"), (40, "40 of 40 (100 %)")])
def test_the_rate_of_drafts_that_decline_is_said_be_it_0_too(declined, rate, capsys):
    counted = {"predictions": 40, "declined": declined}
    assert headline("findings/test", task() | {"counts": counted}).splitlines()[0].endswith(f"declined {rate}")
    assert "declined" not in headline("findings/test", task() | {"counts": {"predictions": 40}}).splitlines()[0]
    terminal.score_table({"scores": {"rougeL": scores()["rougeL"]}, "counts": {"pairs": 40, "declined": declined}})
    assert f"  declined: {rate}" in capsys.readouterr().out.splitlines()
