"""Parquet shards as ViX-Ray publishes them, with made-up films and reports."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from chest_films import chest
from PIL import Image

SIZES = {"train": 8, "validation": 3, "test": 4}


def write_shards(folder: Path, sizes: Mapping[str, int] = SIZES) -> Path:
    """Rows of image struct, findings, impressions, Ages, sex, view, notes and technique, one shard a split; the folder."""
    for split, count in sizes.items():
        rows = []
        for n in range(count):
            handle = io.BytesIO()
            noise = np.random.default_rng([n, len(split)]).normal(0, 3, (240, 200))
            film = chest() * 255.0 + noise
            film[40 + 20 * n : 80 + 20 * n, 30 + 15 * n : 90 + 15 * n] += 90  # each has its shadow elsewhere
            Image.fromarray(np.clip(film, 0, 255).astype(np.uint8)).save(handle, "PNG")
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
