"""What the commands print: where a run's results are, scores as a table, examples with their trained tokens coloured."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from docphim import files

if TYPE_CHECKING:
    from docphim.language.fact import Fact

#: The metrics of the headline and how they are written; the first two that there are fit eighty columns.
HEADLINE = {"fact_f1": "fact F1", "rougeL": "ROUGE-L", "bleu4": "BLEU-4"}
#: What a number's `reading` means, by (needs_image, beats_floors); where an interval holds 0, nothing is proved equal.
READINGS = {
    (True, True): "Shown another patient's film it scores lower, and it beats every floor: it reads the film.",
    (
        True,
        False,
    ): "Shown another patient's film it scores lower, but not every floor is clearly below it, and floors need no model.",
    (True, None): "Shown another patient's film it scores lower: what it writes depends on the film.",
    (False, None): "Shown another patient's film it scores no lower, chance aside: nothing shows that it is reading the film.",
    (None, True): "It beats every floor; whether it needs the film was not tested.",
    (None, False): "Not every floor is clearly below it, and floors need no model.",
}
#: Of the scores of a pairs file these are left to --json: the short list has what is usually asked for.
_AT_LENGTH = ("fact_precision_core", "fact_recall_core", "fact_f1_macro", "fact_f1_core_macro")
_OF_LABELS = ("macro_f1", "micro_f1")
#: Columns of what a command prints as text.
WIDTH = 100
Row = dict[str, Any]


def after_run(dataset: Path, home: Path, last: str) -> None:
    """Say what a run left: studies kept and rejected, the headline scores with their floors, and where the page is."""
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    index = dataset / "prepared" / "index.jsonl"
    if index.exists():
        kept = len({row["study"] for row in files.read_jsonl(index)})
        reasons = Counter(row["reason"] for row in files.read_jsonl(dataset / "rejected.jsonl"))
        refused = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common()) or "none"
        out.print(f"studies kept {kept}; rejected: {refused}")
    out.print(f"dataset {dataset}")
    if last in ("evaluate", "page"):
        by_task = files.read_json(home / "scores.json")["by_task"]
        drafted = len({row["study"] for row in files.read_jsonl(home / "drafts.jsonl")})
        if drafted:
            out.print(f"studies without a report {drafted}: drafted, not scored (drafts.jsonl)")
        if not by_task:
            out.print("no study has a report: there are no scores")
        print("\n\n".join(headline(name, task) for name, task in by_task.items()))
    if last == "page":
        out.print(f"page {home / 'index.html'}")


def after_draft(folder: Path) -> None:
    """Say what was drafted and what was refused, and where the page is."""
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    drafted = len({row["study"] for row in files.read_jsonl(folder / "drafts.jsonl")})
    reasons = Counter(row["reason"] for row in files.read_jsonl(folder / "rejected.jsonl"))
    refused = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common()) or "none"
    out.print(f"studies drafted {drafted}; refused: {refused}")
    out.print(f"drafts {folder / 'drafts.jsonl'}", f"texts {folder / 'texts'}", f"page {folder / 'index.html'}", sep="\n")
    out.print("drafts, not for diagnosis: a doctor must read each beside its film")


def headline(name: str, task: Row) -> str:
    """One task's scores as lines of at most 80 characters: own film, floors and wrong films with the lead, findings."""
    own = task["scores"]
    counts = {key: n for key, n in (task.get("counts") or {}).items() if n and key != "predictions"}
    title = ", ".join([f"{name}: {next(iter(own.values()))['n']} reports", *(f"{n} {key}" for key, n in counts.items())])
    systems = [["own film", own, None]]
    systems += [["ceiling", task["ceiling"], None]] if task.get("ceiling") else []
    systems += [[f"floor: {k}", v, (task.get("lead") or {}).get(k, {})] for k, v in (task.get("floors") or {}).items()]
    systems += [[f"shown {k}", v, _drops(v)] for k, v in (task.get("reliance") or {}).items()]
    metrics = [metric for metric in HEADLINE if metric in own][:2]
    rows = [["", *(cell for metric in metrics for cell in (HEADLINE[metric], "own film leads by"))]]
    for label, scores, leads in systems:
        cells = [c for m in metrics for c in (_number(scores.get(m), 1), _beside(scores.get(m), leads, m))]
        rows.append([label, *cells])
    parts = [textwrap.fill(title, 80), _aligned(rows, "<" + "><" * len(metrics))]
    said = reading((task.get("reading") or {}).get(metrics[0]) if metrics else None)
    if said:
        parts.append(textwrap.fill(f"{HEADLINE[metrics[0]]}: {said[0].lower()}{said[1:]}", 80))
    elif metrics and own[metrics[0]].get("low") is None:
        parts.append("no intervals: there are fewer than 30 patients, so nothing is concluded")
    if task.get("image_gain"):
        parts.append(f"image gain {interval(task['image_gain'])} nats a report")
    if task.get("judge"):
        parts.append(judged(task["judge"]))
    if task.get("by_finding"):
        parts.append(_findings(task["by_finding"]))
    return "\n\n".join(parts)


def judged(judge: Row) -> str:
    """What a language model made of the facts: F1 with what stands beside it, failures, and agreement with the rules."""
    beside = {f"floor: {k}": v for k, v in judge["floors"].items()} | {f"shown {k}": v for k, v in judge["reliance"].items()}
    rows = [["judge", "F1", "precision", "recall"]]
    for label, scores in ({"own film": judge} | beside).items():
        rows.append([label, *(interval(scores[key], 1) for key in ("f1", "precision", "recall"))])
    lines = [f"judge {judge['model']}: {judge['n']} reports, {judge['failed']} failed", _aligned(rows, "<<<<")]
    for side, of in (judge["kappa"] or {}).items():
        said = f"kappa {interval(of['kappa'])}" if of["kappa"]["value"] is not None else f"no kappa: {of['kappa']['why']}"
        lines.append(f"judge and rules on {of['n']} sentences of the {side}: {said}")
    return "\n".join(lines)


def reading(of: Mapping[str, bool | None] | None) -> str:
    """What a number says about floors and wrong films, in a sentence; nothing where there is no interval to say it from."""
    needs, beats = (None, None) if of is None else (of["needs_image"], of["beats_floors"])
    return READINGS.get((needs, None if needs is False else beats), "")


def _drops(scores: Row) -> Row:
    return {metric: score.get("drop") for metric, score in scores.items()}


def _beside(score: Row | None, leads: Row | None, metric: str) -> str:
    """What stands right of a score: its own interval, or the lead over it with the lead's interval."""
    if leads is None:
        between = interval(score, 1).partition(" [")[2]
        return f"      [{between}" if between else ""
    lead = leads.get(metric)
    return "" if not lead else f"{lead['value']:+5.1f}" + interval(lead, 1).removeprefix(_number(lead, 1))


def _findings(found: Row) -> str:
    """True- and false-positive rate and Youden's J of each finding, on the own film and on another patient's."""
    rows = [["finding", "tpr", "fpr", "J, own film", "tpr", "fpr", "J, other"]]
    for name, by_image in found.items():
        own, other = by_image["own"], by_image.get("other") or {}
        j = {**own, "value": own["j"]}
        wrong = [_number(other.get(key)) for key in ("tpr", "fpr", "j")]
        rows.append([name, _number(own["tpr"]), _number(own["fpr"]), interval(j), *wrong])
    return _aligned(rows, "<>><>>>")


def _aligned(rows: list[list[str]], sides: str) -> str:
    """Rows as lines, every column as wide as its widest cell; no blanks at the end of a line, so that it pastes well."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:{side}{w}}" for cell, side, w in zip(row, sides, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def interval(score: Row | None, digits: int = 2) -> str:
    """`61.2 [59.8, 62.5]`, or without brackets where there is no interval."""
    if not score or score.get("value") is None:
        return "–"
    low, high = score.get("low"), score.get("high")
    between = f" [{low:.{digits}f}, {high:.{digits}f}]" if low is not None and high is not None else ""
    return _number(score, digits) + between


def _number(value: Any, digits: int = 2) -> str:
    if isinstance(value, dict):
        value = value.get("value")
    # Adding zero turns the −0 that rounding leaves into 0.
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def score_table(scored: Row) -> None:
    """Print `docphim score`'s answer: a short list of scores, errors, unknown words, faults, and each score's signature."""
    scores = {key: score for key, score in scored["scores"].items() if _in_short(key)}
    scores = dict(sorted(scores.items(), key=lambda item: (not item[0].startswith("fact_"), "/" in item[0])))
    rows = [["metric", "score", "95 % interval"]]
    rows += [[key, _number(score), interval(score).partition(" ")[2] or "–"] for key, score in scores.items()]
    parts = [_aligned(rows, "<><")]
    if not any(score["low"] is not None for score in scores.values()):
        parts.append("no interval: there are fewer than 30 patients")
    if scored.get("fact_errors"):
        told = ", ".join(f"{n} {_ERRORS.get(kind, kind)}" for kind, n in scored["fact_errors"].items() if n)
        parts.append(textwrap.fill(f"facts: {told or 'none is wrong'}", WIDTH))
    if scored.get("coverage_words"):
        parts.append("\n".join(_known(of, words) for of, words in scored["coverage_words"].items()))
    print("\n\n".join(parts), end="\n\n")
    tree({"counts": {fault: n for fault, n in scored["counts"].items() if n}})
    tree({"named": scored["named"]} if scored.get("named") else {})
    for row in scored.get("suspect") or []:
        print(f"suspect: {row['text']} of {row['id']}: {SUSPECT.get(row['why'], row['why'])}")
    more = len(scored["scores"]) - len(scores)
    left_out = f" (and {more} more scores with --json)" if more else ""
    print("", f"signatures{left_out}", *_signatures(scores), sep="\n")


def _signatures(scores: Row) -> Iterator[str]:
    """Each signature once for all the scores that share it but for the key, broken at its bars."""
    shared: dict[str, list[str]] = {}
    for key, score in scores.items():
        shared.setdefault(score["signature"].partition("|")[2], []).append(key)
    for fields, keys in shared.items():
        yield textwrap.fill(" ".join(keys), WIDTH, initial_indent="  ", subsequent_indent="  ")
        indent = " " * 4
        spaced = textwrap.fill(
            f"docphim:KEY| {fields.replace('|', '| ')}",
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        yield spaced.replace("| ", "|")


#: Why a text is suspect, in words.
SUSPECT = {
    "language": "another language than declared",
    "encoding": "bytes of another encoding (TCVN3, VNI, or UTF-8 decoded twice)",
    "control": "control characters",
}
_ERRORS = {"missing": "missing", "hallucinated": "hallucinated", "polarity": "wrong in yes or no"}
_ERRORS |= {kind: f"wrong in {kind}" for kind in ("side", "location", "severity", "number", "certainty", "change", "detail")}


def _in_short(key: str) -> bool:
    set_, _, score = key.rpartition("/")
    return score in _OF_LABELS if set_ else key not in _AT_LENGTH


def _known(of: str, words: Row, most: int = 5) -> str:
    """How many of a text's words the lexicon knows, and which it does not."""
    share = "–" if words["share"] is None else f"{words['share']:.1f} %"
    unknown = ", ".join(f"{word} {n}" for word, n in words["unknown"][:most])
    told = f"the lexicon knows {share} of the {of}s' words" + (f"; most often not: {unknown}" if unknown else "")
    return textwrap.shorten(told, WIDTH, placeholder=" …")


def facts(found: Sequence[Fact], language: str) -> None:
    """Print `docphim facts`'s answer: one fact a line, what it says first, then the words it was read from."""
    from docphim.language.lexicon import load_lexicon

    if not found:
        print("no facts")
        return
    rows = [["whether", "what", "where", "more", "words"]]
    signs = load_lexicon(language).states
    for fact in found:
        # "The heart is not enlarged": an abnormal state of which the normal is said.
        denied = "not" if fact.state and not fact.finding and signs.get(fact.state, fact.polarity) != fact.polarity else None
        parts = (fact.anatomy, fact.part, fact.finding, denied, fact.state)
        sized = "×".join(f"{value:g}" for value in fact.size_mm)
        more = (fact.count, fact.severity, sized and f"{sized} mm", fact.suv is not None and f"SUV {fact.suv:g}", fact.change)
        sure = None if fact.certainty == "certain" else fact.certainty
        cells = (parts, (fact.side, *fact.location), (sure, *more, *(f"«{word}»" for word in fact.leftover)), fact.text.split())
        rows.append([fact.polarity, *(_printable(" ".join(str(part) for part in cell if part)) for cell in cells)])
    print(_wrapped(rows, (10, 28, 20, 20)))


def _wrapped(rows: list[list[str]], widest: Sequence[int], least: int = 20) -> str:
    """Rows as lines of at most `WIDTH`: columns no wider than said, the last takes what is left; long cells go on below."""
    columns = list(zip(*rows, strict=True))
    widths = [min(most, max(map(len, column))) for most, column in zip(widest, columns, strict=False)]
    widths.append(max(least, WIDTH - sum(widths) - 2 * len(widths)))
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        lines += [list(line) for line in zip_longest(*cells, fillvalue="")]
    return _aligned(lines, "<" * len(widths))


def _printable(text: str) -> str:
    """A report's words without what would steer the terminal: escape sequences, letters that turn the line round."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def labels(states: Mapping[str, str]) -> None:
    """Print `docphim labels`'s answer: one label a line, what is affirmed first, what is not spoken of last."""
    order = ("positive", "uncertain", "negative", "unmentioned")
    print(_aligned([[name, state] for state in order for name, said in states.items() if said == state], "<<"))


def tree(value: dict[str, Any], indent: str = "") -> None:
    """Print nested values, one `key: value` a line."""
    console = Console(highlight=False, soft_wrap=True)
    for key, inner in value.items():
        if isinstance(inner, dict):
            console.print(Text(f"{indent}{key}:"))
            tree(inner, indent + "  ")
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            console.print(Text(f"{indent}{key}:"))
            for item in inner:
                console.print(Text(f"{indent}  - " + "; ".join(f"{k}: {v}" for k, v in item.items() if v not in (None, ""))))
        else:
            said = ", ".join(map(str, inner)) if isinstance(inner, list) else inner
            console.print(Text(f"{indent}{key}: {'none' if said in (None, '') else said}"))


def inspected(found: dict[str, Any], most: int = 3) -> None:
    """Print what `docphim inspect` found; refusals of one reason together, the first few by name."""
    tree({key: value for key, value in found.items() if key not in ("refused", "volumes")})
    console = Console(highlight=False, soft_wrap=True)
    for row in found.get("volumes", []):
        size = " x ".join(map(str, row["shape"] or ["?"])) + (f" at {row['spacing']} mm" if row["spacing"] else "")
        console.print(
            Text(f"volume {row['where']}: {row['modality'] or row['format']}, {size}, unit {row['unit'] or 'unknown'}")
        )
    same: dict[tuple[str, str], list[str]] = {}
    for row in found["refused"]:
        same.setdefault((row["reason"], row["why"]), []).append(row["where"])
    console.print(Text(f"refused: {len(found['refused']) or 'none'}"))
    for (reason, why), names in sorted(same.items(), key=lambda item: -len(item[1])):
        more = f" and {len(names) - most} more" if len(names) > most else ""
        console.print(Text(f"  {reason}: {why}: {', '.join(names[:most])}{more}"))


def show_examples(examples: Iterable[tuple[str, str]]) -> None:
    """Print training examples (title, rich markup) as the model will see them."""
    console = Console(highlight=False)
    for title, text in examples:
        console.rule(title, align="left")
        console.print(Text.from_markup(text))
