"""One process of a training that torchrun starts: `torchrun --nproc_per_node 2 -m docphim.train DATASET RUN CONFIG.json`.

CONFIG.json holds the recipe's `model` and `train` sections: {"model": {…}, "train": {…}}.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from docphim.errors import Refused, UsageError
from docphim.files import read_json, write_json
from docphim.recipe import Model, Train, validated
from docphim.train import STOPPED, train

log = logging.getLogger("docphim")


def main(arguments: list[str]) -> int:
    """Train; 0 done, 2 the command or its configuration is wrong, 3 the input was refused."""
    import torch.distributed

    first = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.INFO if first else logging.ERROR, format="%(message)s")
    try:
        if len(arguments) != 3:
            raise UsageError("usage: python -m docphim.train DATASET RUN CONFIG.json")
        dataset, run, config = map(Path, arguments)
        said = read_json(config)
        model = validated(Model, said.get("model", {}), "model")
        train(dataset, run, model=model.model_dump(), train=validated(Train, said.get("train", {}), "train").model_dump())
    except UsageError as error:
        return _stopped(arguments, error, 2, {"reason": None, "where": "", "why": str(error)})
    except Refused as error:
        return _stopped(arguments, error, 3, {"reason": error.reason, "where": error.where, "why": error.why})
    finally:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return 0


def _stopped(arguments: list[str], error: Exception, code: int, row: dict[str, str | None]) -> int:
    """Say an error, and leave it where the process that started this one finds it."""
    log.error("%s", error)
    if len(arguments) == 3 and Path(arguments[1]).is_dir():
        write_json(Path(arguments[1]) / STOPPED, row)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
