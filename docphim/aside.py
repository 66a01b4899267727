"""A stage's old outputs stand aside while new ones are made, and come back when that fails, whatever is killed when.

Beside the outputs of a stage NAME, in its folder:

- `.old-NAME`   the old outputs, while new ones are made in their place;
- `.new-NAME`   unfinished new ones, kept for the same recipe, while the old ones stand in their place again;
- `.back-NAME`  the old outputs on their way back;
- `.gone-NAME`  what nobody wants any more;
- `.damaged-NAME`  files that were not what had been written, until they are made again (an empty one for a missing file).

Files move by renaming, so each is in one place or the other.  `.old-NAME` and `.new-NAME` are filled under the names
`.half-old-NAME` and `.half-new-NAME`: found at the next start, what such a folder holds goes back.  The records (NAME.json,
.NAME.started.json) come back last: while neither stands in its place, files are still on their way there.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from docphim import files, records
from docphim.stage import Stage


def recover(stage: Stage) -> None:
    """Finish, or take back, what a killed command was moving."""
    old, new = place(stage, "old"), place(stage, "new")
    remove(place(stage, "gone"))
    for side in (_half(old), _half(new), place(stage, "back")):
        if side.exists():
            _into_place(stage, side)
    if old.exists() and stage.ended.exists():
        discard(stage, "old")
    elif new.exists() and not stage.ended.exists() and not stage.started.exists():
        _into_place(stage, new)


def begin(stage: Stage, record: files.Row) -> None:
    """Set aside whatever stands in the stage's place; unfinished work on the same `record` takes its place.

    What several stages add rows to is copied: its other rows stay.
    """
    if records.read_stage(place(stage, "new") / stage.started.name) != record:
        discard(stage, "new")
    _out(stage, "old", copied=stage.shared)
    if place(stage, "new").exists():
        _into_place(stage, place(stage, "new"))


def put_back(stage: Stage) -> bool:
    """Put the old outputs back, if any stand aside, and keep the unfinished new ones; whether there were old ones."""
    old, back = place(stage, "old"), place(stage, "back")
    if not old.exists():
        return False
    discard(stage, "new")
    _out(stage, "new")
    old.rename(back)
    _into_place(stage, back)
    return True


def under_way(stage: Stage) -> bool:
    """Whether new outputs are being made while old ones stand aside."""
    return place(stage, "old").exists()


def discard(stage: Stage, side: str) -> None:
    """Remove a side folder: under another name first, so that a kill leaves no half of it that looks whole."""
    folder, gone = place(stage, side), place(stage, "gone")
    if folder.exists():
        remove(gone)
        folder.rename(gone)
        remove(gone)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def place(stage: Stage, name: str) -> Path:
    """The folder `.old-NAME`, `.new-NAME` … beside the outputs of a stage."""
    return stage.folder / f".{name}-{stage.name}"


def _half(side: Path) -> Path:
    return side.with_name(f".half-{side.name[1:]}")


def _out(stage: Stage, side: str, copied: Sequence[str] = ()) -> None:
    """Move everything of the stage to a side folder, if there is anything, and copy what others write too."""
    owned = [*stage.places, place(stage, "damaged").name, stage.ended.name, stage.started.name]
    names = [name for name in owned if (stage.folder / name).exists()]
    if not names:
        return
    half = _half(place(stage, side))
    half.mkdir(mode=0o700)
    for name in names:
        (stage.folder / name).rename(half / name)
    for name in copied:
        if (stage.folder / name).exists():
            with files.atomic(half / name, "wb") as handle:
                handle.write((stage.folder / name).read_bytes())
    files.sync(half)
    half.rename(place(stage, side))
    files.sync(stage.folder)


def _into_place(stage: Stage, side: Path) -> None:
    """Move everything in a side folder to the stage's place, its records last; what stands there gives way."""
    last = (stage.ended.name, stage.started.name)
    for path in sorted(side.iterdir(), key=lambda p: (p.name in last, p.name)):
        target = stage.folder / path.name
        if target.is_dir():
            target.rename(place(stage, "gone"))
            remove(place(stage, "gone"))
        path.replace(target)
    side.rmdir()
    files.sync(stage.folder)
