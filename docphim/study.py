"""The nouns that every stage hands on: one frozen dataclass per kind of JSONL row, and its way to and from JSON."""

from __future__ import annotations

import dataclasses
import functools
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Row = dict[str, Any]
T = TypeVar("T")

Split = Literal["train", "val", "test", "draft"]
#: The splits whose studies have reports; those of `draft` have none: they are drafted, not trained on, not scored.
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Image = Literal["own", "noise", "blank", "other"]
Context = Literal["none", "reference", "generated"]

#: The parts into which the image of a body is divided, from the head down.
REGIONS = ("head_neck", "chest", "abdomen_pelvis", "limbs")
#: Where in a user's text a media entry is shown.
TAG = re.compile(r"<(image|video)>")
#: Metadata of a field that is left out of the row where it is None.
OPTIONAL: dict[str, Any] = {"optional": True}


@dataclass(frozen=True, slots=True)
class Series:
    """One film or volume of a study; `path` is relative to the dataset folder, `phase` of a CT `contrast` or `native`."""

    id: str
    modality: str
    path: str
    unit: str = "display"
    view: str = "unknown"
    phase: str | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class Report:
    """A report's text by section (`findings`, `impression`, …); `left_out` keeps removed sentences by reason."""

    language: str
    sections: dict[str, str]
    left_out: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Labels:
    """Label values of a study: 1 positive, 0 negative, -1 uncertain, None unmentioned."""

    set: str
    source: Literal["given", "rules", "model"]
    values: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Study:
    """One study; `age` in years, `date` ISO or None, `truth` only where the images are made (phantom).

    `body` holds what was measured of the patient for a PET, where the source says it: `height_m`, `weight_kg`, `dose_mbq`.
    """

    id: str
    patient: str
    sex: Literal["F", "M"] | None
    age: int | None
    date: str | None
    series: list[Series]
    report: Report | None
    labels: Labels | None
    split: Split | None
    source: str
    truth: Row | None = None
    body: dict[str, float] | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of the phantom: what, where, how much; `size_mm` in millimetres."""

    name: str
    side: Literal["left", "right", "both"] | None = None
    zone: str | None = None
    severity: str | None = None
    size_mm: float | None = None
    visible: bool = True


@dataclass(frozen=True, slots=True)
class LesionSuv:
    """One uptake of a lesion, or of what it is compared with.

    Attributes
    ----------
    kind : str
        `max`, `mean`, `peak`; `suv` where the report does not say which; `sul`, `sul_max`, … normalised to lean mass.
    low, high : float, optional
        Both ends of a range, equal where there is one number; None where it is only compared ("above the liver").
    phase : str, optional
        `early` or `delayed`.
    reference : str, optional
        The organ whose uptake this is, and that the lesion is compared with.
    """

    kind: str = "max"
    relation: str = "="
    low: float | None = None
    high: float | None = None
    phase: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Nature:
    """What a lesion is held to be, in JSON `{"is", "certainty"}`: `primary`, `metastasis`, `recurrence`, `residual`, …"""

    name: str = field(metadata={"key": "is"})
    certainty: str = "certain"


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion that a report speaks of, version 1; names are concepts of language/lexicon/concepts.yaml.

    Attributes
    ----------
    type : str
        A finding (`nodule`, `mass`, `lymph_node`, …); uptake without anything else to see is `fdg_uptake`.
    organ : str, optional
        An anatomy; of nodes `lymph_node`.
    location, station : list of str
        Where in the organ; of nodes where they lie (`station_4r`, `level_2a`, `axillary`), sorted.
    extent : {"focal", "diffuse", "scattered"}, optional
    count : int or str, optional
        A number, or `few`, `several`, `multiple`; None where it is not said.
    size_mm : list of float
        As written, in mm; both ends of a `range`.
    size_of : {"one", "largest", "range"}, optional
    size_relation : {"=", "<", "≤", ">", "≥", "~"}
    uptake : {"high", "mild", "none"}, optional
        Raised, slightly raised, denied; None where nothing is said of it.
    invasion : list of str
        What it grows into, sorted.
    change : {"new", "increased", "decreased", "unchanged"}, optional
    text : list of int, optional
        Where its words begin and end in `clean(report)`.
    """

    v: int = field(default=1, kw_only=True)
    type: str
    organ: str | None = None
    side: Literal["right", "left", "both"] | None = None
    location: list[str] = field(default_factory=list)
    station: list[str] = field(default_factory=list)
    extent: Literal["focal", "diffuse", "scattered"] | None = None
    count: int | str | None = None
    size_mm: list[float] = field(default_factory=list)
    size_of: Literal["one", "largest", "range"] | None = None
    size_relation: str = "="
    shape: list[str] = field(default_factory=list)
    suv: list[LesionSuv] = field(default_factory=list)
    uptake: Literal["high", "mild", "none"] | None = None
    invasion: list[str] = field(default_factory=list)
    nature: list[Nature] = field(default_factory=list)
    change: Literal["new", "increased", "decreased", "unchanged"] | None = None
    text: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question should be answered with, so that it is scored as an answer and not as a report.

    `value` is true or false (`yes_no`), one of the choices, a number (in `unit`, where it has one), or words.  `asks` names the
    question whatever its words (`side:effusion/pleura`): its floors are made of the answers to the same one.  `origin` (JSON
    `from`) is the fact or the lesion record of the report that answers it.
    """

    kind: Literal["yes_no", "choice", "number", "text"]
    value: bool | float | str
    unit: str | None = None
    asks: str | None = field(default=None, metadata=OPTIONAL)
    origin: Row | None = field(default=None, metadata={"key": "from", **OPTIONAL}, hash=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn; `origin` (JSON `from`) says where an assistant's text comes from.

    `answer` is the typed answer that the text of an assistant gives, where a question is asked.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    origin: str | None = field(default=None, metadata={"key": "from"})
    answer: Answer | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class Media:
    """What is looked at together of one study, as an image or a video, one tag in the messages.

    Attributes
    ----------
    study : str
        Whose pixels these are: an example may show more studies than its own (a prior).
    volumes : dict
        Modality → path relative to the dataset folder; several lie on one grid, which is checked.
    frames : dict
        Which slices of a volume are shown: `{"count": 10}`, `{"step_mm": 30}` or `{"slices": [4, 9]}`; {} shows all.  With
        `{"slab_mm": 10, "slab": "mean"}` beside it each is made of its neighbours, their mean or `max`; with
        `{"within": [20, 90]}` they are chosen among these alone; with `{"mips": true}` the coronal and the sagittal projection
        of the PET come first.
    channels : list
        `[modality, low, high]`, the values that become black and white, for each of red, green and blue; one is grey, none
        shows display values as they are.
    """

    study: str
    kind: Literal["image", "video"]
    volumes: dict[str, str]
    plane: str | None = None
    crop_mm: list[float] | None = None
    frames: Row = field(default_factory=dict)
    channels: list[list[Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Example:
    """What a model is asked once, and what it should answer; one `<image>`/`<video>` tag per media entry.

    `wrong_image` is what the audit shows in place of the patient's own image, `pair` a training negative of the same form;
    `augment` is what a training may do to it: how many slices may be trimmed from a region's edges and, where it is known,
    where the lesions lie that it speaks of.
    """

    id: str
    study: str
    patient: str
    split: Split
    task: str
    language: str
    messages: list[Message]
    media: list[Media]
    wrong_image: Row | None = None
    pair: Row | None = None
    augment: Row | None = field(default=None, metadata=OPTIONAL)

    @property
    def answer(self) -> Answer | None:
        """The typed answer of the last turn, where that answers a question."""
        return self.messages[-1].answer


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer of a model; its key is (id, turn, context, image).

    `declined`: the draft says that it will not or cannot answer, wholly or before it describes the image.  `numbers`: where
    drafts are filled from measurements, its numbers, each with the voxel it was measured at or why it was not.
    """

    id: str
    turn: int
    context: Context
    image: Image
    image_study: str | None
    study: str
    patient: str
    task: str
    prediction: str
    reference: str
    finish: Literal["stop", "length", "refused", "failed"]
    model: str
    declined: bool = False
    numbers: list[Row] | None = field(default=None, metadata={"optional": True})

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What makes a prediction unique in a run."""
        return (self.id, self.turn, self.context, self.image)

    @property
    def item(self) -> str:
        """What it is called among those of one task, context and image: its example, with its place where turns are many."""
        return item_of(self.id, self.turn)


def item_of(id_: str, turn: int) -> str:
    """What the answer of a turn is called among those that are scored with it.

    The first turn has a context, and so scores, of its own; the second alone is scored with none but later ones.

    Examples
    --------
    >>> [item_of("a-question_dialogue", turn) for turn in (0, 1, 2)]
    ['a-question_dialogue', 'a-question_dialogue', 'a-question_dialogue.3']
    """
    return id_ if turn < 2 else f"{id_}.{turn + 1}"


def part_of(task: str) -> str:
    """The part of a study that a task's examples ask about (`chest` of `region_findings.chest`); empty: all of it."""
    return task.partition(".")[2]


def media_tags(messages: Iterable[Message]) -> list[str]:
    """The media tags of the users' messages, in order, each `image` or `video`: one for each media entry."""
    return [kind for message in messages if message.role == "user" for kind in TAG.findall(message.content)]


def to_row(noun: Any) -> Row:
    """Turn a noun (a dataclass of this file or of `scores.py`) into a JSON-ready dict, in field order."""
    row: Row = {}
    for f in dataclasses.fields(noun):
        value = getattr(noun, f.name)
        if value is not None or "optional" not in f.metadata:
            row[f.metadata.get("key", f.name)] = _plain(value)
    return row


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_row(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return value


def from_row(kind: type[T], row: Row) -> T:
    """Build a noun (a dataclass of this file or of `scores.py`) from a parsed JSON row.

    Raises
    ------
    ValueError
        A key is unknown, or a required one is missing; the message names it.
    """
    hints = _hints(kind)  # type: ignore[arg-type]  # mypy: a class is hashable
    fields = {f.metadata.get("key", f.name): f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(row) - set(fields))
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {unknown[0]!r}")
    try:
        return kind(**{fields[k].name: _typed(hints[fields[k].name], v) for k, v in row.items()})
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Resolved once a class: resolving costs more than all else of reading a row."""
    return typing.get_type_hints(kind)


def _typed(hint: Any, value: Any) -> Any:
    """Rebuild nested dataclasses, also in lists and as the values of dicts; everything else is left as JSON gave it."""
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        inner = [h for h in typing.get_args(hint) if _holds_nouns(h)]
        return _typed(inner[0], value) if inner else value
    if origin is list:
        return [_typed(typing.get_args(hint)[0], v) for v in value]
    if origin is dict and _holds_nouns(hint):
        return {key: _typed(typing.get_args(hint)[1], v) for key, v in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_row(hint, value)
    return value


@functools.cache
def _holds_nouns(hint: Any) -> bool:
    """Whether a type is a noun, or a list or dict of them however deep."""
    return dataclasses.is_dataclass(hint) or any(_holds_nouns(h) for h in typing.get_args(hint))
