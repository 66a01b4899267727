"""Evaluated runs as files, made of hand-written answers without training anything."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from docphim.files import write_json, write_jsonl
from docphim.metrics.measure import measure, table
from docphim.metrics.pairs import Pairs
from docphim.study import to_row

#: Enough to compare on; the other families would only take longer.
FAMILIES = ("rouge", "bleu")
WORDS = ["Bóng tim to.", "Bóng tim không to.", "Tràn dịch màng phổi phải.", "Tràn dịch màng phổi trái.", "Xẹp phổi phải."]


def references(n: int = 40) -> dict[str, str]:
    return {f"s{i:03}": f"{WORDS[i % 2]} {WORDS[2 + i % 3]}" for i in range(n)}


def worse(texts: dict[str, str], every: int) -> dict[str, str]:
    """The same answers, each `every`-th one wrong."""
    return {id_: WORDS[(i + 1) % 5] if i % every == 0 else text for i, (id_, text) in enumerate(texts.items())}


def swapped(texts: dict[str, str], by: int = 7) -> dict[str, str]:
    """Everybody gets another's answer."""
    ids = list(texts)
    return {id_: texts[ids[(i + by) % len(ids)]] for i, id_ in enumerate(ids)}


def digest(rows) -> str:
    return hashlib.sha256(json.dumps(sorted(rows), ensure_ascii=False).encode()).hexdigest()


class ScoredRun:
    """A run folder with scores.json, statistics.parquet, predictions.jsonl, errors.jsonl and recipe.yaml."""

    def __init__(self, folder: Path, *, weights: str = "Qwen/Qwen2.5-VL-7B-Instruct", tune: str = "lora", **train) -> None:
        self.folder, self.by_task, self.rows, self.answers, self.errors = folder, {}, [], [], []
        further = {key: train.pop(key) for key in ("quantise", "whole") if key in train}
        recipe = {"model": {"family": "qwen_vl", "weights": weights, "tune": tune, **further}, "train": train}
        folder.mkdir(parents=True)
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")

    def task(self, key: str, truth: dict[str, str], systems: dict[str, dict[str, str]], *, patients=None, seed=5, **change):
        """Score systems (`own` first) on a task; an id that a system lacks was not answered."""
        patients = {id_: (patients or {}).get(id_, f"p-{id_}") for id_ in truth}
        entry: dict = {"floors": {}, "reliance": {}, "lead": {}, "counts": {"predictions": len(systems["own"]), "declined": 0}}
        for name, said in systems.items():
            ids = sorted(said)
            pairs = Pairs([truth[i] for i in ids], [said[i] for i in ids], "vi")
            system = measure(pairs, [patients[i] for i in ids], resamples=200, seed=seed, names=FAMILIES)
            if name == "own":
                entry["scores"] = {key: to_row(score) for key, score in table(system).items()}
                self._answer(key, truth, said, patients)
            families = {family: values.tolist() for family, values in system.statistics.items()}
            for row, id_ in enumerate(ids):
                own = {"task": key, "id": id_, "study": id_, "patient": patients[id_], "system": name}
                self.rows.append(own | {family: values[row] for family, values in families.items()})
        entry["keys"] = {"references": digest(truth.items()), "split": digest(patients.items())} | change.pop("keys", {})
        self.by_task[key] = entry | change
        return self

    def _answer(self, key, truth, said, patients) -> None:
        task, _, context = [*key.split("/"), "none"][:3]
        for id_, text in said.items():
            study = id_.partition("-")[0]
            own = {"id": id_, "turn": 0, "context": context, "image": "own", "image_study": study, "study": study}
            own |= {"patient": patients[id_], "task": task, "prediction": text, "reference": truth[id_]}
            self.answers.append(own | {"finish": "stop", "model": "tiny"})

    def write(self) -> Path:
        write_json(self.folder / "scores.json", {"by_task": self.by_task})
        write_jsonl(self.folder / "predictions.jsonl", self.answers)
        write_jsonl(self.folder / "errors.jsonl", self.errors)
        text = [(column, pa.string()) for column in ("task", "id", "study", "patient", "system")]
        schema = pa.schema([*text, *((family, pa.list_(pa.float64())) for family in FAMILIES)])
        pq.write_table(pa.Table.from_pylist(self.rows, schema=schema), self.folder / "statistics.parquet")
        return self.folder


def systems(truth: dict[str, str], every: int, *, reads: bool = True) -> dict[str, dict[str, str]]:
    """A model that is wrong once in `every` reports, on its own and on another's film, and a constant floor."""
    own = worse(truth, every)
    return {"own": own, "other": swapped(own) if reads else own, "floor:constant": dict.fromkeys(truth, WORDS[0])}
