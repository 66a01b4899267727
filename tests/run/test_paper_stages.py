"""The published dataset's own schema goes through the paper's three stages with a tiny model, by settings alone."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chest_films import chest
from PIL import Image

from docphim.files import read_json, read_jsonl

SIZES = {"train": 8, "validation": 3, "test": 4}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Parquet shards as the dataset publishes them: image struct, findings, impressions, Ages, sex, view, notes, technique."""
    folder = tmp_path_factory.mktemp("vix-ray")
    for split, count in SIZES.items():
        rows = []
        for n in range(count):
            handle = io.BytesIO()
            noise = np.random.default_rng([n, len(split)]).normal(0, 3, (240, 200))
            Image.fromarray(np.clip(chest() * 255.0 + noise, 0, 255).astype(np.uint8)).save(handle, "PNG")
            rows.append(
                {
                    "image": {"bytes": handle.getvalue(), "path": f"{split}-{n}.png"},
                    "findings": f"Bóng mờ tim không to. Phổi hai bên sáng {n}.",
                    "impressions": f"Hình ảnh bình thường {n}.",
                    "Ages": 60 + n,
                    "sex": "Nam" if n % 2 else "Nữ",
                    "view": "PA",
                    "Ghi chú": None,
                    "Kỹ thuật": "Chụp Xquang tim phổi thẳng",
                }
            )
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}-00000-of-00001.parquet")
    return folder


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
