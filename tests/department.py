"""A department's archive with faults at known places: films as DICOM and pictures, an Excel export with title rows and one
free-text column, Word files and other exports beside it, names of invented people everywhere.

    python tests/department.py FOLDER [--studies 300] [--seed 1]

It prints what must come of each part. The faults stand in `tests/archive/`, one line each, with the reason that must come.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "corpus"))
sys.path.insert(0, str(Path(__file__).parent / "archive"))
import papers
import tables
from part import Part
from register import write_register

#: So many studies lie in the other parts; the register has the rest.
OTHERS = 60


def write(folder: Path, studies: int, seed: int = 1) -> dict[str, Part]:
    """Write the archive: a folder a part, and what must come of each by its recipe.

    The register comes first; with fewer than its `FAULTS` and `OTHERS` it does not hold every kind of fault.
    """
    parts: dict[str, Part] = {"register": write_register(_made(folder / "so"), studies - OTHERS, seed)}
    first = 90_000
    for name, make in _OTHERS.items():
        inner = _made(folder / name)
        made = make(inner, first, seed)
        for number, part in enumerate(made if isinstance(made, list) else [made]):
            parts[f"{name} {number}" if isinstance(made, list) else name] = part
        first += 20
    return parts


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


_OTHERS = {
    "csv": tables.damaged_csv,
    "cut": tables.cut_csv,
    "utf16": partial(tables.encoded, encoding="utf-16"),
    "cp1258": partial(tables.encoded, encoding="cp1258"),
    "tcvn3": partial(tables.encoded, encoding="tcvn3"),
    "months": tables.months,
    "refused": partial(tables.addenda, rule="refused"),
    "last": partial(tables.addenda, rule="last"),
    "joined": partial(tables.addenda, rule="joined"),
    "formats": tables.other_formats,
    "burned_in": tables.written_on,
    "documents": papers.documents,
    "whole": lambda folder, first, seed: tables.refused_whole(folder),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name, part in write(given.folder, given.studies, given.seed).items():
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(part.reasons.items()))
        print(f"{name}: {part.whole or f'{len(part.staying)} stay'}{'; ' if reasons else ''}{reasons}")


if __name__ == "__main__":
    main()
