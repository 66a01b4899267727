"""Checkpoints that survive a kill at any moment: written aside, sealed with a SHA-256 manifest, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docphim import files, records
from docphim.errors import Refused
from docphim.train.processes import Processes

log = logging.getLogger("docphim")

MANIFEST = records.MANIFEST
KEEP = 2


@dataclass(frozen=True)
class Checkpoint:
    """A sealed checkpoint: its folder and what its manifest says.

    Attributes
    ----------
    key : str
        What the training was made from; a checkpoint of another training is never resumed.
    score : float or None
        How good it is by the validation metric, higher is better; None where nothing was validated.
    processes : int
        How many trained together.
    files : dict
        SHA-256 of each file, by name.
    """

    folder: Path
    step: int
    key: str
    score: float | None
    processes: int
    files: dict[str, str]


def write(
    root: Path,
    step: int,
    fill: Callable[[Path], None],
    *,
    key: str,
    score: float | None,
    processes: Processes,
) -> None:
    """Write checkpoint `step` under `root`: every process fills the same folder, the first one seals and renames it.

    Parameters
    ----------
    key, score
        As in `Checkpoint`.
    fill
        Writes this process's files into the folder it is given.

    Raises
    ------
    Refused
        `disk_full`; nothing of this checkpoint is left, earlier ones stay.
    """
    part, final = root / f".checkpoint-{step}.part", root / f"checkpoint-{step}"
    try:
        with disk_full_is_refused(final.name):
            if processes.first:
                remove(part)
                part.mkdir(parents=True)
            processes.wait()
            fill(part)
            processes.wait()
            if processes.first:
                sums = seal(part, step, key=key, score=score, processes=processes.world)
                remove(final)
                part.rename(final)
                _flush(root)
                records.remember(root.parent, {f"{root.name}/{final.name}/{name}": sum_ for name, sum_ in sums.items()})
            processes.wait()
    except BaseException:
        if processes.first:
            remove(part)
        raise


def seal(folder: Path, step: int, *, key: str, score: float | None, processes: int) -> dict[str, records.Sum]:
    """Flush every file of a folder to disk, then write the manifest that makes it count; the sum of each file."""
    paths = sorted(p for p in folder.iterdir() if p.name != MANIFEST)
    for path in paths:
        _flush(path)
    sums = {p.name: records.summed(p) for p in paths}
    named = {name: sha256 for name, (_, sha256) in sums.items()}
    manifest = {"step": step, "key": key, "score": score, "processes": processes, "files": named}
    files.write_json(folder / MANIFEST, {**manifest, "sha256": _sum_of(manifest)})
    _flush(folder)
    return sums


def _sum_of(manifest: dict[str, Any]) -> str:
    """The manifest's own SHA-256: a score or a step with a flipped bit would choose another checkpoint."""
    return hashlib.sha256(files.dumps(manifest).encode()).hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sealed(root: Path, key: str) -> list[Checkpoint]:
    """The checkpoints under `root` that belong to the training `key` and have a manifest, oldest first."""
    checkpoints = []
    for folder in root.glob("checkpoint-*"):
        try:
            manifest = files.read_json(folder / MANIFEST)
            if manifest.pop("sha256") != _sum_of(manifest):
                raise ValueError("not as it was written")
            checkpoints.append(Checkpoint(folder, **manifest))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return sorted((c for c in checkpoints if c.key == key), key=lambda c: c.step)


def intact(checkpoint: Checkpoint) -> bool:
    """Whether every file of a checkpoint is there and has the bytes its manifest says."""
    try:
        return all(files.sha256(checkpoint.folder / name) == recorded for name, recorded in checkpoint.files.items())
    except OSError:
        return False


def newest(root: Path, key: str) -> Checkpoint | None:
    """The newest intact checkpoint of a training; a broken one is logged and passed over."""
    for checkpoint in reversed(sealed(root, key)):
        if intact(checkpoint):
            return checkpoint
        log.warning("train: %s does not match its manifest and is ignored", checkpoint.folder.name)
    return None


def best(root: Path, key: str) -> Checkpoint | None:
    """The intact checkpoint with the highest score (of equal ones the earliest); the newest where none has a score."""
    scored = [c for c in sealed(root, key) if c.score is not None]
    for checkpoint in sorted(scored, key=lambda c: (-(c.score or 0.0), c.step)):
        if intact(checkpoint):
            return checkpoint
        log.warning("train: %s, the best, does not match its manifest; the next best is used", checkpoint.folder.name)
    return newest(root, key)


def highest(checkpoints: list[Checkpoint]) -> Checkpoint | None:
    """The one with the highest score, of equal ones the earliest; None where none has a score."""
    scored = [c for c in checkpoints if c.score is not None]
    return min(scored, key=lambda c: (-(c.score or 0.0), c.step)) if scored else None


def prune(root: Path, key: str, after: int | None = None) -> None:
    """Keep the last `KEEP` checkpoints and the best one; remove all others, and every one past step `after`."""
    ours = [c for c in sealed(root, key) if after is None or c.step <= after]
    keep = {c.folder for c in ours[-KEEP:]}
    if (first := highest(ours)) is not None:
        keep.add(first.folder)
    for folder in [*root.glob("checkpoint-*"), *root.glob(".checkpoint-*.part")]:
        if folder not in keep:
            remove(folder)


def remove(folder: Path) -> None:
    """Remove a checkpoint; its manifest goes first, so that a kill halfway leaves nothing that looks whole."""
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def disk_full_is_refused(where: str) -> Iterator[None]:
    """Turn the ways in which Python, safetensors and torch say that the disk is full into one.

    Raises
    ------
    Refused
        `disk_full`.
    """
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        if _means_disk_full(error):
            raise Refused("disk_full", where, f"the disk is full: {where} was not written") from error
        raise


#: safetensors words the system's error; torch's zip writer only knows that it could not write on.
_DISK_FULL = ("No space left on device", "PytorchStreamWriter failed", "iostream error", "unexpected pos")


def _means_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(phrase in str(error) for phrase in _DISK_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False
