"""A step of an alignment (`train.loss: clip`) against a bare PyTorch loop: the same towers, the same batches, in the same run.

    python benchmarks/align.py [--rounds 3] [--steps 10] [--batch 16] [--size 112] [--threads N] [--clock wall|cpu]

Both train an image encoder and a report encoder on the same batches in the same order; the bare loop finds them in memory, and
computes CLIP's loss in three lines.  Rounds alternate, and of each batch the fastest step counts; on a machine that is busy
with other things, `--clock cpu` compares processor time instead.  It stops where the two have not come to the same loss at
every step.  Claim: at most 1.1 of the loop's time a step.
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
from train import Rows, make_dataset

from docphim.files import read_examples
from docphim.models.meet import OF_TOWERS
from docphim.recipe import Model
from docphim.train import loop
from docphim.train.align import Alignment, AlignmentValidation
from docphim.train.losses import clip
from docphim.train.model import open_model
from docphim.train.processes import Processes
from docphim.train.reports import Reports
from docphim.train.settings import TrainSettings

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
#: What is promised: the time of a step against the bare loop's.
MOST = 1.1
#: How far two losses of the same step may lie apart, relatively: the schedules round differently.
TOLERANCE = 1e-3


class Steps:
    """When each step's loss was there, and the losses."""

    def __init__(self, clock) -> None:
        self.clock, self.times, self.losses = clock, [], []

    def add(self, loss: torch.Tensor) -> torch.Tensor:
        self.times.append(self.clock())
        self.losses.append(float(loss.detach()))
        return loss


def ours(loaded, settings: TrainSettings, read: Reports, batches: list[list[int]], steps: Steps, folder: Path) -> None:
    """Two passes over the batches, as `docphim train` makes them."""
    count = len(batches)
    course = loop.Course(2 * count, batches * 2, {count, 2 * count}, set(), 1.0, folder, "")
    alone = Processes()

    def timed(scored):
        return steps.add(clip(scored))

    validation = AlignmentValidation(loaded, Reports(loaded, folder, [], blind=False), clip, 1, alone)
    alignment = Alignment(loaded, alone, timed)
    loop.run(loaded, read, validation, course, settings, timed, None, Rows(), alone, alignment=alignment)


def bare(loaded, settings: TrainSettings, read: Reports, batches: list[list[int]], steps: Steps) -> None:
    """Two passes over the batches; no report of a batch says what another says, as `main` sees to."""
    ready = [read.collate([read[i] for i in batch])["positive"] for batch in batches]
    parameters = [p for p in loaded.model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2 * len(batches))
    loaded.model.train()
    for batch in ready * 2:
        out = loaded.model(**{name: batch[name] for name in OF_TOWERS})
        logits, places = out.scale * out.images @ out.reports.T, torch.arange(len(out.images))
        loss = steps.add((functional.cross_entropy(logits, places) + functional.cross_entropy(logits.T, places)) / 2)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def told_apart(read: Reports, size: int, count: int) -> list[list[int]]:
    """So many batches in each of which all studies say different things."""
    batches: list[list[int]] = []
    waiting, meanings = list(range(len(read))), read.meanings[:, 1].tolist()
    while len(batches) < count:
        batch: list[int] = []
        for index in waiting:
            if len(batch) < size and meanings[index] not in {meanings[other] for other in batch}:
                batch.append(index)
        assert len(batch) == size, "too few different reports"
        batches.append(batch)
        waiting = [index for index in waiting if index not in set(batch)]
    return batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("rounds", 3), ("steps", 10), ("batch", 16), ("size", 112), ("threads", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    encoder = {"hidden": 192, "layers": 4, "heads": 4, "patch": 14}
    sizes = {"report_hidden": 128, "report_layers": 2}
    section = Model(family="aligned", tune="full", freeze=[], image_size=options.size, encoder=encoder, tiny=sizes).model_dump()
    settings = TrainSettings(loss={"kind": "clip"}, learning_rate=1e-3, warmup=0.0, batch_size=options.batch)
    mine, theirs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_dataset(folder, 3 * options.steps * options.batch)
        examples = read_examples(folder, "train")
        read = Reports(open_model(section, settings, examples), folder, examples, blind=False)
        batches = told_apart(read, options.batch, options.steps)
        for _ in range(options.rounds):
            losses = []
            for work, times in ((bare, theirs), (ours, mine)):
                loaded, steps = open_model(section, settings, examples), Steps(CLOCKS[options.clock])
                more = (folder,) if work is ours else ()
                work(loaded, settings, Reports(loaded, folder, examples, blind=False), batches, steps, *more)
                times.append(np.diff(steps.times[options.steps - 1 :]))
                losses.append(np.array(steps.losses))
            assert np.allclose(*losses, rtol=TOLERANCE, atol=0), f"the losses differ: {losses[0][-3:]} against {losses[1][-3:]}"
            assert losses[0][-1] < losses[0][0], "the loss has not fallen"
    fastest, loop_time = (float(np.min(steps, axis=0).mean()) for steps in (mine, theirs))
    print(f"loss               {losses[0][-1]:9.4f} in both after {len(losses[0])} steps")
    print(f"bare PyTorch loop  {1000 * loop_time:9.1f} ms a step of {options.batch} studies")
    print(f"docphim train      {1000 * fastest:9.1f} ms a step")
    print(f"ratio              {fastest / loop_time:9.3f}  (claim: at most {MOST})")
    sys.exit(fastest / loop_time > MOST)


if __name__ == "__main__":
    main()
