"""Which PET series of a study is read where there are several: what is no scan of the body's uptake is passed over by reason.

Passed over are series that are not corrected for attenuation, those in units that are no activity and no SUV (PROPCNTS),
projections (MIP), slices that lie otherwise than across the body, screenshots and whatever says no place.  Of what is left,
these come first: series as the scanner made them, not worked on; those that reach furthest along the body; the finest steps;
the lowest SeriesNumber.  Scans of two times, an early and a late one, are not alternatives: the recipe names one by a word of
its description.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset

from docphim.errors import Refused
from docphim.imaging import reconstructions
from docphim.imaging.io import dicom, enhanced
from docphim.imaging.io.slices import Slice, header_of, slices_of
from docphim.imaging.pet_settings import Rule
from docphim.imaging.reconstructions import AS_FAR, FEW, Candidate
from docphim.imaging.units.decay import acquired_at
from docphim.imaging.units.suv import check_unit
from docphim.study import Row

#: Values of ImageType (PS3.3 C.7.6.1.1.2 and makers' own) and a word of SeriesDescription that name a projection.
_PROJECTION = frozenset(("MIP", "PROJECTION IMAGE", "MIP_PROJECTION"))
#: Minutes within which reconstructions of one scan say that it began; a late scan follows after half an hour at the least.
_ONE_SCAN = 20.0
_MIP = re.compile(r"(?<![A-Z])MIPS?(?![A-Z])")


def chosen(paths: Sequence[Path], rule: Rule) -> tuple[tuple[Slice, ...], Row]:
    """The slices of one PET series among files, and `series`: among how many it was chosen, how many were passed over and why.

    Raises
    ------
    Refused
        `volume_missing`: no series has the word that the rule asks for; `modality_unsupported`: none is a PET; `series_mixed`,
        `study_mixed_patients`: series of several studies; and what the first series is passed over for where all are.
    """
    with dicom.quiet():
        parts = reconstructions.parted([(path, header_of(path)) for path in paths])
        usable, refusals = _usable(parts)
    if not usable:
        raise refusals[0]
    fitting = [c for c in usable if not rule.word or reconstructions.word_in(rule.word, c.description)]
    if not fitting:
        why = f"none of {len(parts)} PET series has the word {rule.word} that the recipe asks for"
        raise Refused("volume_missing", "", why)
    best, behind = _best(fitting, rule)
    passed = Counter([refusal.reason for refusal in refusals])
    passed.update({"other_word": len(usable) - len(fitting), **behind})
    counts = {reason: count for reason, count in sorted(passed.items()) if count}
    return best.slices, {"series": {"of": len(parts), **({"passed_over": counts} if counts else {})}}


def _usable(parts: list[list[tuple[Path, Dataset]]]) -> tuple[list[Candidate], list[Refused]]:
    """Series that are scans of the body, and why others are not."""
    usable, refusals = [], []
    for members in parts:
        try:
            usable.append(_scan(members))
        except Refused as refusal:
            refusals.append(refusal)
    return usable, refusals


def _scan(members: list[tuple[Path, Dataset]]) -> Candidate:
    header = members[0][1]
    if dicom.modality_of(header) != "PT":
        raise Refused("modality_unsupported", "", "the series is no PET (Modality)")
    enhanced.count(header)  # first: an Enhanced PET says elsewhere what it is corrected for
    kinds = dicom.text(header, "ImageType").upper().split("\\")
    if _PROJECTION.intersection(kinds) or _MIP.search(dicom.text(header, "SeriesDescription").upper()):
        raise Refused("view_out_of_scope", "", "the series are projections (MIP)")
    if "ATTN" not in dicom.text(header, "CorrectedImage").upper().split("\\"):
        raise Refused("not_attenuation_corrected")
    check_unit(header)
    candidate = reconstructions.candidate(slices_of(members))
    if not candidate.across:
        raise Refused("view_out_of_scope", "", "the slices do not lie across the body")
    if len(candidate.slices) < FEW:
        raise Refused("slices_missing", "", f"{len(candidate.slices)} slices are no scan")
    return candidate


def _best(candidates: list[Candidate], rule: Rule) -> tuple[Candidate, dict[str, int]]:
    """The first by the stated order, and how many lost at which step of it."""
    original = [c for c in candidates if c.original or rule.derived] or candidates
    furthest = max(c.reach for c in original)
    longest = [c for c in original if c.reach >= (1 - AS_FAR) * furthest]
    step = min(map(_step, longest))
    finest = [c for c in longest if _step(c) <= step * (1 + AS_FAR)]
    _check_times(finest)
    best = min(finest, key=lambda c: (c.number, dicom.text(c.slices[0].header, "SeriesInstanceUID")))
    lost = {"derived": len(candidates) - len(original), "shorter": len(original) - len(longest)}
    return best, lost | {"coarser": len(longest) - len(finest), "later_number": len(finest) - 1}


def _check_times(candidates: Sequence[Candidate]) -> None:
    """Refuse scans of which one began long after another: uptake changes from an early to a late one."""
    begun = [min(filter(None, map(acquired_at, (item.header for item in c.slices))), default=None) for c in candidates]
    known = [at for at in begun if at is not None]
    if known and (max(known) - min(known)).total_seconds() / 60 > _ONE_SCAN:
        why = f"{len(candidates)} scans began at different times: prepare.pet.series: {{word: …}} names one"
        raise Refused("series_mixed", "", why)


def _step(candidate: Candidate) -> float:
    """Millimetres between slices, by their places."""
    normal = np.cross(candidate.slices[0].orientation[:3], candidate.slices[0].orientation[3:])
    along = np.sort([float(item.position @ normal) for item in candidate.slices])
    return float(np.median(np.diff(along)))
