"""The package's YAML tables: words, rules, labels, prompts."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any


@functools.cache
def packaged(path: Path) -> Any:
    """A YAML file of the package, read once; the value is shared, and nobody writes to it."""
    import yaml  # here, so that `from docphim import score` starts without it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where libyaml is there
    return yaml.load(path.read_text(encoding="utf-8"), loader)
