"""Decoding that may not end, done beside this process by one that can be ended; and decoders kept off stderr."""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np

from docphim.errors import Refused

#: The process that decodes for this one; started when it is first needed, again after it was ended.
_HELPER: list[subprocess.Popen[bytes]] = []
_ONE_AT_A_TIME = threading.Lock()


def array_of(function: Callable[[Any], np.ndarray], argument: Any, seconds: float) -> np.ndarray:
    """`function(argument)`, worked out by another process in at most so many seconds.

    Parameters
    ----------
    function : callable
        Of a module; it and its argument are pickled.
    seconds : float
        By the clock; the start of that process (once, half a second) does not count.

    Raises
    ------
    Refused
        `decoding_too_slow`; `pixels_undecodable` where the function raises or kills its process.
    """
    with _ONE_AT_A_TIME:
        if not _HELPER:
            _HELPER.append(_started())
        answer = _asked(_HELPER[0], (function, argument), seconds)
    if answer is None:
        raise Refused("pixels_undecodable")
    return answer


def _started() -> subprocess.Popen[bytes]:
    """A process that serves, with the modules of this one; unlike one of multiprocessing, it does not run the script again."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, pipesize=1 << 20)
    pickle.load(_pipe(process.stdout))  # it stands
    return process


def _asked(process: subprocess.Popen[bytes], question: Any, seconds: float) -> np.ndarray | None:
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer, start = threading.Timer(seconds, end), time.monotonic()
    timer.start()
    try:
        pickle.dump(question, _pipe(process.stdin), protocol=5)
        _pipe(process.stdin).flush()
        answer: np.ndarray | None = pickle.load(_pipe(process.stdout))
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        _end()
        if late.is_set():
            raise _too_slow(seconds) from error
        raise Refused("pixels_undecodable", "", "decoding the pixels crashes the decoder") from error
    finally:
        timer.cancel()
        timer.join()
    if late.is_set() or time.monotonic() - start > seconds:
        _end()  # it may have been ended just after its answer, and the next film would meet a dead process
        raise _too_slow(seconds)
    return answer


def _too_slow(seconds: float) -> Refused:
    return Refused("decoding_too_slow", "", f"decoding is not done after {seconds:g} s")


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


@atexit.register
def _end() -> None:
    while _HELPER:
        process = _HELPER.pop()
        process.kill()
        with contextlib.suppress(OSError):  # what was not sent cannot be
            process.communicate()


def serve() -> None:
    """Answer one question after the other until the pipe is closed, as it is when the parent ends, however it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    for number in (1, 2):  # decoders print
        _to_nowhere(number)
    answer: Any = "ready"
    while True:
        pickle.dump(answer, answers, protocol=5)
        answers.flush()
        try:
            function, argument = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = np.ascontiguousarray(function(argument))
        except Exception:  # decoders raise anything, with their input in the message
            answer = None


def _to_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep what decoders written in C print on stderr, by its number 2 and past `sys.stderr`, from reaching anybody."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none, as under pythonw
        sys.stderr.flush()
    try:
        before = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    try:
        _to_nowhere(2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
