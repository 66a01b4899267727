"""Stage 3, `docphim build`: prepared studies become examples, split by patient, with leaks counted and wrong images paired."""

from __future__ import annotations

import dataclasses
import importlib
import logging
from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from docphim.build import conflicts, leaks, splits
from docphim.build import media as pictured
from docphim.build import numbers as places
from docphim.build import pairs as negatives
from docphim.build.looks import Wrong, described, looks, task_of, wrong_images
from docphim.build.media import Pictures
from docphim.build.prompts import Prompts
from docphim.build.stats import dataset_stats
from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl, read_studies, write_json, write_jsonl
from docphim.metrics import check_families
from docphim.progress import bar
from docphim.study import SPLITS, Example, Report, Row, Series, Split, Study, media_tags, part_of, to_row

log = logging.getLogger("docphim")
#: Study → what is asked of it.
Asked = Mapping[str, Sequence[Any]]

TASKS = {
    "findings": "docphim.build.findings",
    "impression": "docphim.build.impression",
    "dialogue": "docphim.build.dialogue",
    "impression_from_findings": "docphim.build.impression_from_findings",
    "region_findings": "docphim.build.region_findings",
    "questions": "docphim.build.questions",
    "open_questions": "docphim.build.open_questions",
    "question_dialogue": "docphim.build.question_dialogue",
    "written_dialogue": "docphim.build.written_dialogue",
}


def build(
    dataset: Path,
    *,
    tasks: list[str],
    prompts: str,
    language: str,
    split_by: str,
    fractions: tuple[float, float, float],
    seed: int,
    settings: dict[str, Row],
    pairs: Row | None = None,
    prompt_with: list[str] | None = None,
    questions: Row | None = None,
    numbers: Row | None = None,
    augment: Row | None = None,
    asking: Row | None = None,
) -> None:
    """Write examples/{train,val,test}.jsonl, examples/draft.jsonl (studies without a report), leaks.json and stats.json.

    And tasks.json: which metric families score each task, so that evaluation knows without knowing the tasks.

    Parameters
    ----------
    settings : dict
        Modality → its section of the recipe, as prepare takes them.
    pairs : dict, optional
        The recipe's section of that name: which training negatives every example may have; None: none.
    prompt_with : list of str, optional
        What else the model is told where it is known: of the keys of `more` in prompts.yaml.
    questions : dict, optional
        The recipe's section of that name, for tasks that choose what they ask of the studies of a split together.
    numbers : dict, optional
        The recipe's section of that name: candidates.jsonl is written, and train and val get placeholders; None: neither.
    augment : dict, optional
        The recipe's section of that name: training examples say what augmentation may do to them, counted in augment.json.
    asking : dict, optional
        The ways to endpoints: `paraphrase`, which `augment` has reports worded by, and `writer`, who writes dialogues.

    Raises
    ------
    Refused
        `ambiguous_prompt`, or `empty_dataset` where no study is left to train, test or draft on.
    UsageError
        An unknown task, or splits that the source does not have.
    """
    words = Prompts(prompts, language, tuple(prompt_with or ()))
    modules = {name: task(name) for name in tasks}
    refuse_ambiguous(modules, words)
    pictures = pictured.read(dataset, settings)
    everyone = read_studies(dataset)
    patient_of = {s.id: s.patient for s in everyone}
    studies = [s for s in everyone if s.id in pictures.media]
    reported = [s for s in studies if s.report]
    split_of: dict[str, Split] = _splits(reported, split_by, fractions, seed) if reported else {}
    rejected = list(pictures.refused)
    reader = None if pairs is None else conflicts.Labels.of(reported, pairs["labels"])
    measured = places.measure(dataset, {s.id: pictures.rows[s.id] for s in studies}, numbers, language)
    counts: Counter[str] = Counter()
    surveyed: dict[str, Row] = {}
    for name in ("augment.json", "examples/comparisons.jsonl"):
        (dataset / name).unlink(missing_ok=True)
    for split, chosen in _chosen(studies, split_of).items():
        wrong = wrong_images(chosen, modules, pictures, patient_of, seed) if split != "draft" else {}
        shown = bar(chosen, len(chosen), f"build {split}")
        asked = _surveyed(chosen, split, modules, (language, seed), questions or {}, (dataset, asking or {}), surveyed)
        rows = [row for s in shown for row in _examples(s, split, modules, words, pictures, wrong, rejected, asked)]
        _refuse_repeated(rows)
        rows = places.placed(rows, measured, words.language, split)
        if pairs is not None and reader is not None and split in ("train", "val"):
            for part in dict.fromkeys(part_of(row["task"]) for row in rows):  # a partner has the same part
                of_part = [row for row in rows if part_of(row["task"]) == part]
                negatives.add(of_part, {study.id: study for study in reported}, pictures, patient_of, reader, pairs)
        if augment is not None and split == "train":
            from docphim.build.augment import augmented  # here: the chain of imports stays short

            by_id = {study.id: study for study in reported}
            augmented(rows, by_id, patient_of, pictures, dataset, words, seed, augment, (asking or {}).get("paraphrase", {}))
        counts[split] = write_jsonl(dataset / "examples" / f"{split}.jsonl", rows)
    if "draft" not in counts:
        (dataset / "examples" / "draft.jsonl").unlink(missing_ok=True)
    if not counts["train"] + counts["test"] + counts["draft"]:
        raise Refused("empty_dataset", "", "no example is left for training, testing or drafting")
    rejected += [
        {"study": s.id, "stage": "build", "reason": "split_missing", "why": "the source gives this study no split"}
        for s in reported
        if s.id not in split_of
    ]
    _write_rejected(dataset, rejected)
    as_tasks = dict(ChainMap(*(described(*item, settings) for item in reversed(modules.items()))))
    rows_of_tasks = {name: row | surveyed.get(name, {}) for name, row in as_tasks.items()}
    write_json(dataset / "tasks.json", rows_of_tasks)
    write_json(dataset / "leaks.json", leaks.report(reported, split_of, pictures, patient_of))
    write_json(dataset / "stats.json", dataset_stats(dataset, language))


def _splits(studies: list[Study], by: str, fractions: tuple[float, float, float], seed: int) -> dict[str, Split]:
    return splits.by_patient(studies, fractions, seed) if by == "patient" else splits.by_source(studies)


def _chosen(studies: list[Study], split_of: dict[str, Split]) -> dict[Split, list[Study]]:
    """The studies of each split; those without a report, where there are any, are `draft`."""
    chosen: dict[Split, list[Study]] = {split: [s for s in studies if split_of.get(s.id) == split] for split in SPLITS}
    without_report = [s for s in studies if not s.report]
    return chosen | ({"draft": without_report} if without_report else {})


def _surveyed(
    studies: list[Study],
    split: Split,
    modules: dict[str, ModuleType],
    about: tuple[str, int],
    settings: Row,
    endpoint: tuple[Path, Row],
    counts: dict[str, Row],
) -> dict[str, Asked]:
    """Task → study → what is asked of it, for tasks that choose this over all studies of a split; counts go to tasks.json."""
    asked: dict[str, Asked] = {}
    for name, module in modules.items():
        if hasattr(module, "survey"):
            chosen = {key: value for key, value in settings.items() if key != "writer"}
            if getattr(module, "WRITER", False):
                chosen |= {"writer": settings["writer"], "dataset": endpoint[0], "asking": endpoint[1]["writer"]}
            asked[name], counted = module.survey(studies, *about, **chosen)
            counts.setdefault(name, {"asked": {}})["asked"][split] = counted
    return asked


def _refuse_repeated(rows: list[Row]) -> None:
    """Stop where two examples ask for one id: the answer to one would be taken for the other's."""
    repeated = [name for name, n in Counter(row["id"] for row in rows).items() if n > 1]
    if repeated:
        raise RuntimeError(f"{len(repeated)} ids stand for more than one example; the first is {repeated[0]}")


def task(name: str) -> ModuleType:
    """The module of a task.

    Raises
    ------
    UsageError
        There is no such task, or it names a family of metrics that there is not.
    """
    if name not in TASKS:
        raise UsageError(f"tasks: {name!r} is not one of {', '.join(TASKS)}")
    module = importlib.import_module(TASKS[name])
    check_families(module.METRICS, f"task {name}")
    return module


def refuse_ambiguous(modules: dict[str, ModuleType], words: Prompts) -> None:
    """Refuse tasks that ask for different sections after the very same words."""
    series = [Series("x", "xray", "x", view="PA")]
    sections = {name: f"{{{name}}}" for module in modules.values() for name in module.SECTIONS}
    study = Study("x", "x", "M", 72, None, series, Report(words.language, sections), None, None, "x")
    wanted: dict[str, tuple[str, str | None]] = {}
    for name, module in modules.items():
        for messages in module.examples(study, sections, words, "<image>"):
            before = ""
            for message in messages:
                if message.role == "assistant":
                    first, origin = wanted.setdefault(before, (name, message.origin))
                    if origin != message.origin:
                        why = (
                            f"tasks {first} and {name} ask with the same words under prompts: {words.set}; use prompts: docphim"
                        )
                        raise Refused("ambiguous_prompt", "tasks", why)
                before += f"<{message.role}>{message.content}"


def _examples(
    study: Study,
    split: Split,
    modules: dict[str, ModuleType],
    words: Prompts,
    pictures: Pictures,
    wrong: Wrong,
    rejected: list[Row],
    asked_of: dict[str, Asked],
) -> list[Row]:
    examples = []
    known = pictures.rows[study.id]
    seen = dataclasses.replace(study, series=[_with_view(s, known) for s in study.series], body=body_of(study, known))
    for name, module in modules.items():
        sections = study.report.sections if study.report else dict.fromkeys(module.SECTIONS, "")
        lack = _lack(study, module, pictures) or _unasked(study, asked_of.get(name))
        if lack is not None:
            why = f"task {name} needs {lack[1]}"
            rejected.append({"study": study.id, "stage": "build", "reason": lack[0], "why": why})
            continue
        for part, media in looks(module, pictures, study.id).items():
            about = {"part": part, "rows": known} if part else {}
            about |= {"asked_of": asked_of[name].get(study.id, [])} if name in asked_of else {}
            asked = module.examples(seen, sections, words, pictured.tags(media), **about)
            for number, messages in enumerate(asked, 1):
                if split in ("train", "val") and not messages[-1].content.strip():
                    continue  # of a part that the report is silent on there is nothing to learn
                if not study.report:  # what is to be drafted has its place in the conversation, and no text
                    messages = [dataclasses.replace(m, origin=None) if m.role == "assistant" else m for m in messages]
                task = task_of(name, part)
                example = Example(
                    id=f"{study.id}-{task}-{number}" if module.NUMBERED else f"{study.id}-{task}",
                    study=study.id,
                    patient=study.patient,
                    split=split,
                    task=task,
                    language=words.language,
                    messages=messages,
                    media=media * sum(bool(media_tags([m])) for m in messages),
                    wrong_image=wrong.get((name, part), {}).get(study.id),
                )
                examples.append(to_row(example))
    return examples


def _lack(study: Study, module: ModuleType, pictures: Pictures) -> tuple[str, str] | None:
    """What a task needs and the study does not have, after its reason code; None where it has all."""
    missing = [s for s in module.SECTIONS if study.report and not study.report.sections.get(s, "").strip()]
    if missing:
        return "section_missing", f"the section {missing[0]}, which the report lacks"
    volume = pictured.missing(pictures, study.id, getattr(module, "VOLUMES", ()))
    if volume is not None:
        return "volume_missing", f"{volume[0]}, which is {volume[1]}"
    if looks(module, pictures, study.id):
        return None
    return "parts_unknown", "parts of the body, and nothing says which slices show them"


def _unasked(study: Study, asked: Asked | None) -> tuple[str, str] | None:
    """That the report of a study answers no question of the task, or none that is left to ask."""
    none = asked is not None and study.report is not None and not asked.get(study.id)
    return ("no_question", "a question that the report answers") if none else None


def _with_view(series: Series, rows: list[Row]) -> Series:
    row = next((row for row in rows if row["series"] == series.id), {})
    phase = (row.get("how") or {}).get("series", {}).get("phase", "unknown")
    known = series.phase or (None if phase == "unknown" else phase)
    return dataclasses.replace(series, view=row.get("view", series.view), phase=known)


def body_of(study: Study, rows: list[Row]) -> dict[str, float] | None:
    """What was measured of the patient: by the source, or else by the header that made SUV of its PET."""
    how: Row = next((row.get("how") or {} for row in rows if row["modality"] == "pet"), {})
    measured = {name: how[name] for name in ("weight_kg", "dose_mbq") if how.get(name) is not None}
    return {**measured, **(study.body or {})} or None


def _write_rejected(dataset: Path, rows: list[Row]) -> None:
    earlier = [row for row in read_jsonl(dataset / "rejected.jsonl") if row["stage"] != "build"]
    write_jsonl(dataset / "rejected.jsonl", [*earlier, *rows])
