"""A trained model as others serve it: merged weights or the adapter, with tokenizer, processor and decoding settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from docphim.errors import Refused
from docphim.files import read_json, write_json
from docphim.models import checkpoint
from docphim.models import family as family_of
from docphim.models.decode import end_tokens
from docphim.models.hub import quietly
from docphim.models.load import load_saved
from docphim.models.loaded import Loaded
from docphim.models.save import write_adapter
from docphim.models.tune import merge


def write_model(model: Path, out: Path, decoding: dict[str, Any], *, adapter: bool, base: str | None = None) -> dict[str, Any]:
    """Write the model that a run has saved in a form that transformers' own classes load.

    Parameters
    ----------
    model : Path
        The run's model/.
    decoding : dict
        `max_new_tokens`, and the fields of `docphim.models.sampling.Decoding`: they become generation_config.json.
    adapter : bool
        Write the adapter alone, not weights that it is merged into.
    base : str, optional
        Where the run's base lies now.

    Returns
    -------
    dict
        `family`, `name`, `image_size` (height, width), `dtype`, `base` of an adapter, and `notes`: in what the family's
        official processor and template do otherwise than this run.

    Raises
    ------
    Refused
        `weights_layout`: transformers has no class for the family, or the adapter alone cannot be served, for it does not sit
        on published weights; and as `load_saved`.
    """
    note = checkpoint.read_note(model)
    if not getattr(family_of(note["family"]), "SERVABLE", True):
        why = f"family {note['family']} is Docphim's own: no class of transformers loads it; docphim draft answers with it"
        raise Refused("weights_layout", model.parent.name, why)
    below = _published(note, model.name) if adapter else None
    loaded = load_saved(model, base=base, whole=True)
    out.mkdir(parents=True, exist_ok=True)
    with quietly(offline=True):
        if adapter:
            write_adapter(loaded, out, below)
        else:
            _write_merged(loaded, out)
        loaded.tokenizer.save_pretrained(out)
        _write_processor(loaded, out)
        _generation(loaded, decoding).save_pretrained(out)
    dtype = "bfloat16" if loaded.precision == "bf16" else "float32"
    about = {"family": loaded.family, "name": loaded.name, "image_size": list(loaded.size), "dtype": dtype, "base": below}
    return {**about, "notes": list(getattr(family_of(loaded.family), "SERVED", ()))}


def _published(note: dict[str, Any], where: str) -> str:
    """The name of the published weights that a run's adapter sits on."""
    base, whole = note["base"], note.get("whole")
    if whole:
        raise Refused(
            "weights_layout", where, f"beside the adapter {' and '.join(whole)} was trained in full; export it merged"
        )
    if note["tune"] != "lora":
        raise Refused("weights_layout", where, "the run has no adapter (model.tune is not lora); export it merged")
    if base is None or note.get("adapter") == "stack" or checkpoint.NOTE in base.get("files", {}):
        why = "the adapter does not sit on published weights but on what a run has made; export it merged"
        raise Refused("weights_layout", where, why)
    return str(base["weights"])


def _write_merged(loaded: Loaded, out: Path) -> None:
    """The weights in one precision: the one that the run computes in."""
    merge(loaded)
    core = loaded.model.to(torch.bfloat16 if loaded.precision == "bf16" else torch.float32)
    core.config.dtype = core.dtype
    core.generation_config = GenerationConfig()  # the run's own is written beside
    core.save_pretrained(out)


def _generation(loaded: Loaded, decoding: dict[str, Any]) -> GenerationConfig:
    """The decoding settings of the run as transformers' and vLLM's defaults; where nothing is drawn, nothing about drawing."""
    drawn = decoding["temperature"] > 0
    left_out = () if drawn else ("temperature", "top_p", "top_k")
    values = {name: value for name, value in decoding.items() if name not in left_out}
    ends, pad = sorted(end_tokens(loaded)), loaded.tokenizer.pad_token_id
    return GenerationConfig(do_sample=drawn, eos_token_id=ends, pad_token_id=pad, bos_token_id=None, **values)


def _write_processor(loaded: Loaded, out: Path) -> None:
    """The processor's files, under the names of transformers' classes, so that frames of the run's size pass as they are."""
    processor: Any = loaded.processor
    official: Any = next(kind for kind in type(processor).__mro__ if kind.__module__.startswith("transformers."))
    processor.image_processor.save_pretrained(out)
    fixed = getattr(family_of(loaded.family), "served_size", None)
    sizes = fixed(loaded.size) if fixed else {}
    if type(processor) is official:
        processor.save_pretrained(out)
    for name in ("preprocessor_config.json", "processor_config.json"):
        path = out / name
        if not path.exists() and name == "processor_config.json":
            continue
        values = read_json(path) if path.exists() else processor.image_processor.to_dict()
        images = values.get("image_processor", values)
        images |= sizes
        images["image_processor_type"] = type(processor.image_processor).__name__.removesuffix("Pil")
        write_json(path, {**values, "processor_class": official.__name__})
