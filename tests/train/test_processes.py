"""Two real processes, started by torchrun."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import model_section, train_section

from docphim.errors import Refused
from docphim.files import read_json, read_jsonl, write_json
from docphim.train import checkpoint, train
from docphim.train.__main__ import main

LAST = Path("checkpoints") / "checkpoint-3"
SECTION = {"max_steps": 3, "evaluations": 1, "keep_best": "val/rougeL"}


@pytest.fixture(scope="module")
def together(dataset, tmp_path_factory) -> Path:
    """A run of two processes with one batch each a step, as a recipe asks for it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        train(dataset, folder / "run", model=model_section(), train=train_section(processes=2, **SECTION))
    return folder / "run"


def test_two_processes_end_where_one_with_doubled_accumulation_does(together, dataset, tmp_path):
    assert read_json(together / LAST / checkpoint.MANIFEST)["processes"] == 2
    assert {"rng_state_0.pth", "rng_state_1.pth"} <= {p.name for p in (together / LAST).iterdir()}
    train(dataset, tmp_path, model=model_section(), train=train_section(accumulate=2, **SECTION))
    ours, theirs = (load_file(run / LAST / checkpoint.WEIGHTS) for run in (together, tmp_path))
    assert ours.keys() == theirs.keys()
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) <= 1e-6


def test_what_stops_one_of_several_processes_is_said_as_if_there_were_one(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with pytest.raises(Refused, match="too_long"):
        train(dataset, tmp_path, model=model_section(), train=train_section(processes=2, max_length=16))
    assert {p.name for p in tmp_path.iterdir()} <= {"checkpoints"}


def test_one_process_writes_the_log_and_it_is_that_of_the_global_batch(together, dataset, tmp_path):
    train(dataset, tmp_path, model=model_section(), train=train_section(accumulate=2, **SECTION))
    ours, theirs = (list(read_jsonl(run / "log.jsonl")) for run in (together, tmp_path))
    assert [row["step"] for row in ours] == [1, 2, 3, 3]
    for one, other in zip(ours, theirs, strict=True):
        for key in {"loss", "grad_norm", "learning_rate", "epoch", "val/loss", "val/rougeL", "val/bleu4"} & one.keys():
            assert one[key] == pytest.approx(other[key], rel=1e-5)


def test_processes_that_lose_their_checkpoint_count_with_one_process(together, dataset, tmp_path):
    """A run of two processes can be finished by one that accumulates twice: the key is the same."""
    key = read_json(together / LAST / checkpoint.MANIFEST)["key"]
    train(dataset, tmp_path, model=model_section(), train=train_section(accumulate=2, **SECTION))
    assert read_json(tmp_path / LAST / checkpoint.MANIFEST)["key"] == key


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"model": {"family": "qwen_vl"}, "train": {"epoch": 1}}, 2),
        ({"model": {"family": "resnet"}, "train": {}}, 2),
        ({"model": model_section(), "train": train_section(max_length=16)}, 3),
    ],
)
def test_the_module_exits_as_the_command_line_does(dataset, tmp_path, config, code):
    write_json(tmp_path / "config.json", config)
    assert main([str(dataset), str(tmp_path / "run"), str(tmp_path / "config.json")]) == code


def test_the_module_without_its_three_arguments_exits_with_2():
    assert main([]) == 2
