"""Reports in other words, by any OpenAI-compatible endpoint, taken only where facts and lesion records are the same.

What is asked is in paraphrase.yaml.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from docphim.build.answers import answered, request
from docphim.files import content_key
from docphim.language.normalize import clean
from docphim.models.endpoint import Answer, Endpoint
from docphim.package_data import packaged
from docphim.study import TAG, Row

PROMPTS = Path(__file__).with_suffix(".yaml")
#: The file in the dataset's folder that answers are kept in (`answers`).
ANSWERS = "paraphrases.jsonl"

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
    counts: Counter[str] = Counter()
    ask = functools.partial(_ask, language, {"temperature": temperature})
    file = dataset / ANSWERS
    answers = answered(asked, keys, file, counts, ask, model=model, body=body, where="augment.paraphrase", **asking)
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


def _ask(language: str, settings: Row, endpoint: Endpoint, item: Asked) -> tuple[Asked, Answer]:
    text, number = item
    return item, endpoint.chat(request(packaged(PROMPTS)[language], text=text), **settings, seed=number)


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
