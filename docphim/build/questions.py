"""Task `questions`: short questions that the report answers, each with its typed answer (data: questions.yaml)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from docphim.build.asked import Pool, Read, Topic, read
from docphim.build.asked_lesions import compared, lesions, measured, places, sides
from docphim.build.prompts import Prompts
from docphim.build.question_words import Question, place, table, what
from docphim.files import seed_of
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
) -> Iterator[tuple[list[Message], Answer | None]]:
    """One conversation a question; `asked_of` are those of the study, which `survey` chose among those of its split."""
    for question in asked_of:
        conversation = [
            Message("system", prompts.system),
            Message("user", images + prompts.ask("question", study, question=question.text)),
            Message("assistant", question.reply, "template"),
        ]
        yield conversation, question.typed


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
    every: dict[str, list[Question]] = {}
    for name, text in texts.items():
        every[name] = [*_present(pool, read_of[name], language, (seed, name), counts)]
        every[name] += of_lesions(text, read_of[name], language, (seed, name), counts)
    every = _balanced(every, seed, counts)
    chosen = {name: _mixed(listed, per_study, (seed, name), counts) for name, listed in every.items()}
    chosen = _balanced(chosen, seed, counts)
    counts["asked"] = sum(map(len, chosen.values()))
    counts["no_question"] = sum(not listed for listed in chosen.values())
    return chosen, dict(sorted(counts.items()))


def _present(pool: Pool, report: Read, language: str, seed: object, counts: Counter[str]) -> Iterator[Question]:
    for topic, affirmed, fact in pool.answers(report, counts):
        yield presence(topic, affirmed, fact, language, seed)


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


def _balanced(every: Mapping[str, list[Question]], seed: int, counts: Counter[str]) -> dict[str, list[Question]]:
    """As many yes as no of each thing, over all studies; what is over is left out by a draw of the seed."""
    by_answer: dict[str, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
    for study, listed in every.items():
        for question in listed:
            if question.answer.kind == "yes_no":
                by_answer[question.asks][bool(question.answer.value)].append(study)
    left_out: set[tuple[str, str]] = set()
    for asks, studies in by_answer.items():
        few = min(map(len, studies.values()))
        for names in studies.values():
            drawn = sorted(names, key=lambda name: seed_of(seed, asks, name))
            left_out |= {(name, asks) for name in drawn[few:]}
    counts["unbalanced"] += len(left_out)
    return {study: [q for q in listed if (study, q.asks) not in left_out] for study, listed in every.items()}


def _mixed(listed: Sequence[Question], most: int, seed: object, counts: Counter[str]) -> list[Question]:
    """At most so many questions, of each kind in turn, drawn by the seed."""
    kinds: dict[str, list[Question]] = defaultdict(list)
    for question in sorted(listed, key=lambda q: seed_of(seed, q.asks)):
        kinds[question.kind].append(question)
    order = sorted(kinds.values(), key=lambda of: seed_of(seed, of[0].kind))
    turns = [question for turn in zip_longest(*order) for question in turn if question]
    counts["over"] += max(0, len(turns) - most)
    return turns[:most]
