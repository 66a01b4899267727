"""Trainings whose batches have more logits than are held at once: the same as where they are kept, whatever trains."""

import pytest
from test_shard import LORA, apart, compare_gradients
from tiny_training import in_processes, model_section, steady, train_section, weights

from docphim.models import odds
from docphim.train import train

#: Three tokens of the tiny tokenizer's vocabulary.
FEW = 1000
LOSSES = {
    "answers": {},
    "constraint": {"beta": 0.5, "max_gradient": 0.4},
    "unlikelihood": {"beta": 0.5},
    "margin": {"beta": 0.5},
    "simnpo": {"beta": 0.5},
    "mdpo": {"beta": 0.5},
}
HEAD = {**LORA, "lora": {**LORA["lora"], "modules": r".*lm_head|.*layers\.\d+\.mlp\.up_proj"}}


@pytest.mark.parametrize("kind", LOSSES)
def test_every_loss_trains_to_the_same_weights(dataset, tmp_path, kind, monkeypatch):
    pairs = {} if kind == "answers" else {"pairs": "hard"}
    section = train_section(loss={"kind": kind, **LOSSES[kind]}, max_steps=3, evaluations=1, accumulate=2, **pairs)
    calls = []
    for name, size in (("kept", 2**26), ("chunks", FEW)):
        monkeypatch.setattr(odds, "CHUNK", size)
        real = odds._shares
        with monkeypatch.context() as patched:
            patched.setattr(odds, "_shares", lambda *a, real=real: calls.append(len(a[0])) or real(*a))
            train(dataset, tmp_path / name, model=model_section(), train=section)
        calls.append(0)
    assert max(calls[: calls.index(0)]) > 20 and max(calls[calls.index(0) :]) <= 3, "tokens at once"
    for ours, theirs in zip(steady(tmp_path / "chunks"), steady(tmp_path / "kept"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)
    assert apart(weights(tmp_path / "chunks", 3), weights(tmp_path / "kept", 3)) <= 1e-5


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True` and a tied layer")
@pytest.mark.parametrize("changes", [{}, LORA, HEAD], ids=["full", "lora", "adapters on the output layer"])
def test_shared_out_weights_have_the_same_gradients(dataset, tmp_path, changes):
    def work() -> None:
        odds.CHUNK = FEW
        assert compare_gradients(dataset, model_section(**changes)) <= 1e-6

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]


def test_two_processes_that_each_hold_the_weights_end_where_one_does(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(odds, "CHUNK", FEW)
    section = train_section(pairs="hard", loss={"kind": "margin", "beta": 0.5}, batch_size=1, max_steps=3, evaluations=1)
    two = {**section, "processes": 2}
    together = in_processes(2, tmp_path / "meeting", lambda: train(dataset, tmp_path / "two", model=model_section(), train=two))
    assert together == [0, 0]
    train(dataset, tmp_path / "one", model=model_section(), train={**section, "accumulate": 2})
    assert apart(weights(tmp_path / "two", 3), weights(tmp_path / "one", 3)) <= 1e-6
