"""Parquet files for any other tool: examples with all their ids, texts with tags, and every frame as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from docphim.export.pictures import png
from docphim.export.source import SPLITS, Source, name_of
from docphim.export.table import PICTURE, value, write_table
from docphim.files import Row

_IDS = ("id", "study", "patient", "split", "task", "language")
_FIELDS = {
    **{name: pa.string() for name in _IDS},
    "messages": pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
    "kinds": pa.list_(pa.string()),
    "frames": pa.list_(pa.int32()),
    "images": pa.list_(PICTURE),
}
_FEATURES: Row = {
    **{name: value("string") for name in _IDS},
    "messages": [{"role": value("string"), "content": value("string")}],
    "kinds": {"feature": value("string"), "_type": "Sequence"},
    "frames": {"feature": value("int32"), "_type": "Sequence"},
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
}


def write(source: Source, out: Path) -> str:
    """Write train.parquet, val.parquet and test.parquet (see `docphim.export.export`).

    Each tag of the messages has an entry of `kinds` (`image` or `video`) and of `frames`: how many of `images` it shows.
    """
    counts = {split: write_table(out / f"{split}.parquet", _rows(source, split), _FIELDS, _FEATURES) for split in SPLITS}
    return ", ".join(f"{count} {split}" for split, count in counts.items()) + " examples"


def _rows(source: Source, split: str) -> Iterator[Row]:
    for example, shown in source.examples(split):
        yield {
            **{name: getattr(example, name) for name in _IDS},
            "messages": [{"role": message.role, "content": message.content} for message in example.messages],
            "kinds": [tag for _, tag, _ in shown],
            "frames": [len(frames) for _, _, frames in shown],
            "images": [{"bytes": png(f), "path": name_of(m, n)} for m, _, frames in shown for n, f in enumerate(frames)],
        }
