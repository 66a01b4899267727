"""Kill a stage before its every file operation, one after the other, and see that nothing is lost and all ends the same.

`python kill_every_operation.py FOLDER SCENARIO`: prints at how many operations it was killed; run by test_resume.py.
"""

import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from docphim import files, resume
from docphim.errors import Refused
from docphim.stage import Stage

CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod", "os.truncate"}


def work(folder: Path, *, mark: str) -> None:
    """A stage of three outputs, one of them a folder, and a row in a file that others write too."""
    files.write_jsonl(folder / "rows.jsonl", [*files.read_jsonl(folder / "rows.jsonl"), {"stage": "work", "mark": mark}])
    (folder / "model").mkdir(exist_ok=True)
    for name in ("model/weights", "log.txt", "answers.txt"):
        with files.atomic(folder / name) as handle:
            handle.write(f"{name} {mark.removesuffix('fail')}")
    if mark.endswith("fail"):
        raise Refused("loss_not_finite")


def stage(folder: Path, mark: str) -> Stage:
    outputs = ["model", "answers.txt", "rows.jsonl?stage=work"]
    return Stage("work", "__main__:work", (folder,), {"mark": mark}, {}, folder, outputs, 1, beside=["log.txt"])


def do(folder: Path, mark: str) -> None:
    try:
        resume.do(stage(folder, mark))
    except Refused:
        assert mark.endswith("fail")


def setting(folder: Path, scenario: str) -> None:
    """What there was before the command that is killed."""
    folder.mkdir()
    files.write_jsonl(folder / "rows.jsonl", [{"stage": "before"}])
    if scenario != "first":
        do(folder, "old")
    if scenario == "healing":
        (folder / "model" / "weights").write_text("damaged", encoding="utf-8")
    if scenario == "returning":
        do(folder, "newfail")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def forked(act: Callable[[], None], kill_at: int | None = None) -> int:
    """Act in a process of its own, which ends before its file operation number `kill_at`; its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    count = 0

    def audit(event: str, arguments: tuple) -> None:
        nonlocal count
        writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGING or writing:
            if count == kill_at:
                os._exit(9)
            count += 1

    try:
        sys.addaudithook(audit)
        act()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def same_as_unkilled(root: Path, scenario: str, mark: str) -> None:
    """Kill the command at each operation; the same command then ends as it would have, and the old one loses nothing."""
    whole = root / "whole"
    setting(whole, scenario)
    do(whole, mark)
    aim = contents(whole)
    killed = 0
    while True:
        place, older = root / f"killed-{killed}", root / f"older-{killed}"
        setting(place, scenario)
        if forked(lambda at=killed, folder=place: do(folder, mark), kill_at=killed) == 0:
            break
        shutil.copytree(place, older)
        assert forked(lambda folder=place: do(folder, mark)) == 0, f"operation {killed}: the same command fails"
        assert contents(place) == aim, f"operation {killed}: {dict(contents(place).items() ^ aim.items())}"
        if scenario != "first":
            assert forked(lambda folder=older: do(folder, "old")) == 0, f"operation {killed}: the old command fails"
            assert (older / "model" / "weights").read_text(encoding="utf-8") == "model/weights old", f"operation {killed}"
        killed += 1
    print(killed)


if __name__ == "__main__":
    os.fsync = lambda _: None  # a killed process loses nothing that the system has taken
    SCENARIO = sys.argv[2]
    MARK = {"first": "old", "again": "new", "failing": "newfail", "healing": "old", "returning": "newfail"}[SCENARIO]
    same_as_unkilled(Path(sys.argv[1]), SCENARIO, MARK)
