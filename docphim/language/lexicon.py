"""A lexicon of lexicon/*.yaml, its phrases in a tree of words so that the longest one that fits is found in one walk."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docphim.errors import UsageError
from docphim.language.collector import uncollected
from docphim.language.item import Term
from docphim.language.normalize import Spelling, bare_form, normalize
from docphim.language.phrases import END
from docphim.package_data import packaged

FOLDER = Path(__file__).parent / "lexicon"
#: Languages with a lexicon.
LANGUAGES: tuple[str, ...] = ("vi", "en")
#: A number, a run of letters, or one other sign; spaces are no tokens.
TOKEN = re.compile(r"\d+(?:[.,]\d+)?|(?:[^\W\d_]+|[\u0300-\u036f]+)+|[^\w\s]|_")
#: What kinds of meaning there are; of several of one phrase, the first counts where its company does not decide.
KINDS = (
    "advice", "ratio", "finding", "state", "anatomy", "change", "negation", "certainty", "part", "side", "location", "count",
    "severity", "descriptor", "shown", "affirm", "end", "or", "and", "of", "numbered", "cause", "ignored",
)  # fmt: skip
_PART = re.compile(r"\{([^}]*)\}|([^\s{}]+)")
#: Kinds and concepts that are read with the numbers after them, or give a place.
_BESIDE = frozenset(("numbered", "ratio", "location", "ignored", "rib", "vertebra", "vertebral_compression", "thickening"))

#: Sections whose entries are lists of phrases under a name.
_NAMED = {
    "anatomy": "anatomy",
    "parts": "part",
    "findings": "finding",
    "states": "state",
    "sides": "side",
    "locations": "location",
    "numbered": "numbered",
    "counts": "count",
    "severities": "severity",
    "descriptors": "descriptor",
    "certainty": "certainty",
    "change": "change",
    "negation": "negation",
}
#: Sections that are a list of phrases.
_LISTS = {
    "ends": "end",
    "joins": "and",
    "either": "or",
    "affirms": "affirm",
    "affirmed_after": "shown",
    "prepositions": "of",
    "ignored": "ignored",
    "not_findings": "advice",
    "causes": "cause",
}


@dataclass(frozen=True, slots=True)
class Meanings:
    """What a phrase may mean: `only` where there is one meaning, else `terms` by kind, the likeliest first."""

    terms: Mapping[str, Term]
    only: Term | None
    quiet: bool  # it says nothing by itself
    plain: Term | None  # `only`, where it is the same whatever stands beside it


@dataclass(frozen=True, eq=False)
class Lexicon:
    """A language's words and what they mean (`tree`), and the concepts they name."""

    language: str
    tree: Mapping[str, Any]
    plain: Spelling
    modifiers_after: bool
    anatomy: Mapping[str, Mapping[str, Any]]
    findings: Mapping[str, Mapping[str, Any]]
    states: Mapping[str, str]
    location_of: Mapping[str, str]
    ratio: Mapping[str, Any]
    pairs: frozenset[str]  # anatomy of which there is one on each side
    as_state: frozenset[str]  # findings that are said of an anatomy as states are: "khí quản không lệch"
    with_states: frozenset[str]  # findings that have states: "hạch to"
    across: frozenset[tuple[str, str]]  # words before and behind the commas that phrases have within them
    names: frozenset[str]  # words that have a capital anywhere: "Covid"
    elsewhere: frozenset[str]  # findings of one organ that have another name in another: a vertebra that collapses
    here: Mapping[tuple[str, str], str]  # (finding, anatomy) → what the finding is there: fluid in the pleura, effusion
    # what concepts.yaml says of findings, parts and descriptors, as it explains there
    general: frozenset[str]
    evidence: frozenset[str]
    inside: frozenset[str]
    relational: frozenset[str]
    extent: frozenset[str]
    nodes: frozenset[str]
    of_nodes: frozenset[str]  # findings that are said of nodes behind them: "di căn hạch"
    spreads: frozenset[str]  # findings of which a list says where they have come to: "di căn gan, hạch và xương"
    segments: frozenset[str]
    devices: frozenset[str]
    tissues: frozenset[str]
    soft: frozenset[str]  # parts of the body with soft tissue of their own
    stations: frozenset[str]  # where nodes lie beside the hilum
    describing: frozenset[str]
    lessened: Mapping[str, frozenset[str]]  # states, and the words that deny them wherever they stand beside them
    moved: frozenset[str]  # states that say where to something has moved
    empty: frozenset[str]
    sides: Mapping[str, str]  # descriptors that mean the side spoken of last ("same"), or the other
    margins: frozenset[str]  # descriptors of how a thing is bounded
    outer: frozenset[str]
    tube_ends: frozenset[str]
    meant: frozenset[tuple[str, str]]  # (state, part) where the state says the part anyhow
    dimensions: frozenset[str]  # findings and states whose words also say along which way a size is
    amounts: frozenset[str]  # findings of which there is more or less, never several
    fuse: Mapping[tuple[str, str], str]  # (finding, state) → the finding that the two are together
    references: frozenset[str]  # anatomy that an uptake is compared with
    measures: Mapping[str, Any]  # words of what is measured: groups of phrases, and the `uptake` words
    bare: Mapping[str, str]  # words without their accents that are no other words → the words
    ordinals: Mapping[str, int]

    def within(self, anatomy: str | None, region: str) -> bool:
        """Whether an anatomy lies in a region of concepts.yaml, or is it."""
        while anatomy and anatomy != region:
            anatomy = self.anatomy.get(anatomy, {}).get("in")
        return anatomy == region

    def paired(self, anatomy: str | None) -> bool:
        """Whether there is one on each side."""
        return anatomy in self.pairs


@functools.cache
@uncollected()  # else every report that is read soon after waits for a walk over all words
def load_lexicon(language: str) -> Lexicon:
    """Read lexicon/LANGUAGE.yaml; docs/lexicon.md says what its entries mean.

    Raises
    ------
    UsageError
        There is no lexicon for the language.
    ValueError
        The file names a concept that concepts.yaml does not have.
    """
    if language not in LANGUAGES:
        raise UsageError(f"language: {language!r} is not one of {', '.join(LANGUAGES)}")
    data, concepts = (packaged(FOLDER / f"{name}.yaml") for name in (language, "concepts"))
    spelling = {normalize(wrong): normalize(right) for wrong, right in (data.get("spelling") or {}).items()}
    tree, nodes = _tree(data, concepts, language, spelling)
    dimensions = frozenset().union(*(_having("dimension", concepts[group]) for group in ("findings", "states", "descriptors")))
    _settle(nodes.values(), _BESIDE | dimensions)
    commas = ((words, n) for words in nodes if "," in words for n in range(1, len(words) - 1) if words[n] == ",")
    return Lexicon(
        language=language,
        tree=tree,
        plain=Spelling(spelling, frozenset(itertools.chain(*nodes)) if data.get("syllables") else frozenset()),
        modifiers_after=data["modifiers"] == "after",
        anatomy=concepts["anatomy"],
        findings=concepts["findings"],
        states={name: about["sign"] for name, about in concepts["states"].items()},
        location_of={place: anatomy for anatomy, places in concepts["location_of"].items() for place in places},
        ratio=data.get("ratio") or {},
        pairs=_having("paired", concepts["anatomy"]),
        as_state=_having("as_state", concepts["findings"]),
        with_states=_having("has_states", concepts["findings"]),
        across=frozenset((words[n - 1], words[n + 1]) for words, n in commas),
        names=frozenset(concepts["names"]),
        here={(row["finding"], row["anatomy"]): row["is"] for row in concepts["here"]},
        elsewhere=frozenset(row["finding"] for row in concepts["here"]) & _having("of", concepts["findings"]),
        general=_having("general", concepts["findings"]),
        evidence=_having("evidence", concepts["findings"]),
        inside=_having("inside", concepts["findings"]),
        relational=_having("relational", concepts["findings"]),
        extent=_having("extent", concepts["descriptors"]),
        nodes=_having("nodes", concepts["anatomy"]),
        of_nodes=_having("of_nodes", concepts["findings"]),
        spreads=_having("spreads", concepts["findings"]),
        segments=_having("segments", concepts["anatomy"]),
        devices=_having("device", concepts["findings"]),
        tissues=_having("tissue", concepts["anatomy"]),
        soft=_having("soft", concepts["anatomy"]),
        stations=frozenset(concepts["stations"]),
        describing=_having("describes", concepts["states"]),
        lessened={name: frozenset(about["lessened"]) for name, about in concepts["states"].items() if "lessened" in about},
        moved=_having("moved", concepts["states"]),
        empty=_having("empty", concepts["descriptors"]),
        sides={name: about["side"] for name, about in concepts["descriptors"].items() if "side" in about},
        margins=_having("margin", concepts["descriptors"]),
        outer=_having("outer", concepts["parts"]),
        tube_ends=_having("of_tube", concepts["parts"]),
        meant=frozenset((state, part) for part, about in concepts["parts"].items() for state in about.get("meant_by", ())),
        dimensions=dimensions,
        amounts=_having("amount", concepts["findings"]),
        fuse={(row["finding"], row["state"]): row["is"] for row in concepts["fuse"]},
        references=_having("reference", concepts["anatomy"]),
        measures=_measures(data.get("measures") or {}),
        bare={bare_form(word): word for word in data.get("unaccented") or ()},
        ordinals={word: n for n, word in enumerate(data.get("ordinals") or (), 1)},
    )


def _tree(
    data: Mapping[str, Any], concepts: Mapping[str, Any], language: str, spelling: Mapping[str, str]
) -> tuple[dict[str, Any], dict[tuple[str, ...], dict[str, Any]]]:
    """The words of all phrases as a tree, and the node at which each phrase ends."""
    tree: dict[str, Any] = {}
    nodes: dict[tuple[str, ...], dict[str, Any]] = {}
    for phrases, term in _lines(data):
        _check(term, concepts, language)
        for words in _wordings(phrases or (), spelling):
            if words:
                nodes[words] = _insert(tree, words, term)
    _mark_carriers(nodes)
    return tree, nodes


def _measures(groups: Mapping[str, Any]) -> dict[str, Any]:
    """The phrases of `measures`, by their first word, as tuples of tokens with what they stand for; and its sets of words."""
    listed: dict[str, Any] = {
        name: frozenset(groups.get(name) or ()) for name in ("uptake", "fillers", "aside", "labels", "of")
    }
    for group in ("suv", "phases", "relations", "compared", "distance", "times", "scores", "ratios"):
        named = ((name, phrase) for name, phrases in (groups.get(group) or {}).items() for phrase in phrases)
        phrases = {tuple(TOKEN.findall(normalize(words))): name for name, phrase in named for words in expand(phrase)}
        listed[group] = {first: {p: name for p, name in phrases.items() if p[0] == first} for first, *_ in phrases}
    starts = (listed[group] for group in ("phases", "relations", "compared", "distance", "times", "scores", "ratios"))
    listed["first"] = frozenset("<>≤≥~≈-–−\u2010").union(*starts)
    return listed


def _having(key: str, concepts: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The concepts that have a property."""
    return frozenset(name for name, about in concepts.items() if about and about.get(key))


def expand(phrase: str) -> Iterator[str]:
    """Every wording of a phrase: `{a|b} c` is `a c` and `b c`; an empty choice leaves the word out."""
    if "{" not in phrase:
        yield " ".join(phrase.split())
        return
    parts = [m[1].split("|") if m[1] is not None else [m[2]] for m in _PART.finditer(phrase)]
    for words in itertools.product(*parts):
        yield " ".join(word.strip() for word in words if word.strip())


def _terms(data: Mapping[str, Any]) -> Iterator[tuple[str, Term]]:
    """Every phrase of a lexicon file, normalised, with its meaning."""
    for phrases, term in _lines(data):
        yield from ((wording, term) for phrase in phrases or () for wording in expand(normalize(str(phrase))))


def _lines(data: Mapping[str, Any]) -> Iterator[tuple[Iterable[Any] | None, Term]]:
    """The phrases of each line of a lexicon file, as they are written, with their meaning."""
    for section, kind in _NAMED.items():
        # yaml reads a bare `no:` as false
        yield from ((phrases, Term(kind, str(name))) for name, phrases in (data.get(section) or {}).items())
    yield from ((data.get(section), Term(kind, kind)) for section, kind in _LISTS.items())
    yield data.get("versus"), Term("or", "versus")
    yield data.get("accompanied"), Term("end", "with")
    yield data.get("excepts"), Term("end", "except")
    for entry in data.get("state_of") or ():
        yield entry["terms"], Term("state", entry["state"], states=dict.fromkeys(entry["anatomy"], entry["state"]))
    for entry in data.get("compounds") or ():
        says = {key: str(value) for key, value in entry.items() if key not in ("terms", "before")}
        kind = next((k for k in ("finding", "state", "anatomy", "certainty", "change") if k in says), "location")
        says = says if kind not in ("certainty", "change") else {}
        yield entry["terms"], Term(kind, str(entry.get(kind, "")), says=says, before=tuple(entry.get("before", ())))
    yield (data.get("ratio") or {}).get("terms"), Term("ratio", "ratio")


def _wordings(phrases: Iterable[Any], spelling: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """The words of every wording of some phrases (`expand`), in the lexicon's spelling."""

    def tokens(text: str) -> list[str]:
        return [spelling.get(word, word) for word in TOKEN.findall(text)]

    for phrase in map(normalize, map(str, phrases)):
        if "{" not in phrase:
            yield tuple(tokens(phrase))
            continue
        parts = [list(map(tokens, m[1].split("|") if m[1] is not None else [m[2]])) for m in _PART.finditer(phrase)]
        yield from (tuple(itertools.chain.from_iterable(chosen)) for chosen in itertools.product(*parts))


def _insert(tree: dict[str, Any], words: Iterable[str], term: Term) -> dict[str, Any]:
    """Put a phrase into the tree and return where; of two meanings of a kind, states of different anatomy are put together."""
    for word in words:
        tree = tree.setdefault(word, {})
    terms: dict[str, Term] = tree.setdefault(END, {})
    old = terms.get(term.kind)
    if old and term.kind == "state" and (old.states or term.states):
        general = next((t for t in (old, term) if not t.states), term)
        term = replace(general, states={**old.states, **term.states})
    elif old:
        return tree
    terms[term.kind] = term
    return tree


def _mark_carriers(nodes: Mapping[tuple[str, ...], dict[str, Any]]) -> None:
    """Mark the findings whose words name an anatomy: "tràn dịch màng phổi" needs none from elsewhere."""
    anatomies = {words for words, node in nodes.items() if "anatomy" in node[END]}
    first = {words[0] for words in anatomies}
    for words, node in nodes.items():
        if "finding" not in node[END] or first.isdisjoint(words):
            continue
        starts = [n for n, word in enumerate(words) if word in first]
        if any(words[i:j] in anatomies for i in starts for j in range(i + 1, len(words) + 1)):
            led = any(words[:j] in anatomies for j in range(1, len(words)))
            shares = any(words[n:] in anatomies for n in starts if n)
            node[END]["finding"] = replace(node[END]["finding"], carries=True, led=led, shares=shares)


def _settle(nodes: Iterable[dict[str, Any]], beside: frozenset[str]) -> None:
    """Put every phrase's meanings in the order in which they count; `beside` are read with what stands beside them."""
    of_one: dict[int, Meanings] = {}  # most phrases of a line mean one thing, and nothing else
    for node in nodes:
        listed = node[END]
        if len(listed) > 1:
            node[END] = Meanings({kind: listed[kind] for kind in KINDS if kind in listed}, None, False, None)
            continue
        only: Term = next(iter(listed.values()))
        known = of_one.get(id(only))
        if known is None:
            alone = not (only.says or only.before or only.shares or only.states or {only.kind, only.name} & beside)
            known = of_one[id(only)] = Meanings(listed, only, only.kind == "ignored", only if alone else None)
        node[END] = known


def _check(term: Term, concepts: Mapping[str, Any], language: str) -> None:
    known: dict[str, Iterable[str]] = {
        "anatomy": concepts["anatomy"],
        "part": concepts["parts"],
        "finding": concepts["findings"],
        "state": concepts["states"],
    }
    meanings = {term.kind: term.name, **term.says}
    for kind, names in known.items():
        if kind in meanings and meanings[kind] not in names:
            raise ValueError(f"lexicon/{language}.yaml: {kind} {meanings[kind]!r} has no line in concepts.yaml")


def shadowed(language: str) -> list[str]:
    """Phrases that are never read as their line says: a line above means something else of the same kind by them.

    `lexicon/en.yaml: 'patchy' is descriptor scattered, and never patchy`
    """
    data = packaged(FOLDER / f"{language}.yaml")
    spelling = {normalize(wrong): normalize(right) for wrong, right in (data.get("spelling") or {}).items()}
    first: dict[tuple[str, ...], Term] = {}
    faults = []
    for phrase, term in _terms(data):
        words = [spelling.get(word, word) for word in TOKEN.findall(phrase)]
        above = first.setdefault((term.kind, *words), term)
        if above != term and not (above.states or term.states):
            faults.append(f"lexicon/{language}.yaml: {phrase!r} is {_meaning(above)}, and never {_meaning(term)}")
    return faults


def _meaning(term: Term) -> str:
    """What a phrase means, in a few words: its kind and concept, or the fields of a compound."""
    return " ".join([term.kind, *(str(value) for value in term.says.values())] if term.says else [term.kind, term.name])
