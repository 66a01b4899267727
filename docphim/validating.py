"""`docphim validate`: two blinded readers and an adjudicator make a table of truth of a dataset's test split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from docphim.errors import UsageError

app = typer.Typer(help="Two blinded readers and an adjudicator: a table of truth of a test split.", no_args_is_help=True)

Out = Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the validation.")]


@app.command()
def prepare(
    source: Annotated[Path, typer.Argument(metavar="DATASET|RUN", help="A built dataset's folder, or a run's on it.")],
    out: Out,
    cases: Annotated[int | None, typer.Option(min=1, help="At most so many studies, drawn by seed; else all.")] = None,
    empty: Annotated[float, typer.Option(help="The share of studies whose tables begin with nothing.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the draw, of what begins empty or comes twice, of each order.")] = 0,
) -> None:
    """A page for each of two readers, with slices, reports and tables of lesions; a tenth of the studies comes twice."""
    from docphim.page.readers import write_readers
    from docphim.validate import choose

    dataset, out = _dataset(source.expanduser()), out.expanduser()
    made = choose(dataset, out, cases=cases, empty=empty, seed=seed)
    pages = write_readers(dataset, out, made)
    empties = sum(study.start == "empty" for study in made.studies)
    print(f"{len(made.studies)} studies, {empties} of them with an empty table, {len(made.readers[0])} cases a reader")
    for page in pages:
        print(f"{page}: give it to one reader, with the folder slices; back comes {page.stem}.json, to lie in {out}")
    print(f"then: docphim validate adjudicate {out}")


@app.command()
def adjudicate(out: Out) -> None:
    """The adjudicator's page: both readers' tables side by side, once both are locked."""
    from docphim.page.readers import write_adjudicator
    from docphim.validate import TRUTH, locked

    out = out.expanduser()
    page = write_adjudicator(out, *locked(out))
    print(f"{page}: back comes {TRUTH}, to lie in {out}; evaluate.truth: {out / TRUTH} scores drafts against it")


@app.command()
def report(out: Out, json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False) -> None:
    """Agreement between the readers and within each, what a given table does to them, time, and what was changed."""
    from docphim import files
    from docphim.validate.report import report as answer
    from docphim.validate.text import lines

    made = answer(out.expanduser())
    print(files.dumps(made) if json else "\n".join(lines(made)))


def _dataset(source: Path) -> Path:
    """A dataset's folder, or that of the dataset that a run is on.

    Raises
    ------
    UsageError
        It is neither.
    Refused
        `file_missing`: the run's dataset is not there.
    """
    if (source / "recipe.yaml").is_file():
        from docphim.export.source import open_run

        return open_run(source, adapter=False, base=None).dataset
    if not (source / "examples").is_dir():
        raise UsageError("DATASET|RUN: no dataset and no run is there; give data/NAME/KEY or runs/NAME")
    return source
