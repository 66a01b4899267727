"""`docphim stats` on a terminal: a dataset's tables as aligned text of at most 100 columns."""

from __future__ import annotations

from typing import Any

from docphim.columns import aligned
from docphim.language.lexicon import LANGUAGES, load_lexicon
from docphim.language.terms import term

Row = dict[str, Any]
#: What each count of leaks.json is about.
_LEAKS = {
    "patient": "a patient in several splits",
    "pixels": "the same pixels in several splits",
    "similar": "nearly the same film in several splits",
    "report": "the same report in several splits",
}
#: Spreads of the table of PET, in words, and what is shown of each.
_SPREADS = {
    "slices_a_study": "slices",
    "step_mm": "step, mm",
    "suv_max": "SUVmax of the volume",
    "uptake_minutes": "uptake, minutes",
    "suv_a_report": "SUVmax stated a report",
    "suv_stated": "SUVmax stated",
}
_SPREAD = ("p5", "p50", "p95", "max", "mean")
_DUPLICATES = {"report": "the same report", "pixels": "the same pixels"}


def tables(stats: Row, language: str, examples: int = 10) -> str:
    """The tables of `dataset_stats` for people, concepts in the words of a language; `examples` contradictions by study."""
    parts = [_studies(stats), _lengths(stats["lengths"]), _ages(stats["ages"])]
    if stats["anatomy"] is None:
        parts.append(f"no lexicon for {language}: anatomy, diagnoses and contradictions are not counted")
    else:
        anatomy = [[term(name, "anatomy", language), str(n), name] for name, n in stats["anatomy"]]
        parts.append(aligned([["anatomy spoken of", "reports", ""], *anatomy], "<><"))
        diagnoses = [[named(name, language), grade or "", str(n), name] for name, grade, n in stats["diagnoses"]]
        parts.append(aligned([["found", "severity", "reports", ""], *diagnoses], "<<><"))
        parts.append(_contradictions(stats["contradictions"], examples))
    if "volumes" in stats:
        parts.append(_volumes(stats["volumes"]))
    if "pet" in stats:
        parts.append(_whole_body(stats["pet"]))
    parts += [_duplicates(stats["duplicates"]), _leaks(stats["leaks"])]
    parts += [_questions(stats["questions"])] if "questions" in stats else []
    return "\n\n".join([*parts, *([_pairs(stats["pairs"])] if "pairs" in stats else [])])


def named(name: str, language: str) -> str:
    """A diagnosis of the tables in words: `heart/enlarged` is "tim to", and "enlarged heart" in English."""
    anatomy, _, what = name.rpartition("/")
    if language not in LANGUAGES:
        return name
    lexicon = load_lexicon(language)
    finding = what in lexicon.findings
    words = [term(what, "findings" if finding else "states", language)]
    if anatomy:
        # vi "gãy xương sườn", "tim to"; en "rib fracture", "enlarged heart"
        words.insert(1 if finding == lexicon.modifiers_after else 0, term(anatomy, "anatomy", language))
    return " ".join(words)


def _studies(stats: Row) -> str:
    splits = ", ".join(f"{split} {n}" for split, n in stats["studies"].items())
    sexes = ", ".join(f"{sex} {n}" for sex, n in stats["sexes"].items())
    return f"{sum(stats['studies'].values())} studies: {splits}\nsex: {sexes}"


def _lengths(lengths: Row) -> str:
    """Least, mean and most of each section, in words too where they were counted."""
    in_words = any(row["words"] for sections in lengths.values() for row in sections.values())
    units = ["syllables", "words"][: 1 + in_words]
    rows = [["length", "section", "reports", *(f"{unit}: min / mean / max" for unit in units)]]
    for split, sections in lengths.items():
        for section, row in sections.items():
            ends = (row[unit] for unit in units)
            cells = [f"{m['min']} / {m['mean']:.1f} / {m['max']}" if m else "–" for m in ends]
            rows.append([split, section, str(row["reports"]), *cells])
    return aligned(rows, "<<>>>"[: 3 + len(units)])


def _ages(ages: Row) -> str:
    if ages["min"] is None:
        return f"age: unknown of {ages['unknown']}"
    most = max(n for _, n in ages["histogram"])
    title = f"age: {ages['min']} to {ages['max']}, mean {ages['mean']:.1f}; unknown {ages['unknown']}"
    rows = [[f"{start}–{start + 9}", str(n), "#" * round(40 * n / most)] for start, n in ages["histogram"]]
    return title + "\n" + aligned(rows, ">><")


def _contradictions(counts: Row, examples: int) -> str:
    title = f"impression contradicts findings: side {counts['side']}, yes or no {counts['polarity']} studies"
    rows = [[row["study"], row["split"], row["kind"]] for row in counts["studies"][:examples]]
    more = counts["side"] + counts["polarity"] - len(rows)
    left = [f"  and {more} more; --json shows what the first of them say"] if more and rows else []
    return "\n".join([title, *(f"  {line}" for line in (aligned(rows, "<<<").splitlines() if rows else ())), *left])


def _volumes(of: Row) -> str:
    """How many volumes, of which kernels, and whose lungs are cut off; --json has a row for each."""
    kernels = ", ".join(f"{name} {n}" for name, n in of["kernels"].items())
    cut = ", ".join(f"{face} {n}" for face, n in of["lungs_cut"].items()) or "none"
    ends = [["volumes", "min", "mean", "max"]]
    for key, name in (("slices", "slices"), ("step_mm", "step, mm"), ("lungs_litres", "lungs, litres")):
        ends.append([name, *(f"{of[key][end]:g}" for end in ("min", "mean", "max"))])
    often = "–" if of["often"] is None else f"{of['often']:.0%}"
    title = f"{len(of['each'])} volumes; kernels: {kernels}\nlungs cut off: {cut}"
    return f"{title}\n{aligned(ends, '<>>>')}\nsaid five times or more: {often} of the text"


def _whole_body(of: Row) -> str:
    """How many PET, with how many CT, and spreads of their slices, values and reports; a PET without a unit has no SUV."""
    units = ", ".join(f"{n} in {unit}" if unit != "none" else f"{n} without a unit" for unit, n in of["units"].items())
    slices = f"{of['slices']['all']} slices, {of['slices']['pairs']} of them with the CT's"
    named = {name: of[name] for name in _SPREADS} | {f"length, {name}": row for name, row in of["lengths"].items()}
    rows = [["PET", "n", *_SPREAD]]
    for name, row in named.items():
        if row:
            rows.append([_SPREADS.get(name, name), str(row["n"]), *(f"{row[key]:g}" for key in _SPREAD)])
    lines = [f"{of['volumes']['pet']} PET ({units}), {of['volumes']['pet_ct']} CT; {slices}", aligned(rows, "<>" + ">" * 5)]
    if of["uptake"]:
        lines.append("reports by how they speak of uptake: " + ", ".join(f"{way} {n}" for way, n in of["uptake"].items()))
    return "\n".join(lines)


def _duplicates(groups: Row) -> str:
    rows = [["in several studies", "groups", "studies", "largest", "across splits"]]
    for kind, row in groups.items():
        rows.append([_DUPLICATES[kind], *(str(row[key]) for key in ("groups", "studies", "largest"))])
        rows[-1].append(f"{row['across_splits']['groups']} groups, {row['across_splits']['studies']} studies")
    return aligned(rows, "<>>><")


def _leaks(leaks: Row) -> str:
    totals = {kind: ", ".join(f"{n} {name}" for name, n in row.items()) for kind, row in leaks.items()}
    return aligned([["leaks", ""], *([_LEAKS.get(kind, kind), counts] for kind, counts in totals.items())], "<<")


def _pairs(pairs: Row) -> str:
    """How many negatives of each kind, how often a study is a partner, whence its labels, how often fewer labels had to do."""
    rows = [["pairs", "kind", "examples", "without", "a partner's uses: mean / most", "labels", "labels less"]]
    for split, kinds in pairs.items():
        for kind, row in kinds.items():
            uses = f"{row['mean']:.1f} / {row['most']}" if "most" in row else ""
            steps = ", ".join(f"{step}: {n}" for step, n in row.get("steps", {}).items())
            sources = ", ".join(f"{source}: {n}" for source, n in row.get("labels", {}).items())
            rows.append([split, kind, str(row["pairs"]), str(row["without"]), uses, sources, steps])
    return aligned(rows, "<<>>><<")


def _questions(tasks: Row) -> str:
    """How often each kind of question is asked, by split, and how many of those of yes and no are answered by yes."""
    rows = [["questions", "split", "kind", "asked", "yes"]]
    notes = []
    for task, splits in tasks.items():
        for split, of in splits.items():
            rows += [[task, split, kind, str(row["asked"]), str(row.get("yes", ""))] for kind, row in of["kinds"].items()]
            left = ", ".join(f"{reason} {n}" for reason, n in of["left_out"].items())
            notes.append(f"{task}, {split}: of {of['studies']} studies" + (f"; not asked: {left}" if left else ""))
    return "\n".join([aligned(rows, "<<<>>"), *notes])
