"""What a metric family is: the shape of its module, and the words in which its scores are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from docphim.metrics.grams import Floats

#: What a family's scores are about; the page groups them so.
Kind = Literal["facts", "answers", "labels", "wording", "other"]


class Title(NamedTuple):
    """A score's name in Vietnamese and English, and in a table of a paper (its key where that is empty)."""

    vi: str
    en: str
    paper: str = ""


class Metric(Protocol):
    """What a metric family's module offers; nothing else need be told of it anywhere.

    `statistics` says what each report contributes, so that a score is `aggregate` of their sum and a bootstrap sample needs
    no text.  `KEYS` names the values of `aggregate`, `PER_STUDY` those of `per_study`; `AVERAGE` (how reports are
    put together) and `SETTINGS` are the metric's own fields of the signature; a metric that reads with a lexicon
    has `settings(language)` too, which adds the lexicon's fingerprint.

    `KIND` is what its scores are about and `SERVES` what it can score: whole reports, or typed answers to questions.
    Reports of PET/CT (`pet`), and what is scored only where it is named (`asked`), are not scored where nobody chose.
    `LEXICON`: it needs the language's.  `TITLES` names its keys, in the order of tables; `HEAD` are those that lead (headline,
    figures, comparison), `AT_LENGTH` those that a short list leaves out.  Where a family has `LOWER`, those keys count errors:
    less is better; `TABLES` marks one that takes tables of what is known in place of references (`Pairs.records`).
    """

    KEYS: tuple[str, ...]
    PER_STUDY: tuple[str, ...]
    AVERAGE: str
    SETTINGS: dict[str, str]
    KIND: Kind
    SERVES: Literal["reports", "answers", "pet", "asked"]
    LEXICON: bool
    HEAD: tuple[str, ...]
    AT_LENGTH: tuple[str, ...]

    @property
    def TITLES(self) -> dict[str, Title]:
        """Names of the keys, in the order of tables."""
        ...

    def statistics(self, pairs: Any) -> Floats:
        """(n, k) numbers of `docphim.metrics.pairs.Pairs`, added up over reports before `aggregate`."""
        ...

    def aggregate(self, sums: Floats) -> Floats:
        """(…, k) sums to (…, len(KEYS)) values in percent; NaN where there is nothing to tell a value from."""
        ...

    def per_study(self, statistics: Floats) -> Floats:
        """(n, k) statistics to (n, len(PER_STUDY)) values in percent."""
        ...
