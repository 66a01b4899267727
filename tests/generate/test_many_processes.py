"""Batches dealt to several processes, each of which holds the model: the bytes are those of one process."""

import shutil

import psutil
import pytest
import torch
from small_dataset import example, write_dataset

from docphim.backends import BACKENDS
from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl
from docphim.generate import generate, stage
from docphim.recipe import Generate

SETTINGS = {"images": ["own", "other"], "splits": ["test"], "contexts": ["generated"], "max_new_tokens": 12, "batch_size": 2}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(
        tmp_path / "data", [example(n, partner=(n + 1) % 8) for n in range(8)] + [example(2, "dialogue", partner=3)]
    )


def run_folder(folder, tiny_model, name):
    shutil.copytree(tiny_model, folder / name / "model", copy_function=shutil.copy2)
    return folder / name


def both(run):
    return [(run / name).read_bytes() for name in ("predictions.jsonl", "likelihoods.jsonl")]


def workers():
    """The processes that this one has started to draft."""
    return [child for child in psutil.Process().children() if any("spawn_main" in word for word in child.cmdline())]


def test_two_processes_go_on_from_what_one_has_drafted_and_one_of_them_is_killed(dataset, tmp_path, tiny_model, monkeypatch):
    one, run = run_folder(tmp_path, tiny_model, "one"), run_folder(tmp_path, tiny_model, "run")
    generate(dataset, one, **SETTINGS)
    real, killed = stage._written, []

    def stopped(answered, filler):
        for number, talk in enumerate(real(answered, filler)):
            if number == 5:
                raise KeyboardInterrupt
            yield talk

    def hurt(answered, filler):
        for talk in real(answered, filler):
            if not killed:
                killed.extend(workers())
                killed[0].kill()
            yield talk

    monkeypatch.setattr(stage, "_written", stopped)
    with pytest.raises(KeyboardInterrupt):
        generate(dataset, run, **SETTINGS)
    assert 0 < len(list(read_jsonl(run / "predictions.jsonl"))) < len(list(read_jsonl(one / "predictions.jsonl")))
    monkeypatch.setattr(stage, "_written", hurt)
    generate(dataset, run, **SETTINGS, processes=2)
    assert both(run) == both(one) and all(both(one))
    assert len(killed) == 2 and not workers()


def test_what_a_process_refuses_is_refused(dataset, tmp_path, tiny_model):
    run = run_folder(tmp_path, tiny_model, "run")
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    with pytest.raises(Refused, match=r"^(weights_incomplete|file_truncated)"):
        generate(dataset, run, **{**SETTINGS, "images": ["own"], "batch_size": 16}, processes=2)


def test_more_processes_than_gpus_or_of_a_backend_that_has_none_are_a_usage_error(tmp_path, tiny_model, dataset, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match=r"^generate\.processes: 2 processes need as many GPUs, and there are 1$"):
        generate(dataset, run_folder(tmp_path, tiny_model, "run"), **SETTINGS, processes=2)
    for backend in {name for name, line in BACKENDS.items() if not line.shared}:
        with pytest.raises(ValueError, match=f"processes: backend {backend} has none"):
            Generate(backend=backend, processes=2)
