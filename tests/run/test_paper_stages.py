"""The published dataset's own schema goes through the paper's three stages with a tiny model, by settings alone."""

import pytest
from vix_ray_shards import SIZES, write_shards

from docphim.files import read_json, read_jsonl


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("vix-ray"))


@pytest.mark.parametrize(
    ("stage", "keys"),
    [
        ("vix_ray", ["findings/test"]),
        ("vix_ray_impression", ["impression/test"]),
        ("vix_ray_dialogue", ["dialogue/test", "dialogue/test/generated", "dialogue/test/reference"]),
    ],
)
def test_a_stage_of_the_paper_runs_to_its_page(docphim, shards, stage, keys):
    answer = docphim("run", f"recipes/{stage}.yaml", "--set", f"source.path={shards}")
    assert answer.returncode == 0, answer.stderr
    home = next((docphim.folder / "runs").iterdir())
    assert list(read_json(home / "scores.json")["by_task"]) == keys
    dataset = next((docphim.folder / "data" / "vix_ray").iterdir())
    assert [len(list(read_jsonl(dataset / "examples" / f"{s}.jsonl"))) for s in ("train", "val", "test")] == list(
        SIZES.values()
    )
    assert (home / "index.html").stat().st_size > 10_000


def test_the_first_two_stages_cannot_be_mixed_under_the_papers_words(docphim, shards):
    settings = ["--set", f"source.path={shards}", "--set", "tasks=[findings, impression]"]
    answer = docphim("run", "recipes/vix_ray.yaml", *settings)
    assert answer.returncode == 3 and answer.stderr.strip().splitlines()[-1].startswith("ambiguous_prompt:")
