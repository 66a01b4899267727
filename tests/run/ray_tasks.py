"""What `test_ray.py` hands to a cluster: `python ray_tasks.py FOLDER ITEM [--version V]` prints what became of it."""

import multiprocessing
import os
import signal
import sys
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


def lost(number: int) -> int:
    return -number


def main() -> None:
    import ray_tasks  # by its name, as a stage hands over functions of modules

    folder, *items = sys.argv[1:]
    if "--version" in items:
        ray_workers.__version__ = items.pop()
        items.pop()
    groups = [[1, 2], [3], [4, 5, int(items[0])], [7]]
    with workers.on("ray"):
        try:
            made = workers.each(ray_tasks.double, groups, workers=None, crashed=ray_tasks.lost, folder=Path(folder))
            print(*sorted(made))
        except (Refused, UsageError) as error:
            print(error)
    print(*(path.name for path in Path(folder).iterdir() if path.name.startswith(".ray")))


if __name__ == "__main__":
    main()
