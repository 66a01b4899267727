"""A training on a base in 4 bits, from published weights to drafts of the run's model; skipped without bitsandbytes."""

import pytest
from tiny_training import killed_at, model_section, same, steady, train_section, weights

from docphim.files import read_examples
from docphim.models import load
from docphim.models.checkpoint import NOTE
from docphim.train import checkpoint, train
from docphim.train.model import open_model
from docphim.train.settings import TrainSettings

pytest.importorskip("bitsandbytes")


def test_a_killed_training_on_packed_weights_goes_on_to_the_same_adapter(dataset, tmp_path):
    folder = tmp_path / "published"
    load.save(open_model(model_section(), TrainSettings(), read_examples(dataset, "train")), folder)
    (folder / NOTE).unlink()
    model = model_section(weights=str(folder), tune="lora", freeze=["vision"], quantise="nf4", lora={"rank": 2, "dropout": 0.2})
    section = train_section(keep_best="val/rougeL")
    train(dataset, tmp_path / "whole", model=model, train=section)
    killed_at((checkpoint, "seal", 2), lambda: train(dataset, tmp_path / "run", model=model, train=section))
    train(dataset, tmp_path / "run", model=model, train=section)
    assert same(weights(tmp_path / "whole", 4), weights(tmp_path / "run", 4))
    assert all("lora_" in name for name in weights(tmp_path / "run", 4))
    assert steady(tmp_path / "whole") == steady(tmp_path / "run")
    card = (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert "on the frozen base, its language model in nf4." in card
    assert load.load_saved(tmp_path / "run" / "model").quantise == "nf4"
