"""Functions that MKL settles at their first call are called by one thread first, wherever a model comes from."""

from pathlib import Path

import pytest
import torch
from test_classifier import save as save_classifier
from tiny_models import make
from torch.utils._python_dispatch import TorchDispatchMode

from docphim.language.labels import label_names, label_reader
from docphim.models import checkpoint, load, vector_math


class Calls(TorchDispatchMode):
    """The element type and number of elements of each function's first call."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[tuple[str, torch.dtype], int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if args and isinstance(args[0], torch.Tensor):
            self.first.setdefault((func.overloadpacket.__name__, args[0].dtype), args[0].numel())
        return func(*args, **(kwargs or {}))


def saved(folder: Path) -> None:
    load.save(make("qwen2_5_vl"), folder)


def publish(folder: Path) -> None:
    saved(folder)
    (folder / checkpoint.NOTE).unlink()


def labels(folder: Path) -> None:
    save_classifier(folder, label_names("chexpert"))


SOURCES = {
    "tiny": (lambda folder: None, lambda folder: make("qwen2_5_vl")),
    "a run's model": (saved, load.load_saved),
    "published weights": (publish, lambda folder: load.load(str(folder), "qwen_vl", 56)),
    "a label reader": (labels, lambda folder: label_reader(f"hf:{folder}", "chexpert", "en")),
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_first_call_of_a_function_is_on_one_number_wherever_a_model_comes_from(source: str, tmp_path: Path):
    write, read = SOURCES[source]
    write(tmp_path / "weights")
    with Calls() as calls:
        read(tmp_path / "weights")
    for name in vector_math.FUNCTIONS:
        for kind in (torch.float32, torch.float64):
            assert calls.first[name, kind] == 1, (name, kind)
