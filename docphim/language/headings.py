"""Where the headings of a report stand and what each opens: `MÔ TẢ`, `2) Findings:`, `[Kết luận]`, `ĐẦU CỔ:`.

Which words are headings stands in sections.yaml.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
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
    organ: bool = False


def _without_accents() -> dict[int, str]:
    """Letter → the same without its accents: one character each, so that places in a text stay."""
    letters = (chr(code) for first, last in ((0xC0, 0x250), (0x1E00, 0x1F00)) for code in range(first, last))
    plain = {ord(letter): unicodedata.normalize("NFD", letter)[0] for letter in letters}
    return {code: letter for code, letter in plain.items() if letter.isascii()} | {ord("Đ"): "D", ord("đ"): "d"}


_BARE = _without_accents()
_BLANK = r"[^\S\n]"
_NUMBER = rf"\(?(?:\d{{1,2}}(?:\.\d{{1,2}}){{0,2}}|[IVX]{{1,4}}|[a-hA-H]){_BLANK}*+[.)/:–-]++"
#: What stands before a heading on its line.
_BULLET = re.compile(rf"(?:{_BLANK}|[>#*•·+–—=→\"“\[{{(-])*+(?:{_NUMBER})?(?:{_BLANK}|[*_\"“\[])*+")
_LONGEST_BULLET = 40
#: What ends a sentence before a heading inside a line, and the heading's number: `… không to. 2. Kết luận:`.
_STOPPED = re.compile(
    rf"(?P<stop>[.;:\uff1a!?…|)\]}}\"”*•,–—-])(?P<blank>{_BLANK}*+)(?P<number>(?<!\d)(?:{_NUMBER}{_BLANK}*+)?)[*_]*+$"
)
_WORD_BEFORE = re.compile(rf"(?P<first>[^\W_])\w*+{_BLANK}++$")
_MOST_BEFORE = 24
#: What joins the words of a heading: `BỤNG - CHẬU`, `ABDOMEN AND PELVIS`.
_JOINTS = re.compile(r"[-–—/&,._+]|\b(?:va|and)\b")


def headings(text: str) -> list[Heading]:
    """Every heading of a clean text, in its order; a region's counts wherever it stands (`divide` chooses)."""
    if not may_have_headings(text):
        return []
    bare = text.translate(_BARE)
    listed: list[Heading] = []
    for m in _words().finditer(bare.lower()):
        within = listed and m.start() < listed[-1].end  # `KẾT LUẬN VÀ ĐỀ NGHỊ:` is one
        if not within and (heading := _heading(text, bare, m)):
            listed.append(heading)
    return listed


def may_have_headings(text: str) -> bool:
    """Whether it is worth while to look for headings; most of the texts that are scored have none."""
    return ":" in text or "\n" in text or any(map(text.__contains__, _signs()))


def is_heading(words: str) -> bool:
    """Whether words alone are a heading: `Kết luận`, `Ngực`; not `Bác sĩ`."""
    return _key(words) in _sections() and _spelled(words, _key(words))


def heading_names() -> list[str]:
    """Every heading that opens a section, normalised."""
    return [normalize(heading.replace(" +", "")) for headings in _data()["headings"].values() for heading in headings]


def _heading(text: str, bare: str, words: re.Match[str]) -> Heading | None:
    """The heading that these words are, if what stands around them makes them one."""
    start, stop = words.span()
    key = _key(words.group())
    if key not in _sections() or not _spelled(text[start:stop], key):
        return None
    begin, place = _place(bare, start, stop)
    closing = _closing().match(bare, stop)
    if closing is None or not _opens(bare[start:stop], key, place, str(closing.lastgroup)):
        return None
    return Heading(begin, closing.end(), *_sections()[key])


def _spelled(typed: str, key: str) -> bool:
    """Whether words may be a heading as they are typed: a single one needs its accents, `cổ` is not `có`."""
    written = normalize(typed)
    return written not in _data()["no_headings"] and (" " in key or key in _exact() or written in _exact())


def _place(bare: str, start: int, stop: int) -> tuple[int, str]:
    """Where a heading's bullet begins, and where it stands.

    `line`: it opens its line; `stop`: after the end of a sentence; `pause`: after a comma, a dash or no blank;
    `word`: after a word in small letters; else `within` other words.
    """
    line = bare.rfind("\n", max(start - _LONGEST_BULLET, 0), start)
    if (line >= 0 or start < _LONGEST_BULLET) and _BULLET.fullmatch(bare, line + 1, start):
        return line + 1, "line"
    if bare[start - 1 : start] in ('"', "'") and bare[stop : stop + 1] == bare[start - 1]:  # a key of JSON
        return start - 1, "stop"
    before = bare[max(start - _MOST_BEFORE, 0) : start]
    if stopped := _STOPPED.search(before):
        pause = stopped["stop"] in ",–—-" or not stopped["blank"]
        return start - (len(before) - stopped.start("number")), "pause" if pause else "stop"
    word = _WORD_BEFORE.search(before)
    return start, "word" if word and not word["first"].isupper() else "within"


def _opens(typed: str, key: str, place: str, closing: str) -> bool:
    """Whether a heading that stands there, and is followed by that, opens a section."""
    if closing == "colon":
        return place in ("line", "stop") or key in _listed("anywhere") or (typed[0].isupper() and place != "within")
    if closing in ("end", "bracket"):
        return place == "line"
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
    joint = rf"(?:{_BLANK}*+[-–—/&,._+]{_BLANK}*+|{_BLANK}++(?:(?:va|and){_BLANK}++)?)"
    longest_first = sorted({_bare(h) for *_, listed in _tables() for h in listed}, key=len, reverse=True)
    parts = [map(re.escape, re.split(r" \+ |[-/. ]", name)) for name in longest_first]
    names = [joint.join(words) for words in parts]
    return re.compile(rf"(?<![^\W_])(?:(?:{_bare(_data()['before_region'])}){_BLANK}++)?(?:{'|'.join(names)})(?![^\W_])")


@cache
def _closing() -> re.Pattern[str]:
    """What follows a heading, after words that may qualify it: a colon, the line's end, a bracket, a dash or a sentence."""
    listed = _bare("|".join(_data()["qualifiers"]))
    more = rf"(?:{_BLANK}*+[(/&–-]?{_BLANK}*+(?<!\w)(?i:{listed})(?!\w)\)?)?".replace(" ", _BLANK)
    mark = rf"(?:_(?i:en|vi)(?=[\"']))?(?:{_BLANK}*+[*_\"'”\]=–—-]++)?+{_BLANK}*+"  # "* KẾT LUẬN *", "[Kết luận]"
    ways = [
        rf"(?P<colon>{mark}[:\uff1a]++[*_]*+)",
        rf"(?P<end>{mark}$)",
        r"(?P<bracket>\]|\*\*|__)",
        rf"(?P<dash>{_BLANK}++[-–—]++{_BLANK})",
        rf"(?P<sentence>{_BLANK}++(?=[A-Z][a-z]|\d))",
    ]
    return re.compile(f"{more}(?:{'|'.join(ways)})", re.MULTILINE)
