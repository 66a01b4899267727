"""A workbook of 50,000 reports: processor seconds and memory of reading it, beside openpyxl's.

    python benchmarks/workbook.py [ROWS]

Promised: 3 s of processor time and 400 MB for 50,000 rows of twelve columns; where that is not held it ends with 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROWS = 50_000
SECONDS, MEGABYTES = 3.0, 400
HEADER = [
    "STT",
    "SO_PHIEU",
    "MA_BN",
    "HO_TEN",
    "TUOI",
    "GIOI",
    "NGAY_CHUP",
    "BS_DOC",
    "MO_TA",
    "KET_LUAN",
    "DE_NGHI",
    "GHI_CHU",
]
FINDINGS = (
    "Bóng tim không to, cung động mạch chủ không vồng.\nHai phế trường sáng đều, không thấy đám mờ khu trú.\n"
    "Góc sườn hoành hai bên nhọn, vòm hoành đều. Khung xương lồng ngực không thấy tổn thương. Dải mờ đáy phổi {}."
)

READ = """
import json, resource, sys, time
from pathlib import Path
path = Path(sys.argv[2])
start = time.process_time()
if sys.argv[1] == "docphim":
    from docphim.ingest.reports import read_table
    texts = [row.get("findings") for row in read_table(path, columns={}).rows if not row.reason]
else:
    import openpyxl
    sheet = openpyxl.load_workbook(path, read_only=True, data_only=True).active
    texts = [line[8] for line in sheet.iter_rows(min_row=2, values_only=True)]
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
seconds = time.process_time() - start
print(json.dumps({"rows": len(texts), "letters": sum(map(len, texts)), "seconds": seconds, "megabytes": memory}))
"""


def write(path: Path, rows: int) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(HEADER)
    for n in range(rows):
        cells = [n, f"CR{n:07}", f"BN{n:06}", "NGUYỄN VĂN MẪU", 20 + n % 70, "Nam", "2024-03-05", "BS. MẪU"]
        sheet.append([*cells, FINDINGS.format(n), f"Dày nhẹ tổ chức kẽ {n}", "Theo dõi", None])
    book.save(path)


def measure(reader: str, path: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", READ, reader, str(path)], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> int:
    rows = int(sys.argv[1]) if sys.argv[1:] else ROWS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reports.xlsx"
        write(path, rows)
        mine, peer = measure("docphim", path), measure("openpyxl", path)
    # Both have read every row, and the same letters of it.
    assert mine["rows"] == peer["rows"] == rows and mine["letters"] == peer["letters"], (mine, peer)
    for name, result in (("docphim", mine), ("openpyxl", peer)):
        print(f"{name:8}  {rows:,} rows  {result['seconds']:.2f} s  {result['megabytes']:.0f} MB")
    held = mine["seconds"] < SECONDS and mine["megabytes"] < MEGABYTES
    return 0 if held or rows > ROWS else 1


if __name__ == "__main__":
    sys.exit(main())
