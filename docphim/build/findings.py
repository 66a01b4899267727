"""Task `findings`: one film, one answer, the report's description (ViX-Ray stage 1)."""

from collections.abc import Iterator

from docphim.build.prompts import Prompts
from docphim.study import Message, Study

SECTIONS = ("findings",)
#: The metric families that score it (`docphim.metrics.METRICS`); `labels` are the label sets that suit the images,
#: `lesions` are scored where a PET is shown.
METRICS = ("rouge", "bleu", "chrf", "clinical", "facts", "labels", "lesions")
#: Whether a study has any number of examples, and their ids a number each.
NUMBERED = False


def examples(study: Study, sections: dict[str, str], prompts: Prompts, images: str) -> Iterator[list[Message]]:
    """One conversation a study; `images` holds one `<image>` tag per film."""
    conversation = [
        Message("system", prompts.system),
        Message("user", images + prompts.ask("findings", study)),
        Message("assistant", sections["findings"], "report:findings"),
    ]
    yield conversation
