"""A report as its text encoder reads it: whole where it fits, else part by part (regions, sentences), and nothing cut off."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.language.normalize import clean

#: Positions that RoBERTa and its kin, PhoBERT among them, keep for padding.
_PADDED = 2
_SENTENCE_END = re.compile(r"(?<=[.;!?])\s+|\n+")
#: What the class of PhoBERT's tokenizer is called.
PHOBERT = "PhobertTokenizer"
#: Words that differ in accents alone.
_WITH, _WITHOUT = "tràn dịch màng phổi phải", "tran dich mang phoi phai"


def longest_of(config: Any, tokenizer: Any) -> int:
    """Tokens that a text encoder reads at most, the signs around a text among them."""
    positions = int(getattr(config, "max_position_embeddings", 512))
    positions -= _PADDED if "roberta" in str(config.model_type) else 0
    return min(positions, int(tokenizer.model_max_length))


def check_tokenizer(tokenizer: Any, where: str) -> None:
    """Refuse a tokenizer to which `tràn` and `tran` are one: half of what a Vietnamese report says lies in its accents.

    Raises
    ------
    Refused
        `weights_layout`.
    """
    if tokenizer.tokenize(_WITH) == tokenizer.tokenize(_WITHOUT):
        why = "its tokenizer takes accents off (tràn becomes tran); use a cased encoder, or set strip_accents to false"
        raise Refused("weights_layout", where, why)


def wants_words(tokenizer: Any) -> bool:
    """Whether a tokenizer was trained on words joined by underscores (`phổi_phải`), as PhoBERT's was."""
    return type(tokenizer).__name__.startswith(PHOBERT)


def check_words(words: bool) -> None:
    """Refuse (UsageError) to join words where underthesea, which tells them, is not installed."""
    if words and importlib.util.find_spec("underthesea") is None:
        raise UsageError("model.text_encoder.words: true needs underthesea, not installed here: pip install 'docphim[vi]'")


def report_parts(text: str, tokenizer: Any, longest: int, words: bool = False) -> list[list[int]]:
    """A report's token ids, each list with the signs around it and at most `longest` long.

    Case and accents stay.  A report that fits is one part.  Another is divided by the regions it lists, a region that is too
    long by its sentences, as many as fit together, and a sentence that is too long by tokens: each token stands in one part.

    Parameters
    ----------
    words : bool
        Join the syllables of a word by underscores (underthesea).
    """
    whole = _ids(tokenizer, unicodedata.normalize("NFC", text).strip(), words)
    before, behind = signs(tokenizer)
    room = longest - len(before) - len(behind)
    pieces = _regions(clean(text)) if len(whole) > room else []
    parts = [ids for piece in pieces for ids in _packed(piece, tokenizer, room, words)] if pieces else [whole]
    return [[*before, *ids, *behind] for ids in parts]


def signs(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer writes before and behind a text."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    start = next(i for i in range(len(whole)) if whole[i : i + len(plain)] == plain)
    return whole[:start], whole[start + len(plain) :]


def _regions(text: str) -> list[str]:
    """The text by the regions that it lists, and by its paragraphs where it lists none."""
    from docphim.language.regions import parts as region_parts  # here: a report that fits needs none

    pieces = [text[part.start : part.end] for part in region_parts(text)]
    pieces = pieces if len(pieces) > 1 else text.split("\n\n")
    return [piece for piece in pieces if piece.strip()]


def _packed(text: str, tokenizer: Any, room: int, words: bool) -> Iterator[list[int]]:
    """Sentences of a piece, as many together as there is room for."""
    held: list[int] = []
    for sentence in _SENTENCE_END.split(text):
        ids = _ids(tokenizer, sentence, words)
        if held and len(held) + len(ids) > room:
            yield held
            held = []
        held = held + ids
        while len(held) > room:
            yield held[:room]
            held = held[room:]
    if held:
        yield held


def _ids(tokenizer: Any, text: str, words: bool) -> list[int]:
    if words:
        from underthesea import word_tokenize

        text = str(word_tokenize(text, format="text"))
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
