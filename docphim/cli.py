"""The `docphim` command: one thin function per stage and tool; heavy imports wait inside them."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from docphim import __version__
from docphim.errors import Refused, UsageError


class Commands(typer.core.TyperGroup):
    """The commands; Ctrl-C is answered here, before typer would call it an error of ours (exit code 1)."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(_say("stopped; the same command goes on from here", 130))


app = typer.Typer(
    name="docphim",
    cls=Commands,
    help="Radiology studies with reports in; an audited dataset, a fine-tuned model, drafted reports and scores out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a packaged one.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"docphim {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    pass


@app.command()
def demo(set_: Settings = None) -> None:
    """The whole way on phantoms, in minutes: runs/demo/index.html."""
    run_recipe("demo", set_)


@app.command()
def run(
    recipe: RecipeName,
    until: Annotated[str, typer.Option(metavar="STAGE", help="Stop after this stage.")] = "page",
    set_: Settings = None,
) -> None:
    """All stages of a recipe, resumable."""
    run_recipe(recipe, set_, until=until)


def run_recipe(recipe: str, set_: list[str] | None, until: str = "page", only: str | None = None) -> Path:
    """Load a recipe, run it, and say where its results are; the dataset's folder is returned."""
    from docphim import recipe as recipes
    from docphim import run as program
    from docphim import terminal

    if until not in program.STAGES:
        raise UsageError(f"--until {until}: must be one of {', '.join(program.STAGES)}")
    dataset, home = program.run(recipes.load(recipe, set_), until=until, only=only)
    terminal.after_run(dataset, home, only or until)
    return dataset


@app.command()
def ingest(recipe: RecipeName, set_: Settings = None) -> None:
    """Stage 1: read the source's studies and reports."""
    run_recipe(recipe, set_, only="ingest")


@app.command()
def prepare(recipe: RecipeName, set_: Settings = None) -> None:
    """Stage 2: pixels with units, one file per film."""
    run_recipe(recipe, set_, only="prepare")


@app.command()
def build(
    recipe: RecipeName,
    set_: Settings = None,
    show: Annotated[int, typer.Option(help="Print so many examples, the trained tokens coloured.")] = 0,
) -> None:
    """Stage 3: splits, leaks, and what the model is asked."""
    dataset = run_recipe(recipe, set_, only="build")
    if show:
        from docphim import recipe as recipes
        from docphim import terminal
        from docphim.train.look import look

        made = recipes.load(recipe, set_)
        settings = {"model": made.model.model_dump(), "train": made.train.model_dump()}
        terminal.show_examples(look(dataset, **settings, count=show))


@app.command()
def train(recipe: RecipeName, set_: Settings = None) -> None:
    """Stage 4: fine-tune the model."""
    run_recipe(recipe, set_, only="train")


@app.command()
def generate(recipe: RecipeName, set_: Settings = None) -> None:
    """Stage 5: draft the reports."""
    run_recipe(recipe, set_, only="generate")


@app.command()
def evaluate(recipe: RecipeName, set_: Settings = None) -> None:
    """Stage 6: scores, floors, and reliance on the image."""
    run_recipe(recipe, set_, only="evaluate")


@app.command()
def page(recipe: RecipeName, set_: Settings = None) -> None:
    """Stage 7: the page on which people look at all of it."""
    run_recipe(recipe, set_, only="page")


@app.command()
def stats(
    recipe: RecipeName,
    set_: Settings = None,
    tokens: Annotated[str, typer.Option(help="syllable; word measures reports in Vietnamese words too.")] = "syllable",
    json: AsJson = False,
) -> None:
    """What a built dataset holds: lengths, ages, anatomy, diagnoses, contradictions, duplicates, leaks."""
    from docphim import files
    from docphim import recipe as recipes
    from docphim import run as program

    if tokens not in ("syllable", "word"):
        raise UsageError(f"--tokens {tokens}: must be one of syllable, word")
    made = recipes.load(recipe, set_)
    dataset = program.built(made)
    if tokens == "word":
        from docphim.build.stats import dataset_stats

        found = dataset_stats(dataset, made.language, words=True)
    else:
        found = files.read_json(dataset / "stats.json")
    if json:
        _print(found, True)
    else:
        from docphim.build.stats_text import tables

        print(tables(found, made.language))


@app.command()
def inspect(path: Annotated[Path, typer.Argument(help="A file or folder.")], json: AsJson = False) -> None:
    """What a file or folder is, or why it is refused."""
    from docphim.imaging.inspect import inspect as look

    found = look(path)
    if json:
        _print(found, True)
    else:
        from docphim import terminal

        terminal.inspected(found)
    if found["refused"] and not found.get("usable"):  # a folder with one film that can be used is no refusal
        raise typer.Exit(3)


@app.command()
def convert(
    path: Annotated[Path, typer.Argument(help="One study: a film.")],
    out: Annotated[Path, typer.Argument(help="Where to; the suffix chooses: .b2nd .npy .png")],
    as_: Annotated[
        str | None, typer.Option("--as", metavar="xray|ct|pet", help="The modality, where the file does not say.")
    ] = None,
    long_side: Annotated[int, typer.Option(help="Long side in pixels; films are never enlarged.")] = 1024,
) -> None:
    """One study through imaging, outside any run."""
    from docphim.imaging.convert import convert as through

    made = through(path, out, as_, long_side)
    print(f"{out}: {made['shape'][0]} x {made['shape'][1]} pixels, view {made['view']}")


@app.command()
def score(
    pairs: Annotated[Path, typer.Argument(help='JSONL lines {"id", "reference", "prediction"}.')],
    language: Annotated[str, typer.Option(help="vi, en or zh.")] = "vi",
    convention: Annotated[
        str, typer.Option(help="docphim, or as another tool: rouge-score-default, rouge-score-stemmer, sacrebleu-13a, coco.")
    ] = "docphim",
    tokens: Annotated[str, typer.Option(help="syllable or word, for the convention docphim.")] = "syllable",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SET", help="Labels: ct_rate, vindr, chexpert or phantom; may be repeated."),
    ] = None,
    allow: Annotated[
        str, typer.Option(metavar="FAULTS", help="Score although ids are missing, extra or duplicates (with commas).")
    ] = "",
    json: AsJson = False,
) -> None:
    """Scores of any pairs of reports, each with its signature."""
    from docphim.evaluate.score import score_pairs
    from docphim.metrics import PUBLISHED

    if language not in ("vi", "en", "zh"):
        raise UsageError(f"--language {language}: must be one of vi, en, zh")
    faults = [fault.strip() for fault in allow.split(",") if fault.strip()]
    scored = score_pairs(pairs, language, convention=convention, tokens=tokens, label_sets=set_ or PUBLISHED, allow=faults)
    if json:
        _print(scored, True)
    else:
        from docphim import terminal

        terminal.score_table(scored)


@app.command()
def labels(
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-|FILE.jsonl", help='A report, - for what is piped in, or {"id", "text"} lines.')
    ],
    set_: Annotated[str, typer.Option("--set", help="ct_rate, vindr, chexpert or phantom.")] = "ct_rate",
    language: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    model: Annotated[str | None, typer.Option(metavar="hf:ID", help="A text classifier in place of the rules.")] = None,
    json: AsJson = False,
) -> None:
    """Which labels a report affirms, denies, suspects or leaves out."""
    from docphim import files, terminal
    from docphim.language.labels import label_reader
    from docphim.language.texts import batches

    read = label_reader(model, set_, language)
    for batch in batches(text):
        for (id_, _), states in zip(batch, read([said for _, said in batch]), strict=True):
            answer = {"id": id_} if id_ is not None else {}
            if json or id_ is not None:
                print(files.dumps(answer | {"set": set_, "labels": states}))
            else:
                terminal.labels(states)


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Folders of evaluated runs, or their names in ./runs.")],
    metrics: Annotated[str, typer.Option(metavar="KEY,...", help="Which scores, or all.")] = "",
    baseline: Annotated[str | None, typer.Option(metavar="RUN", help="What the others are tested against; the first.")] = None,
    marks: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Marks by a reader; may be repeated.")] = None,
    allow_missing: Annotated[bool, typer.Option(help="Compare on the examples that all runs answered.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a tidy table.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a LaTeX table.")] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with figures.")] = None,
    json: AsJson = False,
) -> None:
    """Runs side by side: intervals, floors, reliance on the film, significance; and what readers marked."""
    from docphim.evaluate.compare_files import compare_to_files

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
        _print(result, True)
    else:
        from docphim.evaluate.compare_text import terminal

        print(terminal(result))


@app.command()
def doctor(
    recipe: Annotated[
        str | None, typer.Argument(metavar="[RECIPE]", help="Also estimate this recipe's memory and disk.")
    ] = None,
    json: AsJson = False,
    set_: Settings = None,
) -> None:
    """What is installed and what is missing."""
    from docphim import doctor as checks

    found = checks.examine()
    if recipe is not None:
        from docphim import recipe as recipes

        found["recipe"] = checks.needs(recipes.load(recipe, set_))
    _print(found, json)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    from_: Annotated[str, typer.Option("--from", metavar="NAME", help="Which packaged recipe to copy.")],
) -> None:
    """Copy a packaged recipe and say what to change."""
    from docphim import recipe as recipes

    if file.exists():
        raise UsageError(f"{file} exists; it is not overwritten")
    if from_ not in recipes.packaged_names():
        raise UsageError(f"--from {from_}: must be one of {', '.join(recipes.packaged_names())}")
    from docphim.files import atomic

    text = recipes.renamed(recipes.find(from_).read_text(encoding="utf-8"), file.stem)
    with atomic(file) as handle:
        handle.write(text)
    change = [line.strip() for line in text.splitlines() if "# change" in line]
    print(f"{file} written." + (" Change at least:" if change else ""))
    for line in change:
        print("  " + line)
    print(f"then: docphim run {file}")


def _print(value: dict[str, Any], as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(value, ensure_ascii=False))
    else:
        from docphim import terminal

        terminal.tree(value)


def main() -> None:
    """Run the command; errors in one line, exit code 0 done, 1 our fault, 2 wrong command or recipe, 3 input refused."""
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("docphim").setLevel(logging.INFO)
    try:
        app(standalone_mode=True)
    except UsageError as error:
        sys.exit(_say(f"error: {error}", 2))
    except Refused as error:
        sys.exit(_say(str(error), 3))
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(_say(_our_fault(error), 1))
        sys.exit(_say("disk_full: the disk is full; the same command goes on from here", 3))
    except Exception as error:
        sys.exit(_say(_our_fault(error), 1))


def _say(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code


def _our_fault(error: Exception) -> str:
    """Where an unforeseen error happened; its message is withheld, for it may quote a patient's data."""
    if os.environ.get("DOCPHIM_DEBUG"):
        return "".join(traceback.format_exception(error))
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}docphim{os.sep}" in f.filename]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return (
        f"internal error: {type(error).__name__}{place}. This is a fault of Docphim. "
        "Its message is withheld because it may quote a patient's data; DOCPHIM_DEBUG=1 shows it."
    )


if __name__ == "__main__":
    main()
