"""Which of a scan's series is read where there are several: by the recipe's kernel, thickness and phase, then in this order.

Of what a rule lets through, these come first: series whose words name the chest or no part of the body; series as the scanner
made them, not worked on; inspiration before expiration; those that reach furthest along the body; the thinnest slices; a soft
kernel; contrast; the lowest SeriesNumber.  Scouts, single images and slices that do not
lie across the body are never chosen where others are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field
from pydicom import Dataset

from docphim.errors import Refused
from docphim.imaging.io import dicom
from docphim.imaging.io.slices import Slice, header_of, slices_of
from docphim.imaging.kernels import breathed_out, is_of_thickness, kernel_kind, kernel_rank, of_another_part, phase_of
from docphim.recipe import Section
from docphim.study import Row

#: A series reaches as far as another where it lacks less than this share of its length.
AS_FAR = 0.05
#: The slices of a series lie across the body where their normal is at most 25 degrees off its long axis.
_ACROSS = 0.9
#: Fewer slices are scouts and single images.
FEW = 3


#: What series must share to be alternatives of one another, the reason where they do not, and what a person calls it.
_ONE_SCAN = {
    "PatientID": ("study_mixed_patients", "numbers of a patient"),
    "PatientName": ("study_mixed_patients", "names of a patient"),
    "PatientBirthDate": ("study_mixed_patients", "dates of birth"),
    "StudyInstanceUID": ("series_mixed", "studies"),
}


class Rule(Section):
    """Which series is read: `soft`, `sharp` or a kernel's name; a thickness, mm; `native`, `contrast`, a word of its name."""

    kernel: str | None = None
    thickness: float | None = Field(None, gt=0, le=20)
    phase: str | None = None


@dataclass(frozen=True)
class Candidate:
    """One series of a scan, as its headers describe it; lengths in mm."""

    slices: tuple[Slice, ...]
    kernel: str
    thickness: float
    phase: str
    description: str
    elsewhere: bool
    expiration: bool
    original: bool
    across: bool
    reach: float
    number: int


def chosen(paths: Sequence[Path], rule: Rule) -> tuple[tuple[Slice, ...], Row]:
    """The slices of one series among files, and `series`: among how many it was chosen, its kernel and phase.

    Raises
    ------
    Refused
        `volume_missing`: no series is as the rule asks; `series_mixed`: the series are of several studies;
        `study_mixed_patients`; and as `slices_of` where no series has a place in the patient.
    """
    with dicom.quiet():
        parts = parted([(path, header_of(path)) for path in paths])
        candidates = _candidates(parts)
    fitting = [c for c in candidates if fits(c, rule)]
    if not fitting:
        asked = " and ".join(f"{name} {value}" for name, value in rule.model_dump().items() if value is not None)
        raise Refused("volume_missing", "", f"none of {len(parts)} series has the {asked} that the recipe asks for")
    usable = [c for c in fitting if c.across and len(c.slices) >= FEW] or fitting
    nearest = min(map(_aside, usable))
    usable = [c for c in usable if _aside(c) == nearest]
    furthest = max(c.reach for c in usable)
    best = min(usable, key=lambda c: _order(c, furthest))
    return best.slices, {"series": {"of": len(parts), "kernel": kernel_kind(best.kernel), "phase": best.phase or "unknown"}}


def _candidates(parts: list[list[tuple[Path, Dataset]]]) -> list[Candidate]:
    """The series that say where their slices lie; a report of the dose beside them says nothing of the kind."""
    placed, refusals = [], []
    for members in parts:
        try:
            placed.append(candidate(slices_of(members)))
        except Refused as refusal:
            refusals.append(refusal)
    if not placed:
        raise refusals[0]
    return placed


def parted(files: list[tuple[Path, Dataset]]) -> list[list[tuple[Path, Dataset]]]:
    """Files by SeriesInstanceUID.

    Raises
    ------
    Refused
        `study_mixed_patients`, `series_mixed`: series of several patients or studies are no alternatives of one another.
    """
    parts: dict[str, list[tuple[Path, Dataset]]] = defaultdict(list)
    for path, header in files:
        parts[dicom.text(header, "SeriesInstanceUID")].append((path, header))
    for keyword, (reason, name) in _ONE_SCAN.items() if len(parts) > 1 else ():
        values = {dicom.text(header, keyword).rstrip("^") for _, header in files}
        values = set(map(dicom.same_name, values)) if keyword == "PatientName" else values
        if len(values) > 1:
            raise Refused(reason, "", f"the files are of {len(values)} {name}")
    return list(parts.values())


def candidate(members: list[Slice]) -> Candidate:
    """A series as its headers describe it."""
    header = members[0].header
    normal = np.cross(members[0].orientation[:3], members[0].orientation[3:])
    along = np.sort([float(item.position @ normal) for item in members])
    step = float(np.median(np.diff(along))) if len(along) > 1 else 0.0
    kinds = dicom.text(header, "ImageType").upper().split("\\")
    description = dicom.text(header, "SeriesDescription")
    return Candidate(
        slices=tuple(members),
        kernel=dicom.text(header, "ConvolutionKernel"),
        thickness=(dicom.numbers(header, "SliceThickness") or [step])[0] or step,
        phase=phase_of(dicom.text(header, "ContrastBolusAgent"), description),
        description=description,
        elsewhere=of_another_part(description, dicom.text(header, "BodyPartExamined"), dicom.text(header, "ProtocolName")),
        expiration=breathed_out(description),
        original=kinds[0] != "DERIVED" and "LOCALIZER" not in kinds,
        across=abs(normal[2]) > _ACROSS and "LOCALIZER" not in kinds,
        reach=float(along[-1] - along[0]) + step,
        number=dicom.integer(header, "SeriesNumber", 1 << 30),
    )


def _aside(candidate: Candidate) -> tuple[bool, bool, bool]:
    """False comes first: the abdomen of the same study may reach further than the chest, and show the bases of the lungs."""
    return candidate.elsewhere, not candidate.original, candidate.expiration


def _order(candidate: Candidate, furthest: float) -> tuple[bool, float, int, bool, int, str]:
    return (
        candidate.reach < (1 - AS_FAR) * furthest,
        candidate.thickness,
        kernel_rank(candidate.kernel),
        candidate.phase != "contrast",
        candidate.number,
        dicom.text(candidate.slices[0].header, "SeriesInstanceUID"),
    )


def fits(candidate: Candidate, rule: Rule) -> bool:
    """Whether a series is as the rule asks."""
    if rule.kernel and rule.kernel.lower() not in (kernel_kind(candidate.kernel), *candidate.kernel.lower().split("\\")):
        return False
    if rule.thickness and not is_of_thickness(candidate.thickness, rule.thickness):
        return False
    return not rule.phase or rule.phase.lower() == candidate.phase or bool(word_in(rule.phase, candidate.description))


def word_in(word: str, text: str) -> re.Match[str] | None:
    """A word, whole and in any case, where it stands in a text."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
