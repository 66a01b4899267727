"""Models out: whole or not at all, so that `load_saved` gives them back without a change of a bit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from docphim.files import write_json
from docphim.models import family as family_of
from docphim.models.checkpoint import NOTE
from docphim.models.hub import quietly
from docphim.models.loaded import Loaded
from docphim.models.tune import adapters_of, part_of, whole_parameters

#: What beside an adapter was trained in full.
WHOLE = "whole.safetensors"


def save(loaded: Loaded, folder: Path, longest_answer: int | None = None) -> None:
    """Save a model so that `load_saved` gives it back bit for bit; the folder appears whole or not at all.

    The weights (an adapter where `tune` is lora, with what was trained in full beside it; nothing where it is none and the
    weights are somebody else's) as safetensors, the tokenizer and processor files, and `docphim.json`.

    Parameters
    ----------
    longest_answer : int, optional
        Tokens of the longest answer it was trained on, for those who ask it (`generate.max_new_tokens: longest`).
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with quietly(offline=True):
            _write(loaded, part, longest_answer)
        _settle(part)
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(loaded: Loaded, folder: Path, longest_answer: int | None) -> None:
    core = loaded.core
    if loaded.tune == "lora":
        named = loaded.base["weights"] if loaded.base else None
        write_adapter(loaded, folder, named)
        if loaded.whole:
            save_file({name: p.detach().contiguous() for name, p in whole_parameters(loaded).items()}, folder / WHOLE)
        if loaded.base is None:
            _write_core(core, folder / "base")
    elif loaded.tune == "full" or loaded.base is None:
        _write_core(core, folder)
    core.config.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    loaded.processor.image_processor.save_pretrained(folder)
    note = {
        "family": loaded.family,
        "name": loaded.name,
        "size": list(loaded.size),
        "precision": loaded.precision,
        "tune": loaded.tune,
        **({"adapter": "stack"} if loaded.tune == "lora" and loaded.adapter == "stack" else {}),
        **({"quantise": loaded.quantise} if loaded.quantise else {}),
        **({"whole": list(loaded.whole)} if loaded.tune == "lora" and loaded.whole else {}),
        "base": loaded.base,
        "bf16": _in_bf16(loaded) if loaded.tune == "full" else [],
        **({"longest_answer": longest_answer} if longest_answer else {}),
    }
    write_json(folder / NOTE, note)


def write_adapter(loaded: Loaded, folder: Path, base: str | None) -> None:
    """Write the adapter that was trained, the last one, as peft does; `base` is the name of what it sits on."""
    name = adapters_of(loaded.model)[-1]
    loaded.model.peft_config[name].base_model_name_or_path = base
    loaded.model.save_pretrained(folder, save_embedding_layers=False, selected_adapters=[name])
    if name != "default":  # peft puts it into a folder of its name
        for path in (folder / name).iterdir():
            path.rename(folder / path.name)
        (folder / name).rmdir()
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; the run writes its own


def _in_bf16(loaded: Loaded) -> list[str]:
    """The parts whose weights are in bfloat16: the frozen ones, where others were trained in float32."""
    parts = family_of(loaded.family).PARTS
    named = loaded.core.named_parameters()
    return sorted({part_of(name, parts) for name, parameter in named if parameter.dtype == torch.bfloat16})


def _write_core(core: Any, folder: Path) -> None:
    """Save the plain weights, whether or not adapters sit inside the model's layers."""
    state = {name.replace(".base_layer.", "."): value for name, value in core.state_dict().items() if ".lora_" not in name}
    core.save_pretrained(folder, state_dict=state)


def _settle(folder: Path) -> None:
    """Flush every file of a folder to disk."""
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        with open(path, "rb") as handle:
            os.fsync(handle.fileno())
