"""Sentences of reports in which nobody is named, and reports made of them; many hold words that are names elsewhere."""

from __future__ import annotations

from pathlib import Path
from random import Random

import yaml

#: How many reports speak of patients or doctors in one more sentence.
_ABOUT_PEOPLE = 0.5
SIDES = ["phải", "trái"]
SENTENCES = yaml.safe_load((Path(__file__).parent / "sentences.yaml").read_text(encoding="utf-8"))


def sentence(rng: Random, choices: list[str]) -> str:
    """One of them, with its side and numbers drawn."""
    pattern = rng.choice(choices)
    right = rng.choice(["right", "left"])
    filled = pattern.format(s=rng.choice(SIDES), r=right, d=rng.randint(20, 79), e=rng.randint(3, 9))
    return filled[0].upper() + filled[1:]


def body(rng: Random, language: str) -> tuple[list[str], list[str]]:
    """Sentences of findings and of the impression, about 50 syllables."""
    findings, impressions = SENTENCES[f"findings_{language}"], SENTENCES[f"impressions_{language}"]
    about_people = [sentence(rng, SENTENCES[f"people_{language}"])] if rng.random() < _ABOUT_PEOPLE else []
    return (
        [sentence(rng, findings) for _ in range(rng.randint(4, 8 - len(about_people)))] + about_people,
        [sentence(rng, impressions) for _ in range(rng.randint(1, 2))],
    )
