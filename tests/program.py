"""`docphim` as a person starts it: a command in a process of its own, in a folder of its own, without the network."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import warm

#: This checkout, whichever one is installed.
ROOT = Path(__file__).parents[1]

#: Put on PYTHONPATH as sitecustomize.py: every process, spawned ones too, loses the network.
NO_SOCKETS = """
import socket
def _refuse(*_, **__):
    raise OSError("a socket was opened")
class _NoSocket(socket.socket):
    def __init__(self, family=-1, *rest, **named):
        if family not in (-1, socket.AF_UNIX):
            open({log!r}, "a").write(f"{{family}}\\n")
            _refuse()
        super().__init__(family, *rest, **named)
socket.socket = _NoSocket
socket.create_connection = socket.getaddrinfo = _refuse
"""

#: The same, but for this machine itself: what connects elsewhere, or asks for a name, is refused and written down.
LOOPBACK_ONLY = """
import socket
_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo
def _refuse(place):
    open({log!r}, "a").write(f"{{place}}\\n")
    raise OSError("a connection was opened")
def _only_here(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
        _refuse(address)
    return _connect(self, address)
def _no_names(host, *rest, **named):
    return _getaddrinfo(host, *rest, **named) if host in ("127.0.0.1", "::1") else _refuse(host)
socket.socket.connect = socket.socket.connect_ex = _only_here
socket.getaddrinfo = _no_names
"""

TINY = [
    "model.weights=tiny",
    "model.tune=full",
    "model.freeze=[]",
    "model.image_size=56",
    "prepare.long_side=128",
    "prepare.workers=1",
    "train.epochs=1",
    "train.max_steps=4",
    "train.batch_size=4",
    "train.accumulate=1",
    "train.evaluations=2",
    "train.gradient_checkpointing=false",
    "generate.max_new_tokens=12",
    "evaluate.resamples=100",
    "evaluate.splits=[test]",
]


class Program:
    """`docphim` in a folder of its own."""

    def __init__(self, folder: Path, rule: str = NO_SOCKETS) -> None:
        self.folder, self.rule = folder, rule
        self.opened = folder / "sockets.txt"
        (folder / "site").mkdir(exist_ok=True)
        (folder / "site" / "sitecustomize.py").write_text(rule.format(log=str(self.opened)), encoding="utf-8")

    def command(self, *arguments: object, tiny: bool = True) -> list[str]:
        settings = [part for setting in TINY for part in ("--set", setting)] if tiny else []
        return [sys.executable, "-c", "from docphim.cli import main; main()", *map(str, arguments), *settings]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(self.folder / "site"), str(ROOT)]),
            "OMP_NUM_THREADS": "1",
            "DOCPHIM_KEY_FILE": str(self.folder / "secret" / "key"),
        }

    def __call__(self, *arguments: object, tiny: bool = True, cold: bool = False) -> subprocess.CompletedProcess:
        """Run a command to its end; `cold` ones load torch as a person's do, others find it loaded (see `warm`)."""
        command = self.command(*arguments, tiny=tiny)
        if self.rule is NO_SOCKETS and not cold and warm.worth_it(command):
            return warm.captured(command, self.folder, self.environment)
        return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=self.folder, env=self.environment)

    def start(self, *arguments: object, tiny: bool = True) -> subprocess.Popen:
        pipe = subprocess.PIPE
        command = self.command(*arguments, tiny=tiny)
        # A shell's background job hands down that Ctrl-C is ignored; a person's command does not start that way.
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(command, stdout=pipe, stderr=pipe, cwd=self.folder, env=self.environment)
        finally:
            signal.signal(signal.SIGINT, heard)
