"""What the sections of a PET and of its CT in a recipe share: which series the PET is, how parts of the body are told apart."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from docphim.errors import UsageError
from docphim.imaging.space import regions
from docphim.imaging.space.regions import Outline
from docphim.recipe import Section
from docphim.study import Row


class Rule(Section):
    """Which PET series is read: one with this word in its description, and whether one that was worked on may be.

    Attributes
    ----------
    word : str or None
        A word of SeriesDescription; None: any.
    derived : bool
        Whether a series made from another one (ImageType DERIVED) counts like one of the scanner's.
    """

    word: str | None = None
    derived: bool = False


class OnPet(Section):
    """What the sections of a PET and of its CT both say: which series the PET is, and how parts of the body are told apart.

    Attributes
    ----------
    regions : str
        `measured`: by what the slices show; `published`: by fractions of the height, as the paper on ViMed-PET does.
    chest_ends : float or None
        Of `published`: the fraction of the height, from the vertex, where the chest ends.
    """

    series: Rule = Rule()
    regions: Literal["measured", "published"] = "measured"
    chest_ends: float | None = None

    @model_validator(mode="after")
    def _stated(self) -> Self:
        if self.regions == "published":
            try:
                regions.published(1, self.chest_ends)
            except UsageError as error:
                raise ValueError(str(error)) from error
        return self

    def of(self, outline: Outline | None, slices: int) -> Row:
        """`regions` of `how`, by an outline, or by the number of slices; nothing where neither says them.

        Raises
        ------
        Refused
            As `Outline.check`, by whichever rule the regions go.
        """
        if outline:
            outline.check()  # fractions of the height of a body that is turned would name the wrong parts
        if self.regions == "published":
            return {"regions": regions.published(slices, self.chest_ends)}
        return {"regions": outline.regions()} if outline else {}
