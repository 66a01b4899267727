"""Commands in processes forked from a Python that has torch loaded: loading it takes longer than what tests do with it.

Other packages are loaded before the fork, nothing of Docphim: a command reads its arguments, its environment, the rule for
sockets and Docphim's modules as one that a person starts.  The whole way, and drafting, are also tested without this.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

#: What training and drafting import of other packages, down to what the first optimiser imports: torch._dynamo.
PACKAGES = ["torch._dynamo", "torch.utils.data", "torch.distributed", "transformers", "safetensors.torch", "peft"]
PACKAGES += ["transformers.models.qwen2_vl.modeling_qwen2_vl", "transformers.models.qwen2_vl.processing_qwen2_vl"]
PACKAGES += [
    "numpy.random",
    "scipy.ndimage",
    "pydicom",
    "blosc2",
    "PIL.Image",
    "pydantic",
    "yaml",
    "typer",
    "jinja2",
    "filelock",
]
#: The commands that come to torch, and the stages that lie before it.
WITH_TORCH, BEFORE = {"run", "train", "generate", "draft"}, {"ingest", "prepare", "build"}


def worth_it(command: list[str]) -> bool:
    """Whether a command `python -c CODE ARGUMENTS` comes to torch, on a system where a fork is safe."""
    return sys.platform == "linux" and bool(WITH_TORCH & set(command[3:4])) and not BEFORE & set(command)


def run(command: list[str], folder: Path, environment: dict[str, str], streams: list[Path]) -> int:
    """Run such a command to its end; what it prints goes to two files.  Its exit code is returned, negative for a signal."""
    server = _server()
    assert server.stdin and server.stdout
    order = {"command": command, "folder": str(folder), "environment": environment, "streams": list(map(str, streams))}
    print(json.dumps(order), file=server.stdin, flush=True)
    return int(server.stdout.readline())


def captured(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The same as `subprocess.run` with `capture_output`."""
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place) / name for name in ("out", "err")]
        code = run(command, folder, environment, streams)
        return subprocess.CompletedProcess(command, code, *(stream.read_text(encoding="utf-8") for stream in streams))


@functools.cache
def _server() -> subprocess.Popen[str]:
    """The Python that has torch; it ends with its standard input, when this process ends."""
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, "-c", "import warm; warm.serve()"], stdin=pipe, stdout=pipe, env=environment, encoding="utf-8"
    )
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    """Let the Python with torch end, and wait for it."""
    assert server.stdin and server.stdout
    server.stdin.close()
    server.stdout.close()
    server.wait()


def serve() -> None:
    """Load the packages; then fork a process for each order that comes in, and answer with its exit code."""
    for name in PACKAGES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else the first collection in a child copies every page
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return _become(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def _become(command: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    """Be `python -c CODE ARGUMENTS` in that folder and environment; this process ends as that would."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, stream in enumerate(streams, 1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    before = os.environ["PYTHONPATH"].split(os.pathsep)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = ["", *environment["PYTHONPATH"].split(os.pathsep), *(p for p in sys.path[1:] if p not in before)]
    sys.modules.pop("sitecustomize", None)
    with contextlib.suppress(ImportError):
        importlib.import_module("sitecustomize")
    sys.argv = ["-c", *command[3:]]
    exec(command[2], sys.modules["__main__"].__dict__)
