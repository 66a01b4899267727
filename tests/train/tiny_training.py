"""Settings and examples of a training that takes a second."""

import os
import signal
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from docphim.files import read_jsonl
from docphim.recipe import Model, Train
from docphim.study import Example, Media, Message
from docphim.train import launch, state

SIZES = {"vocab": 300, "hidden": 32, "layers": 1, "heads": 2, "vision_hidden": 16, "vision_layers": 1}
TEXTS = ("Tim không to. Phổi sáng đều hai bên.", "Bóng tim to, chỉ số tim ngực lớn hơn 0.5.", "Tràn dịch màng phổi phải.")


def example(number: int, split: str, text: str) -> Example:
    study = f"{split}{number:03d}"
    messages = [
        Message("user", "<image>\nMô tả hình ảnh."),
        Message("assistant", text, "report:findings"),
    ]
    media = [Media(study, "image", {"xray": f"prepared/{study}.b2nd"})]
    return Example(f"{study}-findings", study, study, split, "findings", "vi", messages, media)


def model_section(**changes) -> dict:
    base = {"family": "qwen_vl", "tune": "full", "freeze": [], "image_size": 56, "tiny": SIZES}
    return Model.model_validate(base | changes).model_dump()


def train_section(**changes) -> dict:
    base = {"max_steps": 4, "batch_size": 2, "learning_rate": 1e-3, "evaluations": 2, "max_length": 200}
    return Train.model_validate(base | changes).model_dump()


def pair_of(number: int, split: str, count: int) -> dict:
    """The negatives of an example, one of `count` of its split: every second, not the first, has a `hard` one.

    Its first sentence is wrong of each.
    """
    conflicts = [[1, 0, TEXTS[number % 3].index(".") + 1]]

    def beside(step: int) -> dict:
        return {"study": f"{split}{(number + step) % count:03d}", "conflicts": conflicts}

    hard = {"hard": beside(2) | {"finding": "effusion"}} if number % 2 else {}
    near = [beside(step) | {"differs": step} for step in (1, 2, 3)]
    return {"noise": {"seed": number}, "other": beside(1) | {"differs": 10, "step": 0}, **hard, "neighbours": near}


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / f"checkpoint-{step}" / state.WEIGHTS)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def steady(run: Path) -> list[dict]:
    """The log without what differs from one machine and moment to another."""
    measured = {"tokens_per_s", "samples_per_s", "data_wait", "memory_mb"}
    return [{k: v for k, v in row.items() if k not in measured} for row in read_jsonl(run / "log.jsonl")]


def killed_at(happening: tuple[object, str, int], work: Callable[[], None]) -> None:
    """Run `work` in another process, which is killed when a function is called for the n-th time."""
    owner, name, times = happening
    real, calls = getattr(owner, name), iter(range(1, 10**9))  # before the fork: a wrong name must not leave a second pytest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork in a process with threads
        child = os.fork()
    if child == 0:

        def deadly(*args, **kwargs):
            if next(calls) == times:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        setattr(owner, name, deadly)
        try:
            work()
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def in_processes(count: int, meeting: Path, work: Callable[[], None]) -> list[int]:
    """Run `work` in forked processes that find each other by a file, as those of a training do; their exit codes.

    One that ended badly ends the others, which may wait for it for ever.
    """
    children: dict[int, int] = {}
    for rank in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork in a process with threads
            child = os.fork()
        if child == 0:
            try:
                places = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
                os.environ |= {**places, "CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": "lo"}
                os.environ[launch.RENDEZVOUS] = str(meeting)
                signal.alarm(100)  # a process that waits for another for ever is killed
                work()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        children[child] = rank
    codes = [0] * count
    while children:
        child, status = os.wait()
        codes[children.pop(child)] = os.waitstatus_to_exitcode(status)
        if status:
            for other in children:
                os.kill(other, signal.SIGKILL)
    meeting.unlink(missing_ok=True)
    return codes
