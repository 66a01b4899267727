"""The atomic fact of a report: what (anatomy, finding or state), whether, where, how much."""

from __future__ import annotations

import operator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Polarity = Literal["present", "absent", "normal", "abnormal"]
Side = Literal["right", "left", "both"]
Certainty = Literal["certain", "probable", "possible", "not_excluded", "obscured"]
#: Among the words beside a disease that was known before the scan (docphim.language.referral).
KNOWN = "known"
Change = Literal["new", "increased", "decreased", "unchanged", "resolved"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a report, with what it is the number of.

    Parameters
    ----------
    kind : str
        `size`, `distance`, `volume`, `hu` (density), or an uptake: `suv` (of which the report does not say more), `suv_max`,
        `suv_peak`, `suv_mean`, and the same of `sul` (normalised to lean mass); or `deauville`, a score of 1 to 5.
    relation : {"=", "<", "≤", ">", "≥", "~"}
        How the lesion stands to the number; "up to 6 mm" is ≤, "about 6 mm" is ~.
    low, high : tuple of float
        Both ends of a range, equal where there is one number.  A size has its axes, in the order written.  Empty where the
        lesion is only compared with an organ ("uptake above that of the liver").
    unit : {"mm", "ml", "HU", ""}
        Of uptake none.
    phase : {"early", "delayed", "native", "arterial", "venous"}, optional
    reference : str, optional
        The organ whose uptake this is and that the lesion is compared with; of a distance the organ from which it is counted.
    """

    kind: str
    relation: str = "="
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    unit: str = ""
    phase: str | None = None
    reference: str | None = None


# Not frozen, which would take five times as long to make (a suite of 10,000 pairs makes 240,000); nothing changes one.
@dataclass(slots=True, unsafe_hash=True)
class Fact:
    """One thing that a report says.

    Names are concepts of lexicon/concepts.yaml, the same in every language.  A finding is `present` or `absent`; an
    anatomy's state, or an anatomy that is only called well, is `normal` or `abnormal`.

    Parameters
    ----------
    text : str
        The words that the fact was read from.
    start, end : int
        Where they stand in `clean(report)` (docphim.language.normalize); words that a later fact inherits are not repeated.
    location : tuple of str
        Lobe, zone, segment, rib (`rib_3`), vertebra (`vertebra_t5`), node station (`station_4r`), sorted.
    count : str, optional
        `single`, `few`, `several`, `multiple`, or a number.
    size_mm : tuple of float
        The lesion's own size, in the order written, millimetres.
    suv : float, optional
        The lesion's own highest uptake (SUVmax, or SUV without more); of a range the greater.
    measures : tuple of Measure
        All numbers, these two among them, in the order written.
    leftover : tuple of str
        Words that the lexicon does not know, and descriptors (`scattered`), sorted: so that what is said with them still
        has to match.
    """

    text: str
    start: int
    end: int
    anatomy: str | None = None
    part: str | None = None
    finding: str | None = None
    state: str | None = None
    polarity: Polarity = "present"
    side: Side | None = None
    location: tuple[str, ...] = ()
    count: str | None = None
    severity: str | None = None
    size_mm: tuple[float, ...] = ()
    suv: float | None = None
    certainty: Certainty = "certain"
    change: Change | None = None
    leftover: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()

    @property
    def strict(self) -> tuple[Any, ...]:
        """All that the fact says: two facts match strictly if this is equal."""
        meaning: tuple[Any, ...] = MEANING(self)
        return meaning

    def row(self) -> dict[str, Any]:
        """The fact as JSON."""
        return asdict(self)


#: All that a fact says, whatever words it was read from and wherever they stand.
MEANING = operator.attrgetter(*(name for name in Fact.__slots__ if name not in ("text", "start", "end")))
