"""The signature a number carries: everything that, chosen differently, would have given another number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from docphim import __version__
from docphim.errors import Refused

#: What two numbers may differ in and still be compared: they are counts and seeds of the sample, not conventions.
_SAMPLE = ("n", "bs", "seed")


def signature(key: str, average: str, settings: Mapping[str, str], *, n: int, resamples: int | None, seed: int) -> str:
    """For example `docphim:bleu4|corpus|refs:1|norm:nfc+tone-old|…|n:540|bs:1000|seed:12345|v:0.1`.

    `settings` are the fields of the tokens (`Rule.signed`) and the metric's; another tool's `convention` stands first.
    `resamples` is None where no interval was made, which the signature says as `bs:none`.
    """
    fields = {
        **{name: settings[name] for name in ("convention", "tool") if name in settings},
        "refs": "1",
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
    first: dict[str, str] | None = None
    for text in signatures:
        fields = {f.partition(":")[0] if ":" in f else "average": f for f in text.split("|")}
        fields = {name: f for name, f in fields.items() if name not in _SAMPLE}
        first = first or fields
        name = next((name for name in {**fields, **first} if fields.get(name) != first.get(name)), None)
        if name is not None:
            ours, theirs = (side.get(name, f"no {name}") for side in (first, fields))
            raise Refused("signature_differs", "", f"{ours} is compared with {theirs}")
