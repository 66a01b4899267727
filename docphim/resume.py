"""How a stage runs once and only once: STAGE.json, resuming after a kill, healing what is damaged, borrowing pixels."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docphim import aside, records
from docphim.errors import Refused, UsageError
from docphim.stage import Stage

log = logging.getLogger("docphim")
#: So many changes are named when a stage is done again.
NAMED = 4


def do(stage: Stage, later: Sequence[Stage] = ()) -> bool:
    """Run a stage unless it is done, and say whether it ran.

    What a run under other settings left stands aside until this one is whole, and comes back if it fails; its unfinished
    work is kept then.  Under the same settings the stage goes on over what it left; a damaged file is made again.  Stages of
    the same folder that come `later` and read what has changed now count as done no more.
    """
    aside.recover(stage)
    record = stage.record
    if aside.under_way(stage) and _begun(stage) != record:
        aside.put_back(stage)
    if stage.done:
        aside.discard(stage, "damaged")
        _name_damage(stage)
        if _begun(stage) != record:
            records.write_stage(stage.started, record)
        log.info("%s: done before", stage.name)
        return False
    _clear_the_way(stage, record)
    _sweep(stage)
    log.info("%s: started", stage.name)
    start = time.monotonic()
    try:
        call(stage)
        _require_healed(stage)
        _end(stage, record)
    except BaseException:
        if aside.put_back(stage):
            log.info("%s: stopped; what it had made before stands again, and the same recipe goes on from here", stage.name)
        raise
    _outdate(stage, later)
    for side in ("old", "new", "damaged"):
        aside.discard(stage, side)
    log.info("%s: done in %.0f s", stage.name, time.monotonic() - start)
    return True


def call(stage: Stage) -> None:
    """Do a stage's work, whether or not it was done before; nothing is recorded of it."""
    module, _, function = stage.call.partition(":")
    getattr(importlib.import_module(module), function)(*stage.arguments, **stage.settings, **stage.unrecorded)


def help_with(stage: Stage) -> None:
    """Do a stage together with the process that keeps its record, once that one has begun it; nothing where it is done."""
    while not stage.done:
        if _begun(stage) == stage.record:
            call(stage)
            return
        time.sleep(1)


def _outdate(stage: Stage, later: Sequence[Stage]) -> None:
    """Take the STAGE.json of later stages of the folder that read what has changed now: their outputs are of the past."""
    for other in later:
        if other.folder == stage.folder and other.ended.exists() and not other.done:
            other.ended.unlink()


def reopen(stage: Stage) -> None:
    """Let a stage that is done go on over what it left, as after a kill."""
    if stage.done:
        records.write_stage(stage.started, stage.record)
        stage.ended.unlink()
        log.info("%s: some requests were not answered; they are asked again", stage.name)


def require_done(stage: Stage, wanted: str) -> None:
    """Stop a single stage whose forerunner is missing or damaged.

    Raises
    ------
    UsageError
        Names the damaged file, and the command to run first.
    """
    if stage.done:
        return
    before, record = records.read_stage(stage.ended), stage.record
    wrong = records.damaged(stage.folder, before or {})
    why = "which is not done for this recipe"
    if before is None and stage.ended.exists():
        why = f"whose {stage.ended.name} is damaged"
    elif before is not None and wrong and {key: before.get(key) for key in record} == record:
        why = f"whose {_file(wrong[0])} is not what it wrote"
    raise UsageError(f"{wanted} needs {stage.name}, {why}; run `docphim {stage.name}` first")


def _begun(stage: Stage) -> dict[str, Any] | None:
    """The record that the stage was last started with."""
    return records.read_stage(stage.started)


def _clear_the_way(stage: Stage, record: dict[str, Any]) -> None:
    """Leave in the stage's place what it can go on from: under the same record all that is not damaged, else nothing."""
    if _begun(stage) == record:
        _set_damage_aside(stage)
        stage.ended.unlink(missing_ok=True)
        return
    changed = _changed(stage, record)
    if changed:
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        log.info("%s: done again, and what it had made is replaced: %s", stage.name, ", ".join(changed[:NAMED]) + more)
    aside.begin(stage, record)
    if _begun(stage) != record:
        if stage.borrowed:
            _borrow(stage)
        records.write_stage(stage.started, record)


def _set_damage_aside(stage: Stage) -> None:
    """Name files that are not what the stage wrote, and move them out of its way unless it mends them by itself.

    Where a file is missing, an empty one stands for it among those: all of them have to be made again.
    """
    damaged = records.damaged(stage.folder, records.read_stage(stage.ended) or {})
    _warn(stage, [_file(name) for name in damaged], "it is made again")
    for name in damaged:
        there = (stage.folder / name).is_file()
        if name != _file(name) or stage.mending:
            continue
        target = aside.place(stage, "damaged") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if there:
            (stage.folder / name).replace(target)
        else:
            target.touch()


def _warn(stage: Stage, names: Sequence[str], then: str) -> None:
    """Name damaged files, the first of many."""
    for name in names[:NAMED]:
        what = "not what was written" if (stage.folder / name).is_file() else "missing"
        log.warning("%s: %s is %s; %s", stage.name, name, what, then)
    if len(names) > NAMED:
        log.warning("%s: and %d more files", stage.name, len(names) - NAMED)


def _require_healed(stage: Stage) -> None:
    """Stop where a damaged file could not be made again, its source being gone: all that follows would silently shrink."""
    damaged = aside.place(stage, "damaged")
    for path in sorted(damaged.rglob("*")) if stage.selective else ():
        name = path.relative_to(damaged).as_posix()
        if path.is_file() and not (stage.folder / name).exists():
            what = "is not what was written" if path.stat().st_size else "is missing"
            why = f"it {what} and cannot be made again: bring its source back, or remove {damaged.name} to go on without it"
            raise Refused("file_changed", f"{stage.folder.name}/{name}", why)


def _name_damage(stage: Stage) -> None:
    """Name what stands beside a finished stage's outputs and is damaged: it is used no more, and no reason to do all again."""
    record = records.read_stage(_beside(stage))
    if stage.beside and record is None:
        log.warning("%s: %s is missing or damaged; %s can be checked no more", stage.name, _beside(stage).name, stage.beside[0])
    damaged = records.damaged(stage.folder, record or {})
    _warn(stage, damaged, "nothing is read from it any more")
    for name in damaged:
        if name in stage.beside and (stage.folder / name).is_file():
            (stage.folder / name).replace(stage.folder / f"{name}.damaged")


def _file(name: str) -> str:
    return name.partition("?")[0]


def _end(stage: Stage, record: dict[str, Any]) -> None:
    """Write down what the stage has left."""
    if stage.beside:
        records.write_stage(_beside(stage), {"written": records.written(stage.folder, stage.beside)})
    outputs = {"outputs": stage.outputs, "written": records.written(stage.folder, stage.outputs)}
    records.write_stage(stage.ended, {**record, **outputs})


def _beside(stage: Stage) -> Path:
    return stage.folder / f".{stage.name}.beside.json"


def _changed(stage: Stage, record: dict[str, Any]) -> list[str]:
    """What of the record is not as it was when the stage last ran; nothing where it never did."""
    before = records.read_stage(stage.ended) or _begun(stage)
    if before is None:
        return []
    old, new = (_leaves(row, "") for row in ({key: before.get(key) for key in record}, record))
    places = {_file(name).partition("/")[0] for name, sum_ in before.get("written", {}).items() if sum_ is not None}
    gone = [f"{name} is not there" for name in sorted(places) if not (stage.folder / name).exists()]
    return [f"{key} has changed" for key in sorted({*old, *new}) if old.get(key) != new.get(key)] + gone


def _leaves(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    return {k: v for key, inner in value.items() for k, v in _leaves(inner, f"{name}.{key}".strip(".")).items()}


def _borrow(stage: Stage) -> None:
    """Link the folders that a sibling made from the same inputs in the same way, so that no film is made twice."""
    folders = [name for name in stage.places if (stage.folder / name).suffix == ""]
    for sibling in sorted(stage.folder.parent.glob(f"*/{stage.name}.json")):
        if sibling.parent != stage.folder and records.stage_done(sibling, stage.record):
            try:
                for name in folders:
                    shutil.copytree(sibling.parent / name, stage.folder / name, copy_function=_link)
            except (shutil.Error, FileNotFoundError):  # the sibling is being made again; what was linked is checked on use
                return
            log.info("%s: taken from %s", stage.name, sibling.parent.name)
            return


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)


def _sweep(stage: Stage) -> None:
    """Remove what killed writers left, whom the lock says to be gone: temporary files, and rows in a file that others share."""
    folders = [stage.folder / name for name in stage.places if (stage.folder / name).is_dir()]
    for part in [*stage.folder.glob(".*.part"), *(p for folder in folders for p in folder.rglob(".*.part"))]:
        aside.remove(part)
    for name in stage.shared:
        records.drop_rows(stage.folder / name, stage.name)
