"""A step of the way from a source to a page: what it reads, what it writes, and whether that is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docphim import records


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
        Where STAGE.json goes, and what the stage writes there: files, folders, or `FILE?stage=NAME` for its rows in a file
        that several stages add rows to.
    beside : list of str
        What it writes too and no later stage has to have: damage there is named, and is no reason to do it again.
    borrowed : bool
        Whether its folders are first linked from a sibling that made them in the same way.
    selective : bool
        Whether it leaves out what it cannot make, as a refused film: a damaged file that it does not make again stops it.
    mending : bool
        Whether it keeps the intact rows of its damaged files: those are left where they are.
    torch : bool
        Whether it needs the packages of the `train` extra.
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
    beside: list[str] = field(default_factory=list)
    borrowed: bool = False
    selective: bool = False
    mending: bool = False
    torch: bool = False

    @property
    def record(self) -> dict[str, Any]:
        """What STAGE.json must say for this stage to count as done."""
        return records.stage_record(self.version, self.settings, self.inputs)

    @property
    def ended(self) -> Path:
        """STAGE.json, written when the stage has ended."""
        return self.folder / f"{self.name}.json"

    @property
    def started(self) -> Path:
        """What STAGE.json will say, written at the stage's start."""
        return self.folder / f".{self.name}.started.json"

    @property
    def shared(self) -> list[str]:
        """The files it adds rows to, as other stages do."""
        return [name.partition("?")[0] for name in self.outputs if "?" in name]

    @property
    def places(self) -> list[str]:
        """The files and folders that are its alone."""
        return [name for name in [*self.outputs, *self.beside] if "?" not in name]

    @property
    def done(self) -> bool:
        """Whether it ran with these settings on these inputs, and its outputs are still what it wrote."""
        return records.stage_done(self.ended, {**self.record, "outputs": self.outputs})
