"""`docphim export RUN OUT --to FORM`: what a run has made, as others serve it or train on it; reads runs, belongs to none."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path

from docphim.errors import UsageError
from docphim.export.source import Source, open_run
from docphim.models import needs_torch

#: The forms of `--to`: a function that writes a folder from a `Source`.
FORMS: dict[str, str] = {
    "transformers": "docphim.export.huggingface:write",
    "vllm": "docphim.export.vllm:write",
    "ms-swift": "docphim.export.ms_swift:write",
    "trl": "docphim.export.trl:write",
    "parquet": "docphim.export.parquet:write",
}
#: Those of them that are a model, not examples.
MODELS = ("transformers", "vllm")


def export(run: Path, out: Path, to: str = "transformers", *, adapter: bool = False, base: str | None = None) -> str:
    """Write a run's model or its examples in another form; the folder `out` appears whole or not at all.

    Parameters
    ----------
    to : str
        A name of `FORMS`.
    adapter : bool
        Of a model: its adapter alone, not weights that it is merged into.
    base : str, optional
        Where the weights under the run's model lie now.

    Returns
    -------
    str
        One line on what was written.

    Raises
    ------
    UsageError
        There is no such run or form, `out` holds files already, or the form has no place for what the examples show.
    Refused
        What is wrong with the saved model or the dataset.
    """
    if to not in FORMS:
        raise UsageError(f"--to {to}: must be one of {', '.join(FORMS)}")
    if adapter and to not in MODELS:
        raise UsageError(f"--adapter: is for {' and '.join(MODELS)}; {to} holds examples")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("OUT: holds files already; name a new folder")
    source: Source = open_run(run, adapter=adapter, base=base)
    module, _, name = FORMS[to].partition(":")
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    try:
        with needs_torch():
            line = str(getattr(importlib.import_module(module), name)(source, part))
        if out.exists():
            out.rmdir()
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return line
