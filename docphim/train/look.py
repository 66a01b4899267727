"""`docphim build --show N`: training examples as the model will see them, the trained tokens coloured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docphim.models import needs_torch


def look(dataset: Path, *, model: dict[str, Any], train: dict[str, Any], count: int) -> Iterator[tuple[str, str]]:
    """The first `count` training examples; of published weights only the tokenizer and processor are read.

    Yields
    ------
    tuple of str
        The example's id with its length in tokens, and its text as rich markup: trained tokens green.
    """
    with needs_torch():
        from docphim.files import read_examples
        from docphim.models.encode import show
        from docphim.train.batch import Examples
        from docphim.train.model import open_reader
        from docphim.train.settings import TrainSettings

    rows = read_examples(dataset, "train")
    settings = TrainSettings(**train)
    loaded = open_reader(model, settings, rows)
    examples = Examples(loaded, dataset, rows[:count], blind=settings.blind)
    for number, row in enumerate(rows[:count]):
        encoded = examples[number]
        yield f"{row.id}, {encoded.length} tokens", show(loaded, encoded)
