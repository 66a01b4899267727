"""Where a run comes from: package versions and the git state that recipe.yaml records."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import docphim


def provenance() -> dict[str, Any]:
    """Versions and git state that recipe.yaml records beside the recipe."""
    packages = ("numpy", "pydicom", "torch", "transformers", "peft")
    versions = {"docphim": docphim.__version__, "python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {"versions": versions, "git": _git_state()}


def _git_state() -> str | None:
    """The commit of the source tree Docphim runs from, with `+changes` where it differs; None for an installed package."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+changes" if dirty else "")
