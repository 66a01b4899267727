"""Stage 4, `docphim train`: a model is fine-tuned on the training examples, and the best checkpoint becomes `model/`.

Several processes: `torchrun --nproc_per_node N -m docphim.train DATASET RUN CONFIG.json`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docphim.models import needs_torch


def train(dataset: Path, run: Path, *, model: dict[str, Any], train: dict[str, Any]) -> None:
    """Train, or resume a training that was interrupted; writes model/, log.jsonl and checkpoints/ under `run`.

    Parameters
    ----------
    dataset : Path
        A dataset folder with examples/ and prepared/.
    run : Path
        The run's folder.
    model, train : dict
        The recipe's sections of these names, every default written out.

    Raises
    ------
    UsageError
        torch or one of its company is not installed.
    Refused
        `too_long` before anything is trained; `loss_not_finite`, `disk_full`: the last good checkpoint stays;
        `empty_dataset`; and what `docphim.models.load` refuses.
    """
    with needs_torch():
        from docphim.train.fit import fit

    fit(Path(dataset), Path(run), model, train)
