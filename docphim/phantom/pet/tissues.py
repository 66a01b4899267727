"""What a patient's tissues measure on both scans, drawn from `tissues.yaml`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from docphim.package_data import packaged
from docphim.phantom.body import rng_of
from docphim.phantom.patient import Patient


def tissues() -> dict[str, dict[str, Any]]:
    """The rows of `tissues.yaml`."""
    rows: dict[str, dict[str, Any]] = packaged(Path(__file__).parent / "tissues.yaml")
    return rows


def hounsfield() -> dict[str, float]:
    """Tissue → HU."""
    return {name: float(row["hu"]) for name, row in tissues().items()}


def uptake(patient: Patient) -> dict[str, float]:
    """Tissue → SUV of this patient."""
    values: dict[str, float] = {}
    draws = rng_of(patient, "suv").normal(size=len(tissues()))
    for (name, row), draw in zip(tissues().items(), draws, strict=True):
        mean, spread = row["suv"]
        value = mean * math.exp(spread * float(draw))
        if "of" in row:
            value = values[row["of"]] * min(max(value, row.get("low", 0.0)), row.get("high", math.inf))
        else:
            value = min(max(value, row.get("low", 0.0)), row.get("high", math.inf))
        values[name] = value
    return values
