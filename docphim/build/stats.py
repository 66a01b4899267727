"""What a dataset holds, as the tables of a dataset's paper: `docphim stats`, and `stats.json` beside `leaks.json`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from docphim.build.contradictions import contradictions
from docphim.build.leaks import report_keys
from docphim.build.pair_stats import pair_stats
from docphim.build.question_stats import question_stats
from docphim.build.volumes import volumes
from docphim.build.whole_body import whole_body
from docphim.files import read_json, read_jsonl, read_studies
from docphim.language.facts import LANGUAGES, Fact, facts
from docphim.language.lexicon import Lexicon, load_lexicon
from docphim.language.regions import whole
from docphim.language.sections import REPORTED
from docphim.language.tokens import rule
from docphim.study import SPLITS, Row, Split, Study

#: So many rows of the tables of anatomy and of diagnoses, and so many contradicting studies by name.
MOST, SHOWN = 20, 50
#: How sure a report must be of a finding for it to be counted; "not excluded" and "hard to see" are no diagnoses.
_SURE = ("certain", "probable", "possible")
_NOTHING: Row = {"anatomy": None, "diagnoses": None, "contradictions": None}


def dataset_stats(dataset: Path, language: str, words: bool = False) -> Row:
    """The tables of a dataset whose examples are built; docs/data.md says what each holds.

    Parameters
    ----------
    language : str
        Of its reports.  Where there is no lexicon for it, `anatomy`, `diagnoses` and `contradictions` are None.
    words : bool
        Whether reports are measured in words too (Vietnamese only).

    Raises
    ------
    UsageError
        Words are asked for in another language, or underthesea is not installed.
    """
    split_of: dict[str, Split] = {
        row["study"]: split for split in SPLITS for row in read_jsonl(dataset / "examples" / f"{split}.jsonl")
    }
    studies = [s for s in read_studies(dataset) if s.id in split_of and s.report]
    sexes = Counter(study.sex or "unknown" for study in studies)
    leaks = read_json(dataset / "leaks.json")
    index = [row for row in read_jsonl(dataset / "prepared" / "index.jsonl") if row["study"] in split_of]
    texts = [text for study in studies for text in whole(_sections(study)).values()]
    read = _read(studies, language) if language in LANGUAGES else None
    of_pet = whole_body(index, [_sections(study) for study in studies], _counter("syllable", language), read)
    of_volumes = volumes(index, texts, _counter("syllable", language))
    pairs, asked = pair_stats(dataset), question_stats(dataset)
    return {
        "studies": {split: sum(split_of[s.id] == split for s in studies) for split in SPLITS},
        "lengths": _lengths(studies, split_of, language, words),
        "ages": _ages(studies),
        "sexes": {sex: sexes[sex] for sex in ("F", "M", "unknown")},
        **(_spoken(studies, split_of, load_lexicon(language), read) if read is not None else _NOTHING),
        "duplicates": {
            "report": _duplicates(report_keys(studies, split_of)),
            "pixels": _duplicates((row["sha256"], row["study"], split_of[row["study"]]) for row in index),
        },
        **({"volumes": of_volumes} if of_volumes else {}),
        **({"pet": of_pet} if of_pet else {}),
        "leaks": {kind: {name: n for name, n in row.items() if name != "shown"} for kind, row in leaks.items()},
        **({"pairs": pairs} if pairs else {}),
        **({"questions": asked} if asked else {}),
    }


def _lengths(studies: Sequence[Study], split_of: dict[str, Split], language: str, words: bool) -> Row:
    """By split and section: reports, and least, mean and most syllables and words."""
    texts: dict[Split, dict[str, list[str]]] = {split: defaultdict(list) for split in SPLITS}
    for study in studies:
        for section, text in _sections(study).items():
            texts[split_of[study.id]][section].append(text)
    count, count_words = _counter("syllable", language), _counter("word", language) if words else None
    return {
        split: {
            section: {
                "syllables": _ends(map(count, of)),
                "words": None if count_words is None else _ends(map(count_words, of)),
                "reports": len(of),
            }
            for section, of in sections.items()
        }
        for split, sections in texts.items()
        if sections
    }


def _counter(name: str, language: str) -> Callable[[str], int]:
    """How many tokens of a rule of `docphim.language.tokens` a text has."""
    how = rule(name, language)
    lengths: dict[str, int] = {}

    def count(text: str) -> int:
        total = 0
        for unit in how.units(text):
            if unit not in lengths:
                lengths[unit] = len(how.cut(unit))
            total += lengths[unit]
        return total

    return count


def _ages(studies: Sequence[Study]) -> Row:
    """Studies by decade of age, those between that nobody has too; in years."""
    ages = [study.age for study in studies if study.age is not None]
    decades = Counter(age // 10 * 10 for age in ages)
    between = range(min(decades), max(decades) + 10, 10) if decades else ()
    ends = _ends(ages) or dict.fromkeys(("min", "mean", "max"))
    return {"histogram": [[start, decades[start]] for start in between], **ends, "unknown": len(studies) - len(ages)}


def _ends(numbers: Iterable[int]) -> Row | None:
    of = list(numbers)
    return {"min": min(of), "mean": round(sum(of) / len(of), 2), "max": max(of)} if of else None


def _read(studies: Sequence[Study], language: str) -> list[dict[str, list[Fact]]]:
    """What each study's findings and impression say."""
    return [
        {section: facts(text, language) for section, text in _sections(study).items() if section in REPORTED}
        for study in studies
    ]


def _spoken(
    studies: Sequence[Study], split_of: dict[str, Split], lexicon: Lexicon, reports: Sequence[dict[str, list[Fact]]]
) -> Row:
    """What reports speak of, what they find, and where their impression contradicts their findings."""
    anatomy: Counter[str] = Counter()
    diagnoses: Counter[tuple[str, str | None]] = Counter()
    kinds: Counter[str] = Counter()
    contradicting: list[Row] = []
    for study, read in zip(studies, reports, strict=True):
        spoken = [fact for section in read.values() for fact in section]
        anatomy.update({fact.anatomy for fact in spoken if fact.anatomy})
        diagnoses.update(_diagnoses(spoken, lexicon))
        first = {c.kind: c for c in reversed(contradictions(read.get("findings", []), read.get("impression", [])))}
        kinds.update(first.keys())
        for kind, c in sorted(first.items()):
            row = {"study": study.id, "split": split_of[study.id], "kind": kind}
            contradicting.append({**row, "findings": c.findings.text, "impression": c.impression.text})
    return {
        "anatomy": [list(row) for row in sorted(anatomy.items(), key=lambda row: (-row[1], row[0]))[:MOST]],
        "diagnoses": [
            [name, severity, n]
            for (name, severity), n in sorted(diagnoses.items(), key=lambda row: (-row[1], row[0][0], row[0][1] or ""))[:MOST]
        ],
        "contradictions": {"side": kinds["side"], "polarity": kinds["polarity"], "studies": contradicting[:SHOWN]},
    }


def _diagnoses(spoken: Iterable[Fact], lexicon: Lexicon) -> set[tuple[str, str | None]]:
    """What one report finds, with severities; a mention without one counts only where no other has one."""
    findings = {(name, fact.severity) for fact in spoken if (name := _name(fact, lexicon)) is not None}
    graded = {name for name, severity in findings if severity}
    return {(name, severity) for name, severity in findings if severity or name not in graded}


def _name(fact: Fact, lexicon: Lexicon) -> str | None:
    """`effusion` where it usually is, `pericardium/effusion` elsewhere, `heart/enlarged`; None of what is no diagnosis."""
    if fact.polarity not in ("present", "abnormal") or fact.certainty not in _SURE:
        return None
    if fact.finding is None:
        return f"{fact.anatomy}/{fact.state}" if fact.anatomy and fact.state else None
    concept = lexicon.findings[fact.finding]
    if concept.get("normal"):
        return None
    usual = fact.anatomy in (None, concept.get("of"), concept.get("usually"))
    return fact.finding if usual else f"{fact.anatomy}/{fact.finding}"


def _sections(study: Study) -> dict[str, str]:
    """The sections that say something, findings and impression first."""
    assert study.report is not None
    sections = {section: text for section, text in study.report.sections.items() if text.strip()}
    return dict(sorted(sections.items(), key=lambda item: ("findings", "impression", item[0]).index(item[0])))


def _duplicates(keys: Iterable[tuple[str, str, Split]]) -> Row:
    """Groups of studies that share a key, of (key, study, split): how many, how large, and how many in several splits."""
    groups: dict[str, dict[str, Split]] = defaultdict(dict)
    for key, study, split in keys:
        groups[key][study] = split
    shared = [members for members in groups.values() if len(members) > 1]
    across = [members for members in shared if len(set(members.values())) > 1]
    return {
        **_counted(shared),
        "largest": max(map(len, shared), default=0),
        "across_splits": _counted(across),
    }


def _counted(groups: Sequence[dict[str, Split]]) -> Row:
    return {"groups": len(groups), "studies": sum(map(len, groups))}
