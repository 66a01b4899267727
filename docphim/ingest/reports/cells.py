"""One cell becomes one clean text: HTML, RTF, entities, escapes decoded, lines kept, damage mended or refused."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from docphim.errors import Refused
from docphim.ingest.reports.encodings import is_damaged, legacy_of, reencoded
from docphim.ingest.values import is_nothing
from docphim.language.normalize import clean

#: Letters of a text, and of a run without a blank: a report has fewer, and a picture written as text has more.
_LONGEST_TEXT, _LONGEST_RUN = 100_000, 1_000
_LONGEST_CELL = 10_000_000
_LONGEST_RTF = 1_000_000
_SHORT = 100
_BLANKS = " \t\n\v\xa0"
_RUN = re.compile(rf"(?<!\S)\S{{{_LONGEST_RUN},}}")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31}\d{0,2});")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")  # ECMA-376 part 1, 22.9.2.19 (ST_Xstring)
_TAGS = "p|br|div|span|b|i|u|em|strong|font|table|tbody|thead|tr|td|th|ul|ol|li|h[1-6]|html|body|head|meta|style|img|a|pre"
_TAGS += "|center|sup|sub|hr|section|label|script|title|blockquote|o:p|!doctype|!--|s|small|big|strike|dl|dt|dd"
_HTML = re.compile(rf"</?(?:{_TAGS})(?=[\s/>\[])[^<>]*>|<!--", re.IGNORECASE)
# A picture inside a text: base64 in an address, hexadecimal digits in RTF.
_PICTURE = re.compile(r"data:[\w/+.-]{0,80};base64,[A-Za-z0-9+/=%\s]*")
_RTF_PICTURE = re.compile(r"(?:[0-9a-fA-F]{2}\s*+){100,}+")
_ANGLE = re.compile(r"<(/?)([A-Za-z][\w:-]*|[!?])?")
#: What hides its content, and what must close it: all that follows would be lost.
_HIDING = (("<!--", "-->"), ("<style", "</style"), ("<script", "</script"), ("<title", "</title"))
_DROPPED = {"script", "style", "head", "title", "xml", "template"}
_BLOCKS = {"p", "div", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "blockquote"}
_BLOCKS |= {"body", "center", "hr", "dl", "dt", "dd", "article", "header", "footer"}
# Word's soft break (vertical tab), page break, Unicode's line ends.
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile(" ?[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]+ ?")
# Anything that asks for more than a look: a text without it is clean but for its accents' encoding.
_MARKED = re.compile(r"[<&_{\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\xa0\ufffd]")
_LOST = re.compile(
    r"(?<![\s(])\?+[^\W\d_]|(?<=\s)\?+[^\W\d_]{2}"
)  # `B?ng tim kh?ng to`: letters became question marks for good

_INSIDE = re.compile(r"[^\W\d_]\?+[^\W\d_]")


def cell_text(cell: str) -> str:
    """The text of a cell, '' where the cell says that there is none (`nan`, NULL, #N/A, `-`).

    HTML, RTF, entities and `_x000D_` are decoded, with a line for each of their lines; UTF-8 that was read as Windows' or
    Latin letters is put right where that is certain.

    Raises
    ------
    Refused
        `report_encoding`: letters are lost, the letters are those of an old Vietnamese font (TCVN3, VNI), or a picture stands
        in the text; `row_unreadable`: the text is longer than a report can be.

    Examples
    --------
    >>> cell_text("<p>B&oacute;ng tim <b>to</b>.<br>Phổi sáng.</p>")
    'Bóng tim to.\\nPhổi sáng.'
    >>> cell_text("#N/A")
    ''
    """
    if len(cell) > _LONGEST_CELL:
        raise Refused("row_unreadable", "", "a cell is longer than a report can be")
    return _short(cell) if len(cell) < _SHORT else _text(cell)


def key_text(cell: str) -> str:
    """An id or a file's name as it is spelled, without what spreadsheets put around it; '' for `nan`, NULL, `#N/A`."""
    if not cell:
        return ""
    text = cell if cell.isalnum() else cell.replace("_x000D_", " ").replace("\xa0", " ").strip()
    return "" if is_nothing(text) else text


def _text(cell: str) -> str:
    if is_nothing(cell.strip()):
        return ""
    text = cell.strip() if cell.isascii() else reencoded(cell).strip()
    if _MARKED.search(text):
        text = reencoded(_plain(text))
    if len(text) > _LONGEST_TEXT:
        raise Refused("row_unreadable", "", "a cell is longer than a report can be")
    if not text.isascii():
        text = clean(_whole(text))
    if _has_lost(text) or (len(text) > _LONGEST_RUN and _RUN.search(text)):
        raise Refused("report_encoding")
    return "" if is_nothing(text) else text


def _has_lost(text: str) -> bool:
    """Whether letters became question marks: several, one of them inside a word; `TD ?lao ?viêm` is how doubt is written."""
    return "?" in text and _INSIDE.search(text) is not None and len(_LOST.findall(text)) > 1


@lru_cache(4096)
def _short(cell: str) -> str:
    """The same for cells that stand in a table over and over: a sex, a doctor, "no abnormality"."""
    return _text(cell)


def _whole(text: str) -> str:
    """A text with its accents composed; refused where letters are lost, are another encoding's, or are those of old fonts."""
    text = unicodedata.normalize("NFC", text)
    if "\ufffd" in text or is_damaged(text) or legacy_of(text):
        raise Refused("report_encoding")
    return text


def _plain(text: str) -> str:
    """A text whose markup is decoded; a system may have escaped what another had escaped (`&amp;lt;p&amp;gt;`)."""
    text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)
    if text.startswith("{\\rtf"):
        text = _from_rtf(text)
    for _ in range(3):
        before = text
        text = from_html(text) if _HTML.search(text) else _ENTITY.sub(lambda m: html.unescape(m[0]), text)
        if text == before:
            break
    text = _CONTROLS.sub(" ", _BREAKS.sub("\n", text)).replace("\xa0", " ")
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))  # no pattern: one for blanks takes their square


def _from_rtf(text: str) -> str:
    from striprtf.striprtf import rtf_to_text

    text = _RTF_PICTURE.sub(" ", text)
    if len(text) > _LONGEST_RTF:
        raise Refused("row_unreadable", "", "a cell is longer than a report can be")
    try:
        return str(rtf_to_text(text, errors="replace"))
    except Exception:  # the converter raises what its parts raise, on a damaged text
        raise Refused("report_encoding") from None


def from_html(text: str) -> str:
    """The text of HTML: a line for each block, line break, row of a table and item of a list; cells apart by a tab."""
    from lxml import etree

    text = _CONTROLS.sub(" ", _PICTURE.sub("", _BREAKS.sub("\n", text)))
    if any(text.lower().count(opening) > text.lower().count(closing) for opening, closing in _HIDING):
        raise Refused("row_unreadable", "", "a part of a cell's HTML is not closed")
    text = re.sub(r"<\?[^<>]*>", "", _ANGLE.sub(_tag_or_text, text))
    parser = etree.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    root = etree.fromstring(f"<html><body>{text}</body></html>", parser)
    if any(error.level_name == "FATAL" for error in parser.error_log):
        raise Refused("row_unreadable", "", "a cell's HTML is nested too deep")
    pieces: list[str] = []
    dropped = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        dropped += (tag in _DROPPED) * (1 if event == "start" else -1)
        if dropped == 0:
            pieces += _around(tag, event)
            piece = (element.text if event == "start" else element.tail) or ""
            # In HTML a line end is a blank, except where the text has no other lines.
            pieces.append(piece if tag == "pre" and event == "start" else piece.replace("\n", "\v"))
    joined = "".join(pieces)
    joined = joined.replace("\v", " " if "\n" in joined.strip(_BLANKS) else "\n")
    return "\n".join(re.sub(r"  +", " ", line).strip() for line in joined.split("\n"))


def _tag_or_text(angle: re.Match[str]) -> str:
    """`<` as it stands before a name of HTML or Office; else (`<5 mm`, `<D5>`) as text."""
    from lxml.html.defs import tags

    name = (angle[2] or "").lower()
    return angle[0] if name in tags or name in ("!", "?", "xml") or ":" in name else "&lt;" + angle[0][1:]


def _around(tag: str, event: str) -> list[str]:
    if tag in _BLOCKS or (tag == "br" and event == "start"):
        return ["\n"]
    return ["\t"] if tag in ("td", "th") and event == "end" else []
