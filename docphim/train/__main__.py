"""One of several training processes, started by `launch.py` or by `torchrun … -m docphim.train DATASET RUN CONFIG.json`.

CONFIG.json holds the recipe's `model` and `train` sections, {"model": {…}, "train": {…}}; `-` reads them, as one line, from
standard input and then ends when that input ends.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from docphim.errors import Refused, UsageError
from docphim.files import locked, private_folder, read_json
from docphim.recipe import Model, Train, validated
from docphim.train import train
from docphim.train.trackers import check_trackers

log = logging.getLogger("docphim")


def main(arguments: list[str]) -> int:
    """Train; 0 done, 1 a fault, 2 the command or its configuration is wrong, 3 the input was refused."""
    rank = os.environ.get("RANK", "0")
    logging.basicConfig(level=logging.INFO if rank == "0" else logging.ERROR, format="%(message)s")
    launched = arguments[2:] == ["-"]
    try:
        if len(arguments) != 3:
            raise UsageError("usage: python -m docphim.train DATASET RUN CONFIG.json")
        dataset, run = map(Path, arguments[:2])
        sections = _sections_from_parent() if launched else read_json(Path(arguments[2]))
        model = validated(Model, sections.get("model", {}), "model").model_dump()
        settings = validated(Train, sections.get("train", {}), "train").model_dump()
        if not launched:
            check_trackers(settings["trackers"], ())
        # A lock of its own: should this process outlive the command that started it, the next command is kept away.
        with locked(private_folder(run), f"rank-{rank}", wait=True):
            train(dataset, run, model=model, train=settings)
    except UsageError as error:
        return _stopped(launched, error, 2, {"usage": str(error)})
    except Refused as error:
        return _stopped(launched, error, 3, {"reason": error.reason, "where": error.where, "why": error.why})
    except Exception as error:
        if not launched:
            raise
        return _stopped(launched, error, 1, {"fault": traceback.format_exc()})
    return 0


def _sections_from_parent() -> dict[str, Any]:
    """The recipe's sections from standard input, which is watched from then on: at its end the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent as well, which then ends its children
    sections = json.loads(sys.stdin.buffer.readline())

    def watch() -> None:
        os.read(0, 1)  # not sys.stdin: its lock would be held when the interpreter ends
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    return sections


def _stopped(launched: bool, error: Exception, code: int, report: dict[str, str]) -> int:
    """Say why this process stops, to the one that started it or to a person; the exit code."""
    if launched:
        print(json.dumps(report), flush=True)
    else:
        log.error("%s", error)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
