"""Which encoding a text is in: read when it is certain or told, else named; old Vietnamese font encodings are known too."""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

from docphim.errors import UsageError
from docphim.package_data import packaged

_BOMS = [(codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")]
#: How people call them → how encodings.yaml does.
_NAMES = {"tcvn3": "tcvn3", "abc": "tcvn3", "tcvn-3": "tcvn3", "vni": "vni", "vni-windows": "vni", "vni-win": "vni"}
# UTF-8 that was read as cp1252, Latin-1 or cp1258 has a letter of its first byte, then one of a following byte.
_FIRST = "\u00c2-\u00f4\u0102\u0103\u0110\u0111\u01a0\u01a1\u01af\u01b0"
_NEXT = "\x80-\xbf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122\ufffd"
_REREAD = re.compile(f"[{_FIRST}][{_NEXT}]")
#: Words without Vietnamese letters beyond ASCII say nothing of an encoding.
_WORD = re.compile(r"[^\s\d.,;:!?()\[\]{}<>/\\\"'|=+*&%$#@_-]+")
_ONSET = "ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnpqrstvx]"
_OPEN = "iêu|yêu|oai|oay|oao|oeo|uây|uôi|uya|uyu|ươi|ươu|uêu|ai|ao|au|ay|âu|ây|eo|êu|ia|iu|oi|ôi|ơi|ua|ui|ưa|ưi|ưu"
_NUCLEUS = "uyê|iê|yê|oa|oă|oe|oo|uâ|uê|uô|uơ|uy|ươ|[aăâeêioôơuưy]"
_COMPOSED = re.compile("[\u1ea0-\u1ef9]")  # letters that only Unicode has
_COMPOSED_WORD = re.compile(r"\S*[\u1ea0-\u1ef9]\S*")
_LETTER = re.compile("[àáâãèéêìíòóôõùúýăđĩũơư]", re.IGNORECASE)  # Vietnamese letters beside those and ASCII
_MARKS = "àáâãèéêõùúÀÁÂÃÈÉÊÕÙÚ"  # those of them that VNI puts behind a vowel
#: Where a text may change its encoding: a heading's colon, the ends of cells, lines, sentences and their parts.
_PIECE = re.compile(r"([.:;,|\t\n]+)")
_SYLLABLE = re.compile(rf"(?:{_ONSET})?(?:{_OPEN}|(?:{_NUCLEUS})(?:ng|nh|ch|[cmnpt])?)")
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_LARGEST_SAMPLE = 200_000


class WrongEncoding(UsageError):
    """A text is in another encoding than the recipe says; `looks_like` is the one that its words speak for, if any."""

    def __init__(self, data: bytes, used: str) -> None:
        self.looks_like = recognised(data)
        super().__init__(f"source.encoding: the table of reports is not {used.upper()}{_advice(self.looks_like)}")


def decoded(data: bytes, encoding: str | None) -> tuple[str, str]:
    """The text of a file and its encoding.

    Parameters
    ----------
    encoding : str, optional
        What the recipe says: a name Python knows, `tcvn3` (ABC fonts) or `vni`; by default the file's byte order mark, else
        UTF-8 and nothing else.

    Raises
    ------
    WrongEncoding
        The file is in another encoding; the message says which, where it can be recognised.
    UsageError
        There is no such encoding.
    """
    if encoding and _legacy_name(encoding):
        return from_legacy(_any_bytes(data), encoding), _legacy_name(encoding)
    used = encoding or next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    if used.lower().replace("_", "-") == "utf-16" and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        used = _utf16(data) or "utf-16-le"
    try:
        text = data.decode(used)
    except LookupError:
        raise _no_encoding(encoding) from None
    except UnicodeDecodeError:
        raise WrongEncoding(data, used) from None
    if encoding is None and used == "utf-8" and _utf16(data):  # ASCII in UTF-16 is UTF-8 too, with zeros
        raise WrongEncoding(data, used)
    return unicodedata.normalize("NFC", text) if used.lower().replace("-", "") in ("cp1258", "windows1258") else text, used


def check_encoding(encoding: str | None) -> None:
    """Refuse an encoding that does not exist.

    Raises
    ------
    UsageError
    """
    try:
        if encoding and not _legacy_name(encoding):
            codecs.lookup(encoding)
    except LookupError:
        raise _no_encoding(encoding) from None


def _no_encoding(encoding: str | None) -> UsageError:
    known = "utf-8, utf-16, cp1258, cp1252, tcvn3, vni"
    return UsageError(f"source.encoding: no encoding is called {encoding!r}; try {known}")


def recognised(data: bytes) -> str | None:
    """The encoding of a file that is no UTF-8: utf-16, cp1258, tcvn3 or vni, by its words; None where none fits."""
    if used := _utf16(data):
        return used[:6]
    sample = data[:_LARGEST_SAMPLE]
    texts = {"cp1258": unicodedata.normalize("NFC", sample.decode("cp1258", "replace"))}
    texts |= {name: from_legacy(_any_bytes(sample), name) for name in ("tcvn3", "vni")}
    shares = {name: vietnamese(text)[0] for name, text in texts.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.6 else None


def legacy_of(text: str) -> str | None:
    """`tcvn3` or `vni` where a text is written in the letters of such fonts: `Bãng tim kh«ng to`, `Boùng tim khoâng to`.

    So is one that is only in part: a program's heading in Unicode, and below it what a typist wrote.
    """
    if text.isascii():
        return None
    if not _COMPOSED.search(text):
        return _looks_like(text)
    if not _odd().search(text):
        return None
    for piece in filter(_odd().search, _PIECE.split(text)):
        if not _COMPOSED.search(piece):
            name = _looks_like(piece, words=1) if max(map(len, _WORD.findall(piece)), default=0) > 2 else None
        else:  # `Phổi saùng, goùc nhoïn`: one strange word among right ones is a slip of the keyboard
            name = next(filter(None, (_looks_like(run, strange=2) for run in _COMPOSED_WORD.split(piece))), None)
        if name:
            return name
    return None


def from_legacy(text: str, encoding: str) -> str:
    """The Unicode text of letters that an old Vietnamese font (`tcvn3`, `vni`) drew in its own way.

    Of a text that is in part Unicode already (`Mô tả: Boùng tim to`) only the other part is changed.
    """
    name = _legacy_name(encoding)
    if not _COMPOSED.search(text):
        return _drawn(text, name)
    return "".join(piece if _COMPOSED.search(piece) else _more_vietnamese(piece, name) for piece in _PIECE.split(text))


def is_legacy(encoding: str | None) -> bool:
    """Whether the recipe's encoding is that of a font, which workbooks and documents may hold too."""
    return bool(encoding and _legacy_name(encoding))


def reencoded(text: str) -> str:
    """UTF-8 that was read as Latin-1, cp1252 or cp1258, once or twice, as it was meant, where that is certain.

    Where it is not, the text holds U+FFFD, which says that letters are lost.
    """
    if not _REREAD.search(text):
        return text
    from ftfy import fix_encoding  # only where something is wrong

    for _ in range(2):
        for codec in ("cp1252", "cp1258"):
            try:
                text = _bytes_of(text, codec).decode("utf-8")
            except UnicodeError:
                continue
            break
        else:
            break
    mended = fix_encoding(text)  # of parts of it
    # Half of a text put right proves nothing of the rest: `nghi ngá» tổn` would become `nghi ngỠtổn`.
    certain = vietnamese(mended)[0] == 1 and not any(a.islower() and b.isupper() for a, b in pairwise(mended))
    return mended if mended == text or certain else text + "\ufffd"


def is_damaged(text: str) -> bool:
    """Whether a text still looks like UTF-8 that was read as something else."""
    if not _REREAD.search(text):
        return False
    from ftfy.badness import is_bad

    return bool(is_bad(text))


def vietnamese(text: str) -> tuple[float, int]:
    """The share of words with letters beyond ASCII that are Vietnamese syllables, and how many such words there are."""
    words = [word for word in _WORD.findall(text[:_LARGEST_SAMPLE].lower()) if _speaks(word)]
    if not words:
        return 0.0, 0
    return sum(map(_is_syllable, words)) / len(words), len(words)


def _looks_like(text: str, words: int = 2, strange: int = 1) -> str | None:
    """The font encoding in which a text is Vietnamese that is not as it stands: of so many words, so many strange, at least."""
    share, there = vietnamese(text)
    shares = {name: vietnamese(_drawn(text, name))[0] for name in ("tcvn3", "vni")}
    best = max(shares, key=lambda name: shares[name])
    enough = there >= words and round((1 - share) * there) >= strange
    return best if enough and shares[best] > max(0.8, share + 0.2) else None


def _drawn(text: str, name: str) -> str:
    return _pattern(name).sub(lambda m: _tables()[name][m[0]], text)


def _more_vietnamese(text: str, name: str) -> str:
    """A text as a font draws it, unless it is a label (`Lâm sàng`, `Tên`), or more Vietnamese as it stands."""
    from docphim.ingest.reports.header import labels  # here: the chain of imports stays short

    drawn = _drawn(text, name)
    return text if text.strip().lower() in labels() or vietnamese(drawn)[0] < vietnamese(text)[0] else drawn


def _speaks(word: str) -> bool:
    """Whether a word can speak for an encoding: it has ASCII letters and others, and is no measure (`µm`)."""
    return not word.isascii() and re.search("[a-z]", word) is not None and not re.fullmatch("[\xb5\u03bc](m|g|l|sv|mol)", word)


def _is_syllable(word: str) -> bool:
    apart = unicodedata.normalize("NFD", word)
    bare = unicodedata.normalize("NFC", apart.translate(_TONES))
    return sum(ord(c) in _TONES for c in apart) <= 1 and _SYLLABLE.fullmatch(bare) is not None


def _advice(name: str | None) -> str:
    """What to say in the recipe about a text whose words speak for an encoding, or for none."""
    names = {"utf-16": "UTF-16 without its mark", "cp1258": "cp1258 (Windows Vietnamese)"}
    names |= {"tcvn3": "TCVN3 (ABC fonts)", "vni": "VNI"}
    if name:
        return f" but looks like {names[name]}; to read it so, say encoding: {name}"
    return "; say what it is, such as utf-16, cp1258 (Windows Vietnamese), tcvn3, vni or cp1252"


def _utf16(data: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` where every other byte is the high one of a Latin or Vietnamese letter."""
    sample = data[: _LARGEST_SAMPLE & ~1]
    for name, high in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if high and high.count(0) > len(high) / 3 and sum(map(high.count, (0, 1, 0x1E, 0x20))) > 0.95 * len(high):
            return name
    return None


def _any_bytes(data: bytes) -> str:
    """A font's letters as Unicode has them by their byte: from UTF-8, UTF-16 or the bytes themselves."""
    import ftfy.bad_codecs  # noqa: F401  gives cp1252 the bytes that it leaves out

    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("sloppy-windows-1252")


def _bytes_of(text: str, codec: str) -> bytes:
    """The bytes that were read as `codec`, where what the codec leaves out was read as Latin-1.

    Raises
    ------
    UnicodeEncodeError
        A letter comes from neither.
    """
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return b"".join(c.encode("latin-1") if ord(c) < 256 and not _in(c, codec) else c.encode(codec) for c in text)


def _in(letter: str, codec: str) -> bool:
    try:
        return bool(letter.encode(codec))
    except UnicodeEncodeError:
        return False


def _legacy_name(encoding: str) -> str:
    return _NAMES.get(encoding.lower().replace("_", "-").replace(" ", "-"), "")


@cache
def _tables() -> dict[str, dict[str, str]]:
    """Encoding → what a font draws for a letter, or for a vowel and the mark behind it; capitals as small letters have them."""
    data: dict[str, dict[str, str]] = packaged(Path(__file__).with_name("encodings.yaml"))
    vni = {}
    for key, letter in data["vni"].items():
        vni[key] = letter
        vni[key.upper()] = vni[key[0].upper() + key[1:]] = letter.upper()
    return {"tcvn3": data["tcvn3"], "vni": vni}


@cache
def _odd() -> re.Pattern[str]:
    """What fonts' letters have and Vietnamese has not: `«`, `ø`, and VNI's pairs, such as `aâ` and `où`; `hoà` has none."""
    alone = "".join(key for table in _tables().values() for key in table if len(key) == 1 and not _LETTER.fullmatch(key))
    # One class, then a look back: every cell is searched, and a list of pairs takes four times as long.
    return re.compile(f"[{alone}{_MARKS}](?:(?<=[{alone}])|(?<=[aeAE].)|(?<=[ouyôOUYÔ][âõùÂÕÙ]))")


@cache
def _pattern(encoding: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(key) for key in sorted(_tables()[encoding], key=len, reverse=True)))
