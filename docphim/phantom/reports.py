"""Reports of phantom films: one truth in the many words of radiologists, which `templates_vi.yaml` and `_en.yaml` hold."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from docphim.errors import UsageError
from docphim.files import seed_of
from docphim.package_data import packaged
from docphim.phantom.patient import Patient, profile_of
from docphim.study import Finding

LANGUAGES = ("vi", "en")

#: Cardiothoracic ratios on a PA film: below the first normal, up to the second mildly enlarged, above it clearly.
RATIO_NORMAL, RATIO_MILD = 0.50, 0.55

Statement = tuple[str, str]  # region of the film, words

_ROMAN = {3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII", 9: "IX"}
_ORDINAL = {3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth"}
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Seen:
    """A visible finding as it is worded: several broken ribs of one side and arc are one."""

    finding: Finding
    ribs: tuple[int, ...] = ()


@dataclass
class Pen:
    """One radiologist's choices while writing one report."""

    rng: np.random.Generator
    template: Mapping[str, Any]
    habits: Mapping[str, Any]
    numbers: dict[str, str] = field(default_factory=dict)

    def happens(self, habit: str) -> bool:
        """Whether something of the given frequency happens this time."""
        return bool(self.rng.random() < self.habits[habit])

    def choose(self, wordings: Sequence[str]) -> str:
        """The usual (first) wording as often as `first` says, else one of the others that this profile uses, all alike."""
        wordings = wordings[: self.habits["wordings"]]
        if len(wordings) == 1:
            return wordings[0]
        if self.rng.random() < max(self.habits["first"], 1 / len(wordings)):
            return wordings[0]
        return wordings[1 + int(self.rng.integers(len(wordings) - 1))]


@functools.cache
def template(language: str, modality: str = "xray") -> dict[str, Any]:
    """The wordings of a language for a film or a CT.

    Raises
    ------
    UsageError
        The phantom does not write in it.
    """
    if language not in LANGUAGES:
        raise UsageError(f"language: {language!r} is not one of {', '.join(LANGUAGES)}")
    folder = Path(__file__).parent / ("ct" if modality == "ct" else "")
    return cast(dict[str, Any], packaged(folder / f"templates_{language}.yaml"))


def compose(
    patient: Patient,
    findings: Iterable[Finding],
    ctr: float | None,
    language: str,
    seed: int,
    profile: str = "paper",
    modality: str = "xray",
) -> dict[str, str]:
    """Write the report of a film or a CT.

    Parameters
    ----------
    patient : Patient
        Whose film it is; an AP film states no cardiothoracic ratio.
    findings : iterable of Finding
        What is there; only the visible ones are stated, everything else reads as normal or is left unsaid.
    ctr : float or None
        Cardiothoracic ratio measured on the projection; on a PA film it decides how enlarged the heart is called.
    language : str
        `vi` or `en`.
    seed : int
        Another seed words the same truth otherwise.
    profile : str
        Whose habits the report has: the `report` section of that profile in `prevalence.yaml`.
    modality : str
        `xray` or `ct`: whose templates are used.  A CT has no `ctr`.

    Returns
    -------
    dict
        `findings` and `impression`, in NFC.
    """
    also = () if modality == "xray" else (modality,)
    rng = np.random.default_rng(seed_of("report", profile, language, patient.id, patient.seed, seed, *also))
    pen = Pen(rng, template(language, modality), profile_of(profile)["report"])
    ctr = ctr if patient.view == "PA" else None
    seen = _seen(findings, ctr)
    if ctr is not None and pen.happens("ratio") and _agrees(ctr, seen):
        pen.numbers["ctr"] = decimal(pen, f"{ctr:.2f}")
    report = {"findings": _layout(pen, _findings(pen, seen)), "impression": _layout(pen, _impression(pen, seen))}
    return _abbreviated(pen, report) if pen.happens("abbreviate") else report


def _seen(findings: Iterable[Finding], ctr: float | None) -> list[Seen]:
    """The visible findings, the heart's severity as its ratio says, neighbouring ribs together."""
    visible = [f for f in findings if f.visible]
    ribs: dict[tuple[Any, str], list[int]] = {}
    for f in visible:
        if f.name == "rib_fracture":
            number, arc = (f.zone or "").removeprefix("rib").split("/")
            ribs.setdefault((f.side, arc), []).append(int(number))
    broken = [
        Seen(Finding("rib_fracture", side=side, zone=arc), tuple(sorted(numbers))) for (side, arc), numbers in ribs.items()
    ]
    return [Seen(_by_ratio(f, ctr)) for f in visible if f.name != "rib_fracture"] + broken


def _by_ratio(finding: Finding, ctr: float | None) -> Finding:
    if finding.name != "cardiomegaly" or ctr is None:
        return finding
    if ctr <= RATIO_MILD:
        return replace(finding, severity="mild")
    return finding if finding.severity != "mild" else replace(finding, severity="moderate")


def _agrees(ctr: float, seen: list[Seen]) -> bool:
    """A ratio is printed only where it says what the words say, also after rounding."""
    return (round(ctr, 2) >= RATIO_NORMAL) == any(s.finding.name == "cardiomegaly" for s in seen)


def _findings(pen: Pen, seen: list[Seen]) -> list[Statement]:
    """Statements region by region, with their region: what is found there, then what is normal there."""
    names = {s.finding.name for s in seen}
    other = _healthy_side(pen, seen)
    by_region: dict[str, list[str]] = {}
    for item in seen:
        entry = pen.template["findings"][item.finding.name]
        by_region.setdefault(entry["region"], []).append(_word(pen, entry, item))
    for entry in pen.template["normal"].values():
        fits = not names & set(entry.get("unless", ())) and (not entry.get("when") or names & set(entry["when"]))
        if not fits or ("said" in entry and not pen.happens(entry["said"])):
            continue
        values = {**pen.numbers, "other": other}
        if wordings := fitting(entry["wordings"], values):
            by_region.setdefault(entry["region"], []).append(fill(pen.choose(wordings), values))
    return [(region, words) for region in _order(pen) for words in by_region.get(region, [])]


def _order(pen: Pen) -> list[str]:
    orders = pen.template["orders"]
    return list(orders[int(pen.rng.integers(1, len(orders)))] if pen.happens("reorder") else orders[0])


def _healthy_side(pen: Pen, seen: list[Seen]) -> str:
    """The word for the side without any lung or pleural finding; empty where there is none or it is both."""
    regions = {name: entry["region"] for name, entry in pen.template["findings"].items()}
    sides = {s.finding.side for s in seen if regions[s.finding.name] in ("lungs", "pleura")}
    return pen.template["words"]["other"].get(next(iter(sides)), "") if len(sides) == 1 else ""


def _impression(pen: Pen, seen: list[Seen]) -> list[Statement]:
    """What matters first; a film with nothing visible gets the sentence for a normal one."""
    part = pen.template["impression"]
    if not seen:
        return [("", pen.choose(part["normal"]))]
    ranked = sorted(seen, key=lambda s: part["order"].index(s.finding.name))
    if pen.happens("reorder"):
        ranked = [ranked[i] for i in pen.rng.permutation(len(ranked))]
    lines = [("", _word(pen, part["findings"][s.finding.name], s)) for s in ranked]
    names = {s.finding.name for s in seen}
    call = next((r for r in part["recommend"] if names & set(r["when"])), None)
    return [*lines, ("recommend", pen.choose(call["wordings"]))] if call and pen.happens("recommend") else lines


def _word(pen: Pen, entry: Mapping[str, Any], item: Seen) -> str:
    values = _values(pen, item)
    wordings = fitting(entry.get(item.finding.severity or "any") or entry.get("any") or entry["moderate"], values)
    if not wordings:
        raise ValueError(f"no wording for {item.finding}: it lacks a side, place or size")
    return fill(pen.choose(wordings), values)


def fitting(wordings: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The wordings that can be filled: outside brackets they name only what has a value."""
    return [w for w in wordings if all(values.get(name) for name in _NAME.findall(_OPTIONAL.sub("", w)))]


def _values(pen: Pen, item: Seen) -> dict[str, str]:
    """Everything a wording may name for this finding; what does not apply is empty."""
    words, f = pen.template["words"], item.finding
    values = dict(pen.numbers)
    for name in ("side", "at", "other", "angle", "base", "effusion", "hilum", "apex"):
        values[name] = _pick(pen, words.get(name, {}).get(f.side))
    for name in ("degree", "amount"):
        values[name] = _pick(pen, words[name].get(f.severity))
    values["arc"] = _pick(pen, words["arc"].get(f.zone))
    if f.side and not item.ribs:
        values["place"] = _pick(pen, words["place"][f.zone or "none"][f.side])
    if f.size_mm:
        values["mm"], values["cm"] = f"{f.size_mm:.0f} mm", decimal(pen, f"{f.size_mm / 10:.1f}") + " cm"
    if item.ribs:
        values["ribs"] = words.get("ribs", {}).get("one" if len(item.ribs) == 1 else "many", "")
        values["roman"], values["ordinal"] = _listed(pen, _ROMAN, item.ribs), _listed(pen, _ORDINAL, item.ribs)
        values["number"] = _listed(pen, {n: str(n) for n in item.ribs}, item.ribs)
    return values


def _pick(pen: Pen, words: Any) -> str:
    return pen.choose(words) if isinstance(words, list) else words or ""


def _listed(pen: Pen, names: Mapping[int, str], ribs: tuple[int, ...]) -> str:
    *first, last = [names[rib] for rib in ribs]
    return pen.template["words"]["and"].join([", ".join(first), last]) if first else last


def decimal(pen: Pen, number: str) -> str:
    """A number with the language's decimal sign."""
    return number.replace(".", pen.template["words"]["decimal"])


def fill(wording: str, values: Mapping[str, str]) -> str:
    """Put values into a wording; a bracketed part that names something without a value goes."""

    def part(match: re.Match[str]) -> str:
        return match[1] if all(values.get(name) for name in _NAME.findall(match[1])) else ""

    return _NAME.sub(lambda match: values[match[1]], _OPTIONAL.sub(part, wording))


def _layout(pen: Pen, statements: list[Statement]) -> str:
    """Sentences, a line for each, or clauses: neighbours of one company share a sentence, two at most."""
    kinds = pen.habits["layout"]
    kind = list(kinds)[int(pen.rng.choice(len(kinds), p=np.array(list(kinds.values())) / sum(kinds.values())))]
    if kind == "lines" and len(statements) > 1:
        return "\n".join(f"- {sentence(words)}" for _, words in statements)
    if kind != "clauses":
        return " ".join(sentence(words) for _, words in statements)
    joint = pen.choose(pen.template["joints"])
    company = {region: n for n, regions in enumerate(pen.template["companies"]) for region in regions}
    sentences: list[list[Statement]] = []
    for region, words in statements:
        last = sentences[-1] if sentences else []
        if len(last) == 1 and company.get(last[0][0]) == company.get(region):
            last.append((region, words))
        else:
            sentences.append([(region, words)])
    return " ".join(sentence(joint.join(words for _, words in pair)) for pair in sentences)


def sentence(statement: str) -> str:
    """A statement with a capital and a stop."""
    return statement[0].upper() + statement[1:] + "."


def _abbreviated(pen: Pen, report: dict[str, str]) -> dict[str, str]:
    out = dict(report)
    for section, text in report.items():
        for long, short in pen.template["abbreviations"].items():
            text = re.sub(rf"\b{re.escape(long)}\b", short, text, flags=re.IGNORECASE)
        out[section] = text
    return out
