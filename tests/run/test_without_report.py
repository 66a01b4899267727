"""`source.without_report: keep`: what has no report is prepared, drafted and shown; it is not trained on and not scored."""

import json
import re
import shutil

import pydicom
import pytest

from docphim.files import read_json, read_jsonl


@pytest.fixture
def films(tmp_path, shared_phantoms, docphim, recipe):
    """Twelve films, and a table that speaks of nine."""
    assert docphim("run", recipe, "--until", "ingest").returncode == 0
    root = tmp_path / "films"
    root.mkdir()
    rows = ["accession,findings,impression"]
    for number, source in enumerate(sorted(shared_phantoms.rglob("film.dcm"))[:12]):
        film = pydicom.dcmread(source)
        film.AccessionNumber = f"A{number}"
        film.save_as(root / f"{number}.dcm")
        if number < 9:
            rows.append(f"A{number},Tim không to {number}.,Bình thường {number}.")
    (tmp_path / "reports.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def write_recipe(tmp_path, films, source, more=""):
    path = tmp_path / "own.yaml"
    path.write_text(
        f"name: own\nsource: {{kind: folder, path: {films}, without_report: keep{source}}}\n"
        f"split: {{fractions: [0.5, 0.2, 0.3]}}\nprompts: docphim\ntasks: [dialogue]\n{more}",
        encoding="utf-8",
    )
    return path


def test_studies_without_a_report_are_drafted_beside_those_that_are_scored(docphim, tmp_path, films):
    own = write_recipe(tmp_path, films, f", reports: {tmp_path / 'reports.csv'}", "model: {family: qwen_vl}\n")
    answer = docphim("run", own)
    assert answer.returncode == 0, answer.stderr
    home = docphim.folder / "runs" / "own"
    [dataset] = (docphim.folder / "data" / "folder").iterdir()
    notes = read_json(dataset / "ingest_notes.json")
    assert (notes["studies"], notes["with_report"], notes["without_report"]) == (12, 9, 3)
    unreported = {row["id"] for row in read_jsonl(dataset / "studies.jsonl") if row["report"] is None}
    of_split = {s: {row["study"] for row in read_jsonl(dataset / "examples" / f"{s}.jsonl")} for s in ("train", "val", "test")}
    assert not unreported & set().union(*of_split.values())
    drafts = list(read_jsonl(home / "drafts.jsonl"))
    assert {row["study"] for row in drafts} == unreported and {row["image"] for row in drafts} == {"own"}
    assert not unreported & {row["study"] for row in read_jsonl(home / "predictions.jsonl")}
    assert {s["n"] for t in read_json(home / "scores.json")["by_task"].values() for s in t["scores"].values()} <= {
        len(of_split["test"])
    }
    assert "studies without a report 3: drafted, not scored" in answer.stderr
    page = (home / "drafts.html").read_text(encoding="utf-8")
    assert all(study in page for study in unreported) and page.count("data:image/jpeg") == 3
    assert "3 studies without a report were drafted" in (home / "index.html").read_text(encoding="utf-8")
    again = docphim("run", own)
    assert again.returncode == 0 and again.stderr.count("done before") == 7


def test_where_no_study_has_a_report_published_weights_draft_and_nothing_is_scored(docphim, tmp_path, films, recipe):
    assert docphim("run", recipe, "--until", "train").returncode == 0
    weights = tmp_path / "weights"
    shutil.copytree(docphim.folder / "runs" / "small" / "model", weights)
    (weights / "docphim.json").unlink()
    model = f"model: {{family: qwen_vl, weights: {weights}, tune: none, image_size: 56}}\n"
    more = model + "generate: {max_new_tokens: 8}\nprepare: {long_side: 128, workers: 1}\n"
    answer = docphim("run", write_recipe(tmp_path, films, "", more), tiny=False)
    assert answer.returncode == 0, answer.stderr
    assert "no study has a report: there are no scores" in answer.stderr
    home = docphim.folder / "runs" / "own"
    assert read_json(home / "scores.json") == {"by_task": {}}
    assert len({json.dumps(row["study"]) for row in read_jsonl(home / "drafts.jsonl")}) == 12
    page = (home / "index.html").read_text(encoding="utf-8")
    assert "No study has a report: there are no scores." in page and not re.search(r"""(?:src|href)=["']?https?:""", page)
