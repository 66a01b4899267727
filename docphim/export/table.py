"""Parquet files whose pictures `datasets` opens: a column of `{bytes, path}` and the note that says so."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from docphim.files import Row

#: A picture as `datasets` keeps it.
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
#: So many rows are held at once; pictures are large.
_ROWS = 64


def write_table(path: Path, rows: Iterable[Row], fields: dict[str, Any], features: Row) -> int:
    """Write rows with these columns (pyarrow types); `features` is what `datasets` calls them.  The number of rows."""
    note = {"huggingface": json.dumps({"info": {"features": features}})}
    schema, count, left = pa.schema(list(fields.items()), metadata=note), 0, iter(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(left, _ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def value(kind: str) -> Row:
    """A plain column for `datasets`."""
    return {"dtype": kind, "_type": "Value"}
