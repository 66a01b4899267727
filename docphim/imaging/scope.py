"""Whether a header lets a film in: modality, purpose, body part and view (words in scope.yaml)."""

from __future__ import annotations

import functools
import re
import unicodedata
from pathlib import Path
from typing import Any

import pydicom

from docphim.errors import Refused
from docphim.imaging.io.dicom import items, mended, text
from docphim.package_data import packaged

#: What a recipe and `--as` call a modality → its codes in DICOM; DR is not a defined term, and common.
CODES: dict[str, tuple[str, ...]] = {"xray": ("CR", "DX", "RG", "DR"), "ct": ("CT",), "pet": ("PT",)}
#: Modalities of a projection radiograph.
FILMS = CODES["xray"]
_CODES = (
    "CR",
    "CT",
    "DX",
    "ECG",
    "IO",
    "KO",
    "MG",
    "MR",
    "NM",
    "OT",
    "PR",
    "PT",
    "PX",
    "RF",
    "SC",
    "SEG",
    "SR",
    "US",
    "XA",
    "XC",
)
_BY_CLASS = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
_DX_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
#: Free texts that state part and view where no attribute of its own does, those of the single image first.
_DESCRIPTIONS = ("AcquisitionDeviceProcessingDescription", "SeriesDescription", "ProtocolName", "BodyPartExamined")
_OUT_OF_SCOPE = ("lateral", "decubitus", "oblique", "lordotic")


@functools.cache
def _table() -> dict[str, Any]:
    return packaged(Path(__file__).with_suffix(".yaml"))


def plain(value: str) -> str:
    """Capitals without accents, words parted by single spaces: 'Ngực thẳng' -> 'NGUC THANG'."""
    bare = unicodedata.normalize("NFD", mended(value).replace("đ", "d").replace("Đ", "D"))
    bare = "".join(c for c in bare if not unicodedata.combining(c))
    return " ".join(re.findall(r"[A-Z0-9]+", bare.upper()))


def modality_of(ds: pydicom.Dataset) -> str:
    """Modality (0008,0060), or what the SOP class implies; '' where neither says."""
    return text(ds, "Modality").upper() or _BY_CLASS.get(text(ds, "SOPClassUID"), "")


def check_film(ds: pydicom.Dataset) -> tuple[str, str | None]:
    """Refuse what is not a frontal chest film for presentation; otherwise its view and the tag that states it.

    Returns
    -------
    view : str
        `PA`, `AP` or `unknown`.
    source : str or None
        The attribute the view comes from.

    Raises
    ------
    Refused
        `modality_unsupported`, `for_processing`, `body_part_out_of_scope` or `view_out_of_scope`.
    """
    modality = modality_of(ds)
    if modality not in FILMS:
        name = modality if modality in _CODES else "not stated" if not modality else "not one of a film"
        raise Refused("modality_unsupported", "", f"modality is {name}; this version reads films: {', '.join(FILMS)}")
    if text(ds, "PresentationIntentType").upper() == "FOR PROCESSING" or text(ds, "SOPClassUID") == _DX_FOR_PROCESSING:
        raise Refused("for_processing")
    _check_body_part(ds)
    return _view(ds)


def _check_body_part(ds: pydicom.Dataset) -> None:
    parts = [("BodyPartExamined", text(ds, "BodyPartExamined"))]
    parts += [("AnatomicRegionSequence", text(i, "CodeMeaning")) for i in items(ds, "AnatomicRegionSequence")]
    verdicts = []
    for source, value in parts:
        part = plain(value)
        verdicts.append(_is_chest(part))
        if verdicts[-1] is False:
            name = part if part in _table()["named"] else "another part than the chest"
            raise Refused("body_part_out_of_scope", "", f"{source} says {name}")
    if True not in verdicts:
        _check_described_part(ds)


def _check_described_part(ds: pydicom.Dataset) -> None:
    """Where no attribute of its own names the part: a description that names another, and no chest."""
    words = [(source, plain(text(ds, source))) for source in _DESCRIPTIONS]
    if any(part in described for _, described in words for part in _table()["chest"]):
        return
    for source, described in words:
        for name in _table()["named"]:
            if _has(described, name):
                raise Refused("body_part_out_of_scope", "", f"{source} says {name}")


def _is_chest(part: str) -> bool | None:
    """True for the chest, False for another body part, None where the value says nothing."""
    table = _table()
    if not part or part in table["silent"]:
        return None
    return any(w in part for w in table["chest"]) and not any(w in part for w in table["not_chest"])


def _view(ds: pydicom.Dataset) -> tuple[str, str | None]:
    views: dict[str, str] = {}
    for source, view in _stated_views(ds):
        if view in _OUT_OF_SCOPE:
            raise Refused("view_out_of_scope", "", f"{source} says {view}")
        views.setdefault(view, source)
    if len(views) != 1:  # silent, or PA in one place and AP in another
        return "unknown", None
    return next(iter(views.items()))


def _stated_views(ds: pydicom.Dataset) -> list[tuple[str, str]]:
    """Every (source, view) that the header states; descriptions count only where nothing else speaks."""
    table = _table()
    stated = [("ViewPosition", v) for v in _views_in(plain(text(ds, "ViewPosition")), table["view"])]
    for item in items(ds, "ViewCodeSequence"):
        coded = table["view_code"].get(text(item, "CodeValue"))
        meant = [coded] if coded else _views_in(plain(text(item, "CodeMeaning")), table["view"])
        stated += [("ViewCodeSequence", v) for v in meant]
    # PS3.3 C.7.6.1.1.1: rows that run to anterior or posterior are those of a lateral projection
    if text(ds, "PatientOrientation")[:1].upper() in ("A", "P"):
        stated.append(("PatientOrientation", "lateral"))
    return stated or _described_views(ds)


def _described_views(ds: pydicom.Dataset) -> list[tuple[str, str]]:
    """What the first description says that names one of frontal and lateral; one that names both says nothing."""
    table = _table()
    for source in _DESCRIPTIONS:
        words = plain(text(ds, source))
        frontal = any(_has(words, w) for w in table["description_frontal"])
        lateral = _views_in(words, table["description"])
        if frontal != bool(lateral):
            return [(source, view) for view in lateral]
    return []


def _views_in(words: str, names: dict[str, list[str]]) -> list[str]:
    return [view for view, spellings in names.items() if any(_has(words, s) for s in spellings)]


def _has(words: str, phrase: str) -> bool:
    return f" {phrase} " in f" {words} "
