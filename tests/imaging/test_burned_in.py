"""What is done about text on films, with and without the library that finds it; what a dataset says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim import imaging
from docphim.errors import Refused, UsageError
from docphim.imaging import burned_in, text_counts, xray
from docphim.imaging.burned_in import Text

FILM = np.random.default_rng(4).integers(20000, 30000, (200, 160)).astype(np.uint16)


@pytest.mark.parametrize(
    ("words", "stays"),
    [
        *(
            (words, True)
            for words in ("R", "L", "P", "T", "D", "G", "PA", "AP", "ERECT", "SUPINE", "PORTABLE", "Semi-erect", "Phải")
        ),
        *((words, True) for words in ("R PA", "AP portable", "(L)", "PA - ERECT", "AP SUPINE L", "←R", "Trái")),
        *(
            (words, False)
            for words in ("", "?", "T P", "R L", "R 1", "12", "NGUYEN", "AP NGUYEN", "PA 12/03/2019", "R.N.", "An")
        ),
        # Standing and lying, or Dũng and Nam: without sure accents nobody can tell.
        *((words, False) for words in ("Đứng", "DUNG", "NAM", "Tài", "THANG")),
        *((words, False) for words in ("R 王", "王", "Р", "PAAP", "RR")),
    ],
)
def test_only_words_that_name_nobody_are_markers(words: str, stays: bool):
    assert Text(words, (0, 0, 9, 9), 0.99).is_marker is stays


def test_a_marker_that_is_not_surely_read_is_none():
    assert not Text("R", (0, 0, 9, 9), 0.6).is_marker


COLUMN, SQUARE = (80, 30, 100, 120), (85, 30, 105, 50)


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        ([("888888", COLUMN)], []),
        ([("oooDoo", COLUMN)], []),
        ([("1000000", COLUMN)], []),
        ([("00", (85, 20 + 30 * i, 105, 40 + 30 * i)) for i in range(3)], []),
        ([("00", SQUARE), ("80", (85, 60, 105, 80))], ["00", "80"]),
        ([("80", SQUARE)], ["80"]),
        ([("080888", (60, 30, 120, 50))], ["080888"]),  # across the film
        ([("888888", (10, 30, 30, 120))], ["888888"]),  # at its side
        ([("08/08/80", COLUMN)], ["08/08/80"]),
        ([("1980", COLUMN)], ["1980"]),
        ([("2008", COLUMN)], ["2008"]),
        ([("01/08/80", COLUMN)], ["01/08/80"]),
        ([("Do", COLUMN)], []),
        ([("DOAN", COLUMN), ("", COLUMN), ("17", COLUMN)], ["DOAN", "", "17"]),
    ],
)
def test_wires_in_a_breastbone_are_no_text(seen: list[tuple[str, burned_in.Box]], left: list[str]):
    texts = [Text(words, box, 0.9) for words, box in seen]
    marked = burned_in.with_wires(texts, 180)
    assert [text.text for text in marked if not text.is_wire] == left
    assert [(text.text, text.box) for text in marked] == seen


def reads(monkeypatch: pytest.MonkeyPatch, *looks: list[Text]) -> None:
    """Let each look at a film find what stands in `looks`, and the last one nothing more."""
    answers = iter([*looks, *([[]] * 9)])
    monkeypatch.setattr(burned_in, "texts", lambda film: next(answers))
    monkeypatch.setattr(burned_in, "_version", lambda: "reader 1")


NAME, SIDE = Text("TRAN THI THU", (40, 20, 90, 30), 0.9), Text("R", (10, 10, 18, 20), 0.95)


def test_a_mask_hides_the_name_and_leaves_the_marker_and_the_rest(monkeypatch: pytest.MonkeyPatch):
    reads(monkeypatch, [SIDE, NAME])
    film, facts = burned_in.treated(FILM, "mask")
    (box,) = facts["texts"]
    left, top, right, bottom = box
    assert left < 40 and top < 20 and right > 90 and bottom > 30
    assert np.ptp(film[top:bottom, left:right]) == 0
    assert 20000 < film[25, 60] < 30000
    untouched = np.ones(FILM.shape, bool)
    untouched[top:bottom, left:right] = False
    assert (film[untouched] == FILM[untouched]).all()
    assert facts["markers"] == [[10, 10, 18, 20]] and facts["rule"] == "mask" and facts["by"] == "reader 1"
    assert "THU" not in repr(facts)


def test_what_shows_only_after_masking_is_masked_too(monkeypatch: pytest.MonkeyPatch):
    below = Text("12/03", (40, 100, 90, 110), 0.9)
    reads(monkeypatch, [NAME], [below])
    film, facts = burned_in.treated(FILM, "mask")
    assert len(facts["texts"]) == 2
    assert np.ptp(film[101:109, 41:89]) == 0


def test_text_that_masks_do_not_hide_refuses_the_film(monkeypatch: pytest.MonkeyPatch):
    reads(monkeypatch, *([[NAME]] * 5))
    with pytest.raises(Refused, match=r"burned_in_text.*still read"):
        burned_in.treated(FILM, "mask")


def test_text_over_much_of_the_film_refuses_it(monkeypatch: pytest.MonkeyPatch):
    reads(monkeypatch, [Text("A LETTER", (10, 10, 150, 60), 0.9)])
    with pytest.raises(Refused, match=r"burned_in_text.*% of the film"):
        burned_in.treated(FILM, "mask")


@pytest.mark.parametrize("rule", ["keep", "refuse", "mask"])
def test_a_film_with_markers_alone_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, rule: burned_in.Rule):
    reads(monkeypatch, [SIDE])
    film, facts = burned_in.treated(FILM, rule)
    assert film is FILM and facts["texts"] == [] and len(facts["markers"]) == 1


def test_keep_lists_text_and_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    reads(monkeypatch, [NAME])
    film, facts = burned_in.treated(FILM, "keep")
    assert film is FILM and facts["texts"] == [[40, 20, 90, 30]]


WIRE, LOWER = (Text("888", (70, top, 90, top + 50), 0.9, is_wire=True) for top in (40, 120))


@pytest.mark.parametrize("rule", ["keep", "mask", "refuse"])
def test_wires_stay_and_are_listed(monkeypatch: pytest.MonkeyPatch, rule: burned_in.Rule):
    reads(monkeypatch, [SIDE, WIRE])
    film, facts = burned_in.treated(FILM, rule)
    assert film is FILM and facts["texts"] == [] and facts["wires"] == [[70, 40, 90, 90]] and len(facts["markers"]) == 1


def test_wires_that_show_only_after_masking_are_listed_too(monkeypatch: pytest.MonkeyPatch):
    reads(monkeypatch, [NAME, WIRE], [WIRE, LOWER])
    film, facts = burned_in.treated(FILM, "mask")
    assert len(facts["texts"]) == 1 and facts["wires"] == [[70, 40, 90, 90], [70, 120, 90, 170]]
    assert (film[40:90, 70:90] == FILM[40:90, 70:90]).all()


def test_refuse_names_a_number_and_no_text(monkeypatch: pytest.MonkeyPatch):
    reads(monkeypatch, [SIDE, NAME])
    with pytest.raises(Refused) as refusal:
        burned_in.treated(FILM, "refuse")
    assert refusal.value.reason == "burned_in_text" and refusal.value.why.startswith("1 ") and "THU" not in str(refusal.value)


corner = st.integers(0, 60)


@given(st.tuples(corner, corner, st.integers(1, 60), st.integers(1, 60)))
def test_a_grown_box_holds_the_box_and_stays_on_the_film(place):
    left, top, wide, high = place
    box = (left, top, min(80, left + wide), min(70, top + high))
    around = burned_in.grown(box, (70, 80))
    assert 0 <= around[0] <= box[0] and 0 <= around[1] <= box[1] and box[2] <= around[2] <= 80 and box[3] <= around[3] <= 70
    film = np.full((70, 80), 500, np.uint16)
    film[box[1] : box[3], box[0] : box[2]] = 60000
    masked = burned_in.filled(film, [around])
    assert not (masked == 60000).any()


def test_a_mask_over_the_whole_film_is_black():
    assert (burned_in.filled(FILM, [(0, 0, 160, 200)]) == 0).all()


def test_the_check_is_off_unless_asked_for():
    assert xray.Settings().burned_in == "off"
    assert xray.Settings(burned_in=False).burned_in == "off"  # YAML's bare off


def test_a_film_is_not_looked_through_where_the_check_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from chest_films import film

    (tmp_path / "a.dcm").write_bytes(film())
    monkeypatch.setattr(burned_in, "treated", lambda *_: pytest.fail("looked"))
    _, facts = xray.prepare(str(tmp_path / "a.dcm"), xray.Settings(long_side=120), "unknown")
    assert "burned_in" not in facts["how"]


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(burned_in, "PACKAGES", ("no_such_reader",))
    imaging.check_installed({"xray": xray.Settings()})
    for rule in ("keep", "mask", "refuse"):
        with pytest.raises(UsageError, match=r"no_such_reader.*docphim\[ocr\]"):
            imaging.check_installed({"xray": xray.Settings(burned_in=rule)})


def row(study: str, seen: dict | None, modality: str = "xray") -> dict:
    return {"study": study, "modality": modality, "how": {} if seen is None else {"burned_in": seen}}


ROWS = [
    row("a", None),
    row("b", {"rule": "mask", "texts": [[1, 2, 3, 4]], "markers": []}),
    row("c", {"rule": "keep", "texts": [[1, 2, 3, 4]], "markers": []}),
    row("d", {"rule": "mask", "texts": [], "markers": [[1, 2, 3, 4]]}),
    row("e", None),
    row("f", None, "ct"),
]


def test_every_film_is_counted_once_by_what_became_of_its_text():
    states = {name: [r["study"] for r in rows] for name, rows in text_counts.by_state(ROWS, drawn={"e"}).items()}
    assert states == {"unchecked": ["a"], "kept": ["c"], "masked": ["b"], "clear": ["d"]}
    assert text_counts.line(ROWS, {"e"}) == (
        "burned-in text: 1 films not looked through, 1 films with text that was left, 1 films with text that was masked, "
        "1 films without text but markers"
    )


def test_phantoms_alone_need_no_line():
    assert text_counts.line(ROWS[:1], {"a"}) == ""


def test_films_with_wires_are_counted_beside_their_state():
    wires = {"rule": "mask", "texts": [], "markers": [], "wires": [[1, 2, 3, 4]]}
    rows = [row("a", wires), row("b", {**wires, "texts": [[1, 2, 3, 4]]}), row("c", {**wires, "wires": []})]
    assert text_counts.line([*rows, row("d", wires)], drawn={"d"}) == (
        "burned-in text: 1 films with text that was masked, 2 films without text but markers, "
        "of these 2 films with what was taken for wires of a breastbone, and left"
    )
