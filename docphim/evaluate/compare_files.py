"""What `docphim compare` does: compare runs, read the marks on them, write the tables that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docphim.errors import UsageError
from docphim.evaluate.compare import compare
from docphim.evaluate.compare_latex import latex as latex_table
from docphim.evaluate.compare_text import tidy
from docphim.evaluate.marks import marks_table
from docphim.evaluate.runs import read_runs
from docphim.files import atomic
from docphim.study import Row


def compare_to_files(
    named: Sequence[str | Path],
    *,
    marks: Sequence[Path] = (),
    metrics: Sequence[str] = (),
    baseline: str | None = None,
    allow_missing: bool = False,
    csv: Path | None = None,
    latex: Path | None = None,
    page: Path | None = None,
) -> Row:
    """Compare runs as `docphim.evaluate.compare.compare` does, and write the result as CSV, LaTeX and page.

    Parameters
    ----------
    named : sequence
        Runs; a file among them is a file of marks, so that `--marks A B` reads both.

    Returns
    -------
    dict
        What `compare` returns, with `marks` where there are any.

    Raises
    ------
    UsageError, Refused
        As `compare` and `docphim.evaluate.marks.read_marks`.
    """
    files = [Path(name).expanduser() for name in named if Path(name).expanduser().is_file()]
    runs = [name for name in named if Path(name).expanduser() not in files]
    if files and not marks:
        raise UsageError(f"RUN {files[0]}: is a file; marks are given with --marks")
    if not runs:
        raise UsageError("RUN: name at least one run")
    result = compare(runs, metrics=metrics, baseline=baseline, allow_missing=allow_missing)
    if marks:
        sample = {"resamples": result["resamples"], "seed": result["seed"]}
        result["marks"] = marks_table([*marks, *files], read_runs(runs), **sample)
    texts = {csv: tidy, latex: latex_table}
    if page:
        from docphim.evaluate.compare_page import html

        texts[page] = html
    for path, text in texts.items():
        if path:
            with atomic(path) as handle:
                handle.write(text(result))
    return result
