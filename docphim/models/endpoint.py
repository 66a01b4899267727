"""A client for OpenAI-compatible chat completions: one address, bounded in time, size and number, patient with busy servers.

It never follows a redirect and takes no proxy from the environment, so that nothing goes anywhere but to that address.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from docphim.errors import Refused
from docphim.models.address import check_upload, secret

if TYPE_CHECKING:
    import httpx

Row = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")

#: Statuses that pass: too busy, too early, or the server's own trouble (and every 5xx).
_PASSING = frozenset({408, 409, 425, 429})
#: Statuses that say the recipe is wrong (key, model, path), where no request has been answered yet.
_WRONG_RECIPE = frozenset({401, 403, 404, 405})
#: Error codes by which services say that they will not answer, where they do not say it in an answer.
_REFUSALS = ("content_filter", "content_policy", "responsibleaipolicy", "safety")
#: So many requests in a row that all failed, retries included: the server is gone, and the rest would fail too.
GIVE_UP = 20
#: Seconds: the longest pause before a retry, and the longest that connecting may take.
LONGEST_PAUSE, CONNECT_S = 60.0, 15.0
#: Bytes of an answer; a report has a few thousand.
LARGEST = 4_000_000


@dataclass(frozen=True)
class Answer:
    """What came back: the text (empty unless `stop` or `length`), how it ended, and why where it failed."""

    text: str
    finish: Literal["stop", "length", "refused", "failed"]
    why: str = ""


@dataclass(frozen=True)
class _Failure:
    """One attempt that brought no answer; `wait` is the server's own Retry-After in seconds."""

    why: str
    again: bool = False
    wait: float | None = None
    hopeless: bool = False


class Endpoint:
    """Conversations with one model behind one address; safe to use from several threads.

    Parameters
    ----------
    endpoint, model : str
        Base address (`http://127.0.0.1:8000/v1`) and the model's name there.
    allow_upload : sequence of str
        Hosts that data may be sent to besides this machine.
    key_env : str, optional
        The environment variable that holds the key.
    concurrency : int
        Requests under way at once, pauses before retries included.
    timeout_s : float
        Seconds that one attempt may take from connecting to the last byte.
    retries : int
        Attempts after the first, where the server is busy, in trouble, silent or out of reach.
    body : dict, optional
        More of the request's JSON, over what is asked for; None leaves a field out.
    where : str
        The recipe's section, for messages.
    pause_s : float
        Seconds before the first retry; doubled each time, spread over half to whole.

    Raises
    ------
    Refused
        `upload_not_allowed`, before anything is sent.
    UsageError
        The address or the key is wrong.
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        *,
        allow_upload: Sequence[str] = (),
        key_env: str | None = None,
        concurrency: int = 4,
        timeout_s: float = 120.0,
        retries: int = 5,
        body: Row | None = None,
        where: str = "generate",
        pause_s: float = 1.0,
    ) -> None:
        self.address = check_upload(endpoint, allow_upload, f"{where}.endpoint")
        key = secret(key_env, f"{where}.key_env")
        self.model, self.body, self.concurrency = model, dict(body or {}), concurrency
        self.timeout_s, self.retries, self.pause_s = timeout_s, retries, pause_s
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._client = _client(self.address.scheme, concurrency)
        self._slots = asyncio.Semaphore(concurrency)
        # Touched on the loop's thread only.
        self._answered, self._in_a_row = False, 0
        self._stopped: Refused | None = None
        self._open, self._opening = True, threading.Lock()
        # One loop on a thread of its own: only there can a deadline end an attempt wherever it hangs.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def chat(self, messages: list[Row], **settings: Any) -> Answer:
        """Ask for the next message of a conversation; `settings` are fields of the request such as `temperature`.

        Raises
        ------
        Refused
            `endpoint_failing`: no request can be answered (wrong key, model or address; a server that is gone).
        """
        request = {"model": self.model, "messages": messages, **settings, **self.body}
        request = {name: value for name, value in request.items() if value is not None}
        payload = json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")
        with self._opening:  # after closing nothing would run it, and its thread would wait for ever
            if not self._open:
                raise CancelledError
            asked = asyncio.run_coroutine_threadsafe(self._ask(payload), self._loop)
        return asked.result()

    def close(self) -> None:
        """End what is under way and close the connections."""
        with self._opening:
            if not self._open:
                return
            self._open = False
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.aclose()

    async def _ask(self, payload: bytes) -> Answer:
        async with self._slots:
            attempt = 0
            while True:
                if self._stopped:
                    raise self._stopped
                got = await self._once(payload)
                if isinstance(got, Answer):
                    self._answered, self._in_a_row = True, 0
                    return got
                if not got.again or attempt >= self.retries:
                    return self._give_up(got)
                await asyncio.sleep(self._pause(attempt, got.wait))
                attempt += 1

    def _give_up(self, failure: _Failure) -> Answer:
        """A failed answer; or the end of all, where the next would fail as well."""
        if self._stopped:  # requests that were under way when the first one ended it end with its words
            raise self._stopped
        self._in_a_row += 1
        if (failure.hopeless and not self._answered) or self._in_a_row >= GIVE_UP:
            many = f"{self._in_a_row} requests in a row failed, the last: " if self._in_a_row > 1 else ""
            why = f"{many}{failure.why}; what was answered is kept, and the same command goes on from there"
            self._stopped = Refused("endpoint_failing", self.address.place, why)
            raise self._stopped
        return Answer("", "failed", failure.why)

    def _pause(self, attempt: int, asked: float | None) -> float:
        """Seconds before the next attempt: what the server asks for, else exponential with jitter, both bounded."""
        if asked is not None:
            return min(max(asked, 0.0), LONGEST_PAUSE)
        return min(self.pause_s * 2.0**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.0)

    async def _once(self, payload: bytes) -> Answer | _Failure:
        import httpx

        try:
            async with (
                asyncio.timeout(self.timeout_s),
                self._client.stream("POST", self.address.chat, content=payload, headers=self._headers) as response,
            ):
                body = await _read(response)
                return _failure(response, body) if not response.is_success else answer_of(body)
        except TimeoutError:
            return _Failure(f"no answer within {self.timeout_s:g} s", again=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                return _Failure("its certificate is not to be trusted", hopeless=True)
            return _Failure("no connection", again=True, hopeless=True)
        except httpx.HTTPError as error:
            return _Failure(f"the connection broke ({type(error).__name__})", again=True)


def _client(scheme: str, concurrency: int) -> httpx.AsyncClient:
    import httpx

    # How many are under way at once is the semaphore's to say: waiting here would count against an attempt's time.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=concurrency)
    timeout = httpx.Timeout(None, connect=CONNECT_S)
    verify = _certificates() if scheme == "https" else True
    return httpx.AsyncClient(trust_env=False, follow_redirects=False, verify=verify, limits=limits, timeout=timeout)


def _certificates() -> ssl.SSLContext:
    """Certificates are always checked: against the system's authorities, which hold a hospital's own, and the public ones."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _read(response: httpx.Response) -> bytes | None:
    """The body; None where it is too large."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _failure(response: httpx.Response, body: bytes | None) -> Answer | _Failure:
    """What a status other than success means; of the body only its error code is looked at: it may quote what was sent."""
    status, code = response.status_code, _error_code(body)
    if status in (400, 403, 422) and any(word in code.lower() for word in _REFUSALS):
        return Answer("", "refused", code)
    why = f"the server said {status}" + (f" ({code})" if code else "")
    if 300 <= status < 400:
        return _Failure(f"{why}: a redirect, which is not followed", hopeless=True)
    again = status in _PASSING or status >= 500
    return _Failure(why, again, _retry_after(response.headers.get("retry-after")), status in _WRONG_RECIPE)


def _error_code(body: bytes | None) -> str:
    try:
        error = json.loads(body or b"")["error"]
        codes = [error.get(name) for name in ("code", "type")]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return ""
    return next((c for c in codes if isinstance(c, str) and re.fullmatch(r"[A-Za-z_]{1,40}", c)), "")


def _retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date)."""
    if not header:
        return None
    try:
        return float(header) if re.fullmatch(r"\d{1,9}(\.\d+)?", header.strip()) else _until(header)
    except (ValueError, TypeError, OverflowError):
        return None


def _until(date: str) -> float:
    return email.utils.parsedate_to_datetime(date).timestamp() - time.time()


def answer_of(body: bytes | None) -> Answer | _Failure:
    """Read a chat completion.

    A refusal is a refusal wherever it stands: `message.refusal`, or `finish_reason: content_filter`; its words are no report
    and are not kept.
    """
    if body is None:
        return _Failure(f"the answer is larger than {LARGEST / 1e6:g} MB")
    try:
        choice = json.loads(body)["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        text, refusal = _text(message.get("content")), message.get("refusal")
    except (ValueError, RecursionError):
        return _Failure("the answer is not JSON")
    except (KeyError, IndexError, TypeError, AttributeError):
        return _Failure("the answer holds no message")
    if refusal or reason == "content_filter":
        return Answer("", "refused", "content_filter" if reason == "content_filter" else "refusal")
    if reason == "length":
        return Answer(text or "", "length")
    return _Failure("the answer holds no text") if text is None else Answer(text, "stop")


def _text(content: Any) -> str | None:
    """The text of a message's content, a string or a list of parts; without lone surrogates, which no file can hold."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if part.get("type") == "text"]
        content = "".join(part for part in parts if isinstance(part, str))
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else None


def side_by_side(ask: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """The answers to `items` as they come, `workers` at work at once.

    Items are taken, on the caller's thread, only as fast as answers come: at most twice `workers` of them are held.
    """
    pool, running = ThreadPoolExecutor(workers), set[Future[R]]()
    try:
        for item in items:
            running.add(pool.submit(ask, item))
            if len(running) >= 2 * workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from _results(done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from _results(done)
    finally:
        # Not waited for: after an error or Ctrl-C, closing the endpoint ends what still runs.
        pool.shutdown(wait=False, cancel_futures=True)


def _results(done: set[Future[R]]) -> Iterator[R]:
    """Good answers first, so that an error loses none of them."""
    for future in sorted(done, key=lambda f: f.exception() is not None):
        yield future.result()
