"""`docphim score PAIRS`, and `docphim.score(references, predictions)`: the scores of any reports that have a reference each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.evaluate.detail import behind
from docphim.evaluate.drafts import first_ids
from docphim.evaluate.pairs_file import PairsFile, ScoresFile, fault, is_typed, read_pairs, read_scores_file
from docphim.evaluate.suspects import suspects
from docphim.language.collector import uncollected
from docphim.language.declined import Declined, declined, may_decline
from docphim.language.same import MODALITIES
from docphim.language.typed import Cut, typed
from docphim.metrics import METRICS, families, metric
from docphim.metrics.external import key_of
from docphim.metrics.measure import measure, table
from docphim.metrics.pairs import Pairs
from docphim.metrics.parity import choose
from docphim.scores import NAMED, TaskScores
from docphim.study import Answer, to_row

#: What stops the scoring unless it is allowed: a score would hide it.
STOPS = ("missing", "extra", "duplicates")
_NAMED_WHEN_STOPPED = 5
#: What stands behind scores of facts and labels, where they were made.
BEHIND = ("errors", "urgent", "fact_errors", "per_label", "coverage_words")


def score_pairs(
    path: Path | None,
    language: str,
    *,
    scores: Path | None = None,
    convention: str = "docphim",
    tokens: str = "syllable",
    label_sets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    allow: Collection[str] = (),
    resamples: int = 1000,
    seed: int = 12345,
    modality: str | None = None,
) -> dict[str, Any]:
    """Score a pairs file, JSON lines or CSV.

    A line may also hold `patient`, over which intervals are then drawn; without it every id is a patient.  An empty
    prediction, or one that only declines, scores 0.  Missing, extra and duplicate ids stop the scoring; where they are
    allowed, a null prediction scores 0, a null reference leaves its prediction over, and of several lines with one id the
    first counts.

    Parameters
    ----------
    path : Path, optional
        The pairs file; none where only scores computed elsewhere are put in a table.
    language : str
        `vi`, `en` or `zh`.
    scores : Path, optional
        Scores computed elsewhere, JSON lines or CSV of `id` and columns of numbers: each gets the same interval, under its
        own key.
    convention : str
        `docphim`, or another tool's of `docphim.metrics.parity.CONVENTIONS`.
    tokens : str
        `syllable` or `word`, for the convention `docphim`.
    label_sets : sequence of str, optional
        Label sets to score, for the convention `docphim` and a language with a lexicon; the published ones where not said.
    metrics : sequence of str, optional
        Families of `docphim.metrics.METRICS`; where not said those of reports (and of PET/CT, where all are), or
        of answers where every reference is one.
    allow : collection of str
        Which of `STOPS` do not stop.
    modality : {"xray", "ct", "pet"}, optional
        What all reports are of: on a film some words mean the same that do not on a scan.  Not said is no film.

    Returns
    -------
    dict
        `scores` by key; `counts` of pairs and of each fault; `named`, the first ids of each fault; `suspect`, the first
        reports that are not what they are taken for.  Where facts were scored also `errors`, `urgent`, `fact_errors`,
        `per_label` and `coverage_words`.

    Raises
    ------
    Refused
        `file_missing`; `pairs_unreadable`, with the line's number; `pairs_incomplete`, with the ids.
    UsageError
        Some references are answers and some are reports, and no `metrics` are named; the language has no tokens; there is no
        such modality; the
        convention, its tokens, a label set, a family or what is to be allowed is unknown; label sets where there are no
        labels.
    """
    if path is None and scores is None:
        raise UsageError("PAIRS: name a file of pairs, or scores computed elsewhere with --scores")
    choose(convention, language, tokens)  # a wrong command is told before a file is read
    pairs = PairsFile() if path is None else read_pairs(path)
    elsewhere = None if scores is None else read_scores_file(scores)
    if path is None and elsewhere is not None:
        empty = [""] * len(elsewhere.ids)
        pairs = PairsFile(elsewhere.ids, elsewhere.patients, empty, empty, [None] * len(empty))
        metrics = ()
    name = (path or scores or Path()).name
    return _scored(
        pairs,
        language,
        name,
        elsewhere,
        convention=convention,
        tokens=tokens,
        label_sets=label_sets,
        metrics=metrics,
        allow=allow,
        resamples=resamples,
        seed=seed,
        modality=modality,
    )


def score_texts(
    references: Sequence[str | None],
    predictions: Sequence[str | None],
    language: str = "vi",
    *,
    ids: Sequence[str] | None = None,
    patients: Sequence[str] | None = None,
    answers: Sequence[Answer | None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score lists of reports as `score_pairs` does a file; `docphim.score` documents the arguments.

    Raises
    ------
    ValueError
        The lists differ in length; one is a text, or holds what is no text; an answer is no `Answer`.
    """
    n = len(references)
    columns = {
        "prediction": predictions,
        "id": [str(i) for i in range(n)] if ids is None else ids,
        "patient": [None] * n if patients is None else patients,
        "answer": [None] * n if answers is None else answers,
    }
    for name, column in columns.items():
        if len(column) != n:
            raise ValueError(f"{n} references and {len(column)} of {name}")
        if isinstance(column, str) or isinstance(references, str):
            raise ValueError("references and predictions are lists of texts, one a pair, and no single text")
    pairs = PairsFile()
    for i, reference in enumerate(references):
        row = {"reference": reference, **{name: column[i] for name, column in columns.items()}}
        if why := fault(row | {"answer": None}):
            raise ValueError(f"pair {i} {why}")
        answer = row["answer"]
        if answer is not None and not (isinstance(answer, Answer) and is_typed(answer.kind, answer.value)):
            raise ValueError(f"pair {i} has an answer that is no docphim.study.Answer such as Answer('yes_no', True)")
        pairs.add(row)
    return _scored(pairs, language, "", None, **options)


@uncollected()
def _scored(
    pairs_file: PairsFile,
    language: str,
    name: str,
    elsewhere: ScoresFile | None,
    *,
    convention: str = "docphim",
    tokens: str = "syllable",
    label_sets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    allow: Collection[str] = (),
    resamples: int = 1000,
    seed: int = 12345,
    modality: str | None = None,
) -> dict[str, Any]:
    """What `docphim score --json` prints."""
    if modality not in (None, *MODALITIES):
        raise UsageError(f"--modality {modality}: must be one of {', '.join(MODALITIES)}")
    unknown = [fault for fault in allow if fault not in STOPS]
    if unknown:
        raise UsageError(f"--allow {unknown[0]}: must be of {', '.join(STOPS)}")
    names, tokens = _families(pairs_file, language, convention, tokens, label_sets, metrics, modality)
    faults = pairs_file.faults
    _stop(name, {fault: faults[fault] for fault in STOPS if faults[fault] and fault not in allow})
    if not pairs_file.ids:
        raise Refused("pairs_unreadable", name, "there is no pair to score")
    external = {} if elsewhere is None else _aligned(elsewhere, pairs_file.ids, allow)
    words = typed([*pairs_file.references, *pairs_file.predictions])
    states = _declined(pairs_file, words)
    if any(pairs_file.references):  # scores computed elsewhere come without texts
        faults["declined"] = [id_ for id_, state in zip(pairs_file.ids, states, strict=True) if state != "no"]
    # Another tool scores a refusal in words as it scores any words.
    texts = pairs_file.predictions
    if convention == "docphim":
        texts = ["" if state == "wholly" else text for text, state in zip(texts, states, strict=True)]
    tables = pairs_file.lesions if any(table is not None for table in pairs_file.lesions) else ()
    whole = words if texts == pairs_file.predictions else None
    known: Any = {"answers": pairs_file.answers, "modality": modality, "records": tables, "typed": whole}
    pairs = Pairs(pairs_file.references, texts, language, tokens, **known)
    system = measure(pairs, pairs_file.patients, resamples=resamples, seed=seed, names=names, external=external)
    suspect = suspects(pairs_file.ids, pairs_file.references, pairs_file.predictions, language, words)
    faults["suspect"] = list(dict.fromkeys(row["id"] for row in suspect))
    people = len(set(pairs_file.patients))
    counts = {"pairs": len(pairs_file.ids), "patients": people, **{fault: len(ids) for fault, ids in faults.items()}}
    entry = to_row(TaskScores(table(system), **vars(behind(pairs, system)[0])))
    answer = {"scores": entry["scores"], "counts": counts, "named": first_ids(faults), "suspect": suspect[:NAMED]}
    return answer | {part: entry[part] for part in BEHIND if part in entry}


def _declined(pairs_file: PairsFile, words: Cut) -> list[Declined]:
    """Whether each prediction declines, given the words of all references, then all predictions."""
    texts = zip(pairs_file.predictions, pairs_file.references, may_decline(words)[len(pairs_file.ids) :].tolist(), strict=True)
    return [declined(text, reference) if maybe else "no" for text, reference, maybe in texts]


def _families(
    pairs_file: PairsFile,
    language: str,
    convention: str,
    tokens: str,
    label_sets: Sequence[str] | None,
    metrics: Sequence[str] | None,
    modality: str | None,
) -> tuple[tuple[str, ...], str]:
    """The families to score, and the rule by which reports are cut."""
    tokens, others = choose(convention, language, tokens)
    if label_sets and (others or "facts" not in families(language)):
        whose = f"the convention {convention}" if others else f"{language}, which has no lexicon"
        raise UsageError(f"--set {label_sets[0]}: there are no labels under {whose}")
    if others:
        return others, tokens
    if metrics is None and _asks(pairs_file, language):
        metrics = [name for name in METRICS if metric(name).SERVES == "answers"]
    return families(language, label_sets, metrics, modality), tokens


def _asks(pairs_file: PairsFile, language: str) -> bool:
    """Whether the references answer questions: each is typed, a number, or a yes or no; empty ones are neither.

    Raises
    ------
    UsageError
        Some do and some are reports: the facts of "Có." and "Không." would be scored as the same.
    """
    from docphim.metrics.answers import is_answer

    columns = (pairs_file.ids, pairs_file.answers, pairs_file.references)
    rows = [row for row in zip(*columns, strict=True) if row[1] or row[2].strip()]
    answering = [id_ for id_, answer, text in rows if answer or is_answer(text, language)]
    if answering and len(answering) < len(rows):
        raise UsageError(
            f"{len(answering)} of {len(rows)} references answer a question ({_some(answering)}) and the others report: "
            "score them apart, or use --metrics to name what is scored (--metrics answers)"
        )
    return bool(answering)


def _aligned(elsewhere: ScoresFile, ids: Sequence[str], allow: Collection[str]) -> dict[str, list[float | None]]:
    """Scores computed elsewhere in the order of the pairs, by key; an id without a number is missing.

    Raises
    ------
    Refused
        `pairs_incomplete`, with the ids.
    UsageError
        A column has the name of one of Docphim's scores.
    """
    known = {key for name in METRICS for key in metric(name).KEYS}
    place = {id_: i for i, id_ in enumerate(elsewhere.ids)}
    lacking = [i for i in ids if i not in place or any(column[place[i]] is None for column in elsewhere.columns.values())]
    extra = sorted(set(place) - set(ids))
    faults = {"missing": lacking, "extra": extra, "duplicates": elsewhere.duplicates}
    _stop("the scores computed elsewhere", {fault: rows for fault, rows in faults.items() if rows and fault not in allow})
    aligned = {}
    for name, column in elsewhere.columns.items():
        key = key_of(name)
        if not key or key in known or key in aligned:
            raise UsageError(f"--scores: the column {name!r} needs a name of its own")
        aligned[key] = [column[place[i]] if i in place else None for i in ids]
    return aligned


def _stop(name: str, faults: Mapping[str, Sequence[str]]) -> None:
    """Refuse a file whose faults a score would hide."""
    if faults:
        reports = "; ".join(f"{len(ids)} {fault} ({_some(ids)})" for fault, ids in faults.items())
        why = f"{reports}; to score it all the same: --allow {','.join(faults)}"
        raise Refused("pairs_incomplete", name, why)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_NAMED_WHEN_STOPPED]) + (", …" if len(ids) > _NAMED_WHEN_STOPPED else "")
