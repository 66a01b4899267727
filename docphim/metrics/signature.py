"""The signature a number carries: everything that, chosen differently, would have given another number."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from docphim import __version__
from docphim import language as language_package
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


def reading(language: str, label_sets: Iterable[str] = ()) -> dict[str, Path]:
    """Every file that facts, and labels of these sets, depend on: words, rules, tables and the code that reads them.

    Empty where the language has no lexicon.
    """
    from docphim.language.labels import table_paths  # here, so that names of scores start without tables

    folder = Path(language_package.__file__).parent
    words = [folder / "lexicon" / f"{name}.yaml" for name in ("concepts", "same", language)]
    tables = [
        folder / "labels" / name for name in dict.fromkeys(path.name for set_ in label_sets for path in table_paths(set_))
    ]
    # What declines to answer counts as empty; of a whole report some sections are read.
    data = [*words, *tables, folder / "declined.yaml", folder / "sections.yaml"]
    rules = [folder / "read/grammar" / f"{name}.yaml" for name in ("common", language)]
    code = [*sorted(folder.glob("*.py")), *sorted((folder / "read").rglob("*.py"))]
    files = [*data, *rules, *code] if words[-1].exists() else []
    return {path.relative_to(folder).as_posix(): path for path in files}


@functools.cache
def read_by(language: str, label_set: str = "") -> dict[str, str]:
    """The fields of a signature that say how reports were read for facts: fingerprints of the words and of the code."""
    code, words = hashlib.sha256(), hashlib.sha256()
    for name, path in reading(language, [label_set] if label_set else []).items():
        content = path.read_bytes().replace(b"\r\n", b"\n")  # as a checkout on Windows may have it
        (code if name.endswith(".py") else words).update(name.encode() + b"\0" + content + b"\0")
    return {"lexicon": words.hexdigest()[:8], "reader": code.hexdigest()[:8]}


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
