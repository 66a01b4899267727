"""Texts as the token vectors of a local text encoder (BERT and its peers), for BERTScore."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from docphim.errors import Refused
from docphim.files import at_home
from docphim.models import checkpoint, vector_math
from docphim.models.hub import quietly, refusing
from docphim.models.report_parts import longest_of, signs

#: Files that make a tokenizer what it is.
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "bpe.codes", "*.model")


@dataclass(frozen=True)
class Vectors:
    """A text's tokens: unit vectors (n, d), and which of them are words and not the signs around a text."""

    unit: NDArray[np.float32]
    words: NDArray[np.bool_]


class Encoder:
    """A text encoder from a folder in transformers' layout; nothing is ever fetched.

    Parameters
    ----------
    weights : str
        The folder; only safetensors are read.
    layer : int, optional
        Whose hidden states are taken; of n layers the one at three quarters (9 of 12), where not given.

    Raises
    ------
    Refused
        `weights_missing`: there is no such folder; `weights_layout`, `weights_unsafe`, `weights_incomplete`, `file_truncated`.
    """

    def __init__(self, weights: str, layer: int | None = None) -> None:
        folder = Path(at_home(weights, "bertscore"))
        where = folder.name
        if not folder.is_dir():
            raise Refused("weights_missing", where, "is no folder of this machine: BERTScore takes local weights alone")
        checkpoint.check_weights(folder, where)
        vector_math.settle()
        with quietly(offline=True), refusing(where):
            options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
            model, report = AutoModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
            )
            self.tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        if lost := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
            raise Refused("weights_incomplete", where, f"{len(lost)} weights are missing, {lost[0]} first")
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(device).eval()
        layers = int(self.model.config.num_hidden_layers)
        self.layer = round(0.75 * layers) if layer is None else layer
        if not 0 <= self.layer <= layers:
            raise Refused("weights_layout", where, f"it has {layers} layers, and no layer {self.layer}")
        self.longest = longest_of(self.model.config, self.tokenizer)
        self.fingerprints = {
            "bert": _fingerprint(folder, ("config.json", "*.safetensors")),
            "tokenizer": f"{type(self.tokenizer).__name__}-{_fingerprint(folder, _TOKENIZER)}",
        }

    def vectors(self, text: str) -> Vectors:
        """A text's tokens; a text longer than the model reads goes through it window by window, and none of it is cut off."""
        units, words = [], []
        for ids, special in self._windows(text):
            inputs = torch.tensor([ids], device=self.model.device)
            with torch.inference_mode():
                states = self.model(inputs, attention_mask=torch.ones_like(inputs), output_hidden_states=True).hidden_states
            units.append(torch.nn.functional.normalize(states[self.layer][0], dim=-1).float().cpu().numpy())
            words.append(~np.array(special, dtype=bool))
        return Vectors(np.concatenate(units), np.concatenate(words))

    def _windows(self, text: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Ids of each window with the signs around it, and a one for each such sign."""
        plain = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        around = self.tokenizer.num_special_tokens_to_add(pair=False)
        step = self.longest - around
        windows = [plain[first : first + step] for first in range(0, max(len(plain), 1), step)]
        return [self._with_signs(window) for window in windows]

    def _with_signs(self, window: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        before, behind = signs(self.tokenizer)
        ids = [*before, *window, *behind]
        return ids, [1] * len(before) + [0] * len(window) + [1] * len(behind)


def _fingerprint(folder: Path, patterns: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:8]
