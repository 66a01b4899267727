"""Aligning images with reports: the CLIP loss over a whole step, whichever process and micro-batch its studies are in."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from docphim.errors import UsageError
from docphim.models.loaded import Loaded
from docphim.models.meet import OF_TOWERS
from docphim.models.odds import log_odds
from docphim.models.tune import what_trains
from docphim.train.batch import Batch
from docphim.train.processes import Processes
from docphim.train.random_state import random_state, set_random_state
from docphim.train.scored import Scored
from docphim.train.validate import finite, gpus

if TYPE_CHECKING:
    from docphim.train.contrast import Loss
    from docphim.train.reports import Reports


#: The logit of what is like nothing: beside any other of unit vectors at most 100 times as long its share is 0.
NOTHING = -1e4


def sides(images: Tensor, reports: Tensor, scale: Tensor, meanings: Tensor) -> dict[str, Scored]:
    """Every image among all reports (`positive`), and every report among all images (`reports`), as `losses.clip` takes them.

    Parameters
    ----------
    images, reports : Tensor, float32, shape (n, width)
        Unit vectors; row by row they belong together.
    scale : Tensor, shape ()
        1/temperature.
    meanings : Tensor, int64, shape (n, k)
        Two rows that share a key in any column are no negatives of each other: their logits are -inf.
    """
    same = (meanings[:, None] == meanings[None]).any(-1)
    same.fill_diagonal_(False)
    logits = (scale * images @ reports.T).masked_fill(same, -torch.inf)
    rows = torch.arange(len(logits), device=logits.device)
    n = torch.tensor(len(logits), device=logits.device)
    # One more that nothing is like, so that a row without any negative has finite odds, and no gradient.
    ways = {"positive": logits, "reports": logits.T}
    made = {name: log_odds(functional.pad(way, (0, 1), value=NOTHING), rows) for name, way in ways.items()}
    return {name: Scored(odds[:, :1], rows[:, None], n, n) for name, odds in made.items()}


class Alignment:
    """The backward pass of a step that is one contrast: all its studies are one another's negatives.

    Where a process has one micro-batch a step, it goes through the model once.  Of several each goes through without a
    gradient first, and again with the one that the whole step has at its vectors (Gao et al. 2021, "Scaling Deep Contrastive
    Learning Batch Size under Memory Limited Setup"), with the same dropout.  So a step's loss does not depend on how it is
    cut up among micro-batches and processes.
    """

    def __init__(self, loaded: Loaded, processes: Processes, loss: Loss) -> None:
        self.loaded, self.processes, self.loss = loaded, processes, loss
        for row in what_trains(loaded):
            if row["trained"] and row["part"] in ("projector", "language"):
                raise UsageError(f"train.loss: clip reaches no {row['part']}; model.tune: full trains encoders alone")

    def backward(self, model: nn.Module, micro_batches: Sequence[Batch]) -> Tensor:
        """Add the gradients of a step; its loss."""
        once = len(micro_batches) == 1
        states, outs = [], []
        for batch in micro_batches:
            states.append(random_state())
            with contextlib.nullcontext() if once else torch.no_grad():
                outs.append(self._met(model if once else self.loaded.model, batch))
        loss, gradients = self._gradients(outs, micro_batches)
        for number, batch in enumerate(micro_batches):
            hold = number < len(micro_batches) - 1 and self.processes.world > 1
            with model.no_sync() if hold else contextlib.nullcontext():
                if not once:
                    outs[number] = self._again(model, batch, states[number])
                torch.autograd.backward(outs[number], [gradient[number] for gradient in gradients])
        return loss

    def _met(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        inputs = of_towers(batch["positive"], self.loaded.device)
        with self.loaded.autocast():
            out = model(**inputs)
        return out.images, out.reports, out.scale

    def _again(self, model: nn.Module, batch: Batch, state: Any) -> tuple[Tensor, Tensor, Tensor]:
        """The same forward, dropout included, this time with a gradient."""
        now = random_state()
        set_random_state(state)
        try:
            return self._met(model, batch)
        finally:
            set_random_state(now)

    def _gradients(
        self, outs: Sequence[tuple[Tensor, Tensor, Tensor]], micro_batches: Sequence[Batch]
    ) -> tuple[Tensor, tuple[list[Tensor], list[Tensor], list[Tensor]]]:
        """The step's loss, and what each micro-batch's vectors and temperature have of its gradient.

        DistributedDataParallel averages gradients over processes: vectors, which one process alone has, count as often as there
        are processes.
        """
        sizes = [len(images) for images, _, _ in outs]
        meanings = torch.cat([batch["positive"]["meanings"] for batch in micro_batches]).to(self.loaded.device)
        mine = [torch.cat([out[side].detach() for out in outs]) for side in (0, 1)]
        images, reports = (gathered(side, self.processes).requires_grad_() for side in mine)
        scale = outs[0][2].detach().requires_grad_()
        loss = self.loss(sides(images, reports, scale, gathered(meanings, self.processes)))
        of_images, of_reports, of_scale = torch.autograd.grad(loss, (images, reports, scale))
        first = self.processes.rank * sum(sizes)
        here = slice(first, first + sum(sizes))
        of_vectors = [(whole[here] * self.processes.world).split(sizes) for whole in (of_images, of_reports)]
        return loss.detach(), (list(of_vectors[0]), list(of_vectors[1]), [of_scale / len(outs)] * len(outs))


def of_towers(side: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """What of a batch the encoders take."""
    return {name: side[name].to(device, non_blocking=True) for name in OF_TOWERS if name in side}


def gathered(rows: Tensor, processes: Processes) -> Tensor:
    """The rows of all processes, by rank; each has as many."""
    if processes.world == 1:
        return rows.clone()
    parts = [torch.empty_like(rows) for _ in range(processes.world)]
    distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


class AlignmentValidation:
    """The loss over validation studies, all of which are one another's negatives: it falls by what a training has learnt."""

    def __init__(self, loaded: Loaded, examples: Reports, loss: Loss, batch_size: int, processes: Processes) -> None:
        self.loaded, self.examples, self.loss = loaded, examples, loss
        self.batch_size, self.processes = batch_size, processes

    @torch.no_grad()
    def scores(self) -> dict[str, float]:
        """`val/loss`, nats a study, and `val/recall5`, percent of images whose report is among the five nearest; by the first
        process for all, so that every process decides alike.

        Raises
        ------
        Refused
            `loss_not_finite`.
        """
        if not len(self.examples):
            return {}
        return finite(self.processes.decided(self._scores))

    def _scores(self) -> dict[str, float]:
        images, reports, meanings, scale = [], [], [], torch.ones(())
        self.loaded.model.eval()
        with torch.random.fork_rng(devices=gpus(self.loaded)), self.loaded.autocast():
            for first in range(0, len(self.examples), self.batch_size):
                rows = range(first, min(first + self.batch_size, len(self.examples)))
                side = self.examples.collate([self.examples[row] for row in rows])["positive"]
                out = self.loaded.model(**of_towers(side, self.loaded.device))
                images.append(out.images)
                reports.append(out.reports)
                meanings.append(side["meanings"].to(self.loaded.device))
                scale = out.scale
        seen, read, keys = torch.cat(images), torch.cat(reports), torch.cat(meanings)
        near = (seen @ read.T).topk(min(5, len(read)), dim=1).indices
        hits = (keys[near] == keys[:, None]).any(-1).any(-1)
        return {"val/loss": float(self.loss(sides(seen, read, scale, keys))), "val/recall5": 100 * float(hits.float().mean())}

    def better(self, scores: dict[str, float]) -> float | None:
        """The loss, signed so that higher is better."""
        return -scores["val/loss"] if scores else None
