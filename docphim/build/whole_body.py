"""What the PET of a dataset are like, and how their reports speak of uptake: `pet` of stats.json."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from docphim.language.fact import Fact
from docphim.study import Row

#: Findings (concepts.yaml) that speak of uptake.
UPTAKE = ("fdg_uptake", "physiologic_uptake")
#: Kinds of a measure that are a lesion's highest uptake (`fact.Measure`).
HIGHEST = ("suv", "suv_max")

#: Section → its facts, of one report.
Read = Mapping[str, Sequence[Fact]]


def whole_body(
    index: Sequence[Row], sections: Sequence[Mapping[str, str]], count: Callable[[str], int], read: Sequence[Read] | None
) -> Row | None:
    """The table of PET of stats.json; None where a dataset has none.

    Parameters
    ----------
    index : sequence of dict
        Rows of prepared/index.jsonl, of the studies that count.
    sections : sequence of dict
        Section → text, of each report.
    count : function
        How long a text is, in syllables.
    read : sequence of dict, optional
        What each report says; None where there is no lexicon for its language.

    Returns
    -------
    dict
        `volumes`: how many of each modality; `units`: how many PET of each; `slices`: of all PET, and `pairs`, those that have
        a CT beside them; spreads (`n`, `min`, `p5`, `p50`, `p95`, `max`, `mean`, None of nothing): `slices_a_study`, `step_mm`,
        `suv_max` and `uptake_minutes` of the PET in SUV, `lengths` of each section in syllables; and of the reports `uptake`,
        `suv_a_report` (how many SUVmax a report states) and `suv_stated` (which).
    """
    pets = [row for row in index if row["modality"] == "pet"]
    if not pets:
        return None
    paired = {row["study"] for row in index if row["modality"] == "pet_ct"}
    in_suv = [row for row in pets if row["unit"] == "SUV"]
    known = [row.get("how") or {} for row in in_suv]
    lengths: dict[str, list[int]] = defaultdict(list)
    for report in sections:
        for section, text in report.items():
            lengths[section].append(count(text))
    return {
        "volumes": {"pet": len(pets), "pet_ct": sum(row["modality"] == "pet_ct" for row in index)},
        "units": dict(Counter(row["unit"] for row in pets).most_common()),
        "slices": {"all": _slices(pets), "pairs": _slices(row for row in pets if row["study"] in paired)},
        "slices_a_study": spread(row["shape"][0] for row in pets),
        "step_mm": spread(row["spacing"][0] for row in in_suv),
        "suv_max": spread(how.get("suv_max") for how in known),
        "uptake_minutes": spread(how.get("uptake_minutes") for how in known),
        "lengths": {section: spread(of) for section, of in lengths.items()},
        **(_spoken(read) if read is not None else {"uptake": None, "suv_a_report": None, "suv_stated": None}),
    }


def _slices(rows: Iterable[Row]) -> int:
    return sum(row["shape"][0] for row in rows)


def _spoken(read: Sequence[Read]) -> Row:
    """How many reports speak of uptake in each way, how many SUVmax their findings state, and which.

    Of a report without findings its impression counts: this repeats the findings' numbers elsewhere.
    """
    spoken = [report.get("findings") or report.get("impression") or () for report in read]
    stated = [[m.high[0] for fact in facts for m in fact.measures if m.kind in HIGHEST and m.high] for facts in spoken]
    return {
        "uptake": dict(Counter(way for facts in spoken for way in {_way(fact) for fact in facts} - {""}).most_common()),
        "suv_a_report": spread(map(len, stated)),
        "suv_stated": spread(value for values in stated for value in values),
    }


def _way(fact: Fact) -> str:
    """How a fact speaks of uptake: `physiologic`, `absent`, or `present` with its grade (`mild`, …) where it has one."""
    if fact.finding not in UPTAKE:
        return ""
    if fact.finding == "physiologic_uptake":
        return "physiologic"
    return fact.severity or "present" if fact.polarity == "present" else "absent"


def spread(numbers: Iterable[float | None]) -> Row | None:
    """How many numbers there are, the least and the greatest, percentiles and mean, to two decimals; None of none."""
    of = np.array([number for number in numbers if number is not None], float)
    if not of.size:
        return None
    low, middle, high = np.percentile(of, (5, 50, 95))
    ends = {"min": of.min(), "p5": low, "p50": middle, "p95": high, "max": of.max(), "mean": of.mean()}
    return {"n": int(of.size), **{name: round(float(value), 2) for name, value in ends.items()}}
