"""Parquet files as TRL's trainers take them: `messages` whose content is parts, and `images`, a list of pictures.

https://huggingface.co/docs/trl/dataset_formats
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from docphim.errors import UsageError
from docphim.export.pictures import Shown, png, texts
from docphim.export.source import SPLITS, Source, name_of
from docphim.export.table import PICTURE, value, write_table
from docphim.files import Row
from docphim.study import TAG, Example

_PART = pa.struct([("type", pa.string()), ("text", pa.string())])
_FIELDS = {
    "messages": pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(_PART))])),
    "images": pa.list_(PICTURE),
}
_FEATURES: Row = {
    "messages": [{"role": value("string"), "content": [{"type": value("string"), "text": value("string")}]}],
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
}


def write(source: Source, out: Path) -> str:
    """Write train.parquet, val.parquet and test.parquet (see `docphim.export.export`).

    Raises
    ------
    UsageError
        An example shows a video: the form has no column for one.
    """
    counts = {split: write_table(out / f"{split}.parquet", _rows(source, split), _FIELDS, _FEATURES) for split in SPLITS}
    return ", ".join(f"{count} {split}" for split, count in counts.items()) + " examples"


def _rows(source: Source, split: str) -> Iterator[Row]:
    for example, shown in source.examples(split):
        if any(tag == "video" for _, tag, _ in shown):
            raise UsageError("--to trl: has no column for videos; prepare with show.kind: image")
        pictures = [{"bytes": png(frame), "path": name_of(m, n)} for m, _, frames in shown for n, frame in enumerate(frames)]
        yield {"messages": _messages(example, shown), "images": pictures}


def _messages(example: Example, shown: list[Shown]) -> list[Row]:
    """Each message as parts of text and pictures, in the order of its tags."""
    rows = []
    for message, text in zip(example.messages, texts(example, shown), strict=True):
        parts: list[Row] = []
        for number, piece in enumerate(TAG.split(text)[::2] if message.role == "user" else [text]):
            parts += [{"type": "image", "text": None}] if number else []
            parts += [{"type": "text", "text": piece.strip()}] if piece.strip() else []
        rows.append({"role": message.role, "content": parts})
    return rows
