"""Stage 4, `docphim train`: a model is fine-tuned on the training examples, and the best checkpoint becomes `model/`.

Several GPUs: `train.processes: N`, or under a scheduler `torchrun … -m docphim.train DATASET RUN CONFIG.json`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.files import read_json, write_json
from docphim.models import needs_torch

#: How one of several processes says why it stopped, beside its configuration.
STOPPED = "train-stopped.json"


def train(dataset: Path, run: Path, *, model: dict[str, Any], train: dict[str, Any], base: str | None = None) -> None:
    """Train, or resume a training that was interrupted; writes model/, log.jsonl and checkpoints/ under `run`.

    Parameters
    ----------
    dataset : Path
        A dataset folder with examples/ and prepared/.
    run : Path
        The run's folder.
    model, train : dict
        The recipe's sections of these names, every default written out.
    base : str, optional
        `model.base`: where the published weights lie now; what is trained does not depend on it.

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

    model = {**model, "base": base or model.get("base")}
    if train["processes"] > 1 and "RANK" not in os.environ:
        _together(Path(dataset), Path(run), {"model": model, "train": train})
    else:
        fit(Path(dataset), Path(run), model, train)


def _together(dataset: Path, run: Path, sections: dict[str, Any]) -> None:
    """Train in several processes on this machine, which torchrun starts and joins over the loopback address."""
    config, stopped = run / "train-config.json", run / STOPPED
    stopped.unlink(missing_ok=True)
    write_json(config, sections)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    count = str(sections["train"]["processes"])
    said = subprocess.run([*torchrun, "--nproc_per_node", count, "-m", "docphim.train", str(dataset), str(run), str(config)])
    config.unlink()
    if said.returncode == 0:
        return
    if not stopped.exists():
        raise RuntimeError(f"a training process ended with {said.returncode}")
    why = read_json(stopped)
    stopped.unlink()
    raise Refused(why["reason"], why["where"], why["why"]) if why["reason"] else UsageError(why["why"])
