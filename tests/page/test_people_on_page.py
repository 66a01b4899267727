"""What the page and the counts say of people in reports: how much was taken out, or that nobody was."""

from types import SimpleNamespace

import pytest

from docphim import counts
from docphim.files import write_json, write_jsonl
from docphim.page import page

TAKEN = {"deidentified": True, "counts": {"people_names": 7, "people_dates": 2, "reports_doubtful": 3}}
LEFT = {"deidentified": False, "counts": {"reports_doubtful": 0}}
#: What ingest notes → what the line of counts says, words of the page, words that must not stand there.
SAYS = {
    "taken out": (
        TAKEN,
        "taken out of the reports: names 7, dates 2; refused: none",
        ["names</span>", "<b>7</b>"],
        "NOT take",
    ),
    "left": (
        LEFT,
        "people are not taken out of the reports; refused: none",
        ["does NOT take people out of the reports"],
        "addresses",
    ),
    "invented": ({"counts": {}}, "matched with a report; refused: none", [], "People taken out of reports"),
}


@pytest.mark.parametrize(("notes", "line", "shown", "hidden"), SAYS.values(), ids=SAYS)
def test_page_and_counts_say_what_became_of_people_in_reports(make, notes, line, shown, hidden):
    made = make(truth=False, studies=4)
    write_json(made.dataset / "ingest_notes.json", {"studies": 9, "with_report": 9, **notes})
    write_jsonl(
        made.dataset / "rejected.jsonl", [{"study": "a", "stage": "ingest", "reason": "identity_doubtful", "why": ""}] * 2
    )
    page(made.dataset, made.run, megabytes=8, studies=4)
    html = (made.run / "index.html").read_text(encoding="utf-8")
    assert all(words in html for words in shown) and hidden not in html
    assert ("3 reports seemed to hold a signature" in html and "2 were refused for it" in html) is (notes is TAKEN)
    write_jsonl(made.dataset / "rejected.jsonl", [])
    first, *noticed = counts.line(SimpleNamespace(folder=made.dataset, name="ingest", shared=[])).splitlines()
    assert first.endswith(line)
    assert [words.split()[:2] for words in noticed] == ([["reports_doubtful", "3"]] if notes is TAKEN else [])


def test_where_no_study_has_a_report_nothing_is_said_of_people(tmp_path):
    write_json(tmp_path / "ingest_notes.json", {"studies": 9, "with_report": 0, "deidentified": True, "counts": {}})
    stage = SimpleNamespace(folder=tmp_path, name="ingest", shared=[])
    assert counts.line(stage) == "ingest: 9 studies, 0 of them matched with a report; refused: none"
