"""What `docphim suv` answers: SUV of every PET series under a folder, and of liver and blood where a CT shows them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from docphim.errors import Refused
from docphim.imaging import modality, reference
from docphim.imaging.find import SeriesFound, look_through, name_of
from docphim.imaging.io.locations import SeriesFiles, pair
from docphim.imaging.io.slices import Slice, header_of
from docphim.imaging.space import petct
from docphim.imaging.store import Stream
from docphim.progress import bar
from docphim.study import Row


def look(folder: Path, ct: Path | None = None) -> Row:
    """What `measured.measure` says of every PET series under a folder, and the uptake of liver and blood.

    Parameters
    ----------
    ct : Path or None
        A folder in which the CT is looked for; None: in `folder`.

    Returns
    -------
    dict
        `series`: rows of `measure`, each with `where`, and `reference` as `reference.measured` has it; `refused`: rows of
        `reason`, `where`, `why`.

    Raises
    ------
    Refused
        `file_missing`; `image_missing`: no file under a folder is a slice of a PET, or of a CT where one is given.
    """
    from docphim.imaging.units import measured  # here: the way of imports from a command is long enough

    series = under(folder)
    pets = of_modality(series, "PT", folder)
    scans = [entry for entry in series if entry.modality == "CT"] if ct is None else of_modality(under(ct), "CT", ct)
    answer: Row = {"series": [], "refused": []}
    for entry in pets:
        where = name_of(entry, folder)
        try:
            slices = measured.slices_at(entry.location)
            row = measured.measure_of(slices)
        except Refused as refusal:
            answer["refused"].append({"reason": refusal.reason, "where": where, "why": refusal.why})
        else:
            answer["series"].append({"where": where, **row, "reference": by_ct(entry, slices, scans)})
    return answer


def under(folder: Path) -> list[SeriesFound]:
    """The series under a folder; raises `file_missing`."""
    if not folder.exists():
        raise Refused("file_missing", str(folder))
    return look_through(folder)[1] if folder.is_dir() else []


def of_modality(series: Sequence[SeriesFound], modality: str, folder: Path) -> list[SeriesFound]:
    """Those of a modality (`PT`, `CT`); `folder` names them in a refusal, `image_missing`."""
    entries = [entry for entry in series if entry.modality == modality]
    if not entries:
        what = {"PT": "PET", "CT": "CT"}[modality]
        raise Refused("image_missing", folder.name, f"no series of a {what} is there; one file is one slice: name its folder")
    return entries


def by_ct(entry: SeriesFound, slices: Sequence[Slice], scans: Sequence[SeriesFound]) -> Row:
    """`reference.measured` of a PET by those of some CT series that are of its study and frame of reference; or why not."""
    try:
        stream, facts = laid(entry, slices, scans)
        for _ in bar(stream.slices, stream.shape[0], "CT"):
            pass
    except Refused as refusal:
        return reference.unmeasured(why_not(refusal))
    row: Row = facts["how"]["reference"]
    return row


def why_not(refusal: Refused) -> str:
    """Why no CT is laid on a PET, in words."""
    missing = refusal.reason == "ct_missing" and not refusal.where
    return refusal.why if missing else f"the CT cannot be used: {refusal.reason}: {refusal.why}"


def laid(entry: SeriesFound, slices: Sequence[Slice], scans: Sequence[SeriesFound]) -> tuple[Stream, Row]:
    """The CT of a PET on its grid, from those of some series that are of its study and frame of reference, and what it is like.

    Raises
    ------
    Refused
        `ct_missing`: there is none; as `pet_ct.prepare`.
    """
    if not scans:
        raise Refused("ct_missing", "", "no CT")
    paths: list[Path] = []
    for scan in scans:
        of_scan = scan.location.paths
        try:
            petct.check_one(header_of(of_scan[0]), slices[0].header)
        except Refused:
            continue
        paths += of_scan
    if not paths:
        raise Refused("ct_missing", "", "no CT of its patient, study and frame of reference")
    root = Path(os.path.commonpath([path.parent for path in paths]))
    place = SeriesFiles(str(root), tuple(str(path.relative_to(root)) for path in paths))
    on_grid = modality("pet_ct")
    try:
        stream, facts = on_grid.prepare(pair(str(place), str(entry.location)), on_grid.Settings(), "")
    except Refused as refusal:
        raise Refused(refusal.reason, "CT", refusal.why) from refusal
    assert isinstance(stream, Stream)
    return stream, facts
