import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_training import TEXTS, example, killed_at, model_section, same, steady, train_section, weights

from docphim.errors import Refused, UsageError
from docphim.files import read_examples, read_json, read_jsonl, write_jsonl
from docphim.models import FAMILIES, decode
from docphim.models.encode import collate
from docphim.models.load import load_saved
from docphim.study import Message, to_row
from docphim.train import LOSSES, checkpoint, fit, loop, state, train
from docphim.train.batch import Collate, Examples
from docphim.train.losses import answers
from docphim.train.model import open_model
from docphim.train.recompute import recompute
from docphim.train.settings import TrainSettings

LORA = {"tune": "lora", "freeze": ["vision"], "lora": {"rank": 2, "dropout": 0.2}}


@pytest.fixture(scope="module")
def finish(dataset, tmp_path_factory):
    """Trainings that nothing interrupted, each made once: tune → (run, model section)."""
    torch.set_num_threads(1)
    made: dict[str, tuple[Path, dict]] = {}

    def finished(tune: str) -> tuple[Path, dict]:
        if tune not in made:
            run, model = tmp_path_factory.mktemp("runs") / tune, model_section(**(LORA if tune == "lora" else {}))
            train(dataset, run, model=model, train=train_section())
            made[tune] = run, model
        return made[tune]

    return finished


@pytest.fixture
def finished(finish):
    return finish("full")


KILLS = {
    "between saves": (loop, "_write", 4),
    "before anything is saved": (loop, "_write", 1),
    "within a step": (loop, "backward", 4),
    "while the weights are saved": (state, "save_weights", 2),
    "between the weights and the optimiser's state": (state, "save_optimizer", 2),
    "before the random numbers are saved": (state, "random_state", 2),
    "before the manifest": (checkpoint, "seal", 2),
    "before the checkpoint gets its name": (Path, "rename", 2),
    "while old ones are removed": (checkpoint, "prune", 3),
    "before the model is written": (fit, "save", 1),
}
CASES = [*(("full", when) for when in KILLS), ("lora", "between saves"), ("lora", "before the manifest")]


@pytest.mark.parametrize(("tune", "when"), CASES)
def test_a_killed_training_goes_on_to_the_same_weights_and_log(finish, dataset, tmp_path, tune, when):
    whole, model = finish(tune)
    run = tmp_path / "run"
    settings = train_section()
    killed_at(KILLS[when], lambda: train(dataset, run, model=model, train=settings))
    assert not (run / "model").exists()
    train(dataset, run, model=model, train=settings)
    assert same(weights(run, 4), weights(whole, 4))
    assert steady(run) == steady(whole)
    for file in sorted((whole / "model").rglob("*")):
        if file.is_file():
            assert (run / "model" / file.relative_to(whole / "model")).read_bytes() == file.read_bytes()
    assert not list((run / "checkpoints").glob(".*"))


def test_a_corrupt_checkpoint_costs_the_steps_since_the_one_before(finished, dataset, tmp_path, caplog):
    whole, model = finished
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    damaged = run / "checkpoints" / "checkpoint-4" / state.OPTIMIZER
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x01")
    with caplog.at_level("INFO", "docphim"):
        train(dataset, run, model=model, train=train_section())
    assert "checkpoint-4 does not match its manifest and is ignored" in caplog.text
    assert "resumed after step 2" in caplog.text
    assert same(weights(run, 4), weights(whole, 4))
    assert steady(run) == steady(whole)


def test_with_no_checkpoint_left_training_starts_anew_and_says_so(finished, dataset, tmp_path, caplog):
    whole, model = finished
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    for manifest in run.glob("checkpoints/*/manifest.json"):
        manifest.unlink()
    with caplog.at_level("INFO", "docphim"):
        train(dataset, run, model=model, train=train_section())
    assert "no checkpoint can be resumed; training starts anew" in caplog.text
    assert same(weights(run, 4), weights(whole, 4))
    assert steady(run) == steady(whole)


def test_a_checkpoint_made_under_other_settings_is_not_resumed(dataset, tmp_path):
    run = tmp_path / "run"
    train(dataset, run, model=model_section(), train=train_section(learning_rate=1e-2))
    train(dataset, run, model=model_section(), train=train_section())
    anew = tmp_path / "anew"
    train(dataset, anew, model=model_section(), train=train_section())
    assert same(weights(run, 4), weights(anew, 4))


def test_the_saved_model_is_the_best_checkpoint(dataset, tmp_path):
    # A rate that ruins the model after the first evaluation, so that the best is not the last.
    section = train_section(max_steps=8, learning_rate=0.5, warmup=1.0, evaluations=8)
    train(dataset, tmp_path, model=model_section(), train=section)
    losses = {row["step"]: row["val/loss"] for row in read_jsonl(tmp_path / "log.jsonl") if "val/loss" in row}
    best = min(losses, key=losses.get)
    assert best < 8
    steps = sorted(int(p.name.removeprefix("checkpoint-")) for p in tmp_path.glob("checkpoints/checkpoint-*"))
    assert steps == sorted({best, 7, 8})
    saved = dict(load_saved(tmp_path / "model").core.named_parameters())
    assert all(saved[name].equal(value) for name, value in weights(tmp_path, best).items())
    assert f"that of step {best}, the best by `val/loss`" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_the_validation_loss_is_in_nats_per_answer_token_over_all_examples(dataset, tmp_path):
    train(dataset, tmp_path, model=model_section(), train=train_section(max_steps=1, evaluations=1))
    (logged,) = [row["val/loss"] for row in read_jsonl(tmp_path / "log.jsonl") if "val/loss" in row]
    loaded = load_saved(tmp_path / "model")
    examples = Examples(loaded, dataset, read_examples(dataset, "val"), blind=False)
    sums = [decode.nats(loaded, collate(loaded, [examples[i]], "right"))[0] for i in range(len(examples))]
    assert len({tokens for _, tokens in sums}) > 1
    assert logged == pytest.approx(sum(nats for nats, _ in sums) / sum(tokens for _, tokens in sums), rel=1e-5)


def test_a_score_of_generated_text_can_decide(dataset, tmp_path):
    train(dataset, tmp_path, model=model_section(), train=train_section(keep_best="val/rougeL", max_steps=2, evaluations=1))
    (row,) = [row for row in read_jsonl(tmp_path / "log.jsonl") if "val/rougeL" in row]
    assert 0 <= row["val/rougeL"] <= 100
    assert {"val/loss", "val/bleu4"} < row.keys()
    assert checkpoint.MANIFEST in {p.name for p in (tmp_path / "checkpoints" / "checkpoint-2").iterdir()}
    assert read_json(tmp_path / "checkpoints" / "checkpoint-2" / checkpoint.MANIFEST)["score"] == row["val/rougeL"]


def test_two_accumulated_batches_are_one_batch_of_twice_the_size(dataset, tmp_path):
    shutil.copytree(dataset / "prepared", tmp_path / "prepared")
    for split, count in (("train", 4), ("val", 0)):
        rows = list(read_jsonl(dataset / "examples" / f"{split}.jsonl"))[:count]
        write_jsonl(tmp_path / "examples" / f"{split}.jsonl", rows)
    logs = []
    for size, accumulate in ((4, 1), (2, 2), (1, 4)):
        section = train_section(batch_size=size, accumulate=accumulate, max_steps=1)
        train(tmp_path, tmp_path / f"run{size}", model=model_section(), train=section)
        logs.append(steady(tmp_path / f"run{size}")[0])
    for log in logs[1:]:
        assert log == pytest.approx(logs[0], rel=2e-6)


def batch_of(dataset, section, **settings):
    examples = read_examples(dataset, "train")
    loaded = open_model(section, TrainSettings(**settings), examples)
    read = Examples(loaded, dataset, examples, blind=False)
    return loaded, Collate(loaded)([read[i] for i in range(4)])["positive"]


def test_the_loss_from_answer_columns_is_the_models_own_loss(dataset):
    loaded, batch = batch_of(dataset, model_section())
    total = (batch["labels"] != -100).sum()
    with torch.no_grad():
        scored = loop.score(loaded.model, loaded, {"positive": batch}, {"positive": (total, torch.tensor(4))})
        columns = batch.pop("columns")
        expected = loaded.model(**batch, use_cache=False).loss
    assert scored["positive"].odds.shape[1] == len(columns) < batch["labels"].shape[1]
    assert float(answers(scored)) == pytest.approx(float(expected), rel=1e-5)


def test_gradient_checkpointing_changes_no_weight_and_leaves_a_frozen_encoder_asleep(dataset, tmp_path):
    section = model_section(freeze=["vision"], tiny=model_section()["tiny"] | {"layers": 2})
    for name, on in (("plain", False), ("sparing", True)):
        train(
            dataset, tmp_path / name, model=section, train=train_section(max_steps=2, evaluations=1, gradient_checkpointing=on)
        )
    assert same(weights(tmp_path / "plain", 2), weights(tmp_path / "sparing", 2))
    loaded, batch = batch_of(dataset, section)
    recompute(loaded.core, True)
    awake = []
    loaded.core.model.visual.register_forward_hook(lambda *seen: awake.append(seen[2].last_hidden_state.requires_grad))
    layers = []
    loaded.core.model.language_model.layers[1].mlp.register_forward_pre_hook(lambda _, inputs: layers.append(1))
    loaded.model.train()
    batch.pop("columns")
    loaded.model(**batch, use_cache=False).loss.backward()
    assert awake == [False]
    assert len(layers) == 2, "a checkpointed layer runs again in the backward pass"


def test_weights_that_overflow_stop_the_training_and_the_last_good_checkpoint_stays(dataset, tmp_path):
    # The first step of a warm-up has rate 0, the second one ruins the weights, the third meets the ruin.
    section = train_section(learning_rate=1e38, warmup=1.0, evaluations=3)
    with pytest.raises(Refused) as refused:
        train(dataset, tmp_path, model=model_section(), train=section)
    assert (refused.value.reason, refused.value.where) == ("loss_not_finite", "step 3")
    assert "at step 3 the loss is nan" in refused.value.why
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["checkpoint-1"]
    assert [row["step"] for row in read_jsonl(tmp_path / "log.jsonl") if "loss" in row] == [1, 2]
    assert not (tmp_path / "model").exists()


def test_a_validation_loss_that_is_not_finite_is_refused_before_it_is_saved(dataset, tmp_path):
    with pytest.raises(Refused) as refused:
        train(dataset, tmp_path, model=model_section(), train=train_section(learning_rate=1e38, warmup=1.0, evaluations=2))
    assert (refused.value.reason, refused.value.where) == ("loss_not_finite", "validation")
    assert not list((tmp_path / "checkpoints").iterdir())


def test_when_the_disk_fills_up_the_same_command_later_ends_as_if_it_had_not(finished, dataset, tmp_path, monkeypatch):
    whole, model = finished
    saves = iter(range(1, 10))
    real = state.save_optimizer

    def full(model, optimizer, folder):
        if next(saves) == 2:
            with open("/dev/full", "wb", buffering=0) as device:
                device.write(b"x")
        real(model, optimizer, folder)

    with monkeypatch.context() as patched:
        patched.setattr(state, "save_optimizer", full)
        with pytest.raises(Refused) as refused:
            train(dataset, tmp_path, model=model, train=train_section())
    assert (refused.value.reason, refused.value.where) == ("disk_full", "checkpoint-4")
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["checkpoint-2"]
    train(dataset, tmp_path, model=model, train=train_section())
    assert same(weights(tmp_path, 4), weights(whole, 4))


def test_a_sample_over_the_budget_is_refused_before_anything_is_trained(dataset, tmp_path):
    with pytest.raises(Refused) as refused:
        train(dataset, tmp_path, model=model_section(), train=train_section(max_length=20))
    assert refused.value.reason == "too_long"
    assert refused.value.where == "train000-findings, train001-findings, train002-findings, …"
    assert not (tmp_path / "log.jsonl").exists()


def test_untuned_weights_are_saved_as_they_are(dataset, tmp_path):
    train(dataset, tmp_path, model=model_section(tune="none"), train=train_section())
    fresh = open_model(model_section(tune="none"), TrainSettings(), read_examples(dataset, "train"))
    saved = dict(load_saved(tmp_path / "model").core.named_parameters())
    assert all(saved[name].equal(value) for name, value in fresh.core.named_parameters())
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == ""
    assert "Not tuned" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_a_blind_training_opens_no_film(dataset, tmp_path):
    bare = tmp_path / "films-gone"
    shutil.copytree(dataset / "examples", bare / "examples")
    train(bare, tmp_path / "run", model=model_section(), train=train_section(blind=True, max_steps=1, evaluations=1))
    assert "never saw an image" in (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")


def test_a_dataset_without_validation_examples_keeps_the_last_checkpoint(dataset, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(dataset, data)
    (data / "examples" / "val.jsonl").write_text("", encoding="utf-8")
    train(data, run, model=model_section(), train=train_section())
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    assert "step 4, the last: there was nothing to validate on" in card


def test_a_dataset_without_training_examples_is_refused(tmp_path):
    write_jsonl(tmp_path / "examples" / "train.jsonl", [])
    with pytest.raises(Refused) as refused:
        train(tmp_path, tmp_path / "run", model=model_section(), train=train_section())
    assert refused.value.reason == "empty_dataset"


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"qwen_vl"}))
@pytest.mark.parametrize("changes", [{}, LORA], ids=["full", "lora"])
def test_every_family_trains(dataset, tmp_path, changes, family):
    section = model_section(family=family, tiny={"vocab": 300, "hidden": 32, "layers": 1, "vision_hidden": 32}, **changes)
    train(dataset, tmp_path, model=section, train=train_section(max_steps=2, evaluations=1, gradient_checkpointing=True))
    fresh = dict(open_model(section, TrainSettings(), read_examples(dataset, "train")).model.named_parameters())
    saved = dict(load_saved(tmp_path / "model").model.named_parameters())
    trained = weights(tmp_path, 2)
    assert trained and all(saved[name].equal(value) for name, value in trained.items())
    assert any(not fresh[name].equal(value) for name, value in trained.items())


@pytest.mark.parametrize("family", ["internvl", "gemma3", "llava_onevision", "minicpmv"])
@pytest.mark.parametrize("blind", [False, True])
def test_a_training_of_every_family_goes_on_with_the_same_bits(dataset, tmp_path, family, blind):
    sizes = {"vocab": 300, "hidden": 32, "layers": 1, "vision_hidden": 32, "vision_layers": 1}
    section = model_section(family=family, freeze=["vision"] if blind else [], tiny=sizes)
    settings = train_section(blind=blind)
    train(dataset, tmp_path / "whole", model=section, train=settings)
    killed_at((loop, "score", 3), lambda: train(dataset, tmp_path / "run", model=section, train=settings))
    assert not (tmp_path / "run" / "model").exists()
    train(dataset, tmp_path / "run", model=section, train=settings)
    assert same(weights(tmp_path / "run", 4), weights(tmp_path / "whole", 4))


def test_processes_that_encode_change_nothing(dataset, tmp_path):
    for name, workers in (("alone", 0), ("helped", 1)):
        train(dataset, tmp_path / name, model=model_section(), train=train_section(max_steps=2, evaluations=1, workers=workers))
    assert same(weights(tmp_path / "alone", 2), weights(tmp_path / "helped", 2))


def test_the_log_says_how_fast_and_how_long_it_waited(finished):
    run, _ = finished
    rows = [row for row in read_jsonl(run / "log.jsonl") if "loss" in row]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    for row in rows:
        assert row.keys() == {
            "step", "epoch", "loss", "learning_rate", "tokens_per_s", "samples_per_s", "data_wait", "memory_mb", "grad_norm",
        }  # fmt: skip
        assert 0 <= row["data_wait"] <= 1
        assert row["tokens_per_s"] > row["samples_per_s"] > 0


def test_the_card_names_the_dataset_and_says_what_the_model_is_not(finished):
    card = (finished[0] / "model" / "README.md").read_text(encoding="utf-8")
    for sentence in (
        "not a medical device",
        "`0123abcd`: 11 training and 4 validation",
        "## Limitations",
        "## Licence",
        "learning_rate: 0.001",
        "- loss: answers",
        f"{'part':<10} {'how':<7}",
    ):
        assert sentence in card


def test_the_same_seed_trains_the_same_weights_and_another_one_others(dataset, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(dataset, tmp_path / name, model=model_section(), train=train_section(max_steps=1, evaluations=1, seed=seed))
    assert same(weights(tmp_path / "a", 1), weights(tmp_path / "b", 1))
    assert not same(weights(tmp_path / "a", 1), weights(tmp_path / "c", 1))


def test_a_conversation_of_two_turns_trains_both_answers(dataset, tmp_path):
    first = example(0, "train", TEXTS[0])
    turns = [*first.messages, Message("user", "Kết luận."), Message("assistant", TEXTS[2], "report:impression")]
    shutil.copytree(dataset / "prepared", tmp_path / "prepared")
    row = to_row(first) | {"messages": [to_row(m) for m in turns]}
    for split in ("train", "val"):
        write_jsonl(tmp_path / "examples" / f"{split}.jsonl", [row])
    section = train_section(max_steps=1, batch_size=1, evaluations=1, keep_best="val/bleu4")
    train(tmp_path, tmp_path / "run", model=model_section(), train=section)
    assert json.loads((tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])["val/bleu4"] >= 0


def test_a_loss_of_ones_own_is_one_line_and_trains_from_the_recipe(dataset, tmp_path, monkeypatch):
    """Half the weight of the answers' loss halves what is logged; its option stands in the recipe and on the card."""
    calls = []

    def scaled(scored, *, by):
        calls.append(scored["positive"])
        return by * answers(scored)

    monkeypatch.setitem(LOSSES, "scaled", scaled)
    for loss in ("answers", {"kind": "scaled", "by": 0.5}):
        section = train_section(loss=loss, max_steps=1, evaluations=1)
        train(dataset, tmp_path / ("whole" if loss == "answers" else "half"), model=model_section(), train=section)
    whole, row = (next(iter(steady(tmp_path / name))) for name in ("whole", "half"))
    assert row["loss"] == pytest.approx(whole["loss"] / 2, rel=1e-6)
    assert row["grad_norm"] == pytest.approx(whole["grad_norm"] / 2, rel=1e-5)
    assert [int(batch.rows) for batch in calls] == [1, 2], "first a row of one token, to see which sides it looks at"
    assert "- loss: scaled, by 0.5" in (tmp_path / "half" / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("answer", "train.loss: 'answer' is not a loss; did you mean 'answers'?"),
        ({"kind": "answers", "beta": 1}, "train.loss.beta: 'answers' has no such option; known: none"),
        ({"kind": "needy", "bta": 1}, "train.loss.bta: 'needy' has no such option; did you mean 'beta'?"),
        ({"kind": "needy"}, "train.loss.beta: required by 'needy'"),
    ],
)
def test_a_loss_or_an_option_of_it_that_does_not_exist_is_a_usage_error(dataset, tmp_path, monkeypatch, loss, message):
    monkeypatch.setitem(LOSSES, "needy", lambda scored, *, beta: answers(scored) * beta)
    with pytest.raises(UsageError) as error:
        train(dataset, tmp_path / "run", model=model_section(), train=train_section(loss=loss))
    assert str(error.value) == message
    assert not (tmp_path / "run").exists()


def test_accumulated_and_interrupted_at_once_it_ends_the_same(dataset, tmp_path):
    section = train_section(batch_size=1, accumulate=3, max_steps=4, evaluations=4)
    train(dataset, tmp_path / "whole", model=model_section(), train=section)
    killed_at((loop, "score", 8), lambda: train(dataset, tmp_path / "run", model=model_section(), train=section))
    train(dataset, tmp_path / "run", model=model_section(), train=section)
    assert same(weights(tmp_path / "run", 4), weights(tmp_path / "whole", 4))
    assert steady(tmp_path / "run") == steady(tmp_path / "whole")


@pytest.mark.parametrize(
    ("family", "blind", "freeze", "unused"),
    [
        ("qwen_vl", False, [], False),
        ("qwen_vl", True, [], True),  # no image, so the encoder is not asked
        ("qwen_vl", True, ["vision", "projector"], False),
        ("llava", False, [], True),  # its last vision layer is never read
        ("llava", False, ["vision"], False),
    ],
)
def test_parameters_without_a_gradient_are_searched_for_only_where_there_are_some(dataset, family, blind, freeze, unused):
    sizes = {} if family == "qwen_vl" else {"tiny": {"vocab": 300, "hidden": 32, "layers": 1, "vision_hidden": 32}}
    examples = read_examples(dataset, "train")
    loaded = open_model(model_section(family=family, freeze=freeze, **sizes), TrainSettings(), examples)
    assert loop.leaves_unused(loaded, Examples(loaded, dataset, examples, blind=blind), answers) is unused
    assert all(p.grad is None for p in loaded.model.parameters())


def test_a_text_among_films_is_found_by_the_search(dataset):
    examples = read_examples(dataset, "train")
    loaded = open_model(model_section(), TrainSettings(), examples)
    text = replace(examples[5], media=[], messages=[Message("user", "Kết luận."), examples[5].messages[1]])
    mixed = [*examples[:5], text, *examples[6:]]
    assert loop.leaves_unused(loaded, Examples(loaded, dataset, mixed, blind=False), answers)
