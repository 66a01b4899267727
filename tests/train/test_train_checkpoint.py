import errno
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from docphim.errors import Refused
from docphim.train import checkpoint, state
from docphim.train.processes import Processes


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    net[0].requires_grad_(False)
    return net


def write(root: Path, step: int, score: float | None = None, key: str = "k", net=None) -> None:
    checkpoint.write(
        root,
        step,
        lambda folder: state.save_weights(net or model(), folder),
        key=key,
        score=score,
        processes=Processes(),
    )


def steps(root: Path) -> list[int]:
    return sorted(int(p.name.removeprefix("checkpoint-")) for p in root.glob("checkpoint-*"))


def damage(root: Path, step: int, how: str) -> None:
    folder = root / f"checkpoint-{step}"
    weights = folder / state.WEIGHTS
    if how == "flipped bit":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    elif how == "truncated":
        weights.write_bytes(weights.read_bytes()[:-3])
    elif how == "lost file":
        weights.unlink()
    elif how == "no manifest":
        (folder / checkpoint.MANIFEST).unlink()
    elif how == "broken manifest":
        (folder / checkpoint.MANIFEST).write_text('{"step": 2', encoding="utf-8")
    elif how == "changed manifest":
        manifest = json.loads((folder / checkpoint.MANIFEST).read_text(encoding="utf-8"))
        (folder / checkpoint.MANIFEST).write_text(json.dumps({**manifest, "score": 100.0}), encoding="utf-8")


DAMAGES = ["flipped bit", "truncated", "lost file", "no manifest", "broken manifest", "changed manifest"]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path, how):
    write(tmp_path, 1)
    write(tmp_path, 2)
    assert checkpoint.newest(tmp_path, "k").step == 2
    damage(tmp_path, 2, how)
    assert checkpoint.newest(tmp_path, "k").step == 1
    damage(tmp_path, 1, how)
    assert checkpoint.newest(tmp_path, "k") is None


def test_a_checkpoint_of_another_training_is_not_resumed(tmp_path):
    write(tmp_path, 1, key="other")
    assert checkpoint.newest(tmp_path, "k") is None


def test_the_best_has_the_highest_score_and_of_equal_ones_is_the_earliest(tmp_path):
    for step, score in ((1, -2.0), (2, -1.0), (3, -1.0), (4, -3.0)):
        write(tmp_path, step, score)
    assert checkpoint.best(tmp_path, "k").step == 2
    damage(tmp_path, 2, "flipped bit")
    assert checkpoint.best(tmp_path, "k").step == 3


def test_without_validation_the_best_is_the_newest(tmp_path):
    write(tmp_path, 1)
    write(tmp_path, 2)
    assert checkpoint.best(tmp_path, "k").step == 2


def test_the_last_two_and_the_best_are_kept(tmp_path):
    for step, score in ((1, -2.0), (2, -1.0), (3, -3.0), (4, -4.0), (5, -5.0)):
        write(tmp_path, step, score)
        checkpoint.prune(tmp_path, "k")
    assert steps(tmp_path) == [2, 4, 5]


def test_starting_over_clears_later_and_foreign_checkpoints_and_leftovers(tmp_path):
    for step in (1, 2, 3):
        write(tmp_path, step)
    write(tmp_path, 9, key="other")
    (tmp_path / ".checkpoint-4.part").mkdir()
    checkpoint.prune(tmp_path, "k", after=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-1", "checkpoint-2"]


def test_a_checkpoint_that_is_written_again_replaces_the_old_one(tmp_path):
    write(tmp_path, 1, score=-1.0)
    write(tmp_path, 1, score=-2.0)
    assert checkpoint.newest(tmp_path, "k").score == -2.0


def test_only_trained_weights_are_saved_and_come_back_bit_for_bit(tmp_path):
    net, other = model(), model()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    write(tmp_path, 1, net=net)
    state.load_weights(other, tmp_path / "checkpoint-1")
    assert other[1].weight.equal(net[1].weight)
    assert not other[0].weight.equal(net[0].weight)


def test_no_flipped_bit_of_a_manifest_is_believed(tmp_path):
    """Every bit: a score or a step that is another would choose another checkpoint."""
    write(tmp_path, 1, -1.5)
    path = tmp_path / "checkpoint-1" / checkpoint.MANIFEST
    whole = path.read_bytes()
    (as_written,) = checkpoint.sealed(tmp_path, "k")
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            assert checkpoint.sealed(tmp_path, "k") in ([], [as_written])


def stepped(net: torch.nn.Module, steps: int) -> torch.optim.AdamW:
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=0.1, fused=True)
    for step in range(steps):
        net(torch.full((2, 3), float(step))).pow(2).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


def test_the_optimisers_state_is_kept_by_name_and_goes_on_bit_for_bit(tmp_path):
    net = model()
    optimizer = stepped(net, 3)
    state.save(tmp_path, net, optimizer, Processes())
    assert load_file(tmp_path / state.OPTIMIZER).keys() == {
        f"1.{part}:{key}" for part in ("weight", "bias") for key in ("step", "exp_avg", "exp_avg_sq")
    }
    other = model()
    # Its parameters in the other order, in two groups: an order is nothing that a checkpoint knows.
    groups = [{"params": [p]} for p in reversed(list(other.parameters())) if p.requires_grad]
    again = torch.optim.AdamW(groups, lr=0.1, fused=True)
    drawn = torch.rand(3)
    state.load(checkpoint.Checkpoint(tmp_path, 3, "k", None, 1, {}), other, again, Processes())
    assert torch.rand(3).equal(drawn)
    for each, step in ((net, optimizer), (other, again)):
        each(torch.ones(2, 3)).pow(2).sum().backward()
        step.step()
    assert all(one.equal(two) for one, two in zip(net.parameters(), other.parameters(), strict=True))


def test_a_parameter_that_never_had_a_gradient_has_no_state(tmp_path):
    net = model()
    state.save(tmp_path, net, torch.optim.AdamW(net.parameters()), Processes())
    assert load_file(tmp_path / state.OPTIMIZER) == {}


def test_the_state_of_a_parameter_that_is_not_trained_is_refused(tmp_path):
    net = model()
    state.save(tmp_path, net, stepped(net, 1), Processes())
    net[1].bias.requires_grad_(False)
    with pytest.raises(Refused, match=r"1\.bias, which is not trained") as refused:
        state.load_optimizer(net, stepped(net, 0), tmp_path)
    assert refused.value.reason == "checkpoint_corrupt"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda w: w.pop("1.bias"), "1.bias first"),
        (lambda w: w.update(extra=torch.ones(1)), "extra first"),
        (lambda w: w.update({"1.bias": torch.ones(3)}), "another shape or type"),
        (lambda w: w.update({"1.bias": w["1.bias"].double()}), "another shape or type"),
    ],
)
def test_weights_that_are_missing_left_over_or_of_another_shape_are_refused(tmp_path, change, why):
    net = model()
    weights = {name: p.detach().clone() for name, p in net.named_parameters() if p.requires_grad}
    change(weights)
    save_file(weights, tmp_path / state.WEIGHTS)
    with pytest.raises(Refused, match=why) as refused:
        state.load_weights(net, tmp_path)
    assert refused.value.reason == "checkpoint_corrupt"


def write_to_full_device(how: str) -> None:
    if how == "python":
        with open("/dev/full", "wb", buffering=0) as handle:
            handle.write(b"x")
    elif how == "torch":
        torch.save(torch.ones(100_000), "/dev/full")
    elif how == "quota":
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("how", ["python", "torch", "quota"])
def test_a_full_disk_is_refused_and_leaves_nothing_half_written(tmp_path, how):
    write(tmp_path, 1)

    def fill(folder: Path) -> None:
        state.save_weights(model(), folder)
        write_to_full_device(how)

    with pytest.raises(Refused) as refused:
        checkpoint.write(tmp_path, 2, fill, key="k", score=None, processes=Processes())
    assert (refused.value.reason, refused.value.where) == ("disk_full", "checkpoint-2")
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-1"]
    assert checkpoint.newest(tmp_path, "k").step == 1


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # one process writes all parts here
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_under_weights_in_parts_is_refused(tmp_path):
    write(tmp_path, 1)
    net = model()

    def fill(folder: Path) -> None:
        (folder / "__0_0.distcp").symlink_to("/dev/full")  # the file of the first process
        state.save_parts(net, torch.optim.AdamW(net.parameters()), folder)

    with pytest.raises(Refused) as refused:
        checkpoint.write(tmp_path, 2, fill, key="k", score=None, processes=Processes())
    assert refused.value.reason == "disk_full"
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-1"]


def test_other_errors_are_not_taken_for_a_full_disk():
    with pytest.raises(RuntimeError, match="something else"), checkpoint.disk_full_is_refused("x"):
        raise RuntimeError("something else")
