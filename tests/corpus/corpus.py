"""Synthetic reports with people planted in them, and clean ones; and what of them is left behind when they have been read.

A report is a letterhead, findings, an impression and a signature, in one of `SHAPES`; see kinds.yaml.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from clean_reports import body
from invented_people import bare
from kinds import ROWS, Plant, plant

KINDS = tuple(ROWS)
LATE = tuple(kind for kind, row in ROWS.items() if row.get("late"))
#: Kinds whose letters are their point.
_AS_TYPED = {"known_with_invisible_signs", "known_in_entities"}
SHAPES = ("lines", "lines", "lines", "one_line", "capitals", "unaccented", "addendum")
#: How the letters of a whole report are typed.
TYPED: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "unaccented": bare,
    "small": str.lower,
    "plain_capitals": lambda text: bare(text).upper(),
    "plain_small": lambda text: bare(text).lower(),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A report of the corpus: its text, the sentences that must stay, and what was planted (None in a clean one)."""

    text: str
    language: str
    shape: str
    sentences: tuple[str, ...]
    kind: str = ""
    plant: Plant | None = None


def planted(seed: int, reports: int, kinds: tuple[str, ...] = KINDS, shapes: tuple[str, ...] = SHAPES) -> Iterator[Sample]:
    """Reports with people, each kind as often as the next; a kind may have shapes of its own."""
    for number in range(reports):
        rng = Random(f"{seed}/{number}")
        name = kinds[number % len(kinds)]
        yield _report(
            rng, ROWS[name].get("language", "vi"), rng.choice(ROWS[name].get("shapes", shapes)), name, plant(name, rng)
        )


def clean(seed: int, reports: int, shapes: tuple[str, ...] = SHAPES) -> Iterator[Sample]:
    """Reports in which nobody is named, one in four in English."""
    for number in range(reports):
        rng = Random(f"clean {seed}/{number}")
        yield _report(rng, "en" if number % 4 == 3 else "vi", rng.choice(shapes), "", None)


def _report(rng: Random, language: str, shape: str, kind: str, plant: Plant | None) -> Sample:
    findings, impression = body(rng, language)
    sentences = (*findings, *impression)
    if plant and plant.place == "body":
        findings.insert(rng.randrange(len(findings)), plant.text)
    heads = ("Mô tả:", "Kết luận:") if language == "vi" else ("Findings:", "Impression:")
    if shape == "one_line" and not (plant and "\n" in plant.text):
        parts = [plant.text + "." if plant and plant.place == "head" else "", heads[0], *findings, heads[1], *impression]
        signature = plant.text if plant and plant.place == "signature" else ""
        text = " ".join(filter(None, [*parts, signature]))
    else:
        head = plant.text if plant and plant.place == "head" else ""
        signature = plant.text if plant and plant.place == "signature" else ""
        addendum = "Bổ sung: phim có chất lượng đạt." if shape == "addendum" and language == "vi" else ""
        lines = [head, heads[0], " ".join(findings), heads[1] + " " + " ".join(impression), signature, addendum]
        text = "\n".join(filter(None, lines))
    if kind not in _AS_TYPED and language == "vi":
        text = TYPED[shape](text) if shape in TYPED else text
    return Sample(text, language, shape, sentences, kind, plant)


def leaks(sample: Sample, output: str) -> list[str]:
    """Words and numbers of the planted person that stand in the output more often than in the report without the person."""
    if sample.plant is None:
        return []
    rest = _squeezed(sample.text).replace(_squeezed(sample.plant.text), " ") + " " + _squeezed(sample.plant.frame)
    left, before = Counter(_words(output)), Counter(_words(rest))
    found = [w for w in sample.plant.words if left[_squeezed(w)] > before[_squeezed(w)]]
    glued = re.sub(r"[\W\d_]+", "", _squeezed(output))
    found += [w for w in sample.plant.words if len(w) > 7 and _squeezed(w) in glued]
    found += [w for w in sample.plant.words if "." in w and _squeezed(w) in _squeezed(output).replace(" ", "")]
    numbers, numbers_before = Counter(re.findall(r"\d+", output)), Counter(re.findall(r"\d+", rest))
    chunks = [chunk for d in sample.plant.digits for chunk in re.findall(r"\d+", d)]
    return found + [c for c in chunks if numbers[c] > numbers_before[c] or (len(c) > 4 and c in output)]


def lost(sample: Sample, output: str) -> list[str]:
    """Sentences of the report that are not whole in the output."""
    whole = " ".join(_words(output, digits=True))
    return [s for s in sample.sentences if " ".join(_words(s, digits=True)) not in whole]


def _squeezed(text: str) -> str:
    return " ".join(bare(unicodedata.normalize("NFC", text)).lower().split())


def _words(text: str, digits: bool = False) -> list[str]:
    return re.findall(r"[^\W_]+" if digits else r"[^\W\d_]+", _squeezed(text))
