"""`docphim score PAIRS.jsonl`: the scores of any reports that come as {"id", "reference", "prediction"} lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docphim.errors import Refused
from docphim.metrics.measure import measure, table
from docphim.metrics.parity import convention as convention_of

#: So many ids are named beside a count; more would bury the scores.
NAMED = 20


@dataclass
class Read:
    """The reports of a pairs file, in its order, and what was wrong with it by id."""

    ids: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    predictions: list[str] = field(default_factory=list)
    faults: dict[str, list[str]] = field(
        default_factory=lambda: {"empty": [], "missing": [], "extra": [], "duplicates": [], "empty_references": []}
    )


def score_pairs(
    path: Path,
    language: str,
    *,
    convention: str = "docphim",
    tokens: str = "syllable",
    resamples: int = 1000,
    seed: int = 12345,
) -> dict[str, Any]:
    """Score a pairs file.

    A line may also hold `patient`, over which intervals are then drawn; without it every id is a patient.  A prediction
    that is empty or null scores 0; a reference that is null leaves its prediction over (`extra`), unscored; of several
    lines with one id the first counts.

    Parameters
    ----------
    path : Path
        The pairs file.
    language : str
        `vi`, `en` or `zh`.
    convention : str
        `docphim`, or another tool's of `docphim.metrics.parity.CONVENTIONS`.
    tokens : str
        `syllable` or `word`, for the convention `docphim`.

    Returns
    -------
    dict
        `scores` by key; `counts` of pairs and of each fault; `named`, the first ids of each fault.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number.
    UsageError
        The language has no tokens; the convention or its tokens are unknown, or need a package that is not installed.
    """
    read = read_pairs(path)
    if not read.ids:
        raise Refused("pairs_unreadable", path.name, "there is no pair to score")
    pairs, families = convention_of(convention, read.references, read.predictions, language, tokens)
    system = measure(pairs, read.patients, resamples=resamples, seed=seed, names=families)
    counts = {"pairs": len(read.ids), "patients": len(set(read.patients)), **{k: len(v) for k, v in read.faults.items()}}
    return {"scores": table(system), "counts": counts, "named": name(read.faults)}


def name(faults: dict[str, list[str]]) -> dict[str, list[str]]:
    """The first ids of each fault that there is."""
    return {fault: ids[:NAMED] for fault, ids in faults.items() if ids}


def read_pairs(path: Path) -> Read:
    """Read a pairs file, sorting out missing, extra, duplicate and empty lines.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number.
    """
    read, seen = Read(), set()
    for row in _rows(path):
        id_, reference, prediction = str(row["id"]), row["reference"], row["prediction"]
        if id_ in seen:
            read.faults["duplicates"].append(id_)
            continue
        seen.add(id_)
        if reference is None:
            read.faults["extra"].append(id_)
            continue
        if not reference.strip():
            read.faults["empty_references"].append(id_)
        if prediction is None:
            read.faults["missing"].append(id_)
        elif not prediction.strip():
            read.faults["empty"].append(id_)
        read.ids.append(id_)
        read.patients.append(str(row.get("patient") or id_))
        read.references.append(reference)
        read.predictions.append(prediction or "")
    return read


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(path), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if not text.strip():
                continue
            row = json.loads(text)
        except UnicodeDecodeError:
            raise Refused("pairs_unreadable", path.name, f"line {number} is not UTF-8") from None
        except (ValueError, RecursionError):
            raise Refused("pairs_unreadable", path.name, f"line {number} is not JSON") from None
        why = _fault(row)
        if why:
            raise Refused("pairs_unreadable", path.name, f"line {number} {why}")
        yield row


def _lines(path: Path) -> Iterable[bytes]:
    try:
        with path.open("rb") as handle:
            yield from handle
    except FileNotFoundError:
        raise Refused("file_missing", path.name) from None
    except OSError as error:
        raise Refused("pairs_unreadable", path.name, f"the file cannot be read: {error.strerror}") from None


def _fault(row: Any) -> str:
    """What keeps a row from being a pair, or nothing."""
    if not isinstance(row, dict):
        return "is not an object"
    for key, kinds in (("id", (str, int)), ("reference", (str, type(None))), ("prediction", (str, type(None)))):
        if key not in row:
            return f"has no {key!r} (it has {', '.join(map(repr, row)) or 'no key'})"
        if not isinstance(row[key], kinds) or isinstance(row[key], bool):
            return f"has a {key!r} that is {'a number' if isinstance(row[key], int | float) else type(row[key]).__name__}"
    return ""
