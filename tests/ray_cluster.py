"""A Ray cluster of this machine in namespaces of its own: Ray binds every address, and here there is none but loopback."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

#: This checkout, whichever one is installed.
ROOT = Path(__file__).parents[1]
_ADDRESS = "127.0.0.1:6399"
_NAMESPACES = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
_LOOPBACK = "ip link set lo up"
#: Seconds to wait for what takes a moment on an idle machine.
_PATIENCE = 60


class Cluster:
    """Two cores, and two GPUs that are none; what is run `inside` reaches it, and ends with it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # sockets lie in it, whose paths may have 107 letters
        start = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=2", "--num-gpus=2"]
        start += ["--include-dashboard=false", "--disable-usage-stats", "--node-ip-address=127.0.0.1"]
        start += [f"--port={_ADDRESS.partition(':')[2]}", "--object-store-memory=100000000", f"--temp-dir={self.folder}"]
        self.log = (self.folder.with_suffix(".log")).open("wb")
        # Ray's workers take the path of modules from here as well.
        self.outer = subprocess.Popen(
            [*_NAMESPACES, "sh", "-c", f'{_LOOPBACK} && exec "$@"', "sh", *start],
            env=environment() | {"CUDA_VISIBLE_DEVICES": "90,91"},
            stdout=self.log,
            stderr=self.log,
        )

    @property
    def first(self) -> psutil.Process:
        """The first process in the namespaces, once it is there."""
        outer, end = psutil.Process(self.outer.pid), time.monotonic() + _PATIENCE
        while not (children := outer.children()):
            assert time.monotonic() < end and self.outer.poll() is None, "no process began in the namespaces"
            time.sleep(0.05)
        return children[0]

    def wait(self) -> None:
        """Return when the cluster can be reached."""
        knock = f"import socket; socket.create_connection({tuple(_ADDRESS.split(':'))!r})"
        end = time.monotonic() + _PATIENCE
        while True:
            knocking = self.inside(sys.executable, "-c", knock, folder=self.folder)
            knocking.communicate()
            if knocking.returncode == 0:
                return
            assert time.monotonic() < end, "the cluster does not answer"
            time.sleep(0.2)

    def workers(self) -> list[psutil.Process]:
        """Processes that are at work for a command."""
        return [p for p in psutil.Process(self.outer.pid).children(recursive=True) if _title(p).startswith("ray::Worker.")]

    def inside(self, *command: object, folder: Path, **more: str) -> subprocess.Popen:
        enter = ["nsenter", f"--target={self.first.pid}", "--user", "--preserve-credentials", "--net", "--pid", "--mount"]
        return subprocess.Popen(
            [*enter, f"--wdns={folder}", *map(str, command)],
            env=environment() | {"RAY_ADDRESS": _ADDRESS, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def end(self) -> None:
        self.outer.kill()
        self.outer.wait()
        self.log.close()
        Path(self.log.name).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def _title(process: psutil.Process) -> str:
    """The name that Ray gives a process; none where it is gone."""
    try:
        return "".join(process.cmdline()[:1])
    except psutil.NoSuchProcess:
        return ""


def without_cluster(*command: object, folder: Path) -> subprocess.CompletedProcess:
    """Run a command where there is no cluster."""
    script = [*_NAMESPACES, "sh", "-c", f'{_LOOPBACK} && exec "$@"', "sh", *map(str, command)]
    return subprocess.run(script, cwd=folder, env=environment(), capture_output=True, encoding="utf-8")


def environment() -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "run")])
    return given | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
