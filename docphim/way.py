"""The stages as data: what each reads, what it is given, what it writes, in the order in which they run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from docphim.backends import ENDPOINT, traits
from docphim.errors import UsageError
from docphim.files import at_home
from docphim.language import lexicon
from docphim.language.labels import SETS, table_path
from docphim.metrics import label_sets
from docphim.metrics.signature import reading
from docphim.recipe import Generate, Model, Recipe
from docphim.recipe_model import decisive
from docphim.recipe_services import Service
from docphim.stage import Stage
from docphim.study import SPLITS

STAGES = ("ingest", "prepare", "build", "train", "generate", "evaluate", "page")

#: A stage's version; raise it when what the stage writes changes, and everything after it is redone.
VERSIONS = {"ingest": 5, "prepare": 3, "build": 4, "train": 3, "generate": 4, "evaluate": 4, "page": 3}

#: What datasets with `pairs` have more: raise it when other partners are chosen, so that those without need not be built again.
VERSION_OF_PAIRS = 1
#: The same of datasets with `augment`.
VERSION_OF_AUGMENT = 10

#: Tasks that choose what they ask over all studies of a split; the recipe's `questions` says how.
SURVEYED = frozenset(("questions", "question_dialogue", "written_dialogue"))
#: Those of them whose questions are written by the endpoint of `questions.writer`.
WRITTEN = frozenset(("written_dialogue",))

#: Where a judge's answers are kept in the run's folder: no stage's output, so that no change of settings removes them.
JUDGED = "judge.jsonl"


def stages(recipe: Recipe, dataset: Path, home: Path) -> list[Stage]:
    """The stages of a recipe, in order.  Where an endpoint or a file answers there is no `train`."""
    way = [*_of_dataset(recipe, dataset), *_of_run(recipe, dataset, home)]
    return way if recipe.trains else [stage for stage in way if stage.name != "train"]


def _of_dataset(recipe: Recipe, dataset: Path) -> list[Stage]:
    source, split = recipe.source, recipe.split
    studies = dataset / "studies.jsonl"
    (augment, paraphrase), (questions, writer) = augmenting(recipe), questioning(recipe)
    asking = {name: way for name, way in (("paraphrase", paraphrase), ("writer", writer)) if way}
    return [
        Stage(
            name="ingest",
            call="docphim.ingest:ingest",
            arguments=(source.kind, source.model_dump(exclude={"kind"}), dataset),
            settings={"language": recipe.language, "split_by_source": split.by == "source"},
            inputs={},
            folder=dataset,
            outputs=["studies.jsonl", "private.csv", "ingest_notes.json", "rejected.jsonl?stage=ingest"],
            version=VERSIONS["ingest"],
        ),
        Stage(
            name="prepare",
            call="docphim.prepare:prepare",
            arguments=(dataset,),
            settings={"settings": pixels(recipe)},
            unrecorded={"workers": recipe.prepare.workers},
            inputs={"studies": studies, "private": dataset / "private.csv"},
            folder=dataset,
            outputs=["prepared", "rejected.jsonl?stage=prepare"],
            version=VERSIONS["prepare"],
            borrowed=True,
            selective=True,
        ),
        Stage(
            name="build",
            call="docphim.build:build",
            arguments=(dataset,),
            settings={
                "tasks": recipe.tasks,
                "prompts": recipe.prompts,
                "language": recipe.language,
                "split_by": split.by,
                "fractions": split.fractions,
                "seed": split.seed,
                "settings": pixels(recipe),
                **({"pairs": recipe.pairs.model_dump()} if recipe.pairs else {}),
                **({"augment": augment} if augment else {}),
                **({"prompt_with": recipe.prompt_with} if recipe.prompt_with else {}),
                **({"questions": questions} if questions else {}),
                **({"numbers": recipe.numbers.model_dump()} if recipe.numbers else {}),
            },
            unrecorded={"asking": asking} if asking else {},
            inputs={"studies": studies, "index": _index(dataset), **_lexicons(recipe), **_tables(recipe), **_asked(recipe)},
            folder=dataset,
            outputs=[
                *("examples", "leaks.json", "stats.json", "tasks.json", *_measured(recipe), "rejected.jsonl?stage=build"),
                *(["augment.json"] if recipe.augment else []),
            ],
            version=VERSIONS["build"] + VERSION_OF_PAIRS * bool(recipe.pairs) + VERSION_OF_AUGMENT * bool(recipe.augment),
        ),
    ]


def pixels(recipe: Recipe) -> dict[str, Any]:
    """The settings of every modality that a recipe prepares, defaults written out: modality → section.

    Where a section's `show` says how many `tokens` of the model's input the slices may take, their `count` stands in its place.

    Raises
    ------
    UsageError
        There is no such modality, a key of its section is wrong, or the tokens hold no slice.
    """
    from docphim.imaging import settings_of

    sections = {name: section.model_dump(mode="json") for name, section in settings_of(recipe.prepare.sections).items()}
    return {name: _counted(values, recipe.model, f"prepare.{name}.show.tokens") for name, values in sections.items()}


def _counted(section: dict[str, Any], model: Model, where: str) -> dict[str, Any]:
    """A modality's section with a number of slices in place of a number of tokens."""
    from docphim.models.frame_tokens import frames_within

    show = section.get("show") or {}
    if show.get("tokens") is None:
        return section
    count = frames_within(show["tokens"], model.family, model.image_size, show.get("kind") != "image", where) - projections(
        show
    )
    if count < 1:
        raise UsageError(f"{where}: {show['tokens']} hold the projections and no slice")
    return {**section, "show": {**show, "tokens": None, "count": count}}


def projections(show: dict[str, Any]) -> int:
    """How many frames a modality's `show` puts before its slices."""
    return 2 if show.get("mips") else 0


def resolved(recipe: Recipe) -> Recipe:
    """The recipe with the defaults of its modalities written out."""
    prepare = type(recipe.prepare).model_validate({"workers": recipe.prepare.workers, **pixels(recipe)})
    return recipe.model_copy(update={"prepare": prepare})


def _of_run(recipe: Recipe, dataset: Path, home: Path) -> list[Stage]:
    return [make(recipe, dataset, home) for make in (_train, _generate, _evaluate, _page)]


def _train(recipe: Recipe, dataset: Path, home: Path) -> Stage:
    """The stage that makes the run's model; where its base lies now changes nothing in it."""
    return Stage(
        name="train",
        call="docphim.train:train",
        arguments=(dataset, home),
        settings={
            "model": decisive(recipe.model.model_dump()),
            "train": recipe.train.model_dump(
                exclude={"trackers", "shard", "compile", *(() if recipe.train.augment else ("augment",))}
            ),
        },
        unrecorded={"base": recipe.model.base, **recipe.train.model_dump(include={"trackers", "shard", "compile"})},
        inputs={**_trained_on(recipe, dataset), "index": _index(dataset), **blind_run(recipe), **_stands_on(recipe)},
        folder=home,
        outputs=["model"],
        beside=["log.jsonl", "checkpoints", *(["augment.jsonl"] if recipe.train.augment else [])],
        version=VERSIONS["train"],
        torch=True,
    )


def _trained_on(recipe: Recipe, dataset: Path) -> dict[str, Path]:
    splits = ("train", "val", *(["comparisons"] if "comparison" in recipe.train.augment else []))
    return {split: dataset / "examples" / f"{split}.jsonl" for split in splits}


def _stands_on(recipe: Recipe) -> dict[str, Path]:
    """The record of the run whose weights a run of family `aligned` starts from: made anew, they are others."""
    weights = Path(recipe.model.weights).expanduser()
    trained = next((path for path in (weights / "train.json", weights.parent / "train.json") if path.exists()), None)
    return {"weights": trained} if recipe.model.family == "aligned" and trained else {}


def _generate(recipe: Recipe, dataset: Path, home: Path) -> Stage:
    """The stage whose answers come from the run's own model, or from a backend that has options of its own."""
    drafting, evaluate = recipe.generate, recipe.evaluate
    backend = traits(drafting.backend)
    asking: dict[str, Any] = {"base": recipe.model.base} if recipe.trains and recipe.model.base else {}
    asking |= drafting.model_dump(include=set(backend.asking))
    asking |= {"allow_upload": recipe.allow_upload} if backend.sends else {}
    made_by: dict[str, Any] = drafting.model_dump(include={"batch_size"}) if backend.batched else {}
    # Keys that came later, and say nothing: drafts that were made without them stay good, and no endpoint is asked anew.
    late = {name for name, nothing in (("shots", 0), ("cache", "dynamic")) if getattr(drafting, name) == nothing}
    options = drafting.model_dump(include=set(backend.recorded) - late)
    made_by |= {"options": options} if options else {}
    trained = {"trained": home / "train.json"} if recipe.trains else {}
    # What a file holds is an input; where it lies changes nothing.
    elsewhere = {"elsewhere": read_from(drafting)} if backend.reads else {}
    return Stage(
        name="generate",
        call="docphim.generate:generate",
        arguments=(dataset, home),
        settings={
            **drafting.model_dump(include={"backend", "max_new_tokens", "temperature", "seed"}),
            "decoding": drafting.model_dump(include=set(backend.decoding)),
            **made_by,
            "images": evaluate.images,
            "splits": evaluate.splits,
            "contexts": evaluate.contexts,
            "blind": recipe.train.blind,
        },
        unrecorded={**({"asking": asking} if asking else {}), "processes": drafting.processes},
        inputs={
            **trained,
            **elsewhere,
            **_examples(dataset),
            "draft": dataset / "examples" / "draft.jsonl",
            "index": _index(dataset),
            **{name: dataset / name for name in _measured(recipe)},
        },
        folder=home,
        outputs=["predictions.jsonl", "likelihoods.jsonl", "drafts.jsonl"],
        beside=["generate-plan.json"],
        version=VERSIONS["generate"],
        mending=True,
        torch=backend.shared,
    )


def read_from(drafting: Generate) -> Path:
    """The file on whose content a backend's answers depend."""
    backend = traits(drafting.backend)
    return Path(getattr(drafting, backend.reads)).expanduser() / backend.within


def _evaluate(recipe: Recipe, dataset: Path, home: Path) -> Stage:
    evaluate, language = recipe.evaluate, recipe.evaluate.language or recipe.language
    judge, judge_asking = _judge(recipe)
    return Stage(
        name="evaluate",
        call="docphim.evaluate:evaluate",
        arguments=(dataset, home),
        settings={
            "language": language,
            "resamples": evaluate.resamples,
            "seed": evaluate.seed,
            "label_sets": evaluate.label_sets,
            "metrics": evaluate.metrics,
            "judge": judge,
        },
        unrecorded={
            **({"judge_asking": judge_asking} if judge_asking else {}),
            **({"truth": truth_file(recipe)} if evaluate.truth else {}),
        },
        inputs={
            **({"truth": truth_file(recipe)} if evaluate.truth else {}),
            **_drafts(home),
            **_examples(dataset),
            "studies": dataset / "studies.jsonl",
            "tasks": dataset / "tasks.json",
            **reading(language, label_sets()),
        },
        folder=home,
        outputs=["scores.json", "scores.parquet", "statistics.parquet", "errors.jsonl"],
        version=VERSIONS["evaluate"],
    )


def truth_file(recipe: Recipe) -> Path:
    """Where the adjudicated lesions lie that drafts are scored against, where a recipe names them."""
    return at_home(recipe.evaluate.truth or "", "evaluate.truth")


def _page(recipe: Recipe, dataset: Path, home: Path) -> Stage:
    return Stage(
        name="page",
        call="docphim.page:page",
        arguments=(dataset, home),
        settings=recipe.page.model_dump(),
        inputs={
            "scores": home / "scores.json",
            "errors": home / "errors.jsonl",
            **_drafts(home),
            "drafts": home / "drafts.jsonl",
            "log": home / "log.jsonl",
            **{name: dataset / f"{name}.json" for name in ("stats", "leaks", "ingest_notes")},
            **{name: dataset / f"{name}.jsonl" for name in ("studies", "rejected")},
            "private": dataset / "private.csv",
            **_examples(dataset),
            "index": _index(dataset),
        },
        folder=home,
        outputs=["index.html", "drafts.html"],
        version=VERSIONS["page"],
    )


def _judge(recipe: Recipe) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    judge = recipe.evaluate.judge
    return (None, {}) if judge is None else endpoint_settings(judge, recipe.allow_upload, {"systems"}, {"replay"})


def _index(dataset: Path) -> Path:
    return dataset / "prepared" / "index.jsonl"


def _drafts(home: Path) -> dict[str, Path]:
    return {name: home / f"{name}.jsonl" for name in ("predictions", "likelihoods")}


def _examples(dataset: Path) -> dict[str, Path]:
    return {split: dataset / "examples" / f"{split}.jsonl" for split in SPLITS}


def _measured(recipe: Recipe) -> list[str]:
    """What build measures of each PET, where drafts are filled from it."""
    return ["candidates.jsonl"] if recipe.numbers else []


def _lexicons(recipe: Recipe) -> dict[str, Path]:
    words = {name: lexicon.FOLDER / f"{name}.yaml" for name in ("concepts", recipe.language)}
    return {**words, "sections": lexicon.FOLDER.parent / "sections.yaml"}


def _asked(recipe: Recipe) -> dict[str, Path]:
    """The words of questions, and those in which lesions are read and written."""
    build = lexicon.FOLDER.parents[1] / "build"
    if not any("question" in name for name in recipe.tasks):
        return {name: build / f"{name}.yaml" for name in sorted(WRITTEN & {*recipe.tasks})}
    words = {name: lexicon.FOLDER / f"{name}.yaml" for name in ("lesions", "lesion_says")}
    return {**words, **{name: build / f"{name}.yaml" for name in ("questions", *sorted(WRITTEN & {*recipe.tasks}))}}


def blind_run(recipe: Recipe) -> dict[str, Path]:
    """What a run's training depends on besides its dataset: the blind run whose loss caps its negatives, if it names one."""
    from docphim.train.cap import trained

    return trained(recipe.train.loss.model_dump())


def augmenting(recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of `augment` a dataset depends on, and the way to the endpoint that words reports otherwise."""
    if recipe.augment is None:
        return {}, {}
    settings, asked = recipe.augment.model_dump(exclude={"paraphrase"}), recipe.augment.paraphrase
    if asked is None:
        return settings, {}
    request, way_there = endpoint_settings(asked, recipe.allow_upload, {"count", "temperature"})
    return settings | {"paraphrase": request}, way_there


def questioning(recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of `questions` a dataset depends on, and the way to the endpoint that writes dialogues."""
    if not SURVEYED & {*recipe.tasks}:
        return {}, {}
    settings, asked = recipe.questions.model_dump(exclude={"writer"}), recipe.questions.writer
    if asked is None or not WRITTEN & {*recipe.tasks}:
        return settings, {}
    request, way_there = endpoint_settings(asked, recipe.allow_upload, {"temperature"})
    return settings | {"writer": request}, way_there


def _tables(recipe: Recipe) -> dict[str, Path]:
    """The tables of labels by which pairs are chosen."""
    return {f"{name} labels": table_path(name) for name in SETS} if recipe.pairs else {}


def endpoint_settings(
    section: Service, allow_upload: list[str], recorded: set[str], unrecorded: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of an endpoint the answers depend on (the model, the request), and what they do not (the way there)."""
    way_there = {*ENDPOINT, *unrecorded}
    request = section.model_dump(include={"model", "body", *recorded})
    return request, {**section.model_dump(include=way_there), "allow_upload": allow_upload}
