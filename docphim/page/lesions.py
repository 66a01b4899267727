"""The table of lesions of a PET/CT report beside its draft: which of the reference's the draft has, and with which numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from docphim.metrics import lesion_pairs as by
from docphim.metrics.amounts import Amount
from docphim.metrics.lesion_pairs import Compared, compared, near_size, near_suv, pair
from docphim.page import words
from docphim.page.fact_words import concept
from docphim.page.words import Both
from docphim.study import Lesion

#: Columns of the table after what and where a lesion is.
COLUMNS = ("side", "size", "suv", "uptake")


@dataclass(frozen=True)
class Cell:
    """What one text says in a column; `wrong` where the other text says something else."""

    value: Both
    wrong: bool = False


@dataclass(frozen=True)
class Line:
    """One lesion: what and where it is, and what each text says of it (None where it does not speak of it)."""

    kind: Literal["right", "missing", "hallucinated"]
    what: Both
    reference: dict[str, Cell] | None
    draft: dict[str, Cell] | None


def table(reference: str, draft: str, language: str) -> list[Line]:
    """The lesions of both texts, paired as the lesion scores pair them: those of both, those missing, those invented."""
    ours, theirs = _read(reference, language), _read(draft, language)
    pairs = dict(pair([one for _, one in ours], [one for _, one in theirs], (by.same_place,)))
    both = [Line("right", what(ours[i][0]), _cells(*ours[i]), _cells(*theirs[j], ours[i][1])) for i, j in pairs.items()]
    missing = [Line("missing", what(one[0]), _cells(*one), None) for i, one in enumerate(ours) if i not in pairs]
    paired = set(pairs.values())
    invented = [Line("hallucinated", what(one[0]), None, _cells(*one)) for j, one in enumerate(theirs) if j not in paired]
    return both + missing + invented


def _read(text: str, language: str) -> list[tuple[Lesion, Compared]]:
    """The lesions that scores count, each with how it is compared."""
    from docphim.language.lesions import lesions_of  # here: a page of films reads none

    return [(lesion, one) for lesion in lesions_of(text, language) for one in compared([lesion])]


def what(lesion: Lesion) -> Both:
    """Type and place of a lesion: `khối; phổi; thùy trên`."""
    names = [concept("finding", lesion.type)]
    if lesion.organ and lesion.organ != lesion.type:
        names.append(concept("anatomy", lesion.organ))
    names += [place(lesion.organ, name) for name in (*lesion.location, *lesion.station)]
    return Both("; ".join(name.vi for name in names), "; ".join(name.en for name in names))


def place(organ: str | None, name: str) -> Both:
    """Where in an organ, or of nodes; places that facts do not name have words of their own (`đầu tụy`, `chỏm xương đùi`)."""
    from docphim.language.lesion_text import finer_place  # here: a page of films needs none

    finer = finer_place(organ, name, "vi").removeprefix("ở ")
    return Both(finer, name.replace("_", " ")) if finer else concept("location", name)


def _cells(lesion: Lesion, one: Compared, reference: Compared | None = None) -> dict[str, Cell]:
    """What a text says of a lesion, by column; a draft's against its reference."""
    size = _joined(" × ", [_amount(mm) for mm in one.sizes], " mm")
    values = {
        "side": words.text(f"fact_side_{lesion.side}") if lesion.side else None,
        "size": size if lesion.size_mm else None,
        "suv": _amount(one.suv[1]) if one.suv else None,
        "uptake": words.text(f"uptake_{lesion.uptake}") if lesion.uptake else None,
    }
    wrong = _wrong(reference, one) if reference else {}
    return {name: Cell(value or words.text("unsaid"), wrong.get(name, False)) for name, value in values.items()}


def _amount(amount: Amount) -> Both:
    """A number, `3,1–5,2`, or a bound with its sign: `≤ 2,5`."""
    sign = "" if amount.bound is None else "≤ " if amount.bound == amount.high else "≥ "
    shown = _joined("\u2013", list(map(words.general, amount.ends)))
    return Both(sign + shown.vi, sign + shown.en)


def _joined(sign: str, parts: Sequence[Both], after: str = "") -> Both:
    return Both(*(sign.join(part[i] for part in parts) + after for i in (0, 1)))


def _wrong(reference: Compared, one: Compared) -> dict[str, bool]:
    """Which columns of a draft contradict the reference, or say what it does not."""
    return {
        "side": one.side is not None and reference.side != one.side,
        "size": one.size is not None and not near_size(reference.size, one.size),
        "suv": one.suv is not None and not near_suv(reference.suv, one.suv),
        "uptake": one.uptake is not None and reference.uptake != one.uptake,
    }
