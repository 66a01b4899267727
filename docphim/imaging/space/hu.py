"""Whether values are Hounsfield units, by what every body shows: soft tissue near 0, air and lung far below, little far above.

Values rescaled twice, not at all, or brought into 0…1 look like a volume and are none: a window would show them black.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from docphim.errors import Refused

#: The values that are counted one by one; what lies beyond is counted at the ends.
LOWEST, HIGHEST = -9000, 4000
#: Every so many planes, rows and columns a value is looked at: a hundred thousand of 512 x 512 x 400.
_EVERY = (4, 16, 16)
#: What scanners write outside the round field of view lies below this (−1024 to −8192), all of one value.
_PADDING = -1100
#: So much of all values is padding where it is one value, and its neighbours hold less than a tenth of that.
_SPIKE, _NEAR = 0.005, 8
#: Fat to muscle, blood and organs; air and lung; what is denser than any organ with contrast in it, HU.
_TISSUE, _AIR, _DENSE = (-150, 150), (-1100, -500), 600
#: The least share of tissue and of air with lung, and the most of what is denser or below air.
_FEWEST_TISSUE, _FEWEST_AIR, _MOST_DENSE, _MOST_BELOW = 0.03, 0.02, 0.15, 0.02


@dataclass
class Seen:
    """A sample of a volume's values, gathered as its planes come.

    Attributes
    ----------
    counts : ndarray
        How often each whole value from `LOWEST` to `HIGHEST` was seen.
    planes : int
        How many planes have come.
    low, high : float
        The least and the greatest of the values seen.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros(HIGHEST - LOWEST + 1, np.int64))
    planes: int = 0
    low: float = np.inf
    high: float = -np.inf

    def look(self, plane: np.ndarray) -> None:
        """Take up a plane (rows, columns), if it is its turn."""
        if self.planes % _EVERY[0] == 0:
            values = plane[:: _EVERY[1], :: _EVERY[2]]
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
            whole = np.clip(np.rint(values), LOWEST, HIGHEST).astype(np.int64) - LOWEST
            self.counts += np.bincount(whole.ravel(), minlength=self.counts.size)
        self.planes += 1

    def share(self, low: int, high: int) -> float:
        """The share of values from `low` to `high` among those that are no padding."""
        inside = self._body()[max(low, LOWEST) - LOWEST : min(high, HIGHEST) - LOWEST + 1]
        return float(inside.sum() / max(1, self._body().sum()))

    def percentile(self, percent: float) -> int:
        """A percentile of the values that are no padding, HU."""
        body = self._body()
        return int(np.searchsorted(np.cumsum(body), percent / 100 * body.sum())) + LOWEST

    def padding(self) -> list[int]:
        """The values that stand for nothing: far below air, and each a spike."""
        below = self.counts[: _PADDING - LOWEST]
        spikes = np.flatnonzero(below > _SPIKE * self.counts.sum())
        return [int(at) + LOWEST for at in spikes if self._around(int(at)) * 10 < below[at]]

    def _around(self, at: int) -> int:
        return int(self.counts[max(0, at - _NEAR) : at + _NEAR + 1].sum() - self.counts[at])

    def _body(self) -> np.ndarray:
        body = self.counts.copy()
        body[[value - LOWEST for value in self.padding()]] = 0
        return body


def check(seen: Seen) -> None:
    """Refuse what cannot be Hounsfield units of a chest.

    Raises
    ------
    Refused
        `not_hu`, with what was seen.
    """
    tissue, air = seen.share(*_TISSUE), seen.share(*_AIR)
    dense, below = seen.share(_DENSE, HIGHEST), seen.share(LOWEST, _AIR[0] - 1)
    if seen.high - seen.low <= 2:
        why = f"the values lie between {seen.low:g} and {seen.high:g}, as after a rescaling to 0…1"
    elif seen.low >= 0 and seen.high <= 255:
        why = f"the values lie between {seen.low:g} and {seen.high:g}, as in a picture of 8 bits"
    elif below > _MOST_BELOW:
        why = f"{below:.0%} of the values lie below air, half of all below {seen.percentile(50)}, as after rescaling twice"
    elif dense > _MOST_DENSE:
        why = f"{dense:.0%} of the values are denser than an organ, half lie above {seen.percentile(50)}, as before rescaling"
    elif tissue < _FEWEST_TISSUE or air < _FEWEST_AIR:
        why = f"{tissue:.0%} of the values are those of soft tissue and {air:.0%} of air or lung"
    else:
        return
    raise Refused("not_hu", "", why)
