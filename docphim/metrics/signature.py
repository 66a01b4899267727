"""The signature a number carries: everything that, chosen differently, would have given another number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from docphim import __version__
from docphim.errors import Refused
from docphim.language.tokens import token_name

#: What two numbers may differ in and still be compared: they are counts and seeds of the sample, not conventions.
_SAMPLE = ("n", "bs", "seed")


def signature(
    key: str, average: str, settings: Mapping[str, str], language: str, *, n: int, resamples: int | None, seed: int
) -> str:
    """For example `docphim:bleu4|corpus|refs:1|norm:nfc+tone-old|…|n:540|bs:1000|seed:12345|v:0.1`.

    `resamples` is None where no interval was made, which the signature says as `bs:none`.
    """
    fields = {
        "refs": "1",
        "norm": "nfc+tone-old",
        "case": "lower",
        "tok": token_name(language),
        "punct": "drop",
        **settings,
        "n": str(n),
        "bs": str(resamples) if resamples else "none",
        "seed": str(seed) if resamples else "none",
        "v": ".".join(__version__.split(".")[:2]),
    }
    return "|".join([f"docphim:{key}", average, *(f"{name}:{value}" for name, value in fields.items())])


def check_comparable(signatures: Iterable[str]) -> None:
    """Refuse to compare numbers made under different conventions.

    Raises
    ------
    Refused
        `signature_differs`, naming the first field that differs.
    """
    first: list[str] | None = None
    for text in signatures:
        fields = [f for f in text.split("|") if f.partition(":")[0] not in _SAMPLE]
        first = first or fields
        if fields != first:
            ours, theirs = next(((a, b) for a, b in zip(first, fields, strict=False) if a != b), (first[-1], fields[-1]))
            raise Refused("signature_differs", "", f"{ours} is compared with {theirs}")
