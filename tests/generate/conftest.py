"""A tiny model that has learnt nothing but is not shy of words."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_dataset import SAID


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from docphim.models import load

    sizes = {"hidden": 32, "layers": 1, "heads": 2, "vision_hidden": 16, "vision_layers": 1}
    made = load.create_tiny("qwen_vl", SAID, 56, 0, sizes)
    with torch.no_grad():
        for name, parameter in made.model.named_parameters():
            if "embed" not in name:
                parameter.mul_(12)
    folder = tmp_path_factory.mktemp("tiny") / "model"
    load.save(made, folder)
    return folder
