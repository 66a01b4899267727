"""What is written beside a model for whoever serves it: the letterbox, the decoding settings, the card."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from docphim.backends import EXPORTED
from docphim.export.source import Source
from docphim.files import sha256, write_json

#: How a picture becomes a frame of the model's size, in words (docphim.imaging.frames does it).
_LETTERBOX = "scaled to fit without stretching (Lanczos), in the middle of a black frame, RGB, 8 bits"


def write_served(source: Source, out: Path) -> dict[str, Any]:
    """The model's files, and docphim_serving.json: what a picture must go through to be what was scored, and their SHA-256."""
    from docphim.models.export import write_model

    decoding = source.decoding
    about = write_model(source.model, out, decoding, adapter=source.adapter, base=source.base)
    height, width = about["image_size"]
    about["letterbox"] = {"height": height, "width": width, "how": _LETTERBOX}
    about |= {"decoding": decoding | {"seed": source.recipe.generate.seed}, "blind": source.recipe.train.blind}
    about |= {"run": source.recipe.name, "merged": not source.adapter}
    about["files"] = {path.relative_to(out).as_posix(): sha256(path) for path in sorted(out.rglob("*")) if path.is_file()}
    write_json(out / EXPORTED, about)
    if (card := source.model / "README.md").exists():
        shutil.copyfile(card, out / "README.md")
    return about
