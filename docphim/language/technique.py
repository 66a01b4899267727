"""What a report's technique says of the scan: with contrast medium or without (technique.yaml)."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

from docphim.package_data import packaged


def phase_of(technique: str) -> str | None:
    """`native`, `contrast`, or None where the technique says nothing of it.

    >>> phase_of("Non-contrast images were taken in the axial plane.")
    'native'
    """
    text = unicodedata.normalize("NFC", technique)
    words: dict[str, Any] = packaged(Path(__file__).with_suffix(".yaml"))
    return next((name for name, patterns in words.items() if any(re.search(p, text, re.IGNORECASE) for p in patterns)), None)
