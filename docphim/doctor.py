"""What is installed and what is missing (`docphim doctor`), and what a recipe will need of memory and disk."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.imaging import modality, settings_of
from docphim.provenance import provenance
from docphim.recipe import Recipe

#: Packages of the `train` extra, and what does without them.
TRAIN = ("torch", "transformers", "peft", "safetensors", "tokenizers")

#: Transfer syntaxes a chest film comes in (DICOM PS3.5 A.4), by the name people use.
SYNTAXES = {
    "JPEG baseline": "1.2.840.10008.1.2.4.50",
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS lossless": "1.2.840.10008.1.2.4.80",
    "JPEG 2000 lossless": "1.2.840.10008.1.2.4.90",
    "JPEG 2000": "1.2.840.10008.1.2.4.91",
    "HTJ2K lossless": "1.2.840.10008.1.2.4.201",
    "RLE": "1.2.840.10008.1.2.5",
}

#: Bytes a trained parameter costs beside its weight: gradient and two Adam moments in float32.
ADAM_BYTES = 12


def examine() -> dict[str, Any]:
    """Python, packages, decoders, accelerator and disk of this machine; `missing` says what to install."""
    missing = [name for name in TRAIN if importlib.util.find_spec(name) is None]
    absent = [name for name, there in _decoders().items() if not there]
    found: dict[str, Any] = {
        "versions": provenance()["versions"],
        "decoders": {name: "ok" if there else "missing" for name, there in _decoders().items()},
        "accelerator": _accelerator(),
        "cores": os.cpu_count(),
        "disk_free_gb": round(shutil.disk_usage(".").free / 1e9, 1),
        "missing": [],
    }
    if missing:
        found["missing"].append(f"{', '.join(missing)}: pip install 'docphim[train]'")
    if absent:
        found["missing"].append(f"decoders for {', '.join(absent)}: pip install pylibjpeg-openjpeg pyjpegls python-gdcm")
    if importlib.util.find_spec("torchvision") is not None:
        found["note"] = (
            "torchvision is installed; Docphim does not use it, and a build made for another torch breaks transformers"
        )
    return found


def _decoders() -> dict[str, bool]:
    from pydicom.pixels import get_decoder

    return {name: get_decoder(uid).is_available for name, uid in SYNTAXES.items()}


def _accelerator() -> str:
    """Ask torch in a process of its own, so that the command itself never loads it."""
    if importlib.util.find_spec("torch") is None:
        return "unknown: torch is not installed"
    code = (
        "import json, torch; g = torch.cuda.is_available(); "
        "print(json.dumps([torch.cuda.get_device_name(0), torch.cuda.get_device_properties(0).total_memory] if g else None))"
    )
    try:
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
        gpu = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return "unknown: torch does not start"
    return f"{gpu[0]}, {gpu[1] / 2**30:.0f} GiB" if gpu else "none: torch runs on the CPU"


def needs(recipe: Recipe) -> dict[str, Any]:
    """Estimate a recipe's disk and memory, each with how it was reckoned.

    Pixels: as each modality reckons.  Weights: 2 bytes a parameter in bfloat16 on a GPU, 4 in
    float32 on a CPU; a trained parameter adds `ADAM_BYTES`.
    """
    sizes = {name: modality(name).megabytes(section) for name, section in settings_of(recipe.prepare.sections).items()}
    answer: dict[str, Any] = {"disk_mb_per_series": {name: round(size, 2) for name, size in sizes.items()}}
    if not recipe.trains:
        return answer | {"endpoint": _endpoint(recipe)}
    parameters = _parameters(recipe.model.weights)
    if parameters is None:
        answer["weights"] = f"{recipe.model.weights}: not a local folder of safetensors, so its memory is not known here"
        return answer
    trained = {"full": 1.0, "lora": 0.01, "none": 0.0}[recipe.model.tune]
    answer["parameters"] = parameters
    answer["weights_gb"] = {"gpu_bf16": round(parameters * 2 / 1e9, 3), "cpu_fp32": round(parameters * 4 / 1e9, 3)}
    answer["training_gb_without_activations"] = round(parameters * (2 + trained * (ADAM_BYTES + 2)) / 1e9, 2)
    answer["checkpoints_gb"] = round(3 * parameters * trained * ADAM_BYTES / 1e9, 2)
    return answer


def _endpoint(recipe: Recipe) -> dict[str, Any]:
    """Which model is asked where, whether films may be sent there, and whether its key is set; nothing is sent to find out."""
    from docphim.models.address import check_upload, parse, secret

    asked = recipe.generate
    found = {"model": asked.model, "address": parse(asked.endpoint or "", "generate.endpoint").place}
    try:
        upload = "this machine" if check_upload(asked.endpoint or "", recipe.allow_upload).is_loopback else "allowed"
    except Refused as refused:
        upload = str(refused)
    try:
        key = "set" if secret(asked.key_env) else "none is sent"
    except UsageError as missing:
        key = str(missing)
    return {**found, "upload": upload, "key": key}


def _parameters(weights: str) -> int | None:
    """Parameters of a checkpoint, from the headers of its safetensors files alone; 0 tensors read."""
    if weights == "tiny":
        return 2_000_000
    files = sorted(Path(weights).expanduser().glob("*.safetensors"))
    if not files:
        return None
    total = 0
    for file in files:
        with open(file, "rb") as handle:
            header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
        for name, tensor in header.items():
            if name != "__metadata__":
                count = 1
                for size in tensor["shape"]:
                    count *= size
                total += count
    return total
