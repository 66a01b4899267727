"""YAML that a person wrote, read within bounds: no alias bomb, no bottomless nesting, no key twice, no secret."""

from __future__ import annotations

import re
from typing import Any

import yaml

from docphim.errors import UsageError, printable

#: Bytes of a file, values once every alias is written out, and levels that a recipe may have: a thousand times what one needs.
MOST_BYTES, MOST_VALUES, MOST_LEVELS = 1 << 20, 100_000, 40

#: Names under which a request carries a key, letters only.
_SECRETS = {"authorization", "auth", "apikey", "xapikey", "key", "token", "accesstoken", "authtoken", "bearertoken", "cookie"}
_SECRETS |= {"secret", "clientsecret", "password", "passwd", "pwd", "credential", "credentials"}
_SECRETS |= {"headers", "extraheaders", "httpheaders"}
#: What keys, and headers with them, look like.
_LOOKS_SECRET = re.compile(r"(?:Bearer|Basic)\s+\S{8}|(?:sk|pk|ghp|hf|xai|gsk)[-_][A-Za-z0-9_-]{16}|AIza[A-Za-z0-9_-]{20}")


def parse(text: str, name: str) -> Any:
    """The value of a YAML text, which `name` stands for in messages.

    Raises
    ------
    UsageError
        It is not YAML, too large, too deep, or says a key twice; an alias stands for a part that holds it.
    """
    if len(text) > MOST_BYTES:
        raise UsageError(f"{name}: larger than {MOST_BYTES >> 20} MB; this is no recipe")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _measure(node, name, {}, 0)
        return yaml.safe_load(text)
    except RecursionError:
        raise UsageError(f"{name}: nested deeper than {MOST_LEVELS} levels") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a number or a date that is none
        raise UsageError(f"{name}: not YAML: {printable(' '.join(str(error).split()), 200)}") from None


def _measure(node: yaml.Node, name: str, known: dict[int, int], level: int) -> int:
    """How many values a node holds once its aliases are written out, found without writing them out."""
    if level > MOST_LEVELS:
        raise UsageError(f"{name}: nested deeper than {MOST_LEVELS} levels, or an alias holds itself")
    if id(node) not in known:
        inside: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            _refuse_double(node, name)
            inside = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inside = node.value
        known[id(node)] = 1 + sum(_measure(part, name, known, level + 1) for part in inside)
    if known[id(node)] > MOST_VALUES:
        raise UsageError(f"{name}: more than {MOST_VALUES} values, aliases written out; this is no recipe")
    return known[id(node)]


def _refuse_double(node: yaml.MappingNode, name: str) -> None:
    seen: set[str] = set()
    for key in (key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"):
        if key in seen:
            raise UsageError(f"{name}: {printable(key, 40)} stands twice in one section")
        seen.add(key)


def refuse_secrets(value: Any) -> None:
    """Refuse a request's JSON that holds a key: a recipe is copied, kept beside the results and shown on the page.

    Raises
    ------
    ValueError
        Names the field, never its value, and where the key belongs.
    """
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if re.sub(r"[^a-z]", "", str(name).lower()) in _SECRETS or (isinstance(inner, str) and _LOOKS_SECRET.match(inner)):
            place = printable(name, 40) if isinstance(name, str) else "a list"
            raise ValueError(f"{place} holds a secret; put it into an environment variable and name that in 'key_env'")
        refuse_secrets(inner)
