"""Processes that a scheduler starts on many machines: each runs the same command, and they train together."""

import socket
import subprocess

import pytest
from small_run import SmallRun

from docphim.files import read_json


@pytest.fixture
def places():
    """What torchrun tells each of two processes, by rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "GLOO_SOCKET_IFNAME": "lo"}
    return [{**common, "RANK": rank, "LOCAL_RANK": rank} for rank in "01"]


def test_every_process_is_given_the_same_command_and_the_first_one_does_the_rest(tmp_path, places):
    small = SmallRun(tmp_path, processes=2, workers=1)
    command = small.command("run", "small.yaml", "--until", "generate", "--set", "train.shard=fsdp")
    with subprocess.Popen(
        command, cwd=small.folder, env={**small.environment, **places[1]}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as helper:
        first = small.start(*command[3:], **places[0])
        out, err = helper.communicate(timeout=300)
        assert (first.wait(300), helper.returncode) == (0, 0), (small.printed(), out, err)
    home = small.folder / "runs" / "small"
    assert read_json(home / "checkpoints" / "checkpoint-3" / "manifest.json")["processes"] == 2
    assert (home / "generate.json").exists() and (home / "predictions.jsonl").stat().st_size
    assert out == b"", "the first process says it all"
    again = subprocess.run(command, cwd=small.folder, env={**small.environment, **places[1]}, capture_output=True, timeout=300)
    assert again.returncode == 0, "where all is done there is nothing to help with"


def test_variants_are_not_trained_by_one_torchrun(tmp_path, places):
    small = SmallRun(tmp_path)
    command = small.command("run", "small.yaml", "--set", "seeds=[0,1]")
    ended = subprocess.run(
        command, cwd=small.folder, env={**small.environment, **places[0]}, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 2 and "start each of its variants by itself" in ended.stderr
