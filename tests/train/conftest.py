"""A dataset of bright and dark films that a tiny model can learn in seconds, and the settings to do it with."""

from pathlib import Path

import numpy as np
import pytest
import torch

from docphim.files import write_jsonl
from docphim.imaging import store
from docphim.recipe import Model, Train
from docphim.study import Example, Media, Message, to_row

SIZES = {"vocab": 300, "hidden": 32, "layers": 1, "heads": 2, "vision_hidden": 16, "vision_layers": 1}
TEXTS = ("Tim không to. Phổi sáng đều hai bên.", "Bóng tim to, chỉ số tim ngực lớn hơn 0.5.", "Tràn dịch màng phổi phải.")


def example(number: int, split: str, text: str) -> Example:
    study = f"{split}{number:03d}"
    messages = [
        Message("user", "<image>\nMô tả hình ảnh."),
        Message("assistant", text, "report:findings"),
    ]
    media = [Media("image", {"xray": f"prepared/{study}.b2nd"})]
    return Example(f"{study}-findings", study, study, split, "findings", "vi", messages, media)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "0123abcd"
    (folder / "prepared").mkdir(parents=True)
    random = np.random.default_rng(0)
    for split, count in (("train", 11), ("val", 4)):
        rows = []
        for number in range(count):
            one = example(number, split, TEXTS[number % 3] * (1 + number % 2))
            film = random.integers(0, 65535, (64, 60)).astype(np.uint16)
            store.write(folder / one.media[0].volumes["xray"], film, {})
            rows.append(to_row(one))
        write_jsonl(folder / "examples" / f"{split}.jsonl", rows)
    return folder


def model_section(**changes) -> dict:
    base = {"family": "qwen_vl", "tune": "full", "freeze": [], "image_size": 56, "tiny": SIZES}
    return Model.model_validate(base | changes).model_dump()


def train_section(**changes) -> dict:
    base = {"max_steps": 4, "batch_size": 2, "learning_rate": 1e-3, "evaluations": 2, "max_length": 200}
    return Train.model_validate(base | changes).model_dump()
