"""Threads that have nothing to do sleep, unless whoever starts the command says otherwise; asked of OpenMP itself."""

import os
import subprocess
import sys

import pytest

CODE = "from docphim.cli import main\ntry:\n    main()\nexcept SystemExit:\n    import torch\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other builds of torch bring another OpenMP")
@pytest.mark.parametrize(
    ("given", "turns"),
    [
        ({}, "2000"),
        ({"GOMP_SPINCOUNT": "77"}, "77"),
        ({"OMP_WAIT_POLICY": "passive"}, "0"),
        ({"OMP_WAIT_POLICY": "active", "OMP_THREAD_LIMIT": "1024"}, "30000000000"),
    ],
)
def test_idle_threads_sleep_soon(given, turns):
    """With OMP_DISPLAY_ENV GNU's OpenMP says, when torch brings it in, how many turns a thread waits before it sleeps."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    environment = {**inherited, "OMP_DISPLAY_ENV": "verbose", **given}
    done = subprocess.run([sys.executable, "-c", CODE, "--version"], env=environment, capture_output=True, text=True)
    assert f"GOMP_SPINCOUNT = '{turns}'" in done.stderr
