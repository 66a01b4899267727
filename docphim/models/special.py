"""The names that transformers' processors know a tokenizer's media tokens by: given to tokenizers that lack them, and lent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from docphim.errors import Refused


def declare(tokenizer: Any, names: Mapping[str, str], where: str, optional: Collection[str] = ()) -> None:
    """Set `NAME_token` and `NAME_token_id` of a tokenizer, where it has not got them (a saved or a converted one).

    Parameters
    ----------
    names : mapping of str to str
        `NAME` to the token that stands for it unless the tokenizer names another.
    optional : collection of str
        Names whose token never reaches the model, since all of it is replaced: it may be missing from the vocabulary.

    Raises
    ------
    Refused
        `weights_layout`: the vocabulary has no such token.
    """
    vocabulary = tokenizer.get_vocab()
    for name, usual in names.items():
        token = getattr(tokenizer, f"{name}_token", None) or usual
        if token not in vocabulary and name not in optional:
            raise Refused("weights_layout", where, f"the tokenizer has no token {token!r}, which a picture is written with")
        for attribute, value in ((f"{name}_token", token), (f"{name}_token_id", vocabulary.get(token))):
            if getattr(tokenizer, attribute, None) != value:
                setattr(tokenizer, attribute, value)


def lend(processor: Any, tokenizer: Any, names: Collection[str]) -> None:
    """Set `NAME_token` and `NAME_token_id` of a processor as its tokenizer has them (see `declare`)."""
    for name in names:
        for attribute in (f"{name}_token", f"{name}_token_id"):
            setattr(processor, attribute, getattr(tokenizer, attribute))
