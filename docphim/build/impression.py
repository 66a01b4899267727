"""Task `impression`: one film, one answer, the report's conclusion (ViX-Ray stage 2)."""

from docphim.build.prompts import Prompts
from docphim.study import Message, Study

SECTIONS = ("impression",)


def messages(study: Study, sections: dict[str, str], prompts: Prompts, images: str) -> list[Message]:
    """The conversation; `images` holds one `<image>` tag per film."""
    return [
        Message("system", prompts.system),
        Message("user", images + prompts.ask("impression", study)),
        Message("assistant", sections["impression"], "report:impression"),
    ]
