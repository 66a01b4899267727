"""`docphim score PAIRS.jsonl`: the scores of any reports that come as {"id", "reference", "prediction"} lines."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.evaluate.answers import NAMED, name
from docphim.evaluate.detail import behind
from docphim.language.suspect import suspicions
from docphim.metrics import PUBLISHED, families
from docphim.metrics.measure import measure, table
from docphim.metrics.pairs import Pairs
from docphim.metrics.parity import choose

#: What stops the scoring unless it is allowed: a score would hide it.
STOPS = ("missing", "extra", "duplicates")
_NAMED_WHEN_STOPPED = 5


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
    label_sets: Sequence[str] | None = None,
    allow: Collection[str] = (),
    resamples: int = 1000,
    seed: int = 12345,
) -> dict[str, Any]:
    """Score a pairs file.

    A line may also hold `patient`, over which intervals are then drawn; without it every id is a patient.  An empty
    prediction scores 0.  Missing, extra and duplicate ids stop the scoring; where they are allowed, a null prediction
    scores 0, a null reference leaves its prediction over, and of several lines with one id the first counts.

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
    label_sets : sequence of str, optional
        Label sets to score, for the convention `docphim` and a language with a lexicon; `PUBLISHED` where not said.
    allow : collection of str
        Which of `STOPS` do not stop.

    Returns
    -------
    dict
        `scores` by key; `counts` of pairs and of each fault; `named`, the first ids of each fault; `suspect`, the first
        reports that are not what they are taken for.  Where facts were scored also `fact_errors`, `per_label` and
        `coverage_words`.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number; `pairs_incomplete`, with the ids.
    UsageError
        The language has no tokens; the convention, its tokens, a label set or what is to be allowed is unknown; label sets
        where there are no labels.
    """
    unknown = [fault for fault in allow if fault not in STOPS]
    if unknown:
        raise UsageError(f"--allow {unknown[0]}: must be of {', '.join(STOPS)}")
    tokens, others = choose(convention, language, tokens)
    if label_sets and (others or "facts" not in families(language)):
        whose = f"the convention {convention}" if others else f"{language}, which has no lexicon"
        raise UsageError(f"--set {label_sets[0]}: there are no labels under {whose}")
    names = others or families(language, label_sets or PUBLISHED)
    read = read_pairs(path)
    _stop(path, {fault: read.faults[fault] for fault in STOPS if read.faults[fault] and fault not in allow})
    if not read.ids:
        raise Refused("pairs_unreadable", path.name, "there is no pair to score")
    pairs = Pairs(read.references, read.predictions, language, tokens)
    system = measure(pairs, read.patients, resamples=resamples, seed=seed, names=names)
    suspect = suspects(read, language)
    read.faults["suspect"] = list(dict.fromkeys(row["id"] for row in suspect))
    counts = {"pairs": len(read.ids), "patients": len(set(read.patients)), **{k: len(v) for k, v in read.faults.items()}}
    answer = {"scores": table(system), "counts": counts, "named": name(read.faults), "suspect": suspect[:NAMED]}
    return answer | behind(pairs, system)[0]


def suspects(read: Read, language: str) -> list[dict[str, str]]:
    """Reports in another language than declared, in another encoding, or with control characters: id, text and why."""
    return [
        {"id": id_, "text": of, "why": why}
        for of, texts in (("reference", read.references), ("prediction", read.predictions))
        for id_, text in zip(read.ids, texts, strict=True)
        for why in suspicions(text, language)
    ]


def _stop(path: Path, faults: Mapping[str, Sequence[str]]) -> None:
    """Refuse a file whose faults a score would hide."""
    if faults:
        told = "; ".join(f"{len(ids)} {fault} ({_some(ids)})" for fault, ids in faults.items())
        why = f"{told}; to score it all the same: --allow {','.join(faults)}"
        raise Refused("pairs_incomplete", path.name, why)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_NAMED_WHEN_STOPPED]) + (", …" if len(ids) > _NAMED_WHEN_STOPPED else "")


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
        patient = row.get("patient")
        read.patients.append(id_ if patient in (None, "") else str(patient))
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
            raise Refused("pairs_unreadable", path.name, f"line {number} is not JSON; every line is one object") from None
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


#: What a line must hold, and of which JSON types; `patient` may be left out.
_FIELDS = {"id": (str, int), "reference": (str, type(None)), "prediction": (str, type(None)), "patient": (str, int, type(None))}
_TYPES = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def _fault(row: Any) -> str:
    """What keeps a row from being a pair, or nothing."""
    if not isinstance(row, dict):
        return "is not an object"
    for key, kinds in _FIELDS.items():
        if key not in row and key != "patient":
            return f"has no {key!r} (it has {', '.join(map(repr, row)) or 'no key'})"
        value = row.get(key)
        if (key in row and not isinstance(value, kinds)) or isinstance(value, bool):
            return f"has {_TYPES.get(type(value), 'null')} as its {key!r}"
    return ""
