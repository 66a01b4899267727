"""Marking by a reader, in the page's own words and in a real browser: what is hidden, what is marked, what is saved."""

import hashlib
import json
import time

import pytest
from chromium import CHROMIUM, browser
from hypothesis import given
from hypothesis import strategies as st

from docphim.files import read_json, read_jsonl
from docphim.language.normalize import clean
from docphim.language.sections import sentences
from docphim.page import page
from docphim.page.diff import LONGEST
from docphim.page.marking import digest, marked
from docphim.scores import MARK_CATEGORIES as MARKS
from docphim.scores import MARKS_FORMAT as FORMAT

TEXTS = st.text(st.sampled_from("Tim to. Phổi; 1,5 cm!\n\u0301ðhoà"), max_size=120)
chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
LONG = 60  # seconds for a download; it takes milliseconds


@given(TEXTS)
def test_sentences_stand_where_they_say_in_the_clean_draft(text):
    found = marked(text)
    assert [s.text for s in found] == sentences(clean(text))
    assert all(clean(text)[s.start : s.end] == s.text for s in found)


def test_a_draft_is_marked_as_far_as_it_is_shown():
    assert marked("Tim to. " * 5000)[-1].end <= LONGEST
    assert marked("") == marked(" \n ") == []


def test_a_draft_is_known_by_what_the_model_wrote():
    assert digest("Tim to") == hashlib.sha256(b"Tim to").hexdigest()
    assert digest("Tim to") != digest("Tim to ")


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_in):
    made = make_in(tmp_path_factory.mktemp("marked"), studies=6, tasks=("findings",))
    page(made.dataset, made.run, megabytes=8, studies=3)
    return made


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("downloads")) as found:
        yield found


@pytest.fixture
def opened(tab, made):
    """The page, freshly opened, nothing kept from before."""
    tab.open_tab()
    tab.go((made.run / "index.html").as_uri())
    tab.ask("localStorage.clear()")
    tab.send("Page.reload")
    tab.event("Page.loadEventFired")
    tab.events.clear()
    return tab


def visible(tab, selector):
    return tab.ask(f"Array.from(document.querySelectorAll({json.dumps(selector)})).filter((e) => e.checkVisibility()).length")


def start(tab):
    tab.ask("document.getElementById('marking-start').click()")


def download(tab, folder):
    """Press save and read the file that arrives."""
    tab.events.clear()
    tab.ask("document.getElementById('marking-save').click()")
    name = tab.event("Browser.downloadWillBegin")["suggestedFilename"]
    until = time.monotonic() + LONG
    while tab.event("Browser.downloadProgress")["state"] != "completed":
        assert time.monotonic() < until
    file = folder / name
    read = read_json(file)
    file.unlink()
    return name, read


@pytest.fixture
def folder(tab, tmp_path):
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads), eventsEnabled=True)
    return downloads


HIDDEN = [
    ".pair",
    ".mistakes",
    ".fact-counts",
    ".rouge",
    ".tags",
    ".truth",
    ".wrong-film",
    "#answer",
    "#scores",
    "#data",
    ".legend",
]


@pytest.mark.browser
@chromium
def test_reference_scores_and_colours_are_hidden_while_marking(opened):
    shown = {selector: visible(opened, selector) for selector in HIDDEN}
    assert all(shown.values()), shown
    start(opened)
    assert {selector: visible(opened, selector) for selector in HIDDEN} == dict.fromkeys(HIDDEN, 0)
    assert visible(opened, ".sheet") == 1
    assert visible(opened, ".film img") == 1
    assert opened.ask("document.body.innerText.includes('Báo cáo gốc')") is False
    assert opened.complaints() == []


@pytest.mark.browser
@chromium
def test_marks_come_out_as_the_file_says(opened, made, folder):
    start(opened)
    drafts = opened.ask("document.querySelectorAll('.sheet').length")
    opened.press("2", "1", "ArrowUp", "0", "6")
    opened.ask(
        "(() => { const box = document.querySelector('.current .sheet textarea'); box.value = ' nốt phổi phải\\n\\ntim to ';"
        " box.dispatchEvent(new Event('input')); document.getElementById('marking-reader').value = ' BS A '; })()"
    )
    opened.press("ArrowRight", "ArrowRight", "5")
    name, file = download(opened, folder)
    assert name == "demo.marks.json"
    assert list(file) == ["format", "run", "reader", "made", "tasks", "studies"]
    assert (file["format"], file["run"], file["reader"]) == (FORMAT, "demo", "BS A")
    keys = read_json(made.run / "scores.json")["by_task"]["findings/test"]["keys"]
    assert file["tasks"] == {"findings/test": {"references": keys["references"]}}
    assert len(file["studies"]) == drafts == 3
    first, empty, third = file["studies"]
    assert first["missing"] == ["nốt phổi phải", "tim to"]
    assert [s["mark"] for s in first["sentences"]][:2] == ["side", "redundant"]
    assert (empty["sentences"], empty["draft"]) == ([], digest(""))
    assert third["sentences"][0]["mark"] == "severity"
    texts = {(row["id"], row["image"]): row["prediction"] for row in read_jsonl(made.run / "predictions.jsonl")}
    for study in file["studies"]:
        text = texts[study["id"], "own"]
        assert study["draft"] == digest(text)
        found = [(s["text"], s["start"], s["end"]) for s in study["sentences"]]
        assert found == [(s.text, s.start, s.end) for s in marked(text)]
        assert {s["mark"] for s in study["sentences"]} <= {*MARKS, None}


@pytest.mark.browser
@chromium
def test_every_mark_has_its_button_and_its_key(opened):
    start(opened)
    for number, mark in enumerate(MARKS, 1):
        opened.press(str(number), "ArrowLeft", *["ArrowUp"] * 9)
        pressed = opened.ask("document.querySelector('.current .sheet li [aria-pressed=\"true\"]').dataset.mark")
        assert pressed == mark
    opened.ask("document.querySelector('.current .sheet li [data-mark=\"correct\"]').click()")
    assert opened.ask("document.querySelector('.current .sheet li [aria-pressed=\"true\"]').dataset.mark") == "correct"


@pytest.mark.browser
@chromium
def test_marks_are_still_there_when_the_page_is_opened_again(opened, made):
    start(opened)
    opened.press("3")
    opened.events.clear()
    opened.send("Page.reload")
    assert opened.event("Page.javascriptDialogOpening")["type"] == "beforeunload", "unsaved marks are warned of"
    opened.call("Page.handleJavaScriptDialog", accept=True)
    opened.event("Page.loadEventFired")
    start(opened)
    assert opened.ask('document.querySelector(\'[data-mark="polarity"][aria-pressed="true"]\') !== null')


@pytest.mark.browser
@chromium
def test_a_saved_file_is_opened_to_go_on_and_a_foreign_one_is_refused(opened, folder, tmp_path):
    start(opened)
    opened.press("4", "2")
    _, file = download(opened, folder)
    opened.ask("localStorage.clear()")
    opened.events.clear()
    opened.send("Page.reload")
    opened.event("Page.loadEventFired")  # saved: no warning stands in the way
    start(opened)
    assert opened.ask("document.querySelectorAll('.sheet [aria-pressed=\"true\"]').length") == 0
    foreign = {**file, "studies": [{**study, "draft": "00"} for study in file["studies"]]}
    broken = [file | {"format": "other"}, "no object", foreign, {**file, "studies": [None]}]
    states = ("unreadable", "unreadable", "other_run", "other_run")
    for number, (content, state) in enumerate([*zip(broken, states, strict=True), (file, "loaded")]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        root = opened.call("DOM.getDocument")["root"]["nodeId"]
        node = opened.call("DOM.querySelector", nodeId=root, selector="#marking-file")["nodeId"]
        opened.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)
        settled = f"document.querySelector('[data-state=\"{state}\"]').checkVisibility()"
        waiting = f"new Promise((r) => {{ const f = () => {settled} ? r(true) : setTimeout(f, 10); f(); }})"
        assert opened.ask(waiting)
    assert opened.ask("document.querySelectorAll('.sheet [aria-pressed=\"true\"]').length") == 2
    assert opened.ask("document.getElementById('marking-loaded').textContent") == "3"


@pytest.mark.browser
@chromium
@pytest.mark.parametrize("sure", [False, True])
def test_leaving_asks_before_the_reference_is_shown(opened, sure):
    start(opened)
    opened.press("1")
    opened.click("#marking-leave")
    asked = opened.event("Page.javascriptDialogOpening")
    assert asked["type"] == "confirm"
    assert "chưa lưu" in asked["message"]
    assert "báo cáo gốc" in asked["message"]
    opened.call("Page.handleJavaScriptDialog", accept=sure)
    assert (visible(opened, ".pair") > 0) is sure
    assert (visible(opened, ".sheet") == 0) is sure


@pytest.mark.browser
@chromium
def test_an_address_opens_marking_before_anything_is_seen(opened, made):
    opened.go("about:blank")
    opened.go((made.run / "index.html").as_uri() + "#marking")
    assert visible(opened, ".pair") == 0
    assert visible(opened, ".sheet") == 1


@pytest.mark.browser
@chromium
def test_typing_what_is_missing_marks_nothing(opened):
    start(opened)
    opened.ask("document.querySelector('.current .sheet textarea').focus()")
    opened.press("1", "2")
    assert opened.ask("document.querySelector('.current .sheet textarea').value") == "12"
    assert opened.ask("document.querySelectorAll('.sheet [aria-pressed=\"true\"]').length") == 0
