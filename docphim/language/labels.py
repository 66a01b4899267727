"""Label sets (CT-RATE, VinDr, CheXpert, phantoms), read from a report's facts by tables.  `docphim labels TEXT --set vindr`.

`read_labels("Small left pleural effusion.", "en", "ct_rate")["Pleural effusion"]` is `"positive"`; labels/*.yaml says what
each label means.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from docphim.errors import UsageError
from docphim.language.conditions import TELLING, Test, conditions, rules_out
from docphim.language.fact import Fact
from docphim.package_data import packaged

State = Literal["positive", "negative", "uncertain", "unmentioned"]

#: Label sets that have a table, and the modality whose reports are scored by them; `asked`: only where a set is named.
SETS: dict[str, str] = {
    "ct_rate": "ct",
    "vindr": "xray",
    "chexpert": "xray",
    "phantom": "phantom",
    "phantom_ct": "phantom",
    "phantom_pet": "phantom",
    "ct_rate_clinical": "asked",
    "chexpert_published": "asked",
}
#: Sets that define some labels of another set otherwise: their tables hold these rows alone, the rest is the other's.
READINGS: dict[str, str] = {"ct_rate_clinical": "ct_rate", "chexpert_published": "chexpert"}

_FOLDER = Path(__file__).parent
#: States from the weakest: of several mentions the last of these counts.
_STATES: tuple[State, ...] = ("unmentioned", "negative", "uncertain", "positive")
_NEGATIVE, _UNCERTAIN, _POSITIVE, _UNSIDED, _SIGN = 1, 2, 3, 4, 5
_RANK = {state: rank for rank, state in enumerate(_STATES)}
_FIELDS = tuple(f.name for f in fields(Fact) if f.name not in ("text", "start", "end"))
_WAYS = ("is", "affirmed", "denied", "except", "hints", "against")
#: Fields that decide a state whatever the rules ask.
_ALWAYS = ("finding", "state", "polarity", "certainty", "change", "side")
#: Facts of which it is remembered what they say.
_REMEMBERED = 100_000
#: Labels that are denied, suspected, affirmed, and the first of each two sides that are affirmed without a side, each the bit
#: of its place; then the `signs` of the table that are met.
Spoken = tuple[int, int, int, int, int]
_NOTHING: Spoken = (0, 0, 0, 0, 0)
_Rule = tuple[Test, ...]
#: A line of a table as what it asks of each field; of several diameters the short axis.
_rule = functools.partial(conditions, diameter=min)


@dataclass(frozen=True, slots=True)
class _Label:
    """A label of a table: where its state stands, and the rules by which a fact speaks of it."""

    first: int
    sided: bool
    rest: bool
    rules: Mapping[str, tuple[_Rule, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    names: tuple[str, ...]
    labels: tuple[_Label, ...]
    certainty: Mapping[str, int]
    parents: tuple[tuple[int, int], ...]  # places, child before its parent
    none: int  # the bit of its place; 0: the set has none
    spoken: int  # all labels but `none` and those it ignores, as bits
    whole: int  # labels that a report denies which calls everything normal, as bits
    signs: tuple[tuple[_Rule, ...], ...]  # by what every label is denied; then each fact that `none` needs, where it needs some
    fields: tuple[str, ...]  # what the rules ask of a fact
    asked: Callable[[Fact], tuple[Any, ...]]
    known: dict[tuple[Any, ...], Spoken]
    near: dict[tuple[Any, ...], list[_Label]]  # the labels that an anatomy, finding and state may speak of, `rest` last


def label_names(set_: str) -> tuple[str, ...]:
    """Labels of a set, spelled and ordered as published.

    Raises
    ------
    UsageError
        There is no such set.
    """
    return _table(set_).names


def table_path(set_: str) -> Path:
    """The file of a set's table."""
    return _FOLDER / "labels" / f"{set_}.yaml"


def table_paths(set_: str) -> list[Path]:
    """Every file whose rows a set's labels are read by: its table and, of another reading of a set, that set's."""
    return [table_path(name) for name in (READINGS.get(set_), set_) if name]


def set_title(set_: str) -> str:
    """A set's name as it is published; its key where its table gives none."""
    return str(packaged(table_path(set_)).get("title") or set_)


def read_labels(text: str, language: str, set_: str = "phantom") -> dict[str, State]:
    """Every label of a set with its state in a report.

    Raises
    ------
    UsageError
        There is no such set, or no lexicon for the language.
    """
    from docphim.language.facts import facts  # here, so that tables can be read without the lexicons

    return labels_of(facts(text, language), set_)


def label_reader(model: str | None, set_: str, language: str) -> Callable[[Sequence[str]], list[dict[str, State]]]:
    """A function from reports to their labels: the rules, or a classifier in their place.

    Parameters
    ----------
    model : str, optional
        `hf:FOLDER` or `hf:OWNER/NAME`, a text classifier whose labels are those of the set (docphim/models/classifier.py); it
        knows positive and negative only.  None: facts and tables.

    Raises
    ------
    UsageError
        There is no such set, no lexicon for the language, or the model is not written `hf:…`.
    Refused
        The classifier cannot be used; `labels_differ` where its labels are others.
    """
    names = label_names(set_)
    if model is None:
        read_labels("", language, set_)  # refuses a language without lexicon now, not at the first report
        return lambda texts: [read_labels(text, language, set_) for text in texts]
    if not model.startswith("hf:"):
        raise UsageError(f"model: {model!r} must be hf: and a folder or OWNER/NAME")
    from docphim.models.classifier import classifier

    affirmed = classifier(model.removeprefix("hf:"), names)

    def read(texts: Sequence[str]) -> list[dict[str, State]]:
        rows = affirmed(texts)
        return [{name: "positive" if there else "negative" for name, there in zip(names, row, strict=True)} for row in rows]

    return read


def labels_of(facts: Sequence[Fact], set_: str) -> dict[str, State]:
    """Every label of a set with its state, given a report's facts.

    Of several facts the most affirmative counts: positive, uncertain, negative.  What has resolved is negative.

    Raises
    ------
    UsageError
        There is no such set.
    """
    table = _table(set_)
    bits = [
        functools.reduce(operator.or_, each) for each in zip(_NOTHING, *[spoken(fact, set_) for fact in facts], strict=True)
    ]
    denied, suspected, affirmed = _states(bits, table)
    ranks = [3 * (affirmed >> n & 1) or 2 * (suspected >> n & 1) or denied >> n & 1 for n in range(len(table.names))]
    return dict(zip(table.names, map(_STATES.__getitem__, ranks), strict=True))


def spoken(fact: Fact, set_: str) -> Spoken:
    """What one fact says of a set's labels; what a report says is all of its facts' bits together, `a | b | c`."""
    table = _table(set_)
    key = table.asked(fact)
    bits = table.known.get(key)
    return _remember(key, table) if bits is None else bits


def named(bits: Iterable[Any], set_: str) -> Any:
    """The labels that a report affirms or suspects, the first in the lowest bit, given all that its facts say (`spoken`).

    Arrays of whole numbers are as good as numbers: then each holds a report's bits at its place.
    """
    _, suspected, affirmed = _states(bits, _table(set_))
    return suspected | affirmed


def _states(bits: Iterable[Any], table: _Table) -> tuple[Any, Any, Any]:
    """The labels that are denied, suspected and affirmed; of several states of one the last of these counts."""
    denied, suspected, affirmed, unsided, signs = bits
    either = suspected | affirmed
    neither = unsided & ~(either | either >> 1)
    suspected = suspected | neither | neither << 1
    for child, parent in table.parents:
        affirmed = affirmed | (affirmed >> child & 1) << parent
        suspected = suspected | (suspected >> child & 1) << parent
    denied = denied | table.spoken * (signs & 1)
    if table.none:
        silent = (suspected | affirmed) & table.spoken == 0
        denied, suspected, affirmed = (labels & ~(table.none * silent) for labels in (denied, suspected, affirmed))
        whole = table.whole & ~(denied & ~(suspected | affirmed)) == 0
        every = (1 << len(table.signs)) - 1
        together = (signs | 1) == every if every > 1 else False
        affirmed = affirmed | table.none * (silent & (whole | together))
    return denied, suspected, affirmed


def _remember(key: tuple[Any, ...], table: _Table) -> Spoken:
    """What one fact says, kept: reports say the same things again and again."""
    if len(table.known) >= _REMEMBERED:
        table.known.clear()
    table.known[key] = bits = _read(key, table)
    return bits


def _read(key: tuple[Any, ...], table: _Table) -> Spoken:
    """What one fact says of the labels, as `spoken` gives it."""
    fact = dict(zip(table.fields, key, strict=True))
    if not fact["finding"] and not fact["state"]:  # an anatomy with words that the lexicon does not know
        return _NOTHING
    verdicts: list[tuple[int, int]] = []
    for label in _near(fact, table):
        if label.rest and any(rank in (_UNCERTAIN, _POSITIVE) for _, rank in verdicts):
            continue
        rank = _rank(fact, label, table.certainty)
        if not rank or (label.rest and rank == _NEGATIVE):
            continue
        if label.sided and fact["side"] is None and rank != _NEGATIVE:
            verdicts.append((label.first, _UNSIDED))
            continue
        sides = [label.first] * (not label.sided or fact["side"] != "left")
        sides += [label.first + 1] * (label.sided and fact["side"] != "right")
        verdicts += [(place, rank) for place in sides]
    denies = fact["polarity"] in ("absent", "normal")
    signs = [(n, _SIGN) for n, rules in enumerate(table.signs) if denies and _holds(rules, fact)]
    bits = [0, *_NOTHING]
    for place, rank in (*verdicts, *signs):
        bits[rank] |= 1 << place
    return bits[1], bits[2], bits[3], bits[4], bits[5]


def _near(fact: Mapping[str, Any], table: _Table) -> list[_Label]:
    """The labels that a fact may speak of, with the rules that may fit it: others are left out once."""
    values = {name: fact[name] for name in TELLING if name in fact}
    key = tuple(values.values())
    if key not in table.near:
        labels = []
        for label in sorted(table.labels, key=lambda label: label.rest):
            rules = {way: tuple(r for r in listed if not rules_out(r, values)) for way, listed in label.rules.items()}
            if any(rules[way] for way in _WAYS if way != "except"):
                labels.append(replace(label, rules=rules))
        table.near[key] = labels
    return table.near[key]


def _rank(fact: Mapping[str, Any], label: _Label, certainty: Mapping[str, int]) -> int:
    """The rank of the state that a fact gives a label; 0 if it does not speak of it."""
    rules = label.rules
    if _holds(rules["except"], fact):
        return 0
    affirmed = fact["polarity"] in ("present", "abnormal")
    certain = _POSITIVE
    if not _holds(rules["is"], fact):
        if not affirmed or _holds(rules["against"], fact):
            return _NEGATIVE if affirmed or _holds(rules["denied"], fact) else 0
        if not _holds(rules["affirmed"], fact):
            if not _holds(rules["hints"], fact):
                return 0
            certain = _UNCERTAIN
    if fact["change"] == "resolved":
        return _NEGATIVE
    if not affirmed:
        return _UNCERTAIN if fact["certainty"] in ("not_excluded", "obscured") else _NEGATIVE
    return min(certainty[fact["certainty"]], certain)


def _holds(rules: Sequence[_Rule], fact: Mapping[str, Any]) -> bool:
    for rule in rules:
        for name, asks in rule:
            if not asks(fact[name]):
                break
        else:
            return True
    return False


@functools.cache
def _table(set_: str) -> _Table:
    """Read labels/SET.yaml; ct_rate.yaml says what the entries mean."""
    if set_ not in SETS:
        raise UsageError(f"set: {set_!r} is not one of {', '.join(SETS)}")
    data = _rows(set_)
    names: list[str] = []
    labels: list[_Label] = []
    for name, entry in data["labels"].items():
        ways = {way: tuple(_rule(c) for c in entry.get(way, ())) for way in _WAYS}
        labels.append(_Label(len(names), entry.get("sided", False), entry.get("rest", False), ways))
        names += [f"{name}_right", f"{name}_left"] if entry.get("sided") else [name]
    none = data.get("none") or {}
    silent = {none.get("label"), *none.get("ignoring", ())}
    all_denied_by = tuple(_rule(c) for c in data.get("all_denied_by", ()))
    signs = (all_denied_by, *(tuple(_rule(c) for c in some) for some in none.get("together", ())))
    rules = [rule for label in labels for some in label.rules.values() for rule in some]
    asked = {name for rule in (*rules, *itertools.chain(*signs)) for name, _ in rule} | {*_ALWAYS}
    fields = tuple(name for name in _FIELDS if name in asked)
    parents = [(names.index(child), names.index(parent)) for child, parent in (data.get("parents") or {}).items()]
    return _Table(
        names=tuple(names),
        labels=tuple(labels),
        certainty={certainty: _RANK[state] for certainty, state in data["certainty"].items()},
        parents=_upwards(parents),
        none=1 << names.index(none["label"]) if none else 0,
        spoken=sum(1 << i for i, name in enumerate(names) if name not in silent),
        whole=sum(1 << names.index(name) for name in none.get("denying", ())),
        signs=signs,
        fields=fields,
        asked=operator.attrgetter(*fields),
        known={},
        near={},
    )


def _rows(set_: str) -> dict[str, Any]:
    """The entries of a set's table, and of another reading of a set those of that set that it does not name."""
    whole: dict[str, Any] = {}
    for path in table_paths(set_):
        data = packaged(path)
        labels = whole.get("labels", {})
        named = {name: labels.get(name, {}) | entry for name, entry in data.get("labels", {}).items()}
        whole = whole | data | {"labels": labels | named}
    return whole


def _upwards(parents: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Pairs of child and parent so ordered that a grandchild reaches its grandparent in one pass."""
    above = dict(parents)

    def depth(place: int) -> int:
        return 1 + depth(above[place]) if place in above else 0

    return tuple(sorted(parents, key=lambda pair: -depth(pair[0])))
