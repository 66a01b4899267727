"""A dataset of bright and dark films that a tiny model can learn in seconds, and the settings to do it with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import TEXTS, example, pair_of

from docphim.files import write_jsonl
from docphim.imaging import store
from docphim.study import to_row


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
    index = []
    for split, count in (("train", 11), ("val", 4)):
        rows = []
        for number in range(count):
            one = example(number, split, TEXTS[number % 3] * (1 + number % 2))
            film = random.integers(0, 65535, (64, 60)).astype(np.uint16)
            path = one.media[0].volumes["xray"]
            index.append({"path": path, **store.write(folder / path, film, {})})
            rows.append(to_row(one) | {"pair": pair_of(number, split, count)})
        write_jsonl(folder / "examples" / f"{split}.jsonl", rows)
    write_jsonl(folder / "prepared" / "index.jsonl", index)
    return folder
