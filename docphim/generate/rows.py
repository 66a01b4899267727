"""The files that answers go to: under which plan they were drafted, which of their rows are as they were written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from docphim.files import Row, atomic, content_key, read_jsonl, sha256, write_jsonl
from docphim.generate.plan import Key, Talk
from docphim.records import read_stage, write_stage

#: Says which settings, model and examples the files belong to, and the hashes of their rows once all are there.
PLAN = "generate-plan.json"
NAMES = ("predictions.jsonl", "likelihoods.jsonl", "drafts.jsonl")


def plan_key(settings: list[Any], dataset: Path, run: Path, splits: list[str]) -> str:
    """A key of everything the answers depend on: settings, examples, and the model in the folder `run`."""
    inputs = {split: sha256(path) for split in splits if (path := dataset / "examples" / f"{split}.jsonl").exists()}
    return content_key([settings, inputs, _model(run)])


def _model(run: Path) -> Any:
    """The model's hashes as its training wrote them down; of one that was not trained here names, sizes and times."""
    trained = (read_stage(run / "train.json") or {}).get("written")
    if trained:
        return trained
    return sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in (run / "model").rglob("*") if p.is_file())


def begin(run: Path, key: str) -> None:
    """Take over what was drafted under the same plan, row by row where it had been finished; remove all else."""
    before = read_stage(run / PLAN) or {}
    for name in NAMES:
        if before.get("key") != key:
            (run / name).unlink(missing_ok=True)
        elif "rows" in before:
            _drop_damaged(run / name, set(before["rows"]))
    write_stage(run / PLAN, {"key": key})


def end(run: Path, key: str) -> None:
    """Write down the hash of every row, so that after a damage the intact ones are known."""
    write_stage(run / PLAN, {"key": key, "rows": [_sum(line) for name in NAMES for line in _lines(run / name)]})


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def _sum(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _drop_damaged(path: Path, sums: set[str]) -> None:
    lines = _lines(path)
    intact = [line for line in lines if _sum(line) in sums]
    if intact != lines:
        with atomic(path, "wb") as handle:
            handle.write(b"".join(intact))


class Files:
    """The files that answers go to: what of the plan they hold, and their final order.

    Parameters
    ----------
    predictions, likelihoods : Path or None
        Without a reference there are no likelihoods.
    each_alone : bool
        Rows of a half-finished batch count (in `known`), and rows that failed do not.
    likely : bool
        Whether the backend tells how likely a reference is: then a batch without likelihoods is not finished.
    more : dict, optional
        What each row of predictions holds besides.
    """

    def __init__(
        self,
        predictions: Path,
        likelihoods: Path | None,
        each_alone: bool = False,
        likely: bool = False,
        more: Row | None = None,
    ) -> None:
        self.predictions, self.likelihoods, self.likely = predictions, likelihoods, likely
        self.each_alone, self.more, self.known = each_alone, more or {}, dict[Key, Row]()

    def unfinished(self, batches: list[list[Talk]]) -> list[list[Talk]]:
        """The batches to draft; rows of half-written ones are dropped from the files, or kept as `known`."""
        predicted, likelihoods = self._read()
        if self.each_alone:
            predicted = {key: row for key, row in predicted.items() if row["finish"] != "failed"}
            for talk in (talk for batch in batches for talk in batch):
                _drop_unfounded(talk, predicted)
            self.known = predicted
        done = [
            batch
            for batch in batches
            if all(key in predicted for talk in batch for key in talk.prediction_keys())
            and (not self.likely or all(key in likelihoods for talk in batch for key in talk.likelihood_keys()))
        ]
        self._write(batches if self.each_alone else done, predicted, likelihoods)
        finished = {id(batch) for batch in done}
        return [batch for batch in batches if id(batch) not in finished]

    def settle(self, batches: list[list[Talk]]) -> None:
        """Rewrite the files with the rows of these batches only, in plan order."""
        self._write(batches, *self._read())

    def _read(self) -> tuple[dict[Key, Row], dict[Key, Row]]:
        return _by_key(self.predictions), _by_key(self.likelihoods) if self.likelihoods else {}

    def _write(self, batches: list[list[Talk]], predicted: dict[Key, Row], likelihoods: dict[Key, Row]) -> None:
        talks = [talk for batch in batches for talk in batch]
        write_jsonl(self.predictions, (predicted[key] for talk in talks for key in talk.prediction_keys() if key in predicted))
        if self.likelihoods:
            rows = (likelihoods[key] for talk in talks for key in talk.likelihood_keys() if key in likelihoods)
            write_jsonl(self.likelihoods, rows)


def _drop_unfounded(talk: Talk, predicted: dict[Key, Row]) -> None:
    """Drop answers that went on from an answer of the model's own which is not there any more: that one is asked for anew."""
    founded = True
    for turn in talk.turns:
        if turn.context != "reference":
            if not founded:
                predicted.pop(talk.key(turn), None)
            founded = founded and talk.key(turn) in predicted


def _by_key(path: Path) -> dict[Key, Row]:
    return {(r["id"], r["turn"], r["context"], r["image"]): r for r in read_jsonl(path)}
