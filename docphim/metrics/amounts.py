"""Numbers of lesions as reports give them, exact, as a bound or as a range, and when a drafted one says the reference's."""

from __future__ import annotations

import math
from typing import NamedTuple

_EPSILON = 1e-9
_BELOW, _ABOVE = ("<", "≤"), (">", "≥")


class Amount(NamedTuple):
    """What is said of one number: that it lies from `low` to `high`, equal where it is said exactly; a bound has one end.

    >>> Amount.of(2.5, 2.5, "<")
    Amount(low=-inf, high=2.5)
    """

    low: float
    high: float

    @classmethod
    def of(cls, low: float, high: float, relation: str = "=") -> Amount:
        """Both ends as a record has them, and the relation (`study.Lesion`); `~` is as good as exact."""
        if relation in _BELOW:
            return cls(-math.inf, high)
        return cls(low, math.inf) if relation in _ABOVE else cls(low, high)

    @property
    def bound(self) -> float | None:
        """The number of a bound; None of a number or a range."""
        return self.high if math.isinf(self.low) else self.low if math.isinf(self.high) else None

    @property
    def ends(self) -> list[float]:
        """The numbers that stand in the text: one, or the two of a range."""
        return [end for end in dict.fromkeys(self) if math.isfinite(end)]


def agrees(reference: Amount | None, draft: Amount | None, within: float) -> bool:
    """Whether a drafted amount is the reference's.

    - Two numbers: they differ by no more than the share `within` of the reference's.
    - A number for a range: it lies between the ends, or is as near to one as to a number.
    - A range for a number or a range: both its ends are numbers that the reference allows so; if overlap were enough, "0-100"
      would be right of everything.
    - A number or a range for a bound: all of it lies on the bound's side, the bound itself included, for reports round.
    - A bound for a number or a range: it is true of it, and its number is one that the reference allows: "< 100" says nothing.
    - Two bounds: both look to one side, and their numbers are as near as numbers must be.

    Parameters
    ----------
    within : float
        A share; what a bound excludes it does not allow ("< 2.5" against 2.6).
    """
    if reference is None or draft is None:
        return False
    if reference.bound is not None and draft.bound is not None:
        return math.isinf(reference.low) == math.isinf(draft.low) and _allowed(_exactly(reference.bound), draft.bound, within)
    if reference.bound is not None:
        return all(reference.low <= end <= reference.high for end in draft.ends)
    is_true = draft.bound is None or (draft.low <= reference.low and reference.high <= draft.high)
    return is_true and all(_allowed(reference, end, within) for end in draft.ends)


def _exactly(number: float) -> Amount:
    return Amount(number, number)


def _allowed(reference: Amount, number: float, within: float) -> bool:
    """Whether a number lies in a range, or as near to its end as a share of that."""
    low, high = (end + sign * (within * abs(end) + _EPSILON) for end, sign in zip(reference, (-1, 1), strict=True))
    return low <= number <= high
