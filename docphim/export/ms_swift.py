"""JSON lines as ms-swift documents them: `messages` with `<image>` tags, `images` with a path for each.

https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docphim.errors import UsageError
from docphim.export.pictures import store, texts
from docphim.export.source import SPLITS, Source
from docphim.files import Row, write_jsonl


def write(source: Source, out: Path) -> str:
    """Write train.jsonl, val.jsonl and test.jsonl, and images/ beside (see `docphim.export.export`).

    Raises
    ------
    UsageError
        An example shows a video: the form takes files of films, and a stack of slices is none.
    """
    counts = {split: write_jsonl(out / f"{split}.jsonl", _rows(source, split, out / "images")) for split in SPLITS}
    return ", ".join(f"{count} {split}" for split, count in counts.items()) + " examples; set ROOT_IMAGE_DIR to the folder"


def _rows(source: Source, split: str, folder: Path) -> Iterator[Row]:
    for example, shown in source.examples(split):
        if any(tag == "video" for _, tag, _ in shown):
            raise UsageError("--to ms-swift: takes video files, not stacks of slices; prepare with show.kind: image")
        names = store(shown, folder)
        written = zip(example.messages, texts(example, shown), strict=True)
        yield {
            "messages": [{"role": message.role, "content": text} for message, text in written],
            "images": [f"{folder.name}/{name}" for row in names for name in row],
        }
