"""The package's YAML tables: words, rules, labels, prompts."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from docphim.errors import UsageError, printable


@functools.cache
def packaged(path: Path) -> Any:
    """A YAML file of the package, read once; the value is shared, and nobody writes to it.

    Raises
    ------
    UsageError
        Somebody has edited it, and it is not YAML any more; the message names the file and the line.
    """
    import yaml  # here, so that `from docphim import score` starts without it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where libyaml is there
    try:
        return yaml.load(path.read_text(encoding="utf-8"), loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or a date that is none
        why = " ".join(str(error).replace(str(path.parent), "").split())
        raise UsageError(f"{path.parent.name}/{path.name}: not YAML: {printable(why, 200)}") from None
