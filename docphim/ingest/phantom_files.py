"""What a phantom's study is read from, film or CT: its reports as phantom/write.py lays them out; and one that is damaged."""

from __future__ import annotations

import re

from docphim.ingest.records import Rejection


def damaged(name: str) -> Rejection:
    """A phantom of which a file is missing or was changed."""
    why = "a file of this phantom is missing or damaged; remove its folder to make it anew"
    return Rejection(name, "file_unreadable", why)


def sections_of(text: str) -> dict[str, str]:
    """The report as `phantom.write` lays it out: a line with the section's name, its text below."""
    _, *parts = re.split(r"^(findings|impression)\n", text, flags=re.MULTILINE)
    sections = {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
    if set(sections) != {"findings", "impression"}:
        raise ValueError("a report of a phantom has findings and impression")
    return sections
