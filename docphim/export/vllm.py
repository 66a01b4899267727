"""The folder that transformers loads, and vllm.json beside it: the arguments of vLLM's engine and of its sampling.

Written by vLLM's documentation of `LLM` and `SamplingParams`; it was not run with vLLM.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from docphim.export.served import write_served
from docphim.export.source import SPLITS, Source
from docphim.files import read_examples, read_json, write_json
from docphim.imaging.frames import is_film


def write(source: Source, out: Path) -> str:
    """Write it (see `docphim.export.export`)."""
    about = write_served(source, out)
    counts = _most(source)
    engine: dict[str, Any] = {"dtype": about["dtype"], "limit_mm_per_prompt": counts, "generation_config": "auto"}
    if source.adapter:
        engine |= {"model": about["base"], "enable_lora": True, "max_lora_rank": read_json(out / "adapter_config.json")["r"]}
    write_json(out / "vllm.json", {"engine": engine, "sampling": _sampling(about["decoding"]), "letterbox": about["letterbox"]})
    return f"for vLLM, at most {counts['image']} pictures a prompt; not run with vLLM here"


def _sampling(decoding: dict[str, Any]) -> dict[str, Any]:
    """The settings under the names of `SamplingParams`, where none of the top k is 0 too."""
    names = {"max_new_tokens": "max_tokens", "min_new_tokens": "min_tokens"}
    return {names.get(name, name): value for name, value in decoding.items()}


def _most(source: Source) -> dict[str, int]:
    """The most pictures and videos that an example shows; slices chosen by distance count as one before they are drawn."""
    most = Counter(image=1, video=0)
    for split in SPLITS:
        for example in read_examples(source.dataset, split):
            shown = Counter[str]()
            for media in example.media:
                shown[media.kind] += 1 if media.kind == "video" or is_film(media) else int(media.frames.get("count", 1))
            most |= shown
    return {"image": most["image"], "video": most["video"]}
