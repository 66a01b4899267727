"""Whether a header lets a film in: modality, purpose, species, body part and view (words in scope.yaml)."""

from __future__ import annotations

import pydicom

from docphim.errors import Refused
from docphim.imaging.header_words import has, names_chest, plain, table, without
from docphim.imaging.io.dicom import items, modality_of, text
from docphim.imaging.views import view_of

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
_DX_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
#: Free texts of this image, and those of its study or of what was asked for, which may be the words for another film of it.
_OF_THE_IMAGE = (
    "AcquisitionDeviceProcessingDescription",
    "SeriesDescription",
    "ProtocolName",
    "PerformedProcedureStepDescription",
    "BodyPartExamined",
)
_OF_THE_STUDY = (
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "ScheduledProcedureStepDescription",
    "StudyDescription",
    "ProcedureCodeSequence",
)
_REQUEST = "RequestAttributesSequence"


def check_film(ds: pydicom.Dataset) -> tuple[str, str | None]:
    """Refuse what is not a frontal chest film of a person, for presentation; otherwise its view and the tag that states it.

    Returns
    -------
    view : str
        `PA`, `AP` or `unknown`.
    source : str or None
        The attribute the view comes from.

    Raises
    ------
    Refused
        `modality_unsupported`, `for_processing`, `species_out_of_scope`, `quality_control`, `body_part_out_of_scope` or
        `view_out_of_scope`.
    """
    modality = modality_of(ds)
    if modality not in FILMS:
        name = modality if modality in _CODES else "not stated" if not modality else "not one of a film"
        raise Refused("modality_unsupported", "", f"modality is {name}; this version reads films: {', '.join(FILMS)}")
    if text(ds, "PresentationIntentType").upper() == "FOR PROCESSING" or text(ds, "SOPClassUID") == _DX_FOR_PROCESSING:
        raise Refused("for_processing")
    image, study = (_words(ds, sources) for sources in (_OF_THE_IMAGE, _OF_THE_STUDY))
    _check_person(ds, image + study)
    _check_purpose(ds, image + study)
    _check_body_part(ds, image, study)
    return view_of(ds, image + study)


def _words(ds: pydicom.Dataset, sources: tuple[str, ...]) -> list[tuple[str, str]]:
    """The plain words of free texts and of the meanings of codes, in the order of `sources`, also those of the request."""
    words = []
    for source in sources:
        for holder in (ds, *items(ds, _REQUEST)):
            values = [text(i, "CodeMeaning") for i in items(holder, source)] or [text(holder, source)]
            words += [(source, without(plain(value), table()["harmless"])) for value in values if value]
    return words


def _check_person(ds: pydicom.Dataset, described: list[tuple[str, str]]) -> None:
    """Refuse an animal: a species other than man or, where no species is named, a breed, or a description that names one."""
    coded = [text(i, key) for i in items(ds, "PatientSpeciesCodeSequence") for key in ("CodeValue", "CodeMeaning")]
    species = _spoken([text(ds, "PatientSpeciesDescription"), *coded])
    if any(has(s, word) for s in species for word in table()["human"]):
        return
    if species or _spoken([text(ds, "PatientBreedDescription")]) or _first(described, "animal"):
        raise Refused("species_out_of_scope", "", "the header names an animal")


def _spoken(values: list[str]) -> list[str]:
    """The plain words of those values that say something."""
    return [words for words in map(plain, values) if words and words not in table()["silent"]]


def _check_purpose(ds: pydicom.Dataset, described: list[tuple[str, str]]) -> None:
    """Refuse films that test the machine: QualityControlImage (0028,0300), or a description that says so."""
    if text(ds, "QualityControlImage").upper() == "YES":
        raise Refused("quality_control", "", "QualityControlImage says YES")
    if tested := _first(described, "quality_control"):
        raise Refused("quality_control", "", "{} says {}".format(*tested))


def _first(described: list[tuple[str, str]], *lists: str) -> tuple[str, str] | None:
    """The first attribute whose words hold a phrase of some lists of scope.yaml, and the phrase."""
    phrases = [phrase for name in lists for phrase in table()[name]]
    return next(((source, phrase) for source, words in described for phrase in phrases if has(words, phrase)), None)


def _check_body_part(ds: pydicom.Dataset, image: list[tuple[str, str]], study: list[tuple[str, str]]) -> None:
    """Hold what names the part against the chest, the nearest to the image first; what is silent lets the next speak.

    A part's attribute counts most (a study of chest and knee has one description for both films), then the image's free
    texts, then the study's.  A film of chest and abdomen is a film of the chest: it shows all of it.
    """
    if _chest_by_attribute(ds):
        return
    for texts in (image, study):
        if any(names_chest(words) for _, words in texts):
            return
        if other := _first(texts, "not_the_chest", "named"):
            raise Refused("body_part_out_of_scope", "", "{} says {}".format(*other))


def _chest_by_attribute(ds: pydicom.Dataset) -> bool:
    """Whether an attribute names the chest; False where they say nothing, a refusal where one names another part."""
    parts = [("BodyPartExamined", text(ds, "BodyPartExamined"))]
    parts += [("AnatomicRegionSequence", text(i, "CodeMeaning")) for i in items(ds, "AnatomicRegionSequence")]
    stated = [(source, plain(value)) for source, value in parts]
    stated = [(source, part) for source, part in stated if part and part not in table()["silent"]]
    for source, part in stated:
        if not names_chest(part) or any(word in part for word in table()["not_chest"]):
            name = part if part in table()["named"] else "another part than the chest"
            raise Refused("body_part_out_of_scope", "", f"{source} says {name}")
    return bool(stated)
