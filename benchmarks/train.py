"""Tokens a second of Docphim's training against a bare PyTorch loop: the same model, the same batches, in the same run.

    python benchmarks/train.py [--model demo|100m] [--rounds 3] [--steps 20] [--batch 16] [--size 112] [--threads N]
                               [--clock wall|cpu]

Both train the demo's tiny Qwen2.5-VL, or one of more than 100 million parameters (`--steps 3 --batch 4` then takes minutes on
two cores), on the same batches in the same order; the bare loop finds them in memory.  Rounds alternate, and of each batch
the fastest step counts; on a machine that is busy with other things, `--clock cpu` compares processor time instead.  It stops
where the two have not done the same work: the same answer tokens, and the same loss at every step.  Claims: at least 0.95 of
the loop's tokens/s, and under 5 % of the time spent waiting for data.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from docphim.files import read_examples, write_jsonl
from docphim.imaging import store
from docphim.models.encode import IGNORED
from docphim.recipe import Model
from docphim.study import Example, Media, Message, to_row
from docphim.train import loop
from docphim.train.batch import Collate, Examples, lengths, plan
from docphim.train.losses import answers
from docphim.train.model import open_model
from docphim.train.processes import Processes
from docphim.train.settings import TrainSettings
from docphim.train.validate import Validation

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
now = CLOCKS["wall"]

#: What is promised: tokens/s against the bare loop's, and the part of the time spent waiting for data.
LEAST_RATIO, MOST_WAIT = 0.95, 0.05

#: Sizes of the random weights, and how many parameters they come to at least.
MODELS = {
    "demo": ({}, 0),
    "100m": ({"hidden": 768, "layers": 16, "heads": 12, "vision_hidden": 384}, 100_000_000),
}

#: How far two losses of the same step may lie apart, relatively: the schedules round differently.
TOLERANCE = 1e-3

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
    rows, index = [], []
    for number in range(count):
        study = f"s{number:05d}"
        text = " ".join(random.choice(SENTENCES, random.integers(4, 9), replace=False))
        messages = [Message("user", "<image>\nMô tả hình ảnh."), Message("assistant", text, "report:findings")]
        media = [Media(study, "image", {"xray": f"prepared/{study}.b2nd"})]
        film = random.normal(30_000, 9_000, (512, 448)).clip(0, 65535).astype(np.uint16)
        path = media[0].volumes["xray"]
        index.append({"path": path, **store.write(folder / path, film, {})})
        rows.append(to_row(Example(f"{study}-findings", study, study, "train", "findings", "vi", messages, media)))
    write_jsonl(folder / "examples" / "train.jsonl", rows)
    write_jsonl(folder / "prepared" / "index.jsonl", index)


class Work:
    """What one side did: when each step's loss was computed, the loss, and the answer tokens it was taken of."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.losses: list[torch.Tensor] = []
        self.tokens = 0

    def add(self, loss: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        self.times.append(now())
        self.losses.append(loss.detach())
        self.tokens += int((targets != IGNORED).sum())
        return loss


class Rows(list):
    """A log in memory."""

    write = list.append

    def flush(self) -> None:
        pass


def opened(section: dict, settings: TrainSettings, examples: list[Example], least: int):
    torch.manual_seed(0)
    loaded = open_model(section, settings, examples)
    count = sum(p.numel() for p in loaded.model.parameters() if p.requires_grad)
    assert count >= least, f"the model has {count:,} parameters, not {least:,}"
    return loaded, count


def ours(loaded, settings: TrainSettings, folder: Path, examples: list[Example], batches: list[list[int]]) -> tuple[Work, Rows]:
    """Two passes over the batches, as `docphim train` makes them."""
    work, rows, steps = Work(), Rows(), len(batches)
    read, nothing = (Examples(loaded, folder, some, blind=False) for some in (examples, []))
    course = loop.Course(
        steps=2 * steps, batches=batches * 2, logs={steps, 2 * steps}, saves=set(), epochs_a_step=1.0, root=folder, key=""
    )
    alone = Processes()
    validation = Validation(loaded, nothing, keep_best="val/loss", batch_size=1, processes=alone)

    def timed(scored):
        return work.add(answers(scored), scored["positive"].targets)

    loop.run(loaded, read, validation, course, settings, timed, None, rows, alone)
    return work, rows


def bare(loaded, settings: TrainSettings, folder: Path, examples: list[Example], batches: list[list[int]]) -> tuple[Work, int]:
    """Two passes over the batches, and the tokens in one."""
    work = Work()
    read = Examples(loaded, folder, examples, blind=False)
    collate = Collate(loaded)
    ready = [collate([read[i] for i in batch])["positive"] for batch in batches]
    parameters = [p for p in loaded.model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2 * len(batches))
    loaded.model.train()
    for batch in ready * 2:
        inputs = dict(batch)
        labels, columns = inputs.pop("labels"), inputs.pop("columns")
        logits = loaded.model(**inputs, logits_to_keep=columns, use_cache=False).logits
        targets = labels[:, columns + 1]
        loss = work.add(
            functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED), targets
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        loss.item()
    return work, sum(int(batch["attention_mask"].sum()) for batch in ready)


def assert_the_same(one: Work, other: Work) -> None:
    """Both sides have trained: on the same tokens, to the same losses, which fell."""
    assert one.tokens == other.tokens > 0, f"{one.tokens} answer tokens against {other.tokens}"
    losses, others = (np.array([float(loss) for loss in work.losses]) for work in (one, other))
    assert len(losses) == len(others)
    assert np.allclose(losses, others, rtol=TOLERANCE, atol=0), f"the losses differ: {losses[-3:]} against {others[-3:]}"
    assert losses[-1] < losses[0], "the loss has not fallen"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="demo")
    for name, value in (("rounds", 3), ("steps", 20), ("batch", 16), ("size", 112), ("threads", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    global now
    now = CLOCKS[options.clock]
    torch.set_num_threads(options.threads or torch.get_num_threads())
    sizes, least = MODELS[options.model]
    section = Model(family="qwen_vl", tune="full", freeze=[], image_size=options.size, tiny=sizes).model_dump()
    rate = 1e-3 if options.model == "demo" else 1e-4
    settings = TrainSettings(learning_rate=rate, warmup=0.0, batch_size=options.batch)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_dataset(folder, options.steps * options.batch)
        examples = read_examples(folder, "train")
        loaded, count = opened(section, settings, examples, least)
        counts = lengths(Examples(loaded, folder, examples, blind=False), settings.max_length)
        batches = plan(counts, steps=options.steps, batch_size=options.batch, micro_batches=1, seed=0)
        theirs, mine, waits = [], [], []
        for _ in range(options.rounds):
            loaded, _ = opened(section, settings, examples, least)
            loop_work, tokens = bare(loaded, settings, folder, examples, batches)
            loaded, _ = opened(section, settings, examples, least)
            work, rows = ours(loaded, settings, folder, examples, batches)
            assert_the_same(work, loop_work)
            theirs.append(np.diff(loop_work.times[options.steps - 1 :]))
            mine.append(np.diff(work.times[options.steps - 1 :]))
            waits.append([row["data_wait"] for row in rows])
    fastest, loop_time = (float(np.min(steps, axis=0).sum()) for steps in (mine, theirs))
    print(f"model              {count / 1e6:9.1f} M parameters")
    print(f"loss               {float(work.losses[-1]):9.4f} in both after {len(work.losses)} steps")
    print(f"bare PyTorch loop  {tokens / loop_time:9.0f} tokens/s")
    print(f"docphim train      {tokens / fastest:9.0f} tokens/s  {options.steps * options.batch / fastest:.1f} samples/s")
    print(f"ratio              {loop_time / fastest:9.3f}  (claim: at least 0.95)")
    cold, warm = (min(fractions) for fractions in zip(*waits, strict=True))
    print(f"data wait          {warm:9.1%}  (claim: under 5 %); {cold:.1%} while films are read for the first time")
    sys.exit(loop_time / fastest < LEAST_RATIO or warm >= MOST_WAIT)


if __name__ == "__main__":
    main()
