"""Backend `vllm` on a stand-in with the engine's documented interface: the drafts are those of backend `transformers`.

The stand-in knows transformers and nothing of Docphim; its tokens are chosen by transformers' own `generate`.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from exported_run import make_run
from small_dataset import example

from docphim.errors import Refused, UsageError
from docphim.export import export
from docphim.files import read_json, read_jsonl, write_json
from docphim.generate import generate
from docphim.generate.backend import Prompt
from docphim.imaging.frames import Stack, draw
from docphim.recipe import load
from docphim.run import run as run_recipe
from docphim.study import Message

DECODING = {"repetition_penalty": 1.3, "min_new_tokens": 3}
ASKED = {"splits": ["test"], "contexts": ["reference", "generated"], "max_new_tokens": 12, "batch_size": 2}


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "stand_ins")
    monkeypatch.delitem(sys.modules, "vllm", raising=False)
    import vllm

    yield vllm
    sys.modules.pop("vllm", None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, its dataset, and the folder that it was exported to."""
    folder = tmp_path_factory.mktemp("made")
    run, out = make_run(folder, "qwen_vl"), folder / "out"
    export(run, out, "vllm")
    return run, folder / "data" / "phantom" / "key", out


def backend(out, **more):
    from docphim.generate.vllm import Backend

    return Backend(Path(), **{"exported": str(out), "blind": False, "max_new_tokens": 12, "temperature": 0.0, **more})


def drafted(run):
    return [{k: v for k, v in row.items() if k != "model"} for row in read_jsonl(run / "predictions.jsonl")]


FAMILIES = {
    "qwen2_5": ("qwen_vl", {}),
    "qwen3": ("qwen_vl", {"type": "qwen3_vl"}),
    "llava": ("llava", {}),
    "internvl": ("internvl", {}),
    "gemma3": ("gemma3", {}),
    "minicpmv": ("minicpmv", {"layers": 2, "hidden": 64}),
}


@pytest.mark.parametrize(("family", "sizes"), FAMILIES.values(), ids=FAMILIES)
def test_greedy_drafts_and_likelihoods_are_those_of_transformers(family, sizes, tmp_path):
    run, other, out = make_run(tmp_path, family, sizes=sizes), tmp_path / "runs" / "other", tmp_path / "out"
    dataset = tmp_path / "data" / "phantom" / "key"
    export(run, out, "vllm")
    other.mkdir()
    asked = {**ASKED, "images": ["own", "noise"], "decoding": DECODING}
    generate(dataset, run, **asked)
    generate(dataset, other, backend="vllm", asking={"exported": str(out)}, **asked)
    assert drafted(other) == drafted(run) and len({row["prediction"] for row in drafted(run)}) > 1
    assert {row["model"] for row in read_jsonl(other / "predictions.jsonl")} == {
        f"{read_json(out / 'docphim_serving.json')['name']} (vLLM 0.33.0)"
    }
    pairs = list(zip(*(read_jsonl(folder / "likelihoods.jsonl") for folder in (run, other)), strict=True))
    assert pairs and all(one["nats"] == pytest.approx(two["nats"], abs=2e-3) for one, two in pairs)
    assert all({**one, "nats": 0} == {**two, "nats": 0} for one, two in pairs)


def test_a_family_whose_pictures_the_engine_cuts_is_refused(tmp_path):
    export(make_run(tmp_path, "llava_onevision"), tmp_path / "out", "vllm")
    with pytest.raises(UsageError, match=r"^generate\.backend: of family llava_onevision vllm cuts every picture into tiles"):
        backend(tmp_path / "out")


def test_a_blind_model_reads_words_alone(made, engine, tmp_path):
    out = made[2]
    blind = shutil.copytree(out, tmp_path / "blind")
    write_json(blind / "docphim_serving.json", read_json(out / "docphim_serving.json") | {"blind": True})
    (answer,) = backend(blind, blind=True).answer([Prompt(example(1).messages[:2], [])])
    assert answer[1] in ("stop", "length")
    for folder, seen in ((out, True), (blind, False)):
        with pytest.raises(UsageError, match=f"^generate.exported: the model .*; train.blind: {str(not seen).lower()}$"):
            backend(folder, blind=seen)


def test_settings_reach_the_engine_and_drawn_tokens_have_the_prompts_seed(made, engine, monkeypatch):
    _, dataset, out = made
    one, heard = example(1), []
    real = engine.LLM.generate
    monkeypatch.setattr(engine.LLM, "generate", lambda self, *a, **k: heard.extend(a[1]) or real(self, *a, **k))
    model = backend(out, temperature=0.8, top_p=0.9, top_k=5, repetition_penalty=1.2, min_new_tokens=2)
    frames = draw(one.media[0], dataset, model.size)
    model.answer([Prompt(one.messages[:2], [frames], seed=2**62)])
    ends = read_json(out / "generation_config.json")["eos_token_id"]
    assert heard == [engine.SamplingParams(1.2, 0.8, 0.9, 5, 2**62, ends, 12, 2, None, False)]


def test_drafts_of_another_release_are_made_again(made, engine, tmp_path, monkeypatch):
    _, dataset, out = made
    asked = {**ASKED, "images": ["own"], "backend": "vllm", "asking": {"exported": str(out)}}
    generate(dataset, tmp_path, **asked)
    before = list(read_jsonl(tmp_path / "predictions.jsonl"))
    monkeypatch.setattr(engine, "__version__", "0.33.1")
    generate(dataset, tmp_path, **asked)
    after = list(read_jsonl(tmp_path / "predictions.jsonl"))
    assert {row["model"] for row in after} == {row["model"].replace("0.33.0", "0.33.1") for row in before}


def test_two_processes_with_an_engine_each_draft_what_one_does_each_on_its_gpu(made, tmp_path, monkeypatch):
    _, dataset, out = made
    asked = {**ASKED, "images": ["own"], "backend": "vllm", "asking": {"exported": str(out)}}
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    generate(dataset, tmp_path / "one", **asked)
    generate(dataset, tmp_path / "two", **asked, processes=2)
    assert drafted(tmp_path / "two") == drafted(tmp_path / "one")
    for seen, number, expected in ((None, "3", "3"), ("4,6", "1", "6"), ("", "1", "")):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if seen is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
        monkeypatch.setenv("LOCAL_RANK", number)
        backend(out)
        backend(out)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == expected
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match=r"^generate\.processes: 2 processes need as many GPUs"):
        generate(dataset, tmp_path / "three", **asked, processes=2)


@pytest.mark.parametrize("release", ["0.32.9", "0.34.0", "1.0", "dev"])
def test_an_engine_of_another_release_is_refused(made, engine, monkeypatch, release):
    monkeypatch.setattr(engine, "__version__", release)
    known = r"known are releases from 0\.33, before 0\.34$"
    with pytest.raises(UsageError, match=rf"^generate\.backend: vllm is {release} here; {known}"):
        backend(made[2])


def test_a_missing_engine_is_named_with_what_installs_it(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(UsageError, match=r"not installed here: pip install 'docphim\[vllm\]'$"):
        backend(made[2])


def test_a_folder_that_was_not_exported_for_the_engine_or_has_changed_is_refused(made, tmp_path):
    run, _, out = made
    with pytest.raises(Refused, match=r"^file_missing: generate\.exported: the folder is none that"):
        backend(run / "model")
    export(run, tmp_path / "plain")
    with pytest.raises(Refused, match=r"^file_missing: generate\.exported"):
        backend(tmp_path / "plain")
    other = shutil.copytree(out, tmp_path / "other")
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (other / "model.safetensors").write_bytes(weights)
    with pytest.raises(Refused, match=r"^file_changed: generate\.exported: model\.safetensors"):
        backend(other)


def test_an_adapter_alone_is_refused(tmp_path):
    export(make_run(tmp_path, "qwen_vl", published=True), tmp_path / "out", "vllm", adapter=True)
    with pytest.raises(Refused, match=r"^weights_layout: generate\.exported: .*export the run without --adapter$"):
        backend(tmp_path / "out")


def test_what_the_engine_reads_must_be_what_docphim_reads(made, engine, monkeypatch):
    _, dataset, out = made
    model, one = backend(out), example(1)
    frames = draw(one.media[0], dataset, model.size)
    three = Message("user", "<image><image><image>\nMô tả.")
    with pytest.raises(UsageError, match=r"a prompt has 3 pictures, and vllm\.json there says at most 2"):
        model.answer([Prompt([three], [frames] * 3)])
    video = Message("user", "<video>\nMô tả.")
    with pytest.raises(UsageError, match="show images"):
        model.answer([Prompt([video], [Stack(frames.frames.repeat(2, 0), 10.0, None)])])
    monkeypatch.setattr(engine.LLM, "read", lambda self, ids, counts: ids[:-1])
    with pytest.raises(Refused, match=r"^weights_layout: generate\.exported: vLLM reads a prompt as \d+ tokens"):
        model.answer([Prompt(one.messages[:1], [])])


RECIPE = """
name: served
source: {{kind: phantom, profile: demo, studies: 12, size: 128, seed: 3, path: phantoms, workers: 1}}
split: {{fractions: [0.5, 0.25, 0.25]}}
prompts: docphim
prepare: {{long_side: 64, workers: 1}}
generate: {{backend: vllm, exported: {out}, max_new_tokens: 8, batch_size: 64}}
evaluate: {{resamples: 100, images: [own, other]}}
"""


def test_a_recipe_drafts_by_an_exported_model_and_again_once_that_is_another(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made[2], "out")
    Path("served.yaml").write_text(RECIPE.format(out="out"), "utf-8")
    _, home = run_recipe(load("served.yaml"))
    (task,) = read_json(home / "scores.json")["by_task"].values()
    assert task["image_gain"]["n"] > 0 and not (home / "model").exists()
    stamp = (home / "predictions.jsonl").stat().st_mtime_ns
    Path("out").rename("moved")
    run_recipe(load("served.yaml", ["generate.exported=moved"]))
    assert (home / "predictions.jsonl").stat().st_mtime_ns == stamp
    about = read_json(Path("moved/docphim_serving.json"))
    write_json(Path("moved/docphim_serving.json"), about | {"name": "another"})
    run_recipe(load("served.yaml", ["generate.exported=moved"]), until="generate")
    assert {row["model"] for row in read_jsonl(home / "predictions.jsonl")} == {"another (vLLM 0.33.0)"}
    with pytest.raises(Refused, match=r"^file_missing: generate\.exported: there is no docphim_serving\.json"):
        run_recipe(load("served.yaml", ["generate.exported=nowhere"]))
    sys.modules["vllm"] = None
    with pytest.raises(UsageError, match=r"^generate\.backend: vllm needs vllm, not installed here"):
        run_recipe(load("served.yaml", ["generate.exported=moved", "name=new"]))
    assert not (home.parent / "new").exists() and torch.is_grad_enabled()
