"""Whether the parts that an `aligned` model is put together from are on this machine, seen before hours of work; no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.files import at_home
from docphim.models import checkpoint
from docphim.models.report_parts import PHOBERT, check_words


def check_parts(model: dict[str, Any], aligning: bool) -> None:
    """Refuse parts that a training would read and that are not there.

    Raises
    ------
    Refused
        `weights_missing` and what else `checkpoint.check_weights` says of a folder; `file_missing`: no stored features.
    UsageError
        Words are to be joined for the report encoder, and underthesea is not installed.
    """
    features, reports, decoder = (model.get(name) for name in ("features", "text_encoder", "decoder"))
    if features and not any(Path(at_home(features, "model.features")).glob("*.safetensors")):
        raise Refused("file_missing", "model.features", f"{Path(features).name} holds no STUDY.safetensors")
    if aligning and reports:
        folder = published(reports["weights"], "model.text_encoder")
        check_words(_is_phobert(folder) if reports["words"] is None else bool(reports["words"]))
    if not aligning and decoder:
        published(decoder, "model.decoder")


def published(weights: str, key: str) -> Path:
    """A folder of published weights that can be read.

    Raises
    ------
    Refused
        `weights_missing`, or as `checkpoint.check_weights`.
    """
    folder = Path(at_home(weights, key))
    if not folder.is_dir():
        raise Refused("weights_missing", folder.name, f"is no folder of this machine: {key} takes local weights alone")
    checkpoint.check_weights(folder, folder.name)
    return folder


def _is_phobert(folder: Path) -> bool:
    """Whether a folder's tokenizer is PhoBERT's, by its configuration."""
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        return str(config.get("tokenizer_class", "")).startswith(PHOBERT)
    except (OSError, ValueError, AttributeError):
        return False
