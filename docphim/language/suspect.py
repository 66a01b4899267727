"""Text that is not what it is taken for: another language, letters of another encoding, control characters.

Scores are counted all the same; a number over such text means something else than it seems to.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Suspicion = Literal["language", "encoding", "control"]

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


def suspicions(text: str, language: str) -> list[Suspicion]:
    """What speaks against a text being `language` in sound Unicode; nothing in most.

    `encoding`: bytes of TCVN3 or VNI fonts read as Latin letters, UTF-8 decoded twice, lost letters.  `control`: characters
    that no report has.  `language`: judged from five words on, by the letters of its words; not where the encoding is in doubt.

    Parameters
    ----------
    language : {"vi", "en", "zh"}
        What the text is said to be.
    """
    doubts: list[Suspicion] = []
    if _CONTROL.search(text):
        doubts.append("control")
    if wrongly_decoded(text):
        doubts.append("encoding")
    elif _another_language(text, language):
        doubts.append("language")
    return doubts


def wrongly_decoded(text: str) -> bool:
    """Whether a text was written in another encoding than the one it was read in."""
    text = unicodedata.normalize("NFC", text)
    if not _STRANGE.search(text):
        return False
    marks = max(len(pattern.findall(text)) for pattern in (_TWICE_ENCODED, _TCVN3, _VNI))
    return marks >= _FEWEST_MARKS and marks >= _MARKED * len(text.split())


def _another_language(text: str, language: str) -> bool:
    chinese = len(_CJK.findall(text)) if text and max(text) > "\u3400" else 0
    words = [word for word in unicodedata.normalize("NFC", text.lower()).split() if len(word) > 1 and word[0].isalpha()]
    letters = sum(map(len, words))
    if language == "zh":
        return letters >= 2 * _FEWEST_WORDS and chinese < _CHINESE_LETTERS * letters
    if chinese >= _FEWEST_WORDS and chinese >= _CHINESE_LETTERS * letters:
        return True
    if len(words) < _FEWEST_WORDS:
        return False
    share = _accented_share(words)
    return share < _VIETNAMESE_WORDS if language == "vi" else share > _FOREIGN_WORDS


def vietnamese_words(text: str) -> bool:
    """Whether a text bears the accents of Vietnamese, but for slips."""
    words = unicodedata.normalize("NFC", text.lower()).split()
    return bool(words) and _accented_share(words) >= _VIETNAMESE_WORDS


def _accented_share(words: list[str]) -> float:
    """How many of some words bear a letter that Vietnamese has and English has not."""
    return (len(words) - sum(map(_VIETNAMESE.isdisjoint, words))) / len(words)
