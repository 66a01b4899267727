"""Headless Chromium driven over its pipe, with no more than the standard library: pages are opened, typed into and asked."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-dev-shm-usage "
    "--hide-scrollbars --remote-debugging-pipe"
)


class Browser:
    """One tab; `events` are the messages that nobody waited for."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._next, self._buffer = write, read, 0, b""
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []

    def open_tab(self) -> None:
        """Open an empty tab in place of the one before and listen to it."""
        self.session, self.events = None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self.call(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> int:
        """Send a command without waiting for its answer."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._next

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and give its result."""
        number = self.send(method, **params)
        answer = self.wait(lambda message: message.get("id") == number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def event(self, method: str) -> dict[str, Any]:
        """The next event of that name, or the first that came already."""
        for i, message in enumerate(self.events):
            if message["method"] == method:
                return self.events.pop(i)["params"]
        return self.wait(lambda message: message.get("method") == method)["params"]

    def wait(self, wanted: Any, seconds: float = 60) -> dict[str, Any]:
        """Read messages until one is wanted; events met on the way are kept."""
        until = time.monotonic() + seconds
        while True:
            while b"\0" in self._buffer:
                raw, self._buffer = self._buffer.split(b"\0", 1)
                message = json.loads(raw)
                if wanted(message):
                    return message
                if "method" in message:
                    self.events.append(message)
            if not select.select([self._read], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            self._buffer += os.read(self._read, 1 << 16)

    def go(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self.call("Page.navigate", url=address)
        self.event("Page.loadEventFired")

    def ask(self, script: str) -> Any:
        """What a script's value is in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def click(self, selector: str) -> int:
        """Click the first element; does not wait, since a dialog may stand in the way of an answer."""
        return self.send(
            "Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)}).click()", userGesture=True
        )

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def complaints(self) -> list[str]:
        """What was said on the console and by the page's own errors."""
        told = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event["method"] in told]


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser whose downloads go to `folder`."""
    to_browser, write = os.pipe()
    read, from_browser = os.pipe()
    # Chromium reads commands on descriptor 3 and answers on 4.
    command = f'exec "$0" {FLAGS} --user-data-dir="$1" about:blank 3<&{to_browser} 4>&{from_browser}'
    process = subprocess.Popen(
        ["bash", "-c", command, str(CHROMIUM), str(folder / "profile")],
        pass_fds=(to_browser, from_browser),
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    found = Browser(write, read)
    try:
        found.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder), eventsEnabled=True)
        found.open_tab()
        yield found
    finally:
        process.terminate()
        process.wait(30)
        os.close(write)
        os.close(read)
