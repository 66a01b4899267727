"""Source `phantom`: synthetic films, CT or PET/CT of known truth, written once as DICOM with reports, then read as anyone's.

source: {kind: phantom, profile: demo, studies: 1760, size: 512, seed: 1}
source: {kind: phantom, modality: ct, profile: ct_demo, studies: 1460, size: 112, step_mm: 5, seed: 1}
source: {kind: phantom, modality: pet, profile: pet_demo, studies: 900, size: 64, step_mm: 10, field_mm: 480, seed: 1}
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from docphim.errors import Refused, UsageError
from docphim.files import content_key, read_json, sha256, write_json
from docphim.ingest import phantom_pet
from docphim.ingest import phantom_scans as scans
from docphim.ingest.phantom_files import damaged, sections_of
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.phantom.patient import labels_of, profile_of, sample_patient
from docphim.phantom.reports import LANGUAGES, compose
from docphim.progress import bar
from docphim.recipe import Section
from docphim.study import Report, Row, Series, Study, to_row
from docphim.workers import each

#: For the cards of models that are trained on it.
LICENCE = "made up by Docphim; no patient stands behind it."

#: Studies that a worker makes at once.
_GROUP = 4
#: The options that a CT is made from.
_SCAN = ("seed", "profile", "size", "step_mm", "format", "masks", "both_kernels")
#: The options that a PET/CT is made from.
_PET = ("seed", "profile", "size", "step_mm", "ct_size", "field_mm", "bed_seams", "with_ct", "masks")
#: Rows and columns that each modality may have, and what is usual where nothing is said.
_BOUNDS = {"xray": (128, 4096), "ct": (48, 1024), "pet": (48, 400)}
_USUAL: dict[str, dict[str, Any]] = {"ct": {"size": 256}, "pet": {"size": 200, "step_mm": 3.27}}


class Options(Section):
    """Which phantoms: how many, of which population, how they are taken; where their files lie.

    `size` is a film's long side in pixels (1024 if it is not said), or rows and columns of a CT (256) or a PET (200).  The
    other keys are those of scans: mm between slices (4; of a PET/CT 3.27), a CT's files, whether each lesion's mask is written
    beside it, whether every CT is reconstructed with both kernels; of a PET/CT rows and columns of its CT (those of the PET),
    its field of view in mm (700, and 500 of the CT), whether steps are uneven where beds meet, whether there is a CT.
    """

    studies: int = Field(600, ge=1, le=999_999)
    seed: int = 0
    modality: Literal["xray", "ct", "pet"] = "xray"
    profile: str = "paper"
    size: int = Field(1024, ge=48, le=4096)
    step_mm: float = Field(4.0, ge=0.5, le=40)
    format: Literal["dicom", "nifti"] = "dicom"
    masks: bool = False
    both_kernels: bool = False
    ct_size: int | None = Field(None, ge=48, le=1024)
    field_mm: float | None = Field(None, ge=300, le=1000)
    bed_seams: bool = True
    with_ct: bool = True
    path: str | None = None
    workers: int | None = Field(None, ge=1)

    @field_validator("profile")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            profile_of(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="before")
    @classmethod
    def _sized(cls, keys: Any) -> Any:
        """Scans are smaller than a film where nothing is said."""
        return {**_USUAL.get(str(keys.get("modality")), {}), **keys} if isinstance(keys, dict) else keys

    @model_validator(mode="after")
    def _in_bounds(self) -> Options:
        least, most = _BOUNDS[self.modality]
        if not least <= self.size <= most:
            raise ValueError(f"size: {least} to {most} for {self.modality}")
        if (self.modality == "pet") != ("pet" in profile_of(self.profile)):
            raise ValueError(f"profile: {self.profile} is no population of {self.modality}")
        return self


def fingerprint(options: Options) -> str:
    """A key of what the films and reports are made from; where they lie and how many processes make them is left out."""
    return content_key([_files_key(options), options.studies])


def read(
    options: Options, dataset: Path, notes: Notes, *, language: Literal["vi", "en"], split_by_source: bool
) -> Iterator[SourceStudy | Rejection]:
    """Make the films that are not there yet, then read them.

    Raises
    ------
    UsageError
        The recipe asks for splits of the source, or `path` holds something else.
    """
    if split_by_source:
        raise UsageError("split.by: phantoms have no splits of their own; use patient")
    key = _files_key(options)
    root = Path(options.path).expanduser() if options.path else dataset.absolute().parent.parent / "phantom-files" / key
    root = root.absolute()
    _claim(root, key, options)
    make(root, options, dataset)
    notes.record |= {"profile": options.profile, "files": key}
    read_one = {"xray": _film_study, "ct": scans.study, "pet": phantom_pet.study}[options.modality]
    for index in range(options.studies):
        yield read_one(root / study_id(index), language)


def study_id(index: int) -> str:
    """The published id of a phantom study."""
    return f"PH{index:06d}"


def make(root: Path, options: Options, dataset: Path) -> None:
    """Write the studies that `root` lacks, each under a temporary name first; the processes hold locks of the dataset."""
    missing = [i for i in range(options.studies) if not (root / study_id(i)).is_dir()]
    _make_missing(missing, root, options, dataset)
    for part in root.glob(".PH*.part"):  # left by a kill
        if (root / part.name.split(".")[1]).is_dir():
            shutil.rmtree(part, ignore_errors=True)


def _make_missing(missing: list[int], root: Path, options: Options, dataset: Path) -> None:
    write_some = functools.partial(_make_some, root=root, options=options)
    groups = [missing[i : i + _GROUP] for i in range(0, len(missing), _GROUP)]
    workers = options.workers if len(groups) > 1 else 1
    made = each(write_some, groups, workers=workers, crashed=_killed, folder=dataset)
    for _ in bar(made, len(missing), "phantoms"):
        pass


def _make_some(indices: list[int], *, root: Path, options: Options) -> list[int]:
    for index in indices:
        _make_one(index, root, options)
    return indices


def _killed(index: int) -> int:
    why = "the process that made this phantom was killed, most often for want of memory; fewer source.workers take less"
    raise Refused("worker_killed", study_id(index), why)


@functools.cache
def _code_key() -> str:
    """A key of the phantom's code and data: a changed phantom makes other films."""
    folder = Path(__file__).parents[1] / "phantom"
    return content_key(
        {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.suffix in (".py", ".yaml")}
    )


def _files_key(options: Options) -> str:
    return content_key([_code_key(), *_made_from(options)])


def _made_from(options: Options) -> list[Any]:
    """The options that decide what is written of one study."""
    if options.modality == "xray":
        return [options.seed, options.profile, options.size]
    return [options.modality, *(getattr(options, name) for name in (_SCAN if options.modality == "ct" else _PET))]


def _claim(root: Path, key: str, options: Options) -> None:
    """Mark `root` as the place of these phantoms; never write among other files."""
    mark = root / "phantom.json"
    if mark.exists() and _key_of(mark) == key:
        return
    if options.path and mark.exists():
        raise UsageError("source.path: the folder holds phantoms of other options or of another version; name another one")
    # What begins with a dot and ends with .part is what a kill left of the mark itself.
    if options.path and root.exists() and any(not (p.name[0] == "." and p.suffix == ".part") for p in root.iterdir()):
        raise UsageError("source.path: the folder holds other files; name an empty or a new one")
    for part in root.glob(".phantom.json.*.part"):
        part.unlink(missing_ok=True)
    write_json(mark, {"key": key, "seed": options.seed, "profile": options.profile, "size": options.size})


def _key_of(mark: Path) -> str | None:
    try:
        return str(read_json(mark)["key"])
    except (ValueError, KeyError, TypeError):
        return None


def _make_one(index: int, root: Path, options: Options) -> None:
    """Draw, render, word and write one study; it appears under its name only when it is whole."""
    name = study_id(index)
    part = root / f".{name}.{os.getpid()}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        if options.modality == "ct":
            scans.write(part, index, **options.model_dump(include=set(_SCAN)))
        elif options.modality == "pet":
            phantom_pet.write(part, index, **options.model_dump(include=set(_PET)))
        else:
            _write_film(part, index, options)
        part.rename(root / name)
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise Refused("disk_full", name, "the disk is full: the phantom's files were not all written") from None
        if not (root / name).is_dir():  # else another process was first, with the same bytes
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_film(folder: Path, index: int, options: Options) -> None:
    from docphim.phantom.film import render
    from docphim.phantom.write import write_study

    patient = sample_patient(index, options.seed, options.profile)
    rendered = render(patient, options.size)
    findings = [replace(f, visible=bool(f.visible)) for f in rendered.findings]
    both = [
        {language: compose(patient, findings, rendered.ctr, language, wording, options.profile) for language in LANGUAGES}
        for wording in (0, 1)
    ]
    truth: Row = {
        "findings": [to_row(f) for f in findings],
        "labels": labels_of(findings),
        "ctr": None if rendered.ctr is None else round(float(rendered.ctr), 4),
        "boxes": {name: [int(v) for v in box] for name, box in rendered.masks.items()},
        "reworded": both[1],
    }
    write_study(folder, patient, rendered, both[0], truth)


def _film_study(folder: Path, language: str) -> SourceStudy | Rejection:
    from docphim.ingest.headers import read_header  # here: every command checks its source, and few read headers

    name = folder.name
    try:
        film = folder / "film.dcm"
        header = read_header(film)
        truth: dict[str, Any] = read_json(folder / "truth.json")
        sections = sections_of((folder / f"report.{language}.txt").read_text(encoding="utf-8"))
        known = {"findings": truth["findings"], "labels": truth["labels"], "reworded": truth["reworded"][language]}
    except (Refused, OSError, ValueError, KeyError):
        return damaged(name)
    series = Series(f"{name}-1", "xray", f"prepared/{name}-1.b2nd", "display", header.view)
    day = f"{header.day[:4]}-{header.day[4:6]}-{header.day[6:]}" if header.day else None
    study = Study(
        name, header.patient, header.sex, header.age, day, [series], Report(language, sections), None, None, "phantom", known
    )
    return SourceStudy(study, {series.id: str(film)}, name)
