"""What a run is made from: pydantic models; YAML in, resolved YAML out, unknown keys refused with a did-you-mean."""

from __future__ import annotations

import difflib
import typing
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from docphim.backends import BACKENDS, DECODING, LONGEST, OF_SAMPLING, traits
from docphim.errors import SHOWN, UsageError, printable
from docphim.recipe_model import Model
from docphim.recipe_services import Judge, Paraphrase, Questions, Service
from docphim.recipe_training import CandidateRule, Pairs, Section, Train
from docphim.yaml_in import refuse_secrets

M = TypeVar("M", bound=BaseModel)
#: What a run, a dataset or a variant may be called: a folder's name on every system.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
#: Among `seeds`, what stands for every variant that is not named.
OTHERS = "others"


class Source(Section):
    """Where studies come from; what else may stand here is said by the source's own `Options`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str


class Split(Section):
    """`by: source` keeps the dataset's own splits, `by: patient` draws them."""

    by: Literal["source", "patient"] = "patient"
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0

    @field_validator("fractions")
    @classmethod
    def _sum_to_one(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) < 0 or abs(sum(value) - 1) > 1e-6:
            raise ValueError(f"train, val and test fractions must add up to 1, not {sum(value):g}")
        return value


class Prepare(Section):
    """Pixels on disk: a section for each modality that is prepared, and how many processes work (none: one per core).

    What may stand in a modality's section is said by its module (`imaging.settings_of`).  `{long_side: 1024}` is short for
    `{xray: {long_side: 1024}}`, and no section at all for `{xray: {}}`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    workers: int | None = Field(None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _by_modality(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        of_films = {k: v for k, v in values.items() if k != "workers" and not isinstance(v, dict)}
        rest = {k: v for k, v in values.items() if k not in of_films}
        if of_films or not set(rest) - {"workers"}:
            rest["xray"] = {**of_films, **rest.get("xray", {})}
        return rest

    @property
    def sections(self) -> dict[str, Any]:
        """Modality → its section as it was given."""
        return dict(self.model_extra or {})


class Generate(Service):
    """How answers are drafted: by the run's model, an exported one (`vllm`), an endpoint (`openai`), a template, or elsewhere.

    `max_new_tokens: longest` is the longest answer of the training and a quarter more, which only the run's own model knows.
    """

    backend: str = "transformers"
    max_new_tokens: Annotated[int, Field(ge=1)] | Literal["longest"] = 512
    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    repetition_penalty: float = Field(1.0, gt=0)
    min_new_tokens: int = Field(0, ge=0)
    batch_size: int = Field(16, ge=1)
    processes: int = Field(1, ge=1)
    cache: Literal["dynamic", "static"] = "dynamic"
    seed: int = 0
    image_size: int | tuple[int, int] = 768
    drafts: str | None = None
    exported: str | None = None
    allow: list[Literal["missing", "extra", "duplicates"]] = []
    shots: int = Field(0, ge=0, le=64)

    @model_validator(mode="after")
    def _decodes(self) -> Generate:
        for name in [name for name, none in DECODING.items() if getattr(self, name) != none]:
            if name not in traits(self.backend).decoding:
                hint = "; what the endpoint takes beside goes into body" if traits(self.backend).sends else ""
                raise ValueError(f"{name!r} is not taken by backend {self.backend}{hint}")
            if name in OF_SAMPLING and not self.temperature:
                raise ValueError(f"{name!r} does nothing at temperature 0, where the most likely token is taken")
        if isinstance(self.max_new_tokens, int) and self.min_new_tokens > self.max_new_tokens:
            raise ValueError(f"min_new_tokens: {self.min_new_tokens} are more than the {self.max_new_tokens} of max_new_tokens")
        return self

    @model_validator(mode="after")
    def _has_answers(self) -> Generate:
        # A backend without a key of decoding makes no tokens: it takes whatever number the base of a variant says.
        if self.max_new_tokens == LONGEST and traits(self.backend).decoding and not traits(self.backend).trains:
            raise ValueError(f"max_new_tokens: backend {self.backend} takes a number; {LONGEST} is the run's own model's")
        if self.shots and "shots" not in traits(self.backend).recorded:
            raise ValueError(f"shots: backend {self.backend} shows no examples; a model of one's own is trained on them")
        if self.cache != "dynamic" and "cache" not in traits(self.backend).recorded:
            raise ValueError(f"cache: backend {self.backend} keeps its own")
        if self.processes > 1 and not traits(self.backend).shared:
            raise ValueError(f"processes: backend {self.backend} has none of its own; they share out a model's work here")
        needs = traits(self.backend).needs
        if any(getattr(self, key) in (None, "") for key in needs):
            raise ValueError(f"backend {self.backend} needs {' and '.join(map(repr, needs))}")
        for name, other in BACKENDS.items():
            if other.reads and other.reads != traits(self.backend).reads and getattr(self, other.reads) is not None:
                raise ValueError(f"{other.reads!r} is for backend {name}, and {self.backend} does not take it")
        return self


class Augment(Section):
    """What the dataset holds for trainings that augment it: at most so many `comparisons` of two patients, other wordings."""

    comparisons: int = Field(1000, ge=0)
    paraphrase: Paraphrase | None = None


class Evaluate(Section):
    """Which images the model is shown, and how its text is scored; `truth` is a file that `docphim validate` came to."""

    language: Literal["vi", "en", "zh"] | None = None
    images: list[Literal["own", "noise", "blank", "other"]] = ["own", "noise", "blank", "other"]
    splits: list[Literal["val", "test"]] = ["test"]
    contexts: list[Literal["reference", "generated"]] = ["reference", "generated"]
    label_sets: list[str] | None = Field(None, min_length=1)
    metrics: list[str] | None = Field(None, min_length=1)
    resamples: int = Field(1000, ge=100)
    seed: int = 12345
    judge: Judge | None = None
    truth: str | None = None

    @model_validator(mode="after")
    def _with_the_patients_image(self) -> Evaluate:
        if "own" not in self.images:
            raise ValueError("images must hold 'own': the score the others are compared with")
        return self


class Page(Section):
    """The page: at most so many megabytes, so many studies of each kind (worst, best, random)."""

    megabytes: float = Field(8, gt=0.5)
    studies: int = Field(12, ge=1)


class RowsOf(Section):
    """One table of a recipe with variants: which of them are its rows; `published` names a paper's numbers to set beside."""

    name: str
    rows: list[str] = Field(min_length=1)
    published: str | None = None


class Recipe(Section):
    """Everything a run is made from; with `variants` or `seeds` it stands for several runs (`docphim.variants`).

    With `stages` it stands for runs that start from one another (`docphim.chain`).
    """

    name: str = Field(pattern=NAME)
    dataset: str | None = Field(None, pattern=NAME)
    source: Source
    language: Literal["vi", "en"] = "vi"
    split: Split = Split()
    prepare: Prepare = Prepare()
    tasks: list[str] = ["findings"]
    prompts: Literal["paper", "docphim"] = "paper"
    pairs: Pairs | None = None
    augment: Augment | None = None
    questions: Questions = Questions()
    numbers: CandidateRule | None = None
    prompt_with: list[Literal["history", "indication", "technique", "phase", "weight", "dose"]] = []
    model: Model
    train: Train = Train()
    generate: Generate = Generate()
    evaluate: Evaluate = Evaluate()
    page: Page = Page()
    max_rejected: float = Field(1.0, ge=0, le=1)
    allow_upload: list[str] = []
    data: str = "data"
    runs: str = "runs"
    variants: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] = {}
    stages: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] = {}
    seeds: dict[str, list[Annotated[int, Field(ge=0)]]] = {}
    tables: list[RowsOf] = []
    only: list[str] = []
    at_once: int = Field(1, ge=1)
    workers: Literal["local", "ray"] = "local"

    @model_validator(mode="before")
    @classmethod
    def _without_secrets(cls, values: Any) -> Any:
        refuse_secrets(values)
        return values

    @model_validator(mode="before")
    @classmethod
    def _without_a_model(cls, values: Any) -> Any:
        """Where nothing is trained `model` may be left out; a file has drafts of the own images unless told."""
        if isinstance(values, dict) and isinstance(generate := values.get("generate"), dict):
            backend = traits(generate.get("backend", "transformers"))
            if not backend.trains:
                values = {"model": {"family": "none"}, **values}
            if backend.images and isinstance(evaluate := values.get("evaluate", {}), dict):
                values = {**values, "evaluate": {"images": list(backend.images), **evaluate}}
        return values

    @model_validator(mode="after")
    def _with_pairs(self) -> Recipe:
        """A training on pairs needs them in the dataset; runs with and without one share it where all have the section."""
        kind = self.train.built
        if kind is not None and self.pairs is None:
            object.__setattr__(self, "pairs", Pairs())
        if kind is not None and self.pairs is not None and kind not in self.pairs.kinds:
            raise ValueError(f"train.pairs: {self.train.pairs} needs {kind!r} among pairs.kinds")
        return self

    @field_validator("numbers", mode="before")
    @classmethod
    def _measured(cls, value: Any) -> Any:
        """`numbers: measured` is short for `numbers: {}`: with the defaults; `numbers: written`: the model writes them."""
        return {"measured": {}, "written": None}.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _measured_on_a_pet(self) -> Recipe:
        if self.numbers is not None and "pet" not in self.prepare.sections:
            raise ValueError("numbers: are measured on a PET, and prepare has no section pet")
        if self.numbers is not None and "val" in self.evaluate.splits:
            raise ValueError("numbers: the reports of val have placeholders, as those of train; evaluate.splits takes test")
        return self

    @model_validator(mode="after")
    def _with_augment(self) -> Recipe:
        """A training that augments needs the section in its dataset; runs that do not share it where all have it."""
        if self.train.augment and self.augment is None:
            object.__setattr__(self, "augment", Augment())
        return self

    @field_validator("seeds", mode="before")
    @classmethod
    def _of_all(cls, value: Any) -> Any:
        """`seeds: [0, 1]` is short for `seeds: {others: [0, 1]}`: those of every variant that is not named."""
        return {OTHERS: value} if isinstance(value, list) and value else value or {}

    @model_validator(mode="after")
    def _variants_are_known(self) -> Recipe:
        for name, numbers in self.seeds.items():
            if name not in (*self.variants, OTHERS):
                raise ValueError(f"seeds.{name}: is no variant; known: {', '.join((*self.variants, OTHERS))}")
            if not numbers or len(set(numbers)) < len(numbers):
                raise ValueError(f"seeds.{name}: must be different numbers")
        unknown = [(row, table.name) for table in self.tables for row in table.rows if row not in self.variants]
        for row, where in [*unknown, *((name, "only") for name in self.only if name not in self.variants)]:
            raise ValueError(f"tables: {row!r} in {where!r} is no variant; known: {', '.join(self.variants) or 'none'}")
        return self

    @property
    def trains(self) -> bool:
        """Whether this run makes a model of its own; where drafts come from elsewhere there is nothing to train."""
        return traits(self.generate.backend).trains


def validated(kind: type[M], values: dict[str, Any], where: str) -> M:
    """Build a pydantic model, turning its errors into one line a person can act on.

    Raises
    ------
    UsageError
        A key is unknown (with the nearest known one), missing, or its value is not allowed.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UsageError("; ".join(_sentence(e, kind, where) for e in error.errors())) from None


def _sentence(error: Any, kind: type[BaseModel], where: str) -> str:
    path = [printable(p, SHOWN) for p in error["loc"]]
    name = ".".join([*([where] if where else []), *path]) or "recipe"
    if error["type"] == "extra_forbidden":
        known = list(_fields_at(kind, path[:-1]))
        near = difflib.get_close_matches(path[-1], known, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"{name}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{name}: required"
    secret = {"key_env", "body", "endpoint"} & set(path)  # a key pasted there is not repeated
    got = "" if secret or isinstance(error["input"], BaseModel | dict) else f" (got {printable(repr(error['input']), SHOWN)})"
    return f"{name}: {printable(error['msg'].removeprefix('Value error, '), 400)}{got}"


def _fields_at(kind: type[BaseModel], path: list[str]) -> dict[str, Any]:
    for part in path:
        field = kind.model_fields.get(part)
        inside = [] if field is None else [field.annotation, *typing.get_args(field.annotation)]
        sections = [a for a in inside if isinstance(a, type) and issubclass(a, BaseModel)]
        if not sections:
            return {}
        kind = sections[0]
    return kind.model_fields


def load(recipe: str, settings: list[str] | None = None) -> Recipe:
    """Read a recipe and apply `key=value` settings (dotted keys, YAML values); its variants are members of it, not applied.

    Raises
    ------
    UsageError
        The file is not YAML, a setting is not `key=value`, or the recipe is wrong.
    """
    from docphim.recipe_file import whole

    return validated(Recipe, whole(recipe, settings or []), "")


def dump(recipe: Recipe, **more: Any) -> str:
    """The recipe as YAML with every default written out; `more` is added at the top (versions, dataset key, git state)."""
    values = recipe.model_dump(mode="json")
    if not recipe.trains:
        del values["model"]
        values["train"] = {"blind": recipe.train.blind}
    return yaml.safe_dump({**more, **values}, allow_unicode=True, sort_keys=False)
