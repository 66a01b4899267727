"""What a scanner's words say of a reconstruction: whether its kernel is soft or sharp, whether contrast medium was given."""

from __future__ import annotations

import re
from pathlib import Path

from docphim.package_data import packaged

_TABLE = Path(__file__).with_suffix(".yaml")


def kernel_kind(kernel: str) -> str:
    r"""`soft`, `sharp` or `unknown`, by the first of a kernel's values: `Br40d\3` is soft."""
    return next((kind for kind in ("soft", "sharp") if _any(kind, kernel.partition("\\")[0])), "unknown")


def phase_of(agent: str, description: str) -> str:
    """`native`, `contrast`, or '' where neither the agent nor the series' description says which."""
    if agent:
        return "native" if agent.lower() in ("none", "no") else "contrast"
    return next((phase for phase in ("native", "contrast") if _any(phase, description)), "")


def _any(name: str, text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in packaged(_TABLE)[name])
