"""Where the headings of a report stand and what each opens: `MÔ TẢ`, `2) Findings:`, `[Kết luận]`, `ĐẦU CỔ:`.

Which words are headings stands in sections.yaml.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from docphim.language.normalize import normalize
from docphim.package_data import packaged

#: The parts of the body under which reports list what was found.
REGIONS = ("head_neck", "chest", "abdomen_pelvis", "musculoskeletal")


class Heading(NamedTuple):
    """Where a heading starts, its bullet or number included, where the text behind it begins, and what it opens.

    `name` is one of `headings` or `regions` in sections.yaml; `organ` is whether it counts only beside two other regions.
    """

    start: int
    end: int
    name: str
    organ: bool


def _without_accents() -> dict[int, str]:
    """Letter → the same without its accents: one character each, so that places in a text stay."""
    letters = (chr(code) for first, last in ((0xC0, 0x250), (0x1E00, 0x1F00)) for code in range(first, last))
    plain = {ord(letter): unicodedata.normalize("NFD", letter)[0] for letter in letters}
    return {code: letter for code, letter in plain.items() if letter.isascii()} | {ord("Đ"): "D", ord("đ"): "d"}


_BARE = _without_accents()
_BLANK = r"[^\S\n]"
_NUMBER = rf"\(?(?:\d{{1,2}}(?:\.\d{{1,2}}){{0,2}}|[IVX]{{1,4}}|[a-hA-H]){_BLANK}*+[.)/:–-]++"
#: How far is looked back from a heading.
_MOST_BEFORE = 40
#: What stands before a heading on its line.
_BULLET = re.compile(rf"(?:{_BLANK}|[>#*•·+–—=→\"“\[{{(-])*+(?:{_NUMBER})?(?:{_BLANK}|[*_\"“\[])*+")
#: What ends a sentence before a heading inside a line, and the heading's number: `… không to. 2. Kết luận:`; not the decimals
#: of `… SUVmax 5,6. Kết luận:`.
_STOPPED = re.compile(
    rf"(?P<stop>[.;:\uff1a!?…|)\]}}\"”*•,–—-])(?P<blank>{_BLANK}*+)(?P<number>(?<!\d)(?<!\d[.,])(?:{_NUMBER}{_BLANK}*+)?)[*_]*+$"
)
#: One to three words that open a line or a sentence: with a heading behind them another label, as `XÁC NHẬN KẾT QUẢ:` is.
_LABEL = re.compile(rf"(?:^|[.;!?\n]){_BLANK}*+(?P<words>[^\W\d_]++(?:{_BLANK}++[^\W\d_]++){{0,2}}){_BLANK}++$")
#: Signs that may stand between a heading and its text.
_DASHES = frozenset("-–—")
#: What joins the words of a heading: `BỤNG - CHẬU`, `ABDOMEN AND PELVIS`.
_JOINTS = re.compile(r"[-–—/&,._+]|\b(?:va|và|and)\b", re.IGNORECASE)


def headings(text: str) -> list[Heading]:
    """Every heading of a clean text, in its order; a region's counts wherever it stands (`divide` chooses)."""
    if not may_have_headings(text):
        return []
    bare = text.translate(_BARE)
    small = bare.lower()
    listed: list[Heading] = []
    for run in _runs().finditer(small):
        if not listed or run.start() >= listed[-1].end:  # else of `Kết luận kèm đề nghị:`, whose end qualifies it
            listed += _heading(text, bare, [m.span() for m in _words().finditer(small, *run.span())])
    return listed


def may_have_headings(text: str) -> bool:
    """Whether it is worth while to look for headings; most of the texts that are scored have none."""
    return ":" in text or "\n" in text or any(map(text.__contains__, _signs()))


def may_begin_heading(word: str) -> bool:
    """Whether a text may have headings for a word that stands in it between two blanks."""
    return ":" in word or word in _DASHES or any(sign.split()[0] in word for sign in _signs())


def is_heading(words: str) -> bool:
    """Whether words alone are a heading: `Kết luận`, `Ngực`; not `Bác sĩ`."""
    return _spelled(words)


def opened_by(words: str) -> str:
    """What words that stand alone, as a key of JSON does, open: a name of `headings` or `regions` in sections.yaml, or ''."""
    return _sections()[_key(words)][0] if _spelled(words) else ""


@lru_cache(maxsize=10_000)
def region_named(words: str) -> str:
    """Which of `REGIONS` words that stand alone are a heading of, several joined ones too (`Bụng, tiểu khung`), or ''."""
    if (name := opened_by(words)) in REGIONS:
        return name
    pieces = [piece for piece in _JOINTS.split(words) if piece.strip()] if len(words) <= _MOST_BEFORE else []
    named = [opened_by(piece) for piece in pieces]
    joined = all(name in REGIONS or _key(piece) in _listed("beside_regions") for name, piece in zip(named, pieces, strict=True))
    return next((name for name in named if name), "") if joined else ""


def begins_region(text: str) -> bool:
    """Whether the first words of a text are a region's heading, whatever follows: `Bụng không thấy …`."""
    first = _words().match(text.translate(_BARE).lower())
    return first is not None and region_named(text[: first.end()]) != ""


def region_place(region: str, language: str) -> str:
    """Where that is which stands under a heading of a region's several places and names none itself, in words that are read."""
    return str(_data()["region_place"][language][region])


def without_bullet(line: str) -> int:
    """Where the words of a line begin, behind any bullet and number: `2. Ngực`, `• NGỰC`."""
    bullet = _BULLET.match(line)
    return bullet.end() if bullet else 0


def heading_names() -> list[str]:
    """Every heading that opens a section, normalised."""
    return [normalize(heading.replace(" +", "")) for headings in _data()["headings"].values() for heading in headings]


def _heading(text: str, bare: str, words: list[tuple[int, int]]) -> list[Heading]:
    """The one heading that these words are, all of them or the last, if what stands around makes them one.

    Joined headings open the first of their sections in the order of sections.yaml: `KẾT LUẬN VÀ ĐỀ NGHỊ:` an impression.
    """
    last, stop = words[-1]
    if not _closing(qualified=True).match(bare, stop) or not _spelled(text[last:stop]):  # most are words of a sentence
        return []
    region = _sections()[_key(bare[last:stop])][0] in REGIONS
    closing = _closing(qualified=not region).match(bare, stop)  # `KẾT LUẬN CHẨN ĐOÁN:` is one, `BỤNG CHẨN ĐOÁN:` are two
    if closing is None:
        return []
    words = [span for span in words if _spelled(text[slice(*span)])]
    for start in dict.fromkeys((words[0][0], last)):
        begin, place = _place(bare, start, stop)
        if (start == last or place in ("line", "stop")) and _opens(bare[last:stop], place, str(closing.lastgroup)):
            opened = (_sections()[_key(bare[slice(*span)])] for span in words if span[0] >= start)
            return [Heading(begin, closing.end(), *min(opened, key=lambda section: _order()[section[0]]))]
    return []


def _spelled(typed: str) -> bool:
    """Whether words are a heading as they are typed: a single one needs its accents, `cổ` is not `có`."""
    key, written = _key(typed), normalize(typed)
    if key not in _sections() or written in _data()["no_headings"]:
        return False
    return " " in key or key in _exact() or re.sub(rf"^(?:{_data()['before_region']}) ", "", written) in _exact()


def _place(bare: str, start: int, stop: int) -> tuple[int, str]:
    """Where a heading's bullet begins, and where it stands.

    `line`: it opens its line; `stop`: after the end of a sentence; `pause`: after a comma, a dash or no blank;
    `word`: after a word; `within` a longer label or a word.
    """
    line = bare.rfind("\n", max(start - _MOST_BEFORE, 0), start)
    if (line >= 0 or start < _MOST_BEFORE) and _BULLET.fullmatch(bare, line + 1, start):
        return line + 1, "line"
    if bare[start - 1 : start] in ('"', "'") and bare[stop : stop + 1] == bare[start - 1]:  # a key of JSON
        return start - 1, "stop"
    before = max(start - _MOST_BEFORE, 0)
    if stopped := _STOPPED.search(bare, before, start):
        pause = stopped["stop"] in ",–—-" or not stopped["blank"]
        return stopped.start("number"), "pause" if pause else "stop"
    typed, label = bare[start:stop], _LABEL.search(bare, before, start)
    longer = label and " " in typed and any(style(typed) and style(label["words"]) for style in (str.isupper, str.istitle))
    return start, "within" if longer or not bare[start - 1].isspace() else "word"


def _opens(typed: str, place: str, closing: str) -> bool:
    """Whether a heading that stands there, and is followed by that, opens a section."""
    key = _key(typed)
    if closing == "colon":
        return place in ("line", "stop") or key in _listed("anywhere") or (typed[0].isupper() and place != "within")
    if place == "line" and closing in ("end", "bracket"):
        return True
    if key not in _listed("without_colon"):
        return False
    return (closing == "dash" and place == "line") or (typed.isupper() and place in ("line", "stop"))


def _key(words: str) -> str:
    """A heading as it is looked up: small letters without accents, one blank, nothing that joins, no `vùng` before a region."""
    joined = _joined(words)
    return joined if joined in _sections() else re.sub(rf"^(?:{_bare(_data()['before_region'])}) ", "", joined)


def _joined(words: str) -> str:
    return " ".join(_JOINTS.sub(" ", _bare(words)).split())


def _bare(words: str) -> str:
    return normalize(words).translate(_BARE)


@cache
def _signs() -> tuple[str, ...]:
    return tuple(_data()["signs"])


@cache
def _data() -> Any:
    return packaged(Path(__file__).with_name("sections.yaml"))


@cache
def _tables() -> list[tuple[str, bool, list[str]]]:
    """(name, whether it counts only beside two regions, its headings)."""
    tables = {table: _data()[table].items() for table in ("headings", "regions", "regions_beside_two")}
    return [(name, table == "regions_beside_two", listed) for table, rows in tables.items() for name, listed in rows]


@cache
def _sections() -> dict[str, tuple[str, bool]]:
    return {_joined(heading): (name, organ) for name, organ, listed in _tables() for heading in listed}


@cache
def _order() -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(name for name, *_ in _tables()))}


@cache
def _exact() -> frozenset[str]:
    """Headings of a single word, with their accents."""
    return frozenset(normalize(heading) for *_, listed in _tables() for heading in listed if " " not in heading)


@cache
def _listed(table: str) -> frozenset[str]:
    """Keys of the headings of a list; of those that need no colon the regions are some."""
    regions = [heading for name, _, listed in _tables() for heading in listed if name in REGIONS]
    return frozenset(map(_joined, _data()[table] + (regions if table == "without_colon" else [])))


@cache
def _words() -> re.Pattern[str]:
    """The words of any heading, without accents, the longest first."""
    return re.compile(_any_heading())


@cache
def _runs() -> re.Pattern[str]:
    """Headings that are joined: `TIỀN SỬ, BỆNH SỬ`, `TECHNIQUE AND COMPARISON`; most stand alone."""
    return re.compile(rf"(?:{_any_heading()}(?:{_BLANK}*+(?:[/&+,–-]|(?:va|and)(?!\w)){_BLANK}*+)?+)+")


@cache
def _any_heading() -> str:
    names = [re.split(r" \+ |[-/. ]", name) for name in {_bare(heading) for *_, listed in _tables() for heading in listed}]
    prefix = _bare(_data()["before_region"])
    return rf"(?<![^\W_])(?:(?:{prefix}){_BLANK}++)?(?:{_any_of(names)})(?![^\W_])"


def _any_of(names: list[list[str]]) -> str:
    """A pattern of names, word by word, the longest first; words that several begin with, and first letters, stand once."""
    joint = rf"(?:{_BLANK}*+[-–—/&,._+]{_BLANK}*+|{_BLANK}++(?:(?:va|and){_BLANK}++)?)"
    behind: dict[str, list[list[str]]] = {}
    for first, *rest in names:
        behind.setdefault(first, []).append(rest)
    letters: dict[str, list[str]] = {}
    for word, rests in behind.items():
        longer = [rest for rest in rests if rest]
        more = rf"(?:{joint}(?:{_any_of(longer)})){'' if all(rests) else '?'}" if longer else ""
        letters.setdefault(word[0], []).append(re.escape(word[1:]) + more)
    return "|".join(f"{letter}(?:{'|'.join(words)})" for letter, words in letters.items())


@cache
def _closing(*, qualified: bool) -> re.Pattern[str]:
    """What follows a heading, after words that may qualify it: a colon, the line's end, a bracket, a dash or a sentence."""
    listed, scans = (_bare("|".join(_data()[table])) for table in ("qualifiers", "qualifiers_before_colon"))
    more = rf"(?:{_BLANK}*+[(/&–-]?{_BLANK}*+(?<!\w)(?i:{listed})(?!\w)\)?)?".replace(" ", _BLANK)
    scan = rf"(?:{_BLANK}*+(?:(?i:{scans})(?!\w)|\([^()\n:]{{1,30}}\)))?".replace(" ", _BLANK)  # `Findings (chest PA):`
    mark = rf"(?:_(?i:en|vi)(?=[\"']))?(?:{_BLANK}*+[*_\"'”\]=–—-]++)?+{_BLANK}*+"  # "* KẾT LUẬN *", "[Kết luận]"
    ways = [
        rf"(?P<colon>{scan}{mark}[:\uff1a]++[*_]*+)",
        rf"(?P<end>{mark}$)",
        r"(?P<bracket>\]|\*\*|__)",
        rf"(?P<dash>{_BLANK}++[-–—]++{_BLANK})",
        rf"(?P<sentence>{_BLANK}++(?=[A-Z][a-z]|\d))",
    ]
    return re.compile(f"{more if qualified else ''}(?:{'|'.join(ways)})", re.MULTILINE)
