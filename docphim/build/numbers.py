"""Numbers of PET/CT reports from measurements: candidates.jsonl, and placeholders in what is trained on (`numbers: measured`).

One row a study: {"study", "language", "least", "candidates": [{"number", "at", "suv_max", …}], "left_out": {RULE: n}}; or with
no candidates "refused" (a reason) and "why", where nothing could be measured.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docphim.errors import Refused
from docphim.files import write_jsonl
from docphim.imaging import store
from docphim.language.measured import as_places
from docphim.progress import bar
from docphim.recipe_training import CandidateRule
from docphim.study import Row

log = logging.getLogger("docphim")
#: What generate fills drafts from.
NAME = "candidates.jsonl"


def measure(dataset: Path, rows: Mapping[str, Sequence[Row]], rule: Row | None, language: str) -> dict[str, list[Row]] | None:
    """Write the candidates of each study's PET; they are given by study.

    Parameters
    ----------
    rows : dict
        Study → its rows of index.jsonl.
    rule : dict, optional
        The recipe's section `numbers`; None: nothing is measured.
    """
    if rule is None:
        return None
    listed = [
        _row(dataset, study, rows[study], CandidateRule(**rule), language) for study in bar(list(rows), len(rows), "candidates")
    ]
    write_jsonl(dataset / NAME, listed)
    return {row["study"]: row["candidates"] for row in listed}


def _row(dataset: Path, study: str, rows: Sequence[Row], rule: CandidateRule, language: str) -> Row:
    of = {row["modality"]: row for row in rows}
    from docphim.imaging.candidates import find  # here: the way of imports from a stage is long enough

    row: Row = {"study": study, "language": language, "candidates": []}
    try:
        if "pet" not in of or of["pet"]["unit"] != "SUV":
            raise Refused("suv_unknown", "", "the study has no PET in SUV")
        pet, ct = (_whole(dataset, of[name]) if name in of else None for name in ("pet", "pet_ct"))
        assert pet is not None
        regions = ((of.get("pet_ct") or of["pet"]).get("how") or {}).get("regions")
        affine = np.array(of["pet"]["affine"])
        seen = find(pet, tuple(of["pet"]["spacing"]), rule, ct=ct, affine=affine, regions=regions)
    except Refused as refusal:
        return row | {"refused": refusal.reason, "why": refusal.why}
    counts = dict(sorted(Counter(one["rule"] for one in seen.left_out).items()))
    return row | {"least": seen.least, "candidates": seen.candidates, "left_out": counts}


def _whole(dataset: Path, row: Row) -> np.ndarray[Any, Any]:
    return store.prepared(dataset, row["path"]).slices(range(row["shape"][0]))


def placed(rows: list[Row], candidates: Mapping[str, list[Row]] | None, language: str, split: str) -> list[Row]:
    """Examples of a split as they are learned from: of train and val `with_places`, where candidates were measured."""
    if candidates is None or split not in ("train", "val"):
        return rows
    rows, tied = with_places(rows, candidates, language)
    log.info("%s: numbers of lesions in reports: %s", split, ", ".join(f"{n} {k}" for k, n in tied.most_common()) or "none")
    return rows


def with_places(rows: list[Row], candidates: Mapping[str, list[Row]], language: str) -> tuple[list[Row], Counter[str]]:
    """Examples whose answers from reports have placeholders for the numbers that were measured, and how many are `tied`."""
    counts: Counter[str] = Counter()
    made = []
    for row in rows:
        messages = []
        for message in row["messages"]:
            if message["role"] == "assistant" and str(message.get("from")).startswith("report:"):
                text, counted = as_places(message["content"], language, candidates.get(row["study"], []))
                counts += counted
                message = message | {"content": text}
            messages.append(message)
        made.append(row | {"messages": messages})
    return made, counts
