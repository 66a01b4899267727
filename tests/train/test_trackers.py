"""Trackers: what they hold after a training that was killed, what never reaches them, what is refused.

Those that are not installed are skipped.
"""

import importlib.util
import json
import logging
import os
import sqlite3
from pathlib import Path
from typing import ClassVar

import pytest
from tiny_training import killed_at, model_section, train_section

from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl
from docphim.recipe import Train, validated
from docphim.recipe_model import decisive
from docphim.train import checkpoint, trackers, train
from docphim.train.log import Journal
from docphim.train.trackers import TRACKERS, check_trackers, settings_shown

pytestmark = pytest.mark.filterwarnings("ignore")


def needs(name: str) -> None:
    # Not imported to find out: trackio reads where to write as it is imported.
    if any(importlib.util.find_spec(module) is None for module in TRACKERS[name].modules):
        pytest.skip(f"{name} is not installed")


def tensorboard_points(run: Path) -> list[tuple[str, int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    points = []
    for file in (run / "trackers" / "tensorboard").glob("events.*"):
        events = EventAccumulator(str(file), size_guidance={"scalars": 0}).Reload()
        points += [(tag, e.step, e.value) for tag in events.Tags()["scalars"] for e in events.Scalars(tag)]
    return points


def mlflow_points(run: Path) -> list[tuple[str, int, float]]:
    with sqlite3.connect(run / "trackers" / "mlflow" / "mlflow.db") as db:
        return db.execute("select key, step, value from metrics").fetchall()


def trackio_points(run: Path) -> list[tuple[str, int, float]]:
    points = []
    with sqlite3.connect(run.parent / ".trackio" / f"{run.name}.db") as db:
        for step, metrics in db.execute("select step, metrics from metrics"):
            points += [(name, step, value) for name, value in json.loads(metrics).items()]
    return points


READ = {"tensorboard": tensorboard_points, "mlflow": mlflow_points, "trackio": trackio_points}


def logged(run: Path) -> list[tuple[str, int, float]]:
    rows = list(read_jsonl(run / "log.jsonl"))
    return list(dict.fromkeys((key, row["step"], row[key]) for row in rows for key in row if key != "step"))


def as_floats(points):
    return sorted((key, step, pytest.approx(value, rel=1e-5)) for key, step, value in points)


@pytest.mark.parametrize("name", READ)
def test_a_training_that_was_killed_shows_every_row_of_its_log_once(name, dataset, tmp_path):
    needs(name)
    model, settings = model_section(), train_section(trackers=[name])

    def work():
        train(dataset, tmp_path / "run", model=model, train=settings)

    killed_at((checkpoint, "write", 2), work)
    assert list((tmp_path / "run" / "checkpoints").glob("checkpoint-2"))
    work()
    points = READ[name](tmp_path / "run")
    assert len({(key, step) for key, step, _ in points}) == len(points)
    assert sorted(points) == as_floats(logged(tmp_path / "run"))
    assert max(step for _, step, _ in points) == 4


def test_wandb_writes_one_run_into_the_runs_folder(dataset, tmp_path):
    needs("wandb")
    for _ in range(2):
        train(dataset, tmp_path / "run", model=model_section(), train=train_section(trackers=["wandb"]))
        (tmp_path / "run" / "log.jsonl").unlink()
    folders = list((tmp_path / "run" / "trackers" / "wandb" / "wandb").glob("offline-run-*"))
    assert len(folders) == 1
    written = b"".join(file.read_bytes() for file in folders[0].glob("run-*.wandb"))
    assert b"val/loss" in written and b"train.learning_rate" in written
    for secret in (str(tmp_path), str(dataset), "Tim không to"):
        assert secret.encode() not in written


class Remembering:
    """A tracker of accelerate's interface that writes down what it is given."""

    opened: ClassVar[list] = []

    def __init__(self, place):
        self.place, self.rows, self.settings, self.fails = place, [], None, False
        Remembering.opened.append(self)

    tracker = None

    def start(self):
        if self.fails:
            raise OSError("no server")

    def store_init_configuration(self, values):
        self.settings = values

    def log(self, values, step):
        self.rows.append((step, values))

    def finish(self):
        self.rows.append("finished")


@pytest.fixture
def remembering(monkeypatch):
    monkeypatch.setattr(Remembering, "opened", [])
    monkeypatch.setitem(TRACKERS, "some", trackers.Kind(Remembering, (), "some"))
    for name in trackers._QUIET:
        monkeypatch.setenv(name, "0")
    return Remembering.opened


def test_a_server_gets_the_rows_it_lacks_and_the_same_name(remembering, tmp_path):
    def journal(step, address="https://tracker.example", key="k1"):
        shown = trackers.Trackers({"some": address}, tmp_path / "run", key, {"train.seed": 0})
        return Journal(tmp_path / "log.jsonl", step, shown)

    with journal(0) as log:
        for step in (1, 2, 3):
            log.write({"step": step, "loss": 1.0 / step})
    with journal(2) as log:  # the third is made again
        for step in (3, 4):
            log.write({"step": step, "loss": 1.0 / step})
    first, second = remembering
    assert [row[0] for row in first.rows[:-1]] == [1, 2, 3] and first.rows[-1] == "finished"
    assert second.rows == [(4, {"loss": 0.25}), "finished"]
    assert first.settings == {"train.seed": 0} and second.settings is None and second.place.known == "k1"
    with journal(4, key="k2"):
        pass
    assert [row[0] for row in remembering[2].rows[:-1]] == [1, 2, 3, 4] and remembering[2].settings
    with journal(4, address=None, key="k2"):
        pass
    assert [row[0] for row in remembering[3].rows[:-1]] == [1, 2, 3, 4]


def test_a_tracker_that_fails_is_named_and_the_training_goes_on(remembering, dataset, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(Remembering, "log", lambda *_, **__: (_ for _ in ()).throw(OSError("no server")))
    with caplog.at_level(logging.WARNING, "docphim"):
        train(dataset, tmp_path / "run", model=model_section(), train=train_section(trackers=["some"]))
    assert [r.message for r in caplog.records if "some shows no more" in r.message] == [
        "train: some shows no more of this training: OSError: no server"
    ]
    assert max(row["step"] for row in read_jsonl(tmp_path / "run" / "log.jsonl")) == 4


def test_trackers_change_nothing_in_what_is_trained(remembering, dataset, tmp_path):
    train(dataset, tmp_path / "run", model=model_section(), train=train_section())
    ended = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "run" / "checkpoints").iterdir()}
    train(dataset, tmp_path / "run", model=model_section(), train=train_section(trackers=["some"]))
    assert ended == {p.name: p.stat().st_mtime_ns for p in (tmp_path / "run" / "checkpoints").iterdir()}
    assert [row[0] for row in remembering[0].rows[:-1]] == [row["step"] for row in read_jsonl(tmp_path / "run" / "log.jsonl")]
    assert "tracker" not in (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")


def test_settings_are_shown_without_paths_and_text(tmp_path):
    model = model_section(weights=str(tmp_path / "nguyen-van-a"))
    section = train_section(rates={"vision": 1e-4}) | {
        "loss": {"kind": "constraint", "beta": 0.1, "max_loss": {"blind": "runs/tran"}}
    }
    shown = settings_shown(model, section)
    assert shown["model.weights"] == "a folder" and shown["train.rates.vision"] == 1e-4 and shown["train.loss.beta"] == 0.1
    assert all(isinstance(value, bool | int | float | str) for value in shown.values())
    assert not any(word in str(shown) for word in ("nguyen", "tran/", "runs/", str(tmp_path)))
    assert settings_shown(model | {"weights": "Qwen/Qwen2.5-VL-7B-Instruct"}, section)["model.weights"].startswith("Qwen/")
    assert "model.adapter" not in settings_shown(
        decisive(model | {"adapter": "merge"}), section
    )  # as a run's train stage has it


def test_the_environment_does_not_say_where_numbers_go(remembering, tmp_path, monkeypatch):
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI", "TRACKIO_SPACE_ID", "WANDB_API_KEY"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "mine")
    trackers._nothing_from_the_environment({"mlflow"})
    assert {n for n in os.environ if n.startswith(("WANDB_", "MLFLOW_", "TRACKIO_"))} == {
        "MLFLOW_TRACKING_TOKEN", "MLFLOW_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING",
    }  # fmt: skip


def test_what_is_unknown_not_installed_or_not_allowed_is_refused_in_one_line(monkeypatch):
    with pytest.raises(UsageError, match="'tensorbord' is not one of tensorboard, wandb"):
        check_trackers({"tensorbord": None}, ())
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="mlflow is not installed here: pip install mlflow"):
        check_trackers({"mlflow": None}, ())
    with pytest.raises(Refused, match="upload_not_allowed"):
        check_trackers({"mlflow": "https://numbers.example"}, ["other.example"])
    with pytest.raises(UsageError, match="takes no address"):
        check_trackers({"tensorboard": "https://numbers.example"}, ["numbers.example"])
    monkeypatch.undo()
    check_trackers({}, ())
    assert validated(Train, {"trackers": ["mlflow"]}, "train").trackers == {"mlflow": None}
