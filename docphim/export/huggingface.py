"""A folder that transformers' own classes load: AutoModelForImageTextToText, AutoTokenizer, and AutoProcessor where it can."""

from __future__ import annotations

from pathlib import Path

from docphim.export.served import write_served
from docphim.export.source import Source


def write(source: Source, out: Path) -> str:
    """Write it (see `docphim.export.export`)."""
    about = write_served(source, out)
    what = f"the adapter on {about['base']}" if source.adapter else f"merged weights in {about['dtype']}"
    height, width = about["image_size"]
    return f"{what}, frames of {height}x{width} pixels"
