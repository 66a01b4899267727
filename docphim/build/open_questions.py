"""Task `open_questions`: what is answered in sentences, a region of the body described and the study summed up."""

from __future__ import annotations

from collections.abc import Iterator

from docphim.build.prompts import Prompts
from docphim.build.question_words import asked
from docphim.language.places import by_place
from docphim.study import REGIONS, Answer, Message, Study

SECTIONS = ("findings",)
#: The metric families that score it (`docphim.metrics.METRICS`): open answers are scored as reports are, by facts and by words.
METRICS = ("rouge", "bleu", "chrf", "clinical", "facts", "lesions")
#: Whether a study has any number of examples, and their ids a number each.
NUMBERED = True


def examples(study: Study, sections: dict[str, str], prompts: Prompts, images: str) -> Iterator[list[Message]]:
    """One conversation on each region that a report of several speaks of, and one on its impression, where it has one."""
    texts = by_place(sections["findings"], prompts.language, REGIONS)
    open_ones = [("describe", name, text) for name, text in texts.items()] if len(texts) > 1 else []
    open_ones += [("summary", "", sections.get("impression", ""))]
    for kind, region, text in open_ones:
        if not text.strip():
            continue
        asks = f"{kind}:{region}"
        question = asked(kind, prompts.language, (study.id, asks), region=prompts.region(region))
        section = f"findings.{region}" if region else "impression"
        typed = Answer("text", text, None, asks, {"section": section})
        yield prompts.questioned(study, images, [(question, Message("assistant", text, f"report:{section}", typed))])
