"""Whether answers about one study agree with each other, right or wrong: "no effusion", then "on the right".

Questions are known by their names (`Answer.asks`): `presence:effusion/pleura/right`, `side:effusion/pleura`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from docphim.metrics.pairs import Floats


class Reply(NamedTuple):
    """One answer: of which row, what was asked (`presence`, `side`, …), of which side, and what it says."""

    row: int
    kind: str
    side: str | None
    value: bool | str | None


def links(asks: Sequence[str | None], studies: Sequence[str], values: Sequence[bool | str | None]) -> Floats:
    """Per answer how many earlier ones of its study bear on it, and with how many of these it agrees, (n, 2).

    Parameters
    ----------
    asks : sequence of str or None
        The names of the questions; what has none bears on nothing.
    studies : sequence of str
        Whose they are; none: nothing is compared.
    values : sequence
        Yes and no as bool, `right`, `left` or `both`, any other text where an answer can be read; None where none can.
    """
    rows = np.zeros((len(asks), 2))
    of: dict[tuple[str, str], list[Reply]] = defaultdict(list)
    for row, (name, study, value) in enumerate(zip(asks, studies, values, strict=False)):
        if name and value is not None:
            kind, _, about = name.partition(":")
            thing, side = _parts(about)
            of[study, thing].append(Reply(row, kind, side, value))
    for listed in of.values():
        for before, after in combinations(listed, 2):
            verdict = agree(before, after)
            if verdict is not None:
                rows[after.row] += 1, verdict
    return rows


def _parts(about: str) -> tuple[str, str | None]:
    """`effusion/pleura/right` is about `effusion/pleura`, on the right."""
    words = about.split("/")
    return "/".join(words[:2]), next((word for word in words[2:] if word in ("right", "left")), None)


def agree(one: Reply, other: Reply) -> bool | None:
    """Whether two answers about one thing can both be true; None where either may be, whatever the other is."""
    first, second = sorted((one, other), key=lambda reply: (reply.kind != "presence", reply.side is not None))
    if first.kind != "presence":
        return None
    if second.kind == "presence":
        return _presences(first, second)
    if second.kind == "side":
        return _with_side(first, str(second.value))
    # what is asked of a thing takes it to be there
    return bool(first.value) if first.side in (None, second.side) else None


def _presences(whole: Reply, part: Reply) -> bool | None:
    if whole.side == part.side:
        return whole.value == part.value
    if whole.side is not None or not (part.value or not whole.value):
        return None
    return bool(whole.value) or not part.value


def _with_side(presence: Reply, side: str) -> bool | None:
    if presence.side is None:
        return bool(presence.value)
    if side not in ("right", "left", "both"):
        return None
    return bool(presence.value) == (side in (presence.side, "both"))
