"""scores.json and the files beside it: for each task its scores, floors, leads, reliance on the image, errors, gain."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docphim.errors import Refused
from docphim.evaluate.by_study import System, error_rows, keys, write_by_study, write_statistics
from docphim.evaluate.detail import behind, scored_reports
from docphim.evaluate.drafts import Drafts, answer_section, first_ids, items_of, read_drafts, scored_texts
from docphim.evaluate.findings import by_finding
from docphim.evaluate.floors import Floors, Thumbs
from docphim.evaluate.groups import Case, by_group
from docphim.evaluate.joined import whole_drafts, wholes
from docphim.evaluate.judge import Judge
from docphim.evaluate.judge_scores import judge_section, judged_systems
from docphim.evaluate.lesions import by_lesion, lesions_of
from docphim.evaluate.met import Vectors
from docphim.evaluate.suspects import suspects
from docphim.files import read_examples, read_json, read_jsonl, read_studies, write_jsonl
from docphim.language.fact import Fact
from docphim.metrics import families, label_sets, modality_of, sets_of
from docphim.metrics.measure import Measured, lead, mean_score, measure, reading, scored, table
from docphim.metrics.pairs import Pairs
from docphim.progress import bar
from docphim.scores import WRONG, LesionRates, Rates, Score, Table, TaskKey, TaskScores, write_scores
from docphim.study import Answer, Example, Lesion, Prediction, Row, Study, item_of, part_of, to_row


@dataclass(frozen=True)
class Bench:
    """What every measurement of a task shares; a text is read for its facts once, whichever system wrote it."""

    language: str
    resamples: int
    seed: int
    families: Sequence[str]
    facts_read: dict[str, list[Fact]]
    judge: Judge | None = None
    judged: Sequence[str] = ()
    modality: str | None = None
    truths: Mapping[str, Sequence[Lesion]] = dataclasses.field(default_factory=dict)
    truth_by: str = "records"
    vectors: Vectors = dataclasses.field(default_factory=Vectors)

    def pairs(
        self,
        of: Sequence[Prediction],
        predictions: Sequence[str],
        answers: Sequence[Answer | None],
        shown: Sequence[Prediction] | None = None,
    ) -> Pairs:
        """The references of some drafts, and texts to score in their place, that share the facts already read.

        `shown` are the drafts on whose images the texts were written; none: on no image.
        """
        return Pairs(
            [p.reference for p in of],
            predictions,
            self.language,
            facts_read=self.facts_read,
            answers=answers,
            modality=self.modality,
            studies=[p.study for p in of] if any(answers) else (),
            truths=[self.truths.get(p.study) for p in of] if self.truths else (),
            truth_by=self.truth_by,
            retrieved=self.vectors.retrieved(of, shown),
        )

    def measure(self, pairs: Pairs, drafts: Sequence[Prediction]) -> Measured:
        """Score predictions; systems measured on the same patients are paired."""
        patients = [draft.patient for draft in drafts]
        return measure(pairs, patients, resamples=self.resamples, seed=self.seed, names=self.families)


@dataclass(frozen=True)
class Seen:
    """What was seen: a dataset, every study of it, and the rows of its prepared series, by study."""

    dataset: Path
    studies: Mapping[str, Study]
    series: Mapping[str, Sequence[Row]]


def truth_records(
    drafts: Drafts, studies: Mapping[str, Study], settled: Mapping[str, list[Lesion] | None] | None = None
) -> dict[str, list[Lesion]]:
    """The lesions that a study's truth holds (`records`), by study; they are of the whole body, so none for a part of it.

    `settled` are those that experts came to, in place of what the dataset holds.
    """
    if part_of(drafts.key.task):
        return {}
    from docphim.language.lesion_tables import lesions_of_table  # here: few datasets have records

    shown = {example.study for example in drafts.examples.values()} & studies.keys()
    if settled is not None:
        return {study: lesions for study in sorted(shown) if (lesions := settled.get(study)) is not None}
    truths = {study: (studies[study].truth or {}).get("records") for study in sorted(shown)}
    return {study: lesions_of_table(rows) for study, rows in truths.items() if rows is not None}


def _with_text(drafts: Drafts) -> Drafts | None:
    """Drafts of a part without those on which the reference is silent; what is invented there counts in the whole's scores.

    Words cannot be compared with none: a model that rightly says nothing would score 0.  None where nothing is left.
    """
    if not part_of(drafts.key.task):
        return drafts
    spoken = {id_ for id_, p in drafts.main.items() if p.reference.strip()}
    by_image = {image: {i: p for i, p in shown.items() if i in spoken} for image, shown in drafts.by_image.items()}
    examples = {i: e for i, e in drafts.examples.items() if i in spoken}
    return dataclasses.replace(drafts, examples=examples, by_image=by_image) if spoken else None


def task_rows(dataset: Path) -> dict[str, Row]:
    """What tasks.json says of each task of a dataset: its metric families, and which task it is a part of."""
    path = dataset / "tasks.json"
    return dict(read_json(path)) if path.exists() else {}


def task_metrics(tasks: Mapping[str, Row]) -> dict[str, list[str]]:
    """The metric families that each task names, those of a whole as its parts do; empty where an older version built it."""
    together = {row["joined"]: row["metrics"] for row in tasks.values() if "joined" in row}
    return together | {task: row["metrics"] for task, row in tasks.items()}


def write_tables(
    dataset: Path,
    run: Path,
    *,
    language: str,
    resamples: int,
    seed: int,
    label_sets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    judge: Judge | None = None,
    judged: Sequence[str] = (),
    truth: Path | None = None,
) -> Row:
    """Evaluate a run; `docphim.evaluate.evaluate` documents the arguments."""
    facts_read: dict[str, list[Fact]] = {}
    train = read_examples(dataset, "train")
    examples = [*train, *read_examples(dataset, "val"), *read_examples(dataset, "test")]
    studies = {study.id: study for study in read_studies(dataset)}
    settled, truth_by = (None, "records") if truth is None else _settled(truth, studies)
    series: dict[str, list[Row]] = {}
    for row in read_jsonl(dataset / "prepared" / "index.jsonl"):
        series.setdefault(row["study"], []).append(row)
    tasks = task_rows(dataset)
    nats, thumbs, chosen = _read_nats(run / "likelihoods.jsonl"), Thumbs.read(dataset), task_metrics(tasks)
    vectors = Vectors.read(run / "likelihoods.jsonl")
    by_task: dict[TaskKey, TaskScores] = {}
    errors: list[Row] = []
    measured: list[tuple[Drafts, System]] = []
    groups = read_drafts(run / "predictions.jsonl", examples)
    whole = wholes(examples, tasks, studies)
    together = whole_drafts(groups, whole)
    _write_joined(run / "joined.jsonl", together)
    train = [*train, *(part.example for part in whole if part.example.split == "train")]
    groups = sorted([*filter(None, map(_with_text, groups)), *together], key=lambda drafts: str(drafts.key))
    for drafts in bar(groups, len(groups), "evaluate"):
        sets = label_sets or sets_of(drafts.examples.values(), studies)
        names = families(language, sets, metrics or chosen.get(drafts.key.task))
        shown = modality_of(drafts.examples.values())
        asked = "lesions" in names or settled is not None
        truths = truth_records(drafts, studies, settled) if asked else {}
        names = (*names, "lesion_records") if truths and "lesion_records" not in names else names
        names = (*names, "retrieval") if len(vectors.retrieved([*drafts.main.values()], None)) else names
        bench = Bench(language, resamples, seed, names, facts_read, judge, judged, shown, truths, truth_by, vectors)
        same = list(items_of((e for e in train if e.task == drafts.key.task), drafts.turn).values())
        floors = Floors(same, drafts.turn, studies, thumbs, language, seed)
        entry, systems, wrong = _task(drafts, floors, Seen(dataset, studies, series), bench)
        by_task[drafts.key] = dataclasses.replace(entry, image_gain=_image_gain(drafts, nats, bench))
        measured += [(drafts, system) for system in systems]
        errors += wrong
    write_by_study(run / "scores.parquet", measured)
    write_statistics(run / "statistics.parquet", measured)
    write_jsonl(run / "errors.jsonl", errors)
    return write_scores(run / "scores.json", by_task)


def _settled(path: Path, studies: Collection[str]) -> tuple[dict[str, list[Lesion] | None], str]:
    """The lesions that experts came to, by study, and what the signature calls them.

    Raises
    ------
    Refused
        As `docphim.metrics.readers.read_truth`; `reading_differs`, where it is about none of the dataset's studies.
    """
    from docphim.metrics.readers import read_truth  # here: few runs have it

    truth = read_truth(path)
    settled = truth.records()
    if not settled.keys() & {*studies}:
        raise Refused("reading_differs", path.name, "it is about none of the dataset's studies")
    return settled, f"experts-{str(truth.sha256)[:8]}"


def _write_joined(path: Path, together: Sequence[Drafts]) -> None:
    """What was put together from parts, in the form of predictions.jsonl; no file where nothing was."""
    if together:
        write_jsonl(path, (to_row(p) for drafts in together for shown in drafts.by_image.values() for p in shown.values()))
    else:
        path.unlink(missing_ok=True)


def _task(drafts: Drafts, floors: Floors, seen: Seen, bench: Bench) -> tuple[TaskScores, list[System], list[Row]]:
    """One entry of scores.json, every system behind it, and its rows of errors.jsonl."""
    main = list(drafts.main.values())
    references, answers = [p.reference for p in main], drafts.answers(main)
    suspects([p.id for p in main], references, [p.prediction for p in main], bench.language)
    pairs = bench.pairs(main, scored_texts(main), answers, main)
    system = bench.measure(pairs, main)
    texts = floors.texts(list(drafts.examples.values()))
    blind = {floor: bench.measure(bench.pairs(main, reports, answers), main) for floor, reports in texts.items()}
    reliance, wrong = _reliance(drafts, system, bench)
    leads = {floor: lead(system, m) for floor, m in blind.items()}
    drops = {key: score.drop for key, score in reliance.get("other", {}).items() if score.drop}
    phantom, ceiling = _on_phantoms(drafts, seen, bench)
    detail, matchings = behind(pairs, system)
    judge = None
    if bench.judge:
        judge = judge_section(bench.judge, judged_systems(drafts, texts, bench.judged), pairs, bench.resamples, bench.seed)
    entry = TaskScores(
        scores=table(system),
        floors={floor: table(m) for floor, m in blind.items()},
        lead=leads,
        reliance=reliance,
        reading=reading(leads, drops),
        counts=drafts.counts(),
        named=first_ids(drafts.faults),
        keys=keys(drafts),
        judge=judge,
        by_group=_groups(drafts, pairs, [System("own", system, main), *wrong], seen, bench),
        **vars(detail),
        **phantom,
    )
    errors = list(error_rows(drafts, pairs, matchings, scored_reports(pairs, system))) if matchings else []
    below = [System(f"floor:{floor}", m, main) for floor, m in blind.items()]
    return entry, [System("own", system, main), *wrong, *below, *ceiling], errors


def _groups(
    drafts: Drafts, pairs: Pairs, systems: Sequence[System], seen: Seen, bench: Bench
) -> dict[str, dict[str, Table]] | None:
    """Scores of parts of the studies, and of each kind of question; None where there are neither facts nor answers."""
    if not {"facts", "answers"} & {*bench.families}:
        return None
    read = pairs.facts[0] if "facts" in bench.families else [()] * len(pairs)
    answers = pairs.answers or [None] * len(pairs)
    set_ = next((name for name in label_sets() if name in bench.families), None)
    cases = {
        id_: Case(seen.studies.get(p.study), seen.series.get(p.study, ()), facts, set_, answer)
        for (id_, p), facts, answer in zip(drafts.main.items(), read, answers, strict=True)
    }
    other = next((system for system in systems if system.name == "other"), None)
    score = functools.partial(scored, resamples=bench.resamples, seed=bench.seed)
    return by_group(cases, systems[0], other, score) or None


def _reliance(drafts: Drafts, system: Measured, bench: Bench) -> tuple[dict[str, Table], list[System]]:
    """The same model's scores on wrong images; `drop` is what it loses against its own image on the same studies."""
    tables: dict[str, Table] = {}
    measured: list[System] = []
    for image in WRONG:
        shown = drafts.by_image.get(image, {})
        both = [p for i, p in drafts.main.items() if i in shown]
        if not both:
            continue
        answers = drafts.answers(both)
        others = [shown[p.id] for p in both]
        wrong = bench.measure(bench.pairs(both, scored_texts(others), answers, others), both)
        measured.append(System(image, wrong, others))
        same = system
        if len(both) < len(drafts.main):
            same = bench.measure(bench.pairs(both, scored_texts(both), answers, both), both)
        drops = lead(same, wrong)
        tables[image] = {key: dataclasses.replace(score, drop=drops[key]) for key, score in table(wrong).items()}
    return tables, measured


def _read_nats(path: Path) -> dict[Any, float]:
    """−log p of the reference by (id of the draft, context, image)."""
    return {
        (item_of(r["id"], r["turn"]), r["context"], r["image"]): float(r["nats"])
        for r in read_jsonl(path)
        if r["nats"] is not None
    }


def _image_gain(drafts: Drafts, nats: Mapping[Any, float], bench: Bench) -> Score | None:
    """CE(reference | another patient's image) − CE(reference | own image), nats per report; None where it was not measured."""
    gains, patients = [], []
    for id_, prediction in drafts.main.items():
        seen, other = (nats.get((id_, drafts.key.context, image)) for image in ("own", "other"))
        if seen is not None and other is not None:
            gains.append(other - seen)
            patients.append(prediction.patient)
    return mean_score(np.array(gains), patients, resamples=bench.resamples, seed=bench.seed) if gains else None


def _on_phantoms(drafts: Drafts, seen: Seen, bench: Bench) -> tuple[dict[str, Any], list[System]]:
    """Ceiling and findings, where the studies' truth is known; it is of the whole body, so not of a part."""
    if part_of(drafts.key.task):
        return {}, []
    examples = drafts.examples.values()
    known = [(e, truth) for e in examples if (study := seen.studies.get(e.study)) and (truth := study.truth)]
    parts: dict[str, Any] = {}
    systems: list[System] = []
    reworded = [(drafts.main[e.id], text) for e, truth in known if (text := _reworded(e, truth)) is not None]
    if reworded:
        shown, texts = [p for p, _ in reworded], [text for _, text in reworded]
        pairs = bench.pairs(shown, texts, drafts.answers(shown))
        ceiling = bench.measure(pairs, shown)
        parts["ceiling"] = table(ceiling)
        systems.append(System("ceiling", ceiling, shown))
    labelled = [(e, t["labels"]) for e, t in known if t.get("labels")]
    if labelled and "facts" in bench.families:
        label_set = next(str(t.get("label_set", "phantom")) for _, t in known if t.get("labels"))  # a film's truth names none
        parts["by_finding"] = _findings(drafts, labelled, label_set, bench)
        parts["by_lesion"] = _lesions(drafts, known, label_set, seen, bench)
    return parts, systems


def _lesions(
    drafts: Drafts, known: Sequence[tuple[Example, Row]], label_set: str, seen: Seen, bench: Bench
) -> dict[str, dict[str, dict[str, LesionRates]]] | None:
    """Rates by grouping, group and image; what another patient's image gives is what chance names.  None without lesions."""
    lesions = {e.id: lesions_of(t, e.media, seen.series.get(e.study, ()), seen.dataset) for e, t in known if t.get("lesions")}
    tables: dict[str, dict[str, dict[str, LesionRates]]] = {}
    for image in ("own", "other"):
        shown = drafts.by_image.get(image, {})
        rows = [(e, shown[e.id].prediction) for e, _ in known if e.id in shown and e.id in lesions]
        if not rows:
            continue
        read = Pairs([text for _, text in rows], [""] * len(rows), bench.language, facts_read=bench.facts_read).facts[0]
        cases = [(facts, lesions[e.id], e.patient) for (e, _), facts in zip(rows, read, strict=True)]
        rates = by_lesion(cases, label_set, resamples=bench.resamples, seed=bench.seed)
        for grouping, groups in rates.items():
            for group, rate in groups.items():
                tables.setdefault(grouping, {}).setdefault(group, {})[image] = rate
    return tables or None


def _reworded(example: Example, truth: Row) -> str | None:
    """The section that is asked for in other words; None where the truth has it in none."""
    return (truth.get("reworded") or {}).get(answer_section(example))


def _findings(
    drafts: Drafts, labelled: Sequence[tuple[Example, Mapping[str, int]]], label_set: str, bench: Bench
) -> dict[str, dict[str, Rates]]:
    """Rates by finding and image; what the study's own film shows is the truth, whichever film was shown."""
    rates: dict[str, dict[str, Rates]] = {}
    for image in ("own", "other"):
        shown = drafts.by_image.get(image, {})
        cases = [(shown[e.id].prediction, truth, e.patient) for e, truth in labelled if e.id in shown]
        of_image = by_finding(
            cases,
            bench.language,
            resamples=bench.resamples,
            seed=bench.seed,
            label_set=label_set,
            facts_read=bench.facts_read,
        )
        for finding, rate in of_image.items():
            rates.setdefault(finding, {})[image] = rate
    return {finding: images for finding, images in rates.items() if "own" in images}
