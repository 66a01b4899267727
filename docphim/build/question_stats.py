"""What is asked of a dataset's studies, by kind of question: a table of stats.json."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from docphim.files import read_json, read_jsonl
from docphim.study import SPLITS, Row


def question_stats(dataset: Path) -> Row:
    """Task → split → how many answers are typed, of how many studies, by kind; {} where no task asks questions.

    A kind (`presence`, `size`) has `asked`, and where it is answered by yes or no `yes`.  `left_out` has what the task did not
    ask, by reason, as in tasks.json.
    """
    asked: dict[str, dict[str, Counter[tuple[str, bool | None]]]] = {}
    studies: dict[tuple[str, str], set[str]] = {}
    for split in SPLITS:
        for row in read_jsonl(dataset / "examples" / f"{split}.jsonl"):
            answers = [message["answer"] for message in row["messages"] if "answer" in message]
            for answer in answers:
                yes = answer["value"] if answer["kind"] == "yes_no" else None
                of = asked.setdefault(row["task"], {}).setdefault(split, Counter())
                of[(answer.get("asks") or answer["kind"]).partition(":")[0], yes] += 1
            if answers:
                studies.setdefault((row["task"], split), set()).add(row["study"])
    left_out = read_json(dataset / "tasks.json") if asked else {}
    return {
        task: {
            split: {
                "studies": len(studies[task, split]),
                "kinds": _kinds(counts),
                "left_out": _left_out(left_out.get(task, {}).get("asked", {}).get(split, {})),
            }
            for split, counts in of_task.items()
        }
        for task, of_task in asked.items()
    }


def _kinds(counts: Counter[tuple[str, bool | None]]) -> Row:
    """The most frequent first."""
    total: Counter[str] = Counter()
    for (kind, _), n in counts.items():
        total[kind] += n
    rows = {}
    for kind, n in sorted(total.items(), key=lambda item: (-item[1], item[0])):
        decided = (kind, True) in counts or (kind, False) in counts
        rows[kind] = {"asked": n, **({"yes": counts[kind, True]} if decided else {})}
    return rows


def _left_out(counts: Row) -> Row:
    return {reason: n for reason, n in counts.items() if reason != "asked" and n}
