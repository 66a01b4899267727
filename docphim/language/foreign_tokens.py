"""Tokens as other tools cut them, so that their numbers can be made again: rouge-score, sacrebleu (13a, chrF), coco.

None of them knows Docphim's normalisation: the text is taken as it stands.
"""

from __future__ import annotations

import re
from functools import partial
from string import punctuation

from docphim.errors import UsageError
from docphim.language.tokens import Rule

_ASCII = re.compile("[a-z0-9]+")
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))

#: mteval-v13a's passes: ASCII symbols but . , - ' stand alone; . and , unless between digits; - after a digit.
_PASSES = (
    (re.compile(r"([!-&(-+/:-@\[-`{-~])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ALPHANUMERIC = {"norm": "none", "case": "lower", "tok": "ascii", "punct": "drop"}


def _as_written(name: str) -> dict[str, str]:
    return {"norm": "none", "case": "kept", "tok": name, "punct": "kept"}


def rouge_score(language: str) -> Rule:
    """rouge-score's default tokenizer: runs of ASCII letters and digits, so that a letter with a diacritic divides a word."""
    return Rule(_ALPHANUMERIC, _ascii)


def rouge_score_stemmer(language: str) -> Rule:
    """The same with `use_stemmer=True`: Porter's stemmer, as nltk has it, on tokens of more than three characters.

    Raises
    ------
    UsageError
        nltk is not installed.
    """
    try:
        from nltk.stem.porter import PorterStemmer
    except ImportError:
        raise UsageError("--convention rouge-score-stemmer needs nltk: pip install 'docphim[stem]'") from None
    stem = PorterStemmer().stem

    def cut(word: str) -> list[str]:
        return [stem(token) if len(token) > 3 else token for token in _ascii(word)]

    return Rule(_ALPHANUMERIC, cut)


def mteval_13a(language: str) -> Rule:
    """sacrebleu's default tokenizer for BLEU."""
    return Rule(_as_written("13a"), _cut_13a, _words_13a)


def chrf(language: str) -> Rule:
    """Words of sacrebleu's chrF: cut at whitespace, one sign of ASCII punctuation taken off the end, or else off the front."""
    return Rule(_as_written("chrf"), _cut_chrf)


def whitespace(language: str) -> Rule:
    """Text that was tokenised before: cut at any whitespace, as coco's BLEU and CIDEr do."""
    return Rule(_as_written("whitespace"), lambda word: [word])


def blank(language: str) -> Rule:
    """Text that was tokenised before: cut at every single blank, as coco's ROUGE-L does; two blanks hold an empty token."""
    return Rule(_as_written("blank"), lambda word: [word], partial(str.split, sep=" "))


def _ascii(word: str) -> list[str]:
    return _ASCII.findall(word.lower())


def _words_13a(text: str) -> list[str]:
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    return text.split()


def _cut_13a(word: str) -> list[str]:
    word = f" {word} "
    for pattern, spaced in _PASSES:
        word = pattern.sub(spaced, word)
    return word.split()


def _cut_chrf(word: str) -> list[str]:
    if len(word) > 1 and word[-1] in punctuation:
        return [word[:-1], word[-1]]
    if len(word) > 1 and word[0] in punctuation:
        return [word[0], word[1:]]
    return [word]
