"""The windows of chest CT that have a name: which HU become black and white."""

from __future__ import annotations

from pathlib import Path

from docphim.package_data import packaged

#: SUV of black and of white: FDG is read with dark lesions, mostly up to 7 or 10.
SUV_SHOWN = (10.0, 0.0)


def windows() -> dict[str, list[float]]:
    """Name → [black, white] in HU."""
    named: dict[str, list[float]] = packaged(Path(__file__).with_suffix(".yaml"))
    return named
