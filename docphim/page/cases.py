"""Which studies the page shows, and what it shows of each: the answers under every image beside the reference."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from docphim.page import lesions
from docphim.page.coloured import Coloured, colour
from docphim.page.diff import Comparison, compare
from docphim.page.inputs import Inputs, erring
from docphim.page.lesions import Line
from docphim.page.marking import Sentence, digest, marked
from docphim.scores import TaskKey
from docphim.study import TAG, Message, Prediction, Row

Kind = Literal["random", "worst", "best", "error"]
#: So many studies of each kind of error are shown.
EACH_ERROR = 2


@dataclass(frozen=True)
class Answer:
    """One answer beside its reference; `image_films` are those that were shown where they are another study's."""

    prediction: Prediction
    comparison: Comparison
    image_films: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Question:
    """All answers to one turn of one task, by image (`own` is always there).

    `key` is the task's in scores.json; `facts` are those of the own answer and its reference, None where they were not read;
    `lesions` are those of a PET's, both texts' side by side; `asks` are the words of a question with a typed answer.
    """

    key: str
    task: str
    context: str
    language: str
    answers: dict[str, Answer]
    facts: Coloured | None
    lesions: list[Line] = field(default_factory=list)
    asks: str = ""

    @property
    def draft(self) -> Answer:
        """The answer on the patient's own film."""
        return self.answers["own"]

    @property
    def score(self) -> float:
        """The clinical score of the own answer, ROUGE-L where its facts were not read; 0 … 100."""
        return self.facts.score if self.facts else self.draft.comparison.score

    @property
    def sentences(self) -> list[Sentence]:
        """The sentences of the own answer, for a reader to mark."""
        return marked(self.draft.prediction.prediction)

    @property
    def digest(self) -> str:
        """What the own answer is known by in a file of marks."""
        return digest(self.draft.prediction.prediction)


@dataclass(frozen=True)
class Case:
    """One study as the page shows it; `rank` is its place in each kind it belongs to, `errors` those to act on by kind."""

    study: str
    score: float
    rank: dict[Kind, int]
    films: list[str]
    questions: list[Question]


def split_shown(inputs: Inputs) -> str | None:
    """The split whose studies are shown: test where it has answers, else val, else train."""
    drafted = {inputs.examples[p.id].split for p in inputs.predictions if p.id in inputs.examples}
    return next((split for split in ("test", "val", "train") if split in drafted), None)


def key_of(inputs: Inputs, prediction: Prediction) -> str:
    """The key in scores.json and errors.jsonl of what a prediction answers."""
    return str(TaskKey(prediction.task, inputs.examples[prediction.id].split, prediction.context))


def ranking(inputs: Inputs) -> str:
    """The metric that tells the worst from the best: the clinical score where facts were read, wording where not."""
    return "clinical_f1" if inputs.errors else "rougeL"


def scores_of(inputs: Inputs, split: str | None) -> dict[str, float]:
    """Per study: the mean (0 … 100) over its answers on its own film, in the metric of `ranking`."""
    values: dict[str, list[float]] = defaultdict(list)
    for p in inputs.predictions:
        example = inputs.examples.get(p.id)
        if p.image != "own" or not example or example.split != split:
            continue
        row = inputs.errors.get((key_of(inputs, p), p.item))
        if row:
            values[p.study].append(row["score"])
        elif not inputs.errors:
            values[p.study].append(compare(p.reference, p.prediction, example.language).score)
    return {study: sum(v) / len(v) for study, v in values.items()}


def choose(
    scores: dict[str, float], count: int, seed: int = 0, erring: Sequence[Sequence[str]] = ()
) -> dict[str, dict[Kind, int]]:
    """Pick `count` random, worst and best studies (the last two without overlap) and give each its ranks.

    The random ones are drawn from all studies, so that they show what is usual; one study may be of two kinds.  Of each kind
    of error two studies are picked too: `erring` has the studies of each, the gravest first.
    """
    ascending = sorted(scores, key=lambda study: (scores[study], study))
    each = min(count, len(ascending) // 2) or len(ascending)
    drawn = random.Random(seed).sample(sorted(scores), min(count, len(scores)))
    grave = [study for studies in erring for study in [s for s in studies if s in scores][:EACH_ERROR]]
    picks: dict[Kind, list[str]] = {"random": drawn, "worst": ascending[:each], "best": ascending[::-1][:each]}
    picks["error"] = list(dict.fromkeys(grave))
    ranks: dict[str, dict[Kind, int]] = defaultdict(dict)
    for kind, studies in picks.items():
        for place, study in enumerate(studies):
            ranks[study][kind] = place
    return {study: ranks[study] for study in ascending if study in ranks}


def cases(inputs: Inputs, count: int, seed: int = 0) -> tuple[list[Case], int]:
    """The chosen studies from the lowest score to the highest, and from how many they were chosen."""
    split = split_shown(inputs)
    scores = scores_of(inputs, split)
    chosen = choose(scores, count, seed, erring_by_task(inputs, split))
    by_study: dict[str, list[Prediction]] = defaultdict(list)
    for p in inputs.predictions:
        if p.study in chosen and p.id in inputs.examples and inputs.examples[p.id].split == split:
            by_study[p.study].append(p)
    shown = [Case(s, scores[s], rank, films_of(inputs, s), _questions(inputs, by_study[s])) for s, rank in chosen.items()]
    return shown, len(scores)


def erring_by_task(inputs: Inputs, split: str | None) -> list[list[str]]:
    """For each task of a split and each kind of error its studies, those with most of it first."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for (task, _), row in inputs.errors.items():
        if TaskKey.parse(task).split == split:
            rows[task].append(row)
    return [studies for task in sorted(rows) for _, studies in sorted(erring(rows[task]).items())]


def films_of(inputs: Inputs, study: str | None) -> list[str]:
    """The keys (`page.shown.key_of`) of what is shown of a study: a film's is its path, relative to the dataset."""
    return list(inputs.pictures.get(study or "", {}))


def _questions(inputs: Inputs, predictions: list[Prediction]) -> list[Question]:
    grouped: dict[tuple[Any, ...], dict[str, Prediction]] = defaultdict(dict)
    for p in predictions:
        grouped[(p.task, p.id, p.turn, p.context)][p.image] = p
    questions = []
    for (task, id_, turn, context), by_image in grouped.items():
        if "own" not in by_image:
            continue
        language = inputs.examples[id_].language
        answers = {image: _answer(inputs, p, language) for image, p in by_image.items()}
        first = by_image["own"]
        key = key_of(inputs, first)
        row = inputs.errors.get((key, first.item))
        facts = colour(row, first.reference, first.prediction) if row else None
        shows_pet = any("pet" in media.volumes for media in inputs.examples[id_].media)
        table = lesions.table(first.reference, first.prediction, language) if shows_pet else []
        asks = _asks(inputs.examples[id_].messages, turn)
        questions.append(Question(key, task, context, language, answers, facts, table, asks))
    return questions


def _asks(messages: Sequence[Message], turn: int) -> str:
    """What was asked before a turn's typed answer; nothing where it has none: reports are all asked for in the same words."""
    place = [number for number, message in enumerate(messages) if message.role == "assistant"][turn]
    return TAG.sub("", messages[place - 1].content).strip() if messages[place].answer else ""


def _answer(inputs: Inputs, p: Prediction, language: str) -> Answer:
    films = films_of(inputs, p.image_study) if p.image == "other" else []
    return Answer(p, compare(p.reference, p.prediction, language), films)
