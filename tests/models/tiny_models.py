"""Tiny models of every architecture, a conversation and films to give them."""

from __future__ import annotations

import numpy as np
import torch

from docphim.models import FAMILIES, load
from docphim.models.encode import Encoded, collate, encode
from docphim.models.loaded import Loaded
from docphim.study import Message

ARCHITECTURES = ["qwen2_5_vl", "qwen2_vl", "qwen3_vl", "llava-llama", "llava-qwen2", "internvl-qwen2", "internvl-qwen3"]
ARCHITECTURES += ["gemma3", "llava_onevision", "minicpmv"]
REPORT = "Bóng tim to, chỉ số tim/lồng ngực 0.58. Không thấy tràn dịch màng phổi."
TEXTS = [
    REPORT,
    "Bạn là trợ lý bác sĩ",
    "Ảnh chụp X-ray PA bệnh nhân nam, 72 tuổi. Cho biết bệnh nhân bị gì?",
    "Kết luận: tim to.",
]


def make(architecture: str, seed: int = 0, **sizes: int) -> Loaded:
    small = {"vocab": 400, "hidden": 64, "layers": 2, "heads": 4, "vision_hidden": 32, "vision_layers": 2} | sizes
    family, _, decoder = architecture.partition("-")
    if decoder:
        return load.create_tiny(family, TEXTS, 56, seed, {**small, "decoder": decoder})
    if architecture not in FAMILIES:
        return load.create_tiny("qwen_vl", TEXTS, 56, seed, {**small, "type": architecture})
    made = load.create_tiny(architecture, TEXTS, 112 if architecture == "minicpmv" else 56, seed, small)  # four tokens a film
    if architecture == "gemma3":  # its projector begins at nought, and every picture would be the same
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            made.model.model.multi_modal_projector.mm_input_projection_weight.normal_(std=0.1, generator=generator)
    return made


def film(loaded: Loaded, number: int = 0) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (*loaded.size, 3)).astype(np.uint8)


def single(answer: str | None = REPORT) -> list[Message]:
    turns = [Message("system", TEXTS[1]), Message("user", "<image>\n" + TEXTS[2])]
    return turns if answer is None else [*turns, Message("assistant", answer)]


def dialogue() -> list[Message]:
    return [*single(), Message("user", "<image>\nKết luận?"), Message("assistant", "Tim to.")]


def batch_of(loaded: Loaded, encoded: list[Encoded], pad: str = "right") -> dict[str, torch.Tensor]:
    return collate(loaded, encoded, pad)  # type: ignore[arg-type]


def logits(loaded: Loaded) -> torch.Tensor:
    batch = batch_of(loaded, [encode(loaded, single(), [film(loaded)]), encode(loaded, dialogue(), [film(loaded, 1)] * 2)])
    batch.pop("labels")
    with torch.no_grad():
        return loaded.model.eval()(**batch).logits
