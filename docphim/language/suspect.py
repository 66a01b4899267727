"""Text that is not what it is taken for: another language, letters of another encoding, control characters, markup, a table.

Scores are counted all the same; a number over such text means something else than it seems to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from docphim.language.normalize import has_picture

if TYPE_CHECKING:
    from docphim.language.typed import Cut

Suspicion = Literal["control", "picture", "html", "rtf", "table", "encoding", "language"]

#: What is said of such a text.
IN_WORDS: dict[Suspicion, str] = {
    "control": "control characters",
    "picture": "a picture written as letters, which is not read",
    "html": "HTML, whose tags are read as words",
    "rtf": "RTF, whose control words are read as words",
    "table": "a table, whose cells are read as sentences",
    "encoding": "bytes of another encoding (TCVN3, VNI, or UTF-8 decoded twice)",
    "language": "another language than declared",
}
#: So many ids are named in a line.
_NAMED = 5

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")

#: Letters that Vietnamese has and English has not.
_VIETNAMESE = frozenset(
    "ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ"  # every vowel with every mark, and đ
)

#: UTF-8 read as Latin-1 or Windows-1252 ("phá»•i"), and the sign for a byte that was lost.
_TWICE_ENCODED = re.compile("á[º»]|Ã[\u0080-\u00bf]|Ä[\u0080-\u00bf\u2018]|Æ[°¡]|\ufffd")
#: TCVN3 read as Latin-1 ("kh«ng", "®Òu"): signs that stand inside words, where no language has them.
_TCVN3 = re.compile(r"(?<=[^\W\d_])[©ª«¬\u00ad®¨µ¶·¸¹»¼½¾]|[®¨©ª«¬](?=[^\W\d_])")
#: VNI read as Latin-1 ("khoâng", "phoåi"): a mark that follows its vowel as a letter of its own.
_VNI = re.compile(r"[aeo][âêô]|[ae][ùøûõïáàåãä]|[ouy][øûïåä]|[oö][øûïõ]|öô|ñ(?=[aeiouyö])", re.IGNORECASE)

#: One of these stands in every text that the three patterns are meant for; most texts have none and are not searched.
_STRANGE = re.compile("[º»ÃÄÆ\ufffd©ª«¬\u00ad®¨µ¶·¸¹¼½¾ûïåäøñöÛÏÅØÑÖ]")

#: A tag that ends another or needs no end, or an entity: "</Findings>", "<br/>", "&oacute;"; "nốt <10 mm", "a<b>c" are none.
_HTML = re.compile(
    r"</[a-z][\w:-]*\s*>|<(?:br|hr|p|img|meta|td|tr|li)(?:\s[^<>]*)?/?>|<!(?:doctype\b|--|\[cdata\[)"
    r"|&(?:[a-z]{1,5}(?:acute|grave|circ|tilde|uml|cedil|ring)|nbsp|lt|gt|amp|quot|apos|eth|#\d{1,7}|#x[0-9a-f]{1,6});",
    re.IGNORECASE,
)
#: A document's opening, or two of its control words: `\pard\fs24`.
_RTF = re.compile(r"\{\\(?:rtf\d|\*\\)|\\pard?\\(?:pard|plain|tab|q[lcrj]|[bi]|ul|fs|f|cf|lang|sb|sa|li|fi)\d*\b")
#: A row of cells: bars around them, or three of them.  Commas and semicolons stand in sentences too: a table of these is known
#: by the names of its columns alone.
_ROW = re.compile(r"[ \t]*+(?:[|│┃](?:[^|│┃]*+[|│┃]){2}|[^|│┃\t]*+(?:[|│┃\t][^|│┃\t]*+){2})")
_COLUMNS = re.compile(r"(?:\w++[,;]){2,}+\w++", re.ASCII)

#: Fewer marks than this may stand in a good text ("5 µm", "señor").
_FEWEST_MARKS = 2
#: At least this share of words must bear a mark for the encoding to be doubted.
_MARKED = 0.2
#: Fewer words say too little about their language.
_FEWEST_WORDS = 5
#: Words with a letter that Vietnamese has and English has not: 0.60 or more of each of 107 real radiology sentences.
_VIETNAMESE_WORDS = 0.25
_FOREIGN_WORDS = 0.1
_CHINESE_LETTERS = 0.3
#: Of so many words it is remembered whether they bear marks.
_REMEMBERED = 100_000


def suspicions(text: str, language: str) -> list[Suspicion]:
    """What speaks against a text being `language` in sound Unicode; nothing in most.

    `encoding`: bytes of TCVN3 or VNI fonts read as Latin letters, UTF-8 decoded twice, lost letters.  `control`: characters
    that no report has.  `picture`: one in base64; no facts are read in it.  `html`, `rtf`: marks of such a document, which are
    read as words.  `table`: lines of cells, whose words are read as one sentence.  `language`: judged from five words on, by
    the letters of its words; not where the encoding is in doubt or the words are not the report's own.

    Parameters
    ----------
    language : {"vi", "en", "zh"}
        What the text is said to be.
    """
    doubts: list[Suspicion] = []
    if _CONTROL.search(text):
        doubts.append("control")
    if has_picture(text):
        doubts.append("picture")
    if form := _form(text):
        doubts.append(form)
    if wrongly_decoded(text):
        doubts.append("encoding")
    elif not (form or "picture" in doubts) and _another_language(text, language):
        doubts.append("language")
    return doubts


def doubt(ids: Mapping[Suspicion, Sequence[str]], whole: int) -> str:
    """One line about texts that are not what they are taken for: `suspect: control characters: 2 of 40 texts (a, b)`.

    Parameters
    ----------
    ids : mapping
        The texts of each kind, by their ids; an id is empty where a text has none.
    whole : int
        How many texts were read.
    """
    kinds = []
    for kind, words in IN_WORDS.items():
        named = list(ids.get(kind, ()))
        some = ", ".join(filter(None, [*named[:_NAMED], "…" if len(named) > _NAMED else ""]))
        if named:
            kinds.append(f"{words}: {len(named)} of {whole} text{'s' * (whole > 1)}{f' ({some})' if some else ''}")
    return f"suspect: {'; '.join(kinds)}"


def _form(text: str) -> Suspicion | None:
    """What kind of document a text is, where it is more than its words."""
    if ("<" in text or "&" in text) and _HTML.search(text):
        return "html"
    if "\\" in text and _RTF.search(text):
        return "rtf"
    return "table" if "\n" in text and _is_table(text.splitlines()) else None


def _is_table(lines: list[str]) -> bool:
    """Whether two lines in a row are rows of cells, or the first names columns and the next has as many cells."""
    if any(_ROW.match(a) and _ROW.match(b) for a, b in pairwise(lines)):
        return True
    head = lines[0].strip()
    if not _COLUMNS.fullmatch(head):
        return False
    return any(lines[1].count(sign) >= head.count(sign) > 1 for sign in ",;")


def wrongly_decoded(text: str) -> bool:
    """Whether a text was written in another encoding than the one it was read in."""
    text = unicodedata.normalize("NFC", text)
    if not _STRANGE.search(text):
        return False
    marks = max(len(pattern.findall(text)) for pattern in (_TWICE_ENCODED, _TCVN3, _VNI))
    return marks >= _FEWEST_MARKS and marks >= _MARKED * len(text.split())


class _Marks(dict[str, bool | None]):
    """Whether a word bears a letter that Vietnamese has and English has not; None of a sign, a number, a single letter.

    Each word is looked at once: reports use the same few thousand.
    """

    def __missing__(self, typed: str) -> bool | None:
        word = unicodedata.normalize("NFC", typed.lower())
        mark = not _VIETNAMESE.isdisjoint(word) if len(word) > 1 and word[0].isalpha() else None
        if len(self) < _REMEMBERED:
            self[typed] = mark
        return mark


_MARKS = _Marks()


def _another_language(text: str, language: str) -> bool:
    chinese, words = len(_CJK.findall(text)), text.split()
    marked = list(map(_MARKS.__getitem__, words))
    letters = 0
    if chinese or language == "zh":
        counted = (word for word, mark in zip(words, marked, strict=True) if mark is not None)
        letters = sum(len(unicodedata.normalize("NFC", word.lower())) for word in counted)
    if language == "zh":
        return letters >= 2 * _FEWEST_WORDS and chinese < _CHINESE_LETTERS * letters
    if chinese >= _FEWEST_WORDS and chinese >= _CHINESE_LETTERS * letters:
        return True
    return bool(_not_in(language, marked.count(True), len(marked) - marked.count(None)))


def _not_in(language: str, marked: Any, words: Any) -> Any:
    """Whether words of which so many bear marks are of another language, `vi` or not; numbers or arrays of them."""
    foreign = marked < _VIETNAMESE_WORDS * words if language == "vi" else marked > _FOREIGN_WORDS * words
    return (words >= _FEWEST_WORDS) & foreign


def may_be_suspect(texts: Sequence[str], typed: Cut, language: str) -> list[bool]:
    """Which of some texts, of which `typed` are the words, have what may make them suspect; most have nothing.

    Of Chinese, which is not told by its words, all have.
    """
    if language == "zh":
        return [True] * len(texts)
    odd = typed.which(lambda word: bool(_STRANGE.search(unicodedata.normalize("NFC", word)) or _CJK.search(word)))
    marked, words = typed.how_many(lambda word: _MARKS[word] is True), typed.how_many(lambda word: _MARKS[word] is not None)
    odd |= _not_in(language, marked, words)
    return [flag or _may_be_form(text) for flag, text in zip(odd.tolist(), texts, strict=True)]


def _may_be_form(text: str) -> bool:
    """Whether a text has lines, control characters or signs of markup, or holds a picture."""
    return not text.isprintable() or "<" in text or "&" in text or "\\" in text or has_picture(text)


def vietnamese_words(text: str) -> bool:
    """Whether a text bears the accents of Vietnamese, but for slips."""
    words = unicodedata.normalize("NFC", text.lower()).split()
    return bool(words) and _accented_share(words) >= _VIETNAMESE_WORDS


def _accented_share(words: list[str]) -> float:
    """How many of some words bear a letter that Vietnamese has and English has not."""
    return (len(words) - sum(map(_VIETNAMESE.isdisjoint, words))) / len(words)
