"""The whole way, as a person runs it: everything written, nothing twice, nothing lost by a kill, no socket opened."""

import json
import os
import re
import signal
import stat
import time

import pytest

from docphim.files import read_json, read_jsonl

STABLE = ["studies.jsonl", "rejected.jsonl", "index.jsonl", "thumbs-xray.npy", "train.jsonl", "val.jsonl", "test.jsonl"]
STABLE += ["predictions.jsonl", "likelihoods.jsonl", "scores.json"]


def stable(folder):
    """The bytes of everything that must be the same under a rerun, by path."""
    found = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file() and (p.name in STABLE or p.suffix == ".b2nd")}
    return {name: path.read_bytes() for name, path in found.items() if name.parts[0] in ("data", "runs")}


def test_one_command_goes_from_phantoms_to_a_page_without_a_socket(docphim, recipe):
    answer = docphim("run", recipe, "--set", "prepare.workers=2", cold=True)
    assert answer.returncode == 0, answer.stderr
    for count in (
        r"train: \d+ steps, the best val/loss \d\S+ after step \d+",
        r"evaluate: \d+ scores of \d+ drafts in scores.json",
    ):
        assert re.search(rf"(?m)^{count}$", answer.stderr), answer.stderr
    assert re.search(r"(?m)^page: index\.html \d\.\d\d MB$", answer.stderr)
    assert not docphim.opened.exists()
    home = docphim.folder / "runs" / "small"
    scores = read_json(home / "scores.json")["by_task"]["findings/test"]
    assert set(scores["floors"]) == {"constant", "random", "nearest", "metadata"}
    assert set(scores["lead"]) == set(scores["floors"])
    assert {"noise", "blank", "other"} <= set(scores["reliance"])
    assert (
        scores["image_gain"]["n"] == 12 and scores["ceiling"]["rougeL"]["value"] > scores["floors"]["random"]["rougeL"]["value"]
    )
    assert scores["scores"]["rougeL"]["low"] is None, "no interval below 30 patients"
    assert {p["image"] for p in read_jsonl(home / "predictions.jsonl")} == {"own", "noise", "blank", "other"}
    page = (home / "index.html").read_text(encoding="utf-8")
    assert "BẢN NHÁP DO MÁY TẠO – CHƯA ĐƯỢC BÁC SĨ DUYỆT" in page
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o700 for p in (home, next((docphim.folder / "data" / "phantom").iterdir())))

    before = stable(docphim.folder)
    again = docphim("run", recipe)
    assert again.returncode == 0 and again.stderr.count("done before") == 7
    assert stable(docphim.folder) == before and len(before) > 45


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_kill_in_every_stage_changes_nothing_in_the_end(docphim, recipe, tmp_path_factory):
    whole = type(docphim)(tmp_path_factory.mktemp("whole"))
    assert whole("run", recipe).returncode == 0
    for stage in ("ingest", "prepare", "build", "train", "generate", "evaluate", "page"):
        process = docphim.start("run", recipe)
        while process.poll() is None and not any(
            docphim.folder.glob(f"{place}/.{stage}.started.json") for place in ("data/phantom/*", "runs/small")
        ):
            time.sleep(0.005)
        time.sleep(0.3 if stage in ("train", "generate") else 0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert docphim("run", recipe).returncode == 0
    assert stable(docphim.folder) == stable(whole.folder)
    assert not [p for p in docphim.folder.rglob("*.part") if "site" not in p.parts]


def test_runs_that_differ_in_tasks_share_their_pixels(docphim, recipe):
    assert docphim("prepare", recipe).returncode == 2, "prepare needs ingest"
    for name, tasks in (("one", "[findings]"), ("two", "[impression]")):
        answer = docphim("run", recipe, "--until", "build", "--set", f"name={name}", "--set", f"tasks={tasks}")
        assert answer.returncode == 0, answer.stderr
    one, two = sorted((docphim.folder / "data" / "phantom").iterdir())
    films = [sorted(p for p in d.glob("prepared/*.b2nd")) for d in (one, two)]
    assert len(films[0]) == 40
    assert [a.stat().st_ino for a in films[0]] == [b.stat().st_ino for b in films[1]]


def test_a_recipe_that_allows_no_rejection_stops_with_the_count(docphim, recipe, shared_phantoms):
    docphim("run", recipe, "--until", "ingest")
    films = docphim.folder / "films"
    films.mkdir()
    (films / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    source = next(shared_phantoms.rglob("*.dcm"))
    (films / "good.dcm").write_bytes(source.read_bytes())
    (docphim.folder / "reports.csv").write_text("file,text\nbroken.png,Phổi sáng.\ngood.dcm,Phổi sáng.\n", encoding="utf-8")
    own = docphim.folder / "own.yaml"
    own.write_text(
        f"name: own\nsource: {{kind: folder, path: {films}, reports: {docphim.folder / 'reports.csv'}, match: file_name,"
        " columns: {id: file, findings: text}}\nmodel: {family: qwen_vl}\nmax_rejected: 0.2\n",
        encoding="utf-8",
    )
    answer = docphim("run", own, "--until", "build")
    assert answer.returncode == 3 and answer.stderr.strip().splitlines()[-1].startswith("too_many_rejected: 1 of 2 studies")


def test_the_last_words_of_a_run_are_its_headline(docphim, recipe):
    answer = docphim("run", recipe, "--until", "evaluate")
    for words in ("own film", "floor: constant", "floor: nearest", "shown other", "image gain"):
        assert words in answer.stdout
    assert json.loads((docphim.folder / "runs" / "small" / "evaluate.json").read_text(encoding="utf-8"))["version"] >= 1
