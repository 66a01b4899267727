"""The card of a run's model: README.md, put together from what its training wrote (card.md) and the scores that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from docphim.files import atomic
from docphim.records import CARD, CARD_OF_TRAINING

#: Where in card.md the scores and the licence of the data go.
SCORES, DATA = "<!-- scores -->", "<!-- data -->"
_NO_SCORES = "None yet: `docphim evaluate RECIPE` puts them here."
_ANY_DATA = "The licence and terms of the dataset apply."


def put_together(model: Path, scores: str | None, data: str = "") -> None:
    """Write README.md of a saved model anew, unless it says so already; a model of an earlier version keeps its own.

    Parameters
    ----------
    model : Path
        The folder model/ of a run.
    scores : str or None
        The scores as Markdown (`docphim.metrics.markdown`); None where this model's drafts are not scored (yet).
    data : str
        The licence of the dataset, in a sentence; empty where nobody knows it.
    """
    try:
        text = (model / CARD_OF_TRAINING).read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    text = text.replace(SCORES, _NO_SCORES if scores is None else scores).replace(DATA, data or _ANY_DATA)
    card = model / CARD
    if not card.exists() or card.read_bytes() != text.encode():
        with atomic(card) as handle:
            handle.write(text)


def licence_of(folder: Path | None) -> str | None:
    """The licence that lies beside published weights: what the card there names, else the first line of a LICENSE file."""
    if folder is None:
        return None
    named = _named(folder / CARD)
    if named:
        return named
    files = (path for path in sorted(folder.glob("LICENSE*")) if path.is_file())
    lines = (line.strip() for path in files for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return next((line[:100] for line in lines if line), None)


def _named(card: Path) -> str | None:
    """`license` of a card's header; its name and address where it is none of the hub's list."""
    try:
        header = card.read_text(encoding="utf-8", errors="replace").split("---\n")[1]
        values: Any = yaml.safe_load(header)
        parts = [values.get(name) for name in ("license", "license_name", "license_link")]
    except (OSError, IndexError, yaml.YAMLError, AttributeError):
        return None
    return " ".join(str(part) for part in parts if part and part != "other") or None
