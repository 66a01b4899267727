"""Models in and out: tiny, from a local folder or the hub, saved and loaded again without a change of a bit."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.utils import cached_file

from docphim.errors import Refused
from docphim.files import read_json, write_json
from docphim.models import checkpoint
from docphim.models import family as family_of
from docphim.models.hub import quietly, refusing
from docphim.models.loaded import Loaded
from docphim.models.tiny import create_tiny
from docphim.models.tune import adapted, part_of, tune

__all__ = ["Loaded", "create_tiny", "load", "load_reader", "load_saved", "save", "tune"]

NOTE = "docphim.json"
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def load(
    weights: str,
    family: str,
    image_size: int | tuple[int, int],
    *,
    revision: str | None = None,
    remote_code: bool = False,
    precision: str = "auto",
) -> Loaded:
    """Load published weights: from a local folder with the hub switched off, or by the hub id the recipe names.

    Parameters
    ----------
    weights : str
        A folder in transformers' layout, or `OWNER/NAME` on the hub (`revision`: its branch, tag or commit).
    image_size : int or (height, width)
        In pixels; fitted to what the model takes without resizing.
    remote_code : bool
        Whether code that comes with the weights may run.
    precision : str
        `fp32`, `bf16`, or `auto`: bf16 on a GPU that has it, else fp32.

    Raises
    ------
    Refused
        `weights_missing`, `weights_layout`, `weights_unsafe`, `weights_incomplete` or `file_truncated`.
    UsageError
        The weights belong to another family.
    """
    local = checkpoint.is_local(weights)
    base: dict[str, Any] = {"weights": weights, "revision": revision, "remote_code": remote_code}
    if local:
        folder = Path(weights).expanduser()
        checkpoint.check_folder(folder, family, weights)
        base |= {"weights": str(folder.absolute()), "files": checkpoint.fingerprint(folder)}
    hub = _hub(revision, remote_code, local)
    with quietly(offline=local), refusing(weights):
        loaded = _read(str(base["weights"]), family, image_size, chosen_precision(precision), hub, weights)
    loaded.base = base
    return loaded


def load_reader(
    weights: str,
    family: str,
    image_size: int | tuple[int, int],
    *,
    revision: str | None = None,
    remote_code: bool = False,
) -> Loaded:
    """All of a checkpoint but its weights: enough to encode examples, in seconds; `model` is None (see `load`)."""
    local = checkpoint.is_local(weights)
    source = str(Path(weights).expanduser()) if local else weights
    hub = _hub(revision, remote_code, local)
    with quietly(offline=local), refusing(weights):
        config = AutoConfig.from_pretrained(source, **hub)
        checkpoint.check_config(config.to_dict(), family, weights)
        return _reader(None, source, family, image_size, config, hub, weights)


def _hub(revision: str | None, remote_code: bool, local: bool) -> dict[str, Any]:
    return {"revision": revision or "main", "trust_remote_code": remote_code, "local_files_only": local}


def chosen_precision(precision: str) -> str:
    """Resolve `auto`: bf16 where a GPU computes in it, else fp32 (on CPUs bf16 is seldom faster and never as exact)."""
    if precision != "auto":
        return precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


def _read(
    source: str,
    family: str,
    image_size: int | tuple[int, int],
    precision: str,
    hub: dict[str, Any],
    where: str,
    *,
    texts: str | None = None,
    dtype: torch.dtype | None = None,
) -> Loaded:
    """Weights from `source`, tokenizer and processor from `texts` (none: the same place)."""
    config = AutoConfig.from_pretrained(source, **hub)
    checkpoint.check_config(config.to_dict(), family, where)
    loader: Any = AutoModelForImageTextToText
    model, report = loader.from_pretrained(
        source, config=config, dtype=dtype or _DTYPES[precision], use_safetensors=True, output_loading_info=True, **hub
    )
    if lost := sorted(report["missing_keys"]):
        raise Refused("weights_incomplete", where, f"{len(lost)} weights are missing, {lost[0]} first")
    family_of(family).quicken(model)
    loaded = _reader(model.to(_device()).eval(), texts or source, family, image_size, config, hub, where)
    loaded.precision = precision
    return loaded


def _reader(
    model: Any, source: str, family: str, image_size: int | tuple[int, int], config: Any, hub: dict[str, Any], where: str
) -> Loaded:
    """Tokenizer and processor from `source`, around a model."""
    place = {k: v for k, v in hub.items() if k != "trust_remote_code"}
    tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, **hub)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.chat_template = _chat_template(source, tokenizer, place, where)
    processor = family_of(family).make_processor(tokenizer, config, source, **place)
    size = family_of(family).fit_size(config, image_size)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(source).name)
    return Loaded(model, processor, tokenizer, family, size, name, config)


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _chat_template(source: str, tokenizer: Any, place: dict[str, Any], where: str) -> str:
    """The processor's template, which knows images, before the tokenizer's."""
    for name in ("chat_template.jinja", "chat_template.json"):
        path = cached_file(source, name, _raise_exceptions_for_missing_entries=False, **place)
        if path and name.endswith(".json"):
            return str(read_json(Path(path))["chat_template"])
        if path:
            return Path(path).read_text(encoding="utf-8")
    if not isinstance(tokenizer.chat_template, str):
        raise Refused("weights_layout", where, "the checkpoint has no chat template (chat_template.jinja or .json)")
    return tokenizer.chat_template


def save(loaded: Loaded, folder: Path) -> None:
    """Save a model so that `load_saved` gives it back bit for bit; the folder appears whole or not at all.

    The weights (an adapter where `tune` is lora, nothing where it is none and the weights are somebody else's) as
    safetensors, the tokenizer and processor files, and `docphim.json`.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with quietly(offline=True):
            _write(loaded, part)
        _settle(part)
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(loaded: Loaded, folder: Path) -> None:
    core = loaded.core
    if loaded.tune == "lora":
        named = loaded.base["weights"] if loaded.base else None
        loaded.model.peft_config["default"].base_model_name_or_path = named
        loaded.model.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; the run writes its own
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
        "base": loaded.base,
        "bf16": _in_bf16(loaded) if loaded.tune == "full" else [],
    }
    write_json(folder / NOTE, note)


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


def load_saved(folder: Path) -> Loaded:
    """Load what `save` wrote.

    Raises
    ------
    Refused
        `weights_layout`: not a folder `save` wrote; `weights_incomplete`, `file_truncated`: weights are lost;
        `file_changed`: the base under an adapter is not the one it was trained on.
    """
    where = folder.name
    try:
        note = read_json(folder / NOTE)
    except FileNotFoundError:
        raise Refused("weights_layout", where, f"there is no {NOTE}: not a model that Docphim saved") from None
    except ValueError:
        raise Refused("weights_layout", where, f"{NOTE} is not JSON") from None
    size, base = tuple(note["size"]), note["base"]
    if base is None or note["tune"] == "full":
        loaded = _load_own(folder / "base" if note["tune"] == "lora" else folder, folder, note)
    else:
        loaded = _load_base(base, note)
    if note["tune"] == "lora":
        _add_adapter(loaded, folder, where)
    loaded.size, loaded.name, loaded.tune, loaded.base = size, note["name"], note["tune"], base
    loaded.model.eval()
    return loaded


def _load_own(weights: Path, texts: Path, note: dict[str, Any]) -> Loaded:
    checkpoint.check_folder(weights, note["family"], texts.name)
    hub = {"local_files_only": True, "trust_remote_code": False}
    with quietly(offline=True), refusing(texts.name):
        loaded = _read(
            str(weights),
            note["family"],
            tuple(note["size"]),
            note["precision"],
            hub,
            texts.name,
            texts=str(texts),
            dtype=torch.float32,  # what was trained is in float32, whatever dtype config.json was published with
        )
    parts = family_of(note["family"]).PARTS
    for name, parameter in loaded.model.named_parameters():
        if part_of(name, parts) in note["bf16"]:
            parameter.data = parameter.data.bfloat16()
    loaded.model.name_or_path = loaded.model.config._name_or_path = ""  # else peft writes this machine's path down
    return loaded


def _load_base(base: dict[str, Any], note: dict[str, Any]) -> Loaded:
    loaded = load(
        base["weights"],
        note["family"],
        tuple(note["size"]),
        revision=base["revision"],
        remote_code=base["remote_code"],
        precision=note["precision"],
    )
    if loaded.base and loaded.base.get("files") != base.get("files"):
        raise Refused("file_changed", base["weights"], "the base weights are not the ones the adapter was trained on")
    return loaded


def _add_adapter(loaded: Loaded, folder: Path, where: str) -> None:
    """Put a saved adapter on its base; peft only warns about a missing weight, so its report is read."""
    from peft import PeftConfig, set_peft_model_state_dict
    from safetensors.torch import load_file

    checkpoint.check_weights(folder, where, "adapter_model.safetensors")
    with quietly(offline=True), refusing(where):
        config = PeftConfig.from_pretrained(str(folder))
        config.inference_mode, config.base_model_name_or_path = False, None
        model = adapted(loaded.model, config)
        report: Any = set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
    lost = sorted(k for k in report.missing_keys if ".lora_" in k)
    if lost or report.unexpected_keys:
        key = (lost or sorted(report.unexpected_keys))[0]
        raise Refused("weights_incomplete", where, f"the adapter does not match its model: {key}")
    loaded.model = model
