"""Where in the image of a body each sentence of its report belongs, and one report put together from those of its regions.

Sentences under a region's heading belong to that region; those on bones and muscles, and those under no heading, to the regions
in which their anatomy lies (data: places.yaml).  The impression is of the whole body and is never divided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from docphim.language.fact import Fact
from docphim.language.facts import facts
from docphim.language.lesion_words import lesion_words, spaced
from docphim.language.lexicon import Lexicon, load_lexicon
from docphim.language.normalize import clean, normalize
from docphim.language.regions import parts
from docphim.language.sections import sentence_ends
from docphim.package_data import packaged
from docphim.study import REGIONS

#: A place with a number: what `places.yaml` lists of `vertebra_t5` is `vertebra_t`, of `station_4r` `station_`.
_NUMBERED = re.compile(r"(vertebra_[a-z]|[a-z]+_)\d")

#: The heading under which reports list bones and muscles.
_BONES = "musculoskeletal"


def by_place(findings: str, language: str, shown: Sequence[str], flags: Sequence[str] = ()) -> dict[str, str]:
    """What the findings say of each region of an image, sentences in their order; one of which they say nothing is absent.

    Parameters
    ----------
    findings : str
        The whole section, with or without the headings of regions.
    shown : sequence of str
        The regions that the image shows; what is said of another goes to a neighbour (`instead` of places.yaml).
    flags : sequence of str
        Of the image: where the arms lie.

    Returns
    -------
    dict
        Region → text, without headings.  Every sentence is in one of them at least: one that says of no place where it is goes
        where the sentence before it went, or to every region where that is not known either or all bones are spoken of.
    """
    spoken: dict[str, list[str]] = {region: [] for region in shown}
    for sentence, regions in _placed(clean(findings), language, tuple(shown), tuple(flags)):
        for region in regions:
            spoken[region].append(sentence)
    return {region: " ".join(sentences) for region, sentences in spoken.items() if sentences}


def joined(texts: Mapping[str, str], language: str, *, headings: bool) -> str:
    """One report from those of its regions, from the head down, bones and limbs last; what several say stands there once.

    Parameters
    ----------
    headings : bool
        Whether each part stands under its heading, as in reports that are listed so.
    """
    lexicon, known = load_lexicon(language), set[str]()

    def bones(anatomy: str) -> bool:
        return any(lexicon.within(anatomy, listed) for listed in _table()["bones"])

    lines: dict[str, list[str]] = {name: [] for name in _table()["headings"][language]}
    for region in REGIONS:
        line = place = region if region in lines else _BONES
        for sentence in _sentences(clean(texts.get(region, ""))):
            if named := [fact.anatomy for fact in facts(sentence, language) if fact.anatomy]:
                line = _BONES if all(map(bones, named)) else place
            if (key := normalize(sentence).strip(" .;")) not in known:
                lines[line].append(sentence)
                known.add(key)
    heads = {name: f"{heading}: " if headings else "" for name, heading in _table()["headings"][language].items()}
    return "\n".join(heads[name] + " ".join(sentences) for name, sentences in lines.items() if sentences)


def has_headings(findings: str) -> bool:
    """Whether the findings are listed under the headings of regions."""
    return any(part.region for part in parts(clean(findings)))


@cache
def _table() -> dict[str, Any]:
    return dict(packaged(Path(__file__).with_suffix(".yaml")))


def _placed(
    findings: str, language: str, shown: tuple[str, ...], flags: tuple[str, ...]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Each sentence with the regions that it belongs to."""
    for part in parts(findings):
        listed = _table()["sections"].get(part.region)
        before: Sequence[str] = shown
        for sentence in _sentences(findings[part.begin : part.end]):
            before = _seen(listed, shown) if listed else _regions(sentence, language, shown, flags, before)
            yield sentence, before


def _sentences(text: str) -> list[str]:
    """Its sentences, without the blanks around them."""
    spans = pairwise([0, *sentence_ends(text)])
    return [sentence for start, end in spans if (sentence := text[start:end].strip())]


def _regions(
    sentence: str, language: str, shown: tuple[str, ...], flags: tuple[str, ...], before: Sequence[str]
) -> Sequence[str]:
    """Where the anatomy of a sentence lies; where the one before it went, if it names none and denies nothing."""
    read, lexicon = facts(sentence, language), load_lexicon(language)
    places = [_regions_of(fact, lexicon, flags) for fact in read]
    named = [place for place in places if place is not None]
    if named:
        return _seen([region for place in named for region in place], shown)
    everywhere = any(fact.anatomy for fact in read) or any(fact.polarity in ("absent", "normal") for fact in read)
    return shown if everywhere else before


def _regions_of(fact: Fact, lexicon: Lexicon, flags: Sequence[str]) -> list[str] | None:
    """The regions of all places of a fact ("C5 và T7"), else of its anatomy; None where it lies in none of them."""
    table = _table()
    arms = [region for flag, regions in table["arms"].items() if flag in flags for region in regions]
    arms = arms or table["arms"]["arms_unknown"]
    names = [numbered[1] if (numbered := _NUMBERED.match(place)) else place for place in fact.location]
    if listed := [region for name in names for region in table["locations"].get(name, ())]:
        return listed
    soft = lesion_words(lexicon.language).soft(fact.anatomy, spaced(fact.text, lexicon))
    if soft:
        return [region for name in soft for region in _in_image(table["soft_tissue"][name], arms)]
    anatomy = fact.anatomy
    while anatomy and anatomy not in table["anatomy"]:
        anatomy = lexicon.anatomy.get(anatomy, {}).get("in")
    if not anatomy:
        return None
    return _in_image(table["anatomy"][anatomy], arms)


def _in_image(names: Sequence[str], arms: Sequence[str]) -> list[str]:
    """Regions of places.yaml, the arms where they lie."""
    return [place for name in names for place in (arms if name == "arms" else [name])]


def _seen(regions: Sequence[str], shown: tuple[str, ...]) -> Sequence[str]:
    """The regions that the image shows, from the head down; a neighbour of each that it does not."""
    instead = _table()["instead"]
    seen = {next((name for name in (region, *instead[region]) if name in shown), "") for region in regions}
    return [region for region in shown if region in seen]
