"""Tokens a second of Docphim's training against a bare PyTorch loop: the same model, the same batches, in the same run.

    python benchmarks/train.py [--rounds 3] [--steps 20] [--batch 16] [--size 112] [--threads N] [--clock wall|cpu]

Both train the demo's tiny Qwen2.5-VL on the same batches in the same order; the bare loop finds them in memory.  Rounds
alternate, and of each batch the fastest step counts; on a machine that is busy with other things, `--clock cpu` compares
processor time instead.  Claims: at least 0.95 of the loop's tokens/s, and under 5 % of the time spent waiting for data.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import TrainerCallback

from docphim.files import read_examples, write_jsonl
from docphim.imaging import store
from docphim.recipe import Model
from docphim.study import Example, Media, Message, to_row
from docphim.train.batch import Collate, Examples, lengths, loader, plan
from docphim.train.model import open_model
from docphim.train.processes import Processes
from docphim.train.settings import TrainSettings, arguments
from docphim.train.trainer import AnswerTrainer
from docphim.train.validate import Validation

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
now = CLOCKS["wall"]

SENTENCES = (
    "Bóng tim to, chỉ số tim ngực khoảng 0,55.",
    "Bóng tim không to.",
    "Tràn dịch màng phổi phải lượng vừa.",
    "Góc sườn hoành hai bên nhọn.",
    "Đông đặc thuỳ dưới phổi trái, có hình ảnh phế quản hơi.",
    "Không thấy tổn thương nhu mô phổi tiến triển.",
    "Vôi hoá cung động mạch chủ.",
    "Trung thất cân đối, khí quản không bị đẩy lệch.",
    "Vòm hoành hai bên đều, rõ nét.",
    "Không thấy hình ảnh gãy xương sườn.",
)


def make_dataset(folder: Path, count: int) -> None:
    """Films of 512 x 448 pixels and reports of about 46 words."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(count):
        study = f"s{number:05d}"
        text = " ".join(random.choice(SENTENCES, random.integers(4, 9), replace=False))
        messages = [Message("user", "<image>\nMô tả hình ảnh."), Message("assistant", text, "report:findings")]
        media = [Media(study, "image", {"xray": f"prepared/{study}.b2nd"})]
        film = random.normal(30_000, 9_000, (512, 448)).clip(0, 65535).astype(np.uint16)
        store.write(folder / media[0].volumes["xray"], film, {})
        rows.append(to_row(Example(f"{study}-findings", study, study, "train", "findings", "vi", messages, media)))
    write_jsonl(folder / "examples" / "train.jsonl", rows)


class Clock(TrainerCallback):
    """When each step ended, and how long it had waited for data."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.walls: list[float] = []
        self.waits: list[float] = []
        self.trainer: AnswerTrainer | None = None

    def on_step_end(self, args, state, control, **kwargs) -> None:
        assert self.trainer is not None
        self.ends.append(now())
        self.walls.append(time.perf_counter())
        self.waits.append(self.trainer.meter.waited)


def opened(section: dict, settings: TrainSettings, examples: list[Example]):
    torch.manual_seed(0)
    return open_model(section, settings, examples)


def ours(
    section: dict, settings: TrainSettings, folder: Path, batches: list[list[int]], steps: int
) -> tuple[np.ndarray, float, float]:
    """Seconds of each step of the second pass over the batches, and the fraction waited in the first and in the second."""
    examples = read_examples(folder, "train")
    loaded, clock = opened(section, settings, examples), Clock()
    read = Examples(loaded, folder, examples, blind=False)
    nothing = Validation(
        loaded, Examples(loaded, folder, [], blind=False), keep_best="val/loss", batch_size=1, processes=Processes()
    )
    trainer = AnswerTrainer(
        loaded,
        arguments(settings, folder / "out", 2 * steps),
        loader(read, batches * 2),
        saves=set(),
        logs=set(),
        validation=nothing,
        root=folder / "out",
        key="",
        journal=None,
        epoch_of=float,
        processes=Processes(),
    )
    clock.trainer = trainer
    trainer.add_callback(clock)
    start = time.perf_counter()
    trainer.train()
    trainer.close()
    middle, end, waited = clock.walls[steps - 1], clock.walls[-1], clock.waits[steps - 1]
    return np.diff(clock.ends[steps - 1 :]), waited / (middle - start), (clock.waits[-1] - waited) / (end - middle)


def bare(section: dict, settings: TrainSettings, folder: Path, batches: list[list[int]], steps: int) -> tuple[np.ndarray, int]:
    """Seconds of each step of the second pass over the batches, and the tokens in one pass."""
    examples = read_examples(folder, "train")
    loaded = opened(section, settings, examples)
    read = Examples(loaded, folder, examples, blind=False)
    collate = Collate(loaded)
    ready = [collate([read[i] for i in batch]) for batch in batches]
    parameters = [p for p in loaded.model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2 * steps)
    loaded.model.train()
    ends = []
    for batch in ready * 2:
        inputs = dict(batch)
        labels, columns = inputs.pop("labels"), inputs.pop("columns")
        logits = loaded.model(**inputs, logits_to_keep=columns, use_cache=False).logits
        loss = functional.cross_entropy(logits.float().flatten(0, 1), labels[:, columns + 1].flatten(), ignore_index=-100)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        loss.item()
        ends.append(now())
    return np.diff(ends[steps - 1 :]), sum(int(batch["attention_mask"].sum()) for batch in ready)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("rounds", 3), ("steps", 20), ("batch", 16), ("size", 112), ("threads", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    said = parser.parse_args()
    global now
    now = CLOCKS[said.clock]
    torch.set_num_threads(said.threads or torch.get_num_threads())
    section = Model(family="qwen_vl", tune="full", freeze=[], image_size=said.size).model_dump()
    settings = TrainSettings(learning_rate=1e-3, batch_size=said.batch)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_dataset(folder, said.steps * said.batch)
        examples = read_examples(folder, "train")
        found = lengths(Examples(opened(section, settings, examples), folder, examples, blind=False), settings.max_length)
        batches = plan(found, steps=said.steps, batch_size=said.batch, micro_batches=1, seed=0)
        theirs, mine, waits = [], [], []
        for _ in range(said.rounds):
            seconds, tokens = bare(section, settings, folder, batches, said.steps)
            theirs.append(seconds)
            seconds, cold, warm = ours(section, settings, folder, batches, said.steps)
            mine.append(seconds)
            waits.append((cold, warm))
    fastest, loop = (float(np.min(steps, axis=0).sum()) for steps in (mine, theirs))
    print(f"bare PyTorch loop  {tokens / loop:9.0f} tokens/s")
    print(f"docphim train      {tokens / fastest:9.0f} tokens/s  {said.steps * said.batch / fastest:.1f} samples/s")
    print(f"ratio              {loop / fastest:9.3f}  (claim: at least 0.95)")
    cold, warm = (min(fractions) for fractions in zip(*waits, strict=True))
    print(f"data wait          {warm:9.1%}  (claim: under 5 %); {cold:.1%} while films are read for the first time")


if __name__ == "__main__":
    main()
