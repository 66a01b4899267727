"""Whether a checkpoint on disk can be loaded at all, said before torch reads it: layout, safety, completeness."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.models import FAMILIES
from docphim.models import family as family_of

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
#: Configurations whose weights only their authors' own code loads, and what to use instead.
_OWN_CODE = {
    "internvl_chat": "use the conversion whose name ends in -hf",
    "minicpmv": "MiniCPM-V 2.x has no transformers layout; 4.6 has one",
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
    path = Path(weights).expanduser()
    if path.is_dir():
        return True
    parts = weights.split("/")
    looks_hub = len(parts) == 2 and all(parts) and not weights.startswith((".", "~", "/")) and "\\" not in weights
    if not looks_hub or path.parent.is_dir() or path.exists():
        raise Refused("weights_missing", weights, "is neither a folder of this machine nor a hub id of the form OWNER/NAME")
    return False


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
        return
    for other in FAMILIES:
        if other != family and kind in family_of(other).MODEL_TYPES:
            raise UsageError(f"model.family: the weights are {kind}: family {other}, not {family}")
    hint = _OWN_CODE.get(kind, f"{family} takes {', '.join(sorted(family_of(family).MODEL_TYPES))}")
    own = (
        "only its authors' own code loads it" if "auto_map" in config or kind in _OWN_CODE else "no family of Docphim drives it"
    )
    raise Refused("weights_layout", where, f"model_type {kind or '(none)'!r}: {own}; {hint}")


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


def fingerprint(folder: Path) -> dict[str, int]:
    """Names and sizes of a checkpoint's weights: enough to notice that an adapter's base is another one."""
    return {p.name: p.stat().st_size for p in sorted(folder.glob("*.safetensors"))}
