"""Reference and prediction as token ids, and the two counts that ROUGE and BLEU are made of: n-grams and subsequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import LCSseq

from docphim.language.collector import uncollected
from docphim.language.tokens import Rule, rule
from docphim.language.typed import Cut, typed
from docphim.metrics.grams import Floats, Ints, shared_grams
from docphim.study import Answer, Lesion

if TYPE_CHECKING:
    from docphim.language.fact import Fact
    from docphim.language.facts import Alone
    from docphim.metrics.atoms import Atoms, Reading
    from docphim.metrics.pairing import Pairing

ORDERS = 4


@dataclass(frozen=True)
class Pairs:
    """Reports that belong together, `references[i]` with `predictions[i]`; what metrics need of both is counted once.

    `tokens` names the rule of `docphim.language.tokens.RULES` by which they are cut.  `facts_read` keeps the facts of texts
    with their words; pairs that share it read each text once, and without it only what facts say is kept.  `answers` are the
    typed answers of the references, where questions were asked; without them the family `answers` reads the references.
    `records` are lesions that are known of a case (a truth table), in place of those that its reference says; `truths` are
    such lesions beside the reference, for the family `lesion_records` alone, and `truth_by` says whose they are.
    `studies` says whose each is, where several answers are on one study and may contradict each other.
    `retrieved` says of each how its image and its report find one another (`docphim.metrics.retrieval.hits`).
    `modality` is what all reports are of (`xray`, `ct`, `pet`), where it is known: what a film leaves unsaid is not what a
    scan does.  `typed` are all references, then all predictions, cut at their blanks, where that is done already.

    Raises
    ------
    ValueError
        The lists differ in length.
    """

    references: Sequence[str]
    predictions: Sequence[str]
    language: str
    tokens: str = "syllable"
    facts_read: dict[str, list[Fact]] | None = field(default=None, repr=False, compare=False)
    answers: Sequence[Answer | None] = ()
    modality: str | None = None
    records: Sequence[Sequence[Lesion] | None] = ()
    typed: Cut | None = field(default=None, repr=False, compare=False)
    truths: Sequence[Sequence[Lesion] | None] = ()
    truth_by: str = "records"
    studies: Sequence[str] = ()
    retrieved: Floats | tuple[()] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.references) != len(self.predictions):
            raise ValueError(f"{len(self.references)} references and {len(self.predictions)} predictions")
        if self.answers and len(self.answers) != len(self.references):
            raise ValueError(f"{len(self.references)} references and {len(self.answers)} typed answers")
        if self.studies and len(self.studies) != len(self.references):
            raise ValueError(f"{len(self.references)} references and {len(self.studies)} studies")
        if self.records and len(self.records) != len(self.references):
            raise ValueError(f"{len(self.references)} references and {len(self.records)} tables of lesions")

    def __len__(self) -> int:
        return len(self.references)

    @cached_property
    def rule(self) -> Rule:
        """How the reports are cut into tokens, and how a signature says so."""
        return rule(self.tokens, self.language)

    @cached_property
    def words(self) -> Cut:
        """All references, then all predictions, cut at their blanks."""
        return typed(chain(self.references, self.predictions)) if self.typed is None else self.typed

    @cached_property
    def cut(self) -> Cut:
        """All references, then all predictions, cut into tokens; what no token looks past is cut once."""
        whole = self.words if self.rule.units is str.split else typed(chain(self.references, self.predictions), self.rule.units)
        return whole.finer(self.rule.cut)

    @cached_property
    def ids(self) -> tuple[Ints, Ints]:
        """All references' tokens, then all predictions', as ids in one array; and the document each token stands in.

        Documents 0 … n−1 are the references, n … 2n−1 the predictions.
        """
        return self.cut.numbers.astype(np.int64), np.repeat(np.arange(2 * len(self)), self.cut.lengths)

    @cached_property
    def lengths(self) -> tuple[Ints, Ints]:
        """Tokens in each reference and in each prediction, (n,) each."""
        return self.cut.lengths[: len(self)], self.cut.lengths[len(self) :]

    @cached_property
    def matches(self) -> Ints:
        """N-grams that prediction and reference share, each counted as often as both hold it: (n, 4) for n-grams 1 … 4."""
        return shared_grams(self.ids[0], np.concatenate(self.lengths), ORDERS)

    @cached_property
    def facts(self) -> tuple[list[list[Fact]], list[list[Fact]]]:
        """The facts of each reference and of each prediction.

        Raises
        ------
        UsageError
            There is no lexicon for the language.
        """
        from docphim.language import facts as reader

        known = {} if self.facts_read is None else self.facts_read
        with uncollected():
            for text in chain(self.references, self.predictions):
                if text not in known:
                    known[text] = reader.facts(text, self.language)
        return [known[t] for t in self.references], [known[t] for t in self.predictions]

    @cached_property
    def numbers(self) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """The facts of each reference and of each prediction by their numbers in `atoms`: a sentence is numbered once.

        Raises
        ------
        UsageError
            There is no lexicon for the language.
        """
        from docphim.language.facts import is_plain

        by_sentence, atoms = _Numbered(self.language, self.atoms), self.atoms
        read = self.facts_read
        if read is not None:
            _ = self.facts  # reads what is missing there
        known: dict[str, tuple[int, ...]] = {}
        odd = self.words.which(lambda word: not is_plain(word, self.language)).reshape(2, -1).T.ravel().tolist()
        texts = chain.from_iterable(zip(self.references, self.predictions, strict=True))
        with uncollected():
            for text, some_odd in zip(texts, odd, strict=True):
                if text not in known:
                    if read is None:
                        known[text] = by_sentence(text, plain=not some_odd)
                    else:
                        known[text] = tuple([atoms.fact(f.strict) for f in read[text]])
                    atoms.reading(known[text])  # now, so that things are numbered in the order of the reports
        return [known[t] for t in self.references], [known[t] for t in self.predictions]

    @cached_property
    def atoms(self) -> Atoms:
        """The different things that the reports say, by number, filled as `readings` are made."""
        from docphim.metrics.atoms import Atoms

        return Atoms(self.modality)

    @cached_property
    def readings(self) -> list[tuple[Reading, Reading]]:
        """Each pair's things by number: the reference's and the prediction's."""
        return [(self.atoms.reading(a), self.atoms.reading(b)) for a, b in zip(*self.numbers, strict=True)]

    @cached_property
    def pairings(self) -> list[Pairing]:
        """Each prediction set beside its reference, thing by thing."""
        from docphim.metrics.pairing import pair

        return [pair(*readings, self.atoms) for readings in self.readings]

    @cached_property
    def shared_ills(self) -> list[tuple[int, int]]:
        """How many abnormal things of each reference, and of its prediction, the other text says too, amounts aside."""
        from docphim.metrics.pairing import shared_ills

        return [shared_ills(*readings, self.atoms) for readings in self.readings]

    @cached_property
    def subsequences(self) -> Ints:
        """Length of the longest common subsequence of each pair, (n,)."""
        n, texts = len(self), _as_text(*self.ids, 2 * len(self))
        return np.fromiter((LCSseq.similarity(texts[i], texts[n + i]) for i in range(n)), np.int64, n)


def rouge_l_table(texts: Sequence[str], language: str) -> Floats:
    """ROUGE-L F1 (0 … 1) of every text against every other, (n, n)."""
    from rapidfuzz.process import cdist

    pairs = Pairs(texts, [""] * len(texts), language)
    coded, lengths = _as_text(*pairs.ids, len(texts)), pairs.lengths[0]
    common = cdist(coded, coded, scorer=LCSseq.similarity, dtype=np.int32)
    return 2.0 * common / np.maximum(lengths[:, None] + lengths[None, :], 1)


def _as_text(ids: Ints, document: Ints, n: int) -> Sequence[Sequence[object]]:
    """Documents as strings of one code point a token, which is what the subsequence search reads fastest."""
    ends = np.cumsum(np.bincount(document, minlength=n)[:n]).tolist()
    starts = [0, *ends][:n]
    # chr() ends at U+10FFFF; a larger vocabulary stays a list of numbers.
    flat: Sequence[object] = ids.tolist()
    if not len(ids) or ids.max() <= 0x10FFFF:
        flat = ids.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return [flat[a:b] for a, b in zip(starts, ends, strict=True)]


class _Numbered(dict[str, tuple[int, ...]]):
    """Sentence → its facts by their numbers in `Atoms`: reports say the same sentences, and parts of them, again and again."""

    def __init__(self, language: str, atoms: Atoms) -> None:
        super().__init__()
        self._language, self._atoms = language, atoms
        self._parts: dict[Alone, tuple[int, ...]] = {}

    def __missing__(self, sentence: str) -> tuple[int, ...]:
        from docphim.language.facts import meanings

        parts = meanings(sentence, self._language)
        self[sentence] = numbers = tuple(chain.from_iterable([self._parts.get(part) or self._of(part) for part in parts]))
        return numbers

    def _of(self, part: Alone) -> tuple[int, ...]:
        numbers = tuple([self._atoms.fact(meaning) for _, _, meaning in part.facts])
        if part.names:  # it may be met again
            self._parts[part] = numbers
        return numbers

    def __call__(self, text: str, plain: bool) -> tuple[int, ...]:
        """The facts of a report; `plain`: all its words are."""
        from docphim.language.facts import sentence_texts

        return tuple(chain.from_iterable(map(self.__getitem__, sentence_texts(text, self._language, plain))))
