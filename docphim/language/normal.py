"""A normal report from many others: of each region the sentences by which they most often say that all is well."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import NamedTuple

from docphim.language.alter import sentence_spans
from docphim.language.facts import facts
from docphim.language.normalize import clean
from docphim.language.regions import parts

#: At most so many reports are read: enough to know what is usual.
SAMPLE = 500
#: A sentence that so small a share of the reports has is no usual one.
LEAST = 0.02

#: What a fact is about, whatever its side and however it is worded: the anatomy, or a finding that has none.
Topic = str | None


class _Sentence(NamedTuple):
    """A sentence that calls something normal: its region, that one's heading and number in its report, its own place in it."""

    region: str
    heading: str
    nth: int
    words: str
    place: float
    topics: frozenset[Topic]


def normal_report(texts: Sequence[str], language: str) -> str:
    """The report that calls everything normal, in the words that these reports use most often.

    Region by region (all of a report that lists none is one), the most frequent sentence that states a normal or an absent
    finding and nothing else, then the most frequent one about something that is not yet covered, and so on, as long as one
    report in fifty has it; in the order in which they stand on average.

    Parameters
    ----------
    texts : sequence of str
        Findings, whole or of one region; of more than `SAMPLE` so many are read, evenly spaced.

    Returns
    -------
    str
        Empty where no sentence is normal.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    """
    read = texts[:: -(-len(texts) // SAMPLE)] if texts else []
    normal = [sentence for text in read for sentence in _normal(clean(text), language)]
    least = max(1.0, LEAST * len(read))
    regions: dict[str, list[_Sentence]] = defaultdict(list)
    for sentence in normal:
        regions[sentence.region].append(sentence)
    ordered = sorted(regions, key=lambda name: mean(sentence.nth for sentence in regions[name]))
    return "\n".join(filter(None, (_region(regions[name], least) for name in ordered)))


def _normal(text: str, language: str) -> Iterator[_Sentence]:
    """The sentences of a text whose facts all say that something is normal or absent."""
    stated = facts(text, language)
    for nth, part in enumerate(parts(text)):
        spans = [span for span in sentence_spans(text) if part.begin <= span[0] < part.end]
        for number, (start, end) in enumerate(spans):
            here = [fact for fact in stated if start <= fact.start < end]
            if here and all(fact.polarity in ("absent", "normal") and fact.certainty == "certain" for fact in here):
                place = number / max(1, len(spans) - 1)
                topics = frozenset(fact.anatomy or fact.finding for fact in here)
                yield _Sentence(part.region, text[part.start : part.begin].strip(), nth, text[start:end], place, topics)


def _region(sentences: Sequence[_Sentence], least: float) -> str:
    """The usual heading and the usual normal sentences of one region."""
    counts = Counter(sentence.words for sentence in sentences)
    topics = {sentence.words: sentence.topics for sentence in sentences}
    places: dict[str, list[float]] = defaultdict(list)
    for sentence in sentences:
        places[sentence.words].append(sentence.place)
    chosen: list[str] = []
    covered: set[Topic] = set()
    for words, count in counts.most_common():
        if count >= least and not topics[words] & covered:
            chosen.append(words)
            covered |= topics[words]
    chosen.sort(key=lambda words: mean(places[words]))
    heading = Counter(sentence.heading for sentence in sentences).most_common(1)[0][0]
    return " ".join(filter(None, [heading, *chosen])) if chosen else ""
