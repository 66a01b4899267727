"""Docphim: radiology studies with reports in, an audited dataset, a fine-tuned model, drafted reports and scores out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def score(
    references: Sequence[str | None],
    predictions: Sequence[str | None],
    language: str = "vi",
    *,
    ids: Sequence[str] | None = None,
    patients: Sequence[str] | None = None,
    answers: Sequence[Any] | None = None,
    label_sets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    convention: str = "docphim",
    tokens: str = "syllable",
    allow: Collection[str] = (),
    resamples: int = 1000,
    seed: int = 12345,
    modality: str | None = None,
) -> dict[str, Any]:
    """Score drafted reports against their references: lists in, and out what `docphim score --json` prints.

    Parameters
    ----------
    references, predictions : sequence of str
        Reports that belong together; a prediction of None is missing, a reference of None leaves its prediction over.
    language : {"vi", "en", "zh"}
        Language of the reports.
    ids, patients : sequence of str, optional
        Names of the pairs, and whose each is: intervals are over patients.  Without them every pair is a patient.
    answers : sequence of docphim.study.Answer, optional
        Typed answers, where the texts answer questions.
    label_sets, metrics : sequence of str, optional
        Label sets and families of metrics; the usual ones where not said.
    convention, tokens : str
        Another tool's convention, and what Docphim's own counts.
    allow : collection of str
        Of `missing`, `extra`, `duplicates`: faults that do not stop the scoring.
    resamples, seed : int
        Bootstrap samples under each interval, and their seed.
    modality : {"xray", "ct", "pet"}, optional
        What all reports are of: on a film some words mean the same that do not on a scan.

    Returns
    -------
    dict
        ``{"scores": {KEY: {"value", "low", "high", "n", "signature"}}, "counts", "named", "suspect", …}``; docs/metrics.md
        says what each is.

    Raises
    ------
    docphim.errors.Refused, docphim.errors.UsageError
        As the command.
    ValueError
        The lists differ in length; one is a text, or holds what is no text; an answer is no `Answer`.

    Examples
    --------
    >>> from docphim import score
    >>> score(["Bóng tim to."], ["Bóng tim không to."])["scores"]["fact_f1"]["value"]
    0.0
    """
    # By name, so that importing docphim stays instant.
    score_texts = import_module("docphim.evaluate.score").score_texts
    scored: dict[str, Any] = score_texts(
        references,
        predictions,
        language,
        ids=ids,
        patients=patients,
        answers=answers,
        label_sets=label_sets,
        metrics=metrics,
        convention=convention,
        tokens=tokens,
        allow=allow,
        resamples=resamples,
        seed=seed,
        modality=modality,
    )
    return scored
