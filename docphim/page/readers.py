"""Pages on which two blinded readers, then an adjudicator, decide what lies in each study of a test set.

A page opens from disk: slices lie beside it in `slices/`, everything else in it; nothing is sent anywhere.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from docphim.files import atomic, content_key, private_folder, read_examples, read_json, read_jsonl, read_studies, write_json
from docphim.imaging.frames import is_film
from docphim.language.lesion_tables import lesions_of_table
from docphim.metrics import lesion_pairs as by
from docphim.metrics.lesion_pairs import compared, pair
from docphim.metrics.readers import FORMATS, THERE, VERSION, CaseTable, ReaderSet, Reading, TableRow, named
from docphim.page import words
from docphim.page.films import Films
from docphim.page.inputs import called
from docphim.page.reader_words import finer, names, ui
from docphim.page.render import rendered
from docphim.page.shown import key_of
from docphim.page.stacks import MODEL, Strip
from docphim.progress import bar
from docphim.study import Media, Row, Study

#: What the pages show of each study, and where its pictures lie.
SHOWN, SLICES = "shown.json", "slices"
#: Slices of a stack at most; an adult from the vertex to the thighs has about two hundred of 5 mm.
MOST = 200
#: Long side of a film, pixels (a slice: three eighths), and quality.
SIDE, QUALITY = 1024, 85
#: Sections of a report that are shown, in their order.
SECTIONS = ("history", "indication", "technique", "findings", "impression")
#: The page's scripts and styles.
SCRIPTS, STYLES = ("script.js", "viewer.js", "readers.js"), ("style.css", "readers.css")
#: Pictures from the folder of the page, whether it is opened from disk or served.
IMAGES = "'self' file: data:"


def write_readers(dataset: Path, out: Path, made: ReaderSet) -> list[Path]:
    """Write the pictures, and a page for each reader.

    Parameters
    ----------
    out : Path
        The folder of set.json; gets `slices/`, shown.json and reader-N.html.
    """
    show(dataset, out, [study.study for study in made.studies])
    return [_write_reader(out, made, reader) for reader in range(1, len(made.readers) + 1)]


def show(dataset: Path, out: Path, studies: Sequence[str]) -> None:
    """Write the pictures of studies, and shown.json: their reports, and which picture is what."""
    index = list(read_jsonl(dataset / "prepared" / "index.jsonl"))
    first: dict[str, Row] = {}
    for row in index:
        first.setdefault(row["study"], row)
    media = _media(dataset, set(studies))
    private_folder(out / SLICES)
    rows = {study.id: study for study in read_studies(dataset)}
    shown = {
        name: {**_study(rows[name], first.get(name, {})), "pictures": [_pictures(dataset, out, one) for one in media[name]]}
        for name in bar(studies, len(studies), "validate: pictures")
    }
    write_json(out / SHOWN, {"called": called(index), "studies": shown})


def _media(dataset: Path, studies: set[str]) -> dict[str, list[Media]]:
    """What is shown of each study: each set of volumes once, all slices of it."""
    media: dict[str, dict[str, Media]] = {}
    for example in read_examples(dataset, "test"):
        if example.study in studies:
            for one in example.media:
                whole = one if is_film(one) else dataclasses.replace(one, frames={})
                media.setdefault(example.study, {}).setdefault("+".join(one.volumes.values()), whole)
    return {study: list(of.values()) for study, of in media.items()}


def _study(study: Study, series: Row) -> Row:
    sections = study.report.sections if study.report else {}
    texts = {name: sections[name] for name in SECTIONS if sections.get(name)}
    series = {name: series[name] for name in ("modality", "view") if name in series}
    return {"sex": study.sex, "age": study.age, "series": series, "report": texts}


def _pictures(dataset: Path, out: Path, media: Media) -> Row:
    """One stack or film: its key, its files by the keys of `Films.pictures`, and what the viewer needs to know of it."""
    key = key_of(media)
    films = Films(dataset, {key: media}, most=MOST)
    strip = films.strip(key)
    if strip:
        windows = [name for name in strip.windows if name != MODEL] or strip.windows
        strip = dataclasses.replace(strip, windows=windows)
    files = {}
    for picture in films.pictures(key):
        if strip is None or picture.rpartition("|")[2] != MODEL or MODEL in strip.windows:
            files[picture] = _write_picture(out, picture, films.encoded(picture, SIDE, QUALITY))
    return {
        "key": key,
        "files": {name: file for name, file in files.items() if file},
        "strip": dataclasses.asdict(strip) if strip else None,
        "mip": films.projected(key) if strip else None,
        "film": films.shape(key) if not strip else None,
    }


def _write_picture(out: Path, key: str, address: str) -> str:
    """Write what a `data:` address holds, and where it lies; "" where there is no such picture."""
    if not address:
        return ""
    head, _, body = address.partition(",")
    name = f"{SLICES}/{content_key(key)}.{'webp' if 'webp' in head else 'jpg'}"
    with atomic(out / name, "wb") as handle:
        handle.write(base64.b64decode(body))
    return name


def _write_reader(out: Path, made: ReaderSet, reader: int) -> Path:
    number = {study.study: f"s{n}" for n, study in enumerate(made.studies)}
    cases = [
        {
            "case": one.case,
            "study": number[one.study],
            "rows": [{"row": name, "lesion": lesion} for name, lesion in made.start_of(one.study)],
        }
        for one in made.readers[reader - 1]
    ]
    data = {"format": FORMATS["reading"] + VERSION, "mode": "reader", "set": made.set, "reader": reader, "cases": cases}
    return _write(out, made, f"reader-{reader}", data, number)


def write_adjudicator(out: Path, made: ReaderSet, readings: Sequence[Reading]) -> Path:
    """Write the page on which both readers' tables of each study stand side by side; first showings count."""
    number = {study.study: f"s{n}" for n, study in enumerate(made.studies)}
    tables = [_first(made, reading) for reading in readings]
    cases = [
        {
            "case": study.study,
            "study": number[study.study],
            "rows": side_by_side(study.lesions, [table[study.study] for table in tables]),
            "judged": [table[study.study].judged for table in tables],
            "notes": [table[study.study].note for table in tables],
        }
        for study in made.studies
    ]
    data = {
        "format": FORMATS["truth"] + VERSION,
        "mode": "adjudicator",
        "set": made.set,
        "readings": [reading.sha256 for reading in readings],
        "cases": cases,
    }
    return _write(out, made, "adjudicator", data, number)


def _first(made: ReaderSet, reading: Reading) -> dict[str, CaseTable]:
    shown = {one.case: one.study for one in made.readers[reading.reader - 1] if not one.again}
    return {shown[case.case]: case for case in reading.cases if case.case in shown}


def side_by_side(report: Sequence[Row], tables: Sequence[CaseTable]) -> list[Row]:
    """Both readers' rows of a study in pairs: lesions by the best pairing by place, then rows of one name, then each alone.

    What both have alike is settled as it is, what both removed as no lesion; all else is open.
    """
    given = dict(named(report))
    one, two = (list(table.rows) for table in tables)
    met = _paired(one, two)
    names_of = {row.row: j for j, row in enumerate(two) if j not in met.values()}
    for i, row in enumerate(one):
        if i not in met and row.row in given and row.row in names_of:
            met[i] = names_of.pop(row.row)
    pairs: list[tuple[TableRow | None, TableRow | None]]
    pairs = [(row, two[met[i]] if i in met else None) for i, row in enumerate(one)]
    pairs += [(None, row) for j, row in enumerate(two) if j not in met.values()]
    return [_pair(f"p{n}", sides, given) for n, sides in enumerate(pairs)]


def _paired(one: Sequence[TableRow], two: Sequence[TableRow]) -> dict[int, int]:
    """The lesions of both, as the lesion scores pair them by place."""
    sides = [
        [(n, made) for n, row in enumerate(rows) if row.state in THERE for made in compared(lesions_of_table([row.lesion]))]
        for rows in (one, two)
    ]
    pairs = pair([made for _, made in sides[0]], [made for _, made in sides[1]], (by.same_place,))
    return {sides[0][i][0]: sides[1][j][0] for i, j in pairs}


def _pair(name: str, sides: Sequence[TableRow | None], given: Mapping[str, Row]) -> Row:
    there = [side for side in sides if side is not None and side.state in THERE]
    removed = [side for side in sides if side is not None and side.state == "removed"]
    same = len(there) == len(sides) and there[0].lesion == there[1].lesion
    origin = next((given[side.row] for side in sides if side is not None and side.row in given), None)
    return {
        "row": name,
        "state": "both" if same else "dropped" if len(removed) == len(sides) else "open",
        "lesion": there[0].lesion if same else None,
        "report": origin,
        "readers": [None if side is None else side.model_dump() for side in sides],
    }


def _write(out: Path, made: ReaderSet, name: str, data: Row, number: Mapping[str, str]) -> Path:
    """Write a page: the studies as templates of which one is shown, the tables as data."""
    shown = read_json(out / SHOWN)
    pictures = [picture for study in shown["studies"].values() for picture in study["pictures"]]
    strips = {picture["key"]: Strip(**picture["strip"]) if picture["strip"] else None for picture in pictures}
    file = {"reader": f"{name}.json", "adjudicator": "adjudicated.json"}[data["mode"]]
    data = data | {"file": file, "words": ui(), "names": names(_lesions(data, made)), "finer": finer()}
    with words.speaking_of(shown["called"]):
        html = rendered(
            "readers.html",
            scripts=SCRIPTS,
            styles=STYLES,
            images=IMAGES,
            data=data,
            language=made.language,
            studies={number[study]: row for study, row in shown["studies"].items()},
            strip=strips.get,
            shape={picture["key"]: picture["film"] for picture in pictures}.get,
            projected={picture["key"]: picture["mip"] for picture in pictures}.get,
            large={key: file for picture in pictures for key, file in picture["files"].items()},
        )
    path = out / f"{name}.html"
    with atomic(path, "wb") as handle:
        handle.write(html)
    return path


def _lesions(data: Row, made: ReaderSet) -> Iterable[Row]:
    """Every lesion that the page may have to name."""
    for study in made.studies:
        yield from study.lesions
    for case in data["cases"]:
        for row in case["rows"]:
            yield from (side["lesion"] for side in row.get("readers", ()) if side)
