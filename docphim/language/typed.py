"""Texts cut at their blanks once, for all that ask about their words: each different word is looked at once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]


class Cut(NamedTuple):
    """Texts cut into parts.

    Parameters
    ----------
    parts : list of str
        The different ones, in the order in which they were met.
    numbers : (parts of all texts,)
        Which part stands at each place, one text after another.
    lengths : (texts,)
        How many parts each text has.
    """

    parts: list[str]
    numbers: Numbers
    lengths: Ints

    def which(self, asks: Callable[[str], bool]) -> Flags:
        """Which texts have a part that answers yes, (texts,)."""
        return self.how_many(asks) > 0

    def how_many(self, asks: Callable[[str], bool]) -> Ints:
        """How many parts of each text answer yes, (texts,)."""
        flags = np.fromiter(map(asks, self.parts), bool, len(self.parts))
        if not flags.any():
            return np.zeros(len(self.lengths), np.int64)
        before = np.concatenate([[0], np.cumsum(flags[self.numbers])])
        ends = np.cumsum(self.lengths)
        counts: Ints = before[ends] - before[ends - self.lengths]
        return counts

    def finer(self, cut: Callable[[str], Sequence[str]]) -> Cut:
        """The same texts with every part cut further; each different part is cut once."""
        index = _Index()
        pieces = [[index[piece] for piece in cut(part)] for part in self.parts]
        sizes = np.fromiter(map(len, pieces), np.int64, len(pieces))
        flat = np.fromiter(chain.from_iterable(pieces), np.int32, int(sizes.sum()))
        if len(pieces) and (sizes == 1).all():
            return Cut(list(index), flat[self.numbers], self.lengths)
        ends = np.concatenate([[0], np.cumsum(sizes[self.numbers])])
        last = np.cumsum(self.lengths)
        return Cut(list(index), ragged(flat, sizes, self.numbers), ends[last] - ends[last - self.lengths])

    def holds(self, phrases: Iterable[Sequence[str]]) -> Flags:
        """Which texts have these parts in a row; a row that runs on from one text into the next counts too, (texts,)."""
        index = {part: number for number, part in enumerate(self.parts)}
        met = np.zeros(len(self.numbers) + 1, bool)
        for phrase in phrases:
            wanted = [index.get(part, -1) for part in phrase]
            if -1 in wanted:
                continue
            at = np.flatnonzero(self.numbers == wanted[-1])
            for before, number in enumerate(reversed(wanted[:-1]), 1):
                at = at[(at >= before) & (self.numbers[at - before] == number)]
            met[at] = True
        ends = np.cumsum(self.lengths)
        before_each = np.concatenate([[0], np.cumsum(met)])
        flags: Flags = before_each[ends] > before_each[ends - self.lengths]
        return flags


class _Index(dict[str, int]):
    """Part → its number, in the order in which they are met."""

    def __missing__(self, part: str) -> int:
        self[part] = number = len(self)
        return number


def typed(texts: Iterable[str], units: Callable[[str], Sequence[str]] = str.split) -> Cut:
    """Texts cut at their blanks, or as `units` says."""
    index, numbers, lengths = _Index(), array("i"), array("q")
    for text in texts:
        words = units(text)
        lengths.append(len(words))
        numbers.extend(map(index.__getitem__, words))
    return Cut(list(index), np.frombuffer(numbers, np.int32), np.frombuffer(lengths, np.int64))


def ragged(flat: Numbers, sizes: Ints, rows: Numbers) -> Numbers:
    """Rows of different lengths, one behind another.

    Parameters
    ----------
    flat : (sizes.sum(),)
        All rows that there are, one behind another.
    sizes : (rows,)
        How long each is.
    rows : (n,)
        Which are wanted.
    """
    size = sizes[rows]
    ends = np.cumsum(size)
    # where each row stands in `flat`, less where it is to stand
    shift = ((np.cumsum(sizes) - sizes)[rows] - (ends - size)).astype(np.int32)
    return flat[np.repeat(shift, size) + np.arange(ends[-1] if len(ends) else 0, dtype=np.int32)]
