"""The reference of a preference loss: what the model made of every answer before its first step, worked out once and stored."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docphim import files
from docphim.models import decode
from docphim.models.encode import Encoded, collate
from docphim.models.loaded import Loaded
from docphim.progress import bar
from docphim.train.processes import Processes

if TYPE_CHECKING:
    from docphim.train.pairs import Pairs

log = logging.getLogger("docphim")
#: Beside the checkpoints of the training that it belongs to.
FILE = "reference.json"


def refer(loaded: Loaded, pairs: Pairs, root: Path, key: str, batch_size: int, processes: Processes) -> None:
    """Give pairs the reference's nats of each answer beside its own image and beside each of its negatives.

    A training that goes on takes what it stored when it began, so that it meets the same numbers.

    Parameters
    ----------
    loaded : Loaded
        The model before its first step, no checkpoint put in.
    root : Path
        The folder of the checkpoints.
    key : str
        What the training is made from; numbers of another are not taken.
    """
    stored = processes.decided(lambda: _stored(root / FILE, key))
    if stored is None:
        sides: Any = {"positive": pairs.positives, "negative": pairs.beside}
        stored = {side: _nats(loaded, of, batch_size, processes) for side, of in sides.items()}
        if processes.first:
            files.write_json(root / FILE, {"key": key, **stored, "sha256": _sum_of(stored)})
        processes.wait()
    pairs.reference = stored["positive"], stored["negative"]


def _nats(loaded: Loaded, examples: Sequence[Encoded], batch_size: int, processes: Processes) -> list[float]:
    """-log p of every example's labelled tokens, worked out by all processes."""
    mine = range(processes.rank, len(examples), processes.world)
    parts = [mine[start : start + batch_size] for start in range(0, len(mine), batch_size)]
    nats: dict[int, float] = {}
    for places in bar(parts, len(parts), "reference") if processes.first else parts:
        batch = collate(loaded, [examples[place] for place in places], "right", frames=loaded.features is not None)
        batch = loaded.features.placed(batch) if loaded.features is not None else batch
        nats |= {place: row for place, (row, _) in zip(places, decode.nats(loaded, batch), strict=True)}
    every = {place: row for part in processes.gather(nats) for place, row in part.items()}
    return [every[place] for place in range(len(examples))]


def _stored(path: Path, key: str) -> dict[str, list[float]] | None:
    """What was stored for this training; None where nothing was, or not a bit of it can be trusted."""
    try:
        values = files.read_json(path)
        stored = {side: values[side] for side in ("positive", "negative")}
        if values["key"] == key and values["sha256"] == _sum_of(stored):
            return stored
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _sum_of(stored: dict[str, list[float]]) -> str:
    return hashlib.sha256(files.dumps(stored).encode()).hexdigest()
