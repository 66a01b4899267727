"""A small dataset and run as the stages write them, made by code; every knob leaves out or changes one thing."""

import functools
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from docphim.files import write_json, write_jsonl
from docphim.imaging import store
from docphim.language.normalize import clean
from docphim.language.sections import sentences
from docphim.study import Example, Finding, Media, Message, Prediction, Report, Series, Study, to_row

NORMAL = [
    "Bóng mờ tim không to, chỉ số tim/lồng ngực dưới 0,50.",
    "Hai góc sườn hoành nhọn, không thấy tràn dịch màng phổi.",
    "Nhu mô phổi hai bên sáng đều, không thấy đám mờ bất thường.",
    "Quai động mạch chủ bình thường.",
]
FOUND = {
    "cardiomegaly": (0, "Bóng mờ tim to, chỉ số tim/lồng ngực khoảng 0,58."),
    "effusion_right": (1, "Mờ góc sườn hoành phải, tràn dịch màng phổi phải lượng vừa."),
    "effusion_left": (1, "Mờ góc sườn hoành trái, tràn dịch màng phổi trái lượng ít."),
    "consolidation_right": (2, "Đám mờ đông đặc vùng dưới phổi phải, bờ không rõ."),
    "consolidation_left": (2, "Đám mờ đông đặc vùng giữa phổi trái."),
    "aortic_unfolding": (3, "Quai động mạch chủ vồng, thành có vôi hóa."),
}
LABELS = list(FOUND)
FLOORS, IMAGES = ("constant", "random", "nearest", "metadata"), ("other", "blank", "noise")
OTHERS = 12  # studies to train and validate on
#: Made fact scores: what the page shows must come from the files, so they need not fit the texts.
FACTS = {"fact_precision": 71.2, "fact_recall": 66.4, "fact_f1": 68.7, "fact_f1_core": 74.9, "phantom/macro_f1": 58.3}
SPOKEN = (("heart", "enlarged"), ("pleura", "effusion"), ("lung", "consolidation"), ("aorta", "elongated"))
METRICS = ("rouge1", "rouge2", "rougeL", "bleu1", "bleu2", "bleu3", "bleu4")


@dataclass
class Made:
    """Where the made dataset and run lie."""

    dataset: Path
    run: Path


@dataclass
class Knobs:
    """What a made run is like."""

    studies: int = 40
    tasks: tuple[str, ...] = ("findings",)
    film: tuple[int, int] = (48, 40)
    volume: tuple[int, int, int] | None = None  # a CT in place of the film
    frames: dict[str, Any] = field(default_factory=lambda: {"count": 6})
    grain: float = 0.0
    truth: bool = True
    ceiling: bool = True
    reads: bool = True
    blind: bool = False
    validation: bool = True
    facts: bool = True
    stats: bool = False
    planted: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="session")
def make_in():
    """Make a dataset and a run in a folder: `make_in(folder, studies=8, …)`."""
    return lambda folder, **knobs: build(folder, Knobs(**knobs))


@pytest.fixture
def make(tmp_path, make_in):
    """The same in the test's own folder."""
    return functools.partial(make_in, tmp_path)


def build(folder: Path, knobs: Knobs) -> Made:
    """Write every file that the page reads."""
    made = Made(folder / "data" / "demo" / "0123456789abcdef", folder / "runs" / "demo")
    draw = random.Random(3)
    studies = [_study(draw, i, knobs) for i in range(knobs.studies + OTHERS)]
    write_jsonl(made.dataset / "studies.jsonl", map(to_row, studies))
    write_jsonl(made.dataset / "prepared" / "index.jsonl", (_film(made.dataset, s, i, knobs) for i, s in enumerate(studies)))
    rejected = [("view_out_of_scope", "prepare")] * 12 + [("report_missing", "ingest")] * 3 + [("pixels_constant", "prepare")]
    rows = [{"study": f"r{i:04}", "stage": stage, "reason": code, "why": "…"} for i, (code, stage) in enumerate(rejected)]
    write_jsonl(made.dataset / "rejected.jsonl", rows)
    none: dict[str, Any] = {"groups": 0, "studies": 0, "shown": []}
    leaks = {
        "patient": none,
        "pixels": none,
        "similar": {"pairs": 0, "shown": []},
        "report": {**none, "groups": 3, "studies": 9},
    }
    write_json(made.dataset / "leaks.json", leaks)
    test = [s for s in studies if s.split == "test"]
    for split in ("train", "val", "test"):
        examples = [_example(s, task, knobs) for s in studies if s.split == split for task in knobs.tasks]
        write_jsonl(made.dataset / "examples" / f"{split}.jsonl", map(to_row, examples))
    predictions = list(_predictions(draw, test, knobs))
    write_jsonl(made.run / "predictions.jsonl", map(to_row, predictions))
    if knobs.facts:
        write_jsonl(made.run / "errors.jsonl", map(_errors, (p for p in predictions if p.image == "own")))
    if knobs.stats:
        write_json(made.dataset / "stats.json", STATS)
    write_jsonl(made.run / "log.jsonl", _log(draw, knobs))
    write_json(made.run / "scores.json", {"by_task": _scores(knobs)})
    _recipe(made.run / "recipe.yaml", knobs)
    return made


def _study(draw: random.Random, i: int, knobs: Knobs) -> Study:
    chosen = [name for name in LABELS if draw.random() < 0.35]
    sentences = list(NORMAL)
    for name in chosen:
        place, sentence = FOUND[name]
        sentences[place] = sentence
    impression = (
        "; ".join(FOUND[n][1].split(",")[0] for n in chosen) or "Hiện tại chưa thấy bất thường trên phim X-quang ngực thẳng"
    )
    sections = {"findings": " ".join(sentences) + knobs.planted, "impression": impression + "." + knobs.planted}
    id_ = f"{draw.getrandbits(64):016x}"
    split = "test" if i >= OTHERS else ("val" if i % 4 == 0 else "train")
    truth = {"findings": [to_row(Finding(n)) for n in chosen], "labels": {n: int(n in chosen) for n in LABELS}, "reworded": {}}
    modality = "ct" if knobs.volume else "xray"
    series = [Series(f"f{i:04}", modality, f"prepared/f{i:04}.b2nd", view="unknown" if knobs.volume else "PA")]
    report = Report("vi", sections, {"prior": ["so với phim cũ không thay đổi"]} if i % 9 == 0 else {})
    sex, age = draw.choice("FM"), round(draw.gauss(69, 11))
    source = "phantom" if knobs.truth else "folder"
    return Study(id_, f"p{i:04}", sex, age, None, series, report, None, split, source, truth if knobs.truth else None)


def _film(dataset: Path, study: Study, i: int, knobs: Knobs) -> dict[str, Any]:
    """Two dark lungs in a bright body, and what index.jsonl says of them."""
    pixels, meta = (
        _volume(*knobs.volume, knobs.grain) if knobs.volume else (_lungs(i, knobs), {"spacing": None, "unit": "display"})
    )
    series = study.series[0]
    meta |= {"shape": list(pixels.shape), "view": series.view, "how": {}}
    meta = store.write(dataset / series.path, pixels, meta)
    return {"study": study.id, "series": series.id, "modality": series.modality, "path": series.path, **meta}


def _volume(depth: int, h: int, w: int, grain: float) -> tuple[np.ndarray, dict[str, Any]]:
    """A CT: slice n has a muscle of n HU around two lungs."""
    y, x = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j]
    lungs = sum((((x - c) / 0.15) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1) for c in (0.29, 0.71)) > 0
    noise = np.random.default_rng(0).normal(0, 1000 * grain, (depth, h, w)) if grain else 0
    volume = np.where(lungs, -850, np.arange(depth)[:, None, None]) + noise
    return volume.astype(np.int16), {"spacing": [1.5, 0.75, 0.75], "unit": "HU"}


def _lungs(i: int, knobs: Knobs) -> np.ndarray:
    h, w = knobs.film
    y, x = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j]
    film = 0.85 - 0.6 * sum(np.exp(-((((x - c) / 0.13) ** 2 + ((y - 0.45) / 0.28) ** 2) ** 2)) for c in (0.29, 0.71))
    noise = np.random.default_rng(i).normal(0, knobs.grain, film.shape) if knobs.grain else 0
    return (np.clip(film + noise, 0, 1) * 65535).astype(np.uint16)


def _example(study: Study, task: str, knobs: Knobs) -> Example:
    sections = study.report.sections
    asked = ["findings", "impression"] if task == "dialogue" else [task]
    messages = [Message("system", "Bạn là trợ lý bác sĩ")]
    for section in asked:
        messages += [Message("user", "<image>Mô tả."), Message("assistant", sections[section], f"report:{section}")]
    path = study.series[0].path
    media = [Media(study.id, "image", {"xray": path})] * len(asked)
    if knobs.volume:
        media = [Media(study.id, "video", {"ct": path}, "axial", None, knobs.frames, [["ct", -1000, 400]])] * len(asked)
    return Example(f"{study.id}-{task}", study.id, study.patient, study.split, task, "vi", messages, media)


def _predictions(draw: random.Random, test: list[Study], knobs: Knobs):
    for i, study in enumerate(test):
        partner = test[(i + 1) % len(test)]
        for task in knobs.tasks:
            turns = [(0, "none", "findings"), (1, "reference", "impression"), (1, "generated", "impression")]
            asked = turns if task == "dialogue" else [(0, "none", task)]
            for turn, context, section in asked:
                for image in ("own",) if knobs.blind else ("own", *IMAGES):
                    seen = {"own": study, "other": partner}.get(image)
                    text = _answer(draw, (seen or test[0]).report.sections[section], i)
                    shown = seen.id if seen else None
                    finish = "length" if i % 7 == 3 else "stop"
                    reference = study.report.sections[section]
                    yield Prediction(f"{study.id}-{task}", turn, context, image, shown, study.id, study.patient, task, text,
                                     reference, finish, "qwen_vl/tiny")  # fmt: skip


def _answer(draw: random.Random, text: str, i: int) -> str:
    """What a middling model makes of a report: small changes, at times of a side, at times cut."""
    if i % 11 == 5:
        return ""
    if i % 3 == 0:
        text = text.replace("phải", "trái", 1).replace("lượng vừa", "lượng ít")
    if i % 4 == 1:
        text = text.replace("không to", "to nhẹ").replace("đám mờ bất thường", "tổn thương khu trú")
    if i % 5 == 2:
        text += " Bóng mờ tim to nhẹ."
    return text[: len(text) * 2 // 3] if i % 7 == 3 else text


def _errors(p: Prediction) -> dict[str, Any]:
    """Facts of both texts, one a sentence that speaks of a known organ, and what became of each."""
    said, wrote = _facts(p.reference), _facts(p.prediction)
    row: dict[str, Any] = {
        "task": f"{p.task}/test" + (f"/{p.context}" if p.context != "none" else ""),
        "id": p.id,
        "study": p.study,
        "patient": p.patient,
        "right": [],
        "wrong": [],
    }
    left = dict(enumerate(wrote))
    for i, fact in enumerate(said):
        j = next((j for j, other in left.items() if other["anatomy"] == fact["anatomy"]), None)
        if j is None:
            continue
        theirs = left.pop(j)
        kind = next((key for key in ("polarity", "side", "severity") if fact[key] != theirs[key]), None)
        row["wrong" if kind else "right"].append([i, j, kind] if kind else [i, j])
    paired = {pair[0] for pair in row["right"] + row["wrong"]}
    row["missing"] = [i for i in range(len(said)) if i not in paired]
    row["hallucinated"] = sorted(left)
    total = len(said) + len(wrote)
    row |= {"score": 200 * len(row["right"]) / total if total else 100.0, "errors": _acted_on(row)}
    return row | {"reference": said, "prediction": wrote}


def _acted_on(row: dict[str, Any]) -> dict[str, int]:
    """Errors to act on by kind: sides as the row has them, and all that is missing or extra."""
    counts = {"side": sum(pair[2] == "side" for pair in row["wrong"])}
    counts |= {"missed": len(row["missing"]), "invented": len(row["hallucinated"])}
    return {kind: n for kind, n in counts.items() if n}


def _facts(text: str) -> list[dict[str, Any]]:
    text, rows, at = clean(text), [], 0
    for sentence in sentences(text):
        start = text.index(sentence, at)
        at = start + len(sentence)
        words = sentence.lower()
        spoken = next(
            (s for word, s in zip(("tim", "sườn hoành", "phổi", "động mạch"), SPOKEN, strict=True) if word in words), None
        )
        if spoken:
            row = {"text": sentence, "start": start, "end": at, "anatomy": spoken[0], "part": None, "finding": spoken[1]}
            row |= {"polarity": "absent" if "không" in words else "present", "state": None, "location": [], "leftover": []}
            row["side"] = next((side for word, side in (("phải", "right"), ("trái", "left")) if word in words), None)
            row["severity"] = next(
                (s for word, s in (("ít", "mild"), ("nhẹ", "mild"), ("vừa", "moderate")) if word in words), None
            )
            rows.append(row | {"count": None, "size_mm": [], "suv": None, "certainty": "certain", "change": None})
    return rows


STATS = {
    "lengths": {
        "train": {"findings": {"syllables": {"min": 19, "mean": 46.2, "max": 104}, "words": None, "reports": 8}},
        "test": {"findings": {"syllables": {"min": 21, "mean": 44.9, "max": 98}, "words": None, "reports": 40}},
    },
    "ages": {"histogram": [[50, 3], [60, 18], [70, 22], [80, 9]], "min": 51, "mean": 69.25, "max": 93},
    "sexes": {"F": 30, "M": 22},
    "anatomy": [["heart", 52], ["lung", 50], ["pleura", 31]],
    "diagnoses": [["consolidation", None, 21], ["effusion", "mild", 9], ["effusion", "moderate", 7]],
    "contradictions": {"side": 2, "polarity": 5, "studies": []},
}


def _log(draw: random.Random, knobs: Knobs):
    for step in range(10, 401, 10):
        row = {
            "step": step,
            "loss": 0.25 + 5 * 0.985**step + draw.random() * 0.08,
            "tokens_per_s": 5200.0,
            "samples_per_s": 61.2,
            "data_wait": 0.004,
            "memory_mb": 1411.0,
        }
        if knobs.validation and step % 50 == 0:
            row |= {"val/loss": 0.31 + 5 * 0.985**step + max(0, step - 300) * 0.0004, "val/rougeL": 78 - 70 * 0.988**step}
        yield row


def _scores(knobs: Knobs) -> dict[str, Any]:
    keys = []
    for task in knobs.tasks:
        keys += [f"{task}/test", f"{task}/test/reference", f"{task}/test/generated"] if task == "dialogue" else [f"{task}/test"]
    return {key: _task(knobs, 1 - 0.1 * i) for i, key in enumerate(keys)}


def _task(knobs: Knobs, scale: float) -> dict[str, Any]:
    own = dict(zip(METRICS, (79.1, 68.4, 74.6, 76.0, 68.7, 61.9, 55.3), strict=True))
    own |= FACTS if knobs.facts else {}
    seen = 0.76 if knobs.reads else 0.99
    part = {"constant": 0.62, "random": 0.66, "nearest": 0.77, "metadata": 0.63, "other": seen, "blank": 0.64, "noise": 0.6}
    enough = knobs.studies >= 30

    def score(value: float, wide: float = 2.1) -> dict[str, Any]:
        value = round(value * scale, 2)
        return {"value": value, "low": value - wide if enough else None, "high": value + wide if enough else None}

    def column(name: str) -> dict[str, Any]:
        return {m: {**score(v * part[name]), "n": knobs.studies} for m, v in own.items()}

    images = () if knobs.blind else IMAGES
    task: dict[str, Any] = {
        "scores": {
            m: {**score(v), "n": knobs.studies, "signature": f"docphim:{m}|norm:nfc|n:{knobs.studies}"} for m, v in own.items()
        },
        "floors": {name: column(name) for name in FLOORS},
        "lead": {name: {m: score(v * (1 - part[name]), 1.6) for m, v in own.items()} for name in FLOORS},
        "reliance": {},
        "image_gain": None,
        "counts": {
            "predictions": knobs.studies,
            "empty": 2,
            "cut": 5,
            "failed": 0,
            "declined": 4,
            "missing": 0,
            "extra": 0,
            "duplicates": 0,
        },
        "named": {},
        "keys": {"references": "ab" * 32, "split": "cd" * 32},
    }
    if knobs.facts:
        task["errors"] = {"missed": 12, "invented": 9, "denied": 0, "side": 14, "place": 0, "grade": 3, "change": 0}
        task["urgent"] = {"pneumothorax": {"reference": 6, "missed": 2, "draft": 5, "invented": 1}}
        task["fact_errors"] = {
            "polarity": 9,
            "side": 14,
            "location": 3,
            "severity": 11,
            "number": 0,
            "missing": 41,
            "hallucinated": 23,
        }
        rates = {"precision": 70.0, "recall": 50.0, "f1": 58.3}
        task["per_label"] = {"phantom": {n: {**rates, "support": 18 - 3 * i, "predicted": 12} for i, n in enumerate(LABELS)}}
        words = {"share": 97.75, "known": 391, "words": 400, "unknown": [["khoảng", 5], ["chỉ", 3]]}
        task["coverage_words"] = {"reference": words, "prediction": words}
    for name in images:
        drops = {m: score(v * (1 - part[name]), 1.6) for m, v in own.items()}
        task["reliance"][name] = {m: {**row, "drop": drops[m]} for m, row in column(name).items()}
        task["image_gain"] = {**score(5.1 if knobs.reads else 0.05, 0.6), "n": knobs.studies}
    if knobs.ceiling:
        task["ceiling"] = {m: score(v * 1.12) for m, v in own.items()}
    if knobs.truth:
        names = [*LABELS, "effusion (side)", "consolidation (side)"]
        task["by_finding"] = {name: _rates(0.93 - 0.05 * i, 0.08, -0.04 + 0.02 * i, enough) for i, name in enumerate(names)}
    return task


def _rates(tpr: float, fpr: float, other: float, enough: bool) -> dict[str, Any]:
    j, counted = tpr - fpr, {"positives": 18, "negatives": 22}
    ends = (j - 0.1, min(1, j + 0.1)) if enough else (None, None)
    own = {"tpr": tpr, "fpr": fpr, "j": j, "low": ends[0], "high": ends[1], **counted}
    return {"own": own, "other": {"tpr": 0.4 + other, "fpr": 0.4, "j": other, "low": None, "high": None, **counted}}


def _recipe(path: Path, knobs: Knobs) -> None:
    recipe: dict[str, Any] = {
        "name": "demo",
        "source": {"kind": "phantom", "path": "/srv/films/NGUYEN-VAN-AN", "studies": 900},
        "prompts": "docphim",
        "tasks": list(knobs.tasks),
        "model": {"family": "qwen_vl", "weights": "tiny", "tune": "full", "image_size": 112},
        "train": {"epochs": 8, "learning_rate": 0.001, "keep_best": "val/rougeL", "blind": knobs.blind},
        **knobs.recipe,
    }
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False), encoding="utf-8")
