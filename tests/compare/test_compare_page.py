"""The comparison page: what it says, that it lets nothing in, and how it stands in headless Chromium."""

import base64
import hashlib
import html as escaping
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
import yaml
from markupsafe import escape
from scored_runs import ScoredRun, references, systems

from docphim.compare.figure import STEP, axis
from docphim.compare.page import HERE, html, localized, p_value
from docphim.compare.table import compare

KEY = "findings/test"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PLANTED = 'x<script>document.title="run"<'
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder, truth = tmp_path_factory.mktemp("runs"), references()
    for name, every, reads in (("good", 9, True), ("a-name-longer-than-any-figure-has-room-for", 8, True), ("blind", 2, False)):
        weights = PLANTED if name == "good" else "Qwen/Qwen2.5-VL-7B-Instruct"
        run = ScoredRun(folder / name, weights=weights).task(KEY, truth, systems(truth, every, reads=reads))
        run.task("dialogue/test/reference", truth, systems(truth, every + 1, reads=reads)).write()
    return compare(list(folder.iterdir()), metrics=["rougeL", "bleu4"], baseline="good")


@pytest.fixture(scope="module")
def page(result):
    return html(result)


def test_every_score_stands_there_as_each_language_writes_it(result, page):
    for table in result["tables"]:
        for row in table["rows"]:
            if row["system"] != "other":
                for score in row["scores"].values():
                    assert f"{score['value']:.1f}" in page
                    assert f"{score['value']:.1f}".replace(".", ",") in page
                    assert f"[{score['low']:.1f}, {score['high']:.1f}]" in page


def test_it_says_in_words_who_is_best_and_who_does_not_read(page):
    assert "There is no sign that blind reads the film" in page
    assert "Không có dấu hiệu blind đọc phim" in page
    assert "but the difference may be chance" in page
    assert "There is no sign that good" not in page


def test_there_is_a_figure_a_task_and_metric_and_each_is_well_formed(page):
    figures = re.findall(r'<svg class="figure".*?</svg>', page, re.DOTALL)
    assert len(figures) == 4
    for figure in figures:
        tree = ET.fromstring(figure)
        assert len(tree.findall("circle")) == 6
        assert all(0 <= float(dot.get("cx")) <= 340 for dot in tree.findall("circle"))
        assert len([path for path in tree.findall("path") if path.get("class") == "dot lower"]) == 1
        rows = [float(text.get("y")) - 4 for text in tree.findall("text") if text.get("class").startswith("label")]
        grid = {float(path.get("d").partition("V")[2]) for path in tree.findall("path") if path.get("class") == "grid"}
        assert grid == {rows[-1] + STEP / 2} and {b - a for a, b in pairwise(rows)} == {STEP}
        assert 0 < rows[0] - STEP / 2 < STEP / 2
        dots = {dot.get("class").split()[-1]: float(dot.get("cy")) for dot in tree.findall("circle")}
        assert dots["wrong"] > dots["own"], "below it, the score on another patient's film"


def test_nothing_from_outside_may_come_in(page):
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)[1]
    policy = escaping.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"<script|<link|<img|<iframe|\sstyle=|\son\w+=|https?:|url\(", page)


def test_names_are_escaped(page):
    assert str(escape(PLANTED)) in page


def test_a_run_alone_and_few_patients_have_a_page_too(tmp_path):
    truth = references(8)
    ScoredRun(tmp_path / "one").task(KEY, truth, {"own": truth}).write()
    text = html(compare([tmp_path / "one"]))
    assert "No interval is given below 30 patients." in text
    assert "one gets ROUGE-L 100.0." in text
    assert "Holm" not in text


def test_every_text_stands_in_both_languages_with_the_same_braces():
    words = yaml.safe_load((HERE / "words.yaml").read_text("utf-8"))
    for key, entry in ((key, entry) for group in words.values() for key, entry in group.items()):
        assert entry.keys() == {"vi", "en"}, key
        assert len({frozenset(re.findall(r"{\w+}", text)) for text in entry.values()}) == 1, key


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([60, 61.5], (60, 62, 1)),
        ([0, 100], (0, 100, 25)),
        ([99, 100], (98, 100, 1)),
        ([50, 50], (50, 52, 1)),
        ([0, 0], (0, 2, 1)),
        ([100], (98, 100, 1)),
        ([41, 95], (40, 100, 20)),
    ],
)
def test_the_axis_holds_all_values_within_round_ends(values, expected):
    assert axis(values) == expected
    low, high, _ = axis(values)
    assert low <= min(values) <= max(values) <= high


def test_numbers_are_written_as_each_language_does():
    assert localized(1234.56) == ("1.234,6", "1,234.6")
    assert localized(-0.04) == ("0,0", "0.0")
    assert localized(-2.5, signed=True) == ("−2,5", "−2.5")
    assert localized(None) == ("–", "–")
    assert p_value(0.0004) == ("< 0,001", "< 0.001")
    assert p_value(0.04) == ("0,040", "0.040")


def browse(tmp_path, text):
    """The document as it is shown, and what was said on the console."""
    file = tmp_path / "shown.html"
    file.write_text(text, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-dev-shm-usage"
    flags += " --hide-scrollbars --virtual-time-budget=2000 --enable-logging=stderr --window-size=1280,900 --dump-dom"
    command = [CHROMIUM, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def framed(tmp_path, text, script, width=360):
    """What `script` says of the page (`page`) shown in a frame of that width."""
    inner = escaping.escape(POLICY.sub("", text), quote=True)
    asked = escaping.escape(f"const page = this.contentDocument; document.title = {script}", quote=True)
    frame = f'<!doctype html><title>-</title><iframe width="{width}" height="900" style="border:0" onload="{asked}" '
    return re.search("<title>(.*?)</title>", browse(tmp_path, frame + f'srcdoc="{inner}">')[0], re.DOTALL)[1]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_it_opens_without_an_error_and_its_style_is_let_in(tmp_path, page):
    dom, console = browse(tmp_path, page)
    assert console == ""
    assert "Runs side by side" in dom
    assert "Content Security Policy" in browse(tmp_path, page.replace("</style>", " </style>", 1))[1]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_nothing_sticks_out_sideways_on_a_phone(tmp_path, page):
    wide = "page.documentElement.scrollWidth"
    assert int(framed(tmp_path, page, wide)) == 360
    assert int(framed(tmp_path, page.replace("<main", '<hr width="400"><main', 1), wide)) > 360


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_one_language_is_shown_at_a_time_and_chosen_without_a_script(tmp_path, page):
    shown = "page.querySelector('h1').innerText"
    assert framed(tmp_path, page, shown) == "So sánh các lần chạy"
    english = f"(page.querySelector('[for=lang-en]').click(), {shown})"
    assert framed(tmp_path, page, english) == "Runs side by side"
