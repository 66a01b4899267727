"""What a step on pairs costs against a plain one: `python benchmarks/pairs.py [--rounds 5] [--steps 6] [--batch 8]`.

Each step sees the same answers; a pair step sees each beside another patient's film too.  In processor seconds; of each step
the fastest of the rounds, which alternate.  Claims: a pair step costs at most 2.0 plain ones; with a frozen encoder at most
1.9, with its features kept at most 1.6 of the plain step that keeps none; where every negative is capped at most 1.4.  It stops
where the two have not done the work that is compared: the same answer tokens, twice of them where there are pairs, a loss that
falls beside the own image and negatives that pulled, or, capped, did not.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from train import Rows, make_dataset, opened

from docphim.files import read_examples
from docphim.models.encode import IGNORED
from docphim.models.features import Features
from docphim.recipe import Model
from docphim.train import loop
from docphim.train.batch import Examples
from docphim.train.contrast import Contrast
from docphim.train.losses import answers, constraint
from docphim.train.memory import Drawn, Memory
from docphim.train.pairs import Pairs
from docphim.train.processes import Processes
from docphim.train.scored import means, nats
from docphim.train.settings import TrainSettings
from docphim.train.validate import Validation

#: What is compared: what is frozen, whether there are pairs, whether features are kept, the cap in nats a token; and the plain
#: step it is held against, with the most it may cost.
CASES = {
    "plain": ([], False, False, None, None, None),
    "pairs": ([], True, False, 1e9, "plain", 2.0),
    "all capped": ([], True, False, 0.0, "plain", 1.4),
    "plain, encoder frozen": (["vision"], False, False, None, None, None),
    "pairs, encoder frozen": (["vision"], True, False, 1e9, "plain, encoder frozen", 1.9),
    "pairs, features kept": (["vision"], True, True, 1e9, "plain, encoder frozen", 1.6),
}


class Work:
    """What a training did: when each step's loss was computed, the tokens it was taken of, the mean nats beside own images."""

    def __init__(self, loss) -> None:
        self.loss, self.times, self.tokens, self.alone = loss, [], {"positive": 0, "negative": 0}, []
        self.looking = 0.0  # seconds spent here, which are no part of a step

    def __call__(self, sides):
        start = time.process_time()
        self.times.append(start - self.looking)
        for side in set(self.tokens) & set(sides):
            self.tokens[side] += int((sides[side].targets != IGNORED).sum())
        with torch.no_grad():
            self.alone.append(float(means(sides["positive"], nats(sides["positive"])).mean()))
        self.looking += time.process_time() - start
        return self.loss(sides)


def run(
    name: str, folder: Path, section: dict, settings: TrainSettings, examples: list, steps: int
) -> tuple[Work, float | None]:
    """Two passes over the batches, the first of which reads the films; what was done, and the share of capped negatives."""
    freeze, paired, kept, cap, *_ = CASES[name]
    loaded, _ = opened({**section, "freeze": freeze}, settings, examples, 0)
    loaded.features = Features(loaded, 2**30) if kept else None
    memory = Memory(2**30)
    read = Examples(loaded, folder, examples, blind=False, memory=memory, stacks=Drawn(memory) if paired else None)
    shown = Pairs(read, examples, "other") if paired else read
    alone = Processes()
    contrast = Contrast(loaded, shown, settings, alone) if paired else None
    batches = np.arange(steps * settings.batch_size).reshape(steps, -1).tolist() * 2
    course = loop.Course(2 * steps, batches, logs=set(), saves=set(), epochs_a_step=1.0, root=folder, key="")
    validation = Validation(
        loaded, Examples(loaded, folder, [], blind=False), keep_best="val/loss", batch_size=1, processes=alone
    )
    work = Work(functools.partial(constraint, beta=0.05, max_loss=cap) if paired else answers)
    loop.run(loaded, shown, validation, course, settings, work, None, Rows(), alone, contrast)
    return work, contrast.renewed()["capped"] if contrast else None


def with_partners(examples: list) -> list:
    """Every example with the next one's film as its other image."""
    following = [*examples[1:], examples[0]]
    pairs = [{"other": {"study": other.study, "differs": 10, "step": 0, "conflicts": []}} for other in following]
    return [dataclasses.replace(example, pair=pair) for example, pair in zip(examples, pairs, strict=True)]


def check(name: str, work: Work, capped: float | None, plain: Work) -> None:
    """Stop where a case has not done what its name says."""
    _, paired, _, cap, *_ = CASES[name]
    assert work.tokens["positive"] == plain.tokens["positive"] > 0, f"{name}: other answer tokens than the plain steps"
    assert work.tokens["negative"] == paired * work.tokens["positive"], f"{name}: not every answer stood beside two images"
    assert work.alone[-1] < work.alone[0], f"{name}: the loss beside the own image has not fallen"
    assert capped == (None if cap is None else float(cap == 0)), f"{name}: {capped} of the negatives had no gradient"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("rounds", 5), ("steps", 6), ("batch", 8), ("size", 224)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)  # else the processor time of threads that wait is counted
    sizes = {"vision_hidden": 128, "vision_layers": 4}
    section = Model(family="qwen_vl", tune="full", image_size=options.size, tiny=sizes).model_dump()
    settings = TrainSettings(learning_rate=1e-3, warmup=0.0, batch_size=options.batch, pairs="other")
    fastest: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_dataset(folder, options.steps * options.batch)
        examples = with_partners(read_examples(folder, "train"))
        for _ in range(options.rounds):
            works = {case: run(case, folder, section, settings, examples, options.steps) for case in CASES}
            for case, (work, capped) in works.items():
                check(case, work, capped, works["plain"][0])
                fastest[case] = np.minimum(np.diff(work.times[options.steps :]), fastest.get(case, np.inf))
    best, broken = {case: float(times.mean()) for case, times in fastest.items()}, False
    for case, (*_, against, most) in CASES.items():
        ratio = "" if against is None else f"{best[case] / best[against]:6.2f} of {against} (claim: at most {most})"
        broken |= against is not None and best[case] / best[against] > most
        print(f"{case:24} {1000 * best[case]:7.0f} ms a step  {ratio}")
    sys.exit(broken)


if __name__ == "__main__":
    main()
