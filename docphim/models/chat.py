"""A conversation as a checkpoint's chat template writes it, cut into what is read and what is learnt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError

from docphim.errors import Refused
from docphim.models.loaded import Expansion
from docphim.study import TAG, Message

#: A piece of a conversation's text, and whether a model learns to write it.
Piece = tuple[str, bool]
#: A message in the form chat templates take.
Turn = dict[str, Any]

#: A media tag with the white space around it, which is the template's to write.
_TAG = re.compile(rf"\s*{TAG.pattern}\s*")
#: Stands for the answer of a turn while the template is asked where it puts it: letters of a private use area.
_MARK = "\ue0d0{}\ue0d1"


def turn(message: Message, tokenizer: Any, expansions: Iterator[Expansion] | None) -> Turn:
    """A message as chat templates take it.

    Each tag of a user becomes the pictures of the next expansion; with None tags are dropped and the texts joined by line
    breaks.  Special tokens that are written out in a text become a space: they must not act as such.
    """
    text = unicodedata.normalize("NFC", message.content)
    texts = _TAG.split(text)[::2] if message.role == "user" else [text]
    texts = [_special(tokenizer).sub(" ", piece).strip() for piece in texts]
    if expansions is None:
        return _of_text(message.role, "\n".join(filter(None, texts)))
    content: list[dict[str, str]] = []
    for number, piece in enumerate(texts):
        if number:
            expansion = next(expansions)
            content += [{"type": expansion.kind}] * len(expansion.texts)
        if piece:
            content.append({"type": "text", "text": piece})
    return {"role": message.role, "content": content} if content else _of_text(message.role, "")


def _of_text(role: str, text: str) -> Turn:
    return {"role": role, "content": [{"type": "text", "text": text}]}


@lru_cache(maxsize=8)
def _special(tokenizer: Any) -> re.Pattern[str]:
    """Matches the tokens a tokenizer takes whole, but those of white space alone (Gemma has runs of line breaks)."""
    tokens = {str(token) for token in tokenizer.added_tokens_decoder.values()}
    longest_first = sorted((token for token in tokens if not token.isspace()), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def render(tokenizer: Any, turns: list[Turn], answer: bool) -> list[Piece]:
    """The conversation as the template writes it; the pieces to be learnt are each an answer with its end token.

    The template is asked with a mark in place of each answer, so that answers are found wherever it puts them.  A template
    that writes no end token after an answer (LLaVA-1.5's) gets one: a model must learn to stop.

    Parameters
    ----------
    turns : list of dict
        As `turn` makes them.
    answer : bool
        False: the prompt for one more answer is appended.

    Raises
    ------
    Refused
        `weights_layout`: the template leaves out, repeats, reorders or rewords answers, or no token could end one.
    """
    places = [number for number, one in enumerate(turns) if one["role"] == "assistant"]
    if not places:
        return [(_apply(tokenizer, turns, not answer), False)]
    marked = [_of_text("assistant", _MARK.format(n)) if n in places else one for n, one in enumerate(turns)]
    texts = {n: turns[n]["content"][0]["text"] for n in places}
    whole = _apply(tokenizer, marked, not answer)
    _refuse_rewording(whole, _apply(tokenizer, turns, not answer), texts)
    end, done = _end(tokenizer, tokenizer.chat_template), 0
    pieces: list[Piece] = []
    for number, text in texts.items():
        mark = _MARK.format(number)
        place = whole.index(mark)
        context, lead = _opening(tokenizer, marked[:number], whole, done, place)
        written = re.compile(rf"\s*{re.escape(end)}").match(whole, place + len(mark))
        pieces += [(context, False), (lead + text + (written.group() if written else end), True)]
        done = written.end() if written else place + len(mark)
    return [*pieces, (whole[done:], False)]


def _opening(tokenizer: Any, before: list[Turn], whole: str, done: int, place: int) -> tuple[str, str]:
    """What of the text is read between `done` and an answer at `place`, and what of that the model writes itself.

    A template may open an answer otherwise than it prompts for one (LLaVA-OneVision's writes a space more): then the
    prompt's words stand in training too, since they are what the model is asked with.
    """
    prompt = _apply(tokenizer, before, True)
    if whole.startswith(prompt) and len(prompt) <= place:
        return whole[done : len(prompt)], whole[len(prompt) : place]
    plain = _apply(tokenizer, before, False)
    if whole.startswith(plain) and prompt.startswith(plain):
        return whole[done : len(plain)] + prompt[len(plain) :], ""
    return whole[done:place], ""


def _refuse_rewording(whole: str, written: str, texts: dict[int, str]) -> None:
    """Refuse a template that does not write each answer once, in order, word for word."""
    marks = {_MARK.format(number): text for number, text in texts.items()}
    places = [whole.find(mark) for mark in marks]
    once = all(whole.count(mark) == 1 for mark in marks) and places == sorted(places)
    for mark, text in marks.items():
        whole = whole.replace(mark, text)
    if not once or whole != written:
        why = "the chat template leaves out, repeats, reorders or rewords answers: they cannot be told from the prompt"
        raise Refused("weights_layout", "", why)


@lru_cache(maxsize=8)
def _end(tokenizer: Any, template: str) -> str:
    """The token that ends an answer: the one `template` writes after it, else the tokenizer's own."""
    probe = [_of_text("user", "?"), _of_text("assistant", _MARK)]
    after = _apply(tokenizer, probe, False).partition(_MARK)[2].lstrip()
    if written := _special(tokenizer).match(after):
        return written.group()
    if tokenizer.eos_token is None:
        raise Refused("weights_layout", "", "neither the chat template nor the tokenizer says which token ends an answer")
    return str(tokenizer.eos_token)


def end_of_answer(tokenizer: Any) -> int:
    """Id of the token that ends an answer in training: what the chat template writes, be it the tokenizer's or not."""
    return int(tokenizer.convert_tokens_to_ids(_end(tokenizer, tokenizer.chat_template)))


def _apply(tokenizer: Any, turns: list[Turn], prompt: bool) -> str:
    """The text that the template writes; a template refuses some conversations itself (Gemma's two turns of one role)."""
    if not turns:
        return ""
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=prompt))
    except TemplateError as error:
        raise Refused("weights_layout", "", f"the chat template does not take this conversation: {error}") from error
