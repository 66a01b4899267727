"""What a key of scores.json is: its family, what it is about, its name, whether it leads; all of it read from the families."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import get_args

from docphim.metrics import METRICS, PARITY, Kind, Metric, Title, label_sets, metric

#: Kinds in the order in which a headline names them: the first two that there are fit eighty columns.
HEADLINE: tuple[Kind, ...] = ("facts", "answers", "wording", "labels", "other")


def family_of(key: str) -> Metric | None:
    """The family that a key is of; None for a score that was computed elsewhere."""
    name = _families(tuple(METRICS), tuple(label_sets())).get(key)
    return None if name is None else metric(name)


@functools.cache
def _families(names: tuple[str, ...], sets: tuple[str, ...]) -> dict[str, str]:
    """Key → family; of two conventions with one key Docphim's own comes first."""
    return {key: name for name in (*reversed(PARITY), *names, *sets) for key in metric(name).KEYS}


def kind_of(key: str) -> Kind:
    """What a score is about."""
    family = family_of(key)
    return family.KIND if family else "other"


def title_of(key: str) -> Title:
    """A score's name; one that no family has is shown as it is written."""
    family = family_of(key)
    shown = key.replace("_", " ")
    return family.TITLES.get(key, Title(shown, shown, key)) if family else Title(shown, shown, key)


def ordered(keys: Iterable[str], kinds: Iterable[Kind] = get_args(Kind)) -> list[str]:
    """Keys by kind, and within one as their families list them; what no family has comes last, as it came."""
    rank = {kind: place for place, kind in enumerate(kinds)}
    place = {key: i for i, key in enumerate(_in_tables(tuple(METRICS), tuple(label_sets())))}
    return sorted(keys, key=lambda key: (rank.get(kind_of(key), len(rank)), place.get(key, len(place))))


@functools.cache
def _in_tables(names: tuple[str, ...], sets: tuple[str, ...]) -> list[str]:
    keys = [key for name in names for key in dict.fromkeys((*metric(name).HEAD, *metric(name).TITLES, *metric(name).KEYS))]
    return keys + [key for name in by_modality(sets) for key in dict.fromkeys((*metric(name).TITLES, *metric(name).KEYS))]


def by_modality(sets: Iterable[str]) -> list[str]:
    """Label sets, those of phantoms first, whose truth is known, then by modality; last those only asked for."""
    from docphim.imaging import MODALITIES  # here, so that names of scores start without recipes

    modality = label_sets()
    order = {name: place for place, name in enumerate(("phantom", *MODALITIES))}
    return sorted(sets, key=lambda name: order.get(modality.get(name, ""), len(order)))


def heads(keys: Iterable[str]) -> list[str]:
    """The keys that lead, in the order of `HEADLINE`; of a kind that has none the first."""
    present = ordered(keys, HEADLINE)
    leading = {key for key in present if (family := family_of(key)) and key in family.HEAD}
    silent = [kind for kind in HEADLINE if not any(kind_of(key) == kind for key in leading)]
    first = {next((key for key in present if kind_of(key) == kind), "") for kind in silent}
    return [key for key in present if key in leading or key in first]


def less_is_better(key: str) -> bool:
    """Whether a key counts errors: of two systems the one with the lower value is better."""
    family = family_of(key)
    return family is not None and key in getattr(family, "LOWER", ())


def brief(keys: Iterable[str]) -> list[str]:
    """The keys of a short list, by kind as they came: what is asked for at length is left out."""
    short = [key for key in keys if not ((family := family_of(key)) and key in family.AT_LENGTH)]
    return sorted(short, key=lambda key: HEADLINE.index(kind_of(key)))
