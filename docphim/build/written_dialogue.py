"""Task `written_dialogue`: dialogues that an endpoint writes on reports, taken only where every answer follows from the report.

What is asked is in written_dialogue.yaml; answers are kept in the dataset's folder (`answers`).
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from docphim.build.answers import answered, request
from docphim.build.prompts import Prompts
from docphim.files import content_key
from docphim.models.endpoint import Answer, Endpoint
from docphim.package_data import packaged
from docphim.study import TAG, Message, Row, Study

SECTIONS = ("findings",)
#: The metric families that score it (`docphim.metrics.METRICS`): open answers are scored as reports are, by facts and by words.
METRICS = ("rouge", "bleu", "chrf", "clinical", "facts")
#: Whether a study has any number of examples, and their ids a number each.
NUMBERED = False
#: Its `survey` asks the endpoint of the recipe's `questions.writer`.
WRITER = True
#: The file in the dataset's folder that answers are kept in.
ANSWERS = "dialogues.jsonl"
PROMPTS = Path(__file__).with_suffix(".yaml")
#: The JSON of an answer, which models like to put into a fence.
_FENCED = re.compile(r"\A\s*(?:```(?:json)?\s*\n)?(.*?)(?:\n```)?\s*\Z", re.DOTALL)

#: A question and its answer.
Turn = tuple[str, str]


def examples(
    study: Study, sections: dict[str, str], prompts: Prompts, images: str, asked_of: Sequence[Turn] = ()
) -> Iterator[list[Message]]:
    """The one conversation that was written on a study and taken (`survey`); none where there is none."""
    if asked_of:
        turns = ((question, Message("assistant", answer, "endpoint:findings")) for question, answer in asked_of)
        yield prompts.questioned(study, images, turns)


def survey(
    studies: Iterable[Study],
    language: str,
    seed: int,
    per_study: int = 8,
    *,
    dataset: Path,
    writer: Row,
    asking: Row,
) -> tuple[dict[str, list[Turn]], dict[str, int]]:
    """The dialogues of all studies of a split, and how many were taken and how many not, by reason.

    Parameters
    ----------
    per_study : int
        How many questions a dialogue has at most; more than these are left out.
    dataset : Path
        Answers are kept in its folder.
    writer, asking : dict
        Model, temperature and body of the request; the endpoint's other arguments.

    Returns
    -------
    tuple of dict
        Study → turns; counts: `asked` (questions), `taken` (dialogues), and of those not taken `not_json`, `tag` (it would show
        an image), `leaks` (a question says its answer), `invented_number`, `unread`, `not_in_report` (`follows.fault`), `cut`,
        `refused`, `failed`; studies with `no_question`.

    Raises
    ------
    Refused
        `endpoint_failing`, `upload_not_allowed`; what was answered until then is kept.
    """
    texts = {s.id: s.report.sections.get("findings", "") for s in studies if s.report}
    distinct = [text for text in dict.fromkeys(texts.values()) if text.strip()]
    about = [content_key(packaged(PROMPTS)), language, writer, per_study, seed]
    keys = {text: content_key([*about, text], 64) for text in distinct}
    counts: Counter[str] = Counter()
    settings = {"temperature": writer["temperature"], "seed": seed}
    ask = functools.partial(_ask, language, per_study, settings)
    to = {"model": writer["model"], "body": writer["body"], "where": "questions.writer", **asking}
    answers = answered(distinct, keys, dataset / ANSWERS, counts, ask, **to)
    taken: dict[str, list[Turn]] = {}
    for text in distinct:
        if keys[text] in answers:
            turns = _turns(answers[keys[text]])
            reason = _fault(turns, text, language) if turns else "not_json"
            counts[reason or "taken"] += 1
            taken |= {} if reason else {text: turns[:per_study]}
    chosen = {name: taken.get(text, []) for name, text in texts.items()}
    counts["asked"] = sum(map(len, chosen.values()))
    counts["no_question"] = sum(not turns for turns in chosen.values())
    return chosen, dict(sorted(counts.items()))


def _ask(language: str, count: int, settings: Row, endpoint: Endpoint, text: str) -> tuple[str, Answer]:
    return text, endpoint.chat(request(packaged(PROMPTS)[language], count=count, text=text), **settings)


def _turns(written: str) -> list[Turn]:
    """The pairs that an answer holds; none where it is not the JSON that was asked for."""
    try:
        pairs: Any = json.loads(_FENCED.sub(r"\1", written))
        turns = [(pair["question"].strip(), pair["answer"].strip()) for pair in pairs]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return []
    return turns if all(question and answer for question, answer in turns) else []


def _fault(turns: Sequence[Turn], report: str, language: str) -> str:
    """Why a dialogue is not taken; empty where it is."""
    from docphim.language import follows  # here: the chain of imports stays short
    from docphim.language.normalize import normalize

    known = follows.numbers(report)
    for question, answer in turns:
        if TAG.search(question) or TAG.search(answer):
            return "tag"
        if normalize(answer).strip(" .") in normalize(question):
            return "leaks"
        if not follows.numbers(question) <= known:
            return "invented_number"
        if reason := follows.fault(answer, report, language):
            return reason
    return ""
