"""Mined negatives: of each example's neighbours the one beside which the report is likeliest, chosen at each validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docphim.files import read_json, write_json
from docphim.models import decode
from docphim.models.encode import collate
from docphim.models.loaded import Loaded
from docphim.progress import bar
from docphim.train.processes import Processes

if TYPE_CHECKING:
    from docphim.train.pairs import Pairs

CHOICES = "pairs.json"


def mine(loaded: Loaded, pairs: Pairs, batch_size: int, processes: Processes) -> None:
    """Choose for every example the neighbour with the smallest CE⁻ - CE⁺, over whole answers; of equal ones the nearest.

    CE⁺ is one number for all neighbours of an example, so CE⁻ alone decides and the examples' own images are not asked about.
    """
    # Neighbours of one example stand together: their texts are one, so that a batch of them wastes next to no padding.
    asked = [place for index in range(processes.rank, len(pairs), processes.world) for place in pairs.places[index]]
    parts = [asked[start : start + batch_size] for start in range(0, len(asked), batch_size)]
    loss: dict[int, float] = {}
    for places in bar(parts, len(parts), "pairs are mined") if processes.first else parts:
        encoded = [pairs.beside.whole(place) for place in places]
        batch = collate(loaded, encoded, "right", frames=loaded.features is not None)
        batch = loaded.features.placed(batch) if loaded.features is not None else batch
        loss |= {p: nats / tokens for p, (nats, tokens) in zip(places, decode.nats(loaded, batch), strict=True)}
    for index, chosen in [pair for part in processes.gather(_likeliest(pairs, loss)) for pair in part]:
        pairs.chosen[index] = chosen


def _likeliest(pairs: Pairs, loss: dict[int, float]) -> list[tuple[int, int]]:
    """(example, which of its negatives) for the examples whose negatives have a loss."""
    asked = [(index, places) for index, places in enumerate(pairs.places) if places and places[0] in loss]
    return [(index, min(range(len(places)), key=lambda n: loss[places[n]])) for index, places in asked]


def save(pairs: Pairs, folder: Path) -> None:
    """Write into a checkpoint which negatives are chosen."""
    write_json(folder / CHOICES, pairs.chosen)


def load(pairs: Pairs, folder: Path) -> None:
    """Choose as when a checkpoint was written."""
    pairs.chosen[:] = read_json(folder / CHOICES)
