"""Stage 3, `docphim build`: prepared studies become examples, split by patient, with leaks counted and wrong images paired."""

from __future__ import annotations

import dataclasses
import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np

from docphim.build import leaks, splits, wrong_image
from docphim.build.prompts import Prompts
from docphim.build.stats import dataset_stats
from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl, write_json, write_jsonl
from docphim.study import SPLITS, Example, Media, Report, Row, Series, Split, Study, from_row, to_row

TASKS = {
    "findings": "docphim.build.findings",
    "impression": "docphim.build.impression",
    "dialogue": "docphim.build.dialogue",
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
) -> None:
    """Write examples/{train,val,test}.jsonl, examples/draft.jsonl (studies without a report), leaks.json and stats.json.

    Raises
    ------
    Refused
        `ambiguous_prompt`, or `empty_dataset` where no study is left to train, test or draft on.
    UsageError
        An unknown task, or splits that the source does not have.
    """
    words = Prompts(prompts, language)
    modules = {name: task(name) for name in tasks}
    refuse_ambiguous(modules, words)
    films, thumbs = _films(dataset)
    studies = [s for s in (from_row(Study, r) for r in read_jsonl(dataset / "studies.jsonl")) if s.id in films]
    reported = [s for s in studies if s.report]
    split_of: dict[str, Split] = _splits(reported, split_by, fractions, seed) if reported else {}
    rejected: list[Row] = []
    counts: Counter[str] = Counter()
    for split, chosen in _chosen(studies, split_of).items():
        other = wrong_image.partners({s.id: s.patient for s in chosen}, seed) if split != "draft" else {}
        rows = [row for s in chosen for row in _examples(s, split, modules, words, films, other.get(s.id), rejected)]
        _refuse_repeated(rows)
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
    write_json(dataset / "leaks.json", _leaks(reported, split_of, films, thumbs))
    write_json(dataset / "stats.json", dataset_stats(dataset, language))


def _splits(studies: list[Study], by: str, fractions: tuple[float, float, float], seed: int) -> dict[str, Split]:
    return splits.by_patient(studies, fractions, seed) if by == "patient" else splits.by_source(studies)


def _chosen(studies: list[Study], split_of: dict[str, Split]) -> dict[Split, list[Study]]:
    """The studies of each split; those without a report, where there are any, are `draft`."""
    chosen: dict[Split, list[Study]] = {split: [s for s in studies if split_of.get(s.id) == split] for split in SPLITS}
    without_report = [s for s in studies if not s.report]
    return chosen | ({"draft": without_report} if without_report else {})


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
        There is no such task.
    """
    if name not in TASKS:
        raise UsageError(f"tasks: {name!r} is not one of {', '.join(TASKS)}")
    return importlib.import_module(TASKS[name])


def refuse_ambiguous(modules: dict[str, ModuleType], words: Prompts) -> None:
    """Refuse tasks that ask for different sections after the very same words."""
    series = [Series("x", "xray", "x", view="PA")]
    sections = {"findings": "{findings}", "impression": "{impression}"}
    study = Study("x", "x", "M", 72, None, series, Report(words.language, sections), None, None, "x")
    wanted: dict[str, tuple[str, str | None]] = {}
    for name, module in modules.items():
        asked = ""
        for message in module.messages(study, sections, words, "<image>"):
            if message.role == "assistant":
                first, origin = wanted.setdefault(asked, (name, message.origin))
                if origin != message.origin:
                    why = f"tasks {first} and {name} ask with the same words under prompts: {words.set}; use prompts: docphim"
                    raise Refused("ambiguous_prompt", "tasks", why)
            asked += f"<{message.role}>{message.content}"


def _films(dataset: Path) -> tuple[dict[str, list[Row]], np.ndarray]:
    """Index rows by study (each with its thumbnail's number), and the thumbnails."""
    films: dict[str, list[Row]] = {}
    for number, row in enumerate(read_jsonl(dataset / "prepared" / "index.jsonl")):
        films.setdefault(row["study"], []).append({**row, "thumb": number})
    return films, np.load(dataset / "prepared" / "thumbs.npy")


def _media(films: list[Row]) -> list[Media]:
    return [Media("image", {film["modality"]: film["path"]}) for film in films]


def _examples(
    study: Study,
    split: Split,
    modules: dict[str, ModuleType],
    words: Prompts,
    films: dict[str, list[Row]],
    other: str | None,
    rejected: list[Row],
) -> list[Row]:
    rows = []
    media = _media(films[study.id])
    wrong: Row | None = None
    if other is not None:
        wrong = {"kind": "case", "study": other, "media": [to_row(m) for m in _media(films[other])], "differs": None}
    seen = dataclasses.replace(study, series=[_with_view(s, films[study.id]) for s in study.series])
    for name, module in modules.items():
        sections = study.report.sections if study.report else dict.fromkeys(module.SECTIONS, "")
        missing = [s for s in module.SECTIONS if study.report and not sections.get(s, "").strip()]
        if missing:
            why = f"task {name} needs the section {missing[0]}, which the report lacks"
            rejected.append({"study": study.id, "stage": "build", "reason": "section_missing", "why": why})
            continue
        messages = module.messages(seen, sections, words, "<image>" * len(media))
        if not study.report:  # what is to be drafted has its place in the conversation, and no text
            messages = [dataclasses.replace(m, origin=None) if m.role == "assistant" else m for m in messages]
        turns = sum(m.role == "user" for m in messages)
        example = Example(
            id=f"{study.id}-{name}",
            study=study.id,
            patient=study.patient,
            split=split,
            task=name,
            language=words.language,
            messages=messages,
            media=media * turns,
            wrong_image=wrong,
        )
        rows.append(to_row(example))
    return rows


def _with_view(series: Series, films: list[Row]) -> Series:
    views = {film["series"]: film["view"] for film in films}
    return dataclasses.replace(series, view=views.get(series.id, series.view))


def _write_rejected(dataset: Path, rows: list[Row]) -> None:
    earlier = [row for row in read_jsonl(dataset / "rejected.jsonl") if row["stage"] != "build"]
    write_jsonl(dataset / "rejected.jsonl", [*earlier, *rows])


def _leaks(studies: list[Study], split_of: dict[str, Split], films: dict[str, list[Row]], thumbs: np.ndarray) -> Row:
    inside = [s for s in studies if s.id in split_of]
    shown = [(film, s) for s in inside for film in films[s.id]]
    return {
        "patient": leaks.across_splits((s.patient, s.id, split_of[s.id]) for s in inside),
        "pixels": leaks.across_splits((film["sha256"], s.id, split_of[s.id]) for film, s in shown),
        "similar": leaks.similar_films(
            thumbs[[film["thumb"] for film, _ in shown]], [s.id for _, s in shown], [split_of[s.id] for _, s in shown]
        ),
        "report": leaks.across_splits(leaks.report_keys(inside, split_of)),
    }
