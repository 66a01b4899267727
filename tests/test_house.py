"""The house stands: three floors, no import cycle, no long chain, small files, and a README that shows the tree as it is."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "docphim"
NOUNS = {"study", "errors", "recipe", "files", "progress", "workers", "scores", "yaml_in"}
KNOWLEDGE = {"language", "imaging", "metrics", "models", "phantom"}
STAGES = {"ingest", "prepare", "build", "train", "generate", "evaluate", "page"}
#: What reads finished runs and belongs to no stage: it knows nouns and knowledge, and only the commands know it.
BESIDE = {"compare"}
TOP = {"run", "way", "preflight", "aside", "cli", "tools", "resume", "provenance", "terminal", "draft", "doctor", "__main__"}
MAY_IMPORT_TORCH = ("docphim.models", "docphim.train", "docphim.generate.transformers")


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@functools.cache
def imports(lazy: bool) -> dict[str, set[str]]:
    """Module → modules of docphim it imports; `lazy` counts the imports inside functions too."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = ast.walk(tree) if lazy else _top_level(tree)
        graph[name] = set()
        for node in nodes:
            for target in _targets(node):
                if target in known and target != name:
                    graph[name].add(target)
    return graph


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
    graph = imports(lazy=False)

    @functools.cache
    def depth(module: str, path: tuple[str, ...] = ()) -> int:
        assert module not in path, f"cycle: {' → '.join((*path, module))}"
        return 1 + max((depth(t, (*path, module)) for t in graph[module]), default=0)

    longest = max(graph, key=depth)
    assert depth(longest) <= 8, f"{longest} starts a chain of {depth(longest)}"


@pytest.mark.parametrize("package", ["torch", "transformers", "peft", "accelerate"])
def test_heavy_packages_are_imported_only_where_models_are(package):
    wrong = []
    for name, path in modules().items():
        if name.startswith(MAY_IMPORT_TORCH):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        named += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and not node.level]
        wrong += [name for n in named if n.split(".")[0] == package]
    assert wrong == []


@pytest.mark.parametrize(
    "module",
    ["docphim.cli", "docphim.evaluate.score", "docphim.imaging.inspect", "docphim.ingest", "docphim.run", "docphim.page"],
)
def test_light_commands_start_without_torch(module):
    code = f"import sys, {module}; print('torch' in sys.modules or 'transformers' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_files_stay_small_enough_to_read():
    long = {m: n for m, p in modules().items() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400}
    assert long == {}


def test_functions_stay_small_enough_to_read():
    long = []
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body and node.end_lineno - body[0].lineno + 1 > 60 and name != "docphim.run":
                    long.append(f"{name}.{node.name}")
    assert long == []


def test_every_module_opens_with_its_purpose():
    silent = [
        m
        for m, p in modules().items()
        if p.read_text(encoding="utf-8").strip() and not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))
    ]
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
            wrong += [name for line in text.splitlines() if place.search(line) and "place = re" not in line]
    assert wrong == []
