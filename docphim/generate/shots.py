"""Reports of the training split that a backend goes by: all of a task, or a few set into the prompt (`generate.shots`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from docphim.files import seed_of
from docphim.study import Example, Message

#: A task, and the number of the turn that is asked for.
Asked = tuple[str, int]
#: What stands before each report, by language.
HEADINGS = {"vi": "Ví dụ {number}:", "en": "Example {number}:"}


def answers_by_task(train: Sequence[Example]) -> dict[Asked, list[str]]:
    """The answers of the training's examples, by task and turn; those without words are left out."""
    answers: dict[Asked, list[str]] = defaultdict(list)
    for example in train:
        spoken = [message.content for message in example.messages if message.role == "assistant"]
        for turn, text in enumerate(spoken):
            if text.strip():
                answers[example.task, turn].append(text)
    return dict(answers)


def chosen(train: Sequence[Example], count: int) -> dict[Asked, list[str]]:
    """So many answers of each task and turn, each of another patient, drawn by the examples' ids: for every prompt the same."""
    drawn: dict[Asked, list[str]] = {}
    seen: dict[Asked, set[str]] = defaultdict(set)
    for example in sorted(train, key=lambda example: seed_of("shots", example.id)):
        for asked, texts in answers_by_task([example]).items():
            if len(drawn.setdefault(asked, [])) < count and example.patient not in seen[asked]:
                drawn[asked] += texts
                seen[asked].add(example.patient)
    return drawn


def with_shots(messages: Sequence[Message], texts: Sequence[str], language: str) -> list[Message]:
    """A conversation whose last question shows first how others were answered, without their films."""
    if not texts:
        return list(messages)
    examples = "\n\n".join(f"{HEADINGS[language].format(number=n)}\n{text}" for n, text in enumerate(texts, 1))
    last = max(place for place, message in enumerate(messages) if message.role == "user")
    shown = replace(messages[last], content=f"{examples}\n\n{messages[last].content}")
    return [*messages[:last], shown, *messages[last + 1 :]]
