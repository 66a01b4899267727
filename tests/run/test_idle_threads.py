"""Threads that have nothing to do sleep, unless whoever starts the command says otherwise; asked of OpenMP itself."""

import os
import subprocess
import sys

import pytest

CODE = "from docphim.cli import main\ntry:\n    main()\nexcept SystemExit:\n    import torch\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other builds of torch bring another OpenMP")
@pytest.mark.parametrize(("given", "sleep"), [({}, True), ({"OMP_WAIT_POLICY": "active"}, False)])
def test_idle_threads_sleep(given, sleep):
    """With OMP_DISPLAY_ENV GNU's OpenMP says, when torch brings it in, how many turns a thread waits before it sleeps."""
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment = {**inherited, "OMP_DISPLAY_ENV": "verbose", **given}
    done = subprocess.run([sys.executable, "-c", CODE, "--version"], env=environment, capture_output=True, text=True)
    assert "GOMP_SPINCOUNT" in done.stderr
    assert ("GOMP_SPINCOUNT = '0'" in done.stderr) == sleep
