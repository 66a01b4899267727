"""A recipe with `variants` or `seeds` as the runs it stands for: each once, in turn or some at a time, then side by side."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docphim import files
from docphim import run as program
from docphim.backends import traits
from docphim.chain import steps
from docphim.errors import Refused, UsageError
from docphim.progress import bar, log_to_stderr
from docphim.recipe import OTHERS, Recipe, validated
from docphim.recipe_file import OF_ALL, merged
from docphim.study import Row
from docphim.train import normal_loss
from docphim.way import STAGES, blind_run, resolved
from docphim.workers import cores, each, is_local, on

log = logging.getLogger("docphim")
#: What a recipe without `variants`, but with `seeds`, is called among its own runs.
ALONE = ""
#: In the folder of a run that is made beside others: what it would have printed.
RUN_LOG = "run.log"


@dataclass(frozen=True)
class Member:
    """One run of a recipe with variants.

    Attributes
    ----------
    variant, seed
        Which it is; `seed` is None where the recipe names none.
    recipe : Recipe
        What it is made from: a whole recipe, named NAME-VARIANT-sSEED.
    same_as : Recipe or None
        The member that is made in the very same way: this one is not made again, its numbers are that one's.
    """

    variant: str
    seed: int | None
    recipe: Recipe
    same_as: Recipe | None = None

    @property
    def name(self) -> str:
        """What messages call it: `variant gauss, seed 1`."""
        named = [f"variant {self.variant}"] if self.variant else []
        return ", ".join(named + ([f"seed {self.seed}"] if self.seed is not None else []))


def members(recipe: Recipe) -> list[Member]:
    """The runs that a recipe stands for, all variants with their first seed, then with their second; none for a plain recipe.

    Of the variants those that `only` names, where it names some.
    A seed is `train.seed` (the weights that training starts from, the order of examples, dropout) and `generate.seed`; the
    dataset, its splits, its negatives and the bootstrap stay what they are, so that runs can be paired by patient.

    Raises
    ------
    UsageError
        A variant does not make a recipe; the message names it and the field.
    """
    variants = {name: changes for name, changes in recipe.variants.items() if name in (recipe.only or recipe.variants)}
    variants = variants or ({ALONE: {}} if recipe.seeds else {})
    seeds = {name: recipe.seeds.get(name, recipe.seeds.get(OTHERS, [])) for name in variants}
    base = recipe.model_dump(exclude_unset=True, exclude=set(OF_ALL))
    made: list[Member] = []
    for place in range(max((len(numbers) or 1 for numbers in seeds.values()), default=0)):
        for variant, changes in variants.items():
            if place < (len(seeds[variant]) or 1):
                seed = seeds[variant][place] if seeds[variant] else None
                made.append(_member(recipe.name, base, variant, changes, seed, made))
    _refuse_shared_folders(made)
    return made


def _refuse_shared_folders(made: list[Member]) -> None:
    """Refuse (UsageError) two runs of one folder: variant `a` with seed 0, and a variant `a-s0` without one."""
    first: dict[str, Member] = {}
    for member in made:
        with named(member):
            folders = [step.name for step in steps(member.recipe)]
        for folder in folders:
            other = first.setdefault(folder, member)
            if other is not member:
                raise UsageError(f"variants: {other.name} and {member.name} would share the folder {folder}; rename one")


def _member(name: str, base: Row, variant: str, changes: Row, seed: int | None, before: list[Member]) -> Member:
    sections = {} if seed is None else {"train": {"seed": seed}, "generate": {"seed": seed}}
    parts = [name, variant, "" if seed is None else f"s{seed}"]
    where = f"variants.{variant}" if variant else ""
    if wrong := [key for key in OF_ALL if key in changes]:
        raise UsageError(f"{where}.{wrong[0]}: is one for all variants")
    values = merged(merged(base, changes), sections) | {"name": "-".join(filter(None, parts))}
    recipe = validated(Recipe, values, where)
    with named(Member(variant, seed, recipe)):
        made_from = _made_from(recipe)
    twin = next((other for other in before if _made_from(other.recipe) == made_from), None)
    return Member(variant, seed, recipe, None if twin is None else twin.recipe)


def _made_from(recipe: Recipe) -> Row:
    """What two recipes must share to be one run: all but the name; losses are compared with their defaults."""
    values = resolved(recipe).model_dump(exclude={"name"})
    with contextlib.suppress(UsageError):  # a wrong loss is refused with all else that is checked before a run
        loss = normal_loss(values["train"]["loss"])
        alone = {"pairs": "none", "conflicts_only": False} if loss["kind"] == "answers" else {}
        values["train"] |= {"loss": loss, **alone}
    return values


@contextlib.contextmanager
def named(member: Member) -> Iterator[None]:
    """Say of which run it is that something is wrong.

    Raises
    ------
    UsageError, Refused
        As they come, the run's name before them.
    """
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{member.name}: {error}") from None
    except Refused as error:
        raise Refused(error.reason, ", ".join(filter(None, [member.name, error.where])), error.why) from error


def run(recipe: Recipe, until: str = "page", only: str | None = None) -> tuple[Path, Path]:
    """Make every run of a recipe with variants, each resumable and none twice, and set them side by side once they are scored.

    All of them are checked before the first starts.  They share one dataset where they prepare and ask alike.

    Parameters
    ----------
    until, only
        As `docphim.run.run`.

    Returns
    -------
    tuple of Path
        The last run's dataset, and `runs/NAME`, where the tables are.

    Raises
    ------
    UsageError, Refused
        As `docphim.run.run`, with the variant's name.
    """
    from docphim.compare.variants import published

    last = only or until
    every = members(recipe)
    for table in recipe.tables:
        published(table.model_dump())
    to_make = [member for member in every if member.same_as is None]
    to_come = [program.run_folder(member.recipe) for member in to_make if member.recipe.train.blind]
    program.planned(recipe, last, to_come)  # what is wrong with all of them is said without a variant's name
    waves = _waves(to_make)
    in_turn = [member for wave in waves for member in wave]
    first_of: dict[Path, Member] = {}
    dataset = home = program.run_folder(recipe)
    for member in in_turn:
        with named(member):
            dataset = program.planned(member.recipe, last, to_come)[0]
        first_of.setdefault(dataset, member)
    with files.locked(files.private_folder(home)), on(recipe.workers):
        if _some_at_once(recipe, to_make, last):
            if only is None:
                _in_turn(list(first_of.values()), "build", None)
            _abreast(waves, until, only, recipe.at_once, home)
        else:
            _in_turn(in_turn, until, only)
        if STAGES.index(last) >= STAGES.index("evaluate"):
            side_by_side(recipe, every, home)
    return dataset, home


def _in_turn(to_make: list[Member], until: str, only: str | None) -> None:
    for number, member in enumerate(to_make, 1):
        log.info("%s (%d of %d): runs/%s", member.name, number, len(to_make), member.recipe.name)
        with named(member):
            program.run(member.recipe, until=until, only=only)


def _waves(to_make: list[Member]) -> list[list[Member]]:
    """Runs on which others build (a blind one, whose loss caps theirs) first, then the others; each in their order."""
    needed = {record.parent.resolve() for member in to_make for record in blind_run(member.recipe).values()}
    first = [member for member in to_make if program.run_folder(member.recipe).resolve() in needed]
    return [wave for wave in (first, [member for member in to_make if member not in first]) if wave]


def _some_at_once(recipe: Recipe, to_make: list[Member], last: str) -> bool:
    """Whether runs are made beside one another: it is asked for, and no GPU is there, which one run at a time fills.

    A cluster gives each run GPUs of its own.
    """
    if recipe.at_once == 1 or STAGES.index(last) < STAGES.index("train"):
        return False
    if not is_local() or not any(_gpus(member) for member in to_make):
        return True
    from docphim.train.launch import has_gpu

    return not has_gpu()


def _abreast(waves: list[list[Member]], until: str, only: str | None, count: int, home: Path) -> None:
    """Make `count` runs at a time, each in a process with its share of the cores; their datasets are there.

    A small model leaves cores idle: on two of them, trainings of one thread each took two thirds of the time.
    """
    log.info("what each run says as it is made: runs/NAME/%s", RUN_LOG)
    work = functools.partial(_made, until=until, only=only, threads=max(1, cores() // count) if is_local() else 1)
    in_pool = functools.partial(each, work, workers=count, crashed=_crashed, folder=home, long=True)
    pools = (in_pool([[member] for member in wave], gpus=max(map(_gpus, wave))) for wave in waves)
    try:
        for name in bar(itertools.chain.from_iterable(pools), sum(map(len, waves)), "runs"):
            log.info("made: %s", name)
    except Refused as error:
        if error.reason == "worker_killed" and not error.where:
            raise Refused(
                "worker_killed", "at_once", "a run was killed, most often for want of memory; make fewer at once"
            ) from error
        raise


def _gpus(member: Member) -> int:
    """So many GPUs a run takes where there are some."""
    recipe = member.recipe
    train = recipe.train.processes if recipe.trains else 0
    return max(train, recipe.generate.processes) if traits(recipe.generate.backend).shared else 0


def _made(members: list[Member], until: str, only: str | None, threads: int) -> list[str]:
    """Make runs in this process, whose stderr goes to the run's own log; their names."""
    for member in members:
        with open(files.private_folder(program.run_folder(member.recipe)) / RUN_LOG, "a", encoding="utf-8") as handle:
            os.dup2(handle.fileno(), 2)
        log_to_stderr()
        if member.recipe.trains:
            from docphim.train.launch import limit_threads

            limit_threads(threads, member.recipe.train.processes)
        with named(member):
            program.run(member.recipe, until=until, only=only)
    return [member.name for member in members]


def _crashed(member: Member) -> str:
    raise Refused("worker_killed", member.name, f"its process died; see runs/{member.recipe.name}/{RUN_LOG}")


def side_by_side(recipe: Recipe, every: list[Member], home: Path) -> None:
    """Write the tables of all members, by variant and seed: index.html, tables.txt, tables.csv, tables.tex, tables.json."""
    from docphim.compare.variants import Variant, write_tables

    by_name: dict[str, list[Member]] = {}
    for member in every:
        by_name.setdefault(member.variant, []).append(member)
    variants = []
    for name, runs in by_name.items():
        twins = {other.variant for member in runs for other in every if member.same_as is other.recipe}
        folders = {member.seed: program.run_folder(member.same_as or member.recipe) for member in runs}
        variants.append(Variant(name or recipe.name, folders, same_as=next(iter(twins - {name}), None)))
    made = {member.variant for member in every}
    rows_of = [(table.model_dump(), [name for name in table.rows if name in made]) for table in recipe.tables]
    tables = [table | {"rows": rows} for table, rows in rows_of if rows]
    write_tables(variants, tables or [{"name": recipe.name, "rows": [v.name for v in variants], "published": None}], home)
    log.info("tables: %s", ", ".join(("index.html", "tables.txt", "tables.csv", "tables.tex", "tables.json")))
