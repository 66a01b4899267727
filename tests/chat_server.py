"""A chat-completions server on loopback for the tests: it says what it was asked and answers as it is told."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def said(text: Any, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    return {"choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}]}


class Reply(Exception):
    """Raised by an `answer` function to send another status, other bytes or headers."""

    def __init__(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        super().__init__(status)
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Server:
    """What it received, and how many requests it saw at once."""

    def __init__(self, answer: Callable[[Server, dict[str, Any]], Any], certificate: tuple[Path, Path] | None = None) -> None:
        self.answer, self.requests, self.keys, self.paths = answer, [], [], []
        self.now = self.most = 0
        self.lock, self.release = threading.Lock(), threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.requests.append(row)
                    server.keys.append(self.headers.get("Authorization"))
                    server.paths.append(self.path)
                    server.now += 1
                    server.most = max(server.most, server.now)
                try:
                    body = server.answer(server, row)
                    if isinstance(body, str):
                        body = said(body)
                    status, data, headers = 200, json.dumps(body, ensure_ascii=False).encode(), {}
                except Reply as reply:
                    status, data, headers = reply.status, reply.body, reply.headers
                finally:
                    with server.lock:
                        server.now -= 1
                with contextlib.suppress(OSError):  # the other side may have given up
                    self.send_response(status)
                    for name, value in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # handshakes that fail are the test
        self._http.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextlib.contextmanager
def serving(answer: Callable[[Server, dict[str, Any]], Any], certificate: tuple[Path, Path] | None = None) -> Iterator[Server]:
    server = Server(answer, certificate)
    try:
        yield server
    finally:
        server.close()


def question(row: dict[str, Any]) -> tuple[str, list[str]]:
    """The text of the last user message and its films' data URLs."""
    content = [m for m in row["messages"] if m["role"] == "user"][-1]["content"]
    if isinstance(content, str):
        return content, []
    text = " ".join(part["text"] for part in content if part["type"] == "text")
    return text, [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
