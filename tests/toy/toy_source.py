"""A source that only tests know: a folder of `.npz` files, one a study, with a volume in each of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from docphim.files import content_key
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.recipe import Section
from docphim.study import Report, Series, Study

SHAPE = (9, 72, 64)


class Options(Section):
    """Where the files are."""

    path: str


def fingerprint(options: Options) -> str:
    """A key of the names."""
    return content_key(sorted(path.name for path in Path(options.path).iterdir()))


def write(folder: Path, studies: int, keys: tuple[str, ...] = ("toy",)) -> None:
    """Volumes of noise, each with a block on one of its sides; study 0 claims two frames of reference where it has two keys."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(studies):
        volumes = {}
        for key in keys:
            volume = rng.normal(-800, 50, SHAPE).astype(np.int16)
            volume[2:7, 20:50, 5 : 25 if number % 2 else 40] = 300
            volume[0, 0, 1] = int(number == 0 and key != keys[0])
            volumes[key] = volume
        np.savez(folder / f"case{number:02}.npz", **volumes)


def read(
    options: Options, dataset: Path, notes: Notes, *, language: str, split_by_source: bool
) -> Iterator[SourceStudy | Rejection]:
    """A study a file."""
    for path in sorted(Path(options.path).iterdir()):
        name, side = path.stem, "phải" if int(path.stem[-1]) % 2 else "trái"
        keys = np.load(path).files
        series = [Series(f"{name}-{key}", key, f"prepared/{name}-{key}.b2nd", "HU") for key in keys]
        report = Report(language, {"findings": f"Tràn dịch màng phổi {side}.", "impression": f"Tràn dịch {side}."})
        study = Study(name, f"p-{name}", "F", 60, None, series, report, None, None, "toy")
        yield SourceStudy(study, {f"{name}-{key}": f"npz:{path}#{key}" for key in keys}, path.name)
