"""Task `dialogue`: findings first, then the impression in a second turn that shows the film again (ViX-Ray stage 3)."""

from docphim.build.prompts import Prompts
from docphim.study import Message, Study

SECTIONS = ("findings", "impression")


def messages(study: Study, sections: dict[str, str], prompts: Prompts, images: str) -> list[Message]:
    """The conversation; `images` holds one `<image>` tag per film, in both turns."""
    return [
        Message("system", prompts.system),
        Message("user", images + prompts.ask("findings", study)),
        Message("assistant", sections["findings"], "report:findings"),
        Message("user", images + prompts.ask("then_impression", study)),
        Message("assistant", sections["impression"], "report:impression"),
    ]
