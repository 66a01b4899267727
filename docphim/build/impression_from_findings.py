"""Task `impression_from_findings`: the images and the report's own description, one answer, the conclusion that follows."""

from collections.abc import Iterator

from docphim.build.prompts import Prompts
from docphim.study import Message, Study

SECTIONS = ("findings", "impression")
#: The metric families that score it (`docphim.metrics.METRICS`); `labels` are the label sets that suit the images,
#: `lesions` are scored where a PET is shown.
METRICS = ("rouge", "bleu", "chrf", "clinical", "facts", "labels", "lesions")
#: Whether a study has any number of examples, and their ids a number each.
NUMBERED = False
#: It asks with a report's own text: where there is no report there is nothing to draft (`docphim draft` says so).
ASKS_WITH_REPORT = True


def examples(study: Study, sections: dict[str, str], prompts: Prompts, images: str) -> Iterator[list[Message]]:
    """One conversation a study that has a report; `images` holds the tags of what is shown."""
    if study.report is None:  # there are no findings from which to conclude; `dialogue` concludes from the model's own
        return
    conversation = [
        Message("system", prompts.system),
        Message("user", images + prompts.ask("impression_from_findings", study, findings=sections["findings"])),
        Message("assistant", sections["impression"], "report:impression"),
    ]
    yield conversation
