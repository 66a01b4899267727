"""Features that another encoder has made of each study, from a folder: STUDY.safetensors with `features`, (n, width).

The file's metadata says whose they are, `{"study": STUDY}`; all files of a folder have one shape.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from docphim.errors import Refused
from docphim.files import at_home

#: The tensor of a file, and the key of its metadata that names the study.
TENSOR, STUDY = "features", "study"


def shape_in(folder: str) -> tuple[int, int]:
    """How many features a study has, and their width, by the first file of a folder.

    Raises
    ------
    Refused
        `file_missing`: there is none; and as `read`.
    """
    place = Path(at_home(folder, "model.features"))
    first = min(place.glob("*.safetensors"), default=None)
    if first is None:
        raise Refused("file_missing", "model.features", f"{place.name} holds no STUDY.safetensors")
    n, width = _opened(first, first.stem).shape
    return int(n), int(width)


def read(folder: str, study: str, shape: tuple[int, int]) -> torch.Tensor:
    """A study's features, float32 (n, width).

    Raises
    ------
    Refused
        `file_missing`: the study has none; `features_unfit`: they are of another study, of another shape, or no numbers;
        `file_truncated`.
    """
    path = Path(at_home(folder, "model.features")) / f"{study}.safetensors"
    if path.name != f"{study}.safetensors" or not path.is_file():
        raise Refused("file_missing", study, "model.features has no file of the study")
    features = _opened(path, study)
    if tuple(features.shape) != shape:
        raise Refused("features_unfit", study, f"its features are {_by(features.shape)}, and others' are {_by(shape)}")
    if not bool(torch.isfinite(features).all()):
        raise Refused("features_unfit", study, "not all of its features are finite numbers")
    return features


def _opened(path: Path, study: str) -> torch.Tensor:
    try:
        with safe_open(path, "pt") as file:
            named = (file.metadata() or {}).get(STUDY)
            if named != study:
                raise Refused("features_unfit", study, f"the file's metadata says that it is of {named or 'no study'}")
            if TENSOR not in file.keys():  # noqa: SIM118  # safetensors' handle is no mapping
                raise Refused("features_unfit", study, f"the file holds no tensor {TENSOR!r}")
            features = file.get_tensor(TENSOR).float()
    except SafetensorError as error:
        raise Refused("file_truncated", study, f"safetensors: {error}") from error
    if features.dim() != 2 or not features.numel():
        raise Refused("features_unfit", study, f"its features are {_by(features.shape)}, not n x width")
    return features


def _by(shape: tuple[int, ...] | torch.Size) -> str:
    return " x ".join(map(str, shape)) or "a number"
