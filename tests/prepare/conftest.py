"""A dataset folder as ingest leaves it, of films drawn for tests."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "imaging"))  # chest_films

from docphim import files
from docphim.study import Series, Study, to_row

#: Makes a dataset folder of (series id, location) pairs, one study each.
Make = Callable[..., Path]


@pytest.fixture
def make_dataset(tmp_path: Path) -> Make:
    def make(locations: dict[str, str], name: str = "dataset", views: dict[str, str] | None = None) -> Path:
        dataset = tmp_path / name
        dataset.mkdir(exist_ok=True)
        rows = []
        for series in locations:
            film = Series(series, "xray", f"prepared/{series}.b2nd", view=(views or {}).get(series, "unknown"))
            rows.append(to_row(Study(f"study-{series}", f"p-{series}", None, None, None, [film], None, None, None, "folder")))
        files.write_jsonl(dataset / "studies.jsonl", rows)
        with open(dataset / "private.csv", "w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["series", "study", "location", "original_id"])
            writer.writerows((s, f"study-{s}", place, f"Nguyễn Văn {s}") for s, place in locations.items())
        return dataset

    return make
