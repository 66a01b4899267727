"""The drafts of studies that have no report: a page of films and drafts, one text a study, and what was refused."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docphim.files import atomic, private_folder, read_examples, read_jsonl, read_studies, write_jsonl
from docphim.imaging import text_counts
from docphim.imaging.unchecked import unchecked
from docphim.page import words
from docphim.page.films import STEPS, Films, fit
from docphim.page.inputs import called, only_scans
from docphim.page.render import MEGABYTE, rendered
from docphim.page.shown import pictures
from docphim.page.words import Both
from docphim.study import REGIONS, Study, part_of

Row = dict[str, Any]
#: What the turns of a dialogue are called where nothing but them is shown.
TITLES: dict[tuple[str, int], str] = {("dialogue", 0): "findings", ("dialogue", 1): "impression"}
#: What stands on top of every text, by language.
MARK = {
    "vi": "BẢN NHÁP DO MÁY TẠO, CHƯA ĐƯỢC BÁC SĨ DUYỆT (bản nháp, không dùng để chẩn đoán)",
    "en": "MACHINE-MADE DRAFT, NOT REVIEWED BY A DOCTOR (draft, not for diagnosis)",
}


@dataclass(frozen=True)
class Draft:
    """One answer as it is shown: what was asked, the text, what is to be known of it (cut, …), where numbers were measured."""

    title: Both
    text: str
    flags: list[str]
    numbers: tuple[Both, ...] = ()


@dataclass(frozen=True)
class Refusals:
    """Films of a drafted study that its drafts do not rest on: `n` of `films` were refused, for these reasons (codes)."""

    n: int
    films: int
    reasons: list[str]

    @property
    def line(self) -> Both:
        """One line, such as: 1 of 2 films refused: the film is a lateral or oblique view (view_out_of_scope)."""
        pairs = [(words.reason(code), code) for code in self.reasons]
        why = Both(*("; ".join(f"{both[i]} ({code})" for both, code in pairs) for i in (0, 1)))
        return words.text("drafts_part", n=self.n, films=self.films, why=why)


@dataclass(frozen=True)
class Drafted:
    """One study, its first row of index.jsonl, what is shown (by `page.shown.key_of`), its drafts, and what was refused."""

    study: Study
    series: Row
    films: list[str]
    drafts: list[Draft]
    refused: Refusals | None = None


def drafts(work: Path, out: Path, *, run: str, language: str, megabytes: float) -> None:
    """Write what `docphim draft` gives: drafts.jsonl, texts/STUDY.txt, index.html, rejected.jsonl and private.csv (0600).

    Parameters
    ----------
    work : Path
        Dataset and run at once: studies.jsonl, prepared/, rejected.jsonl, drafts.jsonl, private.csv.
    run : str
        The name of the run whose model drafted.
    language : {"vi", "en"}
        Of the texts; the page is in both.
    megabytes : float
        The page's greatest size, in units of 1,000,000 bytes: films shrink first, then they are left out; no draft is.
    """
    studies, model = read(work, work)
    refused = list(read_jsonl(work / "rejected.jsonl"))
    of = {item.study.id: asdict(item.refused) if item.refused else None for item in studies}
    rows = (_exported(row) | {"refused": of[row["study"]]} for row in read_jsonl(work / "drafts.jsonl"))
    write_jsonl(out / "drafts.jsonl", rows)
    write_jsonl(out / "rejected.jsonl", refused)
    with atomic(out / "private.csv", "wb") as handle:
        if hasattr(os, "fchmod"):
            os.fchmod(handle.fileno(), 0o600)
        handle.write((work / "private.csv").read_bytes())
    texts = private_folder(out / "texts")
    for item in studies:
        with atomic(texts / f"{item.study.id}.txt") as handle:
            handle.write(text_of(item, language, run, model))
    names = {f"{item.study.id}.txt" for item in studies}
    for path in texts.iterdir():
        if path.name not in names:
            path.unlink()
    write_page(work, out / "index.html", run, studies, model, refused, megabytes)


def _exported(row: Row) -> Row:
    """A draft as others read it: without what only a scored answer has."""
    names: tuple[str, ...] = ("study", "patient", "task", "turn", "prediction", "finish", "declined", "model", "run")
    names += ("numbers",) if "numbers" in row else ()
    return {"text" if name == "prediction" else name: row.get(name, False) for name in names}


def read(dataset: Path, run: Path) -> tuple[list[Drafted], str]:
    """The drafted studies of a run in the order of studies.jsonl, and the model's name."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in read_jsonl(run / "drafts.jsonl"):
        rows[row["study"]].append(row)
    films: dict[str, list[Row]] = defaultdict(list)
    for row in read_jsonl(dataset / "prepared" / "index.jsonl"):
        films[row["study"]].append(row)
    studies = read_studies(dataset)
    shown = pictures(read_examples(dataset, "draft"))
    refusals = _refusals(dataset, films)
    drafted = [
        Drafted(
            study,
            films[study.id][0],
            list(shown.get(study.id, {})),
            _drafts(rows[study.id]),
            refusals.get(study.id),
        )
        for study in studies
        if study.id in rows
    ]
    models = dict.fromkeys(row["model"] for of in rows.values() for row in of)
    return drafted, ", ".join(models)


def _refusals(dataset: Path, films: dict[str, list[Row]]) -> dict[str, Refusals]:
    """What was refused of studies that have other films, by study; private.csv has a line for each film, rejected ones too."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in read_jsonl(dataset / "rejected.jsonl"):
        if row["study"] in films and row["stage"] in ("ingest", "prepare"):
            reasons[row["study"]].append(row["reason"])
    total: Counter[str] = Counter()
    if reasons and (dataset / "private.csv").exists():
        with open(dataset / "private.csv", encoding="utf-8", newline="") as handle:
            total.update(row["study"] for row in csv.DictReader(handle))
    refusals = {}
    for study, codes in reasons.items():
        n = max(total[study] - len(films[study]), len(codes))
        refusals[study] = Refusals(n, n + len(films[study]), list(dict.fromkeys(codes)))
    return refusals


def _drafts(rows: list[Row]) -> list[Draft]:
    """The answers of one study, first turn first, and of parts of the body the head first."""
    places = {region: place for place, region in enumerate(REGIONS)}
    ordered = sorted(rows, key=lambda row: (places.get(part_of(str(row["task"])), 0), row["id"], row["turn"]))
    return [Draft(_title(row), row["prediction"].strip(), _flags(row), tuple(measured(row))) for row in ordered]


def measured(row: Row) -> Iterator[Both]:
    """Of each number of a draft that was filled from measurements: the voxel it was measured at, or why it was not."""
    for one in row.get("numbers") or ():
        start, end = one["text"]
        number = " ".join([words.text(f"number_{one['kind']}").en, row["prediction"][start:end]])
        if "why" in one:
            yield words.text("number_none", number=number, why=one["why"])
        else:
            yield words.text("number_at", number=number, **one["at"])


def _title(row: Row) -> Both:
    task = str(row["task"])
    return words.task(TITLES.get((task, row["turn"]), task))


def _flags(row: Row) -> list[str]:
    finish = {"length": "cut", "refused": "refused", "failed": "failed"}.get(row["finish"])
    return [*([finish] if finish else []), *(["declined"] if row.get("declined") else [])]


def text_of(item: Drafted, language: str, run: str, model: str) -> str:
    """A study's drafts as plain text, under the mark that they are drafts."""
    pick = (lambda both: both.vi) if language == "vi" else (lambda both: both.en)

    def lines() -> Iterator[str]:
        yield MARK[language]
        yield f"{pick(words.text('case', id=item.study.id))} · {run} · {model}"
        if item.refused:
            yield f"[{pick(item.refused.line)}]"
        for draft in item.drafts:
            flags = "".join(f" [{pick(words.text(flag))}]" for flag in draft.flags)
            yield f"\n{pick(draft.title)}{flags}"
            yield draft.text or pick(words.text("empty"))
            yield from (f"  {pick(line)}" for line in draft.numbers)

    return "\n".join(lines()) + "\n"


def write_page(
    dataset: Path, path: Path, run: str, studies: list[Drafted], model: str, refused: list[Row], megabytes: float
) -> None:
    """Write the page of drafts."""
    prepared = list(read_jsonl(dataset / "prepared" / "index.jsonl"))
    with words.speaking_of(called(prepared)):
        _write(dataset, path, run, studies, model, refused, megabytes, prepared)


def _write(
    dataset: Path,
    path: Path,
    run: str,
    studies: list[Drafted],
    model: str,
    refused: list[Row],
    megabytes: float,
    prepared: list[Row],
) -> None:
    media = pictures(read_examples(dataset, "draft"))
    films = Films(dataset, {key: entry for shown in media.values() for key, entry in shown.items()})
    known: dict[str, Any] = {"run": run, "studies": studies, "model": model, "refused": refused, "megabytes": megabytes}
    known |= {
        "shape": films.shape,
        "strip": films.strip,
        "projected": films.projected,
        "texts": text_counts.by_state(prepared),
        "scans": only_scans(prepared),
        "unchecked_films": unchecked(prepared),
    }
    bare = rendered("drafts.html", **known, large={})
    paths = [picture for item in studies for film in item.films for picture in films.pictures(film)]
    large = _fitted(films, paths, int(megabytes * MEGABYTE) - len(bare))
    with atomic(path, "wb") as handle:
        handle.write(rendered("drafts.html", **known, large=large))


def _fitted(films: Films, paths: list[str], room: int) -> dict[str, str]:
    """Addresses of the films at the best size for which there is room; at the least size, of as many as fit."""
    fitted = fit(films, paths, [], room)
    if fitted:
        return fitted[0]
    side, _, quality = STEPS[-1]
    addresses: dict[str, str] = {}
    for path in paths:
        room -= len(films.encoded(path, side, quality))
        if room < 0:
            break
        addresses[path] = films.encoded(path, side, quality)
    return addresses
