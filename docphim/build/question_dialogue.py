"""Task `question_dialogue`: the questions of a study one after another, in one conversation that shows it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from docphim.build.prompts import Prompts
from docphim.build.question_words import Question
from docphim.files import seed_of
from docphim.language.normalize import normalize
from docphim.study import Message, Study

SECTIONS = ("findings",)
#: The metric families that score it (`docphim.metrics.METRICS`).
METRICS = ("answers",)
#: Whether a study has any number of examples, and their ids a number each.
NUMBERED = False
#: What is asked of a thing, in this order: whether it is there before where it is.  What compares two things comes last.
_ORDER = ("presence", "state", "side", "place", "size", "suv", "count", "uptake")


def examples(
    study: Study, sections: dict[str, str], prompts: Prompts, images: str, asked_of: Sequence[Question] = ()
) -> Iterator[list[Message]]:
    """One conversation of all that is asked of a study (`asked_of`, by `survey`), none where nothing is."""
    if asked_of:
        yield prompts.questioned(study, images, (question.turn for question in asked_of))


def survey(
    studies: Iterable[Study], language: str, seed: int, per_study: int = 8
) -> tuple[dict[str, list[Question]], dict[str, int]]:
    """The turns of all studies of a split and how many were asked and left out, both as `questions.survey` has them.

    What an earlier turn about the same finding says already is left out too, and counted under `leaks`: after "effusion on the
    right?" nobody asks on which side it is.
    """
    from docphim.build import questions  # here, for it reads reports by way of much else

    chosen, counts = questions.survey(studies, language, seed, per_study)
    left_out: Counter[str] = Counter()
    dialogues = {name: _turns(listed, (seed, name), left_out) for name, listed in chosen.items()}
    asked = {"asked": sum(map(len, dialogues.values())), "leaks": counts.get("leaks", 0) + left_out["leaks"]}
    return dialogues, dict(sorted((counts | asked).items()))


def _turns(listed: Sequence[Question], seed: object, left_out: Counter[str]) -> list[Question]:
    """Questions in the order in which they are asked: finding by finding as the seed draws, from the general to the special."""
    ordered = sorted(listed, key=lambda question: _place(question, seed))
    turns: list[Question] = []
    for question in ordered:
        if question.answer.kind == "choice" and normalize(question.words) in _heard(question, turns):
            left_out["leaks"] += 1
        else:
            turns.append(question)
    return turns


def _place(question: Question, seed: object) -> tuple[int, int, int, int, str]:
    kind = question.asks.partition(":")[0]
    order = _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
    return kind not in _ORDER, seed_of(seed, _finding(question)), order, question.asks.count("/"), question.asks


def _heard(question: Question, turns: Sequence[Question]) -> str:
    """All that earlier turns about the finding of a question said, normalised."""
    about = _finding(question)
    return normalize(" ".join(text for turn in turns if _finding(turn) == about for text in (turn.text, turn.reply)))


def _finding(question: Question) -> str:
    return question.asks.partition(":")[2].split("/")[0]
