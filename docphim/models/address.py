"""Where data may be sent: the one address a recipe names, and the rule that lets films and report text go there."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from docphim.errors import Refused, UsageError

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?"
# Nothing in which two parsers could see two hosts: no user, no backslash, no query (where a key would stand in the recipe).
_ENDPOINT = re.compile(rf"(?P<scheme>https?)://{_HOST}(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?", re.ASCII)
_ENTRY = re.compile(rf"(?:(?P<scheme>https?)://)?{_HOST}/?", re.ASCII)
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Address:
    """An endpoint: scheme, host (lower case), port, and the path that `/chat/completions` is added to."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def place(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def chat(self) -> str:
        """The URL that conversations are posted to."""
        return f"{self.scheme}://{self.place}{self.path}/chat/completions"


def parse(endpoint: str, key: str = "endpoint") -> Address:
    """Read an endpoint's base address, such as `http://127.0.0.1:8000/v1`.

    Raises
    ------
    UsageError
        It is no plain http or https address: a user name, password, query or fragment is not taken.  `key` names it.
    """
    match = _ENDPOINT.fullmatch(endpoint)
    if match is None:
        # The text is not repeated: a key may have been pasted into it.
        raise UsageError(f"{key}: must be like https://host/v1 or http://127.0.0.1:8000/v1, without user, password or query")
    path = match["path"].removesuffix("/chat/completions")
    return Address(match["scheme"], match["host"].lower(), _port(match, match["scheme"]), path)


def check_upload(endpoint: str, allow_upload: Sequence[str], key: str = "endpoint") -> Address:
    """The endpoint's address, if films and report text may be sent to it.

    They may go to this machine itself, and to hosts that `allow_upload` names: `host`, `host:port`, or `http://host` where
    the way there need not be encrypted.

    Raises
    ------
    Refused
        `upload_not_allowed`.
    UsageError
        The endpoint or an entry of `allow_upload` is no address.
    """
    address = parse(endpoint, key)
    entries = [_entry(entry) for entry in allow_upload]
    if address.is_loopback:
        return address
    named = [(scheme, port) for scheme, host, port in entries if host == address.host and port in (None, address.port)]
    if not named:
        why = f"the recipe's allow_upload does not name {address.place}; nothing was sent"
        raise Refused("upload_not_allowed", address.host, why)
    if address.scheme == "http" and not any(scheme == "http" for scheme, _ in named):
        why = f"http is not encrypted: use https, or write http://{address.host} into allow_upload; nothing was sent"
        raise Refused("upload_not_allowed", address.host, why)
    return address


def secret(key_env: str | None, key: str = "key_env") -> str | None:
    """The key in the environment variable `key_env`; None where none is named.

    Raises
    ------
    UsageError
        The variable is not set, or holds what cannot be a key; its value is never repeated.
    """
    if key_env is None:
        return None
    value = os.environ.get(key_env, "").strip()
    if not value:
        raise UsageError(f"{key}: the environment variable {key_env} is not set")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise UsageError(f"{key}: the environment variable {key_env} holds characters that no key has")
    return value


def _entry(entry: str) -> tuple[str, str, int | None]:
    match = _ENTRY.fullmatch(entry.strip())
    if match is None:
        raise UsageError(f"allow_upload: {entry!r} is no host; write host, host:port or http://host, one host an entry")
    return match["scheme"] or "https", match["host"].lower(), _port(match) if match["port"] else None


def _port(match: re.Match[str], scheme: str = "") -> int:
    port = int(match["port"]) if match["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise UsageError(f"{port} is no port")
    return port
