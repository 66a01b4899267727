"""run: what the whole program holds on to while its stages run."""

from docphim import files, recipe, run
from docphim.errors import UsageError
from docphim.stage import Stage
from docphim.way import STAGES

SEEN: list[tuple[str, str]] = []


def free(name: str) -> bool:
    try:
        with files.locked(PLACES[name]):
            return True
    except UsageError:
        return False


PLACES: dict = {}


def watched(stage: str) -> None:
    """A stage that says which folders others could write while it runs."""
    SEEN.extend((stage, name) for name in PLACES if free(name))


def test_a_dataset_is_locked_while_it_is_made_and_free_while_a_model_trains(tmp_path, monkeypatch):
    SEEN.clear()
    loaded = recipe.load("demo", [f"data={tmp_path / 'data'}", f"runs={tmp_path / 'runs'}"])
    PLACES.update(dataset=run.dataset_folder(loaded), home=run.run_folder(loaded))

    def way(_, dataset, home):
        folders = {name: dataset if name in ("ingest", "prepare", "build") else home for name in STAGES}
        call = f"{__name__}:watched"
        return [Stage(name, call, (name,), {}, {}, folder, [], 1) for name, folder in folders.items()]

    monkeypatch.setattr(run, "stages", way)
    monkeypatch.setattr(run.preflight, "refuse_too_many", lambda *_: None)
    monkeypatch.setattr(run.counts, "line", lambda _: "")
    run.run(loaded, until="generate")
    assert SEEN == [("train", "dataset"), ("generate", "dataset")]
