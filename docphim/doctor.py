"""What is installed and what is missing (`docphim doctor`), and what a recipe will need of memory and disk."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from docphim import preflight
from docphim.errors import Refused, UsageError, printable
from docphim.imaging import check_installed, modality, settings_of
from docphim.models import INSTALL
from docphim.models.checkpoint import on_disk
from docphim.provenance import provenance
from docphim.recipe import Recipe
from docphim.run import dataset_folder
from docphim.yaml_in import double_key

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

#: Packages that are installed where they are wanted, and what asks for each.
EXTRAS = {
    "ray": "workers: ray",
    "vllm": "generate.backend: vllm",
    "bitsandbytes": "model.quantise",
    "rapidocr": "prepare.xray.burned_in",
    "underthesea": "source.recogniser",
    "nltk": "docphim score --convention rouge-score-stemmer",
}

#: Bytes a trained parameter costs beside its weight: gradient and two Adam moments in float32.
ADAM_BYTES = 12


def examine() -> dict[str, Any]:
    """Python, packages, extras, decoders, accelerator and disk of this machine; `missing` says what to install."""
    missing = preflight.missing_packages()
    decoders = _decoders()
    absent = [name for name, there in decoders.items() if not there]
    answer: dict[str, Any] = {
        "versions": provenance()["versions"],
        "extras": {name: f"{_version(name)} ({use})" for name, use in EXTRAS.items()},
        "decoders": {name: "ok" if there else "missing" for name, there in decoders.items()},
        "accelerator": _accelerator(),
        "cores": os.cpu_count(),
        "disk_free_gb": round(shutil.disk_usage(".").free / 1e9, 1),
        "missing": [],
    }
    if reading := _reading():
        answer["reading"] = [{"fault": fault} for fault in reading]
    if missing:
        answer["missing"].append(f"{', '.join(missing)}: {INSTALL}")
    if absent:
        answer["missing"].append(f"decoders for {', '.join(absent)}: pip install pylibjpeg-openjpeg pyjpegls python-gdcm")
    if importlib.util.find_spec("torchvision") is not None:
        answer["note"] = (
            "torchvision is installed; Docphim does not use it, and a build made for another torch breaks transformers"
        )
    return answer


def _reading() -> list[str]:
    """What is wrong with the files that reports are read by, which a radiologist may have edited: their rows and words."""
    import yaml

    from docphim import language as package
    from docphim.language import alike, examples
    from docphim.language.lexicon import LANGUAGES, shadowed
    from docphim.metrics import weighing
    from docphim.metrics.weights import TABLE

    files = [*sorted(Path(package.__file__).parent.rglob("*.yaml")), TABLE]
    try:
        double = {path: double_key(path.read_text(encoding="utf-8")) for path in files}
        twice = [f"{path.parent.name}/{path.name}: {printable(key, 40)} stands twice" for path, key in double.items() if key]
        rows = [*examples.faults(), *alike.faults(), *weighing.faults()]
        return [*twice, *rows, *(fault for language in LANGUAGES for fault in shadowed(language))]
    except (UsageError, ValueError, yaml.YAMLError) as error:
        return [printable(" ".join(str(error).split()), 300)]


def _version(package: str) -> str:
    """The version of a package; it is not imported to find out."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _decoders() -> dict[str, bool]:
    from pydicom.pixels import get_decoder

    return {name: get_decoder(uid).is_available for name, uid in SYNTAXES.items()}


def _accelerator() -> str:
    gpu = _gpu()
    return gpu if isinstance(gpu, str) else f"{gpu[0]}, {gpu[1] / 2**30:.0f} GiB"


@functools.cache
def _gpu() -> tuple[str, int] | str:
    """The first GPU's name and bytes, or why there is none; torch is asked in a process of its own and never loaded here."""
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
    return (gpu[0], gpu[1]) if gpu else "none: torch runs on the CPU"


def needs(recipe: Recipe) -> dict[str, Any]:
    """What a recipe needs of this machine, and under `checks` whether it is there: `ok`, or what is wrong.

    Pixels: as each modality reckons.  Weights: 2 bytes a parameter in bfloat16 on a GPU, 4 in
    float32 on a CPU; a trained parameter adds `ADAM_BYTES`.  With `train.shard` each process has its part of that, after it has
    read the weights whole.  Three checkpoints are on disk at most.
    """
    sizes = {name: modality(name).megabytes(section) for name, section in settings_of(recipe.prepare.sections).items()}
    answer: dict[str, Any] = {"disk_mb_per_series": {name: round(size, 2) for name, size in sizes.items()}}
    # A phantom's studies are one film or scan each; of other sources nobody has counted the series yet.
    source = _options(recipe)
    gigabytes = sizes.get(getattr(source, "modality", "xray"), 0.0) * getattr(source, "studies", 0) / 1e3
    checks = _checks(recipe)
    memory: float | None = 0.0
    if not recipe.trains:
        answer["endpoint"] = _endpoint(recipe) if recipe.generate.endpoint else "none is asked"
    elif checks["weights"] != "ok":
        memory = None
    else:
        parameters, trained = _parameters(recipe), {"full": 1.0, "lora": 0.01, "none": 0.0}[recipe.model.tune]
        weights = parameters * ((2 + 2 * trained) if isinstance(_gpu(), tuple) else 4) / 1e9
        shared = recipe.train.processes if recipe.train.shard != "none" else 1
        memory = max(weights, (weights + parameters * trained * ADAM_BYTES / 1e9) / shared)
        checkpoints = 3 * parameters * trained * ADAM_BYTES / 1e9
        gigabytes += checkpoints + parameters * 2 / 1e9
        answer["parameters"] = parameters
        answer["weights_gb"] = {"gpu_bf16": round(parameters * 2 / 1e9, 3), "cpu_fp32": round(parameters * 4 / 1e9, 3)}
        answer["training_gb_without_activations"] = round(memory, 2)
        answer["checkpoints_gb"] = round(checkpoints, 2)
    free = shutil.disk_usage(_nearest(Path(recipe.runs))).free / 1e9
    checks["disk"] = "ok" if free > gigabytes else f"about {gigabytes:.1f} GB are needed, {free:.1f} GB are free"
    checks["memory"] = "not known until the weights are here" if memory is None else _memory(memory)
    return {**answer, "checks": checks}


def _memory(gigabytes: float) -> str:
    """Whether the GPU, or where there is none the machine, has so much memory."""
    gpu = _gpu()
    there, who = (gpu[1] / 1e9, "the GPU") if isinstance(gpu, tuple) else (_memory_gb(), "this machine")
    if there is None or gigabytes <= there:
        return "ok"
    return f"about {gigabytes:.1f} GB are needed, {who} has {there:.1f} GB"


def _checks(recipe: Recipe) -> dict[str, str]:
    """What a run would be refused for, found out beforehand; nothing is made or sent."""
    tries: dict[str, Callable[[], object]] = {
        "data": lambda: dataset_folder(recipe),
        "recipe": lambda: preflight.check(recipe, "page"),
        "weights": lambda: _weights(recipe),
        "packages": lambda: _packages(recipe),
        "keys": lambda: preflight.check_keys(recipe),
        "data folder": lambda: preflight.check_place("data", Path(recipe.data)),
        "runs folder": lambda: preflight.check_place("runs", Path(recipe.runs)),
    }
    return {name: _outcome(check) for name, check in tries.items()}


def first_fault(recipe: Recipe) -> str:
    """`ok`, or the first thing that this recipe's run would be refused for."""
    return next((outcome for outcome in _checks(recipe).values() if outcome != "ok"), "ok")


def _packages(recipe: Recipe) -> None:
    """Raise UsageError for the first package that the recipe needs and this machine lacks."""
    check_installed(settings_of(recipe.prepare.sections))
    if recipe.trains:
        preflight.check_packages("train")


def _weights(recipe: Recipe) -> Path | None:
    """The folder of the weights that are trained on; None for `tiny` and where nothing is trained."""
    if not recipe.trains or recipe.model.weights == "tiny":
        return None
    model = recipe.model
    folder = on_disk(model.weights, model.base, model.revision)
    if folder is None:
        raise UsageError("not on this machine; would be fetched from the hub at train")
    return folder


def _outcome(check: Callable[[], object]) -> str:
    try:
        check()
    except (Refused, UsageError) as error:
        return str(error)
    return "ok"


def _options(recipe: Recipe) -> Any:
    from docphim.ingest import check

    try:
        return check(recipe.source.kind, recipe.source.model_dump(exclude={"kind"}))
    except UsageError:
        return None


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _memory_gb() -> float | None:
    """This machine's memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):
        return None


def _endpoint(recipe: Recipe) -> dict[str, Any]:
    """Which model is asked where, whether films may be sent there, and whether its key is set; nothing is sent to find out."""
    from docphim.models.address import check_upload, parse, secret

    asked = recipe.generate
    place = {"model": asked.model, "address": parse(asked.endpoint or "", "generate.endpoint").place}
    try:
        upload = "this machine" if check_upload(asked.endpoint or "", recipe.allow_upload).is_loopback else "allowed"
    except Refused as refused:
        upload = str(refused)
    try:
        key = "set" if secret(asked.key_env) else "none is sent"
    except UsageError as missing:
        key = str(missing)
    return {**place, "upload": upload, "key": key}


def _parameters(recipe: Recipe) -> int:
    """Parameters of a recipe's model, from the headers of its safetensors files alone; 0 tensors read."""
    folder = _weights(recipe)
    if folder is None:
        return 2_000_000
    total = 0
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("base/*.safetensors")]):
        with open(file, "rb") as handle:
            header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
        total += sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    return total
