"""Stage 6, `docphim evaluate`: scores with the floors under them, and what a wrong image does to them.

Reads predictions.jsonl, likelihoods.jsonl and the dataset's examples; writes scores.json, and of each study scores.parquet,
statistics.parquet (what `docphim compare` needs) and errors.jsonl (the facts, right and wrong).
`docphim.evaluate.score` scores any file of pairs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def evaluate(
    dataset: Path,
    run: Path,
    *,
    language: str,
    resamples: int,
    seed: int,
    label_sets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    judge: dict[str, Any] | None = None,
    judge_asking: dict[str, Any] | None = None,
    truth: Path | None = None,
) -> dict[str, Any]:
    """Score every task, split and context of a run; what was written to scores.json is returned.

    Parameters
    ----------
    language : {"vi", "en", "zh"}
        Language of the reports.
    resamples : int
        Bootstrap samples of patients under each interval.
    seed : int
        Seed of the bootstrap and of the floors' choice of reports.
    label_sets : sequence of str, optional
        Sets of `docphim.language.labels.SETS`; none: those for films, or for CT where there is one.
    metrics : sequence of str, optional
        Families of `docphim.metrics.METRICS` in place of those that each task names.
    judge, judge_asking : dict, optional
        A language model as judge (`docphim.evaluate.judge.Judge`): what its answers depend on, and the way to it.

    truth : Path, optional
        The adjudicated lesions of an expert validation: drafts of its studies are scored against these, in place of what the
        dataset holds as true (`docphim.metrics.lesion_records`).

    Raises
    ------
    Refused
        `file_missing` or `empty_dataset`, where there is no prediction on a study's own image.
    UsageError
        The language has no tokens.
    """
    from docphim.evaluate.tables import write_tables

    settings: dict[str, Any] = {"language": language, "resamples": resamples, "seed": seed}
    settings |= {"label_sets": label_sets, "metrics": metrics, "truth": truth}
    if judge is None:
        return write_tables(dataset, run, **settings)
    from docphim.evaluate.judge import Judge

    systems = judge["systems"]
    about = {key: value for key, value in judge.items() if key != "systems"}
    with contextlib.closing(Judge(run / "judge.jsonl", language, **about, **(judge_asking or {}))) as asked:
        return write_tables(dataset, run, **settings, judge=asked, judged=systems)
