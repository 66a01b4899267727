"""Kills a small whole run at sampled file operations and moments; the same command must then end with the same bytes.

    python tests/kills.py 60 [--processes 2] [--seed S] [--until STAGE]

Run by hand (20 s a kill on one core).  An undisturbed run gives the reference bytes and the list of its file operations: every
open for writing, rename, removal, new folder, link and change of mode inside its folder, in the command and its children.  Two
thirds of the kills come just before such an operation, one third at a moment; the victim is the command, the child that is
about to do the operation, or both with all their company.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from small_run import SmallRun, differences, shown

#: Put on PYTHONPATH as sitecustomize.py: every process of a run writes down its file operations, or dies before a given one.
WATCH = """
import collections, os, re, signal, sys

PLACE, LOG, AT, VICTIM = (os.environ.get("KILLS_" + name) for name in ("PLACE", "LOG", "AT", "VICTIM"))
EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
seen = collections.Counter()

def path_of(value):
    try:
        return os.fsdecode(value) if isinstance(value, (str, bytes, os.PathLike)) else ""
    except Exception:
        return ""

def hook(event, args):
    if event == "open":
        mode, flags = args[1], args[2]
        if not (set(mode) & set("wax+") if isinstance(mode, str) else flags & WRITES):
            return
    elif event not in EVENTS:
        return
    path = path_of(args[0])
    if not path or not os.path.abspath(path).startswith(PLACE):
        return
    name = os.path.relpath(os.path.abspath(path), PLACE)
    name = re.sub(r"(?<![0-9])(%d|%d)(?![0-9])" % (os.getpid(), os.getppid()), "PID", name)
    name = re.sub("tmp[a-z0-9_]{8}", "TMP", name)
    seen[event, name] += 1
    line = f"{event}\\t{name}\\t{seen[event, name]}"
    if LOG:
        os.write(log, (line + "\\n").encode())
    elif AT == line and once():
        os.kill({"child": os.getpid(), "command": int(os.environ["KILLS_COMMAND"])}.get(VICTIM, os.getpid()), signal.SIGKILL)

def once():
    try:
        os.close(os.open(os.environ["KILLS_ONCE"], os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

if PLACE:
    os.environ.setdefault("KILLS_COMMAND", str(os.getpid()))
    if LOG:
        log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    sys.addaudithook(hook)
"""

#: A second command waits so long for what the first has left alive, and says meanwhile that another process writes.
PATIENCE = 60.0
BUSY = "another process"


@dataclass(frozen=True)
class Kill:
    """When: before an operation (`event`, path, how manyth time in its process) or at a share of the whole time; and who."""

    operation: str = ""
    moment: float = 0.0
    victim: str = "command"

    def __str__(self) -> str:
        when = self.operation.replace("\t", " ") if self.operation else f"at {self.moment:.0%} of the time"
        return f"{self.victim} killed {'before ' if self.operation else ''}{when}"


class Killing:
    """A small run, what an undisturbed one wrote, and its operations."""

    def __init__(self, folder: Path, processes: int = 1, until: str = "page") -> None:
        self.run = SmallRun(folder, processes)
        (self.run.site / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
        self.command = ("run", "small.yaml", "--until", until)
        log, begin = self.run.site / "operations.txt", time.monotonic()
        code = self._start(KILLS_LOG=str(log)).wait(600)
        self.seconds = time.monotonic() - begin
        if code:
            raise SystemExit(f"the undisturbed run ended with {code}:\n{self.run.printed()}")
        self.operations = by_kind(log.read_text(encoding="utf-8").splitlines())
        self.expected = self.run.stable()

    def _start(self, **watch: str):
        return self.run.start(*self.command, KILLS_PLACE=str(self.run.folder) + os.sep, **watch)

    def sample(self, count: int, rng: random.Random) -> Iterator[Kill]:
        """Kills at operations, spread over kinds and files, and every third one at a moment."""
        for number in range(count):
            victim = rng.choice(("command", "child", "all"))
            if number % 3 == 2:
                yield Kill(moment=rng.random(), victim=victim)
            else:
                yield Kill(rng.choice(self.operations[rng.choice(sorted(self.operations))]), victim=victim)

    def disturb(self, kill: Kill) -> bool:
        """Start the command afresh and kill it; whether the moment came before its end."""
        self.run.fresh()
        once = self.run.site / "killed"
        once.unlink(missing_ok=True)
        if kill.operation:
            process = self._start(KILLS_AT=kill.operation, KILLS_VICTIM=kill.victim, KILLS_ONCE=str(once))
            while process.poll() is None and not once.exists():
                time.sleep(0.002)
            if kill.victim == "all" and once.exists():
                end(process.pid, "all")
        else:
            process = self._start()
            with contextlib.suppress(TimeoutError):
                time.sleep(kill.moment * self.seconds)
            once.touch()
            end(process.pid, kill.victim)
        process.wait(600)
        return once.exists()

    def recovered(self) -> list[str]:
        """Give the same command again; what is wrong then: its exit code, or files that are not those of the reference."""
        late = time.monotonic() + PATIENCE
        while True:
            code, printed = self.run(*self.command)
            if not code or BUSY not in printed or time.monotonic() > late:
                break
            time.sleep(0.2)
        if code:
            return [f"exit {code}: {(printed.strip().splitlines() or ['nothing printed'])[-1]}"]
        return differences(self.run.stable(), self.expected)


def by_kind(lines: Iterable[str]) -> dict[str, list[str]]:
    """Operations by what they do, whatever the number of the study, so that the one manifest counts as much as twelve films."""
    kinds: dict[str, list[str]] = {}
    for line in sorted(set(lines)):
        kinds.setdefault(re.sub(r"PH\d+|\t\d+$", "#", line), []).append(line)
    return kinds


def end(pid: int, victim: str) -> None:
    """SIGKILL for a command, for one of its children (the command where there is none), or for all of them at once."""
    with contextlib.suppress(psutil.NoSuchProcess):
        command = psutil.Process(pid)
        children = command.children(recursive=True)
        victims = {"command": [command], "child": children[-1:] or [command], "all": [command, *children]}[victim]
        for process in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                os.kill(process.pid, signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until", default="page")
    parser.add_argument("--only", default="", help="a part of the operations' names")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docphim-kills-") as folder:
        killing = Killing(Path(folder).resolve(), given.processes, given.until)
        killing.operations = {kind: lines for kind, lines in killing.operations.items() if given.only in kind}
        kinds, files = len(killing.operations), len(killing.expected)
        print(f"undisturbed: {killing.seconds:.0f} s, {files} files, {kinds} kinds of file operation", flush=True)
        counts: Counter[str] = Counter()
        for number, kill in enumerate(killing.sample(given.count, random.Random(given.seed)), 1):
            counts["late"] += not killing.disturb(kill)
            wrong = killing.recovered()
            counts["lost" if wrong else "recovered"] += 1
            print(f"{number:4} {'LOST ' + shown(wrong) if wrong else 'ok'} | {kill}", flush=True)
    print(f"{counts['recovered']} of {given.count} recovered, {counts['late']} ended before they were killed")
    sys.exit(bool(counts["lost"]))


if __name__ == "__main__":
    main()
