"""How a stage runs once and only once: STAGE.json, resuming after a kill, borrowing pixels."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docphim import files
from docphim.errors import UsageError

log = logging.getLogger("docphim")
#: So many changes are named when a stage is done again.
NAMED = 4


@dataclass(frozen=True)
class Stage:
    """One step of the way.

    Attributes
    ----------
    call : str
        `module:function`, imported when the stage runs; it gets `arguments`, `settings` and `unrecorded`.
    settings, unrecorded : dict
        What changes the outputs, and what (like a number of processes) does not.
    inputs : dict
        Files whose content the outputs depend on.
    folder, outputs
        Where STAGE.json goes, and what the stage writes there.
    borrowed : bool
        Whether its outputs, all folders, are first linked from a sibling that made them in the same way.
    """

    name: str
    call: str
    arguments: tuple[Any, ...]
    settings: dict[str, Any]
    inputs: dict[str, Path]
    folder: Path
    outputs: list[str]
    version: int
    unrecorded: dict[str, Any] = field(default_factory=dict)
    borrowed: bool = False

    @property
    def record(self) -> dict[str, Any]:
        """What STAGE.json must say for this stage to count as done."""
        return files.stage_record(self.version, self.settings, self.inputs)

    @property
    def said(self) -> Path:
        """STAGE.json, written when the stage has ended."""
        return self.folder / f"{self.name}.json"

    @property
    def started(self) -> Path:
        """What STAGE.json will say, kept from the stage's start to its end."""
        return self.folder / f".{self.name}.started.json"

    @property
    def done(self) -> bool:
        """Whether it ran with these settings on these inputs, and its outputs are still there."""
        return files.stage_done(self.said, {**self.record, "outputs": self.outputs})


def do(stage: Stage, later: Sequence[Stage] = ()) -> None:
    """Run a stage unless it is done; what a run under other settings left behind is removed first.

    Stages of the same folder that come `later` are done no more, even where what they read will have the same bytes: a
    model that was trained again is another model.  They resume over what they left, as after a kill.
    """
    if stage.done:
        log.info("%s: done before", stage.name)
        return
    record = stage.record
    if not files.stage_done(stage.started, record):
        changed = _changed(stage, record)
        if changed:
            more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
            told = ", ".join(changed[:NAMED]) + more
            log.info("%s: done again, and what it had made is replaced: %s", stage.name, told)
        stage.said.unlink(missing_ok=True)
        for name in stage.outputs:
            _remove(stage.folder / name)
        for other in later:
            if other.folder == stage.folder and other.said.exists():
                other.said.replace(other.started)
        if stage.borrowed:
            _borrow(stage)
        files.write_json(stage.started, record)
    _sweep(stage)
    log.info("%s: started", stage.name)
    start = time.monotonic()
    module, _, function = stage.call.partition(":")
    getattr(importlib.import_module(module), function)(*stage.arguments, **stage.settings, **stage.unrecorded)
    files.write_json(stage.said, {**record, "outputs": stage.outputs})
    stage.started.unlink(missing_ok=True)
    log.info("%s: done in %.0f s", stage.name, time.monotonic() - start)


def reopen(stage: Stage) -> None:
    """Let a stage that is done go on over what it left, as after a kill."""
    if stage.done:
        files.write_json(stage.started, stage.record)
        stage.said.unlink()
        log.info("%s: some requests were not answered; they are asked again", stage.name)


def _changed(stage: Stage, record: dict[str, Any]) -> list[str]:
    """What of the record is not as it was when the stage last ran; nothing where it never did."""
    try:
        before = files.read_json(stage.said)
    except (OSError, ValueError):
        return []
    old, new = (_leaves(row, "") for row in ({key: before.get(key) for key in record}, record))
    gone = [f"{name} is not there" for name in stage.outputs if not (stage.folder / name).exists()]
    return [f"{key} has changed" for key in sorted({*old, *new}) if old.get(key) != new.get(key)] + gone


def _leaves(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    return {k: v for key, inner in value.items() for k, v in _leaves(inner, f"{name}.{key}".strip(".")).items()}


def require_done(stage: Stage, wanted: str) -> None:
    """Stop a single stage whose forerunner is missing.

    Raises
    ------
    UsageError
        Names the command to run first.
    """
    if not stage.done:
        raise UsageError(f"{wanted} needs {stage.name}, which is not done for this recipe; run `docphim {stage.name}` first")


def _borrow(stage: Stage) -> None:
    """Link the folders that a sibling made from the same inputs in the same way, so that no film is made twice."""
    for sibling in sorted(stage.folder.parent.glob(f"*/{stage.name}.json")):
        if sibling.parent != stage.folder and files.stage_done(sibling, stage.record):
            for name in stage.outputs:
                shutil.copytree(sibling.parent / name, stage.folder / name, copy_function=_link)
            log.info("%s: taken from %s", stage.name, sibling.parent.name)
            return


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sweep(stage: Stage) -> None:
    """Remove the temporary files of writers that were killed; the lock says that nobody writes them any more."""
    folders = [stage.folder / name for name in stage.outputs if (stage.folder / name).is_dir()]
    for part in [*stage.folder.glob(".*.part"), *(p for folder in folders for p in folder.rglob(".*.part"))]:
        _remove(part)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
