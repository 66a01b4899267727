"""The page in headless Chromium: no error in the console, no planted script runs, nothing is wider than a phone."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docphim.page import page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
PLANTED = '<script>document.title="run"</script><img src="x" onerror="document.title=\'run\'">'
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def browse(tmp_path: Path, text: str) -> tuple[str, str]:
    """The document after its scripts ran, and what was said on the console."""
    file = tmp_path / "shown.html"
    file.write_text(text, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-dev-shm-usage"
    flags += " --hide-scrollbars --virtual-time-budget=2000"
    command = [CHROMIUM, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    command += ["--window-size=1280,900", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def title(dom: str) -> str:
    return re.search("<title>(.*?)</title>", dom, re.DOTALL).group(1)


@pytest.fixture(scope="module")
def made_page(tmp_path_factory, make_in):
    made = make_in(tmp_path_factory.mktemp("made"), studies=6, tasks=("dialogue",), planted=PLANTED)
    page(made.dataset, made.run, megabytes=8, studies=3)
    return (made.run / "index.html").read_text(encoding="utf-8")


def test_it_opens_without_an_error(tmp_path, made_page):
    dom, console = browse(tmp_path, made_page)
    assert console == ""
    assert "BẢN NHÁP DO MÁY TẠO" in dom
    assert 'data-kind="random" aria-pressed="true"' in dom


def test_a_planted_script_is_not_run_even_without_the_policy(tmp_path, made_page):
    open_page, removed = POLICY.subn("", made_page)
    assert removed == 1
    dom, _ = browse(tmp_path, open_page)
    assert title(dom) == "demo · Docphim"
    # The same text unescaped does run: the check can fail.
    dom, _ = browse(tmp_path, open_page.replace("<main>", f"<main>{PLANTED}", 1))
    assert title(dom) == "run"


def test_the_policy_stops_a_script_that_would_run(tmp_path, made_page):
    dom, console = browse(tmp_path, made_page.replace("<main>", f"<main>{PLANTED}", 1))
    assert title(dom) == "demo · Docphim"
    assert "Content Security Policy" in console


def sticks_out(tmp_path, text: str, width: int) -> bool:
    """Whether the page, shown in a frame of this width, is wider than it."""
    inner = html.escape(POLICY.sub("", text), quote=True)
    measure = 'onload="document.title=this.contentDocument.documentElement.scrollWidth"'
    frame = f'<!doctype html><title>-</title><iframe width="{width}" height="900" style="border:0" {measure} srcdoc="{inner}">'
    return int(title(browse(tmp_path, frame)[0])) > width


def test_nothing_sticks_out_sideways_on_a_phone(tmp_path, made_page):
    assert not sticks_out(tmp_path, made_page, 360)
    assert sticks_out(tmp_path, made_page.replace("<main>", '<main><hr width="400">', 1), 360)


def test_english_is_one_address_away(tmp_path, made_page):
    shown = POLICY.sub("", made_page).replace('location.hash === "#en"', "true")
    dom, _ = browse(tmp_path, shown)
    assert '<html lang="en"' in dom
