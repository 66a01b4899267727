"""A finished run as the start of another, as a person says it in a recipe."""

import json
import shutil

from docphim.files import read_jsonl


def drafts(docphim, name):
    return {(p["id"], p["image"]): p["prediction"] for p in read_jsonl(docphim.folder / "runs" / name / "predictions.jsonl")}


def test_a_run_is_evaluated_trained_on_and_found_again_where_its_base_has_moved(docphim, recipe, shared_phantoms):
    assert docphim("run", recipe, "--until", "generate", "--set", "name=first").returncode == 0
    text = recipe.read_text(encoding="utf-8").replace("{family: qwen_vl}", "{family: qwen_vl, image_size: 56, %s}")
    again = docphim.folder / "again.yaml"
    again.write_text(text % "weights: runs/first, tune: none", encoding="utf-8")
    tiny = ["--set", "generate.max_new_tokens=12", "--set", "prepare.long_side=128", "--set", "train.max_steps=2"]
    tiny += ["--set", "train.batch_size=4", "--set", "train.evaluations=1", "--set", "evaluate.splits=[test]"]

    def way(path, name, *more):
        return docphim("run", path, "--until", "generate", "--set", f"name={name}", *tiny, *more, tiny=False)

    answer = way(again, "again")
    assert answer.returncode == 0, answer.stderr
    assert drafts(docphim, "again") == drafts(docphim, "first")

    second = docphim.folder / "second.yaml"
    second.write_text(text % "weights: runs/first, tune: lora, lora: {rank: 2}", encoding="utf-8")
    answer = way(second, "second")
    assert answer.returncode == 0, answer.stderr
    assert "what is trained of each part" in answer.stderr
    before = drafts(docphim, "second")
    shutil.move(docphim.folder / "runs" / "first", docphim.folder / "elsewhere")
    for path in (docphim.folder / "runs" / "second").glob("*generate*.json"):
        path.unlink()
    (docphim.folder / "runs" / "second" / "predictions.jsonl").unlink()
    answer = way(second, "second")
    assert answer.returncode == 3 and "weights_missing" in answer.stderr
    answer = way(second, "second", "--set", "model.base=elsewhere")
    assert answer.returncode == 0, answer.stderr
    assert drafts(docphim, "second") == before and "train: done before" in answer.stderr
    note = json.loads((docphim.folder / "runs" / "second" / "model" / "docphim.json").read_text(encoding="utf-8"))
    assert note["base"]["weights"] == str(docphim.folder / "runs" / "first" / "model")

    shutil.move(docphim.folder / "elsewhere", docphim.folder / "further")
    film = min(shared_phantoms.rglob("film.dcm"))
    answer = docphim("draft", "runs/second", film, tiny=False)
    assert answer.returncode == 3 and "weights_missing" in answer.stderr and "--base DIR" in answer.stderr, answer.stderr
    assert not (docphim.folder / "drafts").exists(), "refused before anything is made"
    assert docphim("draft", "runs/second", film, "--base", "nothing", tiny=False).returncode == 2
    answer = docphim("draft", "runs/second", film, "--base", "further", tiny=False)
    assert answer.returncode == 0 and list(read_jsonl(docphim.folder / "drafts" / "second" / "drafts.jsonl")), answer.stderr
