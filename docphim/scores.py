"""The nouns of scoring: what scores.json and a file of marks hold, typed once; all that reads or writes them goes through here.

`TaskKey.parse("dialogue/test/reference")` and `str(key)` are the keys of scores.json, `read_scores` and `write_scores` give and
take its entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from docphim.errors import Refused
from docphim.files import read_json, write_json
from docphim.study import OPTIONAL, Context, Image, Row, Split, from_row, to_row

#: Images that are shown in place of a patient's own.
WRONG: tuple[Image, ...] = ("noise", "blank", "other")
#: What needs no model and no image, in the order in which it is shown.
FLOORS = ("constant", "random", "nearest", "metadata")
#: So many ids are named beside a count; more would bury the scores.
NAMED = 20
#: What a file of marks says it is.
MARKS_FORMAT = "docphim-marks-1"
#: What a sentence may be marked as, in the order of the reader's keys 1 … 6, by what the papers count it as.
MARK_CATEGORIES = {
    "correct": "correct",
    "side": "incorrect",
    "polarity": "incorrect",
    "location": "incorrect",
    "severity": "incorrect",
    "redundant": "redundant",
}


@dataclass(frozen=True, order=True, slots=True)
class TaskKey:
    """What was scored together: a task on a split and, in later turns of a dialogue, what stood in its context.

    Its text, the key in scores.json, is TASK/SPLIT, and TASK/SPLIT/CONTEXT where there is a context.
    """

    task: str
    split: Split
    context: Context = "none"

    def __str__(self) -> str:
        return f"{self.task}/{self.split}" + (f"/{self.context}" if self.context != "none" else "")

    @classmethod
    def parse(cls, text: str) -> TaskKey:
        """Read a key of scores.json.

        Raises
        ------
        ValueError
            It is not of that form.
        """
        task, *rest = text.split("/")
        split, context = (*rest, "none")[:2] if rest else ("", "")
        if not task or len(rest) > 2 or split not in get_args(Split) or context not in get_args(Context):
            raise ValueError(f"{text!r} is not TASK/SPLIT or TASK/SPLIT/CONTEXT")
        return cls(task, split, context)  # type: ignore[arg-type]  # both were looked up just now


@dataclass(frozen=True, slots=True)
class Score:
    """A value with its 95 % interval over patients; both are None where there is nothing to tell it from.

    Of `n` reports under the convention that `signature` names; a difference (a lead, a drop) has neither.  `drop`: what the
    score on a wrong image is below that on the own image.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = field(default=None, metadata=OPTIONAL)
    signature: str | None = field(default=None, metadata=OPTIONAL)
    drop: Score | None = field(default=None, metadata=OPTIONAL)

    @property
    def above_zero(self) -> bool | None:
        """Whether the whole interval lies above 0; None where there is none."""
        return None if self.low is None else self.low > 0


#: Scores by key (`rougeL`, `vindr/macro_f1`).
Table = dict[str, Score]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the intervals of one score say: the lead over every floor, and the drop on another patient's image, lie above 0."""

    beats_floors: bool | None
    needs_image: bool | None


@dataclass(frozen=True, slots=True)
class Rates:
    """How often drafts name a finding, 0 … 1: where it is there, where it is not, and the difference (Youden's J)."""

    tpr: float
    fpr: float
    j: float
    low: float | None
    high: float | None
    positives: int = 0
    negatives: int = 0


@dataclass(frozen=True, slots=True)
class LesionRates:
    """How many of `n` lesions drafts name, 0 … 1: at all, with interval; their side, their lobe too (None: none has one)."""

    n: int
    presence: float
    low: float | None = None
    high: float | None = None
    side: float | None = None
    lobe: float | None = None


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label: precision, recall, F1 in percent (None without a denominator), and how many reports of either side have it."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int = 0
    predicted: int = 0


@dataclass(frozen=True, slots=True)
class UrgentRow:
    """One urgent finding: how often references say it and drafts miss it, drafts say it and invent it; a wrong side is both."""

    reference: int = 0
    missed: int = 0
    draft: int = 0
    invented: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the words of some reports the lexicon knows; `share` in percent, `unknown` the most frequent others."""

    share: float | None
    known: int
    words: int
    unknown: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two raters of the same `n` things agree: κ and AC1 (each {"value", "low", "high"}, "why" where there is none)."""

    kappa: Row
    ac1: Row
    observed: float | None
    n: int
    left_out: int | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class JudgeScores:
    """What a language model made of the facts of one system's reports."""

    precision: Score
    recall: Score
    f1: Score
    f1_macro: Score


@dataclass(frozen=True, slots=True)
class Judgement:
    """A language model as judge: its scores of the own system, of floors and wrong images, and its agreement with the rules."""

    precision: Score
    recall: Score
    f1: Score
    f1_macro: Score
    n: int
    failed: int
    failures: dict[str, int]
    model: str
    prompt: str
    kappa: dict[str, Agreement] | None
    floors: dict[str, JudgeScores]
    reliance: dict[str, JudgeScores]


@dataclass(frozen=True, slots=True)
class Keys:
    """Fingerprints by which two runs can tell that they were tested on the same reports of the same patients."""

    references: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class TaskScores:
    """One entry of scores.json: every score of a task with what stands beside it; docs/metrics.md says what each is."""

    scores: Table
    floors: dict[str, Table] = field(default_factory=dict)
    lead: dict[str, Table] = field(default_factory=dict)
    reliance: dict[str, Table] = field(default_factory=dict)
    reading: dict[str, Reading] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    named: dict[str, list[str]] = field(default_factory=dict)
    keys: Keys = Keys()
    errors: dict[str, int] | None = field(default=None, metadata=OPTIONAL)
    urgent: dict[str, UrgentRow] | None = field(default=None, metadata=OPTIONAL)
    fact_errors: dict[str, int] | None = field(default=None, metadata=OPTIONAL)
    per_label: dict[str, dict[str, LabelRow]] | None = field(default=None, metadata=OPTIONAL)
    coverage_words: dict[str, Coverage] | None = field(default=None, metadata=OPTIONAL)
    ceiling: Table | None = field(default=None, metadata=OPTIONAL)
    by_finding: dict[str, dict[str, Rates]] | None = field(default=None, metadata=OPTIONAL)
    by_lesion: dict[str, dict[str, dict[str, LesionRates]]] | None = field(default=None, metadata=OPTIONAL)
    by_group: dict[str, dict[str, Table]] | None = field(default=None, metadata=OPTIONAL)
    judge: Judgement | None = field(default=None, metadata=OPTIONAL)
    image_gain: Score | None = None

    @property
    def n(self) -> int:
        """How many reports were scored."""
        return next((score.n for score in self.scores.values() if score.n is not None), 0)

    @property
    def declined(self) -> float | None:
        """The share of the drafts that decline to answer, in percent; None where nobody looked."""
        drafts = self.counts.get("predictions")
        return 100 * self.counts["declined"] / drafts if drafts and "declined" in self.counts else None


def read_scores(path: Path) -> dict[TaskKey, TaskScores]:
    """The entries of scores.json, in its order.

    Raises
    ------
    Refused
        `scores_outdated`: the file does not hold what this version writes.
    """
    try:
        return parse_scores(read_json(path)["by_task"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("scores_outdated", path.name) from None


def parse_scores(by_task: Mapping[str, Row]) -> dict[TaskKey, TaskScores]:
    """Entries as JSON gives them, typed.

    Raises
    ------
    ValueError
        A key or a field is not of this version.
    """
    return {TaskKey.parse(key): from_row(TaskScores, row) for key, row in by_task.items()}


def write_scores(path: Path, by_task: Mapping[TaskKey, TaskScores]) -> Row:
    """Write scores.json; its content is returned."""
    content = {"by_task": {str(key): to_row(entry) for key, entry in by_task.items()}}
    write_json(path, content)
    return content


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """A sentence of a draft, where it stands in `clean(draft)`, and a reader's mark (None: unmarked)."""

    text: str
    start: int
    end: int
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class MarkedDraft:
    """A reader's marks on one draft; `draft` is its SHA-256, `missing` what the reader added."""

    task: str
    id: str
    draft: str
    sentences: list[MarkedSentence]
    missing: list[str]


@dataclass(frozen=True, slots=True)
class Marks:
    """A file of marks, as the page saves it: one reader's, on one run, with the references that each task had."""

    run: str
    reader: str
    references: dict[str, str | None]
    drafts: list[MarkedDraft]


def parse_marks(content: Any) -> Marks:
    """Read a file of marks from its JSON.

    Raises
    ------
    ValueError
        Its form is not that of the page; the message says where.
    """
    if not isinstance(content, dict) or content.get("format") != MARKS_FORMAT:
        raise ValueError(f"its format is not {MARKS_FORMAT}")
    for key, kind in {"run": str, "tasks": dict, "studies": list}.items():
        if not isinstance(content.get(key), kind):
            raise ValueError(f"{key!r} is missing or is no {kind.__name__}")
    if not content["studies"]:
        raise ValueError("no study was marked in it")
    tasks, reader = content["tasks"], content.get("reader") or ""
    if not all(isinstance(keys, dict) for keys in tasks.values()) or not isinstance(reader, str):
        raise ValueError("'tasks' or 'reader' has another form than the page writes")
    references = {task: keys.get("references") for task, keys in tasks.items()}
    drafts = [_marked_draft(row, f"study {number}") for number, row in enumerate(content["studies"], 1)]
    return Marks(content["run"], reader, references, drafts)


def _marked_draft(row: Any, where: str) -> MarkedDraft:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("task", "id", "draft")):
        raise ValueError(f"{where} has no 'task', 'id' or 'draft'")
    if not isinstance(row.get("sentences"), list) or not isinstance(row.get("missing"), list):
        raise ValueError(f"{where} has no list of 'sentences' or 'missing'")
    if not all(isinstance(line, str) for line in row["missing"]):
        raise ValueError(f"{where} has something missing that is no text")
    sentences = [_marked_sentence(sentence, where) for sentence in row["sentences"]]
    return MarkedDraft(row["task"], row["id"], row["draft"], sentences, row["missing"])


def _marked_sentence(row: Any, where: str) -> MarkedSentence:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise ValueError(f"{where} has a sentence without its text")
    if any(not isinstance(row.get(end), int) or row[end] < 0 for end in ("start", "end")):
        raise ValueError(f"{where} has a sentence without 'start' and 'end'")
    mark = row.get("mark", "")
    if mark is not None and mark not in MARK_CATEGORIES:
        raise ValueError(f"{where} has the mark {mark!r}; it must be one of {', '.join(MARK_CATEGORIES)}, or null")
    return MarkedSentence(row["text"], row["start"], row["end"], mark)
