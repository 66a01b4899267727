"""The view a header states: PA, AP, or one that is no frontal film (words in scope.yaml)."""

from __future__ import annotations

import pydicom

from docphim.errors import Refused
from docphim.imaging.header_words import has, meanings, plain, table
from docphim.imaging.io.dicom import items, text

_OUT_OF_SCOPE = ("lateral", "decubitus", "oblique", "lordotic")


def view_of(ds: pydicom.Dataset, described: list[tuple[str, str]]) -> tuple[str, str | None]:
    """The view, and the attribute that states it.

    Parameters
    ----------
    described : list of (str, str)
        The header's free texts, plain, each with its attribute, those that speak of this image before those of the study.

    Returns
    -------
    view : str
        `PA`, `AP` or `unknown`.
    source : str or None
        The attribute the view comes from.

    Raises
    ------
    Refused
        `view_out_of_scope`.
    """
    views: dict[str, str] = {}
    for source, view in _stated(ds) or _described(described):
        if view in _OUT_OF_SCOPE:
            raise Refused("view_out_of_scope", "", f"{source} says {view}")
        views.setdefault(view, source)
    if len(views) != 1:  # silent, or PA in one place and AP in another
        return "unknown", None
    return next(iter(views.items()))


def _stated(ds: pydicom.Dataset) -> list[tuple[str, str]]:
    """Every (source, view) that an attribute of its own states."""
    names = table()["view"]
    stated = [("ViewPosition", v) for v in meanings(plain(text(ds, "ViewPosition")), names)]
    for item in items(ds, "ViewCodeSequence"):
        coded = table()["view_code"].get(text(item, "CodeValue"))
        meant = [coded] if coded else meanings(plain(text(item, "CodeMeaning")), names)
        stated += [("ViewCodeSequence", v) for v in meant]
    # PS3.3 C.7.6.1.1.1: rows that run to anterior or posterior are those of a lateral projection
    if text(ds, "PatientOrientation")[:1].upper() in ("A", "P"):
        stated.append(("PatientOrientation", "lateral"))
    return stated


def _described(described: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the first description says that names one of frontal and lateral; one that names both says nothing."""
    for source, words in described:
        frontal = any(has(words, w) for w in table()["description_frontal"])
        others = meanings(words, table()["description"])
        if frontal != bool(others):
            return [(source, view) for view in others]
    return []
