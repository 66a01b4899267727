"""Small random models of any family (`weights: tiny`): a byte-level tokenizer from the training texts, weights from a seed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from docphim.errors import UsageError
from docphim.models import family as family_of
from docphim.models import vector_math
from docphim.models.loaded import Loaded, TinyText
from docphim.study import TAG

#: Words with their leading space, digits one by one, punctuation, line breaks: the split Qwen and Llama 3 make.
_SPLIT = r"[^\r\n\p{L}\p{M}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def create_tiny(
    family: str, texts: Iterable[str], image_size: int | tuple[int, int], seed: int, sizes: dict[str, Any]
) -> Loaded:
    """A small model of a family with random weights, and a tokenizer trained on `texts`.

    Parameters
    ----------
    family : str
        A name of `docphim.models.FAMILIES`.
    texts : iterable of str
        What the tokenizer learns its merges from: the training reports and prompts.
    image_size : int or (height, width)
        In pixels; rounded to what the family takes.
    seed : int
        Equal seeds and texts give equal weights and tokens.
    sizes : dict
        `vocab`, `init` (the standard deviation of the random weights; none: what the architecture's large models begin with),
        and what the family's `tiny_config` takes (`hidden`, `layers`, `heads`, `vision_hidden`, …).

    Raises
    ------
    UsageError
        A key of `sizes` is unknown or its value does not fit.
    """
    module = family_of(family)
    sizes = dict(sizes)
    init = sizes.pop("init", None)
    tokenizer = train_tokenizer(texts, int(sizes.pop("vocab", 1024)), module.TINY)
    try:
        config = module.tiny_config(tokenizer, image_size, **sizes)
    except TypeError as error:
        raise UsageError(f"model.tiny: {str(error).partition('() ')[2] or error}") from None
    _spread(config, init)
    vector_math.settle()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    module.quicken(model)
    processor = module.make_processor(tokenizer, config)
    size, name = module.fit_size(config, image_size), f"tiny-{config.model_type}"
    return Loaded(model.eval(), processor, tokenizer, family, size, name, config)


def _spread(config: Any, init: Any) -> None:
    """Let random weights be drawn with this standard deviation.

    The published one, 0.02, suits widths of thousands: 1/√2500.  In a model 128 wide activations then nearly vanish, every
    token is attended to alike, and it learns late to look.
    """
    if init is None:
        return
    if isinstance(init, bool) or not isinstance(init, int | float) or not 0 < init <= 1:
        raise UsageError(f"model.tiny.init: {init!r} is not a number above 0 and up to 1")
    for part in (config, config.get_text_config(), config.vision_config):
        part.initializer_range = float(init)


def train_tokenizer(texts: Iterable[str], vocab: int, spec: TinyText) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of about `vocab` tokens (256 bytes, the special tokens, then merges), NFC first."""
    if vocab < 256 + len(spec.special):
        raise UsageError(f"model.tiny.vocab: {vocab} is under {256 + len(spec.special)}: the bytes and special tokens")
    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.NFC()
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        min_frequency=2,
        show_progress=False,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in spec.special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    core.train_from_iterator((TAG.sub("", unicodedata.normalize("NFC", text)) for text in texts), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token=spec.end, pad_token=spec.pad)
    tokenizer.chat_template = spec.template
    return tokenizer
