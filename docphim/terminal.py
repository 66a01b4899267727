"""What the commands print: where a run's results are, scores as a table, examples with their trained tokens coloured."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from docphim import files
from docphim.columns import aligned
from docphim.counts import by_reason, of_films
from docphim.errors import printable
from docphim.language.suspect import IN_WORDS
from docphim.scores import Coverage, Judgement, JudgeScores, Rates, Reading, Score, TaskScores, UrgentRow, read_scores
from docphim.study import from_row

if TYPE_CHECKING:
    from docphim.language.fact import Fact
    from docphim.language.why import Reason

#: So many metrics beside each other fit eighty columns.
ABREAST = 2
#: What a number's `reading` means, by (needs_image, beats_floors); where an interval holds 0, nothing is proved equal.
READINGS = {
    (True, True): "Shown another patient's {film} it scores lower, and it beats every floor: it reads the {film}.",
    (
        True,
        False,
    ): "Shown another patient's {film} it scores lower, but not every floor is clearly below it, and floors need no model.",
    (True, None): "Shown another patient's {film} it scores lower: what it writes depends on the {film}.",
    (False, None): "Shown another patient's {film} it scores no lower, chance aside: nothing shows that it reads the {film}.",
    (None, True): "It beats every floor; whether it needs the {film} was not tested.",
    (None, False): "Not every floor is clearly below it, and floors need no model.",
}
#: Columns of what a command prints as text.
WIDTH = 100
Row = dict[str, Any]


def after_run(dataset: Path, home: Path, last: str) -> None:
    """Say what a run left: studies kept and rejected, the headline scores with their floors, and where the page is."""
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    index = dataset / "prepared" / "index.jsonl"
    if index.exists():
        usable = len({row["study"] for row in files.read_jsonl(index)})
        refused = by_reason(row["reason"] for row in files.read_jsonl(dataset / "rejected.jsonl"))
        out.print(f"studies kept {usable}; rejected: {refused}")
    out.print(f"dataset {dataset}")
    if last in ("evaluate", "page"):
        by_task = read_scores(home / "scores.json")
        drafted = len({row["study"] for row in files.read_jsonl(home / "drafts.jsonl")})
        if drafted:
            out.print(f"studies without a report {drafted}: drafted, not scored (drafts.jsonl)")
        if not by_task:
            out.print("no study has a report: there are no scores")
        print("\n\n".join(headline(str(key), task, called(dataset)) for key, task in by_task.items()))
    if last == "page":
        out.print(f"page {home / 'index.html'}")


def after_variants(dataset: Path, home: Path, last: str) -> None:
    """Print the tables of a recipe with variants, and say where they are."""
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    out.print(f"dataset {dataset}")
    if last in ("evaluate", "page"):
        print((home / "tables.txt").read_text(encoding="utf-8"), end="")
        out.print(f"page {home / 'index.html'}")


def after_draft(folder: Path) -> None:
    """Say what was drafted and what was refused, and where the page is."""
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    drafted = len({row["study"] for row in files.read_jsonl(folder / "drafts.jsonl")})
    refused = by_reason(row["reason"] for row in files.read_jsonl(folder / "rejected.jsonl"))
    out.print(f"studies drafted {drafted}; refused: {refused}")
    for note in of_films(folder / "work"):
        out.print(note)
    out.print(f"drafts {folder / 'drafts.jsonl'}", f"texts {folder / 'texts'}", f"page {folder / 'index.html'}", sep="\n")
    out.print(f"drafts, not for diagnosis: a doctor must read each beside its {called(folder / 'work')}")


def called(dataset: Path) -> str:
    """What a dataset's images are called: `scan` where all are volumes, else `film`."""
    from docphim.page import inputs

    return inputs.called(list(files.read_jsonl(dataset / "prepared" / "index.jsonl")))


def headline(name: str, task: TaskScores, film: str = "film") -> str:
    """One task's scores as lines of at most 80 characters: own film, floors and wrong films with the lead, findings.

    `film` is what the lines call an image (see `called`).
    """
    from docphim.metrics.catalogue import heads, title_of

    counts = [f"{n} {key}" for key, n in task.counts.items() if n and key not in ("predictions", "declined")]
    if task.declined is not None:
        counts.append(f"declined {_declined(task.counts['declined'], task.counts['predictions'])}")
    parts = [textwrap.fill(", ".join([f"{name}: {task.n} reports", *counts]), 80)]
    metrics = heads(key for key, score in task.scores.items() if score.value is not None)[:ABREAST]
    rows = [["", *(cell for metric in metrics for cell in (title_of(metric).en, f"own {film} leads by"))]]
    for label, scores, leads in _systems(task, film):
        cells = [c for m in metrics for c in (_number(scores.get(m), 1), _beside(scores.get(m), leads, m))]
        rows.append([label, *cells])
    parts += [aligned(rows, "<" + "><" * len(metrics)), *_conclusion(task, metrics, film)]
    if task.errors is not None:
        parts.append(acted_on(task.errors, task.n, 80))
    if task.image_gain:
        parts.append(f"image gain {interval(task.image_gain)} nats a report")
    if task.judge:
        parts.append(judged(task.judge, film))
    if task.by_finding:
        parts.append(_findings(task.by_finding, film))
    return "\n\n".join(parts)


def _declined(drafts: int, of: int) -> str:
    """`3 of 40 (7.5 %)`."""
    return f"{drafts} of {of} ({100 * drafts / of:.3g} %)"


def _systems(task: TaskScores, film: str) -> Iterator[tuple[str, Mapping[str, Score], Mapping[str, Score] | None]]:
    """Every system of a task with its name and scores, and the own film's lead over it where it has one."""
    yield f"own {film}", task.scores, None
    if task.ceiling:
        yield "ceiling", task.ceiling, None
    yield from ((f"floor: {floor}", scores, task.lead.get(floor, {})) for floor, scores in task.floors.items())
    for image, scores in task.reliance.items():
        yield f"shown {image}", scores, {metric: score.drop for metric, score in scores.items() if score.drop}


def _conclusion(task: TaskScores, metrics: Sequence[str], film: str) -> Iterator[str]:
    """What the first metric says of floors and wrong films, in a sentence."""
    from docphim.metrics.catalogue import title_of

    sentence = reading(task.reading.get(metrics[0]), film) if metrics else ""
    if sentence:
        yield textwrap.fill(f"{title_of(metrics[0]).en}: {sentence[0].lower()}{sentence[1:]}", 80)
    elif metrics and task.scores[metrics[0]].low is None:
        yield "no intervals: there are fewer than 30 patients, so nothing is concluded"


def judged(judge: Judgement, film: str = "film") -> str:
    """What a language model made of the facts: F1 with what stands beside it, failures, and agreement with the rules."""
    systems: dict[str, Judgement | JudgeScores] = {f"own {film}": judge}
    systems |= {f"floor: {k}": v for k, v in judge.floors.items()} | {f"shown {k}": v for k, v in judge.reliance.items()}
    rows = [["judge", "F1", "precision", "recall"]]
    rows += [[label, *(interval(score, 1) for score in (s.f1, s.precision, s.recall))] for label, s in systems.items()]
    lines = [f"judge {judge.model}: {judge.n} reports, {judge.failed} failed", aligned(rows, "<<<<")]
    for side, of in (judge.kappa or {}).items():
        kappa = Score(*(of.kappa[end] for end in ("value", "low", "high")))
        written = f"kappa {interval(kappa)}" if kappa.value is not None else f"no kappa: {of.kappa['why']}"
        lines.append(f"judge and rules on {of.n} sentences of the {side}: {written}")
    return "\n".join(lines)


def reading(of: Reading | None, film: str = "film") -> str:
    """What a number says about floors and wrong films, in a sentence; nothing where there is no interval to say it from."""
    needs, beats = (None, None) if of is None else (of.needs_image, of.beats_floors)
    return READINGS.get((needs, None if needs is False else beats), "").format(film=film)


def _beside(score: Score | None, leads: Mapping[str, Score] | None, metric: str) -> str:
    """What stands right of a score: its own interval, or the lead over it with the lead's interval."""
    if leads is None:
        between = interval(score, 1).partition(" [")[2]
        return f"      [{between}" if between else ""
    lead = leads.get(metric)
    if lead is None or lead.value is None:
        return ""
    return f"{lead.value:+5.1f}" + interval(lead, 1).removeprefix(_number(lead, 1))


def _findings(rates: Mapping[str, Mapping[str, Rates]], film: str) -> str:
    """True- and false-positive rate and Youden's J of each finding, on the own film and on another patient's."""
    rows = [["finding", "tpr", "fpr", f"J, own {film}", "tpr", "fpr", "J, other"]]
    for name, by_image in rates.items():
        seen, other = by_image["own"], by_image.get("other")
        wrong = [_number(getattr(other, key, None)) for key in ("tpr", "fpr", "j")]
        rows.append([name, _number(seen.tpr), _number(seen.fpr), interval(Score(seen.j, seen.low, seen.high)), *wrong])
    return aligned(rows, "<>><>>>")


def interval(score: Score | None, digits: int = 2) -> str:
    """`61.2 [59.8, 62.5]`, or without brackets where there is no interval."""
    if score is None or score.value is None:
        return "–"
    known = score.low is not None and score.high is not None
    return _number(score, digits) + (f" [{score.low:.{digits}f}, {score.high:.{digits}f}]" if known else "")


def _number(value: Score | float | None, digits: int = 2) -> str:
    if isinstance(value, Score):
        value = value.value
    # Adding zero turns the −0 that rounding leaves into 0.
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def score_table(scored: Row) -> None:
    """Print `docphim score`'s answer: a short list of scores, errors, unknown words, faults, and each score's signature."""
    from docphim.metrics.catalogue import brief

    every = {key: from_row(Score, row) for key, row in scored["scores"].items() if row["value"] is not None}
    scores = {key: every[key] for key in brief(every)}
    rows = [["metric", "score", "95 % interval"]]
    rows += [[key, _number(score), interval(score).partition(" ")[2] or "–"] for key, score in scores.items()]
    parts = [aligned(rows, "<><")]
    if not any(score.low is not None for score in scores.values()):
        parts.append("no interval: there are fewer than 30 patients")
    if scored.get("errors") is not None:
        parts.append(acted_on(scored["errors"], scored["counts"]["pairs"]))
    if scored.get("urgent"):
        parts.append(_urgent({name: from_row(UrgentRow, row) for name, row in scored["urgent"].items()}))
    if scored.get("fact_errors"):
        errors = ", ".join(f"{n} {_ERRORS.get(kind, kind)}" for kind, n in scored["fact_errors"].items() if n)
        parts.append(textwrap.fill(f"facts: {errors or 'none is wrong'}", WIDTH))
    if scored.get("coverage_words"):
        parts.append("\n".join(_known(side, from_row(Coverage, row)) for side, row in scored["coverage_words"].items()))
    print("\n\n".join(parts), end="\n\n")
    counts = scored["counts"]
    shown = {fault: n for fault, n in counts.items() if n and fault != "declined"}
    if "declined" in counts:
        shown["declined"] = _declined(counts["declined"], counts["pairs"])
    tree({"counts": shown})
    tree({"named": scored["named"]} if scored.get("named") else {})
    for row in scored.get("suspect") or []:
        print(printable(f"suspect: {row['text']} of {row['id']}: {IN_WORDS.get(row['why'], row['why'])}"))
    more = len(scored["scores"]) - len(scores)
    left_out = f" (and {more} more scores with --json)" if more else ""
    print("", f"signatures{left_out}", *_signatures(scores), sep="\n")


def acted_on(errors: Mapping[str, int], reports: int, width: int = WIDTH) -> str:
    """Errors that a doctor would act on, a report, by kind."""
    kinds = ", ".join(f"{n} {ERRORS.get(kind, kind)}" for kind, n in errors.items() if n)
    total = sum(errors.values())
    return textwrap.fill(f"errors to act on: {total} in {reports} reports" + (f" ({kinds})" if kinds else ""), width)


def _urgent(rows: Mapping[str, UrgentRow]) -> str:
    """Urgent findings, how many of them drafts miss and how many they invent."""
    table = [["urgent finding", "in references", "missed", "in drafts", "invented"]]
    table += [[name.replace("_", " "), *map(str, (r.reference, r.missed, r.draft, r.invented))] for name, r in rows.items()]
    return aligned(table, "<>>>>")


def _signatures(scores: Mapping[str, Score]) -> Iterator[str]:
    """Each signature once for all the scores that share it but for the key, broken at its bars."""
    shared: dict[str, list[str]] = {}
    for key, score in scores.items():
        shared.setdefault((score.signature or "").partition("|")[2], []).append(key)
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


#: Kinds of errors to act on, in words.
ERRORS = {"denied": "wrong in yes or no", "side": "on the wrong side", "place": "in the wrong place"}
ERRORS |= {"grade": "wrong in grade or size", "change": "wrong in change"}
_ERRORS = {"missing": "missing", "hallucinated": "hallucinated", "polarity": "wrong in yes or no"}
_ERRORS |= {kind: f"wrong in {kind}" for kind in ("side", "location", "severity", "number", "certainty", "change", "detail")}


def _known(side: str, words: Coverage, most: int = 5) -> str:
    """How many of a text's words the lexicon knows, and which it does not."""
    share = "–" if words.share is None else f"{words.share:.1f} %"
    unknown = ", ".join(f"{word} {n}" for word, n in words.unknown[:most])
    line = f"the lexicon knows {share} of the {side}s' words" + (f"; most often not: {unknown}" if unknown else "")
    return textwrap.shorten(line, WIDTH, placeholder=" …")


def facts(rows: Sequence[Fact], language: str) -> None:
    """Print `docphim facts`'s answer: one fact a line, what it says first, then the words it was read from."""
    from docphim.language.lexicon import load_lexicon

    if not rows:
        print("no facts")
        return
    signs = load_lexicon(language).states
    cells = [["whether", "what", "where", "more", "words"], *(_fact_cells(fact, signs) for fact in rows)]
    print(_wrapped(cells, (10, 28, 20, 20)))


def explained(rows: Sequence[tuple[Fact, Sequence[Reason]]], language: str) -> None:
    """Print `docphim facts --why`'s answer: each fact's line, and below it what decided it, and what it weighs."""
    from docphim.metrics.weighing import weighed

    for fact, reasons in rows:
        facts([fact], language)
        decided = [reason.sentence for reason in reasons if not reason.trivial]
        for sentence in (*decided, f"in the clinical score: {weighed(fact)}"):
            print(textwrap.fill(printable(sentence), WIDTH, initial_indent="  - ", subsequent_indent="    "))
        print()
    if not rows:
        facts([], language)


def _fact_cells(fact: Fact, signs: Mapping[str, str]) -> list[str]:
    """One fact's line; `signs` say what each state is called, normal or abnormal."""
    # "The heart is not enlarged": an abnormal state of which the normal is said.
    denied = "not" if fact.state and not fact.finding and signs.get(fact.state, fact.polarity) != fact.polarity else None
    parts = (fact.anatomy, fact.part, fact.finding, denied, fact.state)
    sized = "×".join(f"{value:g}" for value in fact.size_mm)
    more = (fact.count, fact.severity, sized and f"{sized} mm", fact.suv is not None and f"SUV {fact.suv:g}", fact.change)
    sure = None if fact.certainty == "certain" else fact.certainty
    cells = (parts, (fact.side, *fact.location), (sure, *more, *(f"«{word}»" for word in fact.leftover)), fact.text.split())
    return [fact.polarity, *(printable(" ".join(str(part) for part in cell if part)) for cell in cells)]


def _wrapped(rows: list[list[str]], widest: Sequence[int], least: int = 20) -> str:
    """Rows as lines of at most `WIDTH`: columns no wider than said, the last takes what is left; long cells go on below."""
    columns = list(zip(*rows, strict=True))
    widths = [min(most, max(map(len, column))) for most, column in zip(widest, columns, strict=False)]
    widths.append(max(least, WIDTH - sum(widths) - 2 * len(widths)))
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        lines += [list(line) for line in zip_longest(*cells, fillvalue="")]
    return aligned(lines, "<" * len(widths))


def labels(states: Mapping[str, str]) -> None:
    """Print `docphim labels`'s answer: one label a line, what is affirmed first, what is not spoken of last."""
    order = ("positive", "uncertain", "negative", "unmentioned")
    print(aligned([[name, state] for state in order for name, value in states.items() if value == state], "<<"))


def tree(value: dict[str, Any], indent: str = "") -> None:
    """Print nested values, one `key: value` a line."""
    console = Console(highlight=False, soft_wrap=True)
    for key, inner in value.items():
        if isinstance(inner, dict):
            console.print(Text(f"{indent}{printable(key)}:"))
            tree(inner, indent + "  ")
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            console.print(Text(f"{indent}{printable(key)}:"))
            for item in inner:
                words = "; ".join(f"{k}: {v}" for k, v in item.items() if v not in (None, ""))
                console.print(Text(f"{indent}  - {printable(words)}"))
        else:
            shown = ", ".join(map(str, inner)) if isinstance(inner, list) else inner
            console.print(Text(printable(f"{indent}{key}: {'none' if shown in (None, '') else shown}")))


def inspected(seen: dict[str, Any], most: int = 3) -> None:
    """Print what `docphim inspect` found; refusals of one reason together, the first few by name."""
    tree({key: value for key, value in seen.items() if key not in ("refused", "volumes", "reports")})
    console = Console(highlight=False, soft_wrap=True)
    for row in seen.get("volumes", []):
        size = " x ".join(map(str, row["shape"] or ["?"])) + (f" at {row['spacing']} mm" if row["spacing"] else "")
        words = f"volume {row['where']}: {row['modality'] or row['format']}, {size}, unit {row['unit'] or 'unknown'}"
        if quality := row.get("quality"):
            cut = f", cut off: {', '.join(quality['lungs_cut'])}" if quality["lungs_cut"] else ""
            words += f"; lungs {quality['lungs_litres']} l{cut}"
        if suv := row.get("suv"):
            words += f"; SUVmax {suv['suv_max']:.2f}, factor {suv['factor']:.6g} by {suv['rule']}"
        console.print(Text(printable(words)))
    unread = {row["where"] for row in seen["refused"]}
    for row in seen.get("reports", []):
        columns = f"; columns {', '.join(row['columns'])}" if row["columns"] else ""
        none = "not read" if row["where"] in unread else "no column of report text is known; source.columns can name it"
        words = f"{row['rows']} rows, {row['usable']} usable{columns}" if row["rows"] else none
        console.print(Text(printable(f"reports {row['where']}: {row['format']}, {words}")))
    same: dict[tuple[str, str], list[str]] = {}
    for row in seen["refused"]:
        same.setdefault((row["reason"], row["why"]), []).append(row["where"])
    console.print(Text(f"refused: {len(seen['refused']) or 'none'}"))
    for (reason, why), names in sorted(same.items(), key=lambda item: -len(item[1])):
        more = f" and {len(names) - most} more" if len(names) > most else ""
        console.print(Text(printable(f"  {reason}: {why}: {', '.join(names[:most])}{more}")))


def show_examples(examples: Iterable[tuple[str, str]]) -> None:
    """Print training examples (title, rich markup) as the model will see them."""
    console = Console(highlight=False)
    for title, text in examples:
        console.rule(title, align="left")
        console.print(Text.from_markup(text))
