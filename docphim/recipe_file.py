"""A recipe's text: where it lies, what it stands on (`base`), `--set`, and the form of its variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docphim.errors import SHOWN, UsageError, printable
from docphim.yaml_in import parse, text_of

RECIPES = Path(__file__).parent / "recipes"
#: Keys that say how runs are made of a recipe, and are no part of any one run.
OF_ALL = ("name", "base", "variants", "seeds", "tables", "only", "at_once")
#: Keys whose values are changes of the recipe, by name.
_PARTS = ("variants", "stages")
#: What a stage has from the one before: a setting of it is of the first.
_CHAINED = "model.weights"


def find(recipe: str) -> Path:
    """The file of a recipe given as a path, or as a packaged one's name (`demo`, or `recipes/demo.yaml`).

    Raises
    ------
    UsageError
        There is no such file; the message lists the packaged names.
    """
    path = Path(recipe).expanduser()
    if path.is_file():
        return path
    # A mistyped path of one's own must not run another recipe of the same name.
    for name in packaged_names():
        if recipe in (name, f"recipes/{name}.yaml"):
            return RECIPES / f"{name}.yaml"
    raise UsageError(f"no recipe {printable(repr(recipe), SHOWN)}; packaged: {', '.join(packaged_names())}")


def packaged_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(p.stem for p in RECIPES.glob("*.yaml"))


def whole(recipe: str, settings: Sequence[str]) -> dict[str, Any]:
    """What a recipe says, unchecked: its file with the settings, over the recipe that it names as its `base`.

    `base: NAME` or `base: {recipe: NAME, KEY: VALUE, …}` takes another recipe's values, with those changes, for every key that
    the file does not give.  A setting holds for all variants and stages: it is written into each, over what that says itself.

    Raises
    ------
    UsageError
        There is no such recipe, it is not YAML, a setting is not `key=value`, or recipes stand on one another in a circle.
    """
    values = read_values(find(recipe))
    _nest_variants(values)
    for setting in settings:
        _apply(values, setting)
        key = setting.partition("=")[0]
        if key.partition(".")[0] not in (*OF_ALL, "stages"):
            for part in _PARTS:
                if (part, key) != ("stages", _CHAINED):
                    for changes in (values.get(part) or {}).values():
                        _apply(changes, setting)
    return _on_base(values, (recipe,))


def _on_base(values: dict[str, Any], way: tuple[str, ...]) -> dict[str, Any]:
    """The values over those of their `base`, and so on down; `way` are the recipes that led here."""
    base = values.pop("base", None)
    if base is None:
        return values
    changes = dict(base) if isinstance(base, dict) else {"recipe": base}
    name = changes.pop("recipe", None)
    if not isinstance(name, str):
        raise UsageError("base: must name a recipe, or be a section with its `recipe`")
    if name in way:
        raise UsageError(f"base: {printable(name, SHOWN)} stands on itself")
    under = read_values(find(name))
    _nest_variants(under)
    under = _on_base(under, (*way, name))
    under.pop("name", None)
    return merged(merged(under, nested(changes)), values)


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees of values, the second over the first; a section that names its `kind` is one thing and replaces the other's."""
    values = dict(under)
    for key, value in over.items():
        below = values.get(key)
        both = isinstance(value, dict) and isinstance(below, dict) and "kind" not in value
        values[key] = merged(below or {}, value) if both else value
    return values


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as sections: `{"train.loss": x}` is `{"train": {"loss": x}}`."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *parents, last = str(key).split(".")
        inner: dict[str, Any] = {last: nested(value) if isinstance(value, dict) else value}
        for parent in reversed(parents):
            inner = {parent: inner}
        tree = merged(tree, inner)
    return tree


def _nest_variants(values: dict[str, Any]) -> None:
    """Write dotted keys of variants and stages as sections, so that settings find them; one may be left empty."""
    for part in _PARTS:
        parts: Any = values.get(part)
        for name, changes in parts.items() if isinstance(parts, dict) else ():
            if not isinstance(changes, dict | None):
                raise UsageError(f"{part}.{printable(name, SHOWN)}: must be a section of keys to change")
            parts[name] = nested(changes or {})


def read_values(path: Path) -> dict[str, Any]:
    """What a recipe's file says, unchecked; UsageError as in `load`."""
    values = parse(text_of(path), name := printable(path.name, SHOWN))
    if not isinstance(values, dict):
        raise UsageError(f"{name}: a recipe is a mapping of keys to values")
    return values


def _apply(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    shown = printable(key, SHOWN)
    if not equals or not key:
        raise UsageError(f"--set {shown}: must be key=value")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UsageError(f"--set {shown}: {printable(parent, SHOWN)} holds a value, not a section")
    values[last] = parse(text, f"--set {shown}")
