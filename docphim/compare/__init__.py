"""`docphim compare RUN…`: evaluated runs side by side, and what readers marked in their drafts.

It reads runs and belongs to no stage.  The way: `runs` reads them and refuses what must not be compared, `systems` computes
their scores again from statistics, `table` puts intervals, differences and p beside them, `marks` counts a reader's marks;
`text`, `latex` and `page` write.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docphim.errors import UsageError
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
    """Compare runs as `docphim.compare.table.compare` does, and write the result as CSV, LaTeX and page.

    Parameters
    ----------
    named : sequence
        Runs; a file among them is a file of marks, so that `--marks A B` reads both.

    Returns
    -------
    dict
        What `compare.table.compare` returns, with `marks` where there are any.

    Raises
    ------
    UsageError, Refused
        As `compare.table.compare` and `compare.marks.read_marks`.
    """
    from docphim.compare.latex import latex as latex_table
    from docphim.compare.marks import marks_table
    from docphim.compare.runs import read_runs
    from docphim.compare.table import compare
    from docphim.compare.text import tidy

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
        from docphim.compare.page import html

        texts[page] = html
    for path, text in texts.items():
        if path:
            with atomic(path) as handle:
                handle.write(text(result))
    return result
