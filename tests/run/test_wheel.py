"""The wheel: what a person gets who installs the package and has no source tree."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout to clone")
def test_the_wheel_carries_code_data_recipes_and_documents(tmp_path):
    pytest.importorskip("setuptools")
    tree = tmp_path / "tree"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, tree], check=True, capture_output=True)
    build = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", build, tmp_path], cwd=tree, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition(".data/data/")[2] or name for name in archive.namelist()}
    assert {"docphim/cli.py", "docphim/recipes/demo.yaml", "docphim/page/template.html", "docphim/page/style.css"} <= names
    documents = {path.name for path in (ROOT / "docs").glob("*.md")} | {"README.md", "CHANGELOG.md"}
    assert {f"share/doc/docphim/{name}" for name in documents} <= names
