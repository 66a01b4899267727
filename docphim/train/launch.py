"""Several training processes on this machine: started here, joined by a file, ended with the process that started them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from docphim import files
from docphim.errors import Refused, UsageError

#: The environment variable that names the file by which the processes find each other.
RENDEZVOUS = "DOCPHIM_RENDEZVOUS"

#: The loopback interface by `sys.platform`: gloo and NCCL listen there and nowhere else, and ask no name server for an address.
LOOPBACK = {"linux": "lo", "darwin": "lo0"}

#: After one process has failed, the others have so many seconds to end by themselves and say why.
GRACE = 10.0


def launch(dataset: Path, run: Path, *, model: dict[str, Any], train: dict[str, Any]) -> None:
    """Train in `train.processes` processes and wait for them.

    Each is `python -m docphim.train DATASET RUN -`.  Its standard input is a pipe: the recipe's sections come in by it, and its
    end means that this process is gone, on which the child exits.  Its standard output is one line of JSON that says why it
    stopped, if it did.

    Raises
    ------
    UsageError
        There are fewer GPUs than processes; or a process has raised it.
    Refused
        What a process has refused; `worker_killed`, where one was killed.
    """
    count = train["processes"]
    if torch.cuda.is_available() and torch.cuda.device_count() < count:
        raise UsageError(f"train.processes: {count} processes need as many GPUs, and there are {torch.cuda.device_count()}")
    files.private_folder(run)
    meeting = run / ".rendezvous"
    meeting.unlink(missing_ok=True)
    command = _command(dataset, run)
    config = json.dumps({"model": model, "train": train}).encode() + b"\n"
    children: list[subprocess.Popen[bytes]] = []
    try:
        children.extend(_start(command, config, _environment(rank, count, meeting)) for rank in range(count))
        _wait(children)
        codes = [child.poll() for child in children]
        reports = [_report(child) for child in children if child.poll() is not None]
    finally:
        for child in children:
            child.kill()
        for child in children:
            with child:  # closes its pipes and waits for it
                pass
        meeting.unlink(missing_ok=True)
    _raise_first(reports, codes)


def has_gpu() -> bool:
    """Whether models are trained on a GPU, which one run at a time fills."""
    return torch.cuda.is_available()


def limit_threads(count: int, processes: int = 1) -> None:
    """Let models of this process, which has others beside it, use `count` threads; its `train.processes` share them."""
    torch.set_num_threads(count)
    os.environ["OMP_NUM_THREADS"] = str(max(1, count // processes))


def _environment(rank: int, count: int, meeting: Path) -> dict[str, str]:
    places = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), RENDEZVOUS: str(meeting.absolute())}
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))}
    loopback = LOOPBACK.get(sys.platform)
    interfaces = {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback} if loopback else {}
    return {**threads, **os.environ, **places, **interfaces}


def _command(dataset: Path, run: Path) -> list[str]:
    return [sys.executable, "-m", "docphim.train", str(dataset), str(run), "-"]


def _start(command: list[str], config: bytes, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert child.stdin is not None
    child.stdin.write(config)
    child.stdin.flush()
    return child


def _wait(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Return when all have ended, or `GRACE` seconds after one has failed: the others may wait for it for ever."""
    last = None
    while any(child.poll() is None for child in children):
        if last is None and any(child.poll() for child in children):
            last = time.monotonic() + GRACE
        if last is not None and time.monotonic() > last:
            return
        time.sleep(0.05)


def _report(child: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What a process that has ended said of its end; empty where it said nothing."""
    assert child.stdout is not None
    lines = child.stdout.read().decode("utf-8", "replace").splitlines()
    try:
        report = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}


def _raise_first(reports: list[dict[str, Any]], codes: list[int | None]) -> None:
    """Raise why the processes stopped: what one refused comes before what others then ran into."""
    for report in reports:
        if "reason" in report:
            raise Refused(report["reason"], report["where"], report["why"])
        if "usage" in report:
            raise UsageError(report["usage"])
    for rank, code in enumerate(codes):
        if code is not None and code < 0:
            raise Refused("worker_killed", f"training process {rank}", f"it was ended by signal {-code} (out of memory?)")
    faults = [report["fault"] for report in reports if "fault" in report]
    if any(codes) or None in codes:
        raise RuntimeError(faults[0] if faults else f"the training processes ended with {codes}")
