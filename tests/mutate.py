"""Breaks lines of the program, one at a time, and counts how many of the broken programs the tests let pass.

    python tests/mutate.py 60 [--seed S] [--paths docphim/metrics …] [--tests tests/metrics …]

Run by hand.  Each broken program meets first the tests that reach its line, those of its own room first (coverage contexts, of
the commands that tests start too; the map is made once for a tree and lies in the system's temporary folder).  If it survives
them, or they take too long, it meets all tests.  A line is never broken in place, but in copies of the tree, at most two at
once.  What cannot matter (messages, logs, types, caches, encodings) is not broken: see `QUIET`.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import json
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".yaml", ".html", ".css", ".js", ".md", ".toml", ".json", ".jsonl", ".txt", ".lock", ""}
#: Keyword arguments that change nothing a test could see on this machine.
QUIET = {"encoding", "strict", "newline", "maxsize", "help", "metavar", "slots", "frozen", "kw_only", "repr", "title", "daemon"}
#: Calls whose arguments are words for people.
WORDS = {"log", "print", "Refused", "UsageError", "ValueError", "bar", "cache", "lru_cache", "Argument", "Option", "TypeVar"}
#: Put into the workers of the suite: what a test starts is measured too, under the name of that test.
REACHING = """
import os
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["COVERAGE_PROCESS_START"] = {settings!r}
"""
REACHING_SETTINGS = """[run]
source = {tree}/docphim
data_file = {tree}/.coverage
parallel = true
disable_warnings = no-data-collected
context = ${{PYTEST_CURRENT_TEST-}}
"""
#: Seconds after which a program that all tests run on is taken to hang; the suite takes six minutes.
HANGING = 2400.0
COMPARISONS = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Sub,
}  # fmt: skip


@dataclass(frozen=True)
class Break:
    """One change of one line: characters `start` to `end` of a file become `text`."""

    path: str
    line: int
    start: int
    end: int
    text: str
    before: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {' '.join(self.before.split())[:80]} → {' '.join(self.text.split())[:80]}"


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """The ways in which one node can be broken."""
    other = copy.copy(node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other.ops = [COMPARISONS[type(node.ops[0])]()]
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not isinstance(node.left, ast.JoinedStr):
        other.op = ARITHMETIC[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        other.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        other = node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        other.value = not node.value
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        other.value = 2 * node.value + 1 if isinstance(node.value, int) else node.value * 1.5 + 0.1
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        other.value = ast.Constant(None)
    else:
        yield from _of_company(node)
        return
    yield other


def _of_company(node: ast.AST) -> Iterator[ast.AST]:
    """Breaks that take something away from what has several parts: a branch, an argument, a key."""
    other = copy.copy(node)
    if isinstance(node, ast.If | ast.IfExp):
        # Only the test is replaced, so that the change stays on its line.
        yield ast.Constant(False)
    elif isinstance(node, ast.Call) and (loud := [k for k in node.keywords if k.arg and k.arg not in QUIET]):
        other.keywords = [k for k in node.keywords if k is not loud[-1]]
        yield other
    elif isinstance(node, ast.Call) and len(node.args) > 1:
        other.args = node.args[:-1]
        yield other
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        other.slice = ast.Constant(node.slice.value + "_")
        yield other
    elif isinstance(node, ast.Dict) and node.keys and isinstance(node.keys[0], ast.Constant):
        other.keys = [ast.Constant(f"{node.keys[0].value}_"), *node.keys[1:]]
        yield other


def breaks(path: str, source: str) -> Iterator[Break]:
    """All breaks of a file."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line.encode()))
    data = source.encode()
    for node in _meaningful(ast.parse(source)):
        place = node.test if isinstance(node, ast.If | ast.IfExp) else node
        start = lines[place.lineno - 1] + place.col_offset
        end = lines[place.end_lineno - 1] + place.end_col_offset
        before = data[start:end].decode()
        for other in changed(node):
            text = ast.unparse(other) if isinstance(other, ast.stmt) else f"({ast.unparse(other)})"
            yield Break(path, place.lineno, start, end, text, before)


def _meaningful(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that do something: not types, docstrings, decorators, messages, nor what `if TYPE_CHECKING` imports."""
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params") or (name == "test" and _is_typing(value)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_quiet(child):
                yield from _meaningful(child)


def _is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"


def _is_quiet(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg in QUIET
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        name = node.func
        while isinstance(name, ast.Attribute):
            name = name.value
        return isinstance(name, ast.Name) and name.id in WORDS
    return isinstance(node, ast.JoinedStr | ast.Assert) or (isinstance(node, ast.If) and _is_typing(node.test))


def copied(target: Path) -> Path:
    """The tree as it stands now, tracked files and new ones, in a folder of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def key_of(tree: Path, tests: list[str]) -> str:
    """A name for the map of this program and these tests."""
    digest = hashlib.sha256("\n".join(tests).encode())
    for path in sorted([*tree.glob("docphim/**/*"), *tree.glob("tests/**/*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(tree)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def pytest(tree: Path, arguments: list[str], limit: float | None = None) -> int | None:
    """The exit code of pytest in a copy; None where it ran out of time."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=tree, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None


def reached(tree: Path, tests: list[str]) -> dict[str, dict[str, list[str]]]:
    """File → line → tests that reach it, from the cache or from one run of the tests under coverage."""
    cache = Path(tempfile.gettempdir()) / f"docphim-reached-{key_of(tree, tests)}.json"
    if not cache.exists():
        print("which test reaches which line: running the tests once under coverage", flush=True)
        settings = tree / "reaching.ini"
        settings.write_text(REACHING_SETTINGS.format(tree=tree), encoding="utf-8")
        (tree / "reaching.py").write_text(REACHING.format(settings=str(settings)), encoding="utf-8")
        pytest(tree, ["-p", "reaching", "-n", "2", "--cov=docphim", "--cov-context=test", "--cov-report=", *tests])
        cache.write_text(json.dumps(_read_map(tree)), encoding="utf-8")
    return json.loads(cache.read_text(encoding="utf-8"))


def _read_map(tree: Path) -> dict[str, dict[str, list[str]]]:
    from coverage import CoverageData

    data = CoverageData(str(tree / ".coverage"))
    data.read()
    lines: dict[str, dict[str, list[str]]] = {}
    for name in data.measured_files():
        by_line = data.contexts_by_lineno(name)
        # What runs at import is reached by every test of the file; no name of a test stands there.
        listed = {str(n): [] if "" in contexts else sorted({_test_of(c) for c in contexts}) for n, contexts in by_line.items()}
        lines[str(Path(name).relative_to(tree))] = listed
    return lines


def _test_of(context: str) -> str:
    """The test's name: pytest-cov calls it `TEST|run`, a command that the test has started `TEST (call)`."""
    return re.sub(r" \((?:setup|call|teardown)\)$", "", context.partition("|")[0])


def sample(tree: Path, paths: list[str], count: int, rng: random.Random) -> list[Break]:
    """Breaks spread over packages, no two on one line."""
    packages: dict[str, list[Break]] = defaultdict(list)
    globs = [place if place.endswith(".py") else f"{place}/**/*.py" for place in paths]
    for path in sorted({path for pattern in globs for path in tree.glob(pattern)}):
        name = str(path.relative_to(tree))
        room = name.split("/")[1] if name.count("/") > 1 else "docphim"
        packages[room] += breaks(name, path.read_text(encoding="utf-8"))
    for listed in packages.values():
        rng.shuffle(listed)
    chosen: dict[tuple[str, int], Break] = {}
    while len(chosen) < count and any(packages.values()):
        for listed in packages.values():
            if listed and len(chosen) < count:
                one = listed.pop()
                chosen.setdefault((one.path, one.line), one)
    return list(chosen.values())


class Breaking:
    """Copies of the tree in which lines are broken, two at once."""

    def __init__(self, folder: Path, tests: list[str], limit: float) -> None:
        self.tests, self.limit = tests, limit
        self.trees: queue.Queue[Path] = queue.Queue()
        for n in range(2):
            self.trees.put(copied(folder / str(n)))
        self.tree = folder / "0"
        self.lines = reached(self.tree, tests)

    def dies(self, one: Break, whole: bool = False) -> bool | None:
        """Whether a test fails on the broken program: of those that reach the line, or of all; None where time ran out."""
        named = self.tests if whole else self.reaching(one)
        if not named:
            return False
        tree = self.trees.get()
        path = tree / one.path
        data = path.read_bytes()
        try:
            path.write_bytes(data[: one.start] + one.text.encode() + data[one.end :])
            listed = tree / "tests-to-run.txt"
            listed.write_text("\n".join(named), encoding="utf-8")
            code = pytest(tree, ["-x", "-n", "2" if whole else "0", f"@{listed}"], HANGING if whole else self.limit)
        finally:
            path.write_bytes(data)
            self.trees.put(tree)
        return None if code is None else code != 0

    def reaching(self, one: Break) -> list[str]:
        """The tests that reach a line, else those that reach its file: its room's first."""
        by_line = self.lines.get(one.path, {})
        named = by_line.get(str(one.line)) or {test for tests in by_line.values() for test in tests}
        rooms = {f"tests/{part}" for part in Path(one.path).with_suffix("").parts[1:]}
        return sorted(named, key=lambda test: (not any(test.startswith(room) for room in rooms), test))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--paths", nargs="+", default=["docphim"])
    parser.add_argument("--tests", nargs="+", default=["tests"])
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for the tests that reach a line")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docphim-mutate-") as folder:
        breaking = Breaking(Path(folder).resolve(), given.tests, given.limit)
        chosen = sample(breaking.tree, given.paths, given.count, random.Random(given.seed))
        passed, survivors = [], []
        with ThreadPoolExecutor(2) as pool:
            for one, dead in zip(chosen, pool.map(breaking.dies, chosen), strict=True):
                print(f"{'died' if dead else 'to be tried against all'}: {one}", flush=True)
                passed += [] if dead else [one]
        for one in passed:
            dead = breaking.dies(one, whole=True)
            print(f"{'SURVIVED' if dead is False else 'died' if dead else 'hung'}: {one}", flush=True)
            survivors += [one] if dead is False else []
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} died: {1 - len(survivors) / max(len(chosen), 1):.1%}")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
