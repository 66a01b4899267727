"""What a judge's answers come to: precision, recall and F1 of facts, and how far the rules agree (`judge` in scores.json)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from docphim.evaluate.drafts import Drafts, scored_texts
from docphim.evaluate.judge import Facts, Judge, Matches, spans
from docphim.metrics import families
from docphim.metrics.agreement import agreement
from docphim.metrics.intervals import interval, patient_index, resampled_sums, rounded
from docphim.metrics.matching import Matching, matchings
from docphim.metrics.pairs import Floats, Pairs
from docphim.metrics.signature import signature
from docphim.scores import Agreement, Judgement, JudgeScores, Score

KEYS = ("precision", "recall", "f1", "f1_macro")


@dataclass(frozen=True)
class Judged:
    """One system's reports: whose they are, and what the judge made of each pair; None where it failed."""

    patients: Sequence[str]
    verdicts: list[tuple[Facts, Facts, Matches] | None]
    empty: list[bool]


def judge_section(
    judge: Judge, systems: Mapping[str, Sequence[tuple[str, str, str]]], pairs: Pairs, resamples: int, seed: int
) -> Judgement:
    """Judge a task's systems and say how far the rules agree on the own one.

    Parameters
    ----------
    systems : dict
        Name → reference, prediction and patient of each report; `own` is there.  A name with a colon (`floor:constant`) is a
        floor, any other a wrong image.
    pairs : Pairs
        The own reports, for the rules' facts.

    Returns
    -------
    Judgement
        Scores of the own system in percent (value None where no report could be judged), `n` reports judged and `failed`
        ones, `failures` by reason, `kappa` (see `_with_rules`), `floors` and `reliance` as the other scores have them.
    """
    before = judge.failures.copy()
    judged = {name: judge_reports(judge, reports) for name, reports in systems.items()}
    tables = {name: table(judge, system, resamples=resamples, seed=seed) for name, system in judged.items()}
    failed = sum(verdict is None for verdict in judged["own"].verdicts)
    others = {name: scores for name, scores in tables.items() if name != "own"}
    main = tables["own"]
    return Judgement(
        precision=main.precision,
        recall=main.recall,
        f1=main.f1,
        f1_macro=main.f1_macro,
        n=len(judged["own"].verdicts) - failed,
        failed=failed,
        failures=dict(sorted((judge.failures - before).items())),
        model=judge.model,
        prompt=judge.prompt,
        kappa=_with_rules(judged["own"], pairs, resamples, seed) if "facts" in families(pairs.language) else None,
        floors={name.partition(":")[2]: scores for name, scores in others.items() if ":" in name},
        reliance={name: scores for name, scores in others.items() if ":" not in name},
    )


def judged_systems(
    drafts: Drafts, floors: Mapping[str, Sequence[str]], wanted: Sequence[str]
) -> dict[str, list[tuple[str, str, str]]]:
    """Reference, prediction and patient of each report of the systems to judge: `own`, floors and wrong images by name."""
    main = list(drafts.main.values())
    systems = {"own": [(p.reference, text, p.patient) for p, text in zip(main, scored_texts(main), strict=True)]}
    for name in wanted:
        if name in floors:
            systems[f"floor:{name}"] = [(p.reference, text, p.patient) for p, text in zip(main, floors[name], strict=True)]
        elif name != "own":
            shown = [(p, drafts.by_image[name][p.id]) for p in main if p.id in drafts.by_image.get(name, {})]
            texts = scored_texts(draft for _, draft in shown)
            systems[name] = [(p.reference, text, p.patient) for (p, _), text in zip(shown, texts, strict=True)]
    return {name: reports for name, reports in systems.items() if reports}


def judge_reports(judge: Judge, reports: Sequence[tuple[str, str, str]]) -> Judged:
    """What the judge makes of each pair of reports."""
    facts = judge.split(text for reference, prediction, _ in reports for text in (reference, prediction))
    both = [(facts[reference], facts[prediction]) for reference, prediction, _ in reports]
    matched = judge.match((r, p) for r, p in both if r is not None and p is not None)
    verdicts: list[tuple[Facts, Facts, Matches] | None] = []
    for reference, prediction in both:
        verdict = None
        if reference is not None and prediction is not None:
            matches = matched[reference, prediction]
            verdict = None if matches is None else (reference, prediction, matches)
        verdicts.append(verdict)
    return Judged([patient for _, _, patient in reports], verdicts, [not prediction.strip() for _, prediction, _ in reports])


def table(judge: Judge, system: Judged, *, resamples: int, seed: int) -> JudgeScores:
    """Scores of the reports that could be judged, with intervals over patients.

    Reports in which neither text holds a fact score 100, an empty prediction 0, as the rules' facts do.
    """
    places = [i for i, verdict in enumerate(system.verdicts) if verdict is not None]
    if not places:
        return JudgeScores(*(Score(None, n=0) for _ in KEYS))
    statistics = np.array([_counts(system, i) for i in places])
    sums = resampled_sums(statistics, patient_index([system.patients[i] for i in places]), resamples, seed)
    values, drawn = _aggregate(statistics.sum(axis=0)), None if sums is None else _aggregate(sums)
    rows = {}
    for i, key in enumerate(KEYS):
        low, high = interval(None if drawn is None else drawn[:, i])
        signed = signature(
            f"judge_{key}",
            "mean" if key == "f1_macro" else "corpus",
            {"judge": judge.model.replace("|", "/"), "prompt": judge.prompt, "match": "one-to-one", "empty": "0"},
            n=len(places),
            resamples=None if drawn is None else resamples,
            seed=seed,
        )
        rows[key] = Score(rounded(values[i]), low, high, len(places), signed)
    return JudgeScores(**rows)


def _counts(system: Judged, i: int) -> list[float]:
    """Facts of the reference, of the prediction, matched ones, F1, and a one."""
    reference, prediction, matched = system.verdicts[i] or ((), (), ())
    both = len(reference) + len(prediction)
    f1 = 2 * len(matched) / both if both else float(not system.empty[i])
    return [len(reference), len(prediction), len(matched), f1, 1.0]


def _aggregate(sums: Floats) -> Floats:
    """Sums of `_counts` over reports, (…, 5), to percent, (…, 4)."""
    reference, prediction, matched, f1, n = np.moveaxis(np.asarray(sums, dtype=float), -1, 0)
    nothing = (reference + prediction == 0).astype(float)
    columns = [
        np.where(whole > 0, part / np.maximum(whole, 1), nothing)
        for part, whole in ((matched, prediction), (matched, reference), (2 * matched, reference + prediction))
    ]
    return 100 * np.stack([*columns, f1 / np.maximum(n, 1)], axis=-1)


def _with_rules(system: Judged, pairs: Pairs, resamples: int, seed: int) -> dict[str, Agreement]:
    """Agreement of the judge with the rules, sentence by sentence, since their facts are not cut alike.

    A sentence of the prediction is right for the judge if every fact of it is matched, for the rules if no fact that starts
    in it is wrong or hallucinated; a sentence of the reference is found if none of its facts is unmatched, or wrong or
    missing.  Only sentences in which both see a fact are compared; `left_out` counts the others.
    """
    agreed = {}
    matched = matchings(pairs)
    for side, name in enumerate(("reference", "prediction")):
        rows: list[tuple[bool, bool, str]] = []
        left_out = 0
        for i, verdict in enumerate(system.verdicts):
            if verdict is not None:
                sentences = _sentences(pairs, i, side, verdict, matched[i])
                rows += [(*both, system.patients[i]) for both in sentences if both]
                left_out += sum(both is None for both in sentences)
        ours, theirs, patients = ([row[k] for row in rows] for k in range(3))
        agreement_ = agreement(ours, theirs, patients, resamples=resamples, seed=seed)  # type: ignore[arg-type]
        agreed[name] = dataclasses.replace(agreement_, left_out=left_out)
    return agreed


def _sentences(
    pairs: Pairs, i: int, side: int, verdict: tuple[Facts, Facts, Matches], matching: Matching
) -> list[tuple[bool, bool] | None]:
    """Each sentence of one side of a pair: right for the judge, right for the rules; None where one sees no fact."""
    text, rules = (pairs.references, pairs.predictions)[side][i], pairs.facts[side][i]
    matched = {pair[side] for pair in verdict[2]}
    astray = {pair[side] for pair in matching.wrong}  # (reference, prediction, kind)
    astray |= set(matching.hallucinated if side else matching.missing)
    sentences: list[tuple[bool, bool] | None] = []
    for number, (_, start, end) in enumerate(spans(text)):
        judged = [k for k, (sentence, _) in enumerate(verdict[side]) if sentence == number]
        ruled = [k for k, fact in enumerate(rules) if start <= fact.start < end]
        both = (all(k in matched for k in judged), not any(k in astray for k in ruled))
        sentences.append(both if judged and ruled else None)
    return sentences
