"""A sentence as items: its words looked up in a lexicon, the longest phrase first, and its numbers read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from docphim.language import numbers
from docphim.language.choice import leads, next_meanings, not_of, of_several, ordinal
from docphim.language.item import Item, Term
from docphim.language.lexicon import TOKEN, Lexicon, Meanings
from docphim.language.measures import measured
from docphim.language.phrases import HYPHEN, longest

_ANY = re.compile(r".+")
#: Numbered words that are anatomy themselves.
_NUMBERED = {"rib": "rib", "vertebra": "vertebra"}
#: Concepts after which numerals are names: "xương sườn V", "gãy đốt sống L1", "hạch 4R".
_NUMERALS = {"rib": "rib", "vertebra": "vertebra", "vertebral_compression": "vertebra"}
#: Words before a size that say nothing else, whatever stands before them: "đường kính lớn nhất 16 mm".
_ALWAYS = frozenset(("elongated", "largest"))
#: Levels of the neck; the seventh is a station of the chest too, and mostly meant as such.
_LEVELS = frozenset("123456")
#: Words between a numeral and the region that it is of.
_REACH = 6
_NODES = frozenset(("lymph_node", "lymphadenopathy", "conglomerate", "neck"))
_SIGNS = {
    ",": "comma",
    "(": "comma",
    ":": "colon",
    "/": "or",
    "-": "or",
    HYPHEN: "or",
    "–": "or",
    "—": "comma",
    "+": "and",
    "&": "and",
}
_QUIET = frozenset(")[]{}\"'“”‘’*•·|…_<>=~≈≥≤^`´#")


def tokenize(sentence: str, lexicon: Lexicon) -> tuple[list[str], list[re.Match[str]]]:
    """Tokens in the lexicon's spelling, and as they stand in the sentence."""
    tokens = list(TOKEN.finditer(sentence))
    plain = lexicon.plain
    words = [plain[m[0]] for m in tokens]
    if " " in "".join(words):
        words, tokens = _parted(words, tokens)
    if "-" in words:
        for n in range(1, len(words) - 1):
            if words[n] == "-" and tokens[n - 1].end() + 1 == tokens[n].end() == tokens[n + 1].start():
                words[n] = HYPHEN
    return words, tokens


def _parted(words: Sequence[str], tokens: Sequence[re.Match[str]]) -> tuple[list[str], list[re.Match[str]]]:
    """Two tokens in the place of each that holds two syllables."""
    parts: list[str] = []
    places: list[re.Match[str]] = []
    for word, m in zip(words, tokens, strict=True):
        first, blank, second = word.partition(" ")
        if not blank:
            parts.append(word)
            places.append(m)
            continue
        parts += (first, second)
        middle = m.start() + len(first)
        places += [*_ANY.finditer(m.string, m.start(), middle), *_ANY.finditer(m.string, middle, m.end())]
    return parts, places


def items(
    words: Sequence[str], lexicon: Lexicon, before: Sequence[Item] = (), measures: Mapping[int, Item] | None = None
) -> list[Item]:
    """The items of a sentence from left to right, behind those `before`; words that say nothing by themselves are left out.

    `measures`: what it measures (`measured`), where that is known.
    """
    listed: list[Item] = list(before)
    measures = measured(words, lexicon) if measures is None else measures
    # behind the number of a list's line
    i, depth = 2 if len(words) > 1 and words[0].isdecimal() and words[1] in ("/", ")") else 0, 0
    while i < len(words):
        end, new = _phrase(words, i, measures, listed, lexicon)
        if end == i:
            end, new, depth = _mark(words, i, depth, listed, lexicon)
        listed += [item for item in new if item.kind != "ignored"]
        i = end
    return listed


#: Where what was read ends (where it begins, if it is nothing), and its items.
_Read = tuple[int, Sequence[Item]]


def _phrase(words: Sequence[str], i: int, measures: Mapping[int, Item], listed: Sequence[Item], lexicon: Lexicon) -> _Read:
    """A measure, an ordinal, or the longest phrase of the lexicon that begins at word `i`."""
    item = measures.get(i) or ordinal(words, i, lexicon)
    if item is not None:
        return item.end, (item,)
    end, meanings = longest(words, i, lexicon.tree)
    if meanings is None:
        return i, ()
    if words[i][0].isalpha() and (meanings.quiet or meanings.plain):
        plain = meanings.plain
        return end, (Item(plain.kind, plain.name, i, end, plain),) if plain else ()
    item = _numbered(words, i, end, meanings.terms, listed, lexicon) or _choose(meanings, i, end, words, listed, lexicon)
    if item is None:
        return i, ()
    if item.name in lexicon.dimensions and _measures(item.name, end, measures, listed):
        return end, ()  # "tràn dịch …, bên phải dày 20 mm": how deep, not what
    if item.kind == "ratio":
        item.end, item.name = numbers.ratio(words, end, lexicon.ratio)
    return item.end, _with_cue(item, words[i])


def _with_cue(item: Item, word: str) -> Sequence[Item]:
    """An item with the denial that its words hold ("hạn chế di động": not mobile), or with the stop behind a question."""
    if word == "?":
        return item, Item("comma", word, item.start, item.end)  # what is asked is not affirmed, and nothing runs on behind it
    if item.term and "denies" in item.term.says:
        return Item("negation", "before", item.start, item.start + 1), item
    return (item,)


def _mark(
    words: Sequence[str], i: int, depth: int, listed: Sequence[Item], lexicon: Lexicon
) -> tuple[int, Sequence[Item], int]:
    """A number, a sign or a word that the lexicon does not know at word `i`, and how many brackets are open behind it."""
    item = _number(words, i, listed, lexicon) or _sign(words, i, depth)
    if words[i] in "([":
        depth += 1
    elif words[i] in ")]" and depth:
        depth -= 1
        item = Item("close", words[i], i, i + 1) if words[i] == ")" else item
    return (item.end, (item,), depth) if item else (i + 1, (), depth)


def _choose(
    meanings: Meanings, i: int, end: int, words: Sequence[str], before: Sequence[Item], lexicon: Lexicon
) -> Item | None:
    """A phrase in the meaning that fits here."""
    term = meanings.only or of_several(meanings.terms, end, words, before, lexicon)
    if term.states and not_of(term, before, words, end, lexicon):
        return Item("ignored", term.name, i, end)
    if term.kind == "numbered" or not leads(term, words, end, lexicon):
        return Item("ignored", "", i, end) if "ignored" in meanings.terms else None  # "số" before no numeral
    if term.kind == "severity" and before and before[-1].kind == "change" and before[-1].end == i:
        return Item("ignored", "", i, end)  # "giảm nhiều": by how much it has changed
    item = Item(term.kind, term.name, i, end - _begins_organ(term, words, i, end, lexicon), term)
    if term.kind == "location":
        place = term.says.get("location", term.name)
        item.locations = (place,) if place else ()
    elif "location" in term.says:
        item.locations = (term.says["location"],)
    numbered = _NUMERALS.get(term.name)
    if numbered and term.kind in ("anatomy", "finding"):
        item.end, names = numbers.numerals(numbered, words, end)
        item.locations += names
    return item


def _begins_organ(term: Term, words: Sequence[str], first: int, end: int, lexicon: Lexicon) -> int:
    """How many last words of a finding are the first of a longer organ's name: "tiêu xương chày" is osteolysis of the tibia."""
    if not term.shares or "of" in (lexicon.findings.get(term.name) or ()):
        return 0
    for start in range(end - 1, first, -1):
        beyond, meanings = longest(words, start, lexicon.tree)
        if beyond > end and meanings and "anatomy" in meanings.terms:
            return end - start
    return 0


def _measures(name: str, end: int, measures: Mapping[int, Item], before: Sequence[Item]) -> bool:
    """Whether a word says along which way a size is, and not how something is: "dài khoảng 20 mm", but "màng phổi dày 5 mm"."""
    size = measures.get(end)
    if size is None or size.kind != "size":
        return False
    return name in _ALWAYS or not (before and before[-1].kind == "anatomy")


def _numbered(
    words: Sequence[str], i: int, end: int, terms: Mapping[str, Term], before: Sequence[Item], lexicon: Lexicon
) -> Item | None:
    """ "xương sườn V, VI", "phân thùy 6", "nhóm 4R": a word and the numerals after it."""
    if "numbered" in terms and "finding" not in terms:
        kind, _, level = terms["numbered"].name.partition("_")
        if kind == "date":
            return _date(words, i, end)
        if kind in ("station", "level"):
            kind = "level" if _of_neck(words, end, before, lexicon, kind) else "station"
        if kind == "named":  # "sườn trái số 5", but "gãy sườn ngày thứ 3"
            last = _touching(before, i)
            kind, level = _NUMBERED.get(last.name, "") if last and not last.locations else "", "beside"
        j, names = numbers.numerals(kind, words, end)
        if names:
            anatomy = "" if level else _NUMBERED.get(kind, "")
            return Item("anatomy" if anatomy else "location", anatomy, i, j, locations=names)
    return None


def _touching(before: Sequence[Item], i: int) -> Item | None:
    """The item that ends right before word `i`, or right before the side that does."""
    last = before[-1] if before and before[-1].end == i else None
    if last and last.kind == "side":
        return _touching(before[:-1], last.start)
    return last


def _date(words: Sequence[str], i: int, end: int) -> Item | None:
    """ "ngày 27/7": the numbers of a date say nothing about the film."""
    j = end
    while j < len(words) and (numbers.is_number(words[j]) or words[j] in ("/", "-", ".", "\u2010")):
        j += 1
    return Item("ignored", "date", i, j) if j > end else None


def _of_neck(words: Sequence[str], i: int, before: Sequence[Item], lexicon: Lexicon, word: str) -> bool:
    """Whether numerals at word `i` name node levels of the neck and not stations of the chest.

    The region spoken of last decides, else the next one; else the numerals themselves: levels are counted in Roman numerals
    (IIA, V), stations in others (4R, 7, 10L); bare numbers up to 6 behind "level" are levels (`word`).
    """
    regions = (item.name or next(iter(item.locations), "") for item in reversed(before))
    region = next((region for name in regions if (region := _region(name, lexicon))), "")
    j = i
    while not region and j < min(i + _REACH, len(words)):
        j, meanings = longest(words, j, lexicon.tree)
        region = _region(meanings.terms["anatomy"].name, lexicon) if meanings and "anatomy" in meanings.terms else ""
        j += meanings is None
    lettered = numbers.level(words, i) if i < len(words) else None
    roman = i < len(words) and words[i].isalpha() and bool(numbers.numerals("level", words, i)[1])
    bare = word == "level" and words[i : i + 1] and words[i] in _LEVELS and words[i + 1 : i + 2] not in (["r"], ["l"])
    return region == "neck" or (not region and (roman or bool(bare) or bool(lettered and lettered[1] != "level_3a")))


def _region(name: str, lexicon: Lexicon) -> str:
    """`neck` or `chest`, of an anatomy or place that lies there; nothing of any other."""
    anatomy = lexicon.location_of.get(name, name)
    return next((region for region in ("neck", "chest") if lexicon.within(anatomy, region)), "")


def _level(words: Sequence[str], i: int, before: Sequence[Item]) -> Item | None:
    """ "hạch IIA trái": a level with its letter behind nodes."""
    if not any(item.name in _NODES for item in before) or not numbers.level(words, i):
        return None
    j, names = numbers.numerals("level", words, i)
    return Item("location", "level", i, j, locations=names)


def _both(words: Sequence[str], i: int, lexicon: Lexicon) -> Item | None:
    """ "2 phổi", "2 đỉnh phổi": both of an organ of which there are two."""
    if words[i] != "2" or i + 1 >= len(words):
        return None
    terms = next_meanings(words, i + 1, lexicon.tree)
    anatomy = terms["anatomy"].name if "anatomy" in terms else ""
    place = lexicon.location_of.get(terms["location"].name) if "location" in terms else ""
    return Item("side", "both", i, i + 1) if lexicon.paired(anatomy) or lexicon.paired(place) else None


def _number(words: Sequence[str], i: int, before: Sequence[Item], lexicon: Lexicon) -> Item | None:
    """A vertebra, segment, node station or level that begins at word `i`, or a pair."""
    if len(words[i]) > 1 and not numbers.is_number(words[i]):
        return _level(words, i, before) if numbers.is_numeral(words[i]) else None
    if pair := _both(words, i, lexicon):
        return pair
    if place := numbers.vertebra(words, i):
        j, names = numbers.numerals("vertebra", words, i)
        return Item("anatomy", "vertebra", i, max(j, place[0]), locations=names or (place[1],))
    if words[i] == "s" and (read_segment := numbers.numerals("segment", words, i))[1]:
        return Item("location", "segment", i, read_segment[0], locations=read_segment[1])
    if numbers.station(words, i):
        j, names = numbers.numerals("station", words, i)
        return Item("location", "station", i, j, locations=names)
    return None


def _sign(words: Sequence[str], i: int, depth: int) -> Item | None:
    """A comma, colon, dash or slash, or a word that the lexicon does not know; inside brackets a comma only lists."""
    word = words[i]
    if word in _SIGNS:
        kind = _SIGNS[word]
        if word == "," and depth:
            kind = "and"
        return Item(kind, word, i, i + 1)
    if word in _QUIET or not (word.isalnum() or word == "%" or numbers.is_number(word)):
        return None
    return Item("word", word, i, i + 1)
