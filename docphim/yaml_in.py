"""YAML that a person wrote, read within bounds: no alias bomb, no bottomless nesting, no key twice, no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from docphim.errors import ENVIRONMENT, UsageError, printable

#: Bytes of a file, values once every alias is written out, and levels that a recipe may have: a thousand times what one needs.
MOST_BYTES, MOST_VALUES, MOST_LEVELS = 1 << 20, 100_000, 40

#: The last word of a name that stands for a secret, numbers left out: `openai_api_key`, `apiToken`, `set-cookie`.
_SECRETS = {"key", "keys", "token", "secret", "secrets", "password", "passwords", "passwd", "pwd", "passphrase", "credential"}
_SECRETS |= {"credentials", "authorization", "auth", "bearer", "jwt", "cookie", "cookies", "headers"}
#: The same where the words are not parted (`apikey`), or where several are held (`api_tokens`; `max_tokens` is a count).
_RUN_TOGETHER = re.compile(
    r"(?:api|access|auth|bearer|client|private|refresh|secret|session|signing)(?:keys?|tokens?|secrets?)"
)
#: What keys and tokens of another kind are of: fields of requests, columns of tables.
_HARMLESS = {"bos", "cache", "eos", "foreign", "group", "image", "logit", "mask", "pad", "primary", "row", "sort", "special"}
_HARMLESS |= {"start", "stop", "unk", "video"}
#: What keys, headers with them, and addresses with a password in them look like, anywhere in a text.
_LOOKS_SECRET = re.compile(
    r"(?i:\bbearer)\s+[\w.~+/=-]{8}|\bBasic\s+(?=\S*[A-Z0-9=])[\w+/=-]{8}"
    r"|(?<![\w-])(?:sk|pk|rk|hf|gh[opsu]|github_pat|xai|gsk|glpat|xox[abp])[-_](?=[\w-]*\d)[\w-]{16}"
    r"|\bAIza[\w-]{20}|\b(?:AKIA|ASIA)[A-Z0-9]{16}|\beyJ[\w-]{8,}\.eyJ|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|(?i:https?)://[^/\s@]*@|[a-zA-Z][\w+.-]*://[^/\s@]*:[^/\s@]*@"
)
#: The names in an address's query, where a key may stand as well.
_QUERY = re.compile(r"[?&]([\w.-]+)=[^&\s]")


def text_of(path: Path) -> str:
    """The text of a recipe's file, of at most a byte more than one may have.

    Raises
    ------
    UsageError
        It cannot be read, or is no UTF-8.
    """
    try:
        with open(path, "rb") as handle:
            return handle.read(MOST_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{printable(path.name, 80)}: not YAML: {error.reason} at byte {error.start}") from None
    except OSError as error:
        why = ENVIRONMENT.get(error.errno or 0, "it cannot be read")
        raise UsageError(f"{printable(path.name, 80)}: the recipe cannot be read: {why}") from None


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


def double_key(text: str) -> str | None:
    """The first key that stands twice in one section of a YAML text, of which YAML would take the last and drop the others.

    Raises
    ------
    yaml.YAMLError
        The text is no YAML.
    """
    nodes = [yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))]
    while nodes:
        node = nodes.pop()
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        keys = [key.value for key, _ in pairs]
        if double := next((key for n, key in enumerate(keys) if key in keys[:n]), None):
            return str(double)
        nodes += [inner for _, inner in pairs] if pairs else node.value if isinstance(node, yaml.SequenceNode) else []
    return None


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


def refuse_secrets(value: Any, place: str = "") -> None:
    """Refuse values that hold a key: a recipe is copied, kept beside the results and shown on the page.

    Parameters
    ----------
    value
        The parts of a recipe as they were read.
    place : str
        Where they stand in it, for the message.

    Raises
    ------
    ValueError
        Names the field, never its value, and where the key belongs.
    """
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        shown = "a name" if _looks_secret(name) else printable(name, 40) if isinstance(name, str) else "a list"
        path = f"{place}.{shown}".lstrip(".")
        if shown == "a name" or _looks_secret(inner) or (isinstance(name, str) and _names_secret(name, inner)):
            way = "put an endpoint's key into an environment variable and name that in 'key_env'"
            raise ValueError(f"{path} holds a secret; a recipe is copied and shown: {way}")
        refuse_secrets(inner, path)


def _looks_secret(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return bool(_LOOKS_SECRET.search(value)) or any(_names_secret(name, "") for name in _QUERY.findall(value))


def _names_secret(name: str, value: Any) -> bool:
    """Whether a name is one that a secret stands under, and the value could be one: no switch, and nothing left out.

    >>> [_names_secret(name, "…") for name in ("apiToken", "x-goog-api-key", "max_tokens", "prompt_cache_key", "key_env")]
    [True, True, False, False, False]
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()
    words = re.findall(r"[a-z]+", parted) or [""]
    if value is None or isinstance(value, bool) or _HARMLESS & set(words[-2:-1]):
        return False
    return words[-1] in _SECRETS or bool(_RUN_TOGETHER.search("".join(words[-2:])))
