"""What a model and a person are shown of a PET, or of a PET and its CT: which slices, which values, and its projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from docphim.errors import UsageError
from docphim.imaging.show import Slices
from docphim.imaging.windows import windows
from docphim.study import Media, Row

#: Black and white of each channel unless a recipe says otherwise: soft tissue and lung of the CT in HU, the PET in SUV.
WITH_CT: list[list[Any]] = [["ct", -160.0, 240.0], ["ct", -1000.0, 400.0], ["pet", 0.0, 10.0]]
PET_ALONE: list[list[Any]] = [["pet", 0.0, 10.0]]
#: Modality of a row of index.jsonl → what its volume is called in a media entry.
VOLUMES = {"pet": "pet", "pet_ct": "ct"}

Channel = tuple[Literal["ct", "pet"], float, float]


class Show(Slices):
    """Which slices of a PET/CT are shown, which values become black and white, and whether projections stand before them.

    Attributes
    ----------
    channels : list or None
        One is grey, two or three are red, green and blue: `[pet, black, white]` in SUV (of arrays without a unit, in their
        own values), `[ct, black, white]` in HU, or `[ct, NAME]` of windows.yaml.  None: the CT's soft tissue and lung and SUV
        0 to 10, of a PET alone SUV 0 to 10 in grey.
    mips : bool
        Whether the coronal and the sagittal projection of the whole PET come before the slices, in inverted grey.
    """

    channels: list[Channel] | None = Field(None, min_length=1, max_length=3)
    mips: bool = True

    @field_validator("channels", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """Names of windows in the place of their ends."""
        if not isinstance(value, list | tuple):
            return value
        return [_in_numbers(channel) for channel in value]

    @field_validator("channels")
    @classmethod
    def _ordered(cls, value: list[Channel] | None) -> list[Channel] | None:
        for name, black, white in value or ():
            if not -(1 << 15) <= black < white <= 1 << 16:
                raise ValueError(f"{name}: a channel is [volume, black, white], the lower value first")
        return value


def _in_numbers(channel: Any) -> Any:
    if not isinstance(channel, list | tuple) or len(channel) != 2:
        return channel
    name, window = channel
    if name != "ct" or window not in windows():
        raise ValueError(f"{window!r} is no window of a CT: one of {', '.join(windows())}, or two numbers")
    return [name, *windows()[window]]


def shown(show: Show, study: str, rows: Sequence[Row]) -> list[Media]:
    """One entry that shows a study's PET, with its CT where there is one; none where there is no PET.

    Parameters
    ----------
    rows : sequence of dict
        The study's rows of index.jsonl.

    Raises
    ------
    UsageError
        The PET has no unit, and the recipe does not say which of its values become black and white.
    """
    of = {VOLUMES[row["modality"]]: row for row in rows if row["modality"] in VOLUMES}
    if "pet" not in of:
        return []
    if show.channels is None and of["pet"]["unit"] != "SUV":
        why = "the PET's values have no unit: say which become black and white, such as [[pet, 0, 8000]]"
        raise UsageError(f"prepare.pet.show.channels: {why}")
    channels = [list(channel) for channel in show.channels or (WITH_CT if "ct" in of else PET_ALONE)]
    named = {name for name, _, _ in channels}
    # a volume of a channel that is not there is for `frames.check_media` to refuse
    volumes = {name: row["path"] for name, row in sorted(of.items(), reverse=True) if name in named}
    frames = show.frames | ({"mips": True} if show.mips else {})
    return [Media(study, show.kind, volumes, "axial", None, frames, channels)]
