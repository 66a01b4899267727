"""Reports in other words, by any OpenAI-compatible endpoint, taken only where facts and lesion records are the same.

Its answers are kept beside the dataset by what was asked, whichever server answered, each with its own SHA-256; what is asked
is in paraphrase.yaml.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docphim.files import Appender, content_key
from docphim.language.normalize import clean
from docphim.models.endpoint import Answer, Endpoint, side_by_side
from docphim.package_data import packaged
from docphim.progress import bar
from docphim.study import TAG, Row

PROMPTS = Path(__file__).with_suffix(".yaml")
#: The file in the dataset's folder that answers are kept in; no stage's output, so that no change of settings removes it.
ANSWERS = "paraphrases.jsonl"
#: Why an answer is none that is kept: it is asked again.
_NONE = {"length": "cut", "refused": "refused", "failed": "failed"}

#: A text, and which of its wordings is asked for.
Asked = tuple[str, int]


def add(
    rows: Sequence[Row],
    dataset: Path,
    language: str,
    *,
    model: str,
    count: int,
    temperature: float,
    body: Row,
    **asking: Any,
) -> dict[str, int]:
    """Write other wordings of what is answered into the `augment` of training examples, in place.

    Parameters
    ----------
    dataset : Path
        Answers are kept in its folder; those in the folders beside it count too.
    count : int
        How many wordings of each text are asked for.
    asking : dict
        The endpoint's other arguments.

    Returns
    -------
    dict
        How many wordings were `taken`, and how many not, by reason: `facts_changed`, `lesions_changed`, `not_reworded` (the
        text itself, or one that was taken already), `tag` (it would show an image), `cut`, `refused`, `failed`.

    Raises
    ------
    Refused
        `endpoint_failing`, `upload_not_allowed`; what was answered until then is kept.
    """
    texts = dict.fromkeys(text for row in rows for _, text in _reported(row))
    asked = [(text, number) for text in texts for number in range(count)]
    about = [content_key(packaged(PROMPTS)), language, model, temperature, body]
    keys = {item: content_key([*about, *item], 64) for item in asked}
    answers = _answers(dataset)
    counts: Counter[str] = Counter()
    todo = [item for item in asked if keys[item] not in answers]
    if todo:
        settings = {"temperature": temperature}
        with (
            Appender(dataset / ANSWERS) as file,
            Endpoint(model=model, body=body, where="augment.paraphrase", **asking) as endpoint,
        ):
            ask = functools.partial(_ask, endpoint, language, settings)
            for item, answer in bar(side_by_side(ask, todo, endpoint.concurrency), len(todo), "paraphrases"):
                if answer.finish in _NONE:
                    counts[_NONE[answer.finish]] += 1
                    continue
                line = {"key": keys[item], "model": model, "text": answer.text}
                file.write([line | {"sha256": content_key(line, 64)}])
                answers[keys[item]] = answer.text
    wordings: dict[str, list[str]] = {}
    for text in texts:
        mine = [answers[keys[text, number]] for number in range(count) if keys[text, number] in answers]
        wordings[text] = _taken(text, mine, language, counts)
    for row in rows:
        if listed := {str(place): wordings[text] for place, text in _reported(row) if wordings[text]}:
            row["augment"]["paraphrases"] = listed
    return dict(sorted(counts.items()))


def _reported(row: Row) -> Iterator[tuple[int, str]]:
    """The places of an example's answers that come from a report, and their texts."""
    for place, message in enumerate(row["messages"]):
        if message["role"] == "assistant" and (message["from"] or "").startswith("report:"):
            yield place, message["content"]


def _ask(endpoint: Endpoint, language: str, settings: Row, item: Asked) -> tuple[Asked, Answer]:
    text, number = item
    words: Mapping[str, str] = packaged(PROMPTS)[language]
    messages = [
        {"role": "system", "content": words["system"]},
        {"role": "user", "content": words["ask"].format(text=text)},
    ]
    return item, endpoint.chat(messages, **settings, seed=number)


def _answers(dataset: Path) -> dict[str, str]:
    """The kept answers by their keys, of this dataset and those beside it; a line that is not as it was written is none."""
    answers: dict[str, str] = {}
    for path in sorted(dataset.parent.glob(f"*/{ANSWERS}")):
        for line in path.read_bytes().splitlines():
            try:
                row = json.loads(line)
                if row.pop("sha256") == content_key(row, 64):
                    answers[row["key"]] = row["text"]
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
    return answers


def _taken(text: str, answers: Iterable[str], language: str, counts: Counter[str]) -> list[str]:
    """The wordings of a text that say what it says, each once, in the order in which they were asked for."""
    taken: list[str] = []
    for answer in answers:
        wording = clean(answer).strip()
        reason = _fault(text, wording, taken, language)
        counts[reason or "taken"] += 1
        if not reason:
            taken.append(wording)
    return taken


def _fault(text: str, wording: str, taken: Sequence[str], language: str) -> str:
    """Why a wording is not taken; empty where it is."""
    from docphim.language.alter import meaning  # here: the chain of imports stays short

    if wording in (clean(text).strip(), *taken):
        return "not_reworded"
    if TAG.search(wording):
        return "tag"
    (facts, lesions), (ours, theirs) = meaning(text, language), meaning(wording, language)
    return "facts_changed" if ours != facts else "lesions_changed" if theirs != lesions else ""
