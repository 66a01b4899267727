"""The `docphim` command: one thin function per stage and tool; heavy imports wait inside them."""

from __future__ import annotations

import gc
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from docphim import __version__, tools, validating
from docphim.errors import Refused, UsageError, environment, printable
from docphim.progress import log_to_stderr
from docphim.tools import AsJson, show


def documents() -> Path:
    """Where the documents lie: in the source tree, or where the package installed them."""
    beside = Path(__file__).parents[1] / "docs"
    return beside if beside.is_dir() else Path(sys.prefix) / "share" / "doc" / "docphim"


class Commands(typer.core.TyperGroup):
    """The commands; what typer would end with 1 is answered here: Ctrl-C, and a pipe that broke and is not our stdout."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(_say("stopped; the same command goes on from here", 130))
        except BrokenPipeError as error:
            if not _reader_gone(sys.stdout, "\n"):
                raise ConnectionError("a pipe to a helper broke") from error
            raise


app = typer.Typer(
    name="docphim",
    cls=Commands,
    help="Radiology studies with reports in; an audited dataset, a fine-tuned model, drafted reports and scores out.",
    epilog=f"Documents: {documents()}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a packaged one.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value; may be repeated.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"docphim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
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
    from docphim import terminal, variants
    from docphim.way import STAGES

    if until not in STAGES:
        raise UsageError(f"--until {until}: must be one of {', '.join(STAGES)}")
    made = recipes.load(recipe, set_)
    several = bool(made.variants or made.seeds)
    if several and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(f"{recipe}: processes of torchrun share one training; start each of its variants by itself")
    if program.helping():
        logging.getLogger("docphim").setLevel(logging.ERROR)  # the first process says it all
    dataset, home = (variants if several else program).run(made, until=until, only=only)
    if program.helping():
        return dataset
    (terminal.after_variants if several else terminal.after_run)(dataset, home, only or until)
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
    sheet: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Draw each step of augmentation.")] = None,
) -> None:
    """Stage 3: splits, leaks, and what the model is asked."""
    dataset = run_recipe(recipe, set_, only="build")
    if show or sheet:
        from docphim import recipe as recipes
        from docphim import terminal
        from docphim.train.look import look
        from docphim.train.sheet import write_sheet

        made = recipes.load(recipe, set_)
        settings = {"model": made.model.model_dump(), "train": made.train.model_dump()}
        terminal.show_examples(look(dataset, **settings, count=show))
        terminal.show_examples(write_sheet(dataset, sheet.expanduser(), **settings) if sheet else [])


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
def bench(
    recipe: RecipeName,
    set_: Settings = None,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps that are timed, after a few that are not.")] = 10,
    new_tokens: Annotated[int, typer.Option(min=8, help="Length of the answers that are timed, in tokens.")] = 64,
    tokens: Annotated[int, typer.Option(min=16, help="No dataset is built: length of a made-up example.")] = 600,
    frames: Annotated[int, typer.Option(min=1, help="No dataset is built: pictures an example; 1 is a film.")] = 1,
    json: AsJson = False,
) -> None:
    """How fast a recipe's model trains and answers on this machine, and what limits it: random weights, nothing is written."""
    from docphim import bench as tool
    from docphim import recipe as recipes
    from docphim.bench.text import lines
    from docphim.run import is_built

    made = recipes.load(recipe, set_)
    amount = {"steps": steps, "new_tokens": new_tokens, "tokens": tokens, "frames": frames}
    answer = tool.bench(is_built(made), model=made.model.model_dump(), train=made.train.model_dump(), amount=amount)
    if json:
        show(answer, True)
    else:
        print(lines(answer))


@app.command()
def draft(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run's folder, such as runs/NAME.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder of films, at any depth, or one film.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the drafts go; else drafts/NAME beside the runs.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the weights under the run's adapter lie now, if they have moved.")
    ] = None,
) -> None:
    """Draft reports for films that have none, by a run's model: drafts.jsonl, a text a study, a page; resumable."""
    from docphim import draft as drafting
    from docphim import terminal

    terminal.after_draft(drafting.draft(drafting.run_folder(run), path.expanduser(), out, base and base.expanduser()))


@app.command()
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run's folder, such as runs/NAME.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")],
    to: Annotated[str, typer.Option(help="A model: transformers, vllm; examples: ms-swift, trl, parquet.")] = "transformers",
    adapter: Annotated[bool, typer.Option("--adapter", help="The adapter alone, not merged weights.")] = False,
    base: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where the weights under the run's adapter lie now, if they have moved.")
    ] = None,
) -> None:
    """A run's model as others serve it, or its examples as others train on them."""
    from docphim.draft import run_folder
    from docphim.export import export as write

    print(f"{out}: {write(run_folder(run), out.expanduser(), to, adapter=adapter, base=base)}")


@app.command()
def stats(
    recipe: RecipeName,
    set_: Settings = None,
    tokens: Annotated[str, typer.Option(help="syllable; word measures reports in Vietnamese words too.")] = "syllable",
    json: AsJson = False,
) -> None:
    """What a built dataset holds.

    Lengths, ages, anatomy, diagnoses, contradictions between findings and impression, duplicates, leaks.
    """
    from docphim import files
    from docphim import recipe as recipes
    from docphim import run as program

    if tokens not in ("syllable", "word"):
        raise UsageError(f"--tokens {tokens}: must be one of syllable, word")
    made = recipes.load(recipe, set_)
    dataset = program.built(made)
    if tokens == "word":
        from docphim.build.stats import dataset_stats

        counts = dataset_stats(dataset, made.language, words=True)
    else:
        counts = files.read_json(dataset / "stats.json")
    if json:
        show(counts, True)
    else:
        from docphim.build.stats_text import tables

        print(tables(counts, made.language))


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

    answer = checks.examine()
    if recipe is not None:
        from docphim import recipe as recipes
        from docphim import variants

        made = recipes.load(recipe, set_)
        answer["recipe"] = checks.needs(made)
        answer["recipe"]["checks"] |= {m.name: checks.first_fault(m.recipe) for m in variants.members(made)}
        answer["missing"] += [f"{name}: {outcome}" for name, outcome in answer["recipe"]["checks"].items() if outcome != "ok"]
    show(answer, json)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    from_: Annotated[str, typer.Option("--from", metavar="NAME", help="Which packaged recipe to copy.")],
) -> None:
    """Copy a packaged recipe and say what to change."""
    from docphim import recipe_file

    if file.exists():
        raise UsageError(f"{file} exists; it is not overwritten")
    if from_ not in recipe_file.packaged_names():
        raise UsageError(f"--from {from_}: must be one of {', '.join(recipe_file.packaged_names())}")
    from docphim.files import atomic

    text = renamed(recipe_file.find(from_).read_text(encoding="utf-8"), file.stem)
    with atomic(file) as handle:
        handle.write(text)
    change = [line.strip() for line in text.splitlines() if "# change" in line]
    print(f"{file} written." + (" Change at least:" if change else ""))
    for line in change:
        print("  " + line)
    print(f"then: docphim run {file}")


def renamed(text: str, name: str) -> str:
    """A recipe's text under another `name`, so that runs of two copies do not share a folder."""
    import re

    import yaml

    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-") or "run"
    return re.sub(r"(?m)^name: .*$", yaml.safe_dump({"name": name}).strip(), text, count=1)


# In the list of commands the way comes first, then the tools.
app.registered_commands += tools.app.registered_commands
app.add_typer(validating.app, name="validate")


def main() -> None:
    """Run the command; errors in one line, exit code 0 done, 1 our fault, 2 wrong command or recipe, 3 input refused."""
    os.umask(0o077)
    if "OMP_WAIT_POLICY" not in os.environ:  # idle threads sleep, once a small model's next operation is overdue
        os.environ.update({"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "2000")})
    _open_streams()
    log_to_stderr()
    stdout, code = sys.stdout, _ended()
    _reader_gone(stdout)  # else Python would find out at its own end, and call it an error
    gc.freeze()  # else Python walks all objects once more at its end: half a second after ten thousand reports
    sys.exit(code)


def _ended() -> int | str | None:
    """Run the command that was typed, and say how it ended."""
    try:
        app(standalone_mode=True)
    except SystemExit as end:
        # rich and click end with 1 where nobody reads on (`docphim facts … | head`): that is no error.
        return 0 if isinstance(end.__context__, BrokenPipeError) else end.code
    except UsageError as error:
        return _say(f"error: {error}", 2)
    except Refused as error:
        return _say(str(error), 3)
    except OSError as error:
        refusal = environment(error)
        return _say(_our_fault(error), 1) if refusal is None else _say(str(refusal), 3)
    except Exception as error:
        return _say(_our_fault(error), 1)
    return 0


def _reader_gone(stdout: Any, more: str = "") -> bool:
    """Whether nobody reads what is printed; the rest of it then goes nowhere.

    After a first failure a pipe fails again only when there is `more` to write.
    """
    try:
        stdout.write(more)
        stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        return True
    return False


def _open_streams() -> None:
    """Give stdin, stdout and stderr that are closed (`>&-`, cron) to the null device: else files would take their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]


def _say(line: str, code: int) -> int:
    print("\n".join(map(printable, line.splitlines())), file=sys.stderr)
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
