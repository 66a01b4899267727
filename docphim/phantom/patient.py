"""The synthetic patient: who it is and what is to be seen on the film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from docphim.study import Finding


@dataclass(frozen=True)
class Patient:
    """One synthetic patient; `age` in years, `seed` fixes body, film and noise."""

    id: str
    sex: Literal["F", "M"]
    age: int
    view: Literal["PA", "AP"]
    seed: int
    findings: tuple[Finding, ...]
