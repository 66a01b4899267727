"""Two readers and an adjudicator on their pages in headless Chromium, on a small phantom PET/CT: from the set to the scores."""

import json
import time

import pytest
from chromium import CHROMIUM, browser
from program import Program

from docphim.evaluate import evaluate
from docphim.files import read_json, read_jsonl, read_studies, write_json, write_jsonl
from docphim.metrics.readers import CaseTable, read_set, read_truth, seal
from docphim.page.reader_words import names, ui
from docphim.page.readers import side_by_side, write_readers
from docphim.scores import TaskKey, read_scores
from docphim.study import Prediction, to_row

chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
RECIPE = """\
name: pet
source:
  {kind: phantom, modality: pet, profile: pet_demo, studies: 10, size: 48, field_mm: 480, step_mm: 40, seed: 3, workers: 1}
split: {by: patient, fractions: [0.2, 0.2, 0.6], seed: 0}
prepare: {workers: 1, pet: {show: {count: 4}}, pet_ct: {}}
tasks: [findings]
prompts: docphim
model: {family: qwen_vl, weights: tiny, image_size: 56}
"""
LONG = 60  # seconds for a download; it takes milliseconds
PLANTED = '<script>document.title="run"</script><img src="x" onerror="document.title=\'run\'">'


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A built dataset of made-up PET/CT; a report holds what would be a script if it were not escaped."""
    program = Program(tmp_path_factory.mktemp("pet"))
    (program.folder / "pet.yaml").write_text(RECIPE, encoding="utf-8")
    answer = program("run", "pet.yaml", "--until", "build", tiny=False)
    assert answer.returncode == 0, answer.stderr
    folder = next((program.folder / "data" / "phantom").iterdir())
    rows = list(read_jsonl(folder / "studies.jsonl"))
    for row in rows:
        row["report"]["sections"]["impression"] += PLANTED
    write_jsonl(folder / "studies.jsonl", rows)
    return program, folder


@pytest.fixture(scope="module")
def prepared(dataset, tmp_path_factory):
    """The folder of a validation, made by the command."""
    program, folder = dataset
    out = tmp_path_factory.mktemp("validation") / "out"
    answer = program("validate", "prepare", folder, out, "--empty", "0.3", "--seed", "1", tiny=False)
    assert answer.returncode == 0, answer.stderr
    assert "6 studies, 2 of them with an empty table, 7 cases a reader" in answer.stdout
    return out


def test_a_run_stands_for_its_dataset_and_a_folder_that_is_neither_is_no_command(dataset, prepared, tmp_path):
    program, _ = dataset
    settings = ("--empty", "0.3", "--seed", "1")
    answer = program("validate", "prepare", "runs/pet", tmp_path / "out", *settings, tiny=False)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "out" / "set.json").read_bytes() == (prepared / "set.json").read_bytes()
    answer = program("validate", "prepare", tmp_path, tmp_path / "other", tiny=False)
    assert answer.returncode == 2 and "no dataset and no run is there" in answer.stderr and not (tmp_path / "other").exists()


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("downloads")) as opened:
        yield opened


@pytest.fixture
def folder(tab, tmp_path):
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), eventsEnabled=True)
    return tmp_path


def opened(tab, page, fresh=True, before=""):
    """A page, with nothing kept from before unless it is to be; `before` is a script that runs ahead of its own."""
    tab.open_tab()
    if before:
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=before)
    tab.go(page.as_uri())
    if fresh:
        tab.ask("(() => { localStorage.clear(); Storage.prototype.setItem = () => {}; })()")  # a page keeps its state when left
        tab.send("Page.reload")
        tab.event("Page.loadEventFired")
        tab.events.clear()
    return tab


def press(tab, selector, number=0):
    tab.ask(f"document.querySelectorAll({json.dumps(selector)})[{number}].click()")


def write(tab, **values):
    """Fill the open form and take it."""
    sets = "".join(f"f.elements[{json.dumps(name)}].value = {json.dumps(value)};" for name, value in values.items())
    tab.ask(
        f"(() => {{ const f = document.querySelector('.lesion-form'); {sets} f.querySelector('[type=submit]').click(); }})()"
    )


def downloaded(tab, folder):
    """The file that arrives."""
    name = tab.event("Browser.downloadWillBegin")["suggestedFilename"]
    until = time.monotonic() + LONG
    while tab.event("Browser.downloadProgress")["state"] != "completed":
        assert time.monotonic() < until
    return folder / name


def lock(tab, folder):
    tab.events.clear()
    tab.click("#reading-lock")
    assert tab.event("Page.javascriptDialogOpening")["type"] == "confirm"
    tab.call("Page.handleJavaScriptDialog", accept=True)
    return downloaded(tab, folder)


def state(tab):
    return tab.ask("document.getElementById('reading-state').textContent")


def rows(tab):
    return tab.ask("document.querySelectorAll('.reading-table [data-row]').length")


def read_all(tab, decide):
    """Decide every case: `decide(tab, rows, case)` presses; then it is done."""
    for case in range(tab.ask("JSON.parse(document.getElementById('reading-data').textContent).cases.length")):
        assert tab.ask("document.getElementById('reading-place').textContent").startswith(f"{case + 1}/")
        decide(tab, rows(tab), case)
        press(tab, "#reading-finish")


def by_the_report(tab, count, case):
    """Every row is right; where the table began empty a nodule is added."""
    for row in range(count):
        press(tab, "tr[data-row] [data-decision=accepted]", row)
    if not count:
        press(tab, "#reading-add")
        write(tab, type="nodule", organ="lung", side="left", size="8,5", suv="3,1-4", uptake="high", nature="metastasis")


def otherwise(tab, count, case):
    """The first row is on another side and smaller, the last is none, the others are right."""
    for row in range(count):
        press(tab, "tr[data-row] [data-decision=accepted]", row)
    if count > 1:
        press(tab, "tr[data-row] [data-decision=removed]", count - 1)
    if count:
        press(tab, "tr[data-row] [data-decision=edit]", 0)
        write(tab, side="both", size="12 x 9")


def as_reader_one(tab, count, case):
    """The first reader is right, where she has a row; what only the second has is none; a lesion is added to the last case."""
    for number in range(count):
        place = f".reading-table [data-row]:nth-of-type({number + 1}) "
        has = tab.ask(f"document.querySelector({json.dumps(place + '[data-decision=one]')}) !== null")
        both = tab.ask(f"document.querySelector({json.dumps(place + '[data-decision=both]')}) !== null")
        if not both:
            press(tab, place + ("[data-decision=one]" if has else "[data-decision=dropped]"))
    if case == 5:
        press(tab, "#reading-add")
        write(tab, type="mass", organ="liver", uptake="high")


@pytest.mark.browser
@chromium
def test_two_readers_and_an_adjudicator_make_a_truth_that_drafts_are_scored_against(tab, dataset, prepared, folder):
    program, data = dataset
    made = read_set(prepared / "set.json")
    refused = program("validate", "adjudicate", prepared, tiny=False)
    assert refused.returncode == 3 and refused.stderr.startswith("file_missing: reader-1.json")
    for reader, decide in ((1, by_the_report), (2, otherwise)):
        opened(tab, prepared / f"reader-{reader}.html")
        tab.ask(f"document.getElementById('reading-name').value = 'BS {reader} \\ud800'")
        tab.ask("document.getElementById('reading-name').dispatchEvent(new Event('input'))")
        read_all(tab, decide)
        file = lock(tab, folder)
        assert file.name == f"reader-{reader}.json" and tab.complaints() == []
        assert read_json(file)["name"] == f"BS {reader} \ufffd" and read_json(file)["sha256"] == seal(read_json(file))
        file.rename(prepared / file.name)
    answer = program("validate", "adjudicate", prepared, tiny=False)
    assert answer.returncode == 0, answer.stderr
    opened(tab, prepared / "adjudicator.html")
    read_all(tab, as_reader_one)
    file = lock(tab, folder)
    assert file.name == "adjudicated.json" and tab.complaints() == []
    file.rename(prepared / file.name)

    answer = program("validate", "report", prepared, "--json", tiny=False)
    assert answer.returncode == 0, answer.stderr
    result = json.loads(answer.stdout)
    assert result["readers"][0]["rows"].keys() == {"accepted", "added"} and result["readers"][1]["rows"]["removed"] > 0
    against = [reader["f1"]["lesion_tp"]["value"] for reader in result["truth"]["readers"]]
    assert against[1] < against[0] < 100, "the adjudicator followed the first, and added one"
    truth = read_truth(prepared / "adjudicated.json", made)
    changes = [row for case in truth.cases for row in case.rows if row.state == "one" and row.readers[1]]
    assert {row.readers[1].state for row in changes} == {"edited", "removed"}
    assert all(row.report == row.lesion == row.readers[0].lesion for row in changes), (
        "it says what each made of the report's row"
    )
    added = [row for case in truth.cases for row in case.rows if row.state == "added"]
    assert [(row.lesion["type"], row.report, row.readers) for row in added] == [("mass", None, [None, None])]

    shown = {study.study for study in made.studies}
    examples = [row for row in read_jsonl(data / "examples" / "test.jsonl") if row["study"] in shown]
    texts = [(row["id"], row["study"], row["patient"], row["messages"][-1]["content"]) for row in examples]
    drafts = [Prediction(i, 0, "none", "own", s, s, p, "findings", text, text, "stop", "m") for i, s, p, text in texts]
    write_jsonl(folder / "run" / "predictions.jsonl", map(to_row, drafts))
    evaluate(
        data, folder / "run", language="vi", resamples=50, seed=5, metrics=["lesions"], truth=prepared / "adjudicated.json"
    )
    score = read_scores(folder / "run" / "scores.json")[TaskKey("findings", "test")].scores["truth_lesion_tp"]
    assert 0 < score.value < 100 and f"truth:experts-{truth.sha256[:8]}" in score.signature


@pytest.mark.browser
@chromium
def test_nothing_is_locked_while_a_case_is_open_and_no_case_is_done_while_a_row_is(tab, prepared, folder):
    opened(tab, prepared / "reader-1.html")
    tab.ask("do document.getElementById('reading-next').click(); while (!document.querySelector('tr[data-row]'))")
    place = tab.ask("document.getElementById('reading-place').textContent")
    press(tab, "#reading-finish")
    assert (
        "Còn dòng chưa quyết định: " in state(tab) and tab.ask("document.getElementById('reading-done').textContent") == "0/7"
    )
    press(tab, "#reading-lock")
    assert "Chưa khóa được, số ca chưa xong: 7" in state(tab)
    assert tab.ask("document.getElementById('reading-place').textContent") == "1/7" != place
    press(tab, "#reading-save")
    file = read_json(downloaded(tab, folder))
    assert (file["locked"], file["sha256"]) == (None, None)


CLOCK = """(() => {
  window.ticks = []; window.now = 1000;
  window.setInterval = (tick) => { window.ticks.push(tick); };
  performance.now = () => window.now;
})()"""


@pytest.mark.browser
@chromium
def test_seconds_are_of_the_case_on_the_screen_and_a_long_pause_is_none(tab, prepared, folder):
    """The page's clock is in the test's hands: each tick is a second."""
    opened(tab, prepared / "reader-2.html", before=CLOCK)
    tick = "for (let n = 0; n < 5; n += 1) ticks.forEach((tick) => tick())"
    tab.ask(f"{tick}; document.getElementById('reading-next').click(); ticks[0](); window.now += 120001; {tick}")
    tab.ask(f"dispatchEvent(new Event('pointermove')); ticks[0](); {tick}")
    tab.ask("Object.defineProperty(document, 'visibilityState', { value: 'hidden' })")
    tab.ask(tick)
    press(tab, "#reading-save")
    seconds = [case["seconds"] for case in read_json(downloaded(tab, folder))["cases"]]
    assert seconds[:3] == [5, 7, 0]


@pytest.mark.browser
@chromium
def test_whoever_decides_by_keys_stays_on_the_row(tab, prepared):
    opened(tab, prepared / "reader-1.html")
    tab.ask("while (!document.querySelector('tr[data-row]')) document.getElementById('reading-next').click()")
    tab.ask("document.querySelector('tr[data-row] [data-decision=removed]').focus()")
    tab.ask("document.activeElement.click()")
    focused = "[document.activeElement.dataset.decision, document.activeElement.closest('[data-row]').dataset.row]"
    assert tab.ask(focused) == ["removed", "r0"]


@pytest.mark.browser
@chromium
def test_what_is_typed_wrong_is_named_and_nothing_is_taken(tab, prepared):
    opened(tab, prepared / "reader-1.html")
    count = rows(tab)
    press(tab, "#reading-add")
    for values, fault in (
        ({"type": ""}, "Hãy chọn loại"),
        ({"type": "mass", "size": "to"}, "Kích thước là số mm"),
        ({"size": "16-5"}, "Kích thước là số mm"),
        ({"size": "5-16", "suv": "-"}, "SUVmax là một số"),
    ):
        write(tab, **values)
        assert fault in tab.ask("document.querySelector('.fault').textContent")
    press(tab, "#reading-finish")
    assert "đang sửa" in state(tab)
    write(tab, suv="≤ 2,5")
    assert rows(tab) == count + 1
    cells = tab.ask("[...document.querySelectorAll('tr[data-row]:last-child')].at(-1).innerText")
    assert "5–16" in cells and "≤ 2,5" in cells


@pytest.mark.browser
@chromium
def test_a_locked_table_stays_and_a_file_goes_on_elsewhere_but_no_foreign_or_altered_one(tab, prepared, folder, tmp_path):
    opened(tab, prepared / "reader-1.html")
    read_all(tab, by_the_report)
    file = lock(tab, folder)
    opened(tab, prepared / "reader-1.html", fresh=False)
    assert tab.ask("document.querySelectorAll('[data-decision]:not(:disabled)').length") == 0 and "Đã khóa" in state(tab)
    opened(tab, prepared / "reader-1.html")
    whole = read_json(file)
    altered = json.loads(json.dumps(whole))
    altered["cases"][0]["seconds"] += 1
    for number, (content, line) in enumerate(
        (
            ({**whole, "format": "docphim-reading-2"}, "phiên bản khác"),
            ({**whole, "reader": 2}, "bộ ca khác hoặc người đọc khác"),
            (altered, "đã bị sửa"),
            (whole, "Đã mở tệp"),
        )
    ):
        path = tmp_path / f"{number}.json"
        write_json(path, content)
        root = tab.call("DOM.getDocument")["root"]["nodeId"]
        node = tab.call("DOM.querySelector", nodeId=root, selector="#reading-file")["nodeId"]
        tab.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)
        there = f"document.getElementById('reading-state').textContent.includes({json.dumps(line)})"
        assert tab.ask(f"new Promise((r) => {{ const f = () => {there} ? r(true) : setTimeout(f, 10); f(); }})")
    assert tab.ask("document.querySelectorAll('[data-decision]:not(:disabled)').length") == 0


@pytest.mark.browser
@chromium
def test_the_pages_show_slices_and_reports_escaped_in_both_languages_and_fit_a_phone(tab, prepared):
    opened(tab, prepared / "reader-2.html")
    picture = "document.querySelector('.mosaic:not([hidden]) img')"
    width, height = tab.ask(f"{picture}.decode().then(() => [{picture}.naturalWidth, {picture}.naturalHeight])")
    assert width >= 200 and height >= 40
    assert tab.ask("document.title").startswith("Thẩm định") and "<script>" in tab.ask(
        "document.querySelector('.texts').textContent"
    )
    press(tab, '[data-language="en"]')
    assert "Done with this case" in tab.ask("document.getElementById('reading-finish').textContent")
    tab.call("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=True)
    assert tab.ask("document.documentElement.scrollWidth") <= 360
    tab.call("Emulation.clearDeviceMetricsOverride")
    assert tab.complaints() == []


def test_pages_name_no_patient_and_no_study_of_a_second_showing(dataset, prepared):
    _, data = dataset
    made = read_set(prepared / "set.json")
    for reader in (1, 2):
        html = (prepared / f"reader-{reader}.html").read_text(encoding="utf-8")
        for study in read_studies(data):
            assert study.id not in html and study.patient not in html
        assert '"again"' not in html and PLANTED not in html
        assert len(html.encode()) < 110_000 + 8_000 * len(made.studies), "80 cases stay far below 8 MB"


def test_every_word_of_a_page_is_there_in_both_languages(prepared):
    script = (prepared / "reader-1.html").read_text(encoding="utf-8")
    data = json.loads(script.split('id="reading-data">')[1].split("</script>")[0])
    assert data["words"] == ui() and all(one["vi"] and one["en"] for one in data["words"].values())
    listed = names([{"type": "odd_type", "organ": "liver", "location": ["odd_place"], "station": []}])
    assert listed["types"]["odd_type"]["hidden"] and "hidden" not in listed["types"]["mass"]
    assert listed["station"]["station_4r"]["vi"] and listed["natures"].keys() >= {"metastasis", "residual"}


def table(*rows):
    return CaseTable(
        case="c", seconds=1, done=True, judged=True, note="", rows=[{"row": n, "state": s, "lesion": one} for n, s, one in rows]
    )


LIVER = {"v": 1, "type": "mass", "organ": "liver"}
LUNG = {"v": 1, "type": "nodule", "organ": "lung"}


@pytest.mark.parametrize(
    ("one", "two", "pairs"),
    [
        ([("r0", "accepted", LIVER)], [("r0", "accepted", LIVER)], [("r0", "r0", "both")]),
        ([("r0", "accepted", LIVER)], [("r0", "edited", LIVER | {"side": "left"})], [("r0", "r0", "open")]),
        ([("n1", "added", LIVER)], [("n4", "added", LIVER)], [("n1", "n4", "both")]),
        ([("r0", "removed", LIVER)], [("r0", "removed", LIVER)], [("r0", "r0", "dropped")]),
        ([("r0", "removed", LIVER)], [("r0", "accepted", LIVER)], [("r0", "r0", "open")]),
        (
            [("r0", "accepted", LIVER), ("n1", "added", LUNG)],
            [("r0", "edited", LUNG)],
            [("r0", None, "open"), ("n1", "r0", "both")],
        ),
        ([("r0", "unjudged", LIVER)], [("r0", "accepted", LIVER)], [("r0", "r0", "open")]),
        ([], [("n1", "added", LUNG)], [(None, "n1", "open")]),
    ],
)
def test_rows_stand_beside_those_of_the_same_lesion(one, two, pairs):
    made = side_by_side([LIVER], [table(*one), table(*two)])
    got = [(*(side and side["row"] for side in pair["readers"]), pair["state"]) for pair in made]
    assert got == pairs
    assert all((pair["lesion"] is not None) == (pair["state"] == "both") for pair in made)
    assert all((pair["report"] == LIVER) == ("r0" in (line[0], line[1])) for pair, line in zip(made, got, strict=True))


def test_pictures_are_written_once_for_all_pages(dataset, tmp_path, prepared):
    _, data = dataset
    made = read_set(prepared / "set.json")
    write_readers(data, tmp_path, made)
    files = sorted(path.name for path in (tmp_path / "slices").iterdir())
    assert len(files) == 6 * 5, "projections, and the slices in four windows, of each study"
    assert files == sorted(path.name for path in (prepared / "slices").iterdir())
    html = (tmp_path / "reader-1.html").read_text(encoding="utf-8")
    assert all(f"slices/{name}" in html for name in files) and "data:image" not in html
