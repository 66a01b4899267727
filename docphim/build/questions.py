"""Task `questions`: short questions that the report answers, each with its typed answer (data: questions.yaml)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from random import Random
from typing import Any

from docphim.build.asked import Pool, Read, Topic, read
from docphim.build.asked_lesions import compared, lesions, measured, places, sides
from docphim.build.prompts import Prompts
from docphim.build.question_words import Question, place, table, what
from docphim.files import seed_of
from docphim.language.collector import uncollected
from docphim.language.fact import Fact
from docphim.language.lexicon import load_lexicon
from docphim.study import Answer, Message, Study

SECTIONS = ("findings",)
#: The metric families that score it (`docphim.metrics.METRICS`).
METRICS = ("answers",)
#: Whether a study has any number of examples, and their ids a number each.
NUMBERED = True


def examples(
    study: Study, sections: dict[str, str], prompts: Prompts, images: str, asked_of: Sequence[Question] = ()
) -> Iterator[list[Message]]:
    """One conversation a question; `asked_of` are those of the study, which `survey` chose among those of its split."""
    for question in asked_of:
        yield prompts.questioned(study, images, [question.turn])


@uncollected()
def survey(
    studies: Iterable[Study], language: str, seed: int, per_study: int = 8
) -> tuple[dict[str, list[Question]], dict[str, int]]:
    """The questions of all studies of a split, at most `per_study` each, and how many were asked and left out, by reason.

    Of a thing as many are asked who have it as who do not, by a draw of the seed, before and after the most of each study.

    Returns
    -------
    tuple of dict
        Study → questions; counts: `asked`, and of those not asked `unsure`, `contradictory`, `ambiguous`, `leaks`,
        `unbalanced`, `over` (more than `per_study`), and studies with `no_question`.
    """
    counts: Counter[str] = Counter()
    sections = {s.id: s.report.sections for s in studies if s.report}
    texts = {name: of.get("findings", "") for name, of in sections.items()}
    read_of = {name: read(texts[name], language, of.get("impression", "")) for name, of in sections.items()}
    pool = Pool(dict.fromkeys(topic for report in read_of.values() for topic in report.claims), language)
    answered = {name: [*pool.answers(report, counts)] for name, report in read_of.items()}
    present = _balanced({name: [(t.key, yes) for t, yes, _ in listed] for name, listed in answered.items()}, seed, counts)
    every: dict[str, list[Question]] = {}
    for name, text in texts.items():
        every[name] = [
            presence(topic, affirmed, fact, language, (seed, name))
            for topic, affirmed, fact in answered[name]
            if topic.key in present[name]
        ]
        every[name] += of_lesions(text, read_of[name], language, (seed, name), counts)
    chosen = {name: _mixed(listed, per_study, (seed, name), counts) for name, listed in every.items()}
    left = _balanced(
        {name: [(q.asks, q.answer.value) for q in of if _is_balanced(q)] for name, of in chosen.items()}, seed, counts
    )
    chosen = {name: [q for q in of if q.asks in left[name] or not _is_balanced(q)] for name, of in chosen.items()}
    counts["asked"] = sum(map(len, chosen.values()))
    counts["no_question"] = sum(not listed for listed in chosen.values())
    return chosen, dict(sorted(counts.items()))


def _is_balanced(question: Question) -> bool:
    return question.answer.kind == "yes_no"


def presence(topic: Topic, affirmed: bool, fact: Fact, language: str, seed: object) -> Question:
    """Whether a thing is there, or an anatomy is so."""
    kind, slots = "presence", {"what": what(topic.name, topic.anatomy, topic.side, language)}
    if topic.kind == "state":
        kind, state = "state", str(table()["states"][language][topic.name])
        slots = {"organ": place(topic.anatomy, topic.side, language), "state": state}
    words = str(table()[language]["answers"]["yes" if affirmed else "no"])
    return Question(kind, language, slots, words, Answer("yes_no", affirmed, None, topic.key), [fact], seed)


def of_lesions(text: str, report: Read, language: str, seed: object, counts: Counter[str]) -> Iterator[Question]:
    """What is asked of the things that a report affirms; `report` is the text, read and set against the pool."""
    from docphim.language.lesions import lesions_of  # here, for it reads reports by way of much else

    records = lesions(report, lesions_of(text, language), load_lexicon(language), counts)
    for question in (
        *sides(report, language, seed),
        *places(report, language, seed),
        *measured(records, language, seed, counts),
        *compared(records, language, seed),
    ):
        if question.leaks:
            counts["leaks"] += 1
        else:
            yield question


def _balanced(asked: Mapping[str, Iterable[tuple[str, Any]]], seed: int, counts: Counter[str]) -> dict[str, set[str]]:
    """Study → names of what is left to ask of it, over all studies as many yes as no of each, by a draw of the seed."""
    by_answer: dict[str, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
    for study, listed in asked.items():
        for name, affirmed in listed:
            by_answer[name][affirmed].append(study)
    left: dict[str, set[str]] = {study: set() for study in asked}
    for name, studies in by_answer.items():
        few = min(map(len, studies.values()))
        for affirmed, of in studies.items():
            for study in Random(seed_of(seed, name, affirmed)).sample(of, few):
                left[study].add(name)
            counts["unbalanced"] += len(of) - few
    return left


def _mixed(listed: Sequence[Question], most: int, seed: object, counts: Counter[str]) -> list[Question]:
    """At most so many questions, of each kind in turn, drawn by the seed."""
    draw, shuffled = Random(seed_of(seed)), [*listed]
    draw.shuffle(shuffled)
    kinds: dict[str, list[Question]] = defaultdict(list)
    for question in shuffled:
        kinds[question.kind].append(question)
    turns = [question for turn in zip_longest(*kinds.values()) for question in turn if question]
    counts["over"] += max(0, len(turns) - most)
    return turns[:most]
