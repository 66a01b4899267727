"""Two patients' studies side by side, and a text of what differs, made of the facts of both reports (data: comparison.yaml).

A thing is a difference where one report affirms it and the other denies it: silence is no answer, nor is what is hedged.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from docphim.build.asked import Pool, Read, Topic, read
from docphim.build.asked_lesions import key_of, size_of, suv_of
from docphim.build.media import Pictures, tags
from docphim.build.prompts import Prompts
from docphim.build.question_words import place, table, what
from docphim.build.wrong_image import linked
from docphim.files import seed_of
from docphim.language.lesion_text import decimal
from docphim.package_data import packaged
from docphim.study import Example, Lesion, Media, Message, Row, from_row, media_tags, part_of, to_row

#: What the examples are called, and their file beside those of the splits.
TASK, FILE = "comparison", "comparisons.jsonl"
#: At most so many things that both have are named.
_BOTH = 3


@dataclass(frozen=True)
class Report:
    """An example's answer, as it was read: what is affirmed and denied, and its lesions."""

    text: Read
    lesions: list[Lesion]


def comparisons(
    rows: Sequence[Row], pictures: Pictures, patient_of: Mapping[str, str], words: Prompts, most: int, seed: int
) -> tuple[list[Row], dict[str, int]]:
    """At most so many comparisons of training examples of one task, each of two different patients.

    Every study is the first of a pair about as often as every other; the order is drawn by the seed.

    Returns
    -------
    list of dict
        Examples as rows.
    dict
        How many were `taken`, and how many pairs not, by reason: `same_patient` (also one that shows the very same pixels),
        `no_difference`.
    """
    person, reports = _persons(rows, pictures, patient_of), _Reports()
    counts: Counter[str] = Counter()
    taken: list[Row] = []
    for first, second in _pairs(_groups(rows), seed):
        if len(taken) >= most:
            break
        if person[first["study"]] == person[second["study"]]:
            counts["same_patient"] += 1
            continue
        text = difference(reports.of(first), reports.of(second), first["language"])
        counts["taken" if text else "no_difference"] += 1
        if text:
            taken.append(to_row(_example(first, second, text, words, seed)))
    return taken, dict(sorted(counts.items()))


class _Reports:
    """Answers as they were read, each once."""

    def __init__(self) -> None:
        self._read: dict[str, Report] = {}

    def of(self, row: Row) -> Report:
        if row["id"] not in self._read:
            self._read[row["id"]] = _read(row["messages"][-1]["content"], row["language"])
        return self._read[row["id"]]


def _groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The examples that describe what is seen, by their task."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if _describes(row):
            groups.setdefault(row["task"], []).append(row)
    return groups


def _describes(row: Row) -> bool:
    """Whether an example describes what is seen, in one turn."""
    last = row["messages"][-1]
    described = (last["from"] or "").partition(".")[0] == "report:findings"
    return len(row["messages"]) == 3 and described and last.get("answer") is None


def _persons(rows: Sequence[Row], pictures: Pictures, patient_of: Mapping[str, str]) -> dict[str, str]:
    """Study → its person: those who share a patient or pixels are one."""
    traces = {
        name: {f"patient {patient_of[name]}"} | {f"pixels {row['sha256']}" for row in pictures.rows[name]}
        for name in {row["study"] for row in rows}
    }
    first = linked(traces)
    return {name: first[min(of)] for name, of in traces.items()}


def _pairs(groups: Mapping[str, Sequence[Row]], seed: int) -> Iterator[tuple[Row, Row]]:
    """All ordered pairs of a group, of each group in turn: every one once with its neighbour, then with the one after that."""
    order = {name: np.random.default_rng(seed_of(TASK, seed, name)).permutation(len(of)) for name, of in groups.items()}

    def of_group(name: str) -> Iterator[tuple[Row, Row]]:
        of, drawn = groups[name], order[name]
        for step, at in itertools.product(range(1, len(of)), range(len(of))):
            yield of[drawn[at]], of[drawn[(at + step) % len(of)]]

    for turn in itertools.zip_longest(*map(of_group, groups)):
        yield from (pair for pair in turn if pair is not None)


def _read(text: str, language: str) -> Report:
    from docphim.language.lesions import lesions_of  # here: the chain of imports stays short

    return Report(read(text, language), lesions_of(text, language))


def difference(first: Report, second: Report, language: str) -> str:
    """What differs between two reports, in sentences; empty where they do not say that anything does."""
    pool = Pool(dict.fromkeys([*first.text.claims, *second.text.claims]), language)
    ours, theirs = ({topic: yes for topic, yes, _ in pool.answers(one.text, Counter())} for one in (first, second))
    known = [topic for topic in pool.topics if topic in ours and topic in theirs]
    lists = {
        "only_first": [topic for topic in known if ours[topic] and not theirs[topic]],
        "only_second": [topic for topic in known if theirs[topic] and not ours[topic]],
        "both": [topic for topic in known if ours[topic] and theirs[topic]],
    }
    measured = list(_measured(first.lesions, second.lesions, language))
    if not lists["only_first"] and not lists["only_second"] and not measured:
        return ""
    sentences = []
    for name, topics in lists.items():
        named = [_named(topic, language) for topic in _narrowest(topics)][: _BOTH if name == "both" else None]
        if named:
            sentences.append(_words(language)[name].format(list=_listed(named, language)))
    return " ".join([*sentences, *measured])


def _narrowest(topics: Sequence[Topic]) -> list[Topic]:
    """Topics without those that another says with its side."""
    sided = {topic._replace(side=None) for topic in topics if topic.side}
    return [topic for topic in topics if topic.side or topic not in sided]


def _named(topic: Topic, language: str) -> str:
    side: Any = topic.side
    if topic.kind == "finding":
        return what(topic.name, topic.anatomy, side, language)
    state = str(table()["states"][language][topic.name])
    return str(_words(language)["state"]).format(organ=place(topic.anatomy, side, language), state=state)


def _listed(names: Sequence[str], language: str) -> str:
    join = {"vi": " và ", "en": " and "}[language]
    return join.join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _measured(ours: Sequence[Lesion], theirs: Sequence[Lesion], language: str) -> Iterator[str]:
    """Sizes and SUVmax, as the reports state them, of lesions that each has one of in the same place."""
    here, there = (_single(of) for of in (ours, theirs))
    for key in [key for key in here if key in there]:
        for name, value_of in (("size", size_of), ("suv", suv_of)):
            first, second = value_of(here[key]), value_of(there[key])
            if first is not None and second is not None and first != second:
                one = here[key]
                called = what(one.type, one.organ, one.side, language, tuple(one.station or one.location))
                numbers = {"first": decimal(first, language), "second": decimal(second, language)}
                yield str(_words(language)[name]).format(what=called, **numbers)


def _single(lesions: Sequence[Lesion]) -> dict[str, Lesion]:
    keys = Counter(map(key_of, lesions))
    return {key_of(one): one for one in lesions if keys[key_of(one)] == 1}


def _example(first: Row, second: Row, text: str, words: Prompts, seed: int) -> Example:
    """Two examples as one, each with its own images."""
    one, other = (from_row(Example, row) for row in (first, second))
    shown = [_shown(example) for example in (one, other)]
    asked, table_of = f"{one.id}|{other.id}", _words(one.language)
    wording = str(table_of["ask"][seed_of(TASK, seed, asked) % len(table_of["ask"])])
    images = table_of["shown"].format(first=tags(shown[0]), second=tags(shown[1]))
    region = words.region(part_of(one.task))
    where = table_of["region"].format(region=region) if region else ""
    messages = [
        Message("system", words.system),
        Message("user", f"{images}{where} {wording}"),
        Message("assistant", text, TASK),
    ]
    name = f"{one.id}-{other.id}-{TASK}"
    return Example(name, one.study, one.patient, "train", TASK, one.language, messages, [*shown[0], *shown[1]])


def _shown(example: Example) -> list[Media]:
    return example.media[: len(media_tags(example.messages))]


@cache
def _words(language: str) -> Mapping[str, Any]:
    words: Mapping[str, Any] = packaged(Path(__file__).with_suffix(".yaml"))[language]
    return words
