"""What an endpoint answered while a dataset was built, stored in its folder, so that nobody is asked twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from docphim.files import Appender, content_key
from docphim.models.endpoint import Answer, Endpoint, side_by_side
from docphim.progress import bar
from docphim.study import Row

T = TypeVar("T")
#: Why an answer is none that is kept: it is asked again.
_NONE = {"length": "cut", "refused": "refused", "failed": "failed"}


def answered(
    asked: Sequence[T],
    keys: Mapping[T, str],
    file: Path,
    counts: Counter[str],
    ask: Callable[[Endpoint, T], tuple[T, Answer]],
    *,
    model: str,
    body: Row,
    where: str,
    **asking: Any,
) -> dict[str, str]:
    """The answers to all that is asked, by key: stored ones of this dataset and those beside it, else by the endpoint.

    Parameters
    ----------
    file : Path
        In the dataset's folder: what answers are kept in, a line each with its own SHA-256; no stage's output, so that no
        change of settings removes them.
    counts : Counter
        What brought no answer is counted here: `cut`, `refused`, `failed`.
    ask : callable
        Asks the endpoint one thing.
    where : str
        The recipe's section, for messages.
    asking : dict
        The endpoint's other arguments.

    Raises
    ------
    Refused
        `endpoint_failing`, `upload_not_allowed`; what was answered until then is kept.
    """
    answers = _stored(file)
    todo = [item for item in asked if keys[item] not in answers]
    if not todo:
        return answers
    with Appender(file) as appender, Endpoint(model=model, body=body, where=where, **asking) as endpoint:
        replies = side_by_side(lambda item: ask(endpoint, item), todo, endpoint.concurrency)
        for item, answer in bar(replies, len(todo), where):
            if answer.finish in _NONE:
                counts[_NONE[answer.finish]] += 1
                continue
            line = {"key": keys[item], "model": model, "text": answer.text}
            appender.write([line | {"sha256": content_key(line, 64)}])
            answers[keys[item]] = answer.text
    return answers


def request(words: Mapping[str, str], **slots: Any) -> list[Row]:
    """The messages of a request: `system` as it stands, `ask` with its slots filled."""
    return [
        {"role": "system", "content": words["system"]},
        {"role": "user", "content": words["ask"].format(**slots)},
    ]


def _stored(file: Path) -> dict[str, str]:
    """The answers of a dataset's file and of those beside it; a line that is not as it was written is none."""
    answers: dict[str, str] = {}
    for path in sorted(file.parent.parent.glob(f"*/{file.name}")):
        for line in path.read_bytes().splitlines():
            try:
                row = json.loads(line)
                if row.pop("sha256") == content_key(row, 64):
                    answers[row["key"]] = row["text"]
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
    return answers
