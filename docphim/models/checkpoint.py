"""Whether a checkpoint on disk can be loaded at all, said before torch reads it: layout, safety, completeness."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.files import at_home
from docphim.models import FAMILIES
from docphim.models import family as family_of

#: What `docphim.models.save` writes beside a model: how it was made and what it stands on.
NOTE = "docphim.json"
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
#: Configurations whose weights only their authors' own code loads, and what to use instead.
_REMOTE_CODE = {
    "internvl_chat": "use the conversion whose name ends in -hf, or make one: docphim convert-weights IN OUT",
    "minicpmv": "MiniCPM-V before 4.6 has no transformers layout; 4.6 has one (model.family: minicpmv)",
    "llava_mistral": "convert it with transformers' convert_llava_weights_to_hf.py",
    "llava_llama": "convert it with transformers' convert_llava_weights_to_hf.py",
    "llava_qwen2": "convert it with transformers' convert_llava_weights_to_hf.py",
}


def is_local(weights: str) -> bool:
    """Whether `weights` names a folder of this machine rather than a hub id.

    Raises
    ------
    Refused
        `weights_missing`: it is written like a folder, or lies in one that exists, and is not there.
    """
    path = at_home(weights, "model.weights")
    if path.is_dir():
        return True
    parts = weights.split("/")
    looks_hub = len(parts) == 2 and all(parts) and not weights.startswith((".", "~", "/")) and "\\" not in weights
    if not looks_hub or path.parent.is_dir() or path.exists():
        raise Refused("weights_missing", weights, "is neither a folder of this machine nor a hub id of the form OWNER/NAME")
    return False


def folder_of(weights: str) -> Path | None:
    """The folder that `weights` names, or None for a hub id (see `is_local`)."""
    return at_home(weights, "model.weights") if is_local(weights) else None


def run_of(weights: str) -> Path | None:
    """The folder of the model that a run has saved, where `weights` is a run (`runs/NAME`) or that folder; else None.

    Raises
    ------
    Refused
        `weights_missing`: a run that has no model yet.
    """
    path = at_home(weights, "model.weights")
    for folder in (path, path / "model"):
        if (folder / NOTE).exists():
            return folder
    if (path / "recipe.yaml").exists():
        raise Refused("weights_missing", weights, "the run has no model: it was not trained to its end")
    return None


def read_note(folder: Path) -> dict[str, Any]:
    """docphim.json of a saved model.

    Raises
    ------
    Refused
        `weights_layout`: there is none.
    """
    try:
        return dict(json.loads((folder / NOTE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Refused("weights_layout", folder.name, f"there is no {NOTE}: not a model that Docphim saved") from None
    except ValueError:
        raise Refused("weights_layout", folder.name, f"{NOTE} is not JSON") from None


def check_there(weights: str, base: str | None = None) -> None:
    """Refuse weights that are not on this machine, or whose base is not; nothing is read but notes and names.

    Raises
    ------
    Refused
        `weights_missing`, `weights_layout` or `file_changed`.
    """
    run = run_of(weights)
    if run is None:
        is_local(base or weights)
        return
    note = read_note(run)
    if note["base"] is not None and note["tune"] != "full":
        check_there(*placed(note["base"], base))


def on_disk(weights: str, base: str | None = None, revision: str | None = None) -> Path | None:
    """The folder that the weights lie in, those under a run's adapter included; None: the hub would be asked for them.

    A hub id is looked up in the hub's cache on this machine, and nobody is asked.  Raises what `check_there` does.
    """
    run = run_of(weights)
    if run is None:
        return folder_of(base or weights) or _cached(base or weights, revision)
    note = read_note(run)
    if note["base"] is None or note["tune"] == "full":
        return run
    return on_disk(*placed(note["base"], base), note["base"].get("revision"))


def _cached(name: str, revision: str | None) -> Path | None:
    """The snapshot of a hub id in the hub's cache, if all of it is there."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    config = try_to_load_from_cache(name, "config.json", revision=revision)
    try:
        folder = Path(config).parent if isinstance(config, str) else None
        if folder is not None:
            check_weights(folder, name)
    except Refused:
        return None
    return folder


def placed(record: dict[str, Any], moved: str | None) -> tuple[str, str | None]:
    """Where the base that a saved model records lies, and what of `moved` is left to be found further down.

    Parameters
    ----------
    record : dict
        `weights`: its old place; `files`: its fingerprint.
    moved : str or None
        Where some base of the chain lies now: this one if its fingerprint is, else one that this one stands on.

    Raises
    ------
    Refused
        `file_changed`: what lies at `moved` is not the base, and the base stands on nothing else.
    """
    if moved is None:
        return record["weights"], None
    folder = run_of(moved) or folder_of(moved)
    files = record.get("files")
    if folder is not None and files and same_files(files, fingerprint(folder)):
        return moved, None
    if NOTE in (files or {}):
        return record["weights"], moved
    why = "model.base: what lies there are not the weights that the adapter was trained on"
    raise Refused("file_changed", Path(moved).name, why)


def check_config(config: dict[str, Any], family: str, where: str) -> None:
    """Refuse a configuration that the family cannot drive.

    Raises
    ------
    Refused
        `weights_layout`: the model is none that transformers' own classes load here.
    UsageError
        Another family drives it.
    """
    kind = str(config.get("model_type", ""))
    if kind in family_of(family).MODEL_TYPES:
        _refuse_quantised(config, where)
        return
    for other in FAMILIES:
        if other != family and kind in family_of(other).MODEL_TYPES:
            raise UsageError(f"model.family: the weights are {kind}: family {other}, not {family}")
    hint = _REMOTE_CODE.get(kind, f"{family} takes {', '.join(sorted(family_of(family).MODEL_TYPES))}")
    alone = "auto_map" in config or kind in _REMOTE_CODE
    who = "only its authors' own code loads it" if alone else "no family of Docphim drives it"
    raise Refused("weights_layout", where, f"model_type {kind or '(none)'!r}: {who}; {hint}")


def _refuse_quantised(config: dict[str, Any], where: str) -> None:
    """Quantised weights are no numbers that an adapter could be merged into, or a norm taken of."""
    if quantised := config.get("quantization_config"):
        method = quantised.get("quant_method", "unknown") if isinstance(quantised, dict) else "unknown"
        why = f"the weights are quantised ({method}); name the checkpoint they were made of; model.quantise can store it so"
        raise Refused("weights_layout", where, why)


def check_folder(folder: Path, family: str, where: str) -> None:
    """Refuse a folder whose weights cannot be loaded, for a reason a person can act on.

    Raises
    ------
    Refused
        `weights_layout`, `weights_unsafe`, `weights_missing`, `weights_incomplete` or `file_truncated`.
    UsageError
        Another family drives the model.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused("weights_layout", where, "there is no config.json: not a checkpoint in transformers' layout") from None
    except ValueError:
        raise Refused("weights_layout", where, "config.json is not JSON") from None
    check_config(config if isinstance(config, dict) else {}, family, where)
    check_weights(folder, where)


def check_weights(folder: Path, where: str, pattern: str = "*.safetensors") -> None:
    """Check that the safetensors files of a folder are all there and whole (see `check_folder` for what is raised)."""
    files = sorted(folder.glob(pattern))
    if not files:
        pickled = sorted(p.name for kind in PICKLED for p in folder.glob(kind))
        if pickled:
            raise Refused(
                "weights_unsafe", where, f"{pickled[0]} is pickled and may run code when opened; convert it to safetensors"
            )
        raise Refused("weights_missing", where, "the folder holds no *.safetensors file")
    for index in folder.glob("*.safetensors.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            raise Refused("weights_incomplete", where, f"{index.name} cannot be read") from None
        lost = sorted(shards - {p.name for p in files})
        if lost:
            raise Refused("weights_incomplete", where, f"{lost[0]} is missing ({len(lost)} of {len(shards)} shards)")
    for file in files:
        _check_whole(file, where)


def _check_whole(file: Path, where: str) -> None:
    """Compare a file's length with what its header promises (safetensors format: u64 length, JSON header, data)."""
    size = file.stat().st_size
    with open(file, "rb") as handle:
        start = handle.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if 8 + length > size:
            raise Refused("file_truncated", where, f"{file.name} ends inside its header")
        try:
            header = json.loads(handle.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused("weights_layout", where, f"{file.name} is not a safetensors file") from None
    if size < 8 + length + max(ends, default=0):
        raise Refused("file_truncated", where, f"{file.name} has {size} bytes of {8 + length + max(ends)}")


#: So many blocks of a file, spread evenly over it, are read for its fingerprint: smaller files whole.
_BLOCKS, _BLOCK = 256, 2**20
#: What says which model the weights are, and where each of them lies.
_DESCRIPTIONS = ("config.json", "*.safetensors.index.json")


def fingerprint(folder: Path) -> dict[str, str]:
    """Sizes and hashes of a checkpoint's weights, config and weight index, by name: enough to notice that a base is another.

    Of a model that Docphim saved the note counts too, which holds the fingerprint of what that stands on.
    """
    files = [*folder.glob("*.safetensors"), *folder.glob("base/*.safetensors"), *folder.glob(NOTE)]
    digests = {path.relative_to(folder).as_posix(): _digest(path) for path in sorted(files)}
    described = [path for name in _DESCRIPTIONS for path in sorted(folder.glob(name))]
    return digests | {path.relative_to(folder).as_posix(): _meaning(path) for path in described}


def same_files(recorded: dict[str, str] | None, now: dict[str, str]) -> bool:
    """Whether fingerprints are of one checkpoint; records of earlier versions have none of its config and index."""
    if recorded is None:
        return True
    later = {name for name in now if name not in recorded and any(Path(name).match(kind) for kind in _DESCRIPTIONS)}
    return recorded == {name: digest for name, digest in now.items() if name not in later}


def _meaning(path: Path) -> str:
    """A hash of what a JSON file says, without what any library that saves it anew writes differently."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(value, dict):
        value = {key: part for key, part in value.items() if key not in ("transformers_version", "_name_or_path", "metadata")}
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    """A file's size and the start of a SHA-256 over it, or over blocks of it where it is large."""
    size = path.stat().st_size
    step = max(_BLOCK, size // _BLOCKS)
    with open(path, "rb") as handle:
        digest = hashlib.sha256()
        for place in range(0, size, step):
            handle.seek(place)
            digest.update(handle.read(_BLOCK))
    return f"{size}-{digest.hexdigest()[:16]}"
