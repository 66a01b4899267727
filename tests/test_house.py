"""The house stands: three floors, no import cycle, no long chain, small files, and a README that shows the tree as it is."""

from __future__ import annotations

import ast
import fnmatch
import functools
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "docphim"
NOUNS = {"study", "errors", "recipe", "files", "progress", "workers", "scores", "lines", "yaml_in", "backends", "columns"}
NOUNS |= {"package_data", "records", "recipe_file", "recipe_training", "recipe_model", "recipe_services", "ray_workers"}
KNOWLEDGE = {"language", "imaging", "metrics", "models", "phantom"}
STAGES = {"ingest", "prepare", "build", "train", "generate", "evaluate", "page", "validate"}
#: What reads finished runs and belongs to no stage: it knows nouns and knowledge, and only the commands know it.
BESIDE = {"compare", "export"}
TOP = {"run", "chain", "way", "stage", "preflight", "counts", "aside", "resume", "draft", "provenance", "doctor", "variants"}
TOP |= {"cli", "tools", "validating", "terminal", "bench", "__main__"}
#: The longest way of imports, those inside functions and for types counted: from a command to a noun; half of it is language.
LONGEST_LAZY = 18
#: Dicts of parts, one file each: (module, dict).  Whoever needs a part asks the dict, which alone names its file.
PARTS = {
    "docphim.ingest": "SOURCES",
    "docphim.ingest.reports": "FORMATS",
    "docphim.imaging": "MODALITIES",
    "docphim.build": "TASKS",
    "docphim.models": "FAMILIES",
    "docphim.backends": "BACKENDS",
    "docphim.workers": "SCHEDULERS",
    "docphim.train": "LOSSES",
    "docphim.metrics": "METRICS",
    "docphim.export": "FORMS",
}
#: Words that stood for a dozen things each.
RIDDLES = {"said", "found", "told", "kept", "own"}
MAY_IMPORT_TORCH = ("docphim.models", "docphim.train", "docphim.bench", "docphim.generate.transformers")
MAY_IMPORT_TORCH += ("docphim.imaging.space.resample",)


@functools.cache
def modules() -> dict[str, Path]:
    files = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


@functools.cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


@functools.cache
def nodes(name: str) -> list[ast.AST]:
    return list(ast.walk(tree(name)))


@functools.cache
def imports(lazy: bool) -> dict[str, set[str]]:
    """Module → modules of docphim it imports; `lazy` counts the imports inside functions too, and those for types."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for name in known:
        within = nodes(name) if lazy else _top_level(tree(name))
        graph[name] = {target for node in within for target in _targets(node) if target in known and target != name}
    return graph


def chain(graph: dict[str, set[str]]) -> list[str]:
    """The longest way from import to import; a cycle raises `graphlib.CycleError`, which names it."""
    longest: dict[str, list[str]] = {}
    for module in TopologicalSorter(graph).static_order():
        longest[module] = [module, *max((longest[target] for target in graph[module]), key=len, default=[])]
    return max(longest.values(), key=len)


def _top_level(tree: ast.Module):
    stack = list(tree.body)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.If) and not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            stack += node.body + node.orelse
        elif isinstance(node, ast.Try):
            stack += node.body


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        known = modules()
        return [i if i in known else node.module for i in inner]
    return []


def floor(module: str) -> str:
    parts = module.split(".")
    room = parts[1] if len(parts) > 1 else ""
    for name, rooms in (("noun", NOUNS), ("knowledge", KNOWLEDGE), ("stage", STAGES), ("beside", BESIDE), ("top", TOP)):
        if room in rooms:
            return name
    return "root" if not room else "unknown"


def test_every_module_stands_on_a_floor():
    assert [m for m in modules() if floor(m) == "unknown"] == []


def test_nouns_import_only_nouns():
    wrong = [
        (m, t) for m, ts in imports(lazy=True).items() if floor(m) == "noun" for t in ts if floor(t) not in ("noun", "root")
    ]
    assert wrong == []


def test_knowledge_imports_only_nouns_and_knowledge():
    allowed = ("noun", "knowledge", "root")
    wrong = [(m, t) for m, ts in imports(lazy=True).items() if floor(m) == "knowledge" for t in ts if floor(t) not in allowed]
    assert wrong == []


def test_what_reads_finished_runs_knows_no_stage_and_no_stage_knows_it():
    graph = imports(lazy=True)
    wrong = [(m, t) for m, ts in graph.items() if floor(m) == "beside" for t in ts if floor(t) in ("stage", "top", "unknown")]
    wrong += [(m, t) for m, ts in graph.items() if floor(m) not in ("beside", "top") for t in ts if floor(t) == "beside"]
    assert wrong == []


def test_stages_never_import_one_another():
    wrong = [
        (m, t)
        for m, ts in imports(lazy=True).items()
        if floor(m) == "stage"
        for t in ts
        if floor(t) == "top" or (floor(t) == "stage" and t.split(".")[1] != m.split(".")[1])
    ]
    assert wrong == []


def test_no_import_cycle_and_no_chain_over_eight():
    longest = chain(imports(lazy=False))
    assert len(longest) <= 8, " → ".join(longest)


def test_imports_inside_functions_make_no_cycle_and_no_long_chain_either():
    """What starts late is still what a reader has to follow: from a command down to the last noun."""
    longest = chain(imports(lazy=True))
    assert len(longest) <= LONGEST_LAZY, " → ".join(longest)


@pytest.mark.parametrize("package", ["torch", "transformers", "peft", "accelerate"])
def test_heavy_packages_are_imported_only_where_models_are(package):
    wrong = []
    for name in modules():
        if name.startswith(MAY_IMPORT_TORCH):
            continue
        named = [alias.name for node in nodes(name) if isinstance(node, ast.Import) for alias in node.names]
        named += [node.module for node in nodes(name) if isinstance(node, ast.ImportFrom) and node.module and not node.level]
        wrong += [name for n in named if n.split(".")[0] == package]
    assert wrong == []


@pytest.mark.parametrize(
    "module",
    ["docphim.cli", "docphim.evaluate.score", "docphim.imaging.inspect", "docphim.ingest", "docphim.run", "docphim.page"],
)
def test_light_commands_start_without_torch(module):
    code = f"import sys, {module}; print('torch' in sys.modules or 'transformers' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def parts() -> dict[str, dict[str, str]]:
    """The dicts of `PARTS` that there are, read without importing anything."""
    dicts: dict[str, dict[str, str]] = {}
    for module in modules():
        for node in tree(module).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(target, ast.Name) and PARTS.get(module) == target.id and isinstance(node.value, ast.Dict):
                # A line is a module's path, or what is known of it beside.
                lines = {ast.literal_eval(key): getattr(value, "args", [value])[0] for key, value in _items(node.value)}
                dicts[target.id] = {key: ast.literal_eval(value) for key, value in lines.items()}
    return dicts


def _items(node: ast.Dict):
    return zip(node.keys, node.values, strict=True)


def names_in(module: str) -> set[str]:
    """Public names that a module defines."""
    body = tree(module).body
    names = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    targets = [t for n in body if isinstance(n, ast.Assign) for target in n.targets for t in ast.walk(target)]
    names |= {t.id for t in targets if isinstance(t, ast.Name)}
    names |= {n.target.id for n in body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_every_part_of_a_dict_is_a_file_with_what_it_is_asked_for():
    dicts = parts()
    assert dicts.keys() == set(PARTS.values())
    wrong = []
    for values in dicts.values():
        for value in values.values():
            module, _, inner = value.partition(":")
            if module not in modules() or (inner and inner not in names_in(module)):
                wrong.append(value)
    assert wrong == []


@pytest.mark.parametrize("name", PARTS.values())
def test_nothing_but_its_dict_names_a_part_and_no_part_is_forgotten(name):
    """One file and one line add a part: no other module imports it or writes its path, and none that is like it is unlisted."""
    assert writers(name) == set()
    # What a family of metrics counts with (facts, n-grams) is used beside it; its score is asked of the dict alone.
    assert name == "METRICS" or importers(name) == set()
    assert forgotten(name) == set()


@pytest.mark.parametrize("name", PARTS.values())
def test_a_part_that_is_forgotten_or_reached_past_its_dict_would_be_noticed(name, monkeypatch, tmp_path):
    """Two files more in a tree like this one: the twin of a part that is not listed, and a module that imports a part."""
    path = next(iter(parts()[name].values())).partition(":")[0]
    package, _, part = path.rpartition(".")
    (tmp_path / "twin.py").write_text(modules()[path].read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "user.py").write_text(f"from {package} import {part}\nPATH = {path!r}\n", encoding="utf-8")
    twin, user = f"{package}.twin_of_{part}", f"docphim.user_of_{part}"  # parsed modules are remembered by their names
    tree_of = {**modules(), twin: tmp_path / "twin.py", user: tmp_path / "user.py"}
    monkeypatch.setattr(sys.modules[__name__], "modules", lambda: tree_of)
    monkeypatch.setattr(sys.modules[__name__], "imports", functools.cache(imports.__wrapped__))
    assert forgotten(name) == {twin}
    assert (user, path) in importers(name) and (user, path) in writers(name)


def listed(name: str) -> set[str]:
    """The modules that a dict names."""
    return {value.partition(":")[0] for value in parts()[name].values()}


def importers(name: str) -> set[tuple[str, str]]:
    """Modules, none of them a part, that import one."""
    paths = listed(name)
    return {(m, t) for m, targets in imports(lazy=True).items() for t in targets & paths if m not in paths}


def writers(name: str) -> set[tuple[str, str]]:
    """Modules other than the dict's that write a part's path."""
    home, paths = next(module for module, dict_ in PARTS.items() if dict_ == name), listed(name)
    texts = {(m, n.value) for m in modules() if m != home for n in nodes(m) if isinstance(n, ast.Constant)}
    return {(m, text) for m, text in texts if isinstance(text, str) and text.partition(":")[0] in paths}


def forgotten(name: str) -> set[str]:
    """Modules beside a dict's parts that define what all of these define, and are not listed."""
    paths = listed(name)
    shared = set.intersection(*(names_in(module) for module in paths))
    package = next(iter(paths)).rpartition(".")[0]
    alike = {m for m in modules() if m.rpartition(".")[0] == package and shared and shared <= names_in(m)}
    described = {target for module in paths for target in imports(lazy=True)[module]}  # a Protocol has the names too
    return alike - described - paths


def bound(module: str) -> set[str]:
    """Every name that a module binds: functions, classes, arguments, attributes and variables, in lower case and in words."""
    names: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return {word for name in names for word in name.lower().split("_")}


def test_names_are_nouns_of_the_field():
    assert [m for m in modules() if bound(m) & RIDDLES] == []


def test_no_function_is_complicated():
    """ruff holds C901 for all; nothing is exempt."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "C90" in settings["select"] and settings["mccabe"]["max-complexity"] == 8
    exempt = {path for path, rules in settings["per-file-ignores"].items() if "C901" in rules and path.startswith("docphim")}
    silenced = {name for name, path in modules().items() if re.search(r"noqa.*C901", path.read_text(encoding="utf-8"))}
    assert exempt | silenced == set()


def test_files_stay_small_enough_to_read():
    long = {m: n for m, p in modules().items() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400}
    assert long == {}


def test_functions_stay_small_enough_to_read():
    long = []
    for name in modules():
        for node in nodes(name):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body and node.end_lineno - body[0].lineno + 1 > 60:
                    long.append(f"{name}.{node.name}")
    assert long == []


def test_every_module_opens_with_its_purpose():
    silent = [name for name in modules() if tree(name).body and not ast.get_docstring(tree(name))]
    assert silent == []


def test_readme_tree_is_the_tree():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```\ndocphim/\n(.*?)```", readme, re.S)
    assert block, "README shows no tree"
    drawn = set(re.findall(r"^  (\w+(?:\.py|/))", block[1], re.M)) | set(re.findall(r"^  \w+\.py  (\w+\.py)", block[1], re.M))
    rooms = {p.name + "/" for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    files = {p.name for p in PACKAGE.glob("*.py") if not p.name.startswith("__")}
    assert drawn == rooms | files


def test_no_place_of_a_machine_is_named():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    place = re.compile(r"(?<![\w.~])/(work|home|root|Users)/\w")
    wrong = []
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".html", ".css", ".js", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            lines = text.splitlines() if place.search(text) else []
            wrong += [name for line in lines if place.search(line) and "place = re" not in line]
    assert wrong == []


def test_benchmarks_find_the_tests_modules_that_they_use():
    tests = Path(__file__).parent
    folders = {path.stem: path.parent for path in tests.rglob("*.py")}
    wrong = []
    for path in (tests.parent / "benchmarks").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        tree = list(ast.walk(ast.parse(text)))
        names = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in tree if isinstance(node, ast.ImportFrom) and node.module}
        reached = {tests / folder for folder in re.findall(r'"tests"(?: / "(\w+)")?', text)}
        wrong += [f"{path.name}: {name}" for name in names & folders.keys() if folders[name] not in reached]
    assert wrong == []


def test_no_folder_of_tests_is_passed_over(request):
    passed_over = request.config.getini("norecursedirs")
    folders = {folder for path in (ROOT / "tests").rglob("test_*.py") for folder in path.relative_to(ROOT).parts[1:-1]}
    assert "build" in folders and not [f for f in folders for pattern in passed_over if fnmatch.fnmatch(f, pattern)]
