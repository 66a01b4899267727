"""Families at their published shapes (ids of signs, sizes, patches), widths shrunk, against the official processors."""

import numpy as np
import pytest
import torch
from published_shapes import CHECKPOINTS, placed_tokenizer
from tiny_models import REPORT, TEXTS, batch_of, dialogue
from transformers import AutoModelForImageTextToText

from docphim.models import family
from docphim.models.encode import encode
from docphim.models.loaded import Loaded


@pytest.fixture(scope="module", params=CHECKPOINTS)
def checkpoint(request):
    published = CHECKPOINTS[request.param]
    tokenizer = placed_tokenizer(published, TEXTS)
    assert all(tokenizer.convert_tokens_to_ids(sign) == place for sign, place in published.ids.items())
    config = published.config(**published.values)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32).eval()
        projector = getattr(model.model, "multi_modal_projector", None)
        for parameter in projector.parameters() if projector is not None else ():  # Gemma's begins at nought
            parameter.data.normal_(std=0.05)
    module = family(published.name)
    module.quicken(model)
    processor = module.make_processor(tokenizer, config)
    size = module.fit_size(config, published.size)
    return published, Loaded(model, processor, tokenizer, published.name, size, "config-true", config)


def test_ids_pixels_and_logits_are_those_of_the_official_processor(checkpoint):
    published, loaded = checkpoint
    images = [np.random.default_rng(n).integers(0, 256, (*loaded.size, 3)).astype(np.uint8) for n in range(2)]
    ours = batch_of(loaded, [encode(loaded, dialogue(), images)])
    theirs = official(published, loaded, images)
    for name in ("input_ids", "pixel_values", "token_type_ids", "image_sizes", "target_sizes"):
        assert (name in ours) == (name in theirs) and (name not in ours or torch.equal(ours[name], theirs[name])), name
    assert int((ours["input_ids"] == _sign(loaded)).sum()) == 2 * published.tokens
    with torch.no_grad():
        given = loaded.model(**{k: v for k, v in ours.items() if k != "labels"}).logits
        alone = loaded.model(**{k: v for k, v in theirs.items() if k != "num_crops"}).logits
    assert torch.allclose(given, alone, atol=1e-6)


def official(published, loaded, images):
    """The official processor's tensors of `dialogue()`, its resize and its checks included."""
    chat = []
    for message in dialogue():
        picture = [{"type": "image"}] if "<image>" in message.content else []
        text = {"type": "text", "text": message.content.replace("<image>\n", "")}
        chat.append({"role": message.role, "content": [*picture, text]})
    text = loaded.processor.apply_chat_template(chat, tokenize=False)
    text = text.replace("assistant \n", "assistant\n")  # OneVision's has a space more than its prompt for an answer
    if published.name == "minicpmv":  # its template takes the thought out of answers before the last; a model is asked with it
        text = text.replace(f"assistant\n{REPORT}", f"assistant\n<think>\n\n</think>\n\n{REPORT}")
    nested = [images] if published.name in ("gemma3", "llava_onevision") else images
    options = {"add_special_tokens": False, "return_tensors": "pt", **published.official}
    return loaded.processor(images=nested, text=[text], **options)


def _sign(loaded) -> int:
    """Id of the token that stands for a piece of a picture."""
    return int(loaded.config.image_token_id)
