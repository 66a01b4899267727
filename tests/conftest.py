"""What the tests of whole runs share: a command in a process of its own, without sockets, on a tiny recipe."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings
from program import LOOPBACK_ONLY, Program

# One thread a process, as in the programs that tests start: the workers of the suite would fight over the cores, and on some
# processors the last digits depend on how many threads share a sum.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A slow machine is no failure, and CI tries the same cases each time.
settings.register_profile(
    "docphim", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("docphim")


def pytest_collection_finish(session):
    """Let the collector pass over what stays, torch and thousands of tests, and look less often: a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def docphim(tmp_path):
    return Program(tmp_path)


@pytest.fixture
def docphim_on_loopback(tmp_path):
    """`docphim` that may talk to servers on this machine and to nothing else."""
    return Program(tmp_path, LOOPBACK_ONLY)


@pytest.fixture(scope="session")
def shared_phantoms(tmp_path_factory):
    """One small phantom cohort on disk, made once for all tests of whole runs."""
    return tmp_path_factory.mktemp("phantoms")


@pytest.fixture
def recipe(tmp_path, shared_phantoms):
    """A recipe over that cohort."""
    path = tmp_path / "small.yaml"
    path.write_text(
        f"name: small\nsource: {{kind: phantom, profile: demo, studies: 40, size: 128, seed: 3, workers: 1, "
        f"path: {shared_phantoms}}}\n"
        "split: {fractions: [0.6, 0.1, 0.3]}\nprompts: docphim\ntasks: [findings]\nmodel: {family: qwen_vl}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def nothing_compiled():
    """What one test compiled is no other's."""
    import torch

    torch.compiler.reset()
    yield
    torch.compiler.reset()
