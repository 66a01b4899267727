"""A few of the kills and flips that `tests/kills.py` and `tests/flips.py` make by hand: recovered, and never used."""

import os
import random
import shutil

import pytest
from flips import Flipping, flipped
from kills import Kill, Killing, by_kind
from small_run import differences

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")


def test_a_run_killed_at_a_file_operation_or_a_moment_ends_with_the_same_bytes(tmp_path):
    killing = Killing(tmp_path, until="build")
    parts = ("phantom.json", "studies.jsonl", ".b2nd")
    manifest, studies, film = (next(lines[0] for kind, lines in killing.operations.items() if part in kind) for part in parts)
    kills = [Kill(manifest, victim="all"), Kill(studies), Kill(film, victim="child"), Kill(moment=0.6, victim="all")]
    for kill in kills:
        killing.disturb(kill)
        assert killing.recovered() == [], str(kill)


def test_one_changed_byte_of_a_dataset_is_made_again_or_named_and_never_used(tmp_path):
    flipping = Flipping(tmp_path, until="build")
    names = {name.rpartition("/")[2]: name for name in flipping.names()}
    for name in ("studies.jsonl", "PH000003-1.b2nd", "test.jsonl"):
        outcome = flipping.flip(names[name], 1, flipping.command)
        assert outcome in ("healed", "named"), f"{name}: {outcome}"


def test_one_changed_byte_of_a_finished_run_is_made_again_and_no_score_comes_of_it(tmp_path):
    flipping = Flipping(tmp_path, until="evaluate")
    names = flipping.names()
    for name in ("predictions.jsonl", "model/model.safetensors", "scores.json", "optimizer.safetensors"):
        path = next(one for one in names if one.endswith(name))
        assert flipping.flip(path, 1, flipping.command) in ("healed", "named"), name
    # A deleted file is no other case: what stands in it is made again.
    shutil.rmtree(flipping.run.folder)
    shutil.copytree(flipping.whole, flipping.run.folder)
    next(path for path in flipping.run.files().values() if path.name == "likelihoods.jsonl").unlink()
    assert flipping.run(*flipping.command)[0] == 0
    assert differences(flipping.run.stable(), flipping.expected) == []


def test_a_flip_changes_one_byte_and_a_text_stays_a_text():
    rng = random.Random(0)
    for data in (b'{"a1": 12.5}', b"\x00\xff\x93" * 9, "không có số".encode()):
        other = flipped(data, rng)
        assert len(other) == len(data) and sum(a != b for a, b in zip(data, other, strict=True)) == 1
    assert flipped(b'{"a1": 7}', rng).startswith(b'{"a1": ')


def test_operations_on_different_studies_are_of_one_kind():
    lines = [f"os.rename\tphantoms/PH00000{n}/film.dcm\t{n}" for n in range(4)] + ["open\tphantoms/phantom.json\t1"]
    assert sorted(map(len, by_kind(lines).values())) == [1, 4]
