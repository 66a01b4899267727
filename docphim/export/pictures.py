"""Frames as PNG files, each written once, and messages in which every picture has a tag of its own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from docphim.export.source import name_of
from docphim.study import TAG, Example, Media

#: A media entry, its tag, and its frames, uint8 (T, h, w, 3).
Shown = tuple[Media, str, np.ndarray]


def png(frame: np.ndarray) -> bytes:
    """A frame, uint8 (h, w, 3), as PNG: without loss."""
    handle = io.BytesIO()
    Image.fromarray(frame).save(handle, "PNG")
    return handle.getvalue()


def store(shown: Sequence[Shown], folder: Path) -> list[list[str]]:
    """Write the frames of each entry under `folder`; their names, which equal media share."""
    folder.mkdir(exist_ok=True)
    names = [[name_of(media, number) for number in range(len(frames))] for media, _, frames in shown]
    for (_, _, frames), row in zip(shown, names, strict=True):
        for frame, name in zip(frames, row, strict=True):
            if not (folder / name).exists():
                (folder / name).write_bytes(png(frame))
    return names


def texts(example: Example, shown: Sequence[Shown]) -> list[str]:
    """The messages' texts, in which the tag of a stack of T pictures stands T times; a video's stands once."""
    counts = iter([1 if tag == "video" else len(frames) for _, tag, frames in shown])
    written = []
    for message in example.messages:
        if message.role == "user":
            written.append(TAG.sub(lambda tag: tag.group() * next(counts), message.content))
        else:
            written.append(message.content)
    return written
