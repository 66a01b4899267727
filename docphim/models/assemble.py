"""The parts of an `aligned` model put together: a report encoder where it is aligned, a decoder where it answers."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from docphim.errors import Refused, UsageError
from docphim.models import checkpoint
from docphim.models import family as family_of
from docphim.models.hub import quietly, refusing
from docphim.models.loaded import Loaded
from docphim.models.parts_there import published
from docphim.models.report_parts import check_words, longest_of, wants_words
from docphim.models.report_tokenizer import Processor, read_report_tokenizer
from docphim.models.tiny import train_tokenizer
from docphim.models.two_towers import without_pooler

logger = logging.getLogger("docphim")
_NO_FEATURES = "model.features: the run's model reads stored features; name their folder"
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def tiny_sizes(model: dict[str, Any], aligning: bool) -> dict[str, Any]:
    """What `create_tiny` is told of a recipe's model section: its encoder, and which other parts are made small here."""
    named = {"answers": model.get("decoder"), "reports": model.get("text_encoder")}
    wanted = {"answers": not aligning, "reports": aligning}
    parts = {name: wanted[name] and not place for name, place in named.items()}
    return {**model["tiny"], "encoder": model.get("encoder"), "features": model.get("features"), **parts}


def complete(loaded: Loaded, model: dict[str, Any], texts: Iterable[str], seed: int, *, aligning: bool) -> Loaded:
    """Give a model the part that its training asks for and it has not got, in place.

    Parameters
    ----------
    model : dict
        A recipe's section: `text_encoder` and `decoder` name published weights; without them small ones are made.
    texts : iterable of str
        What the tokenizer of a small decoder learns from.
    aligning : bool
        Whether it is aligned with reports, which takes a report encoder and no decoder, or learns to answer.

    Raises
    ------
    Refused
        `weights_missing`, `weights_layout`, `weights_unsafe`, `weights_incomplete`, `file_truncated`: of published parts.
    UsageError
        Words are to be joined, and underthesea is not installed; stored features are named where the model has an encoder, or
        none where it has none.
    """
    core = loaded.model
    if bool(model.get("features")) != bool(loaded.config.features):
        raise UsageError("model.features: the run's model has an encoder of its own" if model.get("features") else _NO_FEATURES)
    loaded.config.features = model.get("features")  # they may have moved
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if aligning and core.report is None:
            _give_report_encoder(loaded, model)
        if not aligning and core.decoder is None:
            _give_decoder(loaded, model, texts)
    loaded.model = core.to(next(core.vision.parameters()).device).eval()
    return loaded


def _give_report_encoder(loaded: Loaded, model: dict[str, Any]) -> None:
    section = model.get("text_encoder")
    if not section:  # a small one, where only the model's other parts were made before
        _give_small_reports(loaded, model)
        return
    folder = published(section["weights"], "model.text_encoder")
    where = folder.name
    with quietly(offline=True), refusing(where):
        encoder, report = _read(AutoModel, folder, torch.float32)
        tokenizer = read_report_tokenizer(str(folder), within="")
    words = wants_words(tokenizer) if section["words"] is None else bool(section["words"])
    check_words(words)
    _whole(report, where, spared="pooler.")
    encoder.pooler = None  # which nothing here asks
    config = loaded.config
    logger.info(
        "the report encoder reads %s, case and accents kept", "words joined by underscores" if words else "texts as they stand"
    )
    config.report_longest, config.report_words = longest_of(encoder.config, tokenizer), words
    loaded.model.give_reports(encoder)
    loaded.processor = Processor(loaded.tokenizer, config, tokenizer)
    _note(loaded, "text_encoder", folder)


def _give_small_reports(loaded: Loaded, model: dict[str, Any]) -> None:
    """A small report encoder on the tokenizer that is there."""
    module: Any = family_of(loaded.family)
    sizes = {name: value for name, value in model["tiny"].items() if name not in ("vocab", "init")}
    config = module.tiny_config(loaded.tokenizer, loaded.size, **sizes, answers=False, reports=True)
    loaded.config.report_longest = config.report_longest
    loaded.model.give_reports(without_pooler(config.report_config))
    loaded.processor = Processor(loaded.tokenizer, loaded.config, loaded.tokenizer)


def _give_decoder(loaded: Loaded, model: dict[str, Any], texts: Iterable[str]) -> None:
    module: Any = family_of(loaded.family)
    reports = loaded.processor.reports
    if model.get("decoder"):
        folder = published(str(model.get("decoder")), "model.decoder")
        where = folder.name
        with quietly(offline=True), refusing(where):
            decoder, report = _read(AutoModelForCausalLM, folder, _DTYPES[loaded.precision])
            tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True)
        _whole(report, where)
        tokenizer.chat_template = module.with_images(tokenizer.chat_template)
        tokenizer.add_special_tokens({"additional_special_tokens": [module.IMAGE]})
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        _note(loaded, "decoder", folder)
    else:
        sizes = dict(model["tiny"])
        sizes.pop("init", None)
        tokenizer = train_tokenizer(texts, int(sizes.pop("vocab", 1024)), module.TINY)
        decoder = AutoModelForCausalLM.from_config(module.tiny_config(tokenizer, loaded.size, **sizes).text_config)
    loaded.model.give_decoder(decoder)
    loaded.config.image_token_id = tokenizer.convert_tokens_to_ids(module.IMAGE)
    loaded.tokenizer = tokenizer
    loaded.processor = Processor(tokenizer, loaded.config, reports)
    if loaded.base is not None:  # it is another model than the run's, and saved whole
        loaded.parts, loaded.base = {**(loaded.parts or {}), "under": loaded.base["files"]}, None


def _note(loaded: Loaded, part: str, folder: Path) -> None:
    loaded.parts = {**(loaded.parts or {}), part: checkpoint.fingerprint(folder)}


def _read(loader: Any, folder: Path, dtype: torch.dtype) -> tuple[Any, dict[str, Any]]:
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    options |= {"use_safetensors": True, "output_loading_info": True, "dtype": dtype}
    read: tuple[Any, dict[str, Any]] = loader.from_pretrained(folder, **options)
    return read


def _whole(report: dict[str, Any], where: str, spared: str = "\0") -> None:
    """Refuse weights that lack some (`weights_incomplete`)."""
    if lost := sorted(key for key in report["missing_keys"] if not key.startswith(spared)):
        raise Refused("weights_incomplete", where, f"{len(lost)} weights are missing, {lost[0]} first")
