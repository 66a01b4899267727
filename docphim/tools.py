"""The commands that need no recipe: what is this file, what does this report say, how good are these drafts."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from docphim.errors import UsageError, printable

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
Report = Annotated[
    str, typer.Argument(metavar="TEXT|-|FILE.jsonl", help='A report, - for what is piped in, or {"id", "text"} lines.')
]


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file or folder.")],
    contact_sheet: Annotated[
        Path | None,
        typer.Option(metavar="OUT.png", help="Of a prepared dataset: draw its films with the boxes of burned-in text."),
    ] = None,
    json: AsJson = False,
) -> None:
    """What a file or folder is, films and reports, or why it is refused."""
    if contact_sheet is not None:
        show(_contact_sheets(path.expanduser(), contact_sheet.expanduser()), json)
        return
    answer = _seen(path)
    if json:
        show(answer, True)
    else:
        from docphim import terminal

        terminal.inspected(answer)
    usable = answer.get("usable") or any(row["usable"] for row in answer.get("reports", []))
    if answer["refused"] and not usable:  # a folder with one film that can be used is no refusal
        raise typer.Exit(3)


def _seen(path: Path) -> dict[str, Any]:
    """What the pixels and headers under a path say, and its tables and documents of reports."""
    from docphim.imaging.inspect import inspect as look
    from docphim.ingest.look import holds_reports, reports_in

    path = path.expanduser()
    if not path.exists() or (path.is_file() and not holds_reports(path)):
        return look(path)
    reports, refused = reports_in(path)
    if path.is_file():
        return {"reports": reports, "refused": refused}
    films = look(path)
    return {**films, "reports": reports, "refused": [*films["refused"], *refused]}


def _contact_sheets(dataset: Path, out: Path) -> dict[str, Any]:
    """Write the sheets; how many films are in each state, and the ids of those whose text was masked or left, or has wires."""
    from docphim.imaging.contact_sheet import write_sheets
    from docphim.imaging.text_counts import wires

    sheets, films = write_sheets(dataset, out)
    answer: dict[str, Any] = {"sheets": [sheet.name for sheet in sheets], "films": {k: len(rows) for k, rows in films.items()}}
    answer |= {name: [row["series"] for row in films[name]] for name in ("masked", "kept")}
    return answer | {"wires": [row["series"] for rows in films.values() for row in rows if wires(row)]}


@app.command()
def convert(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="One study: a film, or the folder of a CT or PET.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Where to; the suffix chooses: .b2nd .npy .png, of a volume .nii.gz")
    ],
    as_: Annotated[
        str | None, typer.Option("--as", metavar="xray|ct|pet", help="The modality, where the file does not say.")
    ] = None,
    long_side: Annotated[int, typer.Option(help="Long side in pixels; films are never enlarged.")] = 1024,
    layout: Annotated[
        str | None, typer.Option(metavar="preprocessed|preprocessed_numpy", help="A chest CT as the papers' loaders read it.")
    ] = None,
) -> None:
    """One study through imaging, outside any run."""
    from docphim.imaging.convert import convert as through

    made = through(path, out, as_, long_side, layout)
    size = " x ".join(map(str, made["shape"]))
    print(f"{out}: {size} pixels, view {made['view']}" if "view" in made else f"{out}: {size} voxels, {made['unit']}")


@app.command("convert-weights")
def convert_weights(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A checkpoint's folder in its authors' layout.")],
    out: Annotated[Path, typer.Argument(help="A new folder, in transformers' layout.")],
    json: AsJson = False,
) -> None:
    """Weights of InternVL2.5, InternVL3 or Vintern as published, to the layout that `model.family: internvl` reads."""
    from docphim.models import needs_torch

    with needs_torch():
        from docphim.models.convert import convert as converted

    show(converted(source, out), json)


def _show_series(answer: dict[str, Any], lines: Callable[[dict[str, Any]], Iterable[str]], json: bool) -> None:
    """What was measured of each series; where no series could be measured the command ends with 3."""
    if json:
        show(answer, True)
    else:
        print("\n".join(lines(answer)))
    if not answer["series"]:
        raise typer.Exit(3)


@app.command()
def suv(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder of PET series.")],
    ct: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the CT lies that shows liver and aorta; by default under PATH.")
    ] = None,
    json: AsJson = False,
) -> None:
    """The SUV factor of a PET series, the rule and tags that gave it, SUVmax, liver and blood pool; or why it has none."""
    from docphim.imaging.units.text import lines
    from docphim.imaging.uptake import look

    answer = look(path.expanduser(), ct and ct.expanduser())
    _show_series(answer, lines, json)


@app.command()
def candidates(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder of PET series.")],
    by: Annotated[
        str,
        typer.Option(help="max: down to 41 % of its highest SUV; fixed: all above --suv; liver: above 1.5 times the liver."),
    ] = "max",
    suv: Annotated[float, typer.Option(help="The SUV that a candidate must reach, of max and fixed.")] = 2.5,
    ct: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where the CT lies; by default under PATH.")] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="OUT.png", help="Draw the projections of one PET, candidates ringed.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Places of a PET that may be lesions, each measured; what was left out for physiologic, and by which rule."""
    from docphim.imaging.candidates import Rule
    from docphim.imaging.candidates_look import lines, look
    from docphim.recipe import validated

    rule = validated(Rule, {"by": by, "suv": suv}, "--by and --suv")
    answer = look(path.expanduser(), rule, ct and ct.expanduser(), picture and picture.expanduser())
    _show_series(answer, lines, json)


@app.command()
def score(
    pairs: Annotated[
        Path | None,
        typer.Argument(metavar="PAIRS", help="JSONL or CSV of id, reference, prediction; patient where known."),
    ] = None,
    language: Annotated[str, typer.Option(help="vi, en or zh.")] = "vi",
    convention: Annotated[
        str,
        typer.Option(help="docphim, or as another tool: rouge-score-default, rouge-score-stemmer, sacrebleu-13a, coco, vipet."),
    ] = "docphim",
    tokens: Annotated[str, typer.Option(help="syllable or word, for the convention docphim.")] = "syllable",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SET",
            help="Labels (see docphim labels); may be repeated. The published ones unless named.",
        ),
    ] = None,
    metrics: Annotated[str, typer.Option(metavar="FAMILY,...", help="Families of metrics, such as rouge,facts.")] = "",
    scores: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Scores computed elsewhere: JSONL or CSV of id and numbers.")
    ] = None,
    modality: Annotated[str | None, typer.Option(help="What all reports are of: xray, ct or pet.")] = None,
    allow: Annotated[
        str, typer.Option(metavar="FAULTS", help="Score although ids are missing, extra or duplicates (with commas).")
    ] = "",
    json: AsJson = False,
) -> None:
    """Scores of any pairs of reports, each with its signature."""
    from docphim.evaluate.score import score_pairs

    if language not in ("vi", "en", "zh"):
        raise UsageError(f"--language {language}: must be one of vi, en, zh")
    faults = [fault.strip() for fault in allow.split(",") if fault.strip()]
    families = [name.strip() for name in metrics.split(",") if name.strip()] or None
    scored = score_pairs(
        pairs,
        language,
        scores=scores,
        convention=convention,
        tokens=tokens,
        label_sets=set_,
        metrics=families,
        allow=faults,
        modality=modality,
    )
    if json:
        show(scored, True)
    else:
        from docphim import terminal

        terminal.score_table(scored)


@app.command()
def facts(
    text: Report,
    language: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    why: Annotated[bool, typer.Option("--why", help="What decided each fact: which words, by which rule.")] = False,
    json: AsJson = False,
) -> None:
    """The atomic facts of a report.

    What is there or not, where, how much, how sure; --json has all that is known of each.
    """
    from docphim import files, terminal
    from docphim.language import facts as reading
    from docphim.language.texts import given
    from docphim.language.why import explain

    with doubting(language) as look:
        for id_, report in given(text):
            explained = explain(report, language) if why else [(fact, []) for fact in reading.facts(report, language)]
            look(id_, report)
            rows = [fact.row() | ({"why": [r.row() for r in reasons]} if why else {}) for fact, reasons in explained]
            if id_ is not None:
                print(files.dumps({"id": id_, "facts": rows}))
            elif json:
                print(files.dumps(rows))
            elif why:
                terminal.explained(explained, language)
            else:
                terminal.facts([fact for fact, _ in explained], language)


@app.command()
def lesions(text: Report, language: Annotated[str, typer.Option(help="vi or en.")] = "vi", json: AsJson = False) -> None:
    """The lesions of a PET/CT report: what, where, how large, how avid, what each is held to be.

    Clauses and sentences on one lesion make one; --json has the whole records, which a truth table holds too.
    """
    from docphim import files
    from docphim.language.lesion_lines import lines
    from docphim.language.lesions import lesions_of
    from docphim.language.normalize import clean
    from docphim.language.texts import given
    from docphim.study import to_row

    with doubting(language) as look:
        for id_, report in given(text):
            records = lesions_of(report, language)
            look(id_, report)
            rows = [to_row(lesion) for lesion in records]
            if id_ is not None:
                print(files.dumps({"id": id_, "lesions": rows}))
            else:
                print(files.dumps(rows) if json else lines(records, clean(report)))


@app.command()
def labels(
    text: Report,
    set_: Annotated[str, typer.Option("--set", help="A label set; one that there is not lists them.")] = "ct_rate",
    language: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    model: Annotated[str | None, typer.Option(metavar="hf:ID", help="A text classifier in place of the rules.")] = None,
    json: AsJson = False,
) -> None:
    """Which labels a report affirms, denies, suspects or leaves out."""
    from docphim import files, terminal
    from docphim.language.labels import label_reader
    from docphim.language.texts import batches

    read = label_reader(model, set_, language)
    with doubting(language) as look:
        for batch in batches(text):
            for (id_, report), states in zip(batch, read([report for _, report in batch]), strict=True):
                look(id_, report)
                answer = {"id": id_} if id_ is not None else {}
                if json or id_ is not None:
                    print(files.dumps(answer | {"set": set_, "labels": states}))
                else:
                    terminal.labels(states)


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Folders of evaluated runs, or their names in ./runs.")],
    metrics: Annotated[str, typer.Option(metavar="KEY,...", help="Which scores, by their names in scores.json; or all.")] = "",
    baseline: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run that the others are tested against, else the first.")
    ] = None,
    marks: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Marks by a reader; may be repeated.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Compare on the examples that all runs answered.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a tidy table.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a LaTeX table.")] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with figures.")] = None,
    json: AsJson = False,
) -> None:
    """Runs side by side, with floors and significance.

    Scores with intervals, what each loses on another patient's film, paired tests against one run; with --marks, what
    readers marked. Runs of other references, splits or signatures are refused.
    """
    from docphim.compare import compare_to_files

    result = compare_to_files(
        runs,
        marks=marks or [],
        metrics=[key for key in metrics.split(",") if key],
        baseline=baseline,
        allow_missing=allow_missing,
        csv=csv,
        latex=latex,
        page=page,
    )
    if json:
        show(result, True)
    else:
        from docphim.compare.text import terminal

        print(terminal(result))


@contextlib.contextmanager
def doubting(language: str) -> Iterator[Callable[[str | None, str], None]]:
    """A function that looks at each report that is read, with its id; at the end one line on stderr names the suspect ones.

    What was read from a report that is not what it is taken for may be the opposite of what it says.
    """
    from docphim.language.suspect import Suspicion, doubt, suspicions

    ids: dict[Suspicion, list[str]] = {}
    whole = 0

    def look(id_: str | None, text: str) -> None:
        nonlocal whole
        whole += 1
        for why in suspicions(text, language):
            ids.setdefault(why, []).append(id_ or "")

    try:
        yield look
    finally:
        if ids:
            print(printable(doubt(ids, whole)), file=sys.stderr)


def show(value: dict[str, Any], as_json: bool) -> None:
    """Print a command's answer, as JSON or as lines of `key: value`."""
    if as_json:
        import json

        print(json.dumps(value, ensure_ascii=False))
    else:
        from docphim import terminal

        terminal.tree(value)
