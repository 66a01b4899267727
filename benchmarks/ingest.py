"""Peak memory of ingesting ViX-Ray's parquet shards: `python benchmarks/ingest.py --gb 3`; its peer is pyarrow, shard by shard.

Films are random bytes, so that nothing compresses; a row group holds 100 rows, as `datasets` writes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from docphim.files import read_jsonl
from docphim.ingest import ingest

FILM_BYTES = 3_200_000  # the published 17.3 GB over 5,400 films
ROWS_PER_GROUP = 100
GROUPS_PER_SHARD = 2
LIMIT_MB = 1000


def write_shards(folder: Path, rows: int) -> None:
    """Write shards of ViX-Ray's schema."""
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))]
        + [(name, pa.string()) for name in ("findings", "impressions", "Ages", "sex", "view", "Ghi chú", "Kỹ thuật")]
    )
    words = [
        "Bóng mờ tim to. Phổi hai bên sáng.",
        "Bóng mờ tim to.",
        "72",
        "Nam",
        "PA",
        "Chụp Xquang tim phổi thẳng",
        "Tư thế thẳng",
    ]
    per_shard = ROWS_PER_GROUP * GROUPS_PER_SHARD
    shards = -(-rows // per_shard)
    for shard in range(shards):
        with pq.ParquetWriter(folder / f"train-{shard:05d}-of-{shards:05d}.parquet", schema) as writer:
            left = min(per_shard, rows - shard * per_shard)
            for start in range(0, left, ROWS_PER_GROUP):
                n = min(ROWS_PER_GROUP, left - start)
                films = pa.array(
                    [{"bytes": os.urandom(FILM_BYTES), "path": None} for _ in range(n)], schema.field("image").type
                )
                writer.write_table(pa.table([films, *([word] * n for word in words)], schema=schema), row_group_size=n)


def run_ingest(folder: Path, dataset: Path) -> int:
    """The studies that came of it, each with a report and a film."""
    options = {"path": str(folder)}
    ingest("vix_ray", options, dataset, language="vi", split_by_source=True)
    return sum(1 for _ in read_jsonl(dataset / "studies.jsonl"))


def read_whole(folder: Path, dataset: Path) -> int:
    """What ingest must not do: hold a shard, films and all; the rows read."""
    return sum(pq.read_table(shard).num_rows for shard in sorted(folder.glob("*.parquet")))


def peak_mb(work: Callable[[Path, Path], int], folder: Path, dataset: Path) -> tuple[float, float, int]:
    """Peak resident memory in MB, seconds and rows of `work` in a fresh process, which starts from its parent's peak."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_measured, args=(work, folder, dataset, queue))
    process.start()
    answer: tuple[float, float, int] = queue.get()
    process.join()
    return answer


def _measured(work, folder, dataset, queue) -> None:
    start = time.perf_counter()
    rows = work(folder, dataset)
    scale = 1e6 if sys.platform == "darwin" else 1e3
    queue.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale, time.perf_counter() - start, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=0.3)
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="docphim-ingest-"))
    try:
        (place / "source").mkdir()
        rows = max(1, round(arguments.gb * 1e9 / FILM_BYTES))
        writer = multiprocessing.get_context("spawn").Process(target=write_shards, args=(place / "source", rows))
        writer.start()
        writer.join()
        ours, seconds, studies = peak_mb(run_ingest, place / "source", place / "data" / "vix" / "key")
        peer, _, read = peak_mb(read_whole, place / "source", place)
        assert rows == read == studies, f"of {rows} rows ingest made {studies} studies, and pyarrow read {read}"
    finally:
        shutil.rmtree(place)
    print(f"{rows} rows, {arguments.gb:g} GB: ingest peaks at {ours:.0f} MB in {seconds:.1f} s (limit {LIMIT_MB} MB)")
    print(f"reading shard by shard with pyarrow peaks at {peer:.0f} MB: ratio {ours / peer:.2f}")
    sys.exit(ours > LIMIT_MB)


if __name__ == "__main__":
    main()
