"""A language model as judge: reports split into atomic facts and matched, by any OpenAI-compatible endpoint.

Its answers are kept in runs/NAME/judge.jsonl by what was asked, whichever server answered, each with its own SHA-256; the
prompts are in judge.yaml.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from docphim.errors import Refused
from docphim.files import Appender, content_key, write_jsonl
from docphim.language.normalize import clean
from docphim.language.sections import sentences
from docphim.models.endpoint import Endpoint, side_by_side
from docphim.package_data import packaged
from docphim.progress import bar
from docphim.study import Row

logger = logging.getLogger("docphim")
PROMPTS = Path(__file__).with_name("judge.yaml")
Step = Literal["split", "match"]
#: A report's facts: the number of each one's sentence (from 0), and its words.
Facts = tuple[tuple[int, str], ...]
#: Which fact of a reference says the same as which of a prediction, from 0.
Matches = tuple[tuple[int, int], ...]
#: More facts than any report has.
MOST_FACTS = 400


class Judge:
    """Splits and matches, asking only for what it was not told before.

    Parameters
    ----------
    cache : Path
        The file that answers are kept in.
    language : str
        Of the reports; the prompts are Vietnamese for `vi` and English otherwise.
    model, body
        What the answers depend on; see `docphim.models.endpoint.Endpoint`.
    replay : bool
        Never ask: what is not in the cache counts as failed.
    asking : dict
        The endpoint's other arguments.  It is opened at the first question, so that a full cache needs no key and no network.
    """

    def __init__(
        self, cache: Path, language: str, *, model: str, body: Row | None = None, replay: bool = False, **asking: Any
    ) -> None:
        self.cache, self.language, self.model, self.replay = cache, language if language == "vi" else "en", model, replay
        self.prompt = prompt_key()
        self.failures: Counter[str] = Counter()
        self._about = [self.prompt, self.language, model, body or {}]
        self._asking = {"model": model, "body": body, "where": "evaluate.judge", **asking}
        self._endpoint: Endpoint | None = None
        self._gone = ""
        self._rows = read_answers(cache)

    def split(self, texts: Iterable[str]) -> dict[str, Facts | None]:
        """The facts of each text; None where the judge failed.  A text without a word has none, and nobody is asked."""
        wanted = dict.fromkeys(texts)
        asked = [text for text in wanted if re.search(r"\w", text)]
        answered = self._answers("split", asked, lambda text: _split_messages(text, self.language), _facts)
        return {text: answered.get(text) if text in answered else () for text in wanted}

    def match(self, pairs: Iterable[tuple[Facts, Facts]]) -> dict[tuple[Facts, Facts], Matches | None]:
        """Which facts of each (reference, prediction) say the same; None where the judge failed.

        Nobody is asked where a side has no fact, nor where both sides are the same.
        """
        wanted = dict.fromkeys(pairs)
        known = {
            pair: tuple((i, i) for i in range(len(pair[0]))) if _words(pair[0]) == _words(pair[1]) else () for pair in wanted
        }
        asked = [pair for pair in wanted if all(pair) and not known[pair]]
        answered = self._answers("match", asked, lambda pair: _match_messages(pair, self.language), _matches)
        return {pair: answered.get(pair) if pair in answered else known[pair] for pair in wanted}

    def close(self) -> None:
        """Let go of the endpoint, and bring the kept answers into an order that does not depend on who answered first."""
        if self._endpoint:
            self._endpoint.close()
        if self._rows:
            write_jsonl(self.cache, (self._rows[key] for key in sorted(self._rows)))

    def _answers(
        self, step: Step, items: Sequence[Any], messages: Callable[[Any], list[Row]], read: Callable[[Any, Any], Any]
    ) -> dict[Any, Any]:
        """What the judge says of each item, from the cache or the endpoint; None where it failed."""
        asked = {item: item if step == "split" else [_words(facts) for facts in item] for item in items}
        keys = {item: content_key([*self._about, step, asked[item]], 64) for item in items}
        verdicts = {item: read_row(self._rows.get(keys[item]), item, read) for item in items}
        todo = [item for item in items if verdicts[item] is None]
        if todo and (self.replay or self._gone):
            self.failures[self._gone or "not among the kept answers"] += len(todo)
        elif todo:
            verdicts |= self._ask(step, {item: keys[item] for item in todo}, messages, read)
        return verdicts

    def _ask(
        self, step: Step, keys: dict[Any, str], messages: Callable[[Any], list[Row]], read: Callable[[Any, Any], Any]
    ) -> Row:
        """Ask the endpoint about the items of `keys`, and keep what is of the form asked for."""
        endpoint, verdicts = self._open(), {}

        def ask(item: Any) -> tuple[Any, Any, str]:
            form = {"name": step, "strict": True, "schema": _data()["schema"][step]}
            settings = {"temperature": 0, "seed": 0, "response_format": {"type": "json_schema", "json_schema": form}}
            answer = endpoint.chat(messages(item), **settings)
            content = _json(answer.text) if answer.finish == "stop" else None
            why = answer.why or (
                "the answer was cut" if answer.finish == "length" else "the answer is not of the form asked for"
            )
            return item, content if read(content, item) is not None else None, why

        left = len(keys)
        with Appender(self.cache) as cache:
            try:
                for item, content, why in bar(side_by_side(ask, list(keys), endpoint.concurrency), left, f"judge: {step}"):
                    left -= 1
                    if content is None:
                        self.failures[why] += 1
                        continue
                    row = {"key": keys[item], "step": step, "model": self.model, "prompt": self.prompt, "answer": content}
                    row["sha256"] = content_key(row, 64)
                    cache.write([row])
                    self._rows[row["key"]] = row
                    verdicts[item] = read(content, item)
            except Refused as refused:
                if refused.reason != "endpoint_failing":
                    raise
                # The other scores do not need the judge: they are written, and the next run asks it again.
                self._gone = f"{refused.reason} {refused.where}"
                self.failures[self._gone] += left
                logger.warning("judge: %s", refused)
        return verdicts

    def _open(self) -> Endpoint:
        if self._endpoint is None:
            self._endpoint = Endpoint(**self._asking)
        return self._endpoint


def read_answers(cache: Path) -> dict[str, Row]:
    """The kept answers by their keys; a line that is not as it was written is none, and what it held is asked again."""
    rows: dict[str, Row] = {}
    for line in cache.read_bytes().splitlines() if cache.exists() else ():
        try:
            row = json.loads(line)
            if row["sha256"] == content_key({name: value for name, value in row.items() if name != "sha256"}, 64):
                rows[row["key"]] = row
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return rows


def prompt_key() -> str:
    """A fingerprint of the prompts: 8 hexadecimal digits."""
    return hashlib.sha256(PROMPTS.read_bytes()).hexdigest()[:8]


def read_row(row: Row | None, item: Any, read: Callable[[Any, Any], Any]) -> Any:
    """An answer from the cache, checked like a new one; None where there is none or somebody has spoilt it."""
    return None if row is None else read(row.get("answer"), item)


def spans(text: str) -> list[tuple[str, int, int]]:
    """The sentences of a text and where they stand in `clean(text)`, as a fact's offsets do."""
    text, places, at = clean(text), [], 0
    for sentence in sentences(text):
        start = text.index(sentence, at)
        at = start + len(sentence)
        places.append((sentence, start, at))
    return places


@functools.cache
def _data() -> Row:
    return dict(packaged(PROMPTS))


def _split_messages(text: str, language: str) -> list[Row]:
    numbered = "\n".join(f"{n}. {' '.join(sentence.split())}" for n, (sentence, _, _) in enumerate(spans(text), 1))
    return _messages(language, "split", sentences=numbered)


def _match_messages(pair: tuple[Facts, Facts], language: str) -> list[Row]:
    reference, prediction = ("\n".join(f"{n}. {words}" for n, words in enumerate(_words(facts), 1)) for facts in pair)
    return _messages(language, "match", reference=reference, prediction=prediction)


def _messages(language: str, step: Step, **values: str) -> list[Row]:
    words = _data()[language][step]
    return [{"role": "system", "content": words["system"]}, {"role": "user", "content": words["ask"].format(**values)}]


def _words(facts: Facts) -> tuple[str, ...]:
    return tuple(words for _, words in facts)


def _json(text: str) -> Any:
    """The JSON object of an answer, which may stand in a code fence or among other words; None where there is none."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        return None


def _facts(content: Any, text: str) -> Facts | None:
    """A split answer, if it is all in order: every fact has words and a sentence that there is, and the count is right."""
    rows = content.get("facts") if isinstance(content, dict) else None
    if not isinstance(rows, list) or len(rows) > MOST_FACTS or not _number(content.get("count"), len(rows), len(rows)):
        return None
    last, facts = len(spans(text)), []
    for row in rows:
        words = row.get("text") if isinstance(row, dict) else None
        if not isinstance(words, str) or not re.search(r"\w", words) or not _number(row.get("sentence"), 1, last):
            return None
        facts.append((row["sentence"] - 1, " ".join(words.encode("utf-8", "replace").decode().split())))
    return tuple(facts)


def _matches(content: Any, pair: tuple[Facts, Facts]) -> Matches | None:
    """A match answer, if it is all in order: both counts are right, every index is of a fact, and none stands twice."""
    rows, sizes = content.get("matches") if isinstance(content, dict) else None, [len(facts) for facts in pair]
    sides = ("reference", "prediction")
    if not isinstance(rows, list) or not all(
        _number(content.get(f"{s}_count"), n, n) for s, n in zip(sides, sizes, strict=True)
    ):
        return None
    for row in rows:
        if not isinstance(row, dict) or not all(_number(row.get(s), 1, n) for s, n in zip(sides, sizes, strict=True)):
            return None
    if any(len({row[side] for row in rows}) < len(rows) for side in sides):
        return None
    return tuple(sorted((row["reference"] - 1, row["prediction"] - 1) for row in rows))


def _number(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
