"""Handed to a cluster by `test_ray.py`: `python ray_tasks.py FOLDER ITEM [VERSION]`, or FOLDER gpus COUNT, says what came."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

from docphim import ray_workers, workers
from docphim.errors import Refused, UsageError


def double(numbers: list[int]) -> list[int]:
    """Twice each number; 13 ends its process, 15 kills it, 16 kills the cluster's worker, 14 is refused."""
    for number in numbers:
        if number == 13:
            os._exit(3)
        if number == 14:
            raise Refused("disk_full", "here")
        if number == 15:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 16:
            os.kill(os.getppid() if multiprocessing.parent_process() else os.getpid(), signal.SIGKILL)
    return [2 * number for number in numbers]


def seen(names: list[str]) -> list[str]:
    """What a worker is given of the GPUs, and where what it starts would be; it waits for the other, so that both do."""
    for name in names:
        Path(name).touch()
        while len(list(Path(name).parent.glob("seen-*"))) < 2:
            time.sleep(0.02)
    with workers.on("ray"):
        return [f"{os.environ['CUDA_VISIBLE_DEVICES']}:{workers.gpu_of(4)}:{workers.is_local()}"]


def lost(number: int) -> int:
    return -number


def main() -> None:
    import ray_tasks  # by its name, as a stage hands over functions of modules

    folder, item, *more = sys.argv[1:]
    if item == "gpus":
        function, groups, gpus = ray_tasks.seen, [[f"{folder}/seen-{n}"] for n in (1, 2)], int(more[0])
    else:
        function, groups, gpus = ray_tasks.double, [[1, 2], [3], [4, 5, int(item)], [7]], 0
        ray_workers.__version__ = more[0] if more else ray_workers.__version__
    with workers.on("ray"):
        try:
            made = workers.each(
                function, groups, workers=None, crashed=ray_tasks.lost, folder=Path(folder), long=True, gpus=gpus
            )
            print(*sorted(made))
        except (Refused, UsageError) as error:
            print(error)
    print(*(path.name for path in Path(folder).iterdir() if path.name.startswith(".ray")))


if __name__ == "__main__":
    main()
