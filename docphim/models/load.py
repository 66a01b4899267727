"""Models in: tiny, from a local folder or the hub, or what a run has saved, with all that it stands on."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.utils import cached_file

from docphim.errors import Refused, UsageError
from docphim.files import read_json
from docphim.models import checkpoint, quantised, vector_math
from docphim.models import family as family_of
from docphim.models.hub import quietly, refusing
from docphim.models.loaded import Loaded
from docphim.models.save import WHOLE, save
from docphim.models.tiny import create_tiny
from docphim.models.tune import adapted, adapters_of, merge, part_of, tune, whole_parameters
from docphim.progress import busy
from docphim.workers import is_local

__all__ = ["Loaded", "create_tiny", "give_random_weights", "load", "load_reader", "load_saved", "save", "tune"]

logger = logging.getLogger("docphim")
#: What older releases of transformers saved beside the weights, and the model computes.
_BUFFERS = ("position_ids", "inv_freq")
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def load(
    weights: str,
    family: str,
    image_size: int | tuple[int, int],
    *,
    revision: str | None = None,
    remote_code: bool = False,
    precision: str = "auto",
    base: str | None = None,
    quantise: str | None = None,
) -> Loaded:
    """Load what a recipe's `model.weights` names: published weights, or the model that a run has saved.

    A run's model comes as it was saved: an adapter stays on its base until `tune` trains something else (see `tune.merge`).

    Parameters
    ----------
    weights : str
        A folder in transformers' layout (the hub is then switched off), `OWNER/NAME` on the hub (`revision`: its branch, tag
        or commit), or a run: `runs/NAME`, `runs/NAME/model`.
    image_size : int or (height, width)
        In pixels; fitted to what the model takes without resizing.
    remote_code : bool
        Whether code that comes with the weights may run.
    precision : str
        `fp32`, `bf16`, or `auto`: as a run was trained; else bf16 on a GPU that computes in it, and fp32 elsewhere.
    base : str, optional
        Where the published weights lie now: those named by `weights`, or those under the adapter of the run it names.
    quantise : str, optional
        How published weights are stored under adapters: `nf4` or `int8` (see `docphim.models.quantised`).

    Raises
    ------
    Refused
        `weights_missing`, `weights_layout`, `weights_unsafe`, `weights_incomplete` or `file_truncated`; `file_changed`: what
        a run's adapter was trained on is not there any more, or `base` is something else.
    UsageError
        The weights belong to another family; a run's weights are to be quantised, or bitsandbytes is not installed.
    """
    if run := checkpoint.run_of(weights):
        if quantise is not None:
            raise UsageError(f"model.quantise: {quantise} is of published weights, and {run.parent.name} is a run")
        return _load_run(run, family, image_size, precision, base)
    named = base or weights
    folder = checkpoint.folder_of(named)
    record: dict[str, Any] = {"weights": named, "revision": revision, "remote_code": remote_code}
    if folder is not None:
        checkpoint.check_folder(folder, family, named)
        record["weights"] = str(folder.absolute())
    hub = _hub(revision, remote_code, folder is not None)
    with quietly(offline=folder is not None), refusing(named), busy("the model is loaded"):
        loaded = _read(str(record["weights"]), family, image_size, chosen_precision(precision), hub, named, quantise=quantise)
        record["files"] = checkpoint.fingerprint(folder or _snapshot(named, hub))
    loaded.base = record
    return loaded


def _load_run(folder: Path, family: str, image_size: int | tuple[int, int], precision: str, base: str | None) -> Loaded:
    """The model of a finished run as the start of another: it becomes the base that the other one records."""
    loaded = load_saved(folder, base=base, whole=True)
    if loaded.family != family:
        raise UsageError(f"model.family: the run's model is of family {loaded.family}, not {family}")
    size = family_of(family).fit_size(loaded.config, image_size)
    if size != loaded.size:
        logger.info("the run's model was trained on images of %dx%d; here they are %dx%d", *loaded.size, *size)
    if precision != "auto":
        loaded.precision = precision
    if precision == "fp32":
        loaded.model.float()
    loaded.size, loaded.tune, loaded.whole = size, "none", ()
    record = {"weights": str(folder.absolute()), "revision": None, "remote_code": False}
    loaded.base = {**record, "files": checkpoint.fingerprint(folder)}
    return loaded


def load_reader(
    weights: str,
    family: str,
    image_size: int | tuple[int, int],
    *,
    revision: str | None = None,
    remote_code: bool = False,
    base: str | None = None,
) -> Loaded:
    """All of a checkpoint but its weights: enough to encode examples, in seconds; `model` is None (see `load`)."""
    run = checkpoint.run_of(weights)
    weights = weights if run else base or weights
    folder = run or checkpoint.folder_of(weights)
    source = str(folder or weights)
    hub = _hub(revision, remote_code, folder is not None)
    with quietly(offline=folder is not None), refusing(weights):
        config = AutoConfig.from_pretrained(source, **hub)
        checkpoint.check_config(config.to_dict(), family, weights)
        return _reader(None, source, family, image_size, config, hub, weights)


def give_random_weights(loaded: Loaded, precision: str = "auto") -> Loaded:
    """Make the model of what `load_reader` read, with random weights, to measure by."""
    vector_math.settle()
    loaded.precision = chosen_precision(precision)
    with quietly(offline=True), busy("the model is made"), torch.device(_device()):
        loaded.model = AutoModelForImageTextToText.from_config(loaded.config, dtype=_DTYPES[loaded.precision]).eval()
    family_of(loaded.family).quicken(loaded.model)
    return loaded


def _hub(revision: str | None, remote_code: bool, local: bool) -> dict[str, Any]:
    return {"revision": revision or "main", "trust_remote_code": remote_code, "local_files_only": local}


def _snapshot(weights: str, hub: dict[str, Any]) -> Path:
    """Where the hub's library has put weights that were just read."""
    place = {**hub, "local_files_only": True}
    place.pop("trust_remote_code")
    return Path(str(cached_file(weights, "config.json", **place))).parent


def chosen_precision(precision: str) -> str:
    """Resolve `auto`: bf16 where a GPU computes in it, else fp32 (on CPUs bf16 is seldom faster and never as exact).

    Older cards only emulate bf16, slower than fp32: that does not count.
    """
    if precision != "auto":
        return precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def check_gpus(processes: int) -> None:
    """Refuse (UsageError) more drafting processes than this machine has GPUs; a cluster gives each what it has free."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() and is_local() else processes
    if gpus < processes:
        raise UsageError(f"generate.processes: {processes} processes need as many GPUs, and there are {gpus}")


def check_precision(precision: str) -> None:
    """Refuse bf16 that a recipe asks for on a card that only emulates it, slower than fp32.

    A model that was trained in it elsewhere is still read and drafted with there: that is slow, but the same model.

    Raises
    ------
    UsageError
        The message names the card.
    """
    if precision == "bf16" and torch.cuda.is_available() and chosen_precision("auto") != "bf16":
        card = torch.cuda.get_device_name()
        raise UsageError(f"train.precision: bf16, and {card} does not compute in it; take fp32, or auto")


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
    quantise: str | None = None,
) -> Loaded:
    """Weights from `source`, tokenizer and processor from `texts` (none: the same place)."""
    vector_math.settle()
    config = AutoConfig.from_pretrained(source, **hub)
    checkpoint.check_config(config.to_dict(), family, where)
    loader: Any = AutoModelForImageTextToText
    dtype = dtype or _DTYPES[precision]
    packed = quantised.arguments(quantise, family, dtype, _device()) if quantise else {}
    model, report = loader.from_pretrained(
        source, config=config, dtype=dtype, use_safetensors=True, output_loading_info=True, **packed, **hub
    )
    if lost := sorted(report["missing_keys"]):
        raise Refused("weights_incomplete", where, f"{len(lost)} weights are missing, {lost[0]} first")
    if over := sorted(key for key in report["unexpected_keys"] if not key.endswith(_BUFFERS)):
        raise Refused("weights_layout", where, f"{len(over)} weights belong to no part of the model, {over[0]} first")
    family_of(family).quicken(model)
    model = model if quantise else model.to(_device())  # packed weights are there already, and cannot be moved
    loaded = _reader(model.eval(), texts or source, family, image_size, config, hub, where)
    loaded.precision, loaded.quantise = precision, quantise
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


def load_saved(folder: Path, *, base: str | None = None, whole: bool = False) -> Loaded:
    """Load what `save` wrote, and what it stands on: an adapter its base, which may be another run's model, and so on.

    Parameters
    ----------
    base : str, optional
        Where the published weights at the bottom, or the run in between, lie now; the saved model keeps their old place.
    whole : bool
        An adapter that was trained on quantised weights is put on those they were made of, into which it can be merged.

    Raises
    ------
    Refused
        `weights_layout`: not a folder `save` wrote; `weights_incomplete`, `file_truncated`: weights are lost;
        `weights_missing`: the base is not where it was; `file_changed`: it is not the one the adapter was trained on.
    """
    note, where = checkpoint.read_note(folder), folder.name
    if note["base"] is None or note["tune"] == "full":
        loaded = _load_trained(folder / "base" if note["tune"] == "lora" else folder, folder, note)
    else:
        loaded = _load_base(note, base, None if whole else note.get("quantise"))
    loaded.adapter = note.get("adapter", "merge")
    if note["tune"] == "lora":
        if loaded.adapter == "merge":
            merge(loaded)
        _add_adapter(loaded, folder, where)
        loaded.whole = tuple(note.get("whole", ()))
        _put_whole(loaded, folder, where)
    loaded.size, loaded.name, loaded.tune, loaded.base = tuple(note["size"]), note["name"], note["tune"], note["base"]
    loaded.model.eval()
    return loaded


def _load_trained(weights: Path, texts: Path, note: dict[str, Any]) -> Loaded:
    checkpoint.check_folder(weights, note["family"], texts.name)
    hub = {"local_files_only": True, "trust_remote_code": False}
    with quietly(offline=True), refusing(texts.name), busy("the model is loaded"):
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


def _load_base(note: dict[str, Any], moved: str | None, quantise: str | None) -> Loaded:
    """What a saved model was trained on, from where it lies now."""
    record = note["base"]
    weights, further = checkpoint.placed(record, moved)
    loaded = load(
        weights,
        note["family"],
        tuple(note["size"]),
        revision=record["revision"],
        remote_code=record["remote_code"],
        precision=note["precision"],
        base=further,
        quantise=quantise,
    )
    if loaded.base and not checkpoint.same_files(record.get("files"), loaded.base["files"]):
        raise Refused("file_changed", Path(weights).name, "the base weights are not the ones the adapter was trained on")
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
        name = adapters_of(model)[-1]
        report: Any = set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"), adapter_name=name)
    lost = sorted(k for k in report.missing_keys if ".lora_" in k and f".{name}." in f"{k}.")
    if lost or report.unexpected_keys:
        key = (lost or sorted(report.unexpected_keys))[0]
        raise Refused("weights_incomplete", where, f"the adapter does not match its model: {key}")
    loaded.model = model


def _put_whole(loaded: Loaded, folder: Path, where: str) -> None:
    """Put the parts that were trained in full beside an adapter in the place of the base's."""
    from safetensors.torch import load_file

    if not loaded.whole:
        return
    checkpoint.check_weights(folder, where, WHOLE)
    saved, parameters = load_file(folder / WHOLE), whole_parameters(loaded)
    odd = sorted(saved.keys() ^ parameters.keys()) or [n for n in parameters if saved[n].shape != parameters[n].shape]
    if odd:
        raise Refused("weights_incomplete", where, f"{WHOLE} does not match its model: {odd[0]}")
    for name, parameter in parameters.items():
        parameter.data = saved[name].to(parameter.device)
