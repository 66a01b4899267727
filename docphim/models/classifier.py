"""A multi-label text classifier (BERT and its peers) as a label reader.  `docphim labels TEXT --model hf:OWNER/NAME`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from docphim.errors import Refused
from docphim.files import at_home
from docphim.models import checkpoint, vector_math
from docphim.models.hub import quietly, refusing

#: A label is affirmed from this probability on, as multi-label classifiers are trained.
THRESHOLD = 0.5
_BATCH = 32


def classifier(weights: str, names: Sequence[str]) -> Callable[[Sequence[str]], list[list[bool]]]:
    """A function from reports to whether each of the names is affirmed: where the sigmoid reaches `THRESHOLD`.

    Reports longer than the model reads are cut at their end.

    Parameters
    ----------
    weights : str
        A folder in transformers' layout (nothing is fetched), or `OWNER/NAME` on the hub.  Only safetensors are read.
    names : sequence of str
        The label set's names.  The model must have each of them, in any order, case and spacing.

    Raises
    ------
    Refused
        `labels_differ`: the model's labels are not those of the set; `weights_missing`, `weights_layout`, `weights_unsafe`,
        `weights_incomplete`, `file_truncated`.
    """
    local = checkpoint.is_local(weights)
    source = str(at_home(weights, "model.weights")) if local else weights
    where = Path(source).name if local else weights
    if local:
        checkpoint.check_weights(Path(source), where)
    hub: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    vector_math.settle()
    with quietly(offline=local), refusing(where):
        config = AutoConfig.from_pretrained(source, **hub)
        places = _places(config.id2label, names, where)
        model, report = AutoModelForSequenceClassification.from_pretrained(
            source, config=config, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **hub
        )
        tokenizer = AutoTokenizer.from_pretrained(source, **hub)
    if lost := sorted(report["missing_keys"]):
        raise Refused("weights_incomplete", where, f"{len(lost)} weights are missing, {lost[0]} first")
    model = model.to(_device()).eval()
    longest = min(int(getattr(config, "max_position_embeddings", 512)), tokenizer.model_max_length)

    def read(texts: Sequence[str]) -> list[list[bool]]:
        affirmed: list[list[bool]] = []
        for first in range(0, len(texts), _BATCH):
            batch = tokenizer(
                list(texts[first : first + _BATCH]), padding=True, truncation=True, max_length=longest, return_tensors="pt"
            )
            with torch.inference_mode():
                likely = torch.sigmoid(model(**batch.to(model.device)).logits) >= THRESHOLD
            affirmed += likely[:, places].tolist()
        return affirmed

    return read


def _places(id2label: dict[int, str], names: Sequence[str], where: str) -> list[int]:
    """The model's output for each label of the set."""
    outputs = {_folded(label): int(place) for place, label in id2label.items()}
    lacking = [name for name in names if _folded(name) not in outputs]
    extra = sorted(label for label in id2label.values() if _folded(label) not in {_folded(name) for name in names})
    if lacking or extra or len(id2label) != len(names):
        differences = [f"lacks {lacking[0]!r}"] * bool(lacking) + [f"has {extra[0]!r}"] * bool(extra)
        why = f"the model has {len(id2label)} labels and the set {len(names)}" + "".join(f"; it {t}" for t in differences)
        raise Refused("labels_differ", where, why)
    return [outputs[_folded(name)] for name in names]


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _device() -> torch.device:
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if torch.cuda.is_available() else torch.device("cpu")
