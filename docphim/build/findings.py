"""Task `findings`: one film, one answer, the report's description (ViX-Ray stage 1)."""

from docphim.build.prompts import Prompts
from docphim.study import Message, Study

SECTIONS = ("findings",)


def messages(study: Study, sections: dict[str, str], prompts: Prompts, images: str) -> list[Message]:
    """The conversation; `images` holds one `<image>` tag per film."""
    return [
        Message("system", prompts.system),
        Message("user", images + prompts.ask("findings", study)),
        Message("assistant", sections["findings"], "report:findings"),
    ]
