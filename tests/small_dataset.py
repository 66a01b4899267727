"""A dataset of invented films and reports on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from docphim.files import write_jsonl
from docphim.imaging import store
from docphim.study import Example, Media, Message, to_row

SAID = ["Bóng tim không to.", "Tràn dịch màng phổi phải lượng vừa.", "Hai phổi sáng đều.", "Quai động mạch chủ vôi hóa."]


def media(study: str) -> Media:
    return Media(study, "image", {"xray": f"prepared/{study}.b2nd"})


def example(number: int, task: str = "findings", split: str = "test", partner: int | None = None) -> Example:
    study = f"s{number}"
    first = " ".join(SAID[: 1 + number % 4])
    messages = [
        Message("system", "Bạn là trợ lý bác sĩ"),
        Message("user", "<image>\nMô tả hình ảnh."),
        Message("assistant", first, "report:findings"),
    ]
    films = [media(study)]
    if task == "dialogue":
        messages += [Message("user", "<image>\nKết luận."), Message("assistant", SAID[number % 4], "report:impression")]
        films = films * 2
    wrong = None
    if partner is not None:
        wrong = {"kind": "case", "study": f"s{partner}", "media": [to_row(media(f"s{partner}"))], "differs": None}
    return Example(f"{study}-{task}", study, f"p{number}", split, task, "vi", messages, films, wrong)  # type: ignore[arg-type]


def write_dataset(folder: Path, examples: list[Example]) -> Path:
    index = []
    for number in range(8):
        film = np.random.default_rng(number).integers(0, 65536, (60, 50)).astype(np.uint16)
        path = media(f"s{number}").volumes["xray"]
        index.append({"path": path, **store.write(folder / path, film, {})})
    write_jsonl(folder / "prepared" / "index.jsonl", index)
    write_jsonl(folder / "examples" / "test.jsonl", [to_row(e) for e in examples])
    return folder
