"""`train.trackers`: the numbers of log.jsonl shown as they come, by accelerate's trackers, in the run's own folder unless told.

A tracker gets numbers and the recipe's settings: no text of a report, no path, no name of a person or of this machine.  Nothing
leaves the machine unless the recipe gives an address and `allow_upload` names its host.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import logging
import os
import re
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docphim import files
from docphim.errors import UsageError
from docphim.models.address import check_upload
from docphim.study import Row

log = logging.getLogger("docphim")

#: What these packages read beside their arguments: none of it may say where numbers go.
_PREFIXES = ("WANDB_", "MLFLOW_", "TRACKIO_")
#: What of it an address needs.
_CREDENTIALS = {"WANDB_API_KEY", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN",
                "TRACKIO_WRITE_TOKEN"}  # fmt: skip
#: They report on their own use, and ask for their newest release.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True)
class Place:
    """Where the numbers of a training go.

    Attributes
    ----------
    name : str
        The run's.
    folder : Path
        The tracker's own in the run's folder.
    address : str or None
        A server's, where the recipe gives one.
    key : str
        The same for a training that is resumed, another for another training.
    known : str or None
        What the server called it when it was begun.
    """

    name: str
    folder: Path
    address: str | None
    key: str
    known: str | None = None


@dataclass(frozen=True)
class Kind:
    """A tracker: how it is opened, the modules it needs, what installs them, and whether it can send to an address."""

    opened: Callable[[Place], Any]
    modules: tuple[str, ...]
    install: str
    sends: bool = True


def _tensorboard(place: Place) -> Any:
    from accelerate.tracking import TensorBoardTracker

    return TensorBoardTracker("", str(place.folder))


def _wandb(place: Place) -> Any:
    import wandb
    from accelerate.tracking import WandBTracker

    silent: dict[str, Any] = {
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
        "x_save_requirements": False,
    }
    silent |= {"disable_git": True, "disable_code": True, "save_code": False, "console": "off", "silent": True}
    at = {"base_url": place.address} if place.address else {}
    settings = wandb.Settings(**silent, **at, program="docphim", host="", username="")
    where = {"dir": str(place.folder), "mode": "online" if place.address else "offline", "resume": "allow"}
    return WandBTracker("docphim", id=place.key, name=place.name, settings=settings, **where)


def _mlflow(place: Place) -> Any:
    import mlflow
    from accelerate.tracking import MLflowTracker

    artifacts = None if place.address else (place.folder / "artifacts").as_uri()
    mlflow.set_tracking_uri(place.address or f"sqlite:///{place.folder / 'mlflow.db'}")
    nobody = {"mlflow.user": "", "mlflow.source.name": "docphim"}
    return MLflowTracker("docphim", logging_dir=artifacts, run_id=place.known, run_name=place.name, tags=nobody)


def _trackio(place: Place) -> Any:
    # Read once, when the package is imported: one folder for all runs of a `runs`, a project each.
    os.environ["TRACKIO_DIR"] = str(files.private_folder(place.folder.parents[2] / ".trackio"))
    import trackio
    from accelerate.tracking import TrackioTracker

    if str(trackio.utils.TRACKIO_DIR) != os.environ["TRACKIO_DIR"]:
        raise RuntimeError("trackio already writes to another folder in this process")
    if place.address is None:
        trackio.delete_project(place.name, force=True)
    quiet: dict[str, Any] = {"auto_log_gpu": False, "auto_log_cpu": False, "embed": False, "resume": "allow"}
    return TrackioTracker(place.name, name=place.key, server_url=place.address, **quiet)


#: What may stand in `train.trackers`.
TRACKERS: dict[str, Kind] = {
    "tensorboard": Kind(_tensorboard, ("tensorboard",), "tensorboard", sends=False),
    "wandb": Kind(_wandb, ("wandb",), "wandb"),
    "mlflow": Kind(_mlflow, ("mlflow", "sqlalchemy", "alembic"), "mlflow"),
    "trackio": Kind(_trackio, ("trackio",), "trackio"),
}


def check_trackers(wanted: Mapping[str, str | None], allow_upload: Sequence[str]) -> None:
    """Refuse a tracker that there is not, that is not installed, or that would send where the recipe does not allow it.

    Raises
    ------
    UsageError
        The message says which are known, or what to install.
    Refused
        `upload_not_allowed`.
    """
    for name, address in wanted.items():
        if name not in TRACKERS:
            raise UsageError(f"train.trackers: {name!r} is not one of {', '.join(TRACKERS)}")
        kind = TRACKERS[name]
        if address is not None:
            if not kind.sends:
                raise UsageError(f"train.trackers.{name}: takes no address; it writes into the run's folder")
            check_upload(address, allow_upload, f"train.trackers.{name}")
        if any(importlib.util.find_spec(module) is None for module in kind.modules):
            raise UsageError(f"train.trackers: {name} is not installed here: pip install {kind.install}")


def settings_shown(model: Row, train: Row) -> dict[str, Any]:
    """The settings of a recipe that a tracker may hold: numbers, switches and names of choices; weights by hub id alone."""
    weights = model["weights"]
    of_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", weights) and not Path(weights).exists()
    shown = {"model.weights": weights if of_hub or weights == "tiny" else "a folder"}
    # a recipe's section leaves out what was added to it later and is not used (`recipe_model.decisive`)
    shown |= {f"model.{key}": model[key] for key in ("family", "tune", "adapter", "quantise", "image_size") if key in model}
    shown |= {f"model.{key}": " ".join(model[key]) for key in ("freeze", "whole") if key in model}
    shown |= {f"model.lora.{key}": model["lora"][key] for key in ("kind", "rank", "alpha", "dropout") if key in model["lora"]}
    parts = {**train, **{f"rates.{part}": rate for part, rate in train["rates"].items()}, "loss": train["loss"]["kind"]}
    parts |= {f"loss.{key}": value for key, value in train["loss"].items() if isinstance(value, float | int)}
    shown |= {f"train.{key}": value for key, value in parts.items() if not isinstance(value, dict)}
    return {key: value if isinstance(value, bool | int | float | str) else str(value) for key, value in shown.items()}


class Trackers:
    """The trackers of one training; one that fails is let go with a warning, for a training is worth more.

    Parameters
    ----------
    wanted : dict
        Tracker → the address of a server, or None.
    run : Path
        The run's folder.
    key : str
        What the training is made from.
    settings : dict
        See `settings_shown`.
    """

    def __init__(self, wanted: Mapping[str, str | None], run: Path, key: str, settings: Row) -> None:
        self._open: dict[str, _Open] = {}
        if wanted:
            _nothing_from_the_environment({name for name, address in wanted.items() if address})
        for name, address in wanted.items():
            self._guarded(name, functools.partial(self._started, name, address, run, key, settings))

    def write(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Show rows of log.jsonl; the first after opening are those that are there already."""
        for name, tracker in list(self._open.items()):
            self._guarded(name, functools.partial(tracker.write, rows))

    def close(self) -> None:
        """End them, so that all rows have arrived."""
        for name, tracker in list(self._open.items()):
            self._guarded(name, tracker.tracker.finish)
        self._open = {}

    def _started(self, name: str, address: str | None, run: Path, key: str, settings: Row) -> None:
        self._open[name] = _Open(name, Place(run.resolve().name, run.resolve() / "trackers" / name, address, key), settings)

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        # They write to standard output, which is the command's own.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            try:
                work()
            except Exception as error:
                self._open.pop(name, None)
                why = (str(error).splitlines() or [""])[0]
                log.warning("train: %s shows no more of this training: %s: %s", name, type(error).__name__, why)


class _Open:
    """One tracker, which gets every row once.

    What lies in the run's folder is made anew from the rows that log.jsonl holds, so that a kill neither doubles nor loses a
    row; of what a server has, the number of rows sent is remembered.
    """

    def __init__(self, name: str, place: Place, settings: Row) -> None:
        # Only where a tracker is asked for: to import it costs time.
        from accelerate import PartialState

        PartialState()  # accelerate's trackers ask it whether this process is the one that writes
        self.sent, self.seen, self.place = 0, 0, place
        self.step, self.shown = -1, set[str]()
        self.note = place.folder / "sent.json"
        noted = files.read_json(self.note) if place.address and self.note.exists() else {}
        if noted.get("key") == place.key and noted.get("address") == place.address:
            self.sent, self.place = noted["rows"], replace(place, known=noted["known"])
        else:
            shutil.rmtree(place.folder, ignore_errors=True)
        files.private_folder(place.folder)
        self.tracker = TRACKERS[name].opened(self.place)
        self.tracker.start()
        if self.place.known is None:
            self.tracker.store_init_configuration(settings)
            self._remember()

    def write(self, rows: Sequence[Mapping[str, float]]) -> None:
        new = rows[max(0, self.sent - self.seen) :]
        self.seen += len(rows)
        self.sent = max(self.sent, self.seen)
        if new:
            self._remember()  # before they are sent: a kill may lose a row on a server, and doubles none
        for row in new:
            # A validation's row says the epoch of its step once more.
            shown = self.shown if row["step"] == self.step else set()
            values = {name: value for name, value in row.items() if name != "step" and name not in shown}
            self.step, self.shown = int(row["step"]), shown | set(values)
            self.tracker.log(values, step=self.step)

    def _remember(self) -> None:
        if self.place.address:
            info = getattr(self.tracker.tracker, "info", None)
            known = self.place.known or getattr(info, "run_id", None) or self.place.key
            files.write_json(
                self.note, {"key": self.place.key, "address": self.place.address, "known": known, "rows": self.sent}
            )


def _nothing_from_the_environment(sending: set[str]) -> None:
    """Where numbers go is the recipe's to say; of the packages' variables, credentials stay where a server is asked for."""
    for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
        if not (name in _CREDENTIALS and name.partition("_")[0].lower() in sending):
            del os.environ[name]
    os.environ.update(_QUIET)
