"""Accents that were not typed, put back where the lexicon leaves one way to read the words: "Khong thay tran khi mang phoi"."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docphim.language.lexicon import expand
from docphim.language.normalize import bare_form, normalize
from docphim.language.phrases import END
from docphim.package_data import packaged

if TYPE_CHECKING:
    from docphim.language.lexicon import Lexicon

#: Files whose examples say which words stand beside each other in reports.
_HERE = Path(__file__).parent
#: Words between two signs; what the lexicon knows runs across none of these.
_RUN = re.compile(r"[^.,;:!?()\[\]{}\n\r\t/+*•|\"“”=<>]+")
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"[^\W\d_]+|\{[a-z]+\}")
#: So much of a stretch has to be words of the language, with or without their accents.
_KNOWN = 0.75
#: A syllable that ends so always bears an accent.
_STOPPED = ("c", "ch", "p", "t")
#: A stretch of more words is left alone: no sentence has them.
_LONGEST = 60


class Piece(NamedTuple):
    """Words from `first` up to `last` of a stretch, as a phrase of the lexicon writes them (or, `known` not, as they stand)."""

    first: int
    last: int
    words: tuple[str, ...]
    known: bool


def restored(text: str, lexicon: Lexicon) -> str:
    """The text with the accents that words without any can only have had; as many characters, each in its place.

    A stretch between two signs is read so where one of its words is no word without accents, and most are words of the
    language with them.  Its words are parted into as few phrases of the lexicon as can be, those that are seen beside each
    other (`usual`) counting as one.  A word that may be read in two ways still stays as it was typed, and so does not match
    what it may mean.

    Examples
    --------
    >>> from docphim.language.lexicon import load_lexicon
    >>> restored("Khong thay tran khi mang phoi, TDMP (-)", load_lexicon("vi"))
    'Không thấy tràn khí màng phổi, TDMP (-)'
    """
    parts, end = [], 0
    for run in _RUN.finditer(text):
        for start, stop, word in _of_run(run[0], lexicon):
            parts += [text[end : run.start() + start], word]
            end = run.start() + stop
    return "".join([*parts, text[end:]])


def lacks_accents(words: str, lexicon: Lexicon) -> bool:
    """Whether one of some words is a word of the language only with accents that it does not have."""
    bare = _bare(lexicon)
    return any(word.lower() in bare for word in _WORD.findall(words))


@functools.lru_cache(maxsize=10_000)
def _of_run(run: str, lexicon: Lexicon) -> tuple[tuple[int, int, str], ...]:
    """Where words of a stretch stand that get accents, and these words."""
    tokens = list(_WORD.finditer(run))
    words = [lexicon.plain[token[0]] for token in tokens]
    # "VA" and "LAM" are names in a text that has small letters
    named = [token[0].isupper() and not run.isupper() for token in tokens]
    lacking = [word in _bare(lexicon) and not name for word, name in zip(words, named, strict=True)]
    if not any(lacking) or len(words) > _LONGEST or not _known(words, lacking, named, lexicon):
        return ()
    options = _options(words, lexicon)
    spelled = [next(iter(option)) if len(option) == 1 else word for word, option in zip(words, options, strict=True)]
    phrase = [len(option) == 1 and max(option.values()) > 1 for option in options]
    sure = [phrase[n] or (len(options[n]) == 1 and _is_sure(spelled, n, word, lexicon)) for n, word in enumerate(words)]
    if not any(is_sure and lacks for is_sure, lacks in zip(sure, lacking, strict=True)):
        return ()
    # who types accents elsewhere means what has none so: "nội soi"
    slips = [sure[n] and (lacking[n] or (phrase[n] and any(lacking[max(n - 1, 0) : n + 2]))) for n in range(len(words))]
    return tuple(
        (token.start(), token.end(), in_case(spelled[n], token[0]))
        for n, token in enumerate(tokens)
        if (run.isascii() or slips[n])
        and (phrase[n] or not named[n])
        and len(spelled[n]) == len(token[0])
        and spelled[n] != words[n]
    )


def _known(words: Sequence[str], lacking: Sequence[bool], named: Sequence[bool], lexicon: Lexicon) -> bool:
    """Whether most words are the language's, with or without their accents; names and single letters are anybody's."""
    rows = zip(words, lacking, named, strict=True)
    long = [lacks or name or word in lexicon.plain.syllables for word, lacks, name in rows if len(word) > 1]
    return sum(long) >= _KNOWN * len(long)


def _is_sure(spelled: Sequence[str], n: int, word: str, lexicon: Lexicon) -> bool:
    """Whether a word can hardly be another: its neighbour is seen beside it, it has to bear an accent, or it is listed."""
    beside = any(pair in _pairs() for pair in pairwise(spelled[max(n - 1, 0) : n + 2]))
    return beside or lexicon.bare.get(word) == spelled[n] or (len(word) > 2 and word.endswith(_STOPPED))


def _options(words: Sequence[str], lexicon: Lexicon) -> list[dict[str, int]]:
    """For each word what it may be in the best ways to part the words, each with the most words of a phrase that has it."""
    pieces = [[*_phrases(words, i, lexicon), Piece(i, i + 1, (words[i],), known=False)] for i in range(len(words))]
    ahead = _costs(pieces, len(words))
    options: list[dict[str, int]] = [{} for _ in words]
    reached: set[Piece] = set()
    best = min((ahead[piece] for piece in pieces[0]), default=None)
    open_ = [piece for piece in pieces[0] if ahead[piece] == best]
    while open_:
        piece = open_.pop()
        if piece in reached:
            continue
        reached.add(piece)
        for n, word in enumerate(piece.words, piece.first):
            options[n][word] = max(len(piece.words), options[n].get(word, 1))
        following = pieces[piece.last] if piece.last < len(words) else []
        costs = {later: _cost(piece, later, ahead[later]) for later in following}
        open_ += [later for later, cost in costs.items() if cost == min(costs.values())]
    return options


#: Words that no phrase has; phrases, those that are seen beside each other as one.  The least is best.
Cost = tuple[int, int]


def _costs(pieces: Sequence[Sequence[Piece]], end: int) -> dict[Piece, Cost]:
    """The least cost from the beginning of each piece to the end of the words."""
    ahead: dict[Piece, Cost] = {}
    for listed in reversed(pieces):
        for piece in listed:
            following = pieces[piece.last] if piece.last < end else ()
            unknown, phrases = min((_cost(piece, later, ahead[later]) for later in following), default=(0, 0))
            ahead[piece] = (unknown + (not piece.known), phrases + 1)
    return ahead


def _cost(piece: Piece, later: Piece, ahead: Cost) -> Cost:
    """The cost of what follows a piece: two that are seen beside each other are as good as one."""
    unknown, phrases = ahead
    return unknown, phrases - ((piece.words[-1], later.words[0]) in _pairs())


def _phrases(words: Sequence[str], first: int, lexicon: Lexicon) -> Iterator[Piece]:
    """The phrases of the lexicon that begin at a word, if their accents are left out where the words have none."""
    nodes: list[tuple[Mapping[str, Any], tuple[str, ...]]] = [(lexicon.tree, ())]
    alone = _alone(lexicon)
    for last in range(first, len(words)):
        word = words[last]
        nodes = [
            (node[written], (*before, written))
            for node, before in nodes
            for written in (_written(node, lexicon).get(word, ()) if word.isascii() else (word,) if word in node else ())
        ]
        if not nodes:
            return
        listed = [written for node, written in nodes if END in node]
        if last == first and listed and word.isascii():
            sure = lexicon.bare.get(word)
            listed = [(written,) for written in ([sure] if sure else alone.get(word, ()))]
        yield from (Piece(first, last + 1, written, known=True) for written in listed)


def _written(node: Mapping[str, Any], lexicon: Lexicon) -> Mapping[str, Sequence[str]]:
    """The words that go on a phrase of the lexicon, by their forms without accents."""
    nodes = _nodes(lexicon)
    known = nodes.get(id(node))
    if known is None:
        known = nodes[id(node)] = {}
        for word in node:
            if word is not END:
                known.setdefault(bare_form(word), []).append(word)
    return known


@functools.cache
def _nodes(lexicon: Lexicon) -> dict[int, dict[str, list[str]]]:
    """What was asked of nodes of a lexicon, by their identity: one that is still held here shares it with no other node."""
    return {}


@functools.cache
def _bare(lexicon: Lexicon) -> frozenset[str]:
    """Forms without accents that are no words of the language themselves."""
    syllables = lexicon.plain.syllables
    return frozenset(bare for word in syllables if len(bare := bare_form(word)) > 1 and bare not in syllables)


@functools.cache
def _alone(lexicon: Lexicon) -> Mapping[str, Sequence[str]]:
    """All words of the language that are known, by their forms without accents."""
    listed: dict[str, list[str]] = {}
    for word in sorted({*lexicon.plain.syllables, *_data()["others"]}):
        listed.setdefault(bare_form(word), []).append(word)
    return listed


@functools.cache
def _pairs() -> frozenset[tuple[str, str]]:
    """Words that stand beside each other in phrases of the lexicon, in its usual wordings and in the grammar's examples."""
    rows = [
        row for name in ("vi", "common") for table in packaged(_HERE / f"read/grammar/{name}.yaml").values() for row in table
    ]
    examples = [row["example"] for row in rows if "example" in row]
    texts = [example["text"] for example in examples if example.get("language", "vi") == "vi"] + _data()["usual"]
    runs = (_TOKEN.findall(run) for text in texts for run in normalize(text).split(","))
    pairs = (pair for run in runs for pair in pairwise(run))
    return frozenset((a, b) for one, other in pairs for a in _of_section(one)[1] for b in _of_section(other)[0])


@functools.cache
def _of_section(word: str) -> tuple[frozenset[str], frozenset[str]]:
    """The first and the last words of the phrases of a section of the lexicon (`{findings}`), or a word twice."""
    if word[0] != "{":
        return frozenset((word,)), frozenset((word,))
    phrases = [
        _WORD.findall(words) for listed in _data()[word[1:-1]].values() for p in listed for words in expand(normalize(p))
    ]
    return frozenset(words[0] for words in phrases if words), frozenset(words[-1] for words in phrases if words)


def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = packaged(_HERE / "lexicon/vi.yaml")
    return data


def in_case(word: str, like: str) -> str:
    """A word with the capitals of another."""
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[0].isupper() else word
