"""One lesion with its place in space, and the lobes that the fissures part."""

from __future__ import annotations

from dataclasses import dataclass, field

from docphim.phantom.body import Array
from docphim.study import Finding

#: The oblique fissure's plane on each side: the height where it meets the back, and how far forward it falls a mm.
OBLIQUE = {"right": (58.0, 1.02), "left": (50.0, 0.98)}
#: The height of the horizontal fissure of the right lung, in front of the oblique one.
HORIZONTAL = 116.0


@dataclass(frozen=True)
class Lesion:
    """One lesion: its middle (x, y, z in standard mm), radius in mm and lobe; `draws` is chance left to its painter."""

    finding: Finding
    side: str | None
    centre: tuple[float, float, float]
    radius: float
    lobe: str | None = None
    draws: tuple[float, ...] = ()
    breaks: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is."""
        return self.finding.name

    @property
    def degree(self) -> int:
        """0 mild, 1 moderate, 2 severe."""
        return {"mild": 0, "severe": 2}.get(self.finding.severity or "moderate", 1)

    @property
    def key(self) -> str:
        """Name with its side, as truth and masks call it."""
        return f"{self.name}_{self.side}" if self.side else self.name


def oblique_y(side: str, z: Array | float) -> Array | float:
    """Depth of the oblique fissure at a height."""
    top, slope = OBLIQUE[side]
    return -88 + (z - top) * slope * 0.95


def lobe_of(side: str, y: float, z: float) -> str:
    """The lobe that a place of a lung belongs to: upper, middle or lower."""
    if y < float(oblique_y(side, z)):
        return "lower"
    return "middle" if side == "right" and z > HORIZONTAL else "upper"
