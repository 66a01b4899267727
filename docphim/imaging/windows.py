"""The windows of chest CT that have a name: which HU become black and white."""

from __future__ import annotations

from pathlib import Path

from docphim.package_data import packaged


def windows() -> dict[str, list[float]]:
    """Name → [black, white] in HU."""
    named: dict[str, list[float]] = packaged(Path(__file__).with_suffix(".yaml"))
    return named
