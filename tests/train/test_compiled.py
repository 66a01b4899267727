"""`train.compile`: trainings end where they would without it; what cannot be compiled is refused."""

from types import SimpleNamespace

import pytest
from test_shard import LORA, apart, compare_gradients
from tiny_training import in_processes, model_section, steady, train_section, weights

from docphim import preflight
from docphim.errors import UsageError
from docphim.files import read_json
from docphim.recipe import load as load_recipe
from docphim.train import checkpoint, compiled, loop, train
from docphim.train.compiled import compile_blocks

#: torch looks for gradients of what has none while it compiles, and hides its own warning of it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    pytest.mark.usefixtures("nothing_compiled"),
]


@pytest.mark.parametrize(("changes", "checkpointing"), [({}, False), (LORA, True)], ids=["full", "lora, sparing memory"])
def test_a_compiled_training_is_the_plain_one(dataset, tmp_path, changes, checkpointing, monkeypatch):
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    section = train_section(gradient_checkpointing=checkpointing)
    for name, on in (("plain", False), ("compiled", True)):
        train(dataset, tmp_path / name, model=model_section(**changes), train={**section, "compile": on})
    for ours, theirs in zip(steady(tmp_path / "compiled"), steady(tmp_path / "plain"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert apart(weights(tmp_path / "compiled", 4), weights(tmp_path / "plain", 4)) <= 1e-5
    ours, theirs = (checkpoint.newest(tmp_path / name / "checkpoints", key(tmp_path / name)) for name in ("compiled", "plain"))
    assert ours and theirs and ours.step == theirs.step == 4 and key(tmp_path / "compiled") == key(tmp_path / "plain")
    # What the plain one began goes on compiled, and is done.
    train(dataset, tmp_path / "plain", model=model_section(**changes), train={**section, "compile": True})


def key(run):
    return read_json(run / "checkpoints" / "checkpoint-4" / checkpoint.MANIFEST)["key"]


def test_compiled_blocks_are_shared_out(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    real = loop._shared

    def shared(loaded, *rest):
        compile_blocks(loaded.core)
        return real(loaded, *rest)

    def work() -> None:
        loop._shared = shared
        assert compare_gradients(dataset, model_section(**LORA), checkpointing=True) <= 1e-6

    assert in_processes(2, tmp_path / "meeting", work) == [0, 0]


def test_two_processes_with_compiled_blocks_end_where_one_does(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    section = train_section(batch_size=1, max_steps=3, evaluations=1, compile=True)
    two = {**section, "processes": 2}
    together = in_processes(2, tmp_path / "meeting", lambda: train(dataset, tmp_path / "two", model=model_section(), train=two))
    assert together == [0, 0]
    train(dataset, tmp_path / "one", model=model_section(), train={**section, "accumulate": 2})
    assert apart(weights(tmp_path / "two", 3), weights(tmp_path / "one", 3)) <= 1e-6


def test_what_cannot_be_compiled_is_refused_before_anything_is_made(dataset, tmp_path, monkeypatch):
    section = train_section(compile=True)
    recipe = load_recipe("demo", ["train.compile=true"])
    way = [SimpleNamespace(name="train", done=False, torch=True, folder=tmp_path)]
    preflight.check_machine(recipe, way, tmp_path / "data", tmp_path / "runs")
    monkeypatch.setenv("CXX", "no-such-compiler")
    line = r"^train\.compile: torch\.compile needs a C\+\+ compiler, and there is no no-such-compiler here"
    with pytest.raises(UsageError, match=line):
        train(dataset, tmp_path / "run", model=model_section(), train=section)
    with pytest.raises(UsageError, match=line):
        preflight.check_machine(recipe, way, tmp_path / "data", tmp_path / "runs")
    packed = {**model_section(), "quantise": "nf4"}
    with pytest.raises(UsageError, match=r"^train\.compile: quantised weights \(model\.quantise: nf4\)"):
        train(dataset, tmp_path / "run", model=packed, train=section)
    assert not list(tmp_path.iterdir())
