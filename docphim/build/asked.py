"""What a report answers, and what it does not: topics that it affirms, those that it denies, and what is asked of its lesions.

Silence is no answer, nor is what is hedged; what a report both says and denies is asked by nobody, and counted.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from docphim.build.contradictions import OPPOSITES, contradictions
from docphim.build.question_words import table
from docphim.language.fact import Fact
from docphim.language.lexicon import Lexicon, load_lexicon
from docphim.language.normalize import clean

#: Words that confine a denial to what was not spoken of yet.
_CONFINED = re.compile(r"\b(?:khác|mới|thêm|còn lại|other|otherwise|new|further|additional|elsewhere|remaining|rest)\b")


class Topic(NamedTuple):
    """A thing that may be asked after: a finding, or a state of an anatomy; `side` None is anywhere in it."""

    kind: Literal["finding", "state"]
    name: str
    anatomy: str | None
    side: str | None = None

    @property
    def key(self) -> str:
        """`presence:effusion/pleura/right`, by which questions are balanced and floors are told apart."""
        return _key(self)


@functools.cache
def _key(topic: Topic) -> str:
    return "/".join(["presence:" + topic.name, *filter(None, (topic.anatomy, topic.side))])


_STOP = re.compile(r"[.;\n](?:\s|$)")

#: What of a denial says which topics it denies; reports say the same again and again.
Denial = tuple[str | None, str | None, str | None, str | None, str | None]


@dataclass
class Read:
    """One report: its facts, those that affirm each topic, and those that deny, by what they deny.

    `barred` are topics that are not asked about, nor anything of them, by reason: `unsure`, `contradictory`.
    """

    facts: list[Fact] = field(default_factory=list)
    claims: dict[Topic, list[Fact]] = field(default_factory=dict)
    denials: dict[Denial, Fact] = field(default_factory=dict)
    barred: dict[Topic, str] = field(default_factory=dict)

    def about(self, start: int, end: int) -> list[Fact]:
        """The facts whose words stand between two places of the clean text."""
        return [fact for fact in self.facts if fact.start < end and start < fact.end]


class Pool:
    """The topics that some reports affirm, and which of them a denial denies: what is asked of those who do not have it."""

    def __init__(self, topics: Iterable[Topic], language: str) -> None:
        self.topics, self.lexicon = list(topics), load_lexicon(language)
        self._denied: dict[Denial, frozenset[Topic]] = {}

    def denied(self, denial: Denial) -> frozenset[Topic]:
        """The topics that one denial says are not there."""
        if denial not in self._denied:
            self._denied[denial] = frozenset(topic for topic in self.topics if _denies(denial, topic, self.lexicon))
        return self._denied[denial]

    def answers(self, report: Read, refused: Counter[str]) -> Iterator[tuple[Topic, bool, Fact]]:
        """Topics that a report answers, yes or no, with the fact that says so.

        What is in doubt (`unsure`), and what is both affirmed and denied (`contradictory`), is counted in `refused` and barred.
        """
        absent: dict[Topic, Fact] = {}
        for denial, fact in report.denials.items():
            denied = self.denied(denial)
            if any(topic in report.claims for topic in denied):
                report.barred |= dict.fromkeys(denied, "contradictory")
            absent |= dict.fromkeys(denied, fact)
        for topic in dict.fromkeys([*report.claims, *absent]):
            if topic in report.barred:
                refused[report.barred[topic]] += 1
            elif topic in report.claims:
                yield topic, True, report.claims[topic][0]
            else:
                yield topic, False, absent[topic]


def read(text: str, language: str, impression: str = "") -> Read:
    """What a section of a report affirms and denies; what the impression cannot mean beside it is barred.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    from docphim.language.facts import facts  # here: the chain of imports stays short

    lexicon, out = load_lexicon(language), Read(facts(text, language))
    for fact in out.facts:
        topics = list(topics_of(fact, lexicon))
        if fact.certainty != "certain":
            out.barred |= dict.fromkeys(_near(topics), "unsure")
        elif fact.polarity in ("present", "abnormal") and fact.change != "resolved":
            for topic in topics:
                out.claims.setdefault(topic, []).append(fact)
    if impression:
        for pair in contradictions(out.facts, facts(impression, language)):
            out.barred |= dict.fromkeys(_near(topics_of(pair.findings, lexicon)), "contradictory")
            out.barred |= dict.fromkeys(_near(topics_of(pair.impression, lexicon)), "contradictory")
    for fact in _whole(out.facts, clean(text)):
        out.denials.setdefault((fact.anatomy, fact.part, fact.finding, fact.state, fact.side), fact)
    return out


def _near(topics: Iterable[Topic]) -> Iterator[Topic]:
    """Topics and all that stand or fall with them: any side of the thing, and the thing anywhere."""
    for topic in topics:
        yield from (topic._replace(side=side) for side in (None, "right", "left"))


def topics_of(fact: Fact, lexicon: Lexicon) -> Iterator[Topic]:
    """What a fact is about: the thing anywhere in its anatomy, and on each side on which it is."""
    if fact.anatomy is None:
        return
    if fact.finding:
        if fact.finding in table()["never"]:
            return
        bare = Topic("finding", fact.finding, fact.anatomy)
    elif fact.state and fact.state in table()["states"][lexicon.language] and fact.part is None:
        bare = Topic("state", fact.state, fact.anatomy)
    else:
        return
    yield bare
    if fact.side and lexicon.paired(fact.anatomy) and not two_of_one(fact):
        for side in ("right", "left") if fact.side == "both" else (fact.side,):
            yield bare._replace(side=side)


def two_of_one(fact: Fact) -> bool:
    """Whether one thing is said to be on both sides, which is misread."""
    return fact.side == "both" and fact.count in ("1", "single")


def _whole(listed: Sequence[Fact], text: str) -> Iterator[Fact]:
    """The facts that deny a thing as such, not only a large, a new, an avid or an otherwise described one."""
    partial: set[int] = set()
    for before, after in pairwise(listed):
        if after.finding != "fdg_uptake" or after.polarity != "absent" or before.anatomy != after.anatomy:
            continue
        between = text[before.end : after.start]
        if before.polarity == "absent" and len(between) <= 1:  # "no avid node": there may be others, and other uptake
            partial |= {id(before)} | ({id(after)} if before.finding not in table()["never"] else set())
        elif before.polarity in ("present", "abnormal") and not _STOP.search(between):  # "node without uptake"
            partial.add(id(after))
    for fact in listed:
        if fact.polarity in ("absent", "normal") and id(fact) not in partial and _is_plain(fact, text):
            yield fact


def _is_plain(fact: Fact, text: str) -> bool:
    """Whether a denial is of the thing itself; `text` is the clean report, for its sentence may be about "the rest"."""
    described = any((fact.severity, fact.count, fact.size_mm, fact.measures, fact.location, fact.suv))
    begin = max(text.rfind(stop, 0, fact.start) for stop in (". ", ";", "\n")) + 1
    confined = _CONFINED.search(text[begin : fact.end].lower())
    certain = fact.certainty == "certain" and fact.change in (None, "resolved")
    return certain and not described and not confined and set(fact.leftover) <= {"focal"} and fact.anatomy is not None


def _denies(denial: Denial, topic: Topic, lexicon: Lexicon) -> bool:
    """Whether a plain denial, or a normal statement, says that a topic is not there."""
    anatomy, part, finding, state, side = denial
    if part is not None or side not in (None, "both", topic.side):
        return False
    if finding:
        inside = anatomy is not None and lexicon.within(topic.anatomy, anatomy)
        return inside and state is None and topic.kind == "finding" and _names(finding, topic)
    if anatomy != topic.anatomy or state is None:
        return False
    if topic.kind == "state":
        return state == "normal" or topic.name in {state, *OPPOSITES.get(state, ())}
    return state == "normal" or topic.name in table()["excludes"].get(anatomy, {}).get(state, ())


def _names(finding: str, topic: Topic) -> bool:
    """Whether a denied thing is the topic's, or stands for all that the topic is one of."""
    general = {"abnormality": True, "lesion": topic.name in table()["lesions"]}
    return finding == topic.name or general.get(finding, False)
