"""Whether values are Hounsfield units, by what every body shows: soft tissue near 0, air and lung far below, little far above.

Values rescaled twice, not at all, or brought into 0…1 look like a volume and are none: a window would show them black.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from docphim.errors import Refused

#: The values that are counted one by one; what lies beyond is counted at the ends.
LOWEST, HIGHEST = -9000, 4000
#: So many planes, rows and columns of a volume are looked at, or all where there are fewer: 400,000 values.
_PLANES, _LINES = 100, 64
#: What scanners write outside the round field of view lies below this (−1024 to −8192), all of one value.
_PADDING = -1100
#: So much of all values is padding where it is one value, and its neighbours hold less than a tenth of that.
_SPIKE, _NEAR = 0.005, 8
#: Fat to muscle, blood and organs; air and lung; what is denser than any organ with contrast in it, HU.
_TISSUE, _AIR, _DENSE = (-150, 150), (-1100, -500), 600
#: The least share of tissue and of air with lung, and the most of what is denser or below air.
_FEWEST_TISSUE, _FEWEST_AIR, _MOST_DENSE, _MOST_BELOW = 0.03, 0.02, 0.15, 0.02
#: The lowest values of a chest, its first percent, are those of air: outside, in the windpipe, or of voxels of lung with noise.
_LOWEST_AIR = (-1100, -850)
#: The same of a whole body, whose air is judged by itself: a sharp kernel's noise goes further down.
_NOISY_BELOW, _NOISY_AIR = 0.1, (-1300, -850)
#: What lies between fat and organs with contrast has its middle between fat and muscle: shifted by 200 it has not.
_SOFT, _MIDDLE = (-200, 300), (-120, 140)
#: From one slice to the next half of the values change by less: most of a picture is air around the body, or one organ.
_MOST_JUMP = 300
#: A side of a plane shows the air around the body where so much of it is light, HU: lungs of a crop seldom reach three sides.
_LIGHT, _ALL_LIGHT, _SIDES = -600, 0.9, 3
#: That air has -1000, or -1024 where lower values were cut off; with noise of 90 HU its median moves by 30.
_OUTSIDE = (-1050, -960)
#: So many planes must show another air, all the same one: lungs of a crop differ from plane to plane.
_OTHER_AIR, _ONE_AIR = 1 / 3, 20
#: The four corners of a plane are alike only where something was filled in; air and what lies below it may be.
_FILLED = -900
#: Values that lie this near together were rescaled: to 0…1, or to −1…1 with some overshoot.
_NARROW = 4


@dataclass
class Seen:
    """A sample of a volume's values, gathered as its planes come.

    Attributes
    ----------
    depth : int
        How many planes will come.
    counts : ndarray
        How often each whole value from `LOWEST` to `HIGHEST` was seen.
    planes : int
        How many planes have come.
    low, high : float
        The least and the greatest of the values seen.
    last : ndarray or None
        The values of the plane that was looked at last.
    jump : float
        The greatest median of changes from one such plane to the next.
    air : list of float
        Of each plane with air around the body, the median of its lightest side.
    corners : list of float
        Of each plane whose four corners hold one value, that value.
    looks : int
        How many planes were looked at.
    """

    depth: int
    counts: np.ndarray = field(default_factory=lambda: np.zeros(HIGHEST - LOWEST + 1, np.int64))
    planes: int = 0
    low: float = np.inf
    high: float = -np.inf
    last: np.ndarray | None = None
    jump: float = 0.0
    air: list[float] = field(default_factory=list)
    corners: list[float] = field(default_factory=list)
    looks: int = 0

    def look(self, plane: np.ndarray) -> None:
        """Take up a plane (rows, columns), if it is its turn."""
        if self.planes % max(1, self.depth // _PLANES) == 0:
            down, across = (max(1, n // _LINES) for n in plane.shape)
            values = plane[::down, ::across]
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
            whole = np.clip(np.rint(values), LOWEST, HIGHEST).astype(np.int64) - LOWEST
            self.counts += np.bincount(whole.ravel(), minlength=self.counts.size)
            if self.last is not None:
                self.jump = max(self.jump, float(np.median(np.abs(whole - self.last))))
            self.last = whole
            self.looks += 1
            sides = [side for side in _sides(values) if side.size and (side < _LIGHT).mean() > _ALL_LIGHT]
            if len(sides) >= _SIDES:
                self.air.append(min(float(np.median(side)) for side in sides))
            if np.ptp(values[[0, 0, -1, -1], [0, -1, 0, -1]]) == 0:
                self.corners.append(float(values[0, 0]))
        self.planes += 1

    def padding(self) -> list[int]:
        """The values that stand for nothing: far below air, and each a spike."""
        below = self.counts[: _PADDING - LOWEST]
        spikes = np.flatnonzero(below > _SPIKE * self.counts.sum())
        return [int(at) + LOWEST for at in spikes if self._around(int(at)) * 10 < below[at]]

    def body(self) -> Values:
        """The values that are no padding."""
        counts = self.counts.copy()
        counts[[value - LOWEST for value in self.padding()]] = 0
        return Values(counts)

    def _around(self, at: int) -> int:
        return int(self.counts[max(0, at - _NEAR) : at + _NEAR + 1].sum() - self.counts[at])


def _sides(values: np.ndarray) -> list[np.ndarray]:
    """From each side of a plane, the outermost but one of each line without padding; nothing where most lines are padding."""
    sides = []
    for turned in (values, values[:, ::-1], values.T, values.T[:, ::-1]):
        at = np.minimum((turned >= _PADDING).argmax(1) + 1, turned.shape[1] - 1)
        side = turned[np.arange(len(turned)), at]
        side = side[side >= _PADDING]
        sides.append(side if 2 * len(side) >= len(turned) else side[:0])
    return sides


@dataclass(frozen=True)
class Values:
    """How often each whole value from `LOWEST` to `HIGHEST` was seen."""

    counts: np.ndarray

    def share(self, low: int, high: int) -> float:
        """The share of values from `low` to `high`."""
        inside = self.counts[max(low, LOWEST) - LOWEST : min(high, HIGHEST) - LOWEST + 1]
        return float(inside.sum() / max(1, self.counts.sum()))

    def percentile(self, percent: float, low: int = LOWEST, high: int = HIGHEST) -> int:
        """A percentile of the values from `low` to `high`, HU."""
        counts = self.counts[low - LOWEST : high - LOWEST + 1]
        return int(np.searchsorted(np.cumsum(counts), percent / 100 * counts.sum())) + low


def check(seen: Seen) -> None:
    """Refuse what cannot be Hounsfield units of a chest.

    Raises
    ------
    Refused
        `not_hu`, with what was seen.
    """
    why = _range(seen) or _jump(seen) or _shares(seen) or _around(seen)
    if why:
        raise Refused("not_hu", "", why)


def _range(seen: Seen) -> str:
    if seen.high - seen.low <= _NARROW:
        return f"the values lie between {seen.low:g} and {seen.high:g}, as after a rescaling to 0…1 or −1…1"
    if seen.low >= 0 and seen.high <= 255:
        return f"the values lie between {seen.low:g} and {seen.high:g}, as in a picture of 8 bits"
    return ""


def _jump(seen: Seen) -> str:
    if seen.jump > _MOST_JUMP:
        return f"half of all values change by {seen.jump:.0f} or more from one slice to the next, as where scales differ"
    return ""


def _around(seen: Seen) -> str:
    """What lies around the body: what was filled in outside the field of view, or air that has not the value of air."""
    filled = [value for value in seen.corners if value > _FILLED]
    if 2 * len(filled) > seen.looks:
        return f"the corners of most slices hold {np.median(filled):.0f} alone, where there is air or padding below it"
    other = [value for value in seen.air if not _OUTSIDE[0] <= value <= _OUTSIDE[1]]
    if len(other) >= max(_SIDES, _OTHER_AIR * seen.looks) and np.subtract(*np.percentile(other, [75, 25])) <= _ONE_AIR:
        return f"the air around the body has {np.median(other):.0f} in {len(other)} of {seen.looks} slices, where air has -1000"
    return ""


def _shares(seen: Seen) -> str:
    values, whole_body = seen.body(), len(seen.air) >= _OTHER_AIR * seen.looks
    most_below, lowest_air = (_NOISY_BELOW, _NOISY_AIR) if whole_body else (_MOST_BELOW, _LOWEST_AIR)
    tissue, air = values.share(*_TISSUE), values.share(*_AIR)
    dense, below = values.share(_DENSE, HIGHEST), values.share(LOWEST, _AIR[0] - 1)
    half, lowest = values.percentile(50), values.percentile(1)
    if below > most_below:
        return f"{below:.0%} of the values lie below air, half of all below {half}, as after rescaling twice"
    if dense > _MOST_DENSE:
        return f"{dense:.0%} of the values are denser than an organ, half of all above {half}, as before rescaling"
    if tissue < _FEWEST_TISSUE or air < _FEWEST_AIR:
        return f"{tissue:.0%} of the values are those of soft tissue and {air:.0%} of air or lung"
    if not lowest_air[0] <= lowest <= lowest_air[1]:
        return f"the lowest values lie about {lowest}, where air has -1000"
    middle = values.percentile(50, *_SOFT)
    if not _MIDDLE[0] <= middle <= _MIDDLE[1]:
        return f"fat and soft tissue lie about {middle}, where they have -100 to 60"
    return ""
