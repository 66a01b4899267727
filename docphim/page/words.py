"""The page's words and numbers in Vietnamese and English; both stand in the page and a style rule shows one."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from docphim.errors import REASONS
from docphim.package_data import packaged


class Both(NamedTuple):
    """One text in the page's two languages."""

    vi: str
    en: str


MINUS = "\u2212"
#: What English calls a study's images where they are no films; a Vietnamese doctor calls both phim.
_CALLED: ContextVar[str] = ContextVar("called", default="film")


@contextlib.contextmanager
def speaking_of(name: str) -> Iterator[None]:
    """Meanwhile the page's own English texts say `name` for a film, be it `scan`: texts of reports stay as they are."""
    before = _CALLED.set(name)
    try:
        yield
    finally:
        _CALLED.reset(before)


@functools.cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = packaged(Path(__file__).parent / "strings.yaml")
    return table


def number(value: float, digits: int = 1, *, signed: bool = False) -> Both:
    """A number as each language writes it: `1.234,5` and `1,234.5`; `signed` adds the plus."""
    text = f"{abs(value):,.{digits}f}"
    positive = value > 0 or not float(text.replace(",", ""))
    sign = ("+" if signed and float(text.replace(",", "")) else "") if positive else MINUS
    return Both(sign + text.translate(str.maketrans(",.", ".,")), sign + text)


def general(value: float) -> Both:
    """A setting's value in as few digits as it has: `12`, `0,001`, `3e-05`."""
    return Both(f"{value:g}".replace(".", ","), f"{value:g}")


def text(key: str, /, **values: Any) -> Both:
    """The text `key` with its braces filled; floats and ints are written as each language does."""
    return fill(_table()["text"][key], **values)


def texts(prefix: str) -> dict[str, Both]:
    """Every text whose key begins so, its braces as they are."""
    return {key: Both(entry["vi"], _called(entry["en"])) for key, entry in _table()["text"].items() if key.startswith(prefix)}


def fill(entry: dict[str, str], **values: Any) -> Both:
    """Fill the braces of a `{vi, en}` entry."""
    both_of = {name: _both(value) for name, value in values.items()}
    return Both(
        entry["vi"].format(**{name: both.vi for name, both in both_of.items()}),
        _called(entry["en"]).format(**{name: both.en for name, both in both_of.items()}),
    )


def _called(english: str) -> str:
    name = _CALLED.get()
    return english if name == "film" else english.replace("film", name).replace("Film", name.capitalize())


def _both(value: Any) -> Both:
    if isinstance(value, Both):
        return value
    if isinstance(value, int):
        return number(value, 0)
    return number(value) if isinstance(value, float) else Both(str(value), str(value))


def finding(name: str) -> Both:
    """A finding's name; one that the table lacks is shown as it is written."""
    entry = _table()["finding"].get(name)
    return Both(**entry) if entry else _both(name.replace("_", " "))


def name(key: str) -> Both:
    """The name of a floor or a wrong film; one that the table lacks is shown as it is written."""
    return text(key) if key in _table()["text"] else _both(key)


def is_metric(key: str) -> bool:
    """Whether a family of metrics has a score of that key."""
    from docphim.metrics.catalogue import family_of

    return family_of(key) is not None


def metric(key: str) -> Both:
    """A score's name, which its family says."""
    from docphim.metrics.catalogue import title_of

    title = title_of(key)
    return Both(title.vi, title.en)


def label_set(key: str) -> Both:
    """A label set's name, which its table says; one that there is not is shown as it is written."""
    from docphim.language.labels import SETS, set_title

    return _both(set_title(key) if key in SETS else key)


def concept(kind: str, name: str) -> str | None:
    """The page's own Vietnamese name of a concept, where the lexicon's first word for it would not do."""
    word: str | None = _table()["concept"].get(kind, {}).get(name)
    return word


def severity(key: str) -> Both:
    """How severe, in words."""
    name = f"fact_severity_{key}"
    return text(name) if name in _table()["text"] else _both(key)


def task(name: str, context: str = "none") -> Both:
    """A task's name, with what stands in its context."""
    key = name if context == "none" else f"{name}/{context}"
    entry = _table()["task"].get(key)
    return Both(**entry) if entry else _both(key)


def viewed(series: Mapping[str, Any]) -> Both:
    """How a study's first series was taken, from its row of index.jsonl: a film's view, or which scan it is."""
    key = next((key for key in (series.get("modality"), series.get("view")) if f"view_{key}" in _table()["text"]), "unknown")
    return text(f"view_{key}")


def reason(code: str) -> Both:
    """What a reason code means."""
    english = REASONS.get(code, code)
    return Both(_table()["reason"].get(code, english), english)


def turning(language: str) -> frozenset[str]:
    """Words of a language that turn a sentence's meaning: negations and sides."""
    return frozenset(_table()["turning"].get(language, []))


def show(both: Both, tag: str = "span") -> Markup:
    """Both languages as escaped markup; one bare text where they agree. `tag` is `span`, or `tspan` inside an SVG."""
    if both.vi == both.en:
        return escape(both.vi)
    return Markup('<{0} class="vi" lang="vi">{1}</{0}><{0} class="en" lang="en">{2}</{0}>').format(
        Markup(tag), both.vi, both.en
    )


def say(key: str, /, **values: Any) -> Markup:
    """`text`, as markup."""
    return show(text(key, **values))


def tell(value: float | None, digits: int = 1, *, signed: bool = False) -> Markup:
    """`number`, as markup; a dash where there is none."""
    return Markup("–") if value is None else show(number(value, digits, signed=signed))


def interval(score: Any, digits: int = 1, *, signed: bool = False) -> Markup:
    """`[low; high]` of a score or a rate, or of an agreement's value as JSON has it; a dash where it has no interval."""
    ends = [score.get(end) if isinstance(score, dict) else getattr(score, end, None) for end in ("low", "high")]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return Markup("–")
    low, high = (number(end, digits, signed=signed) for end in known)
    return show(Both(f"[{low.vi}; {high.vi}]", f"[{low.en}, {high.en}]"))
