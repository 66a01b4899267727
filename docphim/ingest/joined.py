"""Source `joined`: trained on one source, tested on another that the model has never met (an external test set).

source: {kind: joined, train: {kind: phantom, studies: 1200}, test: {kind: folder, path: ~/films}, val_fraction: 0.1}
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from docphim.errors import UsageError
from docphim.files import content_key, seed_of
from docphim.ingest.records import Notes, Rejection, SourceStudy
from docphim.recipe import Section
from docphim.study import Split


class Options(Section):
    """Two sources, each as it would stand under `source:`; of the first, a share of the patients validates."""

    train: dict[str, Any]
    test: dict[str, Any]
    val_fraction: float = Field(0.1, gt=0, lt=1)
    seed: int = 0


def fingerprint(options: Options) -> str:
    """A key of both sources and of how they are joined."""
    parts = [(values["kind"], source.fingerprint(checked)) for values, source, checked in _both(options)]
    return content_key([parts, options.val_fraction, options.seed])


def read(
    options: Options, dataset: Path, notes: Notes, *, language: str, split_by_source: bool
) -> Iterator[SourceStudy | Rejection]:
    """Studies of both sources, with their splits; their ids must not meet.

    Raises
    ------
    UsageError
        The recipe draws splits by patient, which would mix the two sources.
    """
    if not split_by_source:
        raise UsageError("split.by: a joined source says its splits itself; use source")
    seen: set[str] = set()
    for (values, source, checked), part in zip(_both(options), ("train", "test"), strict=True):
        inner = Notes()
        for item in source.read(checked, dataset, inner, language=language, split_by_source=False):
            if isinstance(item, SourceStudy):
                if item.study.id in seen:
                    raise UsageError(f"source: both joined sources have a study {item.study.id}; let one of them hash its ids")
                seen.add(item.study.id)
                split: Split = "test" if part == "test" else _train_or_val(item.study.patient, options)
                yield dataclasses.replace(item, study=dataclasses.replace(item.study, split=split))
            else:
                yield item
        notes.record[part] = {"kind": values["kind"], **inner.record, "counts": dict(sorted(inner.counts.items()))}


def _train_or_val(patient: str, options: Options) -> Split:
    return "val" if seed_of("joined", options.seed, patient) % 10_000 < options.val_fraction * 10_000 else "train"


def _both(options: Options) -> Iterator[tuple[dict[str, Any], Any, Section]]:
    from docphim.ingest import SOURCES, check

    for name, values in (("train", options.train), ("test", options.test)):
        kind = values.get("kind")
        if kind not in SOURCES or kind == "joined":
            raise UsageError(f"source.{name}.kind: must be one of {', '.join(k for k in SOURCES if k != 'joined')}")
        rest = {key: value for key, value in values.items() if key != "kind"}
        yield values, importlib.import_module(SOURCES[kind]), check(kind, rest)
