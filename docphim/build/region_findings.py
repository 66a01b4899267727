"""Task `region_findings`: what the report says of each part of the body, beside the slices that show that part alone."""

import dataclasses
from collections.abc import Iterator, Sequence

from docphim.build.prompts import Prompts
from docphim.language.places import by_place
from docphim.study import REGIONS, Media, Message, Row, Study

SECTIONS = ("findings",)
#: The metric families that score it (`docphim.metrics.METRICS`); `labels` are the label sets that suit the images,
#: `lesions` are scored where a PET is shown.
METRICS = ("rouge", "bleu", "chrf", "clinical", "facts", "labels", "lesions")
#: Whether a study has any number of examples, and their ids a number each.
NUMBERED = False
#: What it may ask about: each is a task of its own for floors and scores, `region_findings.chest`.
PARTS = REGIONS
#: The task of the whole body that the answers on all parts of a study make together.
JOINED = "findings"


def parts(media: Sequence[Media], rows: Sequence[Row]) -> dict[str, list[Media]]:
    """The regions that a study's PET shows, each with its slices of what is shown of the whole body, without projections.

    Parameters
    ----------
    rows : sequence of dict
        The study's rows of index.jsonl; with a CT its regions count, for it shows the lungs.
    """
    known, whole = _regions(rows), [entry for entry in media if "pet" in entry.volumes]
    return {name: [_within(entry, known[name]) for entry in whole] for name in REGIONS if name in known and whole}


def examples(
    study: Study, sections: dict[str, str], prompts: Prompts, images: str, part: str = "chest", rows: Sequence[Row] = ()
) -> Iterator[list[Message]]:
    """One conversation on a part; its answer is empty where the report says nothing of it, or where there is no report.

    Those are to be drafted and scored, for what is drafted there is invented; nothing is learned from them (`build`).
    """
    known = _regions(rows)
    shown = [name for name in REGIONS if name in known] or [*REGIONS]
    text = by_place(sections["findings"], prompts.language, shown, known.get("flags", ())).get(part, "")
    conversation = [
        Message("system", prompts.system),
        Message("user", images + prompts.ask("region_findings", study, region=part)),
        Message("assistant", text, f"report:findings.{part}"),
    ]
    yield conversation


def _regions(rows: Sequence[Row]) -> Row:
    """How prepare divided the body: by the CT where there is one."""
    divided = {row["modality"]: (row.get("how") or {}).get("regions") or {} for row in rows}
    return divided.get("pet_ct") or divided.get("pet") or {}


def _within(media: Media, span: Sequence[int]) -> Media:
    frames = {name: value for name, value in media.frames.items() if name != "mips"}
    return dataclasses.replace(media, frames=frames | {"within": list(span)})
