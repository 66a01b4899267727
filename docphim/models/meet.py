"""What a model with a report encoder makes of images and of reports: unit vectors in one space, and which sentences fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from docphim.models import family as family_of
from docphim.models.loaded import Loaded, Stack

#: What the encoders of images and of reports take.
OF_TOWERS = ("pixel_values", "stack_features", "stack_frames", "report_ids", "report_mask", "report_parts")
#: In the folder of a model that was aligned: its prompts for labels.
PROMPTS = "prompts.json"


def meets(loaded: Loaded) -> bool:
    """Whether a model has a report encoder."""
    return getattr(loaded.core, "report", None) is not None


def answers(loaded: Loaded) -> bool:
    """Whether a model has a decoder: one that was only aligned has none."""
    return getattr(loaded.core, "decoder", True) is not None


def image_inputs(loaded: Loaded, media: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """What the image encoder takes of some entries' media: their slices as floats, or their stored features."""
    module: Any = family_of(loaded.family)
    name = "stack_features" if "stack_features" in media[0] else "pixel_values"
    values = torch.cat([one[name] for one in media])
    values = module.pixels(loaded.processor, name, values) if name == "pixel_values" else values
    return {name: values, "stack_frames": torch.cat([one["stack_frames"] for one in media])}


@torch.inference_mode()
def image_vectors(loaded: Loaded, stacks: Sequence[Stack]) -> np.ndarray:
    """Unit vectors of stacks, float32 (n, width)."""
    module: Any = family_of(loaded.family)
    shown = image_inputs(loaded, [module.expand(loaded.processor, stack, False).media for stack in stacks])
    with loaded.autocast():
        out = loaded.core.eval()(**{name: value.to(loaded.device) for name, value in shown.items()})
    return np.asarray(out.images.float().cpu())


@torch.inference_mode()
def report_vectors(loaded: Loaded, texts: Sequence[str]) -> np.ndarray:
    """Unit vectors of reports, float32 (n, width); none is cut."""
    parts = [[torch.tensor(ids) for ids in loaded.processor.parts(text)] for text in texts]
    every = [part for of_text in parts for part in of_text]
    padding = loaded.processor.reports.pad_token_id
    inputs = {
        "report_ids": pad_sequence(every, batch_first=True, padding_value=padding),
        "report_mask": pad_sequence([torch.ones_like(part) for part in every], batch_first=True),
        "report_parts": torch.tensor([len(of_text) for of_text in parts]),
    }
    with loaded.autocast():
        out = loaded.core.eval()(**{name: value.to(loaded.device) for name, value in inputs.items()})
    return np.asarray(out.reports.float().cpu())


class ZeroShot:
    """Labels by prompts: of each label the sentences that affirm and that deny it, and which an image is nearer to.

    A label's prompts are averaged in the shared space, as CLIP's classifiers are (Radford et al. 2021, section 3.1.4); an
    image has the label where it is nearer to those that affirm it (Tiu et al. 2022).

    Parameters
    ----------
    prompts : mapping
        Label → {"positive": sentences, "negative": sentences}, the first of each is what a draft says.
    """

    def __init__(self, loaded: Loaded, prompts: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self.loaded = loaded
        self.sentences = [(sides["positive"][0], sides["negative"][0]) for sides in prompts.values()]
        sides = ("positive", "negative")
        self.toward = [[_mean(report_vectors(loaded, of[side])) for side in sides] for of in prompts.values()]

    def drafts(self, images: np.ndarray) -> list[str]:
        """What the nearer prompts say of each image, a sentence a label, none twice."""
        texts = []
        for image in images:
            nearer = [int(no @ image > yes @ image) for yes, no in self.toward]
            texts.append(" ".join(dict.fromkeys(of[side] for of, side in zip(self.sentences, nearer, strict=True))))
        return texts


def _mean(vectors: np.ndarray) -> np.ndarray:
    """The direction of a mean."""
    mean = vectors.mean(0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))
