"""Weights shared out over two real processes, joined by a file: the same training as where each has them whole."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_training import SIZES, in_processes, killed_at, model_section, same, steady, train_section, weights
from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from docphim import preflight
from docphim.errors import Refused, UsageError
from docphim.files import read_examples, read_json, write_jsonl
from docphim.models import FAMILIES
from docphim.models.load import load_saved
from docphim.recipe import load
from docphim.study import Message, to_row
from docphim.train import checkpoint, loop, state, train
from docphim.train.batch import Collate, Examples, fillers
from docphim.train.losses import answers
from docphim.train.model import open_model
from docphim.train.processes import Processes
from docphim.train.recompute import recompute
from docphim.train.settings import TrainSettings
from docphim.train.shard import gathered, shard, whole

LORA = {"tune": "lora", "freeze": ["vision"], "lora": {"rank": 2, "dropout": 0.0}}
WHOLE = {**LORA, "whole": ["projector"]}
EIGHT = {"max_steps": 8, "evaluations": 4, "batch_size": 1}
SHARED = {"processes": 2, "shard": "fsdp"}


def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest difference between two models' tensors of one name."""
    assert one.keys() == other.keys()
    return max(float((one[name].detach().float() - other[name].detach().float()).abs().max()) for name in one)


def saved(run: Path) -> dict[str, torch.Tensor]:
    return dict(load_saved(run / "model").model.named_parameters())


def together(dataset: Path, run: Path, model: dict, settings: dict) -> None:
    """Train in two processes."""
    assert in_processes(2, run.with_suffix(".meeting"), lambda: train(dataset, run, model=model, train=settings)) == [0, 0]


@pytest.fixture(scope="module")
def runs(dataset, tmp_path_factory) -> tuple[Path, Path]:
    """Eight steps in two processes that share the weights out, and in one that has them whole and accumulates."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    score = {"keep_best": "val/rougeL"}
    together(dataset, folder / "two", model_section(), train_section(**EIGHT, **SHARED, **score))
    train(dataset, folder / "one", model=model_section(), train=train_section(accumulate=2, **EIGHT, **score))
    return folder / "two", folder / "one"


def test_two_processes_end_where_one_does(runs):
    two, one = runs
    assert apart(saved(two), saved(one)) <= 1e-5
    for ours, theirs in zip(steady(two), steady(one), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_the_parts_lie_flat_in_a_checkpoint_that_says_how_many_wrote_it(runs):
    folder = runs[0] / "checkpoints" / "checkpoint-8"
    manifest = read_json(folder / checkpoint.MANIFEST)
    assert manifest["processes"] == 2
    parts = {"__0_0.distcp", "__1_0.distcp", state.PARTS, "random-0.safetensors", "random-1.safetensors"}
    assert manifest["files"].keys() == parts
    assert {p.name for p in folder.iterdir()} == {*parts, checkpoint.MANIFEST}


def test_the_model_is_saved_as_by_one_process(runs):
    two, one = ({p.relative_to(run / "model") for p in (run / "model").rglob("*")} for run in runs)
    assert two == one
    config = read_json(runs[0] / "model" / "config.json")
    assert config == read_json(runs[1] / "model" / "config.json")


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: gathered(p.grad) for name, p in model.named_parameters() if p.grad is not None}


def compare_gradients(dataset: Path, section: dict, *, checkpointing: bool = False, precision: str = "fp32") -> float:
    """In each of two processes: a step of whole weights, and the same of shared-out ones; how far their gradients differ.

    By the largest gradient where that is above 1.
    """
    rows = read_examples(dataset, "train")
    settings = TrainSettings(precision=precision)
    loaded = open_model(section, settings, rows)
    loaded.model.train()
    if checkpointing:
        recompute(loaded.core, True)
    examples = Examples(loaded, dataset, rows, blind=False)
    batches = [Collate(loaded)([examples[n] for n in places]) for places in ([0, 1], [2, 3], [4, 5], [6, 7])]
    total = loop.backward(loaded.model, loaded, batches, answers, Processes())
    expected = gradients(loaded.model)
    loaded.model.zero_grad()
    with Processes.joined() as processes:
        held = sum(p.numel() for p in loaded.model.parameters())
        model = loop._shared(loaded, examples, answers, ("positive",), replace(settings, shard="fsdp"), processes)
        assert all(isinstance(p, DTensor) for p in model.parameters())
        gathered_alone = [module for module in model.modules() if isinstance(module, FSDPModule)]
        assert len(gathered_alone) >= 3, "a block of the encoder, one of the decoder, the rest"
        assert sum(p.to_local().numel() for p in model.parameters()) < 0.6 * held
        loss = loop.backward(model, loaded, batches[processes.rank :: 2], answers, processes)
        assert float(processes.sum(loss)) / 2 == pytest.approx(float(total), rel=1e-6 if precision == "fp32" else 1e-2)
        return apart(gradients(model), expected) / max(1.0, *(float(gradient.abs().max()) for gradient in expected.values()))


@pytest.mark.parametrize("changes", [{}, LORA, {"freeze": ["vision"]}, WHOLE], ids=["full", "lora", "frozen", "whole part"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_every_parameter_is_shared_out_and_its_gradient_the_same(dataset, tmp_path, changes, checkpointing):
    def work() -> None:
        assert compare_gradients(dataset, model_section(**changes), checkpointing=checkpointing) <= 1e-6

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]


def test_blocks_that_compute_in_bfloat16_change_next_to_nothing(dataset, tmp_path):
    def work() -> None:
        assert 0 < compare_gradients(dataset, model_section(), precision="bf16") <= 2e-2

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"qwen_vl"}))
def test_every_family_is_shared_out(dataset, tmp_path, family):
    section = model_section(family=family, tiny={"vocab": 300, "hidden": 32, "layers": 1, "vision_hidden": 32})

    def work() -> None:
        assert compare_gradients(dataset, section) <= 1e-6

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]


def test_a_model_held_whole_answers_in_each_process_by_itself_and_is_shared_out_again(dataset, tmp_path):
    def work() -> None:
        rows = read_examples(dataset, "train")
        loaded = open_model(model_section(), TrainSettings(), rows)
        batch = Collate(loaded)([Examples(loaded, dataset, rows, blind=False)[0]])["positive"]
        inputs = {k: v for k, v in batch.items() if k not in ("labels", "columns")}
        expected = loaded.model.eval()(**inputs).logits
        with Processes.joined() as processes:
            shard(loaded.model, processes.world)
            assert loaded.model(**inputs).logits.allclose(expected, atol=1e-6)
            with torch.inference_mode(), whole(loaded.model):
                for _ in range(1 + 2 * processes.rank):  # not as often in one process as in the other
                    assert loaded.model(**inputs).logits.allclose(expected, atol=1e-6)
            assert all(isinstance(p, DTensor) for p in loaded.model.parameters())
            assert loaded.model(**inputs).logits.allclose(expected, atol=1e-6)

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({}, {"pairs": "hard", "loss": {"kind": "constraint", "beta": 0.3, "max_loss": 99}}),
        ({}, {"pairs": "hard", "loss": {"kind": "unlikelihood", "beta": 0.3}, "gradient_checkpointing": True}),
        ({}, {"pairs": "noise", "loss": {"kind": "constraint", "max_loss": 0}}),
        (LORA, {"pairs": "mined", "loss": "margin", "cache_features": True}),
        (WHOLE, {"pairs": "hard", "loss": "mdpo"}),
        ({"freeze": ["vision"]}, {"pairs": "other", "loss": "margin", "cache_features": True}),
    ],
    ids=["hard", "hard recomputed", "all capped", "mined, features kept", "preference", "projector over kept features"],
)
def test_pairs_end_where_they_do_in_one_process(dataset, tmp_path, changes, settings):
    """With one micro-batch of one example each: where only every second example has a negative, one process may have none."""
    settings = train_section(**{**EIGHT, "max_steps": 4, "evaluations": 2}, **settings)
    together(dataset, tmp_path / "two", model_section(**changes), {**settings, **SHARED})
    train(dataset, tmp_path / "one", model=model_section(**changes), train={**settings, "accumulate": 2})
    assert apart(saved(tmp_path / "two"), saved(tmp_path / "one")) <= 1e-5
    for ours, theirs in zip(steady(tmp_path / "two"), steady(tmp_path / "one"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)


@pytest.fixture
def mixed(dataset, tmp_path) -> Path:
    """The dataset with every second training example a text alone."""
    rows = read_examples(dataset, "train")
    texts = [replace(r, media=[], messages=[Message("user", "Kết luận."), *r.messages[1:]], pair=None) for r in rows]
    folder = tmp_path / "mixed"
    shutil.copytree(dataset, folder)
    write_jsonl(folder / "examples" / "train.jsonl", [to_row((rows, texts)[n % 2][n]) for n in range(len(rows))])
    return folder


def test_texts_among_films_end_where_they_do_in_one_process(mixed, tmp_path):
    """A process whose examples show nothing computes an image all the same, beside one whose examples show some."""
    settings = train_section(**EIGHT)
    together(mixed, tmp_path / "two", model_section(), {**settings, **SHARED})
    train(mixed, tmp_path / "one", model=model_section(), train={**settings, "accumulate": 2})
    assert apart(saved(tmp_path / "two"), saved(tmp_path / "one")) <= 1e-5
    for ours, theirs in zip(steady(tmp_path / "two"), steady(tmp_path / "one"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_filler_is_there_only_where_an_image_is_missing_and_counts_as_no_row(mixed, dataset):
    rows = read_examples(mixed, "train")
    loaded = open_model(model_section(), TrainSettings(), rows)
    examples = Examples(loaded, mixed, rows, blind=False)
    filling = fillers(examples)
    assert len(filling) == 1 and bool((filling[0].labels == -100).all())
    collate = Collate(loaded, filling)
    texts, films = collate([examples[1], examples[3]])["positive"], collate([examples[0], examples[1]])["positive"]
    assert (len(texts["labels"]), texts["counted"].tolist()) == (3, [2, 0]) and "pixel_values" in texts
    assert len(films["labels"]) == 2 and "counted" not in films
    one = torch.ones((), dtype=torch.long)
    scored = loop.score(loaded.model, loaded, {"positive": texts}, {"positive": (one, one)})["positive"]
    assert len(scored.odds) == len(scored.targets) == 2
    assert fillers(Examples(loaded, mixed, rows, blind=True)) == []
    assert fillers(Examples(loaded, dataset, read_examples(dataset, "train"), blind=False)) == []


def killed(after: int) -> None:
    """In the second of two processes the call so many of `loop.backward` kills it."""
    if os.environ["RANK"] == "1":
        real, calls = loop.backward, iter(range(1, 10**9))

        def deadly(*args, **kwargs):
            if next(calls) == after:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        loop.backward = deadly


def test_when_a_process_is_killed_the_training_goes_on_bit_for_bit(dataset, tmp_path, runs):
    run, model, settings = tmp_path / "run", model_section(), train_section(**EIGHT, **SHARED, keep_best="val/rougeL")

    def work() -> None:
        killed(6)
        train(dataset, run, model=model, train=settings)

    assert -signal.SIGKILL in in_processes(2, tmp_path / "meeting", work)
    assert (run / "checkpoints" / "checkpoint-4").exists() and not (run / "checkpoints" / "checkpoint-8").exists()
    together(dataset, run, model, settings)
    assert same(saved(run), saved(runs[0]))
    assert steady(run) == steady(runs[0])


def test_a_training_goes_on_in_one_process_and_in_two_again(dataset, tmp_path, runs):
    """Two processes to step 2, one to step 4 with the weights whole, two to the end: the order of the batches is one."""
    run, model = tmp_path / "run", model_section()
    settings = train_section(**EIGHT, **SHARED, keep_best="val/rougeL")
    alone = train_section(**EIGHT, accumulate=2, keep_best="val/rougeL")

    def work() -> None:
        killed(4)
        train(dataset, run, model=model, train=settings)

    in_processes(2, tmp_path / "meeting", work)
    assert read_json(run / "checkpoints" / "checkpoint-2" / checkpoint.MANIFEST)["processes"] == 2
    killed_at((loop, "backward", 4), lambda: train(dataset, run, model=model, train=alone))
    assert read_json(run / "checkpoints" / "checkpoint-4" / checkpoint.MANIFEST)["processes"] == 1
    assert weights(run, 4)
    together(dataset, run, model, settings)
    assert read_json(run / "checkpoints" / "checkpoint-8" / checkpoint.MANIFEST)["processes"] == 2
    assert apart(saved(run), saved(runs[0])) <= 1e-6
    for ours, theirs in zip(steady(run), steady(runs[0]), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_any_number_of_processes_shares_a_recipes_step(dataset, tmp_path, runs):
    """Started by a scheduler in one process, a recipe of two does what it says; three cannot share two batches."""
    settings, model = train_section(**EIGHT, **SHARED, keep_best="val/rougeL"), model_section()
    run = tmp_path / "run"
    assert in_processes(1, tmp_path / "meeting", lambda: train(dataset, run, model=model, train=settings)) == [0]
    assert same(saved(run), saved(runs[1]))

    def refused() -> None:
        with pytest.raises(UsageError, match=r"^train\.processes: 3 processes cannot share a step's 2 batches"):
            train(dataset, tmp_path / "three", model=model, train=settings)

    assert in_processes(3, tmp_path / "meeting", refused) == [0, 0, 0]


def test_parts_of_another_model_are_refused(dataset, tmp_path, runs):
    folder = runs[0] / "checkpoints" / "checkpoint-8"
    rows = read_examples(dataset, "train")
    frozen = open_model(model_section(freeze=["vision"]), TrainSettings(), rows).model
    with pytest.raises(Refused, match="checkpoint_corrupt: checkpoint-8: 13 weights are missing or left over"):
        state.load_weights(frozen, folder)
    wider = open_model(model_section(tiny={**SIZES, "hidden": 64}), TrainSettings(), rows).model
    with pytest.raises(Refused, match="has another shape or type than the model's"):
        state.load_weights(wider, folder)


def test_quantised_weights_are_refused_in_one_line():
    model = nn.Linear(2, 2)
    model.weight = nn.Parameter(torch.zeros(2, 2, dtype=torch.int8), requires_grad=False)
    base = Path(__file__).parent  # any folder: nothing is read
    recipe = load("demo", [f"model.weights={base}", "model.tune=lora", "model.quantise=nf4", "train.shard=fsdp"])
    with pytest.raises(UsageError, match=r"^train\.shard: quantised weights \(model\.quantise: nf4\) cannot be shared out"):
        preflight._check_shared(recipe)
    with pytest.raises(UsageError, match=r"^train\.shard: quantised weights \(weight: torch\.int8\) cannot be shared out"):
        shard(model, 2)
