"""Decoding that may not end, done beside this process by one that can be ended; and decoders kept off stderr."""

from __future__ import annotations

import atexit
import contextlib
import itertools
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
#: The helpers of the process that this one was forked from.
_PARENTS: list[subprocess.Popen[bytes]] = []
_ONE_AT_A_TIME = threading.Lock()
#: Every question has a number, which its answer carries: the answer to another one is another patient's film.
_NUMBERS = itertools.count(1)


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
        try:
            if not _HELPER:
                _start()
            answer = _asked(_HELPER[0], (next(_NUMBERS), function, argument), seconds)
        except BaseException:  # Ctrl-C, say: the answer may still lie in the pipe, where the next film would find it
            _end()
            raise
    if answer is None:
        raise Refused("pixels_undecodable")
    return answer


def _start() -> None:
    """Start the process that serves, with the modules of this one; unlike those of multiprocessing, it runs no script again."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, pipesize=1 << 20)
    _HELPER.append(process)
    pickle.load(_pipe(process.stdout))  # it stands


def _asked(
    process: subprocess.Popen[bytes], question: tuple[int, Callable[[Any], np.ndarray], Any], seconds: float
) -> np.ndarray | None:
    """The answer to (number, function, argument), None where the function raises; after any error the process must be ended."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer, start = threading.Timer(seconds, end), time.monotonic()
    try:
        timer.start()
        pickle.dump(question, _pipe(process.stdin), protocol=5)
        _pipe(process.stdin).flush()
        number, answer = pickle.load(_pipe(process.stdout))
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        if late.is_set():
            raise _too_slow(seconds) from error
        raise Refused("pixels_undecodable", "", "decoding the pixels crashes the decoder") from error
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()
    if late.is_set() or time.monotonic() - start > seconds:
        raise _too_slow(seconds)  # the process may have been ended just after its answer
    if number != question[0]:
        raise Refused("pixels_undecodable", "", "the decoder answered for another film")
    pixels: np.ndarray | None = answer
    return pixels


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


def _forked() -> None:
    """Leave its parent's helper to the parent: of two processes that ask one, each may take the other's film."""
    _PARENTS.extend(_HELPER)  # not closed, for what is closed may still write
    _HELPER.clear()
    _ONE_AT_A_TIME.release()


if hasattr(os, "register_at_fork"):  # as data loaders fork
    os.register_at_fork(before=_ONE_AT_A_TIME.acquire, after_in_parent=_ONE_AT_A_TIME.release, after_in_child=_forked)


def serve() -> None:
    """Answer one question after the other until the pipe is closed, as it is when the parent ends, however it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    for stream in (1, 2):  # decoders print
        _to_nowhere(stream)
    number = 0
    answer: Any = "ready"
    while True:
        pickle.dump((number, answer), answers, protocol=5)
        answers.flush()
        try:
            number, function, argument = pickle.load(sys.stdin.buffer)
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
